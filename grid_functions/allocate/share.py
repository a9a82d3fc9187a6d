"""Shares limits over devices: everybody rises together, by capability, until a limit that covers him is full."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CRUMB_W = 1e-6


@dataclass(frozen=True, slots=True)
class Fence:
    """At most ``room_w`` over these devices together; a negative room is none."""

    names: frozenset[str]
    room_w: float


@dataclass(frozen=True, slots=True)
class Part:
    """One device that takes a share. ``least_w``: below this it can only be at 0; ``step_w``: the step of its limit."""

    most_w: float
    wish_w: float = math.inf
    least_w: float = 0.0
    step_w: float = 0.0


def share(parts: Mapping[str, Part], fences: Sequence[Fence]) -> dict[str, float]:
    """The most that each device may do, W, such that every fence holds; rounded to the device's step, towards tighter.

    First up to what each can use (``wish_w``), then what is left to whoever can take it. A device that would land between 0 and
    its least is left out and its share given to the others, the smallest first (rule 1).
    """
    out: set[str] = set()
    while True:
        taking = {name: part for name, part in parts.items() if name not in out}
        given = _rise({name: min(part.most_w, part.wish_w) for name, part in taking.items()}, taking, fences, {})
        given = _rise({name: part.most_w for name, part in taking.items()}, taking, fences, given)
        rounded = {name: floor_to(given[name], part.step_w) for name, part in taking.items()}
        short = [name for name, part in taking.items() if rounded[name] < min(part.least_w, part.most_w)]
        if not short:
            return {name: rounded.get(name, 0.0) for name in sorted(parts)}
        out.add(min(short, key=lambda name: (rounded[name], name)))


def floor_to(value_w: float, step_w: float) -> float:
    """The largest multiple of ``step_w`` not above ``value_w`` (a crumb of rounding aside), W >= 0."""
    if step_w <= 0 or math.isinf(value_w):
        return max(0.0, value_w)
    return max(0.0, math.floor((value_w + _CRUMB_W) / step_w) * step_w)


def _rise(
    tops: Mapping[str, float], parts: Mapping[str, Part], fences: Sequence[Fence], start: Mapping[str, float]
) -> dict[str, float]:
    weights = _weights(parts)
    given = {name: start.get(name, 0.0) for name in sorted(parts)}
    rising = {name for name in given if tops[name] - given[name] > _CRUMB_W}
    while rising:
        reach = min((tops[name] - given[name]) / weights[name] for name in rising)
        for fence in fences:
            shared = sum(weights[name] for name in sorted(rising & fence.names))
            if shared:
                used = sum(given[name] for name in sorted(given.keys() & fence.names))
                reach = min(reach, max(0.0, fence.room_w - used) / shared)
        if math.isinf(reach):
            return {name: math.inf if name in rising else value for name, value in given.items()}
        for name in rising:
            given[name] += weights[name] * reach
        full = {name for name in rising if tops[name] - given[name] <= _CRUMB_W}
        for fence in fences:
            if fence.room_w - sum(given[name] for name in sorted(given.keys() & fence.names)) <= _CRUMB_W:
                full |= rising & fence.names
        rising -= full
    return given


def _weights(parts: Mapping[str, Part]) -> dict[str, float]:
    """By capability; a device that has not told its own weighs as much as the largest that has."""
    known = [part.most_w for part in parts.values() if 0 < part.most_w < math.inf]
    stranger = max(known, default=1.0)
    return {name: part.most_w if 0 < part.most_w < math.inf else stranger for name, part in parts.items()}
