"""The age of what a snapshot shows, and what it shows of a device that nobody watches."""

from collections.abc import Mapping
from dataclasses import replace

from adapters.showing import silent
from grid_functions.model.device import Seen
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.reading import MeterKey, Quality, Reading


def aged(reading: Reading, now: Instants, stale_s: float) -> Reading:
    """The reading, STALE once it is older than ``stale_s``."""
    if reading.quality is Quality.GOOD and now.mono_s - reading.at_s > stale_s:
        return Reading(reading.value, Quality.STALE, reading.at_s, reading.utc_s)
    return reading


def unwatched(seen: Seen | None, why: str) -> dict[str, Seen]:
    """A device whose driver stopped, by name: what was last seen of it, silent, and what it may hold nobody knows (rule 6)."""
    return (
        {} if seen is None else {seen.device: replace(seen, condition=silent(seen.condition, None, why, sleepy=False))}
    )


def next_stale(meter: Mapping[MeterKey, Reading], stale_s: float, now: Instants) -> Moment | None:
    """When the first good reading turns stale if none follows."""
    good = [reading.at_s for reading in meter.values() if reading.quality is Quality.GOOD]
    return Moment(OWN, now.utc_s + (min(good) + stale_s - now.mono_s) + 0.01) if good else None
