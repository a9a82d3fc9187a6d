"""Snapshots into averages of the connection point or of devices, over windows aligned to whole UTC seconds."""

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from grid_functions.model.device import Role
from grid_functions.model.reading import Average, MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity


@dataclass(frozen=True, slots=True)
class Sum:
    """One signal's open window: up to ``until_s`` (UTC), ``seconds`` of it were covered and add up to ``value_s``.

    ``value`` holds on from ``until_s`` but not past ``stale_s``; None = nothing good to hold.
    """

    start_s: float
    until_s: float
    seconds: float = 0.0
    value_s: float = 0.0
    value: float | None = None
    stale_s: float = -math.inf


@dataclass(frozen=True, slots=True)
class ReportState:
    """The open windows, by what the meter measures."""

    sums: Mapping[MeterKey, Sum] = field(default_factory=dict)
    version: int = 1


def step(
    state: ReportState, snapshot: Snapshot, window_s: float, stale_s: float
) -> tuple[ReportState, tuple[Average, ...]]:
    """The state after this picture, and the averages of the windows that it closed.

    A reading holds until the next, but no longer than ``stale_s``; what is not covered lowers the coverage, and a window without
    any good reading yields no average. ``window_s``: a whole number of seconds.
    """
    now_s = snapshot.at.utc_s
    after: dict[MeterKey, Sum] = {}
    averages: list[Average] = []
    for key in sorted(state.sums.keys() | snapshot.meter.keys(), key=_ORDER.__getitem__):
        one = state.sums.get(key) or Sum(_start(now_s, window_s), now_s)
        while now_s >= one.start_s + window_s:
            full = _held(one, one.start_s + window_s)
            if full.seconds > 0:
                share = full.seconds / window_s
                averages.append(Average(*key, full.start_s, window_s, full.value_s / full.seconds, share))
            # a long silence leaves no row of empty windows to walk through
            start_s = full.until_s if full.stale_s > full.until_s else max(full.until_s, _start(now_s, window_s))
            one = Sum(start_s, start_s, value=full.value, stale_s=full.stale_s)
        one = _held(one, now_s)
        reading = snapshot.meter.get(key)
        if reading is not None and reading.quality is Quality.GOOD and math.isfinite(reading.value):
            one = Sum(one.start_s, now_s, one.seconds, one.value_s, reading.value, reading.utc_s + stale_s)
        after[key] = one
    return ReportState(after), tuple(averages)


def closes_s(state: ReportState, window_s: float) -> float:
    """UTC seconds at which the first open window ends that has, or will have, any good reading in it; infinity = there is none."""
    open_ = (one for one in state.sums.values() if one.seconds > 0 or one.stale_s > one.until_s)
    return min((one.start_s + window_s for one in open_), default=math.inf)


def together(snapshot: Snapshot, names: Container[str]) -> Snapshot:
    """The picture of these devices as if one meter measured them: powers and stored energy add up, volts and hertz are their mean.

    A device that does not answer is left out. Where the stored energy is not told it is the charge's share of the capacity.
    """
    found: dict[MeterKey, list[Reading]] = {}
    for name, one in snapshot.devices.items():
        if name not in names or one.role in _NO_DER or not one.condition.online:
            continue
        readings = one.condition.readings
        charge = readings.get(_CHARGE)
        if charge is not None and one.nameplate.capacity_wh is not None:
            readings = dict(readings)
            stored = replace(charge, value=charge.value / 100.0 * one.nameplate.capacity_wh)
            readings.setdefault(_STORED, stored)
        for key, reading in readings.items():
            if key[0] in _TOGETHER and reading.quality is Quality.GOOD and math.isfinite(reading.value):
                found.setdefault(key, []).append(reading)
    return replace(snapshot, meter={key: _joined(key[0], readings) for key, readings in found.items()})


_KEYS: Final[tuple[MeterKey, ...]] = tuple((quantity, phase) for quantity in Quantity for phase in (None, *Phase))
_ORDER: Final = {key: place for place, key in enumerate(sorted(_KEYS, key=repr))}
_NO_DER = frozenset({Role.METER, Role.LOAD})
_ADDED = frozenset({Quantity.NET, Quantity.REACTIVE, Quantity.STORED_ENERGY})
_MEANT = frozenset({Quantity.VOLTAGE, Quantity.FREQUENCY})
_TOGETHER = _ADDED | _MEANT
_CHARGE: Final[MeterKey] = (Quantity.STATE_OF_CHARGE, None)
_STORED: Final[MeterKey] = (Quantity.STORED_ENERGY, None)


def _joined(quantity: Quantity, readings: list[Reading]) -> Reading:
    if len(readings) == 1:
        return readings[0]
    total = sum(one.value for one in readings)
    value = total if quantity in _ADDED else total / len(readings)
    return replace(min(readings, key=lambda one: one.at_s), value=value)


def _held(one: Sum, until_s: float) -> Sum:
    span_s = max(0.0, min(until_s, one.stale_s) - one.until_s)
    if one.value is None or span_s == 0.0:
        return Sum(one.start_s, max(one.until_s, until_s), one.seconds, one.value_s, one.value, one.stale_s)
    total_s = one.value_s + one.value * span_s
    return Sum(one.start_s, max(one.until_s, until_s), one.seconds + span_s, total_s, one.value, one.stale_s)


def _start(now_s: float, window_s: float) -> float:
    return math.floor(now_s / window_s) * window_s
