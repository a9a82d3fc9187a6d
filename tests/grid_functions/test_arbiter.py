"""Contests: who wins, who loses, to whom and why."""

from dataclasses import fields, replace
from typing import Any

import pytest

from grid_functions.arbiter import overlap, rule, tightest
from grid_functions.model.claim import (
    Area,
    Basis,
    Bound,
    Claim,
    ConnectionPoint,
    Devices,
    InForce,
    LossReason,
    Scope,
    Shape,
    Source,
    SourceKind,
    Switch,
    Target,
)
from grid_functions.model.control import (
    Connect,
    Curve,
    CurveKind,
    CurvePoint,
    Flow,
    Mode,
    PowerFactor,
    TargetPower,
    TargetReactive,
)
from grid_functions.model.event import EventKey, Ramp, Rank, Respondent
from grid_functions.model.instants import Moment
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.units import Phase, Quantity
from tests.grid_functions.house import bound, in_force, on

IEEE, ADR = SourceKind.IEEE2030_5, SourceKind.OPENADR


OTHERWISE: dict[str, Any] = {
    "control": TargetPower(7.0),
    "source": Source(ADR, "another"),
    "rank": Rank(9.0),
    "basis": Basis.STANDING,
    "since": Moment("another", 1.0),
    "until": Moment("another", 2.0),
    "received_utc_s": 7.0,
    "ramp": Ramp(over_s=1.0),
    "recovery": Ramp(over_s=2.0),
    "cause": EventKey(Respondent("another", "me"), "e"),
    "program": "another",
    "addressees": frozenset({"another"}),
    "test": True,
}
"""Another value for each field of a cause."""


@pytest.mark.parametrize("name", [field.name for field in fields(InForce)])
def test_claims_that_differ_in_anything_of_their_cause_are_two(name: str) -> None:
    one = bound(1000.0)
    other = replace(one, cause=replace(one.cause, **{name: OTHERWISE[name]}))
    assert set(rule([one, other], DEFAULT_PRECEDENCE).bounds) == {one, other}
    assert rule([one, other], DEFAULT_PRECEDENCE) == rule([other, one], DEFAULT_PRECEDENCE)
    assert rule([one, replace(one)], DEFAULT_PRECEDENCE).bounds == (one,)


@pytest.mark.parametrize(
    "changed",
    [
        {"goal": Bound(500.0)},
        {"phase": Phase.A},
        {"valid_until": Moment("", 5.0)},
        {"magnitude_var": 3.0},
        {"mode": Mode.MAX_POWER},
    ],
)
def test_claims_that_differ_in_anything_of_their_own_are_two(changed: dict[str, Any]) -> None:
    one = bound(1000.0)
    other = replace(one, **changed)
    assert set(rule([one, other], DEFAULT_PRECEDENCE).bounds) == {one, other}


def target(
    value: float,
    kind: SourceKind = IEEE,
    *,
    upstream: str = "utility",
    level: float = 1.0,
    received: float = 0.0,
    scope: Scope | None = None,
) -> Claim:
    """A target of net power."""
    respondent = Respondent(upstream, "me") if kind in (IEEE, ADR) else None
    cause = in_force(TargetPower(value), kind, upstream, respondent=respondent, level=level, received=received)
    want = Target(value)
    return Claim(scope or on("battery"), Quantity.NET, want, want, Mode.TARGET_POWER, cause)


def switch(yes: bool, *names: str, kind: SourceKind = IEEE) -> Claim:
    """A switch over devices."""
    want = Switch(yes)
    cause = in_force(Connect(yes), kind, kind.value, respondent=None)
    return Claim(Devices(frozenset(names)), Quantity.CONNECT, want, want, Mode.CONNECT, cause)


def test_all_bounds_hold_and_the_looser_of_one_scope_lost_to_the_tighter() -> None:
    tight, loose, elsewhere = bound(1000.0, name="a"), bound(5000.0, name="b"), bound(3000.0, on("pv"), name="b")
    ruling = rule([loose, elsewhere, tight], DEFAULT_PRECEDENCE)
    assert set(ruling.bounds) == {tight, loose, elsewhere}
    assert [(loss.claim, loss.to, loss.why) for loss in ruling.losses] == [(loose, tight, LossReason.TIGHTER)]
    assert ruling.winners == ()


def test_directions_and_phases_do_not_compete() -> None:
    export, imports = bound(0.0), bound(9.0, quantity=Quantity.CONSUMED)
    one_phase = replace(bound(5.0), phase=Phase.A)
    assert rule([export, imports, one_phase], DEFAULT_PRECEDENCE).losses == ()
    assert len(tightest([export, imports, one_phase])) == 3


def test_equal_bounds_of_two_sources_have_one_loser_whatever_the_order() -> None:
    one, other = bound(1000.0, name="a"), bound(1000.0, name="b")
    assert rule([one, other], DEFAULT_PRECEDENCE) == rule([other, one], DEFAULT_PRECEDENCE)
    assert len(rule([one, other], DEFAULT_PRECEDENCE).losses) == 1


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        (target(1, SourceKind.OPERATOR, upstream="op"), target(2, IEEE, level=0), LossReason.PRECEDENCE),
        (target(1, IEEE, level=9), target(2, ADR, level=0, received=9), LossReason.PRECEDENCE),
        (target(1, ADR), target(2, SourceKind.OCCUPANT, upstream="o"), LossReason.PRECEDENCE),
        (target(1, level=1), target(2, level=2, received=9), LossReason.RANK),
        (target(1, level=9, received=5, upstream="new"), target(2, level=1, received=4), LossReason.NEWER),
        (target(1, level=1, received=5), target(2, level=1, received=4), LossReason.NEWER),
    ],
)
def test_targets_go_by_precedence_then_rank_within_one_upstream_then_the_newest(
    winner: Claim, loser: Claim, why: LossReason
) -> None:
    for claims in ([winner, loser], [loser, winner]):
        ruling = rule(claims, DEFAULT_PRECEDENCE)
        assert ruling.winners == (winner,)
        assert [(loss.claim, loss.to, loss.why) for loss in ruling.losses] == [(loser, winner, why)]


def test_configured_precedence_turns_the_default_round() -> None:
    utility, aggregator = target(1, IEEE), target(2, ADR)
    assert rule([utility, aggregator], (ADR, IEEE)).winners == (aggregator,)


def test_at_equal_level_the_later_created_wins_then_the_larger_tie() -> None:
    older = replace(target(1), cause=replace(target(1).cause, rank=Rank(1.0, 10.0, "ff")))
    newer = replace(target(2), cause=replace(target(2).cause, rank=Rank(1.0, 11.0, "00")))
    larger = replace(target(3), cause=replace(target(3).cause, rank=Rank(1.0, 11.0, "0a")))
    assert rule([older, newer], DEFAULT_PRECEDENCE).winners == (newer,)
    assert rule([older, newer, larger], DEFAULT_PRECEDENCE).winners == (larger,)


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        # level before all else, then the later created, then the larger text, the longer of two that agree, then the later received
        (Rank(1.0, 0.0, "a"), Rank(2.0, 9.0, "b")),
        (Rank(-1.0, 0.0, "a"), Rank(0.0, 0.0, "a")),
        (Rank(1.0, 9.0, "a"), Rank(1.0, 8.0, "b")),
        (Rank(1.0, 9.0, "b"), Rank(1.0, 9.0, "a")),
        (Rank(1.0, 9.0, "ff0"), Rank(1.0, 9.0, "ff")),
        (Rank(1.0, 9.0, "a"), Rank(1.0, 9.0, "")),
        (Rank(1.0, 9.0, "ff"), Rank(1.0, 9.0, "fe9")),
    ],
)
def test_ranks_within_one_upstream(winner: Rank, loser: Rank) -> None:
    best = replace(target(1), cause=replace(target(1).cause, rank=winner, received_utc_s=1.0))
    other = replace(target(2), cause=replace(target(2).cause, rank=loser, received_utc_s=2.0))
    for claims in ([best, other], [other, best]):
        ruling = rule(claims, DEFAULT_PRECEDENCE)
        assert ruling.winners == (best,)
        assert [loss.why for loss in ruling.losses] == [LossReason.RANK]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Basis.EVENT, Basis.STANDING),
        (Basis.EVENT, Basis.FAIL_SAFE),
        (Basis.STANDING, Basis.FAIL_SAFE),
    ],
)
def test_an_event_of_any_level_stands_before_a_standing_and_that_before_a_fail_safe(
    better: Basis, worse: Basis
) -> None:
    best = replace(target(1), cause=replace(target(1).cause, rank=Rank(9.0), basis=better))
    other = replace(target(2), cause=replace(target(2).cause, rank=Rank(0.0, 5.0), basis=worse, received_utc_s=2.0))
    ruling = rule([other, best], DEFAULT_PRECEDENCE)
    assert ruling.winners == (best,)
    assert [loss.why for loss in ruling.losses] == [LossReason.RANK]


@pytest.mark.parametrize("least_var", [0.0, 99.0])
def test_at_equal_level_the_least_reactive_power_wins_before_the_later_created(least_var: float) -> None:
    def reactive(var: float, created_s: float) -> Claim:
        want = Target(var)
        cause = replace(in_force(TargetReactive(var)), rank=Rank(1.0, created_s))
        return Claim(on("pv"), Quantity.REACTIVE, want, want, Mode.TARGET_REACTIVE, cause, magnitude_var=abs(var))

    least, most = reactive(-least_var, 0.0), reactive(100.0, 5.0)
    ruling = rule([most, least], DEFAULT_PRECEDENCE)
    assert ruling.winners == (least,)
    assert [loss.why for loss in ruling.losses] == [LossReason.SMALLER]


def test_what_is_in_no_precedence_comes_last_and_safety_first() -> None:
    listed, unlisted = target(1, ADR), target(2, SourceKind.OPERATOR, upstream="op", level=0, received=9)
    safe = target(3, SourceKind.SAFETY, upstream="fuse", level=9)
    assert rule([unlisted, listed], (ADR,)).winners == (listed,)
    assert rule([unlisted, listed, safe], (ADR,)).winners == (safe,)


def test_three_that_beat_each_other_in_a_ring_still_have_one_winner_whatever_the_order() -> None:
    """a beats b by rank (one upstream), b beats c and c beats a as newer: the best of each upstream meet, and c is newer than a."""
    a, b = target(1, level=1, received=1), target(2, level=2, received=3)
    c = target(3, level=5, received=2, upstream="other")
    for claims in ([a, b, c], [c, b, a], [b, a, c]):
        assert rule(claims, DEFAULT_PRECEDENCE).winners == (c,)


def test_targets_over_disjoint_devices_are_two_contests() -> None:
    one, other = target(1, scope=on("a")), target(2, ADR, scope=on("b"))
    assert set(rule([one, other], DEFAULT_PRECEDENCE).winners) == {one, other}


def test_curves_are_one_contest_per_kind_and_reactive_modes_are_one() -> None:
    def shape(control: Curve | PowerFactor, mode: Mode, quantity: Quantity, level: float) -> Claim:
        want = Shape(control)
        return Claim(on("pv"), quantity, want, want, mode, in_force(control, level=level))

    points = (CurvePoint(90.0, 100.0), CurvePoint(110.0, 0.0))
    volt_watt = shape(Curve(CurveKind.VOLT_WATT, points), Mode.VOLT_WATT, Quantity.PRODUCED, 1)
    frequency = shape(Curve(CurveKind.FREQUENCY_WATT, points), Mode.FREQUENCY_WATT, Quantity.PRODUCED, 2)
    volt_var = shape(Curve(CurveKind.VOLT_VAR, points), Mode.VOLT_VAR, Quantity.REACTIVE, 1)
    factor = shape(PowerFactor(Flow.INJECT, 0.9, False), Mode.POWER_FACTOR_INJECT, Quantity.REACTIVE, 2)
    fixed = Target(100.0)
    reactive = Claim(
        on("pv"), Quantity.REACTIVE, fixed, fixed, Mode.TARGET_REACTIVE, in_force(TargetReactive(100.0), level=3)
    )
    ruling = rule([reactive, factor, volt_var, frequency, volt_watt], DEFAULT_PRECEDENCE)
    assert set(ruling.winners) == {volt_watt, frequency, volt_var}
    assert {(loss.claim.mode, loss.to.mode, loss.why) for loss in ruling.losses} == {
        (Mode.POWER_FACTOR_INJECT, Mode.VOLT_VAR, LossReason.RANK),
        (Mode.TARGET_REACTIVE, Mode.VOLT_VAR, LossReason.RANK),
    }


def test_any_off_wins_over_any_on_whoever_says_so() -> None:
    off, yes = switch(False, "pv", kind=SourceKind.OCCUPANT), switch(True, "pv", kind=SourceKind.OPERATOR)
    ruling = rule([yes, off], DEFAULT_PRECEDENCE)
    assert ruling.winners == (off,)
    assert [(loss.claim, loss.to, loss.why) for loss in ruling.losses] == [(yes, off, LossReason.OFF)]


def test_an_on_loses_only_where_offs_cover_all_of_it() -> None:
    off_a, off_b, both, more = (
        switch(False, "a"),
        switch(False, "b"),
        switch(True, "a", "b"),
        switch(True, "a", "b", "c"),
    )
    assert set(rule([off_a, both], DEFAULT_PRECEDENCE).winners) == {off_a, both}
    assert set(rule([off_a, off_b, both], DEFAULT_PRECEDENCE).winners) == {off_a, off_b}
    assert set(rule([off_a, off_b, more], DEFAULT_PRECEDENCE).winners) == {off_a, off_b, more}


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (on("a", "b"), on("b"), True),
        (on("a"), on("b"), False),
        (ConnectionPoint(), on("a"), True),
        (Area("x"), Area("x"), True),
        (Area("x"), Area("y"), False),
        (Area("x"), ConnectionPoint(), False),
    ],
)
def test_scopes_overlap_when_they_share_a_device(one: Scope, other: Scope, shared: bool) -> None:
    assert overlap(one, other) is shared
    assert overlap(other, one) is shared
