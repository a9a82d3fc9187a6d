"""The closed loop of one direction at the connection point: how much room others make under a bound.

For production the room is the house's load: what the meter imports plus what our devices produce. That sum does not move when
our own devices do, so feeding it forward needs no gain and cannot hunt; a slow trim takes out what metering and devices get wrong.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from grid_functions.model.units import Quantity

_CONFIRM_S = 3.0
_TRIM_GAIN = 0.5
_TRIM_SHARE = 0.1
_PRESSING = 0.93
_DEADBAND_W = 25.0
_DEADBAND_SHARE = 0.005
_DISTURBED_SHARE = 0.03
_KEPT = 32
"""Samples of one device between two of the meter; where there are more, the line between those left is coarser and its doubt larger."""


class Sample(NamedTuple):
    """A measured value and the monotonic second it arrived at."""

    at_s: float
    value_w: float


class Track(NamedTuple):
    """The last samples of one signal, oldest first, so that signals polled at different moments can be added as of one moment."""

    samples: tuple[Sample, ...]

    def at(self, at_s: float) -> tuple[float, float]:
        """The value at a moment between two samples, and how wrong it may be: nobody knows when in between it moved.

        On a sample, and beyond the last ones, it is the nearest sample's, without a doubt.
        """
        later_s, later_w = self.samples[-1]
        if later_s <= at_s:
            return later_w, 0.0
        for earlier_s, earlier_w in reversed(self.samples):
            if earlier_s <= at_s:
                break
            later_s, later_w = earlier_s, earlier_w
        else:
            return later_w, 0.0
        if earlier_s == at_s:
            return earlier_w, 0.0
        rise_w = later_w - earlier_w
        return earlier_w + (at_s - earlier_s) / (later_s - earlier_s) * rise_w, abs(rise_w)


@dataclass(frozen=True, slots=True)
class Loop:
    """What one direction remembers. ``room_w``: the room granted now, None before the first good look at the meter."""

    meter: Track | None = None
    devices: Mapping[str, Track] = field(default_factory=dict)
    others_w: Sample | None = None
    others_before_w: Sample | None = None
    room_w: float | None = None
    trim_w: float = 0.0
    bound_w: float | None = None
    disturbed_s: float = -math.inf


class Look(NamedTuple):
    """One look at the connection point, in one direction.

    ``meter``: power flowing in the *other* direction, W (for production: import), None when stale. ``devices``: what our own devices do
    in this direction. ``unmeasured_w``: the most that devices whose power is unknown may be doing. ``total_w``: what all can do together.
    ``left_w``: what of ``allowed_w`` devices leave that could use no more when they were looked at last, and the largest step that
    rounding may leave. ``coarse``: such steps are larger than what devices get wrong: nothing is trimmed upwards for them.
    """

    now_s: float
    bound_w: float
    meter: Sample | None
    devices: Mapping[str, Sample]
    unmeasured_w: float
    allowed_w: float
    total_w: float
    settle_s: float
    left_w: float = 0.0
    coarse: bool = False


def step(loop: Loop, look: Look) -> Loop:
    """The loop after this look; its ``room_w`` is what may be added to the bound. Tightens at once, loosens once seen twice."""
    if look.meter is None:
        return replace(loop, meter=None, others_w=None, others_before_w=None, disturbed_s=look.now_s)
    meter_s, meter_w = look.meter
    followed, tracks, now_s = loop.meter, loop.devices, look.now_s
    last_s = meter_s if followed is None else followed.samples[-1].at_s
    fresh = followed is None or meter_s > last_s
    meter = _follow(followed, look.meter, last_s)
    asked_s = meter.samples[0].at_s
    devices = {name: _follow(tracks.get(name), sample, asked_s) for name, sample in look.devices.items()}
    in_order = [devices[name] for name in sorted(devices)]
    sum_w, doubt_w = _sum_w(meter, in_order)
    room_w, trim_w, disturbed_s = loop.room_w, loop.trim_w, loop.disturbed_s
    held_w = sum_w if room_w is None else room_w - trim_w
    # what was held stands as long as the samples permit it: while our own devices move, samples of different moments prove little
    others_w = min(max(held_w, sum_w - doubt_w), sum_w + doubt_w + look.unmeasured_w)
    seen_w = others_w
    # seen twice means by two samples of the meter, however often we decide between them
    before = loop.others_w if fresh else loop.others_before_w
    if before is not None and meter_s - before.at_s <= _CONFIRM_S:
        seen_w = min(others_w, before.value_w)
    finite_w = look.total_w if look.total_w < math.inf else 0.0
    deadband_w = max(_DEADBAND_W, _DEADBAND_SHARE * finite_w)
    # what the newest samples say by themselves: a step that only one instrument has seen is a step, not an error to trim
    newest_w = meter_w + sum([track.samples[-1].value_w for track in in_order])
    shift_w = math.inf
    if room_w is not None:
        shift_w = max(abs(seen_w + trim_w - room_w), abs(others_w + trim_w - room_w), abs(newest_w + trim_w - room_w))
    if loop.bound_w != look.bound_w or shift_w > max(deadband_w, _DISTURBED_SHARE * finite_w):
        disturbed_s = now_s
    # what is still moving is no error: trimming it would only have to be undone
    if fresh and now_s - disturbed_s >= look.settle_s:
        trim_w = _trimmed(trim_w, look, in_order, deadband_w)
        if trim_w != loop.trim_w:
            disturbed_s = now_s
    if room_w is None or abs(seen_w + trim_w - room_w) > deadband_w:
        room_w = seen_w + trim_w
    return Loop(
        meter=meter,
        devices=MappingProxyType(devices),
        others_w=Sample(meter_s, others_w),
        others_before_w=before,
        room_w=room_w,
        trim_w=trim_w,
        bound_w=look.bound_w,
        disturbed_s=disturbed_s,
    )


def granted_w(loop: Loop, quantity: Quantity, meter: Sample | None, base_load_w: float | None) -> float:
    """Rule 6: without a meter the house is taken to consume nothing for an export bound; for an import bound as much as it did at its
    highest, everything where that is not known, and never less than when it was last seen.
    """
    if meter is not None:
        return loop.room_w or 0.0
    if quantity is Quantity.PRODUCED:
        return min(0.0, loop.room_w or 0.0)
    return -math.inf if base_load_w is None else min(-base_load_w, loop.room_w or 0.0)


def _follow(track: Track | None, sample: Sample, asked_s: float) -> Track:
    """With this sample; of what is older than the earliest moment that can still be asked for, only the newest is kept.

    A device that is written to is looked at far more often than the meter: without what it did at the meter's moment, what it has done
    since would be missing from the sum.
    """
    if track is None:
        return Track((sample,))
    older = track.samples
    last = older[-1]
    if sample.at_s <= last.at_s:
        if sample.at_s < last.at_s:
            return Track((sample,))
        older = older[:-1]
    elif last.at_s <= asked_s:
        return Track((last, sample))
    past = 0
    for one in older:
        if one.at_s > asked_s:
            break
        past += 1
    if past > 1 or len(older) > _KEPT:
        older = (*older[max(past - 1, 0) : past], *older[past:][-_KEPT:])
    return Track((*older, sample))


def _sum_w(meter: Track, devices: Sequence[Track]) -> tuple[float, float]:
    """Meter plus devices, and its doubt, as of the latest moment that all have passed, or else the meter's last sample but one."""
    last_s = meter.samples[-1].at_s
    moment = min([last_s, *[track.samples[-1].at_s for track in devices]])
    moment = max(moment, meter.samples[-2].at_s if len(meter.samples) > 1 else last_s)
    sum_w = sum_doubt_w = 0.0
    for track in (meter, *devices):
        at_s, value_w = track.samples[-1]
        if at_s > moment:
            value_w, doubt_w = track.at(moment)
            sum_doubt_w += doubt_w
        sum_w += value_w
    return sum_w, sum_doubt_w


def _moving_w(devices: Iterable[Track]) -> float:
    """By how much devices moved between their last two samples: what a returning sun still raises is no error either."""
    pairs = [track.samples[-2:] for track in devices if len(track.samples) > 1]
    return sum([abs(last.value_w - before.value_w) for before, last in pairs])


def _trimmed(trim_w: float, look: Look, devices: Iterable[Track], deadband_w: float) -> float:
    """Half of the error that is left when everything has settled; never wound up by what sun or nameplate withhold."""
    if look.meter is None:
        return trim_w
    error_w = look.bound_w + look.meter.value_w  # the way to the bound that is left, negative beyond it
    doing_w = sum(sample.value_w for sample in look.devices.values())
    if error_w < -deadband_w:
        return max(trim_w + _TRIM_GAIN * error_w, -(look.bound_w + doing_w))
    if doing_w < _PRESSING * look.allowed_w or look.allowed_w >= look.total_w - deadband_w:
        return min(trim_w, 0.0)
    # what an idle device leaves is no error of its limit: trimmed away, it would be exceeded by as much once the device is idle no more
    if error_w - look.left_w > deadband_w and _moving_w(devices) <= deadband_w:
        return min(trim_w + _TRIM_GAIN * (error_w - look.left_w), 0.0 if look.coarse else _TRIM_SHARE * doing_w)
    return trim_w
