"""What is written now, reads back at once, and acts later. Pure."""

import math
from collections.abc import Mapping

from adapters.simulator.registers import PointKey

Held = Mapping[PointKey, int]
Lag = Mapping[PointKey, tuple[float, int]]
"""By point: until when another value acts in its place, and which."""


def acting(held: Held, lag: Lag) -> dict[PointKey, int]:
    """The values that act."""
    return {**held, **{key: value for key, (_, value) in lag.items()}}


def delayed(held: Held, lag: Lag, points: Held, due_s: float) -> Lag:
    """After a write: what it changes acts from `due_s` on, counted from its last change."""
    before = acting(held, lag)
    changed = {key: (due_s, before[key]) for key, raw in points.items() if held.get(key) != raw and key in before}
    return {**lag, **changed}


def caught_up(lag: Lag, now_s: float) -> Lag:
    """What still lags."""
    return {key: entry for key, entry in lag.items() if entry[0] > now_s}


def next_due(lag: Lag) -> float:
    """When the next value begins to act."""
    return min((at for at, _ in lag.values()), default=math.inf)
