"""Functions with an enabling point and a revert timer, in both series: value and timer to steps; pure.

704 gives each function a revert value of its own; the functions of 123 and 124 only end. Order: revert side, timer, value, Ena last, so
that no value is ever in force without the way back that belongs to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.devices.sunspec.steps import Held, Sequence, Step
from adapters.sunspec.points import Value

LONGEST_S: Final = 0xFFFE_FFFE
LONGEST_LEGACY_S: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class Timed:
    """A function of 704. ``fall``: its revert values; empty where there is none to write."""

    enable: str
    values: tuple[str, ...]
    enable_fall: str
    fall: tuple[str, ...]
    timer: str
    left: str

    @property
    def points(self) -> frozenset[str]:
        """All that can be written."""
        return frozenset({self.enable, *self.values, self.enable_fall, *self.fall, self.timer})


def timed(stem: str, values: tuple[str, ...], fall: tuple[str, ...]) -> Timed:
    """The names of 704 follow one pattern."""
    return Timed(f"{stem}Ena", values, f"{stem}EnaRvrt", fall, f"{stem}RvrtTms", f"{stem}RvrtRem")


MODEL: Final = 704
LIMIT: Final = timed("WMaxLimPct", ("WMaxLimPct",), ("WMaxLimPctRvrt",))
POWER: Final = timed("WSet", ("WSetMod", "WSet", "WSetPct"), ("WSetRvrt", "WSetPctRvrt"))
INJECT: Final = timed("PFWInj", ("PFWInj.PF", "PFWInj.Ext"), ("PFWInjRvrt.PF", "PFWInjRvrt.Ext"))
ABSORB: Final = timed("PFWAbs", ("PFWAbs.PF", "PFWAbs.Ext"), ("PFWAbsRvrt.PF", "PFWAbsRvrt.Ext"))
REACTIVE: Final = timed("VarSet", ("VarSetMod", "VarSetPri", "VarSet", "VarSetPct"), ("VarSetRvrt", "VarSetPctRvrt"))


def set_timed(
    held: Held,
    function: Timed,
    values: Mapping[str, Value],
    fall: Mapping[str, Value] | None,
    revert_s: int,
    *,
    rearm: bool,
    edge: bool = False,
) -> Sequence:
    """``fall`` None: at its end the function is off. ``revert_s`` 0: no timer.

    Interpretation: the model does not say which write starts a running timer anew, so a late one gets both timer and
    value. ``rearm``: it is late where the device does not tell. ``edge``: the device follows a changed value only when
    Ena rises.
    """
    side: dict[str, Value] = {function.timer: min(revert_s, LONGEST_S)}
    if revert_s:
        side |= {function.enable_fall: int(fall is not None), **(fall or {})}
    late = bool(revert_s) and _late(held, function, revert_s, rearm)
    steps = [Step(MODEL, side, whole=True, force=late)]
    if edge and held.value(MODEL, function.enable) == 1 and held.differs(MODEL, values):
        steps.append(Step(MODEL, {function.enable: 0}))
    enable = Step(MODEL, {function.enable: 1}, blank=frozenset({function.enable}))
    return (*steps, Step(MODEL, values, force=late, blank=frozenset(values)), enable)


def off(function: Timed) -> Step:
    """End a function of 704."""
    return Step(MODEL, {function.enable: 0})


def set_block(
    held: Held,
    model: int,
    values: Mapping[str, Value],
    enable: str,
    timers: tuple[str, str, str],
    revert_s: int,
    *,
    rearm: bool,
    edge: bool = False,
    ramp_s: int = 0,
) -> Sequence:
    """A function of 123: value, no random start, timer (0 = none), ramp (0 = the device's own), Ena: neighbours, one request."""
    window, revert, ramp = timers
    seconds = min(revert_s, LONGEST_LEGACY_S)
    block: dict[str, Value] = {**values, window: 0, revert: seconds, ramp: ramp_s, enable: 1}
    falls = edge and held.value(model, enable) == 1 and held.differs(model, values)
    first = (Step(model, {enable: 0}),) if falls else ()
    return (*first, Step(model, block, whole=True, force=bool(revert_s) and rearm, blank=frozenset({*values, enable})))


def _late(held: Held, function: Timed, revert_s: int, rearm: bool) -> bool:
    """Whether the timer runs no longer than half of what it should."""
    if held.value(MODEL, function.enable) != 1:
        return False  # it starts with Ena
    left_s = held.number(MODEL, function.left)
    return rearm if left_s is None else 2 * left_s < revert_s
