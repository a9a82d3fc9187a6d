"""Effective windows and contests of single events, second by second. Mode, unless told: export limit; program p."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from grid_functions.model.control import Control, ExportLimit, ImportLimit, Mode, TargetPower
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, Respondent
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut
from grid_functions.timeline.contest import Defeat, contends, dropped, present, strength
from grid_functions.timeline.plan import Plan, Start
from grid_functions.timeline.revision import revised
from grid_functions.timeline.state import Phase, Tracked
from grid_functions.timeline.windows import clamped, draw_s, end_s, modes_of, nominal_end_s

ME = Respondent("utility", "me")
EXPORT, IMPORT, TARGET = ExportLimit(0.0), ImportLimit(0.0), TargetPower(0.0)


def event(
    name: str, start_s: float = 0.0, duration_s: float | None = 100.0, *controls: Control, level: float = 1.0
) -> Event:
    """Holds an export limit unless told."""
    interval = Interval(0.0, None, controls or (EXPORT,))
    return Event(EventKey(ME, name), 0, "p", Rank(level, 0.0, name), start_s, duration_s, (interval,))


def waiting(
    name: str, start_s: float = 0.0, duration_s: float | None = 100.0, *controls: Control, **more: Any
) -> Tracked:
    """Seen, not begun."""
    level = more.pop("level", 1.0)
    one = Tracked(event(name, start_s, duration_s, *controls, level=level), 0.0, 0.0)
    return replace(one, **more)


def running(name: str, begin_s: float, duration_s: float | None = 100.0, **more: Any) -> Tracked:
    """Begun where it should."""
    return replace(waiting(name, begin_s, duration_s, **more), phase=Phase.RUNNING, begin_s=begin_s, since_s=begin_s)


@pytest.mark.parametrize(
    ("window_s", "taken_s"),
    [(0.0, 0.0), (3600.0, 3600.0), (3601.0, 3600.0), (-3600.0, -3600.0), (-9999.0, -3600.0), (5.5, 5.5)],
)
def test_a_window_of_randomisation_is_an_hour_either_way(window_s: float, taken_s: float) -> None:
    assert clamped(window_s) == taken_s


def test_no_window_is_no_draw_and_every_draw_is_whole_milliseconds_of_its_sign() -> None:
    drawn = [draw_s(b"seed", EventKey(ME, str(n)), "start", 0.9) for n in range(50)]
    assert draw_s(b"seed", EventKey(ME, "A"), "start", 0.0) == 0.0
    assert all(0.0 <= one <= 0.9 and round(one * 1000) == pytest.approx(one * 1000) for one in drawn)
    assert len(set(drawn)) > 25
    assert all(-0.9 <= draw_s(b"seed", EventKey(ME, str(n)), "start", -0.9) <= 0.0 for n in range(50))


def test_an_event_has_the_modes_of_all_its_intervals() -> None:
    parts = (Interval(0.0, 10.0, (EXPORT,)), Interval(10.0, None, (IMPORT, TARGET)))
    assert modes_of(replace(event("A"), intervals=parts)) == {Mode.EXPORT_LIMIT, Mode.IMPORT_LIMIT, Mode.TARGET_POWER}


@pytest.mark.parametrize(("duration_s", "end"), [(100.0, 150.0), (0.0, 50.0), (-1.0, 50.0), (None, inf)])
def test_the_nominal_end(duration_s: float | None, end: float) -> None:
    assert nominal_end_s(event("A", 50.0, duration_s)) == end


@pytest.mark.parametrize(
    ("duration_s", "draw", "stop_s", "end"),
    [
        (100.0, 0.0, None, 160.0),
        (100.0, 25.0, None, 185.0),
        (100.0, -25.0, None, 135.0),
        (100.0, -100.0, None, 60.0),
        (100.0, -101.0, None, 60.0),
        (-5.0, 10.0, None, 70.0),  # a negative duration is none, the draw adds to that
        (100.0, 0.0, 159.0, 159.0),
        (100.0, 0.0, 161.0, 160.0),
        (None, 30.0, None, inf),
        (None, 0.0, 99.0, 99.0),
    ],
)
def test_the_effective_end(duration_s: float | None, draw: float, stop_s: float | None, end: float) -> None:
    assert end_s(waiting("A", 60.0, duration_s, duration_draw_s=draw, stop_s=stop_s), 60.0) == end


def planned(tracks: Iterable[Tracked]) -> list[Start]:
    """The windows alone."""
    events = {one.event.key.id: one for one in tracks}
    plan, _ = revised(Plan(), events, events, OptOut.NONE, 0.0, final=False)
    return list(plan.agenda)


def test_a_lone_event_starts_at_its_draw() -> None:
    assert planned([waiting("A", 100.0, start_draw_s=7.0)]) == [Start(107.0, "A", 207.0)]
    assert planned([waiting("A", 100.0, start_draw_s=-7.0)]) == [Start(93.0, "A", 193.0)]


def test_back_to_back_events_start_at_the_effective_end_whatever_they_drew() -> None:
    first = waiting("A", 0.0, 100.0, start_draw_s=10.0, duration_draw_s=5.0)
    second = waiting("B", 100.0, 50.0, start_draw_s=-20.0)
    assert planned([second, first]) == [Start(10.0, "A", 115.0), Start(115.0, "B", 165.0)]


def test_of_two_that_end_where_a_third_starts_the_later_counts() -> None:
    one = waiting("A", 0.0, 100.0, duration_draw_s=8.0)
    other = waiting("B", 50.0, 50.0, duration_draw_s=3.0)
    assert planned([one, other, waiting("C", 100.0)])[-1] == Start(108.0, "C", 208.0)


def test_a_later_one_is_held_back_to_the_end_but_never_brought_forward() -> None:
    first = waiting("A", 0.0, 100.0, duration_draw_s=30.0)
    assert planned([first, waiting("B", 120.0)])[-1] == Start(130.0, "B", 230.0)
    assert planned([first, waiting("B", 131.0)])[-1] == Start(131.0, "B", 231.0)
    assert planned([first, waiting("B", 140.0, start_draw_s=-15.0)])[-1] == Start(130.0, "B", 230.0)


def test_what_ended_long_before_an_abutting_one_does_not_hold_it_back() -> None:
    """Only the neighbour's end counts, though an earlier one was drawn to end later."""
    early = waiting("A", 0.0, 50.0, duration_draw_s=80.0)
    neighbour = waiting("B", 60.0, 40.0, ImportLimit(1.0), EXPORT)
    assert [one.start_s for one in planned([early, neighbour, waiting("C", 100.0)])] == [0.0, 130.0, 170.0]


@pytest.mark.parametrize(
    "other",
    [
        waiting("B", 120.0, 100.0, IMPORT),  # another mode
        replace(waiting("B", 120.0), event=replace(event("B", 120.0), program="q")),  # another program
        waiting("B", 120.0, lost=frozenset({Mode.EXPORT_LIMIT})),  # lost the mode they share
    ],
)
def test_neighbours_are_of_one_program_and_mode(other: Tracked) -> None:
    first = waiting("A", 0.0, 100.0, duration_draw_s=30.0)
    assert planned([first, other])[-1] == Start(120.0, "B", 220.0)


@pytest.mark.parametrize(
    ("first", "starts"),
    [
        (running("A", 0.0, duration_draw_s=30.0), 130.0),
        (replace(running("A", 0.0, duration_draw_s=30.0), phase=Phase.DONE, told=OutcomeKind.COMPLETED), 130.0),
        (replace(running("A", 0.0, duration_draw_s=30.0), phase=Phase.DONE, told=OutcomeKind.CANCELLED), 120.0),
        (replace(running("A", 0.0, duration_draw_s=30.0), phase=Phase.DONE, told=OutcomeKind.SUPERSEDED), 120.0),
        (replace(running("A", 0.0, duration_draw_s=30.0), away_s=1.0), 120.0),
        (waiting("A", 0.0, duration_draw_s=30.0, away_s=1.0), 120.0),
        (waiting("A", 0.0, duration_draw_s=30.0, phase=Phase.DONE), 120.0),
        (waiting("A", 0.0, 0.0, duration_draw_s=130.0), 120.0),  # without length it moves nobody
        (waiting("A", 0.0, None), 120.0),  # never ends, so it does not end before
    ],
)
def test_only_what_runs_to_its_end_moves_others(first: Tracked, starts: float) -> None:
    (found,) = [one for one in planned([first, waiting("B", 120.0)]) if one.id == "B"]
    assert found.start_s == starts


def test_a_running_event_is_not_planned_again() -> None:
    assert planned([running("A", 0.0)]) == []


def test_strength_is_level_then_age_then_not_marked_then_the_larger_id() -> None:
    def rank(level: float, created_s: float, tie: str) -> Tracked:
        return Tracked(replace(event("x"), rank=Rank(level, created_s, tie)), 0.0, 0.0)

    weakest_first = [
        rank(2.0, 9.0, "ff"),
        rank(1.0, 5.0, "ff"),
        replace(rank(1.0, 6.0, "ff"), event=replace(rank(1.0, 6.0, "ff").event, status=EventStatus.SUPERSEDED)),
        rank(1.0, 6.0, "aa"),
        rank(1.0, 6.0, "ab"),
        rank(0.0, 0.0, "00"),
    ]
    shuffled = [weakest_first[at] for at in (3, 0, 5, 1, 4, 2)]
    assert sorted(shuffled, key=strength) == weakest_first


def test_an_opt_out_drops_nothing_targets_or_all() -> None:
    one = waiting("A", 0.0, 100.0, EXPORT, TARGET, opted_out=True)
    both = {Mode.EXPORT_LIMIT, Mode.TARGET_POWER}
    assert dropped(one, OptOut.NONE) == frozenset()
    assert dropped(one, OptOut.TARGETS) == {Mode.TARGET_POWER}
    assert dropped(one, OptOut.ALL) == both
    assert dropped(replace(one, opted_out=False), OptOut.ALL) == frozenset()
    assert contends(one, OptOut.TARGETS) == {Mode.EXPORT_LIMIT}
    assert contends(replace(one, lost=frozenset({Mode.EXPORT_LIMIT})), OptOut.NONE) == {Mode.TARGET_POWER}


def lost(*entrants: tuple[Tracked, float, float], now_s: float = 0.0) -> list[tuple[str, str]]:
    """(loser, winner) of what is foreseen for entrants with these windows."""
    events = {
        one.event.key.id: replace(one, event=replace(one.event, start_s=start_s, duration_s=until_s - start_s))
        for one, start_s, until_s in entrants
    }
    _, found = revised(Plan(), events, events, OptOut.NONE, now_s, final=True)
    again = dict(reversed(events.items()))
    assert revised(Plan(), again, again, OptOut.NONE, now_s, final=True)[1] == found
    assert all(one.mode is Mode.EXPORT_LIMIT for one in found)
    return [(one.loser, one.winner) for one in found]


WEAK, STRONG = waiting("W", level=2.0), waiting("S", level=1.0)


@pytest.mark.parametrize(
    ("weak", "strong", "loses"),
    [
        ((50.0, 150.0), (0.0, 100.0), True),
        ((0.0, 100.0), (0.0, 100.0), True),
        ((100.0, 150.0), (0.0, 100.0), False),  # at the very end it is free again
        ((99.9, 150.0), (0.0, 100.0), True),
        ((0.0, 150.0), (0.1, 100.0), False),  # superseded while it runs, not on discovery
        ((50.0, 60.0), (70.0, 80.0), False),
    ],
)
def test_a_mode_is_lost_on_discovery_where_a_stronger_holds_it_at_the_start(
    weak: tuple[float, float], strong: tuple[float, float], loses: bool
) -> None:
    assert lost((WEAK, *weak), (STRONG, *strong)) == ([("W", "S")] if loses else [])


def test_a_start_in_the_past_is_judged_now() -> None:
    assert lost((WEAK, 0.0, 200.0), (STRONG, 50.0, 100.0), now_s=40.0) == []
    assert lost((WEAK, 0.0, 200.0), (STRONG, 50.0, 100.0), now_s=50.0) == [("W", "S")]
    assert lost((WEAK, 0.0, 200.0), (STRONG, 50.0, 100.0), now_s=100.0) == []


def test_a_running_event_loses_nothing_on_discovery_but_holds_its_mode() -> None:
    assert lost((running("W", 50.0, level=2.0), 50.0, 150.0), (STRONG, 0.0, 100.0)) == []
    assert lost((waiting("W", level=2.0), 50.0, 150.0), (running("S", 0.0, level=1.0), 0.0, 100.0)) == [("W", "S")]


def test_who_is_beaten_itself_beats_nobody() -> None:
    """S holds 0..100, M would start at 50 and is beaten; W starts at 120, when S is over and M never was."""
    middle = waiting("M", level=1.5)
    assert lost((STRONG, 0.0, 100.0), (middle, 50.0, 200.0), (WEAK, 120.0, 130.0)) == [("M", "S")]


def test_a_weaker_hold_ends_where_a_stronger_begins() -> None:
    """M holds 0..50 only, since S starts at 50 and ends at 60; W starts at 70, free though M would have run to 100."""
    middle = waiting("M", level=1.5)
    assert lost((STRONG, 50.0, 60.0), (middle, 0.0, 100.0), (WEAK, 70.0, 80.0)) == []
    assert lost((STRONG, 50.0, 60.0), (middle, 0.0, 100.0), (WEAK, 49.0, 80.0)) == [("W", "M")]


def test_test_events_and_other_addressees_meet_nobody_else() -> None:
    tested = replace(WEAK, event=replace(WEAK.event, test=True))
    addressed = replace(WEAK, event=replace(WEAK.event, addressees=frozenset({"pv"})))
    assert lost((tested, 0.0, 9.0), (STRONG, 0.0, 9.0)) == []
    assert lost((addressed, 0.0, 9.0), (STRONG, 0.0, 9.0)) == []
    assert present([tested, STRONG], OptOut.NONE) == []
    assert present([addressed, STRONG], OptOut.NONE) == []


def test_of_those_that_run_together_the_strongest_keeps_each_mode() -> None:
    both = running("B", 0.0, level=1.0)
    both = replace(both, event=event("B", 0.0, 100.0, EXPORT, IMPORT, level=1.0))
    export, imports = running("E", 0.0, level=0.5), running("I", 0.0, level=2.0)
    imports = replace(imports, event=event("I", 0.0, 100.0, IMPORT, level=2.0))
    found = present([imports, both, export], OptOut.NONE)
    assert found == [Defeat("B", Mode.EXPORT_LIMIT, "E"), Defeat("I", Mode.IMPORT_LIMIT, "B")]


def test_an_event_without_length_holds_nothing_and_harms_nobody() -> None:
    assert lost((WEAK, 50.0, 150.0), (STRONG, 50.0, 50.0)) == []
    assert lost((STRONG, 50.0, 50.0)) == []
