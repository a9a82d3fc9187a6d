"""What the older models measure and say of themselves: 101, 103, 111, 113, 120, 122, 124, 802. Pure."""

import math
from collections.abc import Mapping

from adapters.simulator.functions100 import VA_OF_W, VAR_OF_W, ac_model, setting
from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import counts, scale_for
from adapters.simulator.registers import PointKey, Value, identity
from adapters.simulator.stage import NOMINAL_V, Grid, Orders, Stage

Held = Mapping[PointKey, int]


def values(
    plan: InverterPlan, stage: Stage, orders: Orders, held: Held, grid: Grid, sun_w: float, now_s: float
) -> dict[PointKey, Value]:
    """All points that show and do not hold."""
    return {
        **identity(plan.maker, f"Legacy {plan.rated_w}", plan.serial, plan.unit),
        **_measured(plan, stage, orders, held, grid, sun_w),
        **_nameplate(plan),
        **_status(plan, stage, orders, held, sun_w),
        **(_store(plan, stage, orders, sun_w) if 124 in plan.models else {}),
        **(_battery(plan, stage, orders, sun_w, now_s) if 802 in plan.models else {}),
    }


def _measured(
    plan: InverterPlan, stage: Stage, orders: Orders, held: Held, grid: Grid, sun_w: float
) -> dict[PointKey, Value]:
    watts, var = stage.output_w(orders, sun_w), stage.output_var(orders, sun_w)
    va = math.hypot(watts, var)
    factor = math.copysign(watts / va, watts * (var or 1.0)) if va else 1.0
    amps = va / plan.phases / grid.volts if grid.volts else 0.0
    exact = {"W": watts, "VA": va, "VAr": var, "PF": 100 * factor, "Hz": grid.hz, "DCW": watts / 0.97}
    exact |= {"WH": max(0.0, stage.injected_ws - stage.absorbed_ws) / 3600, "A": amps * plan.phases}
    exact |= {"TmpCab": 25 + 30 * abs(watts) / plan.rated_w}
    for phase in "ABC"[: plan.phases]:
        exact |= {f"Aph{phase}": amps, f"PhVph{phase}": grid.volts}
    state = {"St": _operating(plan, stage, orders, held, sun_w), "Evt1": 0, "Evt2": 0}
    model = ac_model(plan)
    if plan.floats:
        return {(model, name): value for name, value in {**exact, **state}.items()}
    w_sf = scale_for(VA_OF_W * plan.rated_w, 32767)
    a_sf = scale_for(VA_OF_W * plan.rated_w / NOMINAL_V, 32767, -2)
    scales = {
        "A_SF": a_sf,
        "V_SF": -1,
        "W_SF": w_sf,
        "Hz_SF": -2,
        "VA_SF": w_sf,
        "VAr_SF": w_sf,
        "PF_SF": -2,
        "WH_SF": 0,
    }
    scales |= {"DCW_SF": w_sf + 1, "Tmp_SF": -1}
    named = {name: counts(value, scales[_scale(name)]) for name, value in exact.items()}
    named["WH"] = int(exact["WH"]) % 2**32
    named["A"] = named["AphA"] * plan.phases
    return {(model, name): raw for name, raw in {**named, **state, **scales}.items()}


def _scale(name: str) -> str:
    if name.startswith("Aph"):
        return "A_SF"
    return {"PhV": "V_SF", "Tmp": "Tmp_SF"}.get(name[:3], f"{name}_SF")


def _operating(plan: InverterPlan, stage: Stage, orders: Orders, held: Held, sun_w: float) -> int:
    """Model 10x operating state: 1 off, 2 sleeping, 4 MPPT, 5 throttled."""
    if not orders.on:
        return 1
    if stage.battery is None and sun_w < 0.005 * plan.rated_w:
        return 2
    return 5 if stage.output_w(orders, sun_w) < min(sun_w, setting(held, "WMax")) - 1e-6 else 4


def _nameplate(plan: InverterPlan) -> dict[PointKey, Value]:
    w_sf = scale_for(plan.rated_w * VA_OF_W, 32767)
    a_sf = scale_for(plan.rated_w * VA_OF_W / NOMINAL_V, 65534, -2)
    named = {"DERTyp": 4 if plan.storage is None else 82, "WRtg": counts(plan.rated_w, w_sf), "WRtg_SF": w_sf}
    named |= {"VARtg": counts(VA_OF_W * plan.rated_w, w_sf), "VARtg_SF": w_sf, "VArRtg_SF": w_sf, "PFRtg_SF": -3}
    named |= {"ARtg": counts(VA_OF_W * plan.rated_w / plan.phases / NOMINAL_V, a_sf), "ARtg_SF": a_sf}
    for quadrant in "1234":
        named |= {f"VArRtgQ{quadrant}": counts(VAR_OF_W * plan.rated_w, w_sf), f"PFRtgQ{quadrant}": 500}
    if (store := plan.storage) is not None:
        energy_sf = scale_for(store.capacity_wh, 65534)
        rate_sf = scale_for(max(store.charge_w, store.discharge_w), 65534)
        named |= {"WHRtg": counts(store.capacity_wh, energy_sf), "WHRtg_SF": energy_sf}
        named |= {"MaxChaRte": counts(store.charge_w, rate_sf), "MaxChaRte_SF": rate_sf}
        named |= {"MaxDisChaRte": counts(store.discharge_w, rate_sf), "MaxDisChaRte_SF": rate_sf}
    return {(120, name): raw for name, raw in named.items()}


def _status(plan: InverterPlan, stage: Stage, orders: Orders, held: Held, sun_w: float) -> dict[PointKey, Value]:
    operating = _operating(plan, stage, orders, held, sun_w)
    sf = scale_for(plan.rated_w, 65534)
    bits = {(123, "WMaxLim_Ena"): 0, (123, "VArPct_Ena"): 1, (123, "OutPFSet_Ena"): 2, (126, "ModEna"): 3}
    bits |= {(127, "ModEna"): 4, (134, "ModEna"): 5, (132, "ModEna"): 8}
    named = {
        "PVConn": 0 if operating == 1 else 0b011 if operating == 2 else 0b111,
        "StorConn": 0 if plan.storage is None or not orders.on else 0b111,
        "ECPConn": 0 if operating == 1 else 1,
        "ActWh": int(stage.injected_ws / 3600),
        "WAval": counts(min(sun_w, setting(held, "WMax")), sf),
        "WAval_SF": sf,
        "StActCtl": sum(1 << bit for key, bit in bits.items() if held.get(key)),
    }
    return {(122, name): raw for name, raw in named.items()}


def _store(plan: InverterPlan, stage: Stage, orders: Orders, sun_w: float) -> dict[PointKey, Value]:
    assert stage.battery is not None
    named = {"ChaState": counts(stage.battery.soc_pct, -2), "ChaState_SF": -2}
    return {(124, name): raw for name, raw in {**named, "ChaSt": _charging(stage, orders, sun_w)}.items()}


def _battery(plan: InverterPlan, stage: Stage, orders: Orders, sun_w: float, now_s: float) -> dict[PointKey, Value]:
    """802: the battery's own report; its direct voltage is taken as 400 V."""
    battery, store = stage.battery, plan.storage
    assert battery is not None
    assert store is not None
    watts = stage.battery_w(orders, sun_w)
    energy_sf = scale_for(store.capacity_wh, 65534)
    rate_sf = scale_for(max(store.charge_w, store.discharge_w), 32767)
    there = orders.battery_high_w > orders.battery_low_w or orders.battery_low_w != 0
    named = {"AHRtg": counts(store.capacity_wh / 400, -1), "AHRtg_SF": -1, "Typ": 4, "State": 3 if there else 1}
    named |= {"WHRtg": counts(store.capacity_wh, energy_sf), "WHRtg_SF": energy_sf, "WChaDisChaMax_SF": rate_sf}
    named |= {"WChaRteMax": counts(store.charge_w, rate_sf), "WDisChaRteMax": counts(store.discharge_w, rate_sf)}
    named |= {"SoC": counts(battery.soc_pct, -1), "SoC_SF": -1, "SoH": 100, "SoH_SF": 0, "Hb": int(now_s) % 0xFFFF}
    named |= {"ChaSt": _charging(stage, orders, sun_w), "V": 4000, "V_SF": -1, "A": counts(watts / 400, -1), "A_SF": -1}
    named |= {"W": counts(watts, rate_sf), "W_SF": rate_sf, "Evt1": 0, "Evt2": 0, "EvtVnd1": 0, "EvtVnd2": 0}
    return {(802, name): raw for name, raw in named.items()}


def _charging(stage: Stage, orders: Orders, sun_w: float) -> int:
    """ChaSt: 2 empty, 3 discharging, 4 charging, 5 full, 6 holding."""
    battery, watts = stage.battery, stage.battery_w(orders, sun_w)
    assert battery is not None
    if watts:
        return 3 if watts > 0 else 4
    return 2 if battery.empty else 5 if battery.full else 6
