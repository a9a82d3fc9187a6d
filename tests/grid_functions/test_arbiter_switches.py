"""Switches (rule 5) and ties, whatever the order of claims."""

from dataclasses import replace
from itertools import permutations

import pytest

from grid_functions.arbiter import limit_of, rule
from grid_functions.model.claim import (
    Area,
    Claim,
    ConnectionPoint,
    Loss,
    LossReason,
    Ruling,
    Scope,
    SourceKind,
    Switch,
    Target,
)
from grid_functions.model.control import Connect, Mode, TargetPower
from grid_functions.model.event import Rank, Respondent
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.units import Phase, Quantity
from tests.grid_functions.house import bound, in_force, on

IEEE, ADR, OPERATOR = SourceKind.IEEE2030_5, SourceKind.OPENADR, SourceKind.OPERATOR
HERE = ConnectionPoint()


def switch(yes: bool, scope: Scope, kind: SourceKind = IEEE, *, level: float = 1.0, received: float = 0.0) -> Claim:
    want = Switch(yes)
    cause = in_force(Connect(yes), kind, kind.value, level=level, received=received)
    return Claim(scope, Quantity.CONNECT, want, want, Mode.CONNECT, cause)


def ruled(*claims: Claim) -> Ruling:
    """The ruling, the same for every order."""
    found = {rule(order, DEFAULT_PRECEDENCE) for order in permutations(claims)}
    assert len(found) == 1
    return found.pop()


def test_two_offs_on_overlapping_scopes_both_hold() -> None:
    one, other = switch(False, on("a", "b")), switch(False, on("b", "c"), ADR)
    assert set(ruled(one, other).winners) == {one, other}
    assert ruled(one, other).losses == ()


def test_of_two_offs_on_one_scope_the_better_placed_stands_for_both() -> None:
    mine, theirs = switch(False, on("a"), OPERATOR), switch(False, on("a"), ADR)
    assert ruled(mine, theirs) == Ruling((), (mine,), (Loss(theirs, mine, LossReason.OFF),))


def test_of_two_ons_on_one_scope_the_better_placed_stands_for_both() -> None:
    mine, theirs = switch(True, on("a"), OPERATOR), switch(True, on("a"), ADR)
    assert ruled(mine, theirs) == Ruling((), (mine,), (Loss(theirs, mine, LossReason.PRECEDENCE),))
    ranked = switch(True, on("a"), level=2.0)
    assert ruled(switch(True, on("a")), ranked).losses[0].why is LossReason.RANK
    later = switch(True, on("a"), received=9.0)
    assert ruled(switch(True, on("a")), later).winners == (later,)
    assert ruled(switch(True, on("a")), later).losses[0].why is LossReason.NEWER


def test_ons_elsewhere_stand_beside_each_other() -> None:
    one, other = switch(True, on("a")), switch(True, on("b"))
    assert set(ruled(one, other).winners) == {one, other}


def test_an_on_at_the_connection_loses_to_any_off_behind_it_and_its_devices_to_an_off_at_the_connection_only_by_cover() -> (
    None
):
    off, yes = switch(False, on("a")), switch(True, HERE)
    assert ruled(off, yes) == Ruling((), (off,), (Loss(yes, off, LossReason.OFF),))
    elsewhere = switch(True, on("b"))
    assert set(ruled(off, elsewhere).winners) == {off, elsewhere}


def test_an_off_of_another_area_switches_nobody_here() -> None:
    off, yes = switch(False, Area("x")), switch(True, Area("y"))
    assert set(ruled(off, yes).winners) == {off, yes}
    same = switch(True, Area("x"), ADR)
    assert ruled(off, same).winners == (off,)


def test_an_on_that_offs_cover_together_lost_to_one_of_them() -> None:
    a, b, both = switch(False, on("a")), switch(False, on("b"), ADR), switch(True, on("a", "b"), OPERATOR)
    (loss,) = ruled(a, b, both).losses
    assert (loss.claim, loss.why) == (both, LossReason.OFF)
    assert loss.to in (a, b)


def target(
    value: float,
    kind: SourceKind = IEEE,
    *,
    upstream: str = "utility",
    rank: Rank | None = None,
    received: float = 0.0,
    scope: Scope | None = None,
    phase: Phase | None = None,
) -> Claim:
    cause = in_force(TargetPower(value), kind, upstream, respondent=Respondent(upstream, "me"), received=received)
    want = Target(value)
    cause = replace(cause, rank=rank or Rank(1.0))
    return Claim(scope or on("a"), Quantity.NET, want, want, Mode.TARGET_POWER, cause, phase)


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (Rank(1.0, 0.0, ""), Rank(2.0, 9.0, "ff")),
        (Rank(1.0, 2.0, ""), Rank(1.0, 1.0, "ff")),
        (Rank(1.0, 1.0, "b"), Rank(1.0, 1.0, "a")),
        (Rank(1.0, 1.0, "ab"), Rank(1.0, 1.0, "a")),  # of two that agree the longer is the larger
        (Rank(1.0, 1.0, "a"), Rank(1.0, 1.0, "")),
        (Rank(1.0, 1.0, "b"), Rank(1.0, 1.0, "aa")),
    ],
)
def test_within_one_upstream_it_goes_by_level_age_and_tie(winner: Rank, loser: Rank) -> None:
    best, other = target(1.0, rank=winner), target(2.0, rank=loser, received=99.0)
    assert ruled(best, other) == Ruling((), (best,), (Loss(other, best, LossReason.RANK),))


def test_equal_in_all_the_later_received_wins() -> None:
    best, other = target(1.0, received=5.0), target(2.0, received=4.0)
    assert ruled(best, other) == Ruling((), (best,), (Loss(other, best, LossReason.NEWER),))


def test_safety_comes_before_everyone_and_who_is_not_listed_last() -> None:
    safe, mine = target(1.0, SourceKind.SAFETY), target(2.0, OPERATOR, received=9.0)
    assert ruled(safe, mine).winners == (safe,)
    unlisted, listed = target(1.0, OPERATOR, received=9.0), target(2.0, ADR)
    assert rule([unlisted, listed], (ADR,)).winners == (listed,)


def test_phases_and_disjoint_scopes_are_contests_of_their_own() -> None:
    a, b, total = target(1.0, phase=Phase.A), target(2.0, phase=Phase.B), target(3.0)
    assert set(ruled(a, b, total).winners) == {a, b, total}
    apart = target(9.0, scope=on("z"))
    assert set(ruled(total, apart).winners) == {total, apart}


def test_one_that_lost_beats_nobody() -> None:
    """a+b loses to a; c+b overlaps only the loser, so it wins."""
    best = target(1.0, rank=Rank(1.0), scope=on("a"))
    middle = target(2.0, rank=Rank(2.0), scope=on("a", "b"))
    last = target(3.0, rank=Rank(3.0), scope=on("b", "c"))
    assert set(ruled(best, middle, last).winners) == {best, last}


def test_the_same_claim_twice_is_one() -> None:
    one = bound(5.0)
    assert rule([one, one], DEFAULT_PRECEDENCE) == Ruling((one,), (), ())


def test_only_a_bound_has_a_limit() -> None:
    assert limit_of(bound(5.0)) == 5.0
    with pytest.raises(TypeError, match="is no bound"):
        limit_of(target(1.0))
