"""Sensors of Home Assistant as readings: units turned into ours, and how old what they say is; pure."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.homeassistant.messages import State, number
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.session import Session
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity

_SCALES: Final[Mapping[Quantity, Mapping[str, float]]] = {
    Quantity.NET: {"W": 1.0, "kW": 1e3, "MW": 1e6, "mW": 1e-3},
    Quantity.ENERGY_CONSUMED: {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    Quantity.ENERGY_PRODUCED: {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    Quantity.STATE_OF_CHARGE: {"%": 1.0},
    Quantity.FREQUENCY: {"Hz": 1.0},
    Quantity.VOLTAGE: {"V": 1.0, "mV": 1e-3},
    Quantity.CURRENT: {"A": 1.0, "mA": 1e-3},
    Quantity.TEMPERATURE: {"°C": 1.0, "°F": 1.0},
}
_RANGES: Final[Mapping[Quantity, tuple[float, float]]] = {
    Quantity.NET: (-1e9, 1e9),
    Quantity.STATE_OF_CHARGE: (0.0, 100.0),
    Quantity.TEMPERATURE: (-90.0, 200.0),
}
_LEAST_MOST: Final = (0.0, 1e12)


def measures(state: State, quantity: Quantity) -> bool:
    """Whether it has a unit of this quantity."""
    return state.text("unit_of_measurement") in _SCALES[quantity]


def reading(state: State | None, quantity: Quantity, at_s: float, now: Instants, *, invert: bool = False) -> Reading:
    """What it says. ``at_s``: when that was true, monotonic.

    Not there, or in no unit of ours: MISSING; unavailable or unknown: STALE (rule 6); no number, or an impossible one: SUSPECT.
    """
    if state is None or not measures(state, quantity):
        return _told(0.0, Quality.MISSING, at_s, now)
    if state.gone:
        return _told(0.0, Quality.STALE, at_s, now)
    said, unit = number(state.state), state.text("unit_of_measurement")
    if said is None:
        return _told(0.0, Quality.SUSPECT, at_s, now)
    value = (said - 32.0) / 1.8 if unit == "°F" else said * _SCALES[quantity][unit]
    low, high = _RANGES.get(quantity, _LEAST_MOST)
    quality = Quality.GOOD if low <= value <= high else Quality.SUSPECT
    return _told(0.0 - value if invert else value, quality, at_s, now)


def temperature(value: float | None, at_s: float, now: Instants, *, fahrenheit: bool) -> Reading | None:
    """What a climate or a tank measures itself, in the server's unit."""
    if value is None:
        return None
    value_c = (value - 32.0) / 1.8 if fahrenheit else value
    low, high = _RANGES[Quantity.TEMPERATURE]
    return _told(value_c, Quality.GOOD if low <= value_c <= high else Quality.SUSPECT, at_s, now)


def readings_of(
    session: Session, entity: str, measured: Mapping[str, MeterKey], options: HomeOptions, now: Instants
) -> dict[MeterKey, Reading]:
    """All that is measured of one device. What has not changed was true ``every_s`` before the server was last heard."""

    def at_s(of: str) -> float:
        return max(session.changed_s.get(of, -math.inf), session.heard_s - options.every_s)

    found: dict[MeterKey, Reading] = {}
    main = session.states.get(entity)
    if main is not None and not main.gone:
        fahrenheit = session.fahrenheit
        own = temperature(main.number("current_temperature"), at_s(entity), now, fahrenheit=fahrenheit)
        found |= {} if own is None else {(Quantity.TEMPERATURE, None): own}
    for of, key in measured.items():
        invert = options.invert and key[0] is Quantity.NET
        found[key] = reading(session.states.get(of), key[0], at_s(of), now, invert=invert)
    return found


def aged(readings: Mapping[MeterKey, Reading]) -> dict[MeterKey, Reading]:
    """The last readings of a server that is gone."""
    good = Quality.GOOD
    return {key: replace(one, quality=Quality.STALE) if one.quality is good else one for key, one in readings.items()}


def _told(value: float, quality: Quality, at_s: float, now: Instants) -> Reading:
    return Reading(value, quality, at_s, now.utc_s - (now.mono_s - at_s))
