"""What the 700 series' registers order from the power stage: 702's settings, 704's functions, 705, 706, 711, 712. Pure."""

import math
from collections.abc import Mapping

from adapters.simulator import control704, curves
from adapters.simulator.plan import InverterPlan, StoragePlan
from adapters.simulator.power import counts, scale_for
from adapters.simulator.reactive import FixedVar, OfAvailable, OfWatts, Wish, active_room, at
from adapters.simulator.registers import PointKey
from adapters.simulator.stage import NOMINAL_HZ, Grid, Orders, Stage

Held = Mapping[PointKey, int]

VA_OF_W = 1.1
VAR_OF_W = 0.44
"""Apparent and reactive rating as shares of the active one; 44 %: IEEE 1547-2018, category B."""

_SECONDS = (0, 0xFFFF_FFFE)


def settings(plan: InverterPlan) -> dict[PointKey, int]:
    """702's settings fresh from the box: the ratings."""
    w_sf = scale_for(plan.rated_w * VA_OF_W, 65534)
    named = {"WMax": plan.rated_w, "VAMax": VA_OF_W * plan.rated_w}
    named |= {"VarMaxInj": VAR_OF_W * plan.rated_w, "VarMaxAbs": VAR_OF_W * plan.rated_w}
    if plan.storage is not None:
        named |= {"WChaRteMax": plan.storage.charge_w, "WDisChaRteMax": plan.storage.discharge_w}
    held = {(702, name): counts(value, w_sf) for name, value in named.items()}
    return {**held, (702, "W_SF"): w_sf, (702, "VA_SF"): w_sf, (702, "Var_SF"): w_sf}


def ranges(plan: InverterPlan) -> dict[PointKey, tuple[int, int]]:
    """What may be written of 702, 703, 704 and 715."""
    charge = 0 if plan.storage is None else math.ceil(plan.storage.charge_w)
    allowed = control704.ranges(plan.limit_sf, -charge, plan.rated_w, round(VAR_OF_W * plan.rated_w))
    # Windows after IEEE 1547-2018 table 4, moved to 50 Hz.
    enter = {"ES": (0, 1), "ESVHi": (1050, 1060), "ESVLo": (880, 950), "ESHzHi": (50100, 51000)}
    enter |= {"ESHzLo": (49000, 49900), "ESDlyTms": (0, 600), "ESRndTms": (0, 1000), "ESRmpTms": (0, 1000)}
    control = {"ControllerHb": (0, 2**32 - 2), "AlarmReset": (0, 1), "OpCtl": (0, 3)}
    allowed |= {(703, name): pair for name, pair in enter.items()}
    allowed |= {(702, name): (1, raw) for (_, name), raw in settings(plan).items() if not name.endswith("_SF")}
    allowed |= {key: (0, allowed[key][1]) for key in ((702, "WChaRteMax"), (702, "WDisChaRteMax")) if key in allowed}
    return allowed | {(715, name): pair for name, pair in control.items() if 715 in plan.models}


def orders(
    held: Held,
    grid: Grid,
    *,
    storage: StoragePlan | None,
    on: bool,
    own_pct_per_s: float,
    soft: bool,
    before_hz_w: float | None,
) -> Orders:
    """What all functions together demand; of several limits the lowest holds."""
    w_max, va_max, var_max = (_setting(held, name) for name in ("WMax", "VAMax", "VarMaxInj"))
    wish = _wish(held, grid, w_max, va_max, var_max)
    limits = [
        w_max,
        control704.limit_w(held, w_max),
        volt_watt_w(held, grid, w_max),
        active_room(wish, va_max, var_max),
    ]
    target = control704.set_w(held, w_max)
    shift = droop_w(held, grid, w_max)
    floor_w = w_max * curves.setting(711, held, "PMin") / 100 if (711, "Ena") in held else 0.0
    if shift < 0 and before_hz_w is not None:
        limits.append(max(min(floor_w, before_hz_w), before_hz_w + shift))
    if storage is not None and shift > 0:
        target = (target or 0.0) + shift
    cap = min(limit for limit in limits if limit is not None)
    if storage is None and target is not None:
        cap, target = min(cap, target), None
    own = w_max * own_pct_per_s / 100
    rise = w_max * held[704, "WRmp"] / 100 if (704, "WRmp") in held else own
    if soft and held[703, "ESRmpTms"]:
        rise = w_max / held[703, "ESRmpTms"]
    charge, discharge = (_setting(held, f"W{way}RteMax") if storage else 0.0 for way in ("Cha", "DisCha"))
    return Orders(on, cap, rise, own, va_max, var_max, target, -charge, discharge, wish, _var_rate(held, var_max))


def volt_watt_w(held: Held, grid: Grid, w_max: float) -> float | None:
    """706: the ceiling at this voltage; W_AVAL_PCT is taken as a share of WMax too."""
    if not held.get((706, "Ena")):
        return None
    return w_max * at(curves.in_force(706, held), grid.volts_pct) / 100


def droop_w(held: Held, grid: Grid, w_max: float) -> float:
    """711: how far power moves, W; one per unit of power for every K per unit of frequency beyond the dead band."""
    if not held.get((711, "Ena")):
        return 0.0
    over = grid.hz - NOMINAL_HZ - curves.setting(711, held, "DbOf")
    under = NOMINAL_HZ - grid.hz - curves.setting(711, held, "DbUf")
    if over > 0:
        return -w_max * over / (NOMINAL_HZ * curves.setting(711, held, "KOf"))
    return w_max * max(under, 0.0) / (NOMINAL_HZ * curves.setting(711, held, "KUf"))


def outside_dead_band(held: Held, grid: Grid) -> bool:
    """Whether 711 acts at this frequency."""
    return droop_w(held, grid, 1.0) != 0


def throttled_by(held: Held, now: Orders, stage: Stage, sun_w: float, grid: Grid) -> int:
    """701.ThrotSrc: the functions that hold active power below what the sun gives and WMax allows."""
    w_max = _setting(held, "WMax")
    if not now.on or stage.output_w(now, sun_w) >= min(sun_w, w_max) - 1e-6:
        return 0
    bits = {
        0: control704.limit_w(held, w_max) is not None,
        1: control704.set_w(held, w_max) is not None,
        5: droop_w(held, grid, w_max) < 0,
        10: (volt_watt_w(held, grid, w_max) or w_max) < w_max,
        2: held[704, "VarSetEna"] and active_room(now.wish, now.va_max, now.var_max) < w_max,
        3: held[704, "PFWInjEna"] and active_room(now.wish, now.va_max, now.var_max) < w_max,
    }
    return sum(1 << bit for bit, on in bits.items() if on)


def _wish(held: Held, grid: Grid, w_max: float, va_max: float, var_max: float) -> Wish | None:
    if (fixed := control704.reactive(held, w_max, va_max, var_max)) is not None:
        return fixed
    bases = {0: w_max, 1: var_max, 3: va_max}
    if held.get((705, "Ena")):
        reference = curves.setting(705, held, "VRef")
        share = at(curves.in_force(705, held), 100 * grid.volts_pct / reference) / 100
        reference_of = held[705, "Crv[1].DeptRef"]
        if reference_of == 2:
            return OfAvailable(share)
        return FixedVar(bases[reference_of] * share, active_first=held[705, "Crv[1].Pri"] == 0)
    if held.get((712, "Ena")):
        base = bases.get(held[712, "Crv[1].DeptRef"], var_max)
        points = tuple((w_max * w / 100, base * var / 100) for w, var in curves.in_force(712, held))
        return OfWatts(points, active_first=held[712, "Crv[1].Pri"] == 0)
    return None


def _var_rate(held: Held, var_max: float) -> float:
    """Interpretation: a curve's response time is what the whole var rating takes, in a straight line."""
    fixed = held[704, "PFWInjEna"] or held[704, "PFWAbsEna"] or held[704, "VarSetEna"]
    if not fixed and held.get((705, "Ena")) and curves.setting(705, held, "RspTms"):
        return var_max / curves.setting(705, held, "RspTms")
    if (704, "VarRmp") in held:
        return var_max * held[704, "VarRmp"] / 100
    return math.inf


def _setting(held: Held, name: str) -> float:
    return held[702, name] * 10.0 ** held[702, "W_SF"]
