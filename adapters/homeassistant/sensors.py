"""Sensors of Home Assistant as readings: units turned into ours, and how old what they say is; pure."""

import math
from collections.abc import Mapping

from adapters.homeassistant.messages import State
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.session import Session
from adapters.knobs.units import FAHRENHEIT, SCALES, in_ours, judged, number, told
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity


def measures(state: State, quantity: Quantity) -> bool:
    """Whether it has a unit of this quantity."""
    return state.text("unit_of_measurement") in SCALES[quantity]


def reading(state: State | None, quantity: Quantity, at_s: float, now: Instants, *, invert: bool = False) -> Reading:
    """What it says. ``at_s``: when that was true, monotonic.

    Not there, or in no unit of ours: MISSING; unavailable or unknown: STALE (rule 6); no number, or an impossible one: SUSPECT.
    """
    if state is None or not measures(state, quantity):
        return told(0.0, Quality.MISSING, at_s, now)
    if state.gone:
        return told(0.0, Quality.STALE, at_s, now)
    said, unit = number(state.state), state.text("unit_of_measurement")
    if said is None:
        return told(0.0, Quality.SUSPECT, at_s, now)
    value = in_ours(said, quantity, unit)
    return told(0.0 - value if invert else value, judged(value, quantity), at_s, now)


def temperature(value: float | None, at_s: float, now: Instants, *, fahrenheit: bool) -> Reading | None:
    """What a climate or a tank measures itself, in the server's unit."""
    if value is None:
        return None
    value_c = in_ours(value, Quantity.TEMPERATURE, FAHRENHEIT if fahrenheit else "°C")
    return told(value_c, judged(value_c, Quantity.TEMPERATURE), at_s, now)


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
