"""Reactive power: what is wished for, and what apparent power permits. Var positive when injected. Pure.

Sign of the power factor: over-excited injects var, whichever way active power flows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class FixedVar:
    """So much var."""

    var: float
    active_first: bool = False


@dataclass(frozen=True, slots=True)
class OfAvailable:
    """A share (-1 to 1) of the var that the active power leaves at this instant."""

    share: float


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """cos phi while injecting and while absorbing active power, negative when under-excited; 1.0 = no var."""

    injecting: float
    absorbing: float = 1.0


@dataclass(frozen=True, slots=True)
class OfWatts:
    """Var as a function of active power, both absolute."""

    points: tuple[tuple[float, float], ...]
    active_first: bool = False


@dataclass(frozen=True, slots=True)
class FactorOfWatts:
    """cos phi, negative when under-excited, as a function of active power."""

    points: tuple[tuple[float, float], ...]


Wish = FixedVar | OfAvailable | PowerFactor | OfWatts | FactorOfWatts


def wanted_var(wish: Wish | None, output_w: float, va_max: float, var_max: float) -> float:
    """The var that flows beside `output_w` when a wish is met as far as apparent power and the var rating allow."""
    room = math.sqrt(max(0.0, va_max**2 - output_w**2))
    most = min(room, var_max)
    match wish:
        case FixedVar(var=var):
            wanted = var
        case OfAvailable(share=share):
            wanted = share * most
        case PowerFactor(injecting=injecting, absorbing=absorbing):
            wanted = _beside(output_w, injecting if output_w >= 0 else absorbing)
        case OfWatts(points=points):
            wanted = at(points, output_w)
        case FactorOfWatts(points=points):
            wanted = _beside(output_w, at(points, output_w))
        case None:
            wanted = 0.0
    return max(-most, min(most, wanted))


def active_room(wish: Wish | None, va_max: float, var_max: float) -> float:
    """How much active power a wish leaves when var comes first."""
    match wish:
        case FixedVar(var=var, active_first=False):
            return math.sqrt(max(0.0, va_max**2 - min(abs(var), var_max) ** 2))
        case OfWatts(points=points, active_first=False):
            most = min(var_max, max(abs(var) for _, var in points))
            return math.sqrt(max(0.0, va_max**2 - most**2))
        case PowerFactor(injecting=injecting):
            return va_max * abs(injecting)
        case _:
            return va_max


def at(points: Points, x: float) -> float:
    """A curve's value: straight lines between points, level outside them."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def _beside(output_w: float, factor: float) -> float:
    var = abs(output_w) * math.sqrt(1 / factor**2 - 1) if factor else 0.0
    return math.copysign(var, factor)
