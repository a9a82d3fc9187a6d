"""Who holds a mode: rule 0's order, and what is lost for good."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from grid_functions.model.control import LIMIT_MODES, SWITCH_MODES, Mode
from grid_functions.model.event import EventStatus
from grid_functions.model.policy import OptOut
from grid_functions.timeline.state import Start, Tracked
from grid_functions.timeline.windows import modes_of

Strength = tuple[float, float, bool, str, str]


@dataclass(frozen=True, slots=True)
class Defeat:
    """One mode of one event, lost to another."""

    loser: str
    mode: Mode
    winner: str


def strength(tracked: Tracked) -> Strength:
    """Rule 0's order as a value: larger wins.

    Level, then creation time as first seen, then not marked superseded, then the larger mRID (IEEE 2030.5, event priority; the last two
    are Interpretation: the standard leaves equal creation times open).
    """
    rank = tracked.event.rank
    marked = tracked.event.status is EventStatus.SUPERSEDED
    return -rank.level, rank.created_s, not marked, rank.tie, tracked.event.key.id


def contends(tracked: Tracked, opt_out: OptOut) -> frozenset[Mode]:
    """The modes it still competes for: not lost, not dropped by an opt-out (rule 3)."""
    return modes_of(tracked.event) - tracked.lost - dropped(tracked, opt_out)


def dropped(tracked: Tracked, opt_out: OptOut) -> frozenset[Mode]:
    """What the occupant's opt-out takes from it: nothing, its targets, or all."""
    if not tracked.opted_out or opt_out is OptOut.NONE:
        return frozenset()
    modes = modes_of(tracked.event)
    return modes if opt_out is OptOut.ALL else modes - LIMIT_MODES - SWITCH_MODES


def foreseen(entrants: Iterable[tuple[Tracked, Start]], opt_out: OptOut, now_s: float) -> list[Defeat]:
    """Waiting events whose mode another will hold, or holds, at their own start: lost on discovery.

    ``entrants``: waiting and running events with their windows. Strongest first, each holds a mode from its start to its end or
    to the start of the next stronger hold, so an event beaten itself beats nobody in that mode.
    """
    fields: dict[tuple[object, ...], _Holds] = defaultdict(_Holds)
    defeats = []
    for tracked, window in sorted(entrants, key=lambda one: strength(one[0]), reverse=True):
        probe = max(window.start_s, now_s)
        for mode in sorted(contends(tracked, opt_out)):
            holds = fields[_field(tracked, mode)]
            winner = holds.at(probe)
            if winner is None:
                holds.add(probe, window.end_s, window.id)
            elif tracked.begin_s is None:
                defeats.append(Defeat(window.id, mode, winner))
    return defeats


def present(runners: Sequence[Tracked], opt_out: OptOut) -> list[Defeat]:
    """Of events that run at the same time, all but the strongest lose each mode they share."""
    best: dict[tuple[object, ...], str] = {}
    defeats = []
    for tracked in sorted(runners, key=strength, reverse=True):
        for mode in sorted(contends(tracked, opt_out)):
            winner = best.setdefault(_field(tracked, mode), tracked.event.key.id)
            if winner != tracked.event.key.id:
                defeats.append(Defeat(tracked.event.key.id, mode, winner))
    return defeats


def _field(tracked: Tracked, mode: Mode) -> tuple[object, ...]:
    """Who meets whom.

    Interpretation: a test event (rule 10) unseats no real one; events for different addressees end neither for good.
    """
    return mode, tracked.event.test, tracked.event.addressees


class _Holds:
    """Disjoint stretches (start, end, who) in which one mode is held, each stronger than what is asked next; in short sorted lists."""

    __slots__ = ("chunks", "firsts")

    def __init__(self) -> None:
        self.firsts: list[float] = []
        self.chunks: list[list[tuple[float, float, str]]] = []

    def at(self, at_s: float) -> str | None:
        place = bisect_right(self.firsts, at_s) - 1
        if place < 0:
            return None
        chunk = self.chunks[place]
        index = bisect_right(chunk, at_s, key=_START) - 1
        return chunk[index][2] if chunk[index][1] > at_s else None

    def add(self, start_s: float, end_s: float, name: str) -> None:
        if end_s <= start_s:
            return
        if not self.chunks:
            self.chunks.append([])
            self.firsts.append(start_s)
        place = max(0, bisect_right(self.firsts, start_s) - 1)
        chunk = self.chunks[place]
        index = bisect_right(chunk, start_s, key=_START)
        if index < len(chunk):
            end = min(end_s, chunk[index][0])
        else:
            end = min(end_s, self.firsts[place + 1]) if place + 1 < len(self.firsts) else end_s
        if end <= start_s:
            return
        chunk.insert(index, (start_s, end, name))
        self.firsts[place] = chunk[0][0]
        if len(chunk) > _LONGEST:
            half = len(chunk) // 2
            self.chunks[place : place + 1] = [chunk[:half], chunk[half:]]
            self.firsts.insert(place + 1, chunk[half][0])


_LONGEST: Final = 512
_START: Final = itemgetter(0)
