"""The most that a house drew beside its own devices in the last week: what an import bound counts on while the meter is dark."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from grid_functions.flow import flow
from grid_functions.model.claim import ConnectionPoint, Devices
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

ROOM: Final = "base_load"
DAYS: Final = 7
"""Beside the day that runs."""

HELD_S: Final = 10.0
"""Interpretation: a peak counts once it has held so long. Meter and devices are not read at one instant, so that every move of a device
looks like a peak for a second; and a bound of power is none of inrush currents."""

KNOWN_S: Final = 86_400.0
"""Interpretation: after a day of counting the highest is known; before, the house may not have cooked yet."""

STEP_W: Final = 100.0
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """Days since 1970 (UTC) with the highest of each, W, rounded up to ``STEP_W``, oldest first; ``since_utc_s``: when counting began."""

    since_utc_s: float
    days: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """``peaks`` is durable. ``least_w``: the least since monotonic ``since_s``, in a span that has not held long enough yet."""

    peaks: Peaks | None = None
    since_s: float | None = None
    least_w: float = math.inf


def step(base: BaseLoad, snapshot: Snapshot, terms: SiteTerms, now: Instants) -> tuple[BaseLoad, tuple[Entry, ...]]:
    """Look once more. While any part is unknown nothing is counted."""
    ours = Devices(frozenset(terms.devices))
    net_w = flow(ConnectionPoint(), Quantity.NET, None, snapshot, terms, now)
    ours_w = flow(ours, Quantity.NET, None, snapshot, terms, now)
    if net_w is None or ours_w is None:
        return BaseLoad(base.peaks), ()
    load_w = max(0.0, net_w - ours_w)
    if base.since_s is None or now.mono_s < base.since_s:
        return BaseLoad(base.peaks, now.mono_s, load_w), ()
    least_w = min(base.least_w, load_w)
    if now.mono_s - base.since_s < HELD_S:
        return base if least_w == base.least_w else replace(base, least_w=least_w), ()
    peaks = _with(base.peaks, least_w, now.utc_s)
    changed = (Entry((ROOM,), peaks),) if peaks != base.peaks else ()
    return BaseLoad(peaks, now.mono_s, load_w), changed


def highest_w(base: BaseLoad, now: Instants) -> float | None:
    """W; None while it is not known."""
    if base.peaks is None or now.utc_s - base.peaks.since_utc_s < KNOWN_S:
        return None
    return max((peak_w for day, peak_w in base.peaks.days if _is_recent(day, now.utc_s)), default=None)


def restore(entries: Iterable[Entry]) -> BaseLoad:
    """What the ledger has."""
    found = [one.value for one in entries if one.key == (ROOM,) and isinstance(one.value, Peaks)]
    return BaseLoad(found[-1] if found else None)


def _with(peaks: Peaks | None, load_w: float, utc_s: float) -> Peaks:
    today, up_w = math.floor(utc_s / _DAY_S), math.ceil(load_w / STEP_W) * STEP_W
    held = Peaks(utc_s, ()) if peaks is None else peaks
    days = {day: peak_w for day, peak_w in held.days if _is_recent(day, utc_s)}
    days[today] = max(days.get(today, 0.0), up_w)
    # a clock that was set back has not counted longer than it shows
    return Peaks(min(held.since_utc_s, utc_s), tuple(sorted(days.items())))


def _is_recent(day: int, utc_s: float) -> bool:
    return 0 <= math.floor(utc_s / _DAY_S) - day <= DAYS
