"""A timeline of 100,000 events beside one of 1,000: does an event cost more, the more there are?

Run with ``python -m benchmarks --only timeline``. Half of the events overlap another in one mode, in three programs, a tenth is cancelled
by a second read and a tenth randomised. *load*: the first read of all of them; *step*: one step at a start or an end, the busiest kind,
with nothing read; *change*: a read of all events of which one is another than before (cancelled, or new), against the law that a step
takes 5 ms. The "peer" is the same timeline with 1,000 events: process CPU time per event, and per step. At 1,000 events who holds
which mode is first checked against a slow second statement of rule 0.
"""

import gc
import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from time import process_time

from benchmarks.row import Row
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, ImportLimit, mode_of
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, Read, Respondent
from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.timeline.state import Phase, TimelineState
from grid_functions.timeline.step import empty, step

FEW, MANY = 1_000, 100_000
CHANGES = {1_000: 2_000.0, 10_000: 5_000.0}
"""Events shown, and the most that a read which changes one of them may cost, in microseconds."""

GOAL = 2.0
ROUNDS = 3
STEPS = 400
ME = Respondent("utility", "me")
PROGRAMS = {f"p{level}": Rank(float(level), 0.0, f"p{level}") for level in (1, 2, 3)}
POLICY = Policy("utility", Source(SourceKind.IEEE2030_5, "utility", ME), True, Vanished.KEEP, OptOut.NONE)


def run() -> list[dict[str, str | int | float | bool]]:
    """Four rows. Raises AssertionError if the slow statement of rule 0 disagrees."""
    check()
    times: dict[tuple[str, int], list[float]] = {(what, n): [] for what in ("load", "step") for n in (FEW, MANY)}
    for _ in range(ROUNDS):
        for number in (FEW, MANY):
            repeats = 20 if number == FEW else 1
            loads, steps = zip(*(_timed(number) for _ in range(repeats)), strict=True)
            times["load", number].append(statistics.median(loads))
            times["step", number].append(statistics.median(steps))
    changes = [_change_row(number, most_us) for number, most_us in CHANGES.items()]
    return [*(_row(what, times[what, MANY], times[what, FEW]) for what in ("load", "step")), *changes]


def events(number: int) -> list[Event]:
    """Pairs of ten minutes: every second one begins inside the one before it, in the same mode, or after it."""
    return [_event(index) for index in range(number)]


def read(shown: list[Event], at_s: float) -> Read:
    """A complete read of all of them."""
    return Read(ME, at_s, True, PROGRAMS, frozenset(PROGRAMS), (), tuple(shown))


def cancelled(shown: list[Event]) -> list[Event]:
    """The same with a tenth of them cancelled."""
    return [replace(one, status=EventStatus.CANCELLED) if i % 10 == 7 else one for i, one in enumerate(shown)]


def at(now_s: float) -> Instants:
    """All clocks at once."""
    return Instants(now_s, now_s, {"utility": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})


def check() -> None:
    """Who holds which mode at every start and end, against rule 0 in the plainest words, without what is foreseen or kept."""
    shown = cancelled(events(FEW))
    state = step(empty(ME), POLICY, [read(events(FEW), 0.0)], (), frozenset(), at(0.0), seed=b"seed").state
    first = step(state, POLICY, [read(shown, 1.0)], (), frozenset(), at(1.0), seed=b"seed")
    state, windows = first.state, _windows(first.state)
    lost: set[tuple[str, str]] = set()
    moment_s = first.next_change.at_s if first.next_change else None
    while moment_s is not None and moment_s < 1e8:
        done = step(state, POLICY, (), (), frozenset(), at(moment_s), seed=b"seed")
        held = {str(mode_of(one.control)): one.cause.id for one in done.in_force if isinstance(one.cause, EventKey)}
        assert held == _slow_holds(shown, windows, lost, moment_s), moment_s
        state = done.state
        following = done.next_change
        moment_s = following.at_s if following is not None and following.clock == "utility" else None
    assert all(one.phase is Phase.DONE for one in state.kept.events.values())


def _windows(state: TimelineState) -> dict[str, tuple[float, float]]:
    """Start and end of every event as drawn; randomised ones of this set touch no other, so a draw moves only its own event."""
    found = {}
    for name, one in state.kept.events.items():
        start_s = one.event.start_s + one.start_draw_s
        found[name] = (start_s, start_s + (one.event.duration_s or 0.0))
    return found


def _slow_holds(
    shown: list[Event], windows: dict[str, tuple[float, float]], lost: set[tuple[str, str]], now_s: float
) -> dict[str, str]:
    holds: dict[str, str] = {}
    best_first = sorted(shown, key=lambda one: (one.rank.level, -one.rank.created_s, [-ord(c) for c in one.key.id]))
    for one in best_first:
        start_s, end_s = windows[one.key.id]
        if one.status is EventStatus.CANCELLED or not start_s <= now_s < end_s:
            continue
        for control in one.intervals[0].controls:
            mode = str(mode_of(control))
            if (one.key.id, mode) in lost:
                continue
            if mode in holds:
                lost.add((one.key.id, mode))
            else:
                holds[mode] = one.key.id
    return holds


def _event(index: int) -> Event:
    pair, second = divmod(index, 2)
    overlaps = pair % 2 == 0
    start_s = 10_000.0 + 1_800.0 * pair + (300.0 if second and overlaps else 900.0 if second else 0.0)
    program = f"p{1 + index * 7 % 3}"
    controls: tuple[Control, ...] = (ExportLimit(float(index)),)
    if index % 4 == 1:
        controls += (ImportLimit(float(index)),)
    rank = Rank(PROGRAMS[program].level, float(index * 31 % 1000), f"{index:032X}")
    randomised = not overlaps and index % 5 == 2
    return Event(
        key=EventKey(ME, f"{index:032X}"),
        version=0,
        program=program,
        rank=rank,
        start_s=start_s,
        duration_s=600.0,
        intervals=(Interval(0.0, None, controls),),
        random_start_s=60.0 if randomised else 0.0,
    )


def _timed(number: int) -> tuple[float, float]:
    """CPU seconds per event of the first read, and per step at a start or an end; a tenth is cancelled in between."""
    shown = events(number)
    look = read(shown, 0.0)
    # what is read was there before: a collection over it is not the timeline's
    gc.collect()
    gc.freeze()
    began_s = process_time()
    state = step(empty(ME), POLICY, [look], (), frozenset(), at(0.0), seed=b"seed").state
    load_s = (process_time() - began_s) / number
    state = step(state, POLICY, [read(cancelled(shown), 1.0)], (), frozenset(), at(1.0), seed=b"seed").state
    moments = list(_moments(state, STEPS))
    gc.unfreeze()
    gc.collect()
    began_s = process_time()
    for moment_s in moments:
        state = step(state, POLICY, (), (), frozenset(), at(moment_s), seed=b"seed").state
    return load_s, (process_time() - began_s) / len(moments)


def _changed(number: int) -> float:
    """CPU seconds of a read that cancels one event among that many or shows a new one, the median of forty."""
    shown = events(number)
    state = step(empty(ME), POLICY, [read(shown, 0.0)], (), frozenset(), at(0.0), seed=b"seed").state
    taken = []
    for turn in range(40):
        index = (turn * 7919 + 13) % number
        one = replace(_event(number + turn), start_s=shown[index].start_s + 150.0)
        shown = [*shown, one] if turn % 2 else [*shown]
        if not turn % 2:
            shown[index] = replace(shown[index], status=EventStatus.CANCELLED)
        look = read(shown, 1.0 + turn)
        began_s = process_time()
        state = step(state, POLICY, [look], (), frozenset(), at(1.0 + turn), seed=b"seed").state
        taken.append(process_time() - began_s)
    return statistics.median(taken)


def _change_row(number: int, most_us: float) -> dict[str, str | int | float | bool]:
    taken = [1e6 * _changed(number) for _ in range(ROUNDS)]
    return Row(
        name="timeline",
        case=f"one of {number:,} events changes",
        unit="us CPU",
        ours=taken,
        theirs=[most_us] * ROUNDS,
        peer_name="what a step may cost",
        goal=1.0,
    ).plain()


def _moments(state: TimelineState, number: int) -> Iterator[float]:
    """The first starts and ends to come."""
    agenda = state.run.plan.agenda[:number] if state.run is not None else ()
    yield from sorted({at_s for one in agenda for at_s in (one.start_s, one.end_s)})[:number]


def _row(what: str, many: list[float], few: list[float]) -> dict[str, str | int | float | bool]:
    return Row(
        name="timeline",
        case=f"{what}, {MANY:,} events" if what == "step" else f"{what} per event, {MANY:,} events",
        unit="us CPU",
        ours=[1e6 * one for one in many],
        theirs=[1e6 * one for one in few],
        peer_name=f"{FEW:,} events",
        goal=GOAL,
    ).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
