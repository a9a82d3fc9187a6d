"""What is foretold, held over, ramped and rested on: seconds on the upstream's clock, expectations by hand."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.claim import InForce, Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, ImportLimit
from grid_functions.model.entry import Entry
from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Interval,
    Ramp,
    Rank,
    Read,
    Respondent,
    Settings,
    Standing,
)
from grid_functions.model.instants import ClockQuality, Instants, Moment, UpstreamTime
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.timeline.state import Opt, TimelineState, TimelineStep
from grid_functions.timeline.step import empty, restore, step

ME = Respondent("vtn", "me")
P = {"p": Rank(1.0, 0.0, "p"), "q": Rank(2.0, 0.0, "q")}
PLAIN = Policy("vtn", Source(SourceKind.OPENADR, "vtn", ME), False, Vanished.CANCEL, OptOut.ALL, (), 1e12)


def costs(value: float) -> Price:
    return Price(Priced.IMPORT, PriceKind.ABSOLUTE, value, "EUR")


def event(name: str, start_s: float, duration_s: float | None, *controls: Control, **changes: Any) -> Event:
    plain = Event(
        EventKey(ME, name), 0, "p", Rank(1.0, 0.0, name), start_s, duration_s, (Interval(0.0, None, controls),)
    )
    return replace(plain, **changes)


def read(*events: Event, **changes: Any) -> Read:
    return replace(Read(ME, 0.0, True, programs=P, listed=frozenset(P), events=events), **changes)


def go(
    state: TimelineState, now_s: float, *reads: Read, how: Policy = PLAIN, opts: tuple[Opt, ...] = ()
) -> TimelineStep:
    now = Instants(now_s, 5e6 + now_s, {"vtn": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})
    return step(state, how, reads, opts, frozenset(), now, seed=b"seed")


def told(ahead: Iterable[InForce]) -> list[tuple[float, float, float | None]]:
    """Value, since and until of each price foretold."""
    return [
        (one.control.value, one.since.at_s, None if one.until is None else one.until.at_s)
        for one in ahead
        if isinstance(one.control, Price)
    ]


def foretold(*events: Event, now_s: float = 0.0, how: Policy = PLAIN) -> list[tuple[float, float, float | None]]:
    return told(go(empty(ME), now_s, read(*events), how=how).ahead)


def test_a_price_is_foretold_from_first_sight_to_its_end() -> None:
    first = go(empty(ME), 0.0, read(event("A", 100.0, 100.0, costs(0.3))))
    assert told(first.ahead) == [(0.3, 100.0, 200.0)]
    assert first.in_force == ()
    running = go(first.state, 100.0)
    assert told(running.ahead) == [(0.3, 100.0, 200.0)]
    assert told(go(running.state, 199.5).ahead) == [(0.3, 100.0, 200.0)]
    assert told(go(running.state, 200.0).ahead) == []


def test_where_events_overlap_the_stronger_tells_and_the_other_before_and_after_it() -> None:
    weak = event("A", 0.0, 300.0, costs(1.0), rank=Rank(2.0, 0.0, "A"))
    strong = event("B", 100.0, 100.0, costs(2.0), rank=Rank(1.0, 0.0, "B"))
    for events in ((weak, strong), (strong, weak)):
        assert foretold(*events, now_s=-10.0) == [(1.0, 0.0, 100.0), (2.0, 100.0, 200.0), (1.0, 200.0, 300.0)]


def test_what_another_is_priced_by_is_another_series() -> None:
    energy = event("A", 0.0, 300.0, costs(1.0))
    feed = event("B", 100.0, 100.0, replace(costs(2.0), of=Priced.EXPORT))
    assert sorted(foretold(energy, feed, now_s=-10.0)) == [(1.0, 0.0, 300.0), (2.0, 100.0, 200.0)]


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        # the first for 30 s, a gap, the last to the end of the event
        (
            (Interval(0.0, 30.0, (costs(1.0),)), Interval(60.0, None, (costs(3.0),))),
            [(1.0, 100.0, 130.0), (3.0, 160.0, 200.0)],
        ),
        # longer than its event it ends with it, and behind its end it is not at all
        (
            (
                Interval(0.0, 60.0, (costs(1.0),)),
                Interval(60.0, 500.0, (costs(2.0),)),
                Interval(100.0, 5.0, (costs(3.0),)),
            ),
            [(1.0, 100.0, 160.0), (2.0, 160.0, 200.0)],
        ),
        # an only interval lasts as long as its event
        ((Interval(0.0, 30.0, (costs(1.0),)),), [(1.0, 100.0, 200.0)]),
        # of one moment there is nothing
        ((Interval(0.0, 0.0, (costs(1.0),)), Interval(50.0, None, (costs(2.0),))), [(2.0, 150.0, 200.0)]),
    ],
)
def test_intervals_are_foretold_one_by_one(
    intervals: tuple[Interval, ...], expected: list[tuple[float, float, float]]
) -> None:
    assert foretold(event("A", 100.0, 100.0, intervals=intervals)) == expected


def test_what_has_no_end_is_foretold_without_one() -> None:
    assert foretold(event("A", 100.0, None, costs(1.0))) == [(1.0, 100.0, None)]


def test_a_drawn_start_moves_what_is_foretold() -> None:
    first = go(empty(ME), 0.0, read(event("A", 100.0, 100.0, costs(1.0), random_start_s=50.0)))
    draw = first.state.kept.events["A"].start_draw_s
    assert 0.0 < draw < 50.0
    assert told(first.ahead) == [(1.0, 100.0 + draw, 200.0 + draw)]


@pytest.mark.parametrize(
    "event_",
    [
        event("A", 100.0, 100.0, ExportLimit(0.0)),  # limits do not tell, they hold
        event("A", 100.0, 100.0, costs(1.0), test=True),
        event("A", 100.0, 100.0, costs(1.0), status=EventStatus.CANCELLED),
        event("A", -200.0, 100.0, costs(1.0)),
    ],
)
def test_what_is_not_foretold(event_: Event) -> None:
    assert foretold(event_) == []


def test_what_changes_is_foretold_anew() -> None:
    both = (event("A", 100.0, 100.0, costs(1.0)), event("B", 300.0, 100.0, costs(2.0), program="q"))
    state = go(empty(ME), 0.0, read(*both)).state
    newer = replace(both[0], version=1, intervals=(Interval(0.0, None, (costs(9.0),)),))
    assert told(go(state, 1.0, read(newer, both[1])).ahead) == [(9.0, 100.0, 200.0), (2.0, 300.0, 400.0)]
    out = go(state, 1.0, opts=(Opt(both[0].key, True),))
    assert told(out.ahead) == [(2.0, 300.0, 400.0)]
    assert told(go(out.state, 2.0).ahead) == [(1.0, 100.0, 200.0), (2.0, 300.0, 400.0)]
    q_gone = {"programs": {"p": P["p"]}, "listed": frozenset({"p"})}
    assert told(go(state, 1.0, read(both[0], **q_gone)).ahead) == [(1.0, 100.0, 200.0)]
    doubted = go(state, 1.0, read(both[1]))  # p's list is empty: believed the second time
    assert told(doubted.ahead) == [(1.0, 100.0, 200.0), (2.0, 300.0, 400.0)]
    assert told(go(doubted.state, 2.0, read(both[1])).ahead) == [(2.0, 300.0, 400.0)]


def test_a_restart_foretells_the_same() -> None:
    first = go(empty(ME), 0.0, read(event("A", 100.0, 100.0, costs(1.0)), event("B", 300.0, 100.0, ExportLimit(0.0))))
    ledger: list[Entry] = list(first.entries)
    again = go(restore(ME, ledger), 50.0)
    assert told(again.ahead) == [(1.0, 100.0, 200.0)]


@pytest.mark.parametrize(
    ("standing", "default", "ramp"),
    [
        (None, None, None),
        (None, 0.5, Ramp(pct_per_s=0.5)),
        (2.0, None, Ramp(pct_per_s=2.0)),
        (2.0, 0.5, Ramp(pct_per_s=2.0)),
        (0.0, 0.5, Ramp(pct_per_s=0.0)),
    ],
)
def test_a_change_moves_by_the_standings_gradient_else_the_profiles(
    standing: float | None, default: float | None, ramp: Ramp | None
) -> None:
    how = replace(PLAIN, gradient_pct_per_s=default)
    stands = Standing("p", P["p"], (ImportLimit(5.0),), Settings(gradient_pct_per_s=standing))
    own = event("B", 0.0, 100.0, ExportLimit(2.0), ramp=Ramp(over_s=3.0))
    done = go(empty(ME), 0.0, read(own, event("A", 0.0, 100.0, ImportLimit(1.0)), standings=(stands,)), how=how)
    assert done.ramp == ramp
    assert {one.control: one.ramp for one in done.in_force} == {
        ImportLimit(1.0): ramp,
        ExportLimit(2.0): Ramp(over_s=3.0),
    }


def test_each_setting_is_of_the_best_standing_that_gives_it() -> None:
    best = Standing("p", P["p"], (), Settings(gradient_pct_per_s=1.0))
    other = Standing("q", P["q"], (), Settings(gradient_pct_per_s=2.0, enter_service_delay_s=300.0))
    for standings in ((best, other), (other, best)):
        done = go(empty(ME), 0.0, read(standings=standings))
        assert done.settings == Settings(gradient_pct_per_s=1.0, enter_service_delay_s=300.0)


@pytest.mark.parametrize(
    ("start_s", "control", "held"),
    [
        (203.0, ExportLimit(7.0), True),
        (205.0, ExportLimit(7.0), True),
        (205.5, ExportLimit(7.0), False),  # not within five seconds
        (203.0, ImportLimit(7.0), False),  # another mode
    ],
)
def test_a_gap_of_seconds_before_the_next_of_its_mode_is_held_over(
    start_s: float, control: Control, held: bool
) -> None:
    how = replace(PLAIN, hold_over_s=5.0)
    both = read(event("A", 100.0, 100.0, ExportLimit(5.0)), event("B", start_s, 100.0, control))
    running = go(go(empty(ME), 0.0, both, how=how).state, 100.0, how=how).state
    gap = go(running, 200.0, how=how)
    assert [(one.control, one.until) for one in gap.in_force] == (
        [(ExportLimit(5.0), Moment("vtn", start_s))] if held else []
    )
    late = go(gap.state, min(start_s - 0.25, 204.75), how=how)
    assert [one.control for one in late.in_force] == ([ExportLimit(5.0)] if held else [])
    assert [one.control for one in go(late.state, start_s, how=how).in_force] == [control]
    assert go(running, 200.0).in_force == ()  # by the standard's letter


def test_what_was_cancelled_is_not_held_over() -> None:
    how = replace(PLAIN, hold_over_s=5.0)
    first, following = event("A", 100.0, 100.0, ExportLimit(5.0)), event("B", 203.0, 100.0, ExportLimit(7.0))
    running = go(go(empty(ME), 0.0, read(first, following), how=how).state, 100.0, how=how).state
    gone = read(replace(first, status=EventStatus.CANCELLED), following)
    assert go(running, 200.0 - 1.0, gone, how=how).in_force == ()


def test_a_timeline_at_rest_says_again_what_it_said_until_something_is_said_to_it() -> None:
    one = read(event("A", 100.0, 100.0, ExportLimit(5.0)), event("B", 500.0, 100.0, ExportLimit(6.0)))
    how = replace(PLAIN, gradient_pct_per_s=1.0)
    resting = go(go(empty(ME), 0.0, one, how=how).state, 100.0, how=how)
    again = go(resting.state, 150.0, how=how)
    assert again.state is resting.state
    assert (again.in_force, again.ramp, again.settings) == (resting.in_force, resting.ramp, resting.settings)
    assert (again.next_change, again.facts, again.entries) == (Moment("vtn", 200.0), (), ())
    # another policy, an opt, a clock set back and a time that comes are news
    assert go(resting.state, 150.0, how=replace(how, gradient_pct_per_s=2.0)).ramp == Ramp(pct_per_s=2.0)
    assert go(resting.state, 150.0, how=how, opts=(Opt(EventKey(ME, "A"), True),)).in_force == ()
    assert go(resting.state, 99.0, how=how).state is not resting.state
    assert go(resting.state, 200.0, how=how).in_force == ()


@pytest.mark.parametrize(("versions", "taken"), [((0, 1), 1), ((1, 0), 1), ((3, 3), 3)])
def test_of_two_copies_of_an_event_the_newer_is_taken_and_it_is_noted(versions: tuple[int, int], taken: int) -> None:
    copies = [event("A", 100.0, 100.0, ExportLimit(float(n)), version=version) for n, version in enumerate(versions)]
    done = go(empty(ME), 0.0, read(*copies))
    assert done.state.kept.events["A"].event.version == taken
    assert [note.text for note in done.notes] == ["shown more than once with different content"]


def test_of_two_copies_of_a_known_event_that_of_its_program_is_taken_else_the_better_ranked() -> None:
    ours = event("A", 100.0, 100.0, ExportLimit(1.0), rank=Rank(2.0, 0.0, "A"), program="q")
    theirs = event("A", 100.0, 100.0, ExportLimit(2.0), rank=Rank(1.0, 0.0, "A"), version=5)
    known = go(empty(ME), 0.0, read(ours)).state
    for copies in ((ours, theirs), (theirs, ours)):
        assert go(known, 1.0, read(*copies)).state.kept.events["A"].event == ours
        assert go(empty(ME), 1.0, read(*copies)).state.kept.events["A"].event == theirs
