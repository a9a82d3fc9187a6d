"""Rule 0 stated a second time, slowly and plainly, against the timeline over random reads and instants."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.model.claim import InForce, Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, ImportLimit, mode_of
from grid_functions.model.entry import Entry
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, Read, Respondent, Standing
from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime
from grid_functions.model.outcome import Fact, OutcomeKind
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.timeline.state import TimelineState, TimelineStep
from grid_functions.timeline.step import empty, restore, step

HORIZON_S = 16
ME = Respondent("utility", "me")


@dataclass(frozen=True)
class Plan:
    """An event to come, in whole seconds: shown from ``seen``, cancelled from ``cancelled``."""

    name: str
    seen: int
    start: int
    length: int
    level: int
    created: int
    marked: bool
    modes: tuple[str, ...]
    cancelled: int


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, ...]:
    """Up to six events that meet often."""
    count = draw(st.integers(1, 6))
    return tuple(
        Plan(
            name=f"e{index:02}",
            seen=draw(st.integers(0, HORIZON_S - 1)),
            start=draw(st.integers(0, HORIZON_S - 1)),
            length=draw(st.integers(1, HORIZON_S)),
            level=draw(st.integers(1, 2)),
            created=draw(st.integers(1, 3)),
            marked=draw(st.booleans()),
            modes=draw(st.sampled_from((("export_limit",), ("import_limit",), ("export_limit", "import_limit")))),
            cancelled=draw(st.one_of(st.just(99), st.integers(0, HORIZON_S))),
        )
        for index in range(count)
    )


def oracle(world: tuple[Plan, ...], final: bool) -> tuple[list[dict[str, str]], dict[str, tuple[str, int]]]:
    """Who holds each mode in every second, and how and when each event ended.

    A mode is lost for good by whoever meets a better one in it. What will be lost at its very beginning is lost as soon as that can be
    foreseen, so each second plays all seconds to come.
    """
    lost: set[tuple[str, str]] = set()
    shown: list[dict[str, str]] = []
    ends: dict[str, tuple[str, int]] = {}
    for now in range(HORIZON_S):
        for one in world:
            if one.seen <= now and one.name not in ends:
                if one.start + one.length <= now:
                    ends[one.name] = ("expired" if one.seen == now else "completed", now)
                elif one.cancelled <= now:
                    ends[one.name] = ("cancelled", now)
        alive = [one for one in world if one.seen <= now and one.name not in ends]
        best_first = sorted(alive, key=lambda one: (one.level, -one.created, one.marked, [-ord(c) for c in one.name]))
        dream = set(lost)
        for then in range(now, 3 * HORIZON_S):
            holds: dict[str, str] = {}
            for mode in ("export_limit", "import_limit"):
                meet = [
                    one
                    for one in best_first
                    if one.start <= then < one.start + one.length
                    and mode in one.modes
                    and (one.name, mode) not in dream
                ]
                if meet:
                    holds[mode] = meet[0].name
                for loser in meet[1:] if final else ():
                    dream.add((loser.name, mode))
                    if then in (now, loser.start):
                        lost.add((loser.name, mode))
            if then == now:
                shown.append(holds)
        for one in alive:
            if all((one.name, mode) in lost for mode in one.modes):
                ends[one.name] = ("superseded", now)
    return shown, ends


def read_at(world: tuple[Plan, ...], now: int, order: int) -> Read:
    """All that the upstream shows then: one program per level, each with a default for one mode."""
    ranks = {"p1": Rank(1.0, 0.0, "p1"), "p2": Rank(2.0, 0.0, "p2")}
    events = [_event(one, now) for one in world if one.seen <= now]
    standings = [Standing("p1", ranks["p1"], (ExportLimit(1.0),)), Standing("p2", ranks["p2"], (ExportLimit(2.0),))]
    return Read(
        respondent=ME,
        at_s=float(now),
        complete=True,
        programs=ranks,
        listed=frozenset(ranks),
        standings=tuple(standings[:: 1 if order % 2 else -1]),
        events=tuple(events[order % 7 :] + events[: order % 7]),
    )


def _event(one: Plan, now: int) -> Event:
    controls: dict[str, Control] = {"export_limit": ExportLimit(9.0), "import_limit": ImportLimit(9.0)}
    marked = EventStatus.SUPERSEDED if one.marked else EventStatus.SCHEDULED
    return Event(
        key=EventKey(ME, one.name),
        version=0,
        program=f"p{one.level}",
        # the creation time moves with every read: only the first one counts
        rank=Rank(float(one.level), one.created if now == one.seen else 50.0 + now, one.name),
        start_s=float(one.start),
        duration_s=float(one.length),
        intervals=(Interval(0.0, None, tuple(controls[mode] for mode in one.modes)),),
        status=EventStatus.CANCELLED if one.cancelled <= now else marked,
    )


def _step(state: TimelineState, reads: tuple[Read, ...], now: float, final: bool) -> TimelineStep:
    policy = Policy("utility", Source(SourceKind.IEEE2030_5, "utility", ME), final, Vanished.KEEP, OptOut.NONE, (), 1e9)
    instants = Instants(now, now + 7.0, {"utility": UpstreamTime(now, ClockQuality.SYNCHRONISED)})
    return step(state, policy, reads, (), frozenset(), instants, seed=b"seed")


def _held(in_force: tuple[InForce, ...]) -> dict[str, str]:
    return {
        str(mode_of(one.control)): one.cause.id if isinstance(one.cause, EventKey) else one.program for one in in_force
    }


def _ends(facts: list[Fact]) -> dict[str, tuple[str, int]]:
    last = {OutcomeKind.COMPLETED, OutcomeKind.CANCELLED, OutcomeKind.SUPERSEDED, OutcomeKind.EXPIRED}
    found = [(fact.event.id, (str(fact.what), int(fact.at.at_s))) for fact in facts if fact.what in last]
    assert len(dict(found)) == len(found), found
    return dict(found)


def check(world: tuple[Plan, ...], final: bool, cuts: frozenset[int], order: int) -> None:
    """The timeline, stepped only when something is read or when it asked to be, shows and tells what the oracle says in every second.

    At ``cuts`` the program is killed and goes on from its entries.
    """
    shown, ends = oracle(world, final)
    state, done, entries, facts = empty(ME), None, list[Entry](), list[Fact]()
    news = {0} | {one.seen for one in world} | {one.cancelled for one in world}
    for now in range(HORIZON_S):
        asked = (
            done is not None
            and done.next_change is not None
            and done.next_change.clock
            and done.next_change.at_s <= now
        )
        if now in cuts:
            again = restore(ME, entries)
            assert again.kept == state.kept
            state = again
        if done is None or now in news or asked or now in cuts:
            reads = (read_at(world, now, order + now),) if now in news else ()
            done = _step(state, reads, float(now), final)
            state = done.state
            entries += done.entries
            facts += done.facts
        assert _held(done.in_force) == {"export_limit": "p1"} | shown[now], now
    assert _ends(facts) == ends


@settings(max_examples=400)
@given(plans(), st.booleans(), st.frozensets(st.integers(1, HORIZON_S - 1), max_size=3), st.integers(0, 99))
def test_rule_0_holds_in_every_second(world: tuple[Plan, ...], final: bool, cuts: frozenset[int], order: int) -> None:
    check(world, final, cuts, order)


def drawn(chance: Random, most: int = 6) -> tuple[Plan, ...]:
    """A world drawn by hand: a hundred thousand of them, or of many events, are too many for Hypothesis."""
    return tuple(
        Plan(
            name=f"e{index:02}",
            seen=chance.randrange(HORIZON_S),
            start=chance.randrange(HORIZON_S),
            length=chance.randint(1, HORIZON_S),
            level=chance.randint(1, 2),
            created=chance.randint(1, 3),
            marked=chance.random() < 0.5,
            modes=chance.choice((("export_limit",), ("import_limit",), ("export_limit", "import_limit"))),
            cancelled=chance.choice((99, chance.randint(0, HORIZON_S))),
        )
        for index in range(chance.randint(1, most))
    )


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.booleans())
def test_rule_0_holds_in_every_second_of_a_crowd(seed: int, final: bool) -> None:
    """Many that overlap, come late, are cancelled and lose to each other: who is beaten frees the field for the next."""
    chance = Random(seed)  # noqa: S311 - no secret
    check(drawn(chance, 60), final, frozenset(chance.sample(range(1, HORIZON_S), 2)), chance.randrange(100))


@pytest.mark.long
@pytest.mark.parametrize("thousand", range(100))
def test_rule_0_holds_in_every_second_of_a_hundred_thousand_worlds(thousand: int) -> None:
    for case in range(1000):
        chance = Random(1000 * thousand + case)  # noqa: S311 - no secret
        cuts = frozenset(chance.sample(range(1, HORIZON_S), chance.randint(0, 3)))
        check(drawn(chance), chance.random() < 0.5, cuts, chance.randrange(100))


@settings(max_examples=100)
@given(plans(), st.booleans(), st.integers(0, 99))
def test_same_reads_at_same_instants_same_state(world: tuple[Plan, ...], final: bool, order: int) -> None:
    """Whatever the order inside each read."""
    one, other = empty(ME), empty(ME)
    for now in range(HORIZON_S):
        first = _step(one, (read_at(world, now, 1),), float(now), final)
        second = _step(other, (read_at(world, now, order),), float(now), final)
        assert first == second
        one, other = first.state, second.state


@settings(max_examples=100)
@given(plans(), st.booleans())
def test_a_step_too_many_changes_nothing(world: tuple[Plan, ...], final: bool) -> None:
    """Stepped every quarter of a second or only when needed, the same holds and the same is told."""
    often, told_often, seldom, told_seldom = empty(ME), list[Fact](), empty(ME), list[Fact]()
    for quarter in range(4 * HORIZON_S):
        now = quarter / 4
        reads = (read_at(world, quarter // 4, 1),) if quarter % 4 == 0 else ()
        done = _step(often, reads, now, final)
        often = done.state
        told_often += done.facts
        if reads:
            rare = _step(seldom, reads, now, final)
            seldom = rare.state
            told_seldom += rare.facts
            assert rare.in_force == done.in_force
    assert told_often == told_seldom
