"""What somebody else's server says in units of its own, as readings in ours; pure."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity

FAHRENHEIT: Final = "°F"
SCALES: Final[Mapping[Quantity, Mapping[str, float]]] = {
    Quantity.NET: {"W": 1.0, "kW": 1e3, "MW": 1e6, "mW": 1e-3},
    Quantity.ENERGY_CONSUMED: {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    Quantity.ENERGY_PRODUCED: {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    Quantity.STATE_OF_CHARGE: {"%": 1.0},
    Quantity.FREQUENCY: {"Hz": 1.0},
    Quantity.VOLTAGE: {"V": 1.0, "mV": 1e-3},
    Quantity.CURRENT: {"A": 1.0, "mA": 1e-3},
    Quantity.TEMPERATURE: {"°C": 1.0, FAHRENHEIT: 1.0},
}
"""One of each unit, in ours; degrees Fahrenheit have an offset besides."""
_RANGES: Final[Mapping[Quantity, tuple[float, float]]] = {
    Quantity.NET: (-1e9, 1e9),
    Quantity.STATE_OF_CHARGE: (0.0, 100.0),
    Quantity.TEMPERATURE: (-90.0, 200.0),
}
_LEAST_MOST: Final = (0.0, 1e12)


def number(said: Any) -> float | None:
    """A finite number, as number or text; None for everything else."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        value = float(said)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def in_ours(said: float, quantity: Quantity, unit: str) -> float:
    """A value in a unit of :data:`SCALES`, in ours."""
    return (said - 32.0) / 1.8 if unit == FAHRENHEIT else said * SCALES[quantity][unit]


def judged(value: float, quantity: Quantity) -> Quality:
    """Whether a value in our unit is possible at all."""
    low, high = _RANGES.get(quantity, _LEAST_MOST)
    return Quality.GOOD if low <= value <= high else Quality.SUSPECT


def told(value: float, quality: Quality, at_s: float, now: Instants) -> Reading:
    """A reading that was true at this monotonic second."""
    return Reading(value, quality, at_s, now.utc_s - (now.mono_s - at_s))


def aged(readings: Mapping[MeterKey, Reading]) -> dict[MeterKey, Reading]:
    """The last readings of a server that is gone."""
    good = Quality.GOOD
    return {key: replace(one, quality=Quality.STALE) if one.quality is good else one for key, one in readings.items()}
