"""Rules 3 and 4 against a second, slow and obvious statement of them: who wins where targets, reactive modes and curves compete."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.arbiter import rule
from grid_functions.model.claim import Basis, Claim, Devices, LossReason, Shape, SourceKind, Target
from grid_functions.model.control import (
    Control,
    Curve,
    CurveKind,
    FixedPower,
    Flow,
    FrequencyDroop,
    PowerFactor,
    TargetPower,
    TargetReactive,
    mode_of,
)
from grid_functions.model.event import Rank, Respondent
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.units import PercentBase, Quantity
from tests.grid_functions.house import in_force

NAMES = ("a", "b", "c")
CONTROLS: tuple[tuple[Control, Quantity, str], ...] = (
    (TargetPower(1.0), Quantity.NET, "power"),
    (FixedPower(1.0, PercentBase.MAX_POWER), Quantity.NET, "power"),
    (TargetReactive(1.0), Quantity.REACTIVE, "reactive"),
    (PowerFactor(Flow.INJECT, 0.9, True), Quantity.REACTIVE, "reactive"),
    (Curve(CurveKind.VOLT_VAR, ()), Quantity.REACTIVE, "reactive"),
    (Curve(CurveKind.VOLT_WATT, ()), Quantity.NET, "volt-watt"),
    (Curve(CurveKind.FREQUENCY_WATT, ()), Quantity.NET, "frequency"),
    (FrequencyDroop(0.0, 0.0, 0.05, 0.05, 5.0), Quantity.NET, "frequency"),
)
CONTEST = {mode_of(control): name for control, _, name in CONTROLS}
VOICES = (
    (SourceKind.OPERATOR, "operator"),
    (SourceKind.IEEE2030_5, "utility"),
    (SourceKind.IEEE2030_5, "second utility"),
    (SourceKind.OPENADR, "aggregator"),
    (SourceKind.OCCUPANT, "occupant"),
)
few = st.integers(0, 2).map(float)


def wish(
    drawn: tuple[
        tuple[Control, Quantity, str],
        tuple[SourceKind, str],
        Basis,
        tuple[float, float, float, float, float],
        str,
        frozenset[str],
    ],
) -> Claim:
    """Any wish of any voice; small ranges, so that equals are common."""
    (control, quantity, _), (kind, name), basis, (received, level, created, value, magnitude), tie, names = drawn
    upstream = kind in (SourceKind.IEEE2030_5, SourceKind.OPENADR)
    cause = in_force(control, kind, name, respondent=Respondent(name, "me") if upstream else None, received=received)
    cause = replace(cause, basis=basis if upstream else Basis.OVERRIDE, rank=Rank(level, created, tie))
    want = Target(value) if isinstance(control, TargetPower | FixedPower | TargetReactive) else Shape(control)
    return Claim(Devices(names), quantity, want, want, mode_of(control), cause, magnitude_var=magnitude)


CLAIMS = st.tuples(
    st.sampled_from(CONTROLS),
    st.sampled_from(VOICES),
    st.sampled_from([Basis.EVENT, Basis.STANDING, Basis.FAIL_SAFE]),
    st.tuples(few, few, few, few, few),
    st.sampled_from(["aa", "ab", "b"]),
    st.frozensets(st.sampled_from(NAMES), min_size=1),
).map(wish)


def reason(one: Claim, other: Claim) -> LossReason | None:
    """Why ``one`` beats ``other`` where nobody else is there, None when it does not or they cannot be told apart."""
    mine, theirs = one.cause, other.cause
    places = [DEFAULT_PRECEDENCE.index(cause.source.kind) for cause in (mine, theirs)]
    if places[0] != places[1]:
        return LossReason.PRECEDENCE if places[0] < places[1] else None
    if mine.source != theirs.source:
        return LossReason.NEWER if mine.received_utc_s > theirs.received_utc_s else None
    stands = [
        [Basis.EVENT, Basis.STANDING, Basis.FAIL_SAFE].index(c.basis) if c.basis is not Basis.OVERRIDE else 0
        for c in (mine, theirs)
    ]
    if stands[0] != stands[1]:
        return LossReason.RANK if stands[0] < stands[1] else None
    if mine.rank.level != theirs.rank.level:
        return LossReason.RANK if mine.rank.level < theirs.rank.level else None
    if one.quantity is Quantity.REACTIVE and one.magnitude_var != other.magnitude_var:
        return LossReason.SMALLER if one.magnitude_var < other.magnitude_var else None
    if mine.rank.created_s != theirs.rank.created_s:
        return LossReason.RANK if mine.rank.created_s > theirs.rank.created_s else None
    if mine.rank.tie != theirs.rank.tie:
        return LossReason.RANK if mine.rank.tie > theirs.rank.tie else None
    return LossReason.NEWER if mine.received_utc_s > theirs.received_utc_s else None


def devices(claim: Claim) -> frozenset[str]:
    """Its scope's."""
    assert isinstance(claim.scope, Devices)
    return claim.scope.names


@given(st.lists(CLAIMS, min_size=2, max_size=2, unique=True))
@settings(max_examples=1000, deadline=None)
def test_of_two_the_rules_name_the_winner_and_why(pair: list[Claim]) -> None:
    ruling = rule(pair, DEFAULT_PRECEDENCE)
    one, other = pair
    if CONTEST[one.mode] != CONTEST[other.mode] or not devices(one) & devices(other):
        assert set(ruling.winners) == {one, other}
        assert ruling.losses == ()
        return
    for winner, loser in ((one, other), (other, one)):
        why = reason(winner, loser)
        if why is not None:
            assert ruling.winners == (winner,)
            assert [(loss.claim, loss.to, loss.why) for loss in ruling.losses] == [(loser, winner, why)]


@given(st.lists(CLAIMS, max_size=8, unique=True))
@settings(max_examples=500, deadline=None)
def test_every_wish_wins_or_loses_once_and_no_device_has_two_of_a_contest(wishes: list[Claim]) -> None:
    ruling = rule(wishes, DEFAULT_PRECEDENCE)
    assert len(ruling.winners) + len(ruling.losses) == len(wishes)
    assert {*ruling.winners, *(loss.claim for loss in ruling.losses)} == set(wishes)
    for name in NAMES:
        held = [CONTEST[one.mode] for one in ruling.winners if name in devices(one)]
        assert len(held) == len(set(held))
    for loss in ruling.losses:
        assert loss.to in ruling.winners
        assert CONTEST[loss.claim.mode] == CONTEST[loss.to.mode]
        assert devices(loss.claim) & devices(loss.to)


@given(st.lists(CLAIMS, max_size=8, unique=True))
@settings(max_examples=500, deadline=None)
def test_no_loser_stands_before_its_winner_in_precedence(wishes: list[Claim]) -> None:
    for loss in rule(wishes, DEFAULT_PRECEDENCE).losses:
        places = [DEFAULT_PRECEDENCE.index(one.cause.source.kind) for one in (loss.to, loss.claim)]
        assert places[0] <= places[1]


@given(st.lists(CLAIMS, max_size=6, unique=True).flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
@settings(max_examples=500, deadline=None)
def test_the_order_of_wishes_never_matters(told: tuple[list[Claim], list[Claim]]) -> None:
    assert rule(told[0], DEFAULT_PRECEDENCE) == rule(told[1], DEFAULT_PRECEDENCE)
