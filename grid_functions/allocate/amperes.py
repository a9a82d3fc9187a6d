"""From a share in watts to amperes per phase: towards tighter, none below the minimum, and no hunting."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.allocate.share import floor_to
from grid_functions.allocate.stand import Stand
from grid_functions.allocate.wish import EARLY_S

_LOWERED_S = 60.0
_WAIT_S = 25.0


@dataclass(frozen=True, slots=True)
class Level:
    """What one charger is told, and what it could have been told for some time. Monotonic seconds.

    ``lowered_s``: when it was last told less; ``more_s``: since when it could have more than it is told, ``more_a``: at least so much.
    """

    told_a: float
    lowered_s: float = -math.inf
    more_s: float = math.inf
    more_a: float = math.inf

    @property
    def due_s(self) -> float:
        """When it is told more, all measured values being the same; infinity = not by itself."""
        return min(self.more_s + _WAIT_S, self.lowered_s + _LOWERED_S) if math.isfinite(self.more_s) else math.inf


def step(before: Level | None, could_a: float, now_s: float, *, freed: bool) -> Level:
    """The level after this look. Less is told at once; more too, unless it was lowered within a minute: then it waits, since a house that
    swings around an edge would otherwise swing the charger with it. ``freed``: a bound was raised, so that more is no swing."""
    if before is None:
        return Level(could_a)
    if could_a == before.told_a:
        waits = before.more_s < math.inf or before.more_a < math.inf
        return replace(before, more_s=math.inf, more_a=math.inf) if waits else before
    if could_a < before.told_a:
        return Level(could_a, now_s)
    if freed or before.told_a == 0 or now_s - before.lowered_s >= _LOWERED_S - EARLY_S:
        return Level(could_a, before.lowered_s)
    more_s, more_a = min(before.more_s, now_s), min(before.more_a, could_a)
    if now_s - more_s >= _WAIT_S - EARLY_S:
        return Level(more_a, before.lowered_s)
    return replace(before, more_s=more_s, more_a=more_a)


def amperes(limit_w: float, one: Stand) -> float:
    """A per phase within this limit: a multiple of the device's step, 0 below its minimum (IEC 61851-1: 6 A)."""
    currents = one.currents
    if one.wires is None or currents is None:
        return 0.0
    limit_a = min(limit_w / one.wires.watts, currents.maximum_a)
    limit_a = round(floor_to(limit_a, currents.resolution_a), 6)
    return limit_a if limit_a >= currents.minimum_a else 0.0


def levels(
    limits: Mapping[str, float], found: Mapping[str, Stand], before: Mapping[str, Level], now_s: float, *, freed: bool
) -> dict[str, Level]:
    """One for every charger that is limited."""
    return {
        name: step(before.get(name), amperes(limit_w, found[name]), now_s, freed=freed)
        for name, limit_w in limits.items()
        if found[name].wires is not None
    }
