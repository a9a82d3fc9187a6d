"""One thing of a device that can be set, as it is now; pure."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Value = float | str
OFF: Final = "off"
"""Of a switch."""


class Aspect(StrEnum):
    """What of a device is set."""

    SWITCH = "switch"
    TEMPERATURE = "temperature"
    CURRENT = "current"
    PRODUCE_MAX = "produce_max"
    CONSUME_MAX = "consume_max"
    TARGET = "target"


LIMITS: Final = frozenset({Aspect.CURRENT, Aspect.PRODUCE_MAX, Aspect.CONSUME_MAX})
"""Aspects of which less is tighter."""
_GRAIN: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Knob:
    """``value``: as it is, None = not told now; numbers lie between ``least`` and ``most`` in steps of ``step``; a switch has words.

    Currents in A per phase; power in W, limits as magnitudes, targets positive = consume; temperatures in the device's own unit.
    """

    entity: str
    aspect: Aspect
    value: Value | None
    least: float = 0.0
    most: float = 0.0
    step: float = 1.0

    def same(self, one: Value | None, other: Value | None) -> bool:
        """Whether two values are one: numbers within half a step."""
        if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
            return one == other and one is not None
        return abs(one - other) <= self.step / 2 + _GRAIN * max(1.0, abs(one))

    def fitting(self, value: float) -> float:
        """The nearest that it can be set to; of a limit never more than asked, unless that is its least."""
        steps = value / self.step
        whole = math.floor(steps + _GRAIN) if self.aspect in LIMITS else round(steps)
        return round(min(max(whole * self.step, self.least), self.most), 6)

    def resolution(self, least: float) -> float:
        """The widest gap between two settings from ``least`` on, so that what is set never lies further from what was asked."""
        return self.step

    @property
    def step_k(self) -> float:
        """Of a temperature."""
        return self.step

    def celsius(self, value: float) -> float:
        """Of a temperature."""
        return value

    def from_celsius(self, value_c: float) -> float:
        """As it is set here."""
        return value_c

    def tighter(self, new: Value, old: Value | None) -> bool:
        """Whether ``new`` instead of ``old`` only takes away: an off, or less of a limit."""
        if isinstance(new, str):
            return new == OFF
        return self.aspect in LIMITS and isinstance(old, int | float) and new < old
