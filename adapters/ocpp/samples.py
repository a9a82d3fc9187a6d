"""Meter values -> readings in the house's signs; pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from adapters.ocpp.facts import Sample
from adapters.ranges import POSSIBLE
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity

LATE_S: Final = 60.0
"""A sample this much older than its arrival was kept while nobody could be reached; it is no measure of now."""


def readings(samples: Iterable[Sample], order: str, now: Instants) -> dict[MeterKey, Reading]:
    """By quantity and phase of the site; ``order``: its phases on L1, L2, L3. What is no number, or cannot be, is SUSPECT.

    Of several samples of one measurand and phase the last holds. Power is import less export; without a sum, the sum of all phases.
    """
    values: dict[MeterKey, float] = {}
    taken_s: dict[MeterKey, float] = {}
    exported: dict[MeterKey, float] = {}
    for sample in samples:
        known = _MEASURANDS.get(sample.measurand)
        at = _LINES.get(sample.phase)
        if known is None or at is None or at >= len(order):
            continue
        quantity, scales = known
        phase = Phase(order[at]) if at >= 0 else None
        if phase is not None and quantity not in _PHASED:
            continue
        key = (quantity, phase)
        value = sample.value * scales.get(sample.unit, math.nan)
        if sample.measurand == "Power.Active.Export":
            exported[key] = value
            values.setdefault(key, 0.0)
        else:
            values[key] = value
        taken_s[key] = now.utc_s if sample.taken_utc_s is None else sample.taken_utc_s
    for key, value in exported.items():
        values[key] -= value
    total = (Quantity.NET, None)
    parts = [(Quantity.NET, Phase(letter)) for letter in order]
    if total not in values and all(part in values for part in parts):
        values[total] = sum(values[part] for part in parts)
        taken_s[total] = min(taken_s[part] for part in parts)
    return {key: _reading(key, value, taken_s[key], now) for key, value in values.items()}


def _reading(key: MeterKey, value: float, taken_s: float, now: Instants) -> Reading:
    low, high = POSSIBLE[key[0]]
    if not low <= value <= high:
        return Reading(math.nan, Quality.SUSPECT, now.mono_s, now.utc_s)
    age_s = now.utc_s - taken_s
    if age_s > LATE_S:
        return Reading(value, Quality.STALE, now.mono_s - age_s, taken_s)
    return Reading(value, Quality.GOOD, now.mono_s, now.utc_s)


_LINES: Final = {"": -1, "L1": 0, "L1-N": 0, "L2": 1, "L2-N": 1, "L3": 2, "L3-N": 2}
"""Which of its phases a sample is of; -1: of all together. The neutral, and between phases, is nothing we measure."""
_POWER: Final = {"": 1.0, "W": 1.0, "kW": 1e3}
_ENERGY: Final = {"": 1.0, "Wh": 1.0, "kWh": 1e3}
_MEASURANDS: Final[Mapping[str, tuple[Quantity, Mapping[str, float]]]] = {
    "Power.Active.Import": (Quantity.NET, _POWER),
    "Power.Active.Export": (Quantity.NET, _POWER),
    "Current.Import": (Quantity.CURRENT, {"": 1.0, "A": 1.0}),
    "Voltage": (Quantity.VOLTAGE, {"": 1.0, "V": 1.0}),
    "Energy.Active.Import.Register": (Quantity.ENERGY_CONSUMED, _ENERGY),
    "Energy.Active.Export.Register": (Quantity.ENERGY_PRODUCED, _ENERGY),
    "SoC": (Quantity.STATE_OF_CHARGE, {"": 1.0, "Percent": 1.0}),
    "Frequency": (Quantity.FREQUENCY, {"": 1.0, "Hertz": 1.0, "Hz": 1.0}),
}
"""By measurand (1.6, clause 7.31; 2.0.1 part 2, MeasurandEnumType): the quantity, and what its units are worth in ours."""
_PHASED: Final = frozenset({Quantity.NET, Quantity.CURRENT, Quantity.VOLTAGE})
