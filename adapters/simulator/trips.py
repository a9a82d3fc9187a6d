"""Trips: which limits of voltage and frequency are overstepped, and what comes of it once that has lasted too long. Pure.

Interpretation: a curve is a staircase: beyond a point for longer than its time is beyond the curve. What a device may do at a
may-trip (or outside a must-remain) curve it does only where it is eager. It ceases only as long as the grid is beyond.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from adapters.simulator import curves, curves100
from adapters.simulator.registers import PointKey
from adapters.simulator.stage import Grid

Held = Mapping[PointKey, int]


class Region(StrEnum):
    """What lies beyond a curve."""

    MUST = "MustTrip"
    MAY = "MayTrip"
    CEASE = "MomCess"


class Side(StrEnum):
    """Which way a limit is overstepped."""

    LOW_VOLTS = "low volts"
    HIGH_VOLTS = "high volts"
    LOW_HERTZ = "low hertz"
    HIGH_HERTZ = "high hertz"


ALARMS: Mapping[Side, int] = {
    Side.HIGH_HERTZ: 1 << 8,
    Side.LOW_HERTZ: 1 << 9,
    Side.HIGH_VOLTS: 1 << 10,
    Side.LOW_VOLTS: 1 << 11,
}
"""701.Alrm and Evt1 of 101 to 113."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One point of a curve in force: % of nominal or Hz, and how long beyond it is borne."""

    region: Region
    side: Side
    bound: float
    after_s: float

    def is_passed(self, grid: Grid) -> bool:
        """Whether the grid is beyond it now."""
        match self.side:
            case Side.LOW_VOLTS:
                return grid.volts_pct < self.bound
            case Side.HIGH_VOLTS:
                return grid.volts_pct > self.bound
            case Side.LOW_HERTZ:
                return grid.hz < self.bound
            case Side.HIGH_HERTZ:
                return grid.hz > self.bound


@dataclass(frozen=True, slots=True)
class Watch:
    """``ends``: when each limit that is passed has been borne long enough; ``tripped``: alarms of what tripped the device, 0 =
    nothing did; ``ceasing``: it has ceased to energize for the moment; ``limits``: as ``held`` gave them, so that they are
    read again only when a register changed."""

    ends: Mapping[Limit, float] = field(default_factory=dict)
    tripped: int = 0
    ceasing: bool = False
    held: Held | None = field(default=None, compare=False, repr=False)
    limits: tuple[Limit, ...] = ()

    def reading(self, held: Held, limits: Callable[[Held], Iterable[Limit]]) -> "Watch":
        """After a look at the registers; the very same where none changed."""
        return self if held is self.held else replace(self, held=held, limits=tuple(limits(held)))

    def followed(self, grid: Grid, now_s: float, eager: bool) -> "Watch":
        """After a look at the grid; the very same where nothing is passed."""
        ends = {limit: self.ends.get(limit, now_s + limit.after_s) for limit in self.limits if limit.is_passed(grid)}
        if not ends and not self.ends:
            return self
        over = [limit for limit, end in ends.items() if end <= now_s]
        tripping = {Region.MUST, Region.MAY} if eager else {Region.MUST}
        tripped = self.tripped
        for limit in over:
            tripped |= ALARMS[limit.side] if limit.region in tripping else 0
        ceasing = any(limit.region is Region.CEASE for limit in over)
        return replace(self, ends=ends, tripped=tripped, ceasing=ceasing)

    def next_end(self, now_s: float) -> float:
        """When the next limit will have been passed for too long; infinity when none will."""
        return min((end for end in self.ends.values() if end > now_s), default=math.inf)


def limits700(held: Held) -> Iterator[Limit]:
    """Those of 707 to 710 that are enabled."""
    for model, side in _SIDES_700.items():
        if held.get((model, "Ena")):
            for region in Region:
                yield from (Limit(region, side, *point) for point in curves.in_force(model, held, f"{region}."))


def limits100(held: Held) -> Iterator[Limit]:
    """Those of 129, 130 and 135 to 142 that are enabled."""
    for model, (region, side) in _MODELS_100.items():
        yield from (Limit(region, side, *point) for point in curves100.in_force(model, held) or ())


_SIDES_700 = {707: Side.LOW_VOLTS, 708: Side.HIGH_VOLTS, 709: Side.LOW_HERTZ, 710: Side.HIGH_HERTZ}
_MODELS_100 = {
    129: (Region.MUST, Side.LOW_VOLTS),
    130: (Region.MUST, Side.HIGH_VOLTS),
    135: (Region.MUST, Side.LOW_HERTZ),
    136: (Region.MUST, Side.HIGH_HERTZ),
    137: (Region.MAY, Side.LOW_VOLTS),
    138: (Region.MAY, Side.HIGH_VOLTS),
    139: (Region.CEASE, Side.LOW_VOLTS),
    140: (Region.CEASE, Side.HIGH_VOLTS),
    141: (Region.MAY, Side.LOW_HERTZ),
    142: (Region.MAY, Side.HIGH_HERTZ),
}
