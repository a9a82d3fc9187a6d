"""Points -> readings: one table per model, with the sign turned where the model counts generation positive; pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.sunspec.layouts import Layout
from adapters.sunspec.points import Value
from grid_functions.model.device import Word
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity, turned

Table = Mapping[MeterKey, str]
"""Which point measures what."""


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


def readings(table: Table, values: Mapping[str, Value | None], now: Instants, *, turn: bool) -> dict[MeterKey, Reading]:
    """What was measured. ``turn``: the model counts generation positive.

    What the device does not implement is absent, except total power: that is there as MISSING, and is no number.
    Interpretation: a current is a root mean square, so a sign that some models give it tells only the direction.
    """
    found: dict[MeterKey, Reading] = {}
    mono_s, utc_s, get = now.mono_s, now.utc_s, values.get
    for key, point in table.items():
        value = get(point)
        if value is None or isinstance(value, str):
            continue
        quantity = key[0]
        if turn and quantity in SIGNED:
            value = turned(value)
        elif quantity is Quantity.CURRENT:
            value = abs(value)
        found[key] = Reading(float(value), Quality.GOOD, mono_s, utc_s)
    if (Quantity.NET, None) in table and (Quantity.NET, None) not in found:
        found[Quantity.NET, None] = Reading(math.nan, Quality.MISSING, now.mono_s, now.utc_s)
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


def per_phase(quantity: Quantity, points: Iterable[str]) -> dict[MeterKey, str]:
    """Points for phases A, B and C, as many as there are."""
    return {(quantity, phase): point for phase, point in zip(Phase, points, strict=False)}
