"""What a whole area takes, and what of it is not its members': measured where it can be, else at its highest, never at nothing (rule 6)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grid_functions.area.history import sound
from grid_functions.model.function import AreaInputs
from grid_functions.model.instants import Instants
from grid_functions.model.lease import MemberReport
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity

STALE_S = 60.0
"""Members report every ten seconds; what is older is not known any more."""

_VOLTAGES: tuple[MeterKey, ...] = tuple((Quantity.VOLTAGE, phase) for phase in (None, *Phase))


@dataclass(frozen=True, slots=True)
class Whole:
    """``net_w``: of the area's own meter, None = not known; ``known``: the reports that count; ``silent``: the members without one."""

    net_w: float | None
    known: Mapping[str, MemberReport]
    silent: tuple[str, ...]

    @property
    def members_w(self) -> float:
        """What those who report take together."""
        return sum(one.power_w for one in self.known.values())

    def rest_w(self, most_w: float, stated_w: float | None, *, importing: bool) -> float:
        """What beside members may flow that way at most, W >= 0: as measured, else as stated, else without end.

        A member that is silent may do ``most_w`` beside. What flows the other way makes no room: it may stop at any time.
        """
        sign = 1.0 if importing else -1.0
        measured = None if self.net_w is None else sign * (self.net_w - self.members_w)
        rest_w = measured if measured is not None else math.inf if stated_w is None else stated_w
        return max(0.0, rest_w) + most_w * len(self.silent)


def whole_of(inputs: AreaInputs, members: Iterable[str], now: Instants) -> Whole:
    """What is known of the area now."""
    known = {
        member: one
        for member, one in sound(inputs.members).items()
        if member in members and abs(now.utc_s - one.utc_s) <= STALE_S
    }
    silent = tuple(sorted(set(members) - known.keys()))
    return Whole(_good(inputs.area_meter.get((Quantity.NET, None)), now), known, silent)


def voltage_v(meter: Mapping[MeterKey, Reading], now: Instants) -> float | None:
    """The highest voltage at the area's meter, V; None where none is measured."""
    found = [value for key in _VOLTAGES if (value := _good(meter.get(key), now)) is not None]
    return max(found, default=None)


def _good(reading: Reading | None, now: Instants) -> float | None:
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return reading.value if now.mono_s - reading.at_s <= STALE_S else None
