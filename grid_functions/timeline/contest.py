"""Who holds a mode: rule 0's order, and what is lost for good."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grid_functions.model.control import LIMIT_MODES, SWITCH_MODES, Mode
from grid_functions.model.event import EventStatus
from grid_functions.model.policy import OptOut
from grid_functions.timeline.state import Start, Tracked
from grid_functions.timeline.windows import FOREVER, modes_of

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
    """Disjoint stretches in which one mode is held, each stronger than what is asked next."""

    __slots__ = ("starts", "stretches")

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.stretches: list[tuple[float, str]] = []

    def at(self, at_s: float) -> str | None:
        index = bisect_right(self.starts, at_s) - 1
        return self.stretches[index][1] if index >= 0 and self.stretches[index][0] > at_s else None

    def add(self, start_s: float, end_s: float, name: str) -> None:
        index = bisect_right(self.starts, start_s)
        end = min(end_s, self.starts[index] if index < len(self.starts) else FOREVER)
        if end > start_s:
            self.starts.insert(index, start_s)
            self.stretches.insert(index, (end, name))
