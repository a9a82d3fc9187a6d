"""Effective windows: nominal start and duration, the draws, and what back-to-back events do to each other."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from grid_functions.model.control import Mode, mode_of
from grid_functions.model.event import Event, EventKey
from grid_functions.model.outcome import OutcomeKind
from grid_functions.timeline.state import Phase, Start, Tracked

MOST_RANDOM_S: Final = 3600.0
"""Randomisation windows reach this far either way (IEEE 2030.5 OneHourRangeType)."""

FOREVER: Final = float("inf")

Lean = tuple[str, Mode, float]
"""A program, a mode, and the effective end that a start to come waits for."""


def clamped(window_s: float) -> float:
    """A randomisation window within its range."""
    return max(-MOST_RANDOM_S, min(MOST_RANDOM_S, window_s))


def draw_s(seed: bytes, key: EventKey, what: str, window_s: float) -> float:
    """A number between 0 and the signed window, uniform over seeds and keys, the same for the same ones; whole milliseconds."""
    if window_s == 0.0:
        return 0.0
    words = json.dumps([key.respondent.upstream, key.respondent.id, key.id, what]).encode()
    digest = hashlib.blake2b(words, digest_size=8, key=hashlib.sha256(seed).digest()).digest()
    return round(clamped(window_s) * (int.from_bytes(digest) / 2**64), 3)


def modes_of(event: Event) -> frozenset[Mode]:
    """Every mode any of its intervals carries."""
    if len(event.intervals) == 1:
        return frozenset(map(mode_of, event.intervals[0].controls))
    return frozenset(mode_of(control) for interval in event.intervals for control in interval.controls)


def nominal_end_s(event: Event) -> float:
    """The end before any draw; infinite for an open-ended event."""
    return FOREVER if event.duration_s is None else event.start_s + max(0.0, event.duration_s)


def end_s(tracked: Tracked, begin_s: float) -> float:
    """The effective end, given the effective start: never before it; a randomised cancel may bring it forward."""
    duration = tracked.event.duration_s
    end = FOREVER if duration is None else begin_s + max(0.0, max(0.0, duration) + tracked.duration_draw_s)
    return end if tracked.stop_s is None else min(end, tracked.stop_s)


def planned(tracks: Iterable[Tracked]) -> tuple[list[Start], frozenset[Lean]]:
    """The effective window of every waiting event, soonest first, and where it leans on the end of another.

    Randomisation makes neither gap nor overlap between events of one program and mode (IEEE 2030.5, randomisation of events): one
    that nominally starts where another ends starts at that one's effective end; one that nominally starts later starts no earlier
    than that end. The other must have run to its end or still be going to; what is cancelled, superseded or expired moves nobody.
    """
    ends: dict[tuple[str, Mode], _Ends] = defaultdict(_Ends)
    plan: list[Start] = []
    leans: set[Lean] = set()
    for tracked in sorted(tracks, key=lambda one: (one.event.start_s, one.event.key.id)):
        event = tracked.event
        waiting = tracked.phase is Phase.WAITING and tracked.away_s is None
        ran = tracked.begin_s is not None and tracked.told in (None, OutcomeKind.COMPLETED) and tracked.away_s is None
        if not waiting and not ran:
            continue
        places = [(event.program, mode) for mode in modes_of(event) - tracked.lost]
        if waiting:
            begin, leaning = _begin_s(tracked, [ends[place] for place in places if place in ends])
            if leaning:
                leans.update((*place, begin) for place in places)
            plan.append(Start(begin, event.key.id, end_s(tracked, begin)))
        elif tracked.begin_s is not None:
            begin = tracked.begin_s
        else:
            continue
        if event.duration_s:
            for place in places:
                ends[place].add(nominal_end_s(event), end_s(tracked, begin))
    return sorted(plan), frozenset(leans)


class _Ends:
    """Ends of earlier events, asked in the order of nominal starts."""

    __slots__ = ("ahead", "at_s", "latest_s", "touching_s")

    def __init__(self) -> None:
        self.ahead: list[tuple[float, float]] = []
        self.latest_s = -FOREVER
        self.touching_s = -FOREVER  # the latest effective end of those whose nominal end is ``at_s``
        self.at_s = -FOREVER

    def add(self, nominal_s: float, effective_s: float) -> None:
        heappush(self.ahead, (nominal_s, effective_s))

    def before(self, start_s: float) -> tuple[float, float | None]:
        """The latest effective end of all that nominally end by then, and of those that nominally end exactly then."""
        while self.ahead and self.ahead[0][0] <= start_s:
            nominal, effective = heappop(self.ahead)
            if nominal > self.at_s:
                self.at_s, self.touching_s = nominal, -FOREVER
            self.touching_s = max(self.touching_s, effective)
            self.latest_s = max(self.latest_s, effective)
        return self.latest_s, self.touching_s if self.at_s == start_s else None


def _begin_s(tracked: Tracked, ends: list[_Ends]) -> tuple[float, bool]:
    """The effective start, and whether it would be another one without the events before it."""
    own = tracked.event.start_s + tracked.start_draw_s
    found = [one.before(tracked.event.start_s) for one in ends]
    touching = [end for _, end in found if end is not None]
    begin = max(touching) if touching else max([own, *(latest for latest, _ in found)])
    return begin, begin != own or any(end != own for end in touching)
