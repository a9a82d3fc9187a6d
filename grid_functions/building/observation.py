"""What a site's own readings say now of its rooms, its weather and what nobody plans: what its diary is made of."""

import math

import numpy as np

from grid_functions.building.diary import BASE, OUTDOOR, SUN, Seen
from grid_functions.building.dwelling import Dwelling
from grid_functions.flow import drawn_by_loads, flow
from grid_functions.letters import Weather
from grid_functions.model.claim import ConnectionPoint, Devices
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity


def observed(
    dwelling: Dwelling, sensor: str, weather: Weather | None, snapshot: Snapshot, terms: SiteTerms, now: Instants
) -> Seen:
    """Good and fresh readings alone. ``sensor``: the device that reads the air outdoors; without one the weather's word is taken."""
    zones = [zone.device for zone in dwelling.zones]
    temperatures = {name: read for name in zones if (read := _temperature_c(name, snapshot)) is not None}
    powers = {name: drawn for name in zones if (drawn := _drawn_w(name, snapshot, terms, now)) is not None}
    told = _told(weather, now.utc_s)
    if sensor:
        outdoor_c = _temperature_c(sensor, snapshot)
        told = {SUN: told[SUN]} if SUN in told else {}
        told |= {} if outdoor_c is None else {OUTDOOR: outdoor_c}
    base_w = _base_w(dwelling, snapshot, terms, now)
    return Seen(temperatures, powers, told | ({} if base_w is None else {BASE: base_w}))


def _told(weather: Weather | None, utc_s: float) -> dict[str, float]:
    """What the weather's provider says of now; nothing outside what it told of."""
    if weather is None or not weather.outdoor_c or len(weather.outdoor_c) != len(weather.sun_w_m2):
        return {}
    known = weather.start_utc_s + (np.arange(len(weather.outdoor_c)) + 0.5) * weather.step_s
    if not weather.start_utc_s <= utc_s <= weather.start_utc_s + len(known) * weather.step_s:
        return {}
    sun = float(np.interp(utc_s, known, np.array(weather.sun_w_m2)))
    return {OUTDOOR: float(np.interp(utc_s, known, np.array(weather.outdoor_c))), SUN: max(0.0, sun)}


def _temperature_c(device: str, snapshot: Snapshot) -> float | None:
    seen = snapshot.devices.get(device)
    reading = None if seen is None or not seen.condition.online else seen.condition.readings.get(_TEMPERATURE)
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return reading.value


def _drawn_w(device: str, snapshot: Snapshot, terms: SiteTerms, now: Instants) -> float | None:
    if device not in terms.devices:
        return None
    return next(iter(drawn_by_loads(Devices(frozenset({device})), snapshot, terms, now)), None)


def _base_w(dwelling: Dwelling, snapshot: Snapshot, terms: SiteTerms, now: Instants) -> float | None:
    """What flows at the connection less what planned devices and inverters take; None while any part of it is unknown."""
    net_w = flow(ConnectionPoint(), Quantity.NET, None, snapshot, terms, now)
    moved_w = flow(Devices(frozenset(terms.devices)), Quantity.NET, None, snapshot, terms, now)
    heated = [zone.device for zone in dwelling.zones] + [tank.device for tank in dwelling.tanks]
    drawn = [_drawn_w(device, snapshot, terms, now) for device in heated]
    if net_w is None or moved_w is None or any(one is None for one in drawn):
        return None
    return max(0.0, net_w - moved_w - sum(one for one in drawn if one is not None))


_TEMPERATURE = (Quantity.TEMPERATURE, None)
