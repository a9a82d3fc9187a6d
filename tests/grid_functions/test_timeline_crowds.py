"""Events that all meet: what they cost must not grow with the square of their number, for an upstream chooses it."""

import sys
from collections.abc import Sequence

import pytest

from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import ExportLimit
from grid_functions.model.event import Event, EventKey, Interval, Rank, Read, Respondent
from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.timeline.state import TimelineState, TimelineStep
from grid_functions.timeline.step import empty, step

ME = Respondent("utility", "me")
POLICY = Policy("utility", Source(SourceKind.IEEE2030_5, "utility", ME), True, Vanished.KEEP, OptOut.NONE)
PROGRAMS = {"p": Rank(1.0, 0.0, "p")}


def taken(state: TimelineState, shown: Sequence[Event], now_s: float) -> TimelineStep:
    """A step with one complete read of these."""
    read = Read(ME, now_s, True, PROGRAMS, frozenset(PROGRAMS), (), tuple(shown))
    now = Instants(now_s, now_s, {"utility": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})
    return step(state, POLICY, [read], (), frozenset(), now, seed=b"seed")


def event(index: int, start_s: float, duration_s: float, created_s: float, random_s: float = 0.0) -> Event:
    """One export limit."""
    return Event(
        key=EventKey(ME, f"{index:08X}"),
        version=0,
        program="p",
        rank=Rank(1.0, created_s, f"{index:08X}"),
        start_s=start_s,
        duration_s=duration_s,
        intervals=(Interval(0.0, None, (ExportLimit(1.0),)),),
        random_start_s=random_s,
        random_duration_s=random_s,
    )


def crowd(shape: str, number: int) -> list[Event]:
    """That many, each of which meets every other."""
    shapes = {
        "at one time": lambda i: event(i, 9_000.0, 3_600.0, i),
        "each newer than the one it begins in": lambda i: event(i, 9_000.0 + i, 1e6, i),
        "each older than the one it begins in": lambda i: event(i, 9_000.0 + i, 1e6, number - i),
        "randomised by an hour": lambda i: event(i, 9_000.0 + i, 4_000.0, i * 7 % number, 3_600.0),
        "half of them begin where the others end": lambda i: event(i, 9_000.0 + 3_600.0 * (i % 2), 3_600.0, i, 60.0),
        "begun before they are seen": lambda i: event(i, 1.0 + i / number, 1e6, i * 7 % number),
    }
    return [shapes[shape](index) for index in range(number)]


def calls_for(shown: Sequence[Event]) -> int:
    """Calls, Python's and C's, that the first read of these takes."""
    calls = 0

    def counted(frame: object, what: str, about: object) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    sys.setprofile(counted)
    try:
        taken(empty(ME), shown, 10.0)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "shape",
    [
        "at one time",
        "each newer than the one it begins in",
        "each older than the one it begins in",
        "randomised by an hour",
        "half of them begin where the others end",
        "begun before they are seen",
    ],
)
def test_twice_the_events_are_twice_the_work(shape: str) -> None:
    assert calls_for(crowd(shape, 400)) < 2.6 * calls_for(crowd(shape, 200))


def test_a_program_that_went_a_week_ago_is_forgotten_with_all_its_events() -> None:
    shown = [event(index, 1e8 + index, 60.0, index) for index in range(500)]
    state = taken(empty(ME), shown, 10.0).state
    other = {"q": Rank(1.0, 0.0, "q")}
    for now_s, left in ((20.0, 500), (20.0 + 7 * 86_400.0, 500), (21.0 + 7 * 86_400.0, 0)):
        read = Read(ME, now_s, True, other, frozenset(other), (), ())
        now = Instants(now_s, now_s, {"utility": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})
        state = step(state, POLICY, [read], (), frozenset(), now, seed=b"seed").state
        assert len(state.kept.events) == left
