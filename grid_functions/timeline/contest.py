"""Who holds a mode: rule 0's order, and what is lost for good."""

from collections.abc import Sequence
from dataclasses import dataclass

from grid_functions.model.control import Mode
from grid_functions.model.event import EventStatus
from grid_functions.model.modes import CAPACITY_MODES, LIMIT_MODES, SWITCH_MODES
from grid_functions.model.policy import OptOut
from grid_functions.timeline.plan import Field, Strength
from grid_functions.timeline.state import Tracked
from grid_functions.timeline.windows import modes_of


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
    return modes if opt_out is OptOut.ALL else modes - LIMIT_MODES - CAPACITY_MODES - SWITCH_MODES


def present(runners: Sequence[Tracked], opt_out: OptOut) -> list[Defeat]:
    """Of events that run at the same time, all but the strongest lose each mode they share."""
    best: dict[Field, str] = {}
    defeats = []
    for tracked in sorted(runners, key=strength, reverse=True):
        for mode in sorted(contends(tracked, opt_out)):
            winner = best.setdefault(field_of(tracked, mode), tracked.event.key.id)
            if winner != tracked.event.key.id:
                defeats.append(Defeat(tracked.event.key.id, mode, winner))
    return defeats


def field_of(tracked: Tracked, mode: Mode) -> Field:
    """Who meets whom.

    Interpretation: a test event (rule 10) unseats no real one; events for different addressees end neither for good.
    """
    return mode, tracked.event.test, tracked.event.addressees
