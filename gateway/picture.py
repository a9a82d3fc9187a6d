"""The age of what a snapshot shows."""

from collections.abc import Mapping

from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.reading import MeterKey, Quality, Reading


def aged(reading: Reading, now: Instants, stale_s: float) -> Reading:
    """The reading, STALE once it is older than ``stale_s``."""
    if reading.quality is Quality.GOOD and now.mono_s - reading.at_s > stale_s:
        return Reading(reading.value, Quality.STALE, reading.at_s, reading.utc_s)
    return reading


def next_stale(meter: Mapping[MeterKey, Reading], stale_s: float, now: Instants) -> Moment | None:
    """When the first good reading turns stale if none follows."""
    good = [reading.at_s for reading in meter.values() if reading.quality is Quality.GOOD]
    return Moment(OWN, now.utc_s + (min(good) + stale_s - now.mono_s) + 0.01) if good else None
