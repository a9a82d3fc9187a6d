"""Inverters of the SunSpec 700 series: measured (701), rated (702), enter service (703), limited (704); pure.

Source: SunSpec DER Information Model Specification 1.0, models 701 to 704; write order after its clause on reversion.
"""

from collections.abc import Mapping
from typing import Final

from adapters.devices.sunspec.readings import Table, number, per_phase, watts
from adapters.devices.sunspec.registers import Pen
from adapters.family import Conversation
from adapters.sunspec.points import Value
from grid_functions.model.device import Nameplate
from grid_functions.model.setpoint import Revert
from grid_functions.model.units import Quantity

AC: Final = 701
PLATE: Final = 702
SWITCH: Final = 703
LIMIT: Final = 704
FAULT: Final = 6

TABLE: Final[Table] = {
    (Quantity.NET, None): "W",
    **per_phase(Quantity.NET, ("WL1", "WL2", "WL3")),
    (Quantity.REACTIVE, None): "Var",
    **per_phase(Quantity.REACTIVE, ("VarL1", "VarL2", "VarL3")),
    (Quantity.CURRENT, None): "A",
    **per_phase(Quantity.CURRENT, ("AL1", "AL2", "AL3")),
    (Quantity.VOLTAGE, None): "LNV",
    **per_phase(Quantity.VOLTAGE, ("VL1", "VL2", "VL3")),
    (Quantity.FREQUENCY, None): "Hz",
    (Quantity.ENERGY_PRODUCED, None): "TotWhInj",
    (Quantity.ENERGY_CONSUMED, None): "TotWhAbs",
}
"""701 counts injection positive, W and Var alike (its W says so; Interpretation: Var follows W)."""

LIMIT_POINTS: Final = ("WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms")
SWITCH_POINTS: Final = ("ES",)

POLLED: Final[Mapping[int, tuple[str, ...]]] = {
    AC: ("ACType", *TABLE.values(), "St", "InvSt", "ConnSt", "Alrm"),
    PLATE: ("WMax", "WMaxRtg"),
    SWITCH: SWITCH_POINTS,
    LIMIT: (*LIMIT_POINTS, "WMaxLimPctRvrtRem"),
}
PLATE_POINTS: Final = (
    "WMaxRtg",
    "VAMaxRtg",
    "VarMaxInjRtg",
    "VarMaxAbsRtg",
    "WChaRteMaxRtg",
    "WDisChaRteMaxRtg",
    "VNomRtg",
    "WMax",
)


def nameplate(values: Mapping[str, Value | None]) -> Nameplate:
    """What 702 says."""
    return Nameplate(
        rated_w=number(values.get("WMaxRtg")),
        rated_va=number(values.get("VAMaxRtg")),
        rated_inject_var=number(values.get("VarMaxInjRtg")),
        rated_absorb_var=number(values.get("VarMaxAbsRtg")),
        rated_charge_w=number(values.get("WChaRteMaxRtg")),
        rated_discharge_w=number(values.get("WDisChaRteMaxRtg")),
        nominal_v=number(values.get("VNomRtg")),
        max_w=base_w(values),
    )


def base_w(values: Mapping[str, Value | None]) -> float | None:
    """100 % of the limit: the setting WMax, else the rating."""
    return number(values.get("WMax")) or number(values.get("WMaxRtg"))


def limited(values: Mapping[str, Value | None], max_w: float | None) -> tuple[float | None, Revert | None]:
    """The limit in force, W, and what it reverts to while its timer runs."""
    percent = number(values.get("WMaxLimPct"))
    if values.get("WMaxLimPctEna") != 1 or percent is None or max_w is None:
        return None, None
    after_s, left_s = values.get("WMaxLimPctRvrtTms"), values.get("WMaxLimPctRvrtRem")
    if not after_s or left_s == 0:
        return watts(percent, max_w), None
    fall = number(values.get("WMaxLimPctRvrt")) if values.get("WMaxLimPctEnaRvrt") == 1 else None
    return watts(percent, max_w), Revert(float(after_s), None if fall is None else watts(fall, max_w))


def reverts(values: Mapping[str, Value | None]) -> bool:
    """Whether the limit can fall to a value of its own when we are silent."""
    return all(values.get(name) is not None for name in ("WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms"))


def write_limit(
    pen: Pen, percent: Value, revert_s: int, revert_pct: Value | None, *, rearm: bool
) -> Conversation[bool]:
    """Revert side first, then the value, Ena last: no limit is ever in force without the way back that belongs to it.

    ``revert_s`` 0: no timer. Interpretation: the model does not say which write starts a running timer anew, so a late one
    gets both RvrtTms and the value. ``rearm``: it is late where the device does not tell.
    """
    side: dict[str, Value] = {"WMaxLimPctRvrtTms": revert_s}
    if revert_s:
        value = 100 if revert_pct is None else revert_pct
        side |= {"WMaxLimPctRvrt": value, "WMaxLimPctEnaRvrt": int(revert_pct is not None)}
    late = bool(revert_s) and _late(pen, revert_s, rearm)
    if (late or pen.differs(LIMIT, side)) and not (yield from pen.put(LIMIT, side)):
        return False
    if late and not (yield from pen.put(LIMIT, {"WMaxLimPct": percent})):
        return False
    return (yield from pen.settle(LIMIT, ({"WMaxLimPct": percent}, {"WMaxLimPctEna": 1})))


def release_limit(pen: Pen, baseline: Mapping[str, Value]) -> Conversation[bool]:
    """A limit that was off is switched off before anything of it changes; one that was on is set like any other."""
    enable = {name: value for name, value in baseline.items() if name == "WMaxLimPctEna"}
    level = {name: value for name, value in baseline.items() if name == "WMaxLimPct"}
    side = {name: value for name, value in baseline.items() if name not in enable and name not in level}
    off = enable.get("WMaxLimPctEna") == 0
    return (yield from pen.settle(LIMIT, (enable, level, side) if off else (side, level, enable)))


def write_switch(pen: Pen, on: bool) -> Conversation[bool]:
    """Permit service, or cease to energize."""
    wanted = {"ES": int(on)}
    return not pen.differs(SWITCH, wanted) or (yield from pen.put(SWITCH, wanted))


def _late(pen: Pen, revert_s: int, rearm: bool) -> bool:
    """Whether the timer runs no longer than half of what it should."""
    read = pen.values[LIMIT]
    if read.get("WMaxLimPctEna") != 1:
        return False  # it starts with Ena
    left_s = number(read.get("WMaxLimPctRvrtRem"))
    return rearm if left_s is None else 2 * left_s < revert_s
