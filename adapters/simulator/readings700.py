"""What the 700 series measures and says of itself: models 1, 701, 702, 713, 714. Pure."""

import math

from adapters.simulator.functions700 import VA_OF_W, VAR_OF_W
from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import counts, scale_for
from adapters.simulator.registers import PointKey, Value, identity
from adapters.simulator.stage import NOMINAL_V, Grid, Orders, Stage


def values(
    plan: InverterPlan, stage: Stage, orders: Orders, grid: Grid, sun_w: float, entering: bool
) -> dict[PointKey, Value]:
    """All points that show and do not hold."""
    return {
        **identity(plan.maker, f"DER {plan.rated_w}", plan.serial, plan.unit),
        **_ac(plan, stage, orders, grid, sun_w, entering),
        **_ratings(plan),
        **(_storage(stage) if 713 in plan.models else {}),
        **(_dc(stage, orders, sun_w) if 714 in plan.models else {}),
    }


def _ac(
    plan: InverterPlan, stage: Stage, orders: Orders, grid: Grid, sun_w: float, entering: bool
) -> dict[PointKey, Value]:
    rated, phases = plan.rated_w, plan.phases
    watts, var = stage.output_w(orders, sun_w), stage.output_var(orders, sun_w)
    va = math.hypot(watts, var)
    w_sf, a_sf = scale_for(VA_OF_W * rated, 32767), scale_for(VA_OF_W * rated / NOMINAL_V, 32767, -2)
    factor = counts(math.copysign(watts / va, watts * (var or 1.0)), -3) if va else 1000
    amps, volts = counts(va / phases / grid.volts, a_sf), counts(grid.volts, -1)
    back = max(0.0, min(sun_w, rated) - watts) if orders.on else 0.0
    totals = {"W": counts(watts, w_sf), "VA": counts(va, w_sf), "Var": counts(var, w_sf)}
    named = {
        "ACType": 2 if phases == 3 else 0,
        "St": int(orders.on),
        "InvSt": _operating(plan, stage, orders, sun_w, entering),
        "ConnSt": int(orders.on),
        "Alrm": 0,
        "DERMode": 1,
        **totals,
        "PF": factor,
        "A": amps * phases,
        "LNV": volts,
        "Hz": counts(grid.hz, -3),
        "TotWhInj": int(stage.injected_ws / 3600),
        "TotWhAbs": int(stage.absorbed_ws / 3600),
        "TmpCab": counts(25 + 30 * abs(watts) / rated, -1),
        "ThrotPct": min(100, math.ceil(100 * back / rated)),
        "A_SF": a_sf,
        "V_SF": -1,
        "Hz_SF": -3,
        "W_SF": w_sf,
        "PF_SF": -3,
        "VA_SF": w_sf,
        "Var_SF": w_sf,
        "TotWh_SF": 0,
        "Tmp_SF": -1,
    }
    if phases == 3:
        named["LLV"] = counts(grid.volts * 3**0.5, -1)
    for phase in range(phases):
        named |= {f"{name}L{phase + 1}": _share(total, phases, phase) for name, total in totals.items()}
        named |= {f"PFL{phase + 1}": factor, f"AL{phase + 1}": amps, f"VL{phase + 1}": volts}
    return {(701, name): value for name, value in named.items()}


def _operating(plan: InverterPlan, stage: Stage, orders: Orders, sun_w: float, entering: bool) -> int:
    """701.InvSt: 0 off, 1 sleeping, 2 starting, 3 running, 4 throttled."""
    if not orders.on:
        return 2 if entering else 0
    if stage.battery is None and sun_w < 0.005 * plan.rated_w:
        return 1
    return 4 if stage.output_w(orders, sun_w) < min(sun_w, plan.rated_w) - 1e-6 else 3


def _ratings(plan: InverterPlan) -> dict[PointKey, Value]:
    w_sf, a_sf = scale_for(plan.rated_w * VA_OF_W, 65534), scale_for(plan.rated_w * VA_OF_W / NOMINAL_V, 65534, -2)
    amps = counts(plan.rated_w * VA_OF_W / plan.phases / NOMINAL_V, a_sf)
    named = {"WMaxRtg": counts(plan.rated_w, w_sf), "VAMaxRtg": counts(VA_OF_W * plan.rated_w, w_sf)}
    named |= dict.fromkeys(("VarMaxInjRtg", "VarMaxAbsRtg"), counts(VAR_OF_W * plan.rated_w, w_sf))
    if plan.storage is not None:
        named |= {"WChaRteMaxRtg": counts(plan.storage.charge_w, w_sf)}
        named |= {"WDisChaRteMaxRtg": counts(plan.storage.discharge_w, w_sf)}
    named |= {"VNomRtg": 2300, "AMaxRtg": amps, "VMaxRtg": 2760, "VMinRtg": 1840, "VNom": 2300, "AMax": amps}
    bits = {705: 4, 711: 5, 707: 7, 708: 8, 712: 9, 706: 10, 709: 12, 710: 13}
    named["CtrlModes"] = 0b1111 | sum(1 << bit for model, bit in bits.items() if model in plan.models)
    named |= {"V_SF": -1, "A_SF": a_sf, "PF_SF": -3}
    return {(702, name): raw for name, raw in named.items()}


def _storage(stage: Stage) -> dict[PointKey, Value]:
    battery = stage.battery
    if battery is None:
        return {(713, "SoC"): 0, (713, "Pct_SF"): 0}
    wh_sf = scale_for(battery.capacity_ws / 3600, 65534)
    named = {"WHRtg": counts(battery.capacity_ws / 3600, wh_sf), "WHAvail": counts(battery.held_ws / 3600, wh_sf)}
    named |= {"SoC": counts(battery.soc_pct, -1), "SoH": 1000, "Sta": 0, "WH_SF": wh_sf, "Pct_SF": -1}
    return {(713, name): raw for name, raw in named.items()}


def _dc(stage: Stage, orders: Orders, sun_w: float) -> dict[PointKey, Value]:
    watts = stage.output_w(orders, sun_w)
    w_sf = scale_for(max(abs(watts), 1.0), 32767)
    port = 0 if stage.battery is None else 1
    named = {"NPrt": 1, "DCW": counts(watts, w_sf), "DCW_SF": w_sf, "PrtAlrms": 0}
    named |= {"Prt[1].PrtTyp": port, "Prt[1].ID": 1, "Prt[1].DCW": counts(watts, w_sf), "Prt[1].DCSta": int(orders.on)}
    return {(714, name): raw for name, raw in named.items()}


def _share(total: int, phases: int, phase: int) -> int:
    third = round(total / phases)
    return total - third * (phases - 1) if phase == phases - 1 else third
