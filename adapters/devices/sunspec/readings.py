"""Points -> readings: one table per model, with the sign turned where the model counts generation positive; pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.ranges import POSSIBLE
from adapters.sunspec.layouts import Layout
from adapters.sunspec.points import Value
from grid_functions.model.device import Word
from grid_functions.model.instants import Instants
from grid_functions.model.making import maker_of
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity, turned


class Table(dict[MeterKey, str]):
    """Which point measures what; not to be changed.

    ``as_told``, ``turned``: what is measured, where, what is done with the sign, for a model that counts as we do or the other way, and
    between which values it can lie at all.
    """

    __slots__ = ("as_told", "turned")

    def __init__(self, points: Mapping[MeterKey, str]) -> None:
        super().__init__(points)
        self.as_told, self.turned = (
            tuple((key, point, _sense(key[0], turn=turn), *POSSIBLE[key[0]]) for key, point in points.items())
            for turn in (False, True)
        )


@dataclass(frozen=True, slots=True)
class State:
    """How a device is, but for what it measures. ``sleepy``: it may fall silent now."""

    connected: bool | None
    energized: bool | None
    operating: bool | None
    alarms: frozenset[str]
    text: str
    sleepy: bool
    word: Word


SIGNED: Final = frozenset({Quantity.NET, Quantity.REACTIVE})
_reading: Final = maker_of(Reading)
_TURNED: Final = 1
_DROPPED: Final = 2
_NET: Final[MeterKey] = (Quantity.NET, None)


def readings(table: Table, values: Mapping[str, Value | None], now: Instants, *, turn: bool) -> dict[MeterKey, Reading]:
    """What was measured. ``turn``: the model counts generation positive.

    What the device does not implement is absent, except total power: that is there as MISSING, and is no number. What cannot be, as where
    a scale factor lies, is SUSPECT and no number either.
    Interpretation: a current is a root mean square, so a sign that some models give it tells only the direction.
    """
    found: dict[MeterKey, Reading] = {}
    mono_s, utc_s, get, good = now.mono_s, now.utc_s, values.get, Quality.GOOD
    for key, point, sense, low, high in table.turned if turn else table.as_told:
        value = get(point)
        if value is not None and not isinstance(value, str):
            if not low <= value <= high:
                found[key] = _reading(math.nan, Quality.SUSPECT, mono_s, utc_s)
                continue
            if sense:
                value = turned(value) if sense == _TURNED else abs(value)
            found[key] = _reading(float(value), good, mono_s, utc_s)
    if _NET in table and _NET not in found:
        found[_NET] = Reading(math.nan, Quality.MISSING, mono_s, utc_s)
    return found


def suspect(found: Mapping[MeterKey, Reading]) -> dict[MeterKey, Reading]:
    """The same readings when the device's answer as a whole is not to be believed: no number survives."""
    return {key: Reading(math.nan, Quality.SUSPECT, r.at_s, r.utc_s) for key, r in found.items()}


def blank(table: Table, values: Mapping[str, Value | None]) -> bool:
    """Whether all that is measured is zero, the grid's own voltage or frequency included: no grid is so."""
    told = [value for point in table.values() if (value := values.get(point)) is not None]
    grid = [
        values.get(point)
        for (quantity, _), point in table.items()
        if quantity in (Quantity.VOLTAGE, Quantity.FREQUENCY)
    ]
    return any(value is not None for value in grid) and not any(told)


def number(value: Value | None) -> float | None:
    """A value as a number; None stays None."""
    return None if value is None or isinstance(value, str) else float(value)


def rating(value: Value | None) -> float | None:
    """A rating as a number. Interpretation: 0 is none told, for nobody builds a device that can do nothing."""
    return number(value) or None


def watts(percent: float, max_w: float) -> float:
    """A share of the base."""
    return percent * max_w / 100


def flags(layout: Layout, point: str, values: Mapping[str, Value | None]) -> frozenset[str]:
    """The names of the bits that are set; a bit the definition does not name shows as ``point.number``."""
    value = values.get(point)
    if not isinstance(value, int):
        return frozenset()
    names = {bit: name for name, bit in layout.points[point].point.symbols}
    return frozenset(names.get(bit, f"{point}.{bit}") for bit in range(value.bit_length()) if value >> bit & 1)


def _sense(quantity: Quantity, *, turn: bool) -> int:
    if quantity is Quantity.CURRENT:
        return _DROPPED
    return _TURNED if turn and quantity in SIGNED else 0


def per_phase(quantity: Quantity, points: Iterable[str]) -> dict[MeterKey, str]:
    """Points for phases A, B and C, as many as there are."""
    return {(quantity, phase): point for phase, point in zip(Phase, points, strict=False)}
