"""Active power to keep: 704.WSet in watts, or 124's two rates; pure. The one place where the sign is turned for writing.

124: the rates bound the battery's power from both sides, charging by InWRte and discharging by OutWRte; a negative rate
forces the other direction, so that two rates of opposite sign leave one power.
"""

import math
from typing import Final

from adapters.devices.sunspec.case import Case, seconds
from adapters.devices.sunspec.setpoints import MODEL, POWER, set_timed
from adapters.devices.sunspec.steps import Cannot, Sequence, Step
from adapters.sunspec.points import Rounding, Value
from grid_functions.model.control import Mode
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import turned

STORAGE: Final = 124
STORAGE_POINTS: Final = frozenset(
    {"StorCtl_Mod", "OutWRte", "InWRte", "InOutWRte_WinTms", "InOutWRte_RvrtTms", "InOutWRte_RmpTms", "ChaGriSet"}
)
_CHARGE, _DISCHARGE = 1, 2


def target(case: Case, power_w: float, revert: Revert | None) -> Sequence:
    """Keep this power, W, positive = consume, by 704.WSet.

    Interpretation: in watts wherever they can be said, since what 100 % of a negative WSetPct is the model leaves open.
    When the timer ends, the device is free again; its limit falls on its own.
    """
    if case.model(Mode.TARGET_POWER) != MODEL or case.held.value(MODEL, "WSetEna") is None:
        return (case.refusal(Mode.TARGET_POWER),)
    value = case.held.sayable(MODEL, "WSet", turned(power_w))
    if value is not None and case.held.has(MODEL, "WSet"):
        values: dict[str, Value] = {"WSetMod": 1, "WSet": value}
    else:
        percent = None if case.base_w is None else 100.0 * turned(power_w) / case.base_w
        share = None if percent is None else case.held.sayable(MODEL, "WSetPct", percent)
        if share is None:
            return (Cannot("its power setpoint has no usable scale factor or base"),)
        values = {"WSetMod": 0, "WSetPct": share}
    edge = case.profile.enable_edge
    return set_timed(case.held, POWER, values, None, seconds(revert), rearm=case.rearm, edge=edge)


def storage(case: Case, wanted: Setpoint) -> Sequence:
    """Limits and power of a battery by 124: both rates in one request, StorCtl_Mod last."""
    charge_w = case.held.number(STORAGE, "WChaMax")
    discharge_w = case.held.number(120, "MaxDisChaRte") or charge_w
    if not charge_w or not discharge_w:
        return (Cannot("what 100 % of the battery's rates means cannot be read"),)
    rates, timer_s = _rates(case, wanted, charge_w, discharge_w), seconds(wanted.revert)
    if wanted.target_w is None and wanted.revert is not None and wanted.revert.produce_max_w is not None:
        timer_s = 0  # its expiry would loosen
    block: dict[str, Value] = {"InOutWRte_WinTms": 0, "InOutWRte_RvrtTms": min(timer_s, 0xFFFE), "InOutWRte_RmpTms": 0}
    for point, percent, rounding in rates:
        value = case.held.sayable(STORAGE, point, percent, rounding)
        if value is None:
            return (Cannot("the battery's rates have no usable scale factor"),)
        block[point] = value
    if wanted.target_w is not None and wanted.target_w > 0:
        block["ChaGriSet"] = 1  # or it would wait for the sun
    mode = sum({"InWRte": _CHARGE, "OutWRte": _DISCHARGE}[point] for point, _, _ in rates)
    late = bool(timer_s) and case.rearm
    told = frozenset(point for point, _, _ in rates)
    return (
        Step(STORAGE, block, whole=True, force=late, blank=told),
        Step(STORAGE, {"StorCtl_Mod": mode}, blank=frozenset({"StorCtl_Mod"})),
    )


def by_storage(case: Case, wanted: Setpoint) -> frozenset[str]:
    """Which of the setpoint's fields 124 serves."""
    served = {
        "target_w": (wanted.target_w, Mode.TARGET_POWER),
        "produce_max_w": (wanted.produce_max_w, Mode.MAX_POWER),
        "consume_max_w": (wanted.consume_max_w, Mode.LOAD_LIMIT),
    }
    return frozenset(
        name for name, (value, mode) in served.items() if value is not None and case.model(mode) == STORAGE
    )


def _rates(case: Case, wanted: Setpoint, charge_w: float, discharge_w: float) -> list[tuple[str, float, Rounding]]:
    """Rate point, percent, and which way it is rounded: a cap towards tighter."""
    served = by_storage(case, wanted)
    if "target_w" in served and wanted.target_w is not None:
        low_w = -discharge_w if wanted.produce_max_w is None else -wanted.produce_max_w
        high_w = charge_w if wanted.consume_max_w is None else wanted.consume_max_w
        power_w = min(max(wanted.target_w, low_w, -discharge_w), high_w, charge_w)
        if power_w > 0 and (coarse := case.profile.charge_step_w):
            power_w = math.floor(power_w / coarse) * coarse
        rates = {"InWRte": 100.0 * power_w / charge_w, "OutWRte": turned(100.0 * power_w / discharge_w)}
        return [(point, percent, Rounding.NEAREST) for point, percent in rates.items()]
    caps = []
    if "consume_max_w" in served and wanted.consume_max_w is not None:
        caps.append(("InWRte", 100.0 * min(max(wanted.consume_max_w, 0.0), charge_w) / charge_w, Rounding.FLOOR))
    if "produce_max_w" in served and wanted.produce_max_w is not None:
        caps.append(("OutWRte", 100.0 * min(max(wanted.produce_max_w, 0.0), discharge_w) / discharge_w, Rounding.FLOOR))
    return caps
