"""What is kept from one decision to the next to spare work follows from the rest of the state: who forgets it decides the same."""

from dataclasses import replace
from random import Random

import pytest

from grid_functions.arbiter import Ruled, rule, ruled
from grid_functions.decide import Decision, SiteState
from grid_functions.machines import run
from grid_functions.model.claim import Basis
from grid_functions.model.control import ExportLimit, GenerationLimit
from grid_functions.model.device import Role
from grid_functions.model.event import Event, EventStatus
from grid_functions.model.function import SiteInputs
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.site.limit_power import LimitPower
from grid_functions.timeline.state import Opt
from tests.grid_functions.house import UTILITY, at, bound, in_force, on, seen, snapshot, terms
from tests.grid_functions.test_decide_property import born, drawn
from tests.scenarios.decide.site import BOOT_S, Site, event

HOUSE = terms({"a": Role.PV})


def forgetful(state: SiteState) -> SiteState:
    """A state that remembers no ruling and no timeline at rest."""
    times = {respondent: replace(one, rest=None) for respondent, one in state.timelines.items()}
    return replace(state, timelines=times, ruled=Ruled())


def said(one: Decision) -> tuple[object, ...]:
    """All that a decision says, and what it leaves."""
    return (
        one.setpoints,
        one.outcomes,
        one.entries,
        one.ruling,
        one.in_force,
        one.served,
        one.alarms,
        one.wake,
        one.state,
    )


@pytest.mark.parametrize("seed", range(25))
def test_who_forgets_what_was_kept_decides_the_same(seed: int) -> None:
    """Starts, ends, cancellations, words, silence of fifteen minutes, and clocks that are set back."""
    chance = Random(seed)  # noqa: S311 - no secret
    site, shown, now_s = born(chance), list[Event](), 0.0
    for turn in range(60):
        reads = []
        if turn == 0 or chance.random() < 0.2:
            if shown and chance.random() < 0.3:
                index = chance.randrange(len(shown))
                shown[index] = replace(shown[index], status=EventStatus.CANCELLED)
            shown.append(drawn(chance, f"e{turn}", now_s))
            reads.append(site.read(now_s, *shown))
        words = (Opt(shown[0].key, chance.random() < 0.5),) if chance.random() < 0.1 else ()
        twin = replace(site, state=forgetful(site.state), decisions=[])
        again = twin.tick(now_s, *reads, words=words, hand_over=False)
        assert said(site.tick(now_s, *reads, words=words, hand_over=False)) == said(again), (seed, turn)
        site.hand_over(now_s)
        now_s = max(0.0, now_s + chance.choice((0.1, 1.0, 1.0, 1.0, 5.0, 30.0, 1000.0, -20.0)))


def test_a_timeline_at_rest_ends_with_the_next_edge_of_an_event() -> None:
    site = Site([seen("a")], HOUSE)
    site.tick(0.0, site.read(0.0, event("e", ExportLimit(1000.0), duration_s=100.0)))
    site.tick(1.0)
    resting = site.state.timelines[UTILITY].rest
    assert resting is not None
    assert (resting.from_s, resting.until_s) == (BOOT_S, BOOT_S + 100.0)
    assert [one.basis for one in site.tick(99.0).in_force] == [Basis.EVENT]
    assert site.tick(100.0).in_force == ()


def test_while_no_device_has_obeyed_yet_no_timeline_rests() -> None:
    """Whether an event was ever taken part in is noted at the first moment that a device can."""
    site = Site([seen("a", online=False)], HOUSE)
    site.tick(0.0, site.read(0.0, event("e", ExportLimit(1000.0))))
    assert site.tick(1.0).state.timelines[UTILITY].rest is None


def test_the_very_claims_of_before_are_not_ruled_again() -> None:
    claims = (bound(1000.0), bound(2000.0, on("a")))
    first = ruled(Ruled(), claims, DEFAULT_PRECEDENCE)
    assert ruled(first, tuple(claims), DEFAULT_PRECEDENCE) is first
    others = (claims[0], bound(500.0, on("a")))
    assert ruled(first, others, DEFAULT_PRECEDENCE).ruling == rule(others, DEFAULT_PRECEDENCE)
    assert ruled(first, claims[:1], DEFAULT_PRECEDENCE).ruling == rule(claims[:1], DEFAULT_PRECEDENCE)


def test_claims_that_say_the_same_are_those_of_before() -> None:
    held = in_force(GenerationLimit(1000.0))
    inputs = SiteInputs(HOUSE, (held,), snapshot([seen("a")], 0.0))
    first = run({"l": LimitPower()}, {}, inputs, at(0.0))
    again = run({"l": LimitPower()}, first.kept, replace(inputs, snapshot=snapshot([seen("a")], 5.0)), at(1.0))
    assert again.claims[0] is first.claims[0]
    other = replace(inputs, in_force=(replace(held, control=GenerationLimit(900.0)),))
    assert run({"l": LimitPower()}, first.kept, other, at(1.0)).claims != first.claims
