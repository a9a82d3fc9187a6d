"""Resources of a device as the configuration names them: ``[COMMAND/]RESOURCE UNIT``, and what one count of each is worth; pure.

A number before the unit scales, and turns the sign: of ``Power -0.1kW`` one count is 100 W that are produced; of ``Limit 50W`` one count is
50 W, which is a percent of 5 kW. COMMAND is the device command that reads or writes the resource with others; without one, the resource
itself is the command (EdgeX: each resource that is not hidden is a command of its own).
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from adapters.edgex.address import NAME
from adapters.knobs.units import FAHRENHEIT, SCALES, in_ours
from grid_functions.model.units import Quantity

_WHERE: Final = rf"(?:(?P<command>{NAME})/)?(?P<resource>{NAME})"
_MEASURED: Final = re.compile(
    rf"{_WHERE}\s+(?P<factor>[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)?\s*(?P<unit>[^\d\s]\S*)"
)
_SWITCHED: Final = re.compile(rf"{_WHERE}(?:\s+(?P<on>[^\s/]{{1,40}})/(?P<off>[^\s/]{{1,40}}))?")
_SIGNED: Final = frozenset({Quantity.NET})


@dataclass(frozen=True, slots=True)
class Point:
    """``factor``: of one count in the unit, negative = the other way round."""

    command: str
    resource: str
    quantity: Quantity
    unit: str
    factor: float = 1.0

    def in_ours(self, said: float) -> float:
        """What the resource says, in W, Wh, A, V, Hz, percent or degrees Celsius."""
        return in_ours(said * self.factor, self.quantity, self.unit) + 0.0

    def from_ours(self, value: float) -> float:
        """As the resource says it."""
        if self.unit == FAHRENHEIT:
            return (value * 1.8 + 32.0) / self.factor
        return value / self.worth + 0.0

    @property
    def worth(self) -> float:
        """What a step of one count is, in ours."""
        return self.factor * (1 / 1.8 if self.unit == FAHRENHEIT else SCALES[self.quantity][self.unit])


@dataclass(frozen=True, slots=True)
class SwitchPoint:
    """``on``, ``off``: how the resource says so."""

    command: str
    resource: str
    on: str = "true"
    off: str = "false"


def parse_point(text: str, quantity: Quantity, *, signed: bool = False) -> Point:
    """Raises ValueError that shows how to write one. ``signed``: the factor may turn the sign."""
    units = SCALES[quantity]
    match = _MEASURED.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no resource with its unit: write RESOURCE UNIT, such as 'ActivePower {next(iter(units))}'"
        )
    if match["unit"] not in units:
        raise ValueError(
            f"{match['unit']!r} is no unit of it: {', '.join(units)}, or so much of one for one count (0.1W)"
        )
    factor = float(match["factor"] or 1.0)
    if not math.isfinite(factor) or not 1e-9 <= abs(factor) <= 1e9:
        raise ValueError(f"{match['factor']} {match['unit']} for one count is no scale")
    if factor < 0 and not (signed and quantity in _SIGNED):
        raise ValueError(f"{match['factor']} turns the sign of what has none")
    return Point(match["command"] or match["resource"], match["resource"], quantity, match["unit"], factor)


def parse_switch(text: str) -> SwitchPoint:
    """Raises ValueError that shows how to write one."""
    match = _SWITCHED.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no switch: write RESOURCE, or RESOURCE ON/OFF with its words")
    if match["on"] is not None and match["on"].lower() == match["off"].lower():
        raise ValueError(f"{text!r} says the same for on and off")
    command = match["command"] or match["resource"]
    if match["on"] is None:
        return SwitchPoint(command, match["resource"])
    return SwitchPoint(command, match["resource"], match["on"], match["off"])
