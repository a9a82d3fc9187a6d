"""Model 704: what its registers hold, may be given, revert to, and order. Pure.

Interpretation: a write to a function's Ena, value, mode or RvrtTms while Ena is 1 restarts its timer (0 stops it), a
write of the reversion values alone does not; when it ends, the reversion values are copied into the values and Ena.
Where several reactive functions are enabled the first of power factor, VarSet, 705 and 712 acts. Negative percentages
are of WMax too.
"""

from collections.abc import Mapping

from adapters.simulator.power import counts
from adapters.simulator.reactive import FixedVar, OfAvailable, PowerFactor, Wish
from adapters.simulator.registers import PointKey
from adapters.simulator.timers import Timer

Held = Mapping[PointKey, int]
Range = tuple[int, int]

_TMS = (0, 0xFFFF_FFFE)


def born(limit_sf: int) -> dict[PointKey, int]:
    """Fresh from the box: nothing enabled."""
    full = counts(100, limit_sf)
    named = {"WMaxLimPctEna": 0, "WMaxLimPct": full, "WMaxLimPctRvrt": full, "WMaxLimPctEnaRvrt": 0}
    named |= {"WMaxLimPctRvrtTms": 0, "WSetEna": 0, "WSetMod": 1, "WSet": 0, "WSetRvrt": 0, "WSetPct": 0}
    named |= {"WSetPctRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": 0, "WRmpRef": 1, "AntiIslEna": 1}
    named |= {"VarSetEna": 0, "VarSetMod": 1, "VarSetPri": 1, "VarSet": 0, "VarSetRvrt": 0, "VarSetPct": 0}
    named |= {"VarSetPctRvrt": 0, "VarSetEnaRvrt": 0, "VarSetRvrtTms": 0}
    for side in ("PFWInj", "PFWAbs"):
        named |= {f"{side}Ena": 0, f"{side}EnaRvrt": 0, f"{side}RvrtTms": 0}
        named |= {f"{side}.PF": 1000, f"{side}.Ext": 0, f"{side}Rvrt.PF": 1000, f"{side}Rvrt.Ext": 0}
    named |= {"PF_SF": -3, "WMaxLimPct_SF": limit_sf, "WSet_SF": 0, "WSetPct_SF": -1, "VarSet_SF": 0}
    return {(704, name): raw for name, raw in {**named, "VarSetPct_SF": -1}.items()}


def ranges(limit_sf: int, lowest_w: int, highest_w: int, var_max: int) -> dict[PointKey, Range]:
    """What may be written, by point."""
    full = (0, counts(100, limit_sf))
    active = (lowest_w, highest_w)
    percent = (-1000 if lowest_w < 0 else 0, 1000)
    named: dict[str, Range] = {"WMaxLimPct": full, "WMaxLimPctRvrt": full, "WSetMod": (0, 1)}
    named |= {"WSet": active, "WSetRvrt": active, "WSetPct": percent, "WSetPctRvrt": percent, "WRmp": (1, 1000)}
    named |= {"WRmpRef": (1, 1), "VarRmp": (1, 1000), "AntiIslEna": (0, 1), "VarSetMod": (0, 4), "VarSetPri": (0, 1)}
    named |= {"VarSet": (-var_max, var_max), "VarSetRvrt": (-var_max, var_max)}
    named |= {"VarSetPct": (-1000, 1000), "VarSetPctRvrt": (-1000, 1000)}
    for function in _FUNCTIONS:
        named |= {f"{function}Ena": (0, 1), f"{function}EnaRvrt": (0, 1), f"{function}RvrtTms": _TMS}
    for group in ("PFWInj", "PFWInjRvrt", "PFWAbs", "PFWAbsRvrt"):
        named |= {f"{group}.PF": (500, 1000), f"{group}.Ext": (0, 1)}
    return {(704, name): pair for name, pair in named.items()}


def in_whole_percent(points: Held, limit_sf: int) -> dict[PointKey, int]:
    """A write as a device takes it that knows its power limit in steps of 1 % only."""
    step = counts(1, limit_sf)
    limits = {(704, "WMaxLimPct"), (704, "WMaxLimPctRvrt")}
    return {key: round(raw / step) * step if key in limits else raw for key, raw in points.items()}


def _timer(function: str, values: tuple[tuple[str, str], ...], modes: tuple[str, ...] = ()) -> Timer:
    starts = {f"{function}Ena", f"{function}RvrtTms", *modes, *(name for name, _ in values)}
    pairs = (*values, (f"{function}Ena", f"{function}EnaRvrt"))
    ends = tuple(((704, to), (704, source)) for to, source in pairs)
    keys = frozenset((704, name) for name in starts)
    return Timer(function, (704, f"{function}Ena"), (704, f"{function}RvrtTms"), keys, ends)


_FUNCTIONS = ("PFWInj", "PFWAbs", "WMaxLimPct", "WSet", "VarSet")
TIMERS = (
    _timer("WMaxLimPct", (("WMaxLimPct", "WMaxLimPctRvrt"),)),
    _timer("WSet", (("WSet", "WSetRvrt"), ("WSetPct", "WSetPctRvrt")), ("WSetMod",)),
    _timer("VarSet", (("VarSet", "VarSetRvrt"), ("VarSetPct", "VarSetPctRvrt")), ("VarSetMod", "VarSetPri")),
    *(
        _timer(side, ((f"{side}.PF", f"{side}Rvrt.PF"), (f"{side}.Ext", f"{side}Rvrt.Ext")))
        for side in ("PFWInj", "PFWAbs")
    ),
)
VALUES: Mapping[str, tuple[str, ...]] = {
    "WMaxLimPctEna": ("WMaxLimPct",),
    "WSetEna": ("WSetMod", "WSet", "WSetPct"),
    "VarSetEna": ("VarSetMod", "VarSetPri", "VarSet", "VarSetPct"),
    "PFWInjEna": ("PFWInj.PF", "PFWInj.Ext"),
    "PFWAbsEna": ("PFWAbs.PF", "PFWAbs.Ext"),
}
"""Which values each enable puts in force."""


def limit_w(held: Held, w_max: float) -> float | None:
    """The ceiling that WMaxLimPct sets, if enabled."""
    if not held[704, "WMaxLimPctEna"]:
        return None
    return w_max * _scaled(held, "WMaxLimPct", "WMaxLimPct_SF") / 100


def set_w(held: Held, w_max: float) -> float | None:
    """The active power that WSet demands, if enabled."""
    if not held[704, "WSetEna"]:
        return None
    if held[704, "WSetMod"] == 1:
        return _scaled(held, "WSet", "WSet_SF")
    return w_max * _scaled(held, "WSetPct", "WSetPct_SF") / 100


def reactive(held: Held, w_max: float, va_max: float, var_max: float) -> Wish | None:
    """What power factor or VarSet demand, if enabled."""
    if held[704, "PFWInjEna"] or held[704, "PFWAbsEna"]:
        return PowerFactor(_factor(held, "PFWInj"), _factor(held, "PFWAbs"))
    if not held[704, "VarSetEna"]:
        return None
    mode, share = held[704, "VarSetMod"], _scaled(held, "VarSetPct", "VarSetPct_SF") / 100
    if mode == 2:
        return OfAvailable(share)
    base = {0: w_max * share, 1: var_max * share, 3: va_max * share, 4: _scaled(held, "VarSet", "VarSet_SF")}
    return FixedVar(base[mode], active_first=held[704, "VarSetPri"] == 0)


def _factor(held: Held, side: str) -> float:
    if not held[704, f"{side}Ena"]:
        return 1.0
    factor = _scaled(held, f"{side}.PF", "PF_SF")
    return -factor if held[704, f"{side}.Ext"] else factor


def _scaled(held: Held, name: str, scale: str) -> float:
    return held[704, name] * 10.0 ** held[704, scale]
