"""What the older models' registers hold, may be given, and order from the power stage: 121, 123, 124, 127, 802, curves. Pure.

Interpretation: of several reactive functions enabled the first of OutPFSet, VArPct, 126 and 131 acts; active power
comes before var, but not before a power factor. A positive power factor injects var (as 120's quadrants say).
124: a negative rate forces the other direction; where the two bounds contradict each other, the lower one holds.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from adapters.simulator import curves100
from adapters.simulator.plan import InverterPlan
from adapters.simulator.power import counts, scale_for
from adapters.simulator.reactive import FactorOfWatts, FixedVar, OfAvailable, PowerFactor, Wish, active_room, at
from adapters.simulator.registers import Image, PointKey, layout
from adapters.simulator.stage import NOMINAL_HZ, Grid, Orders
from adapters.simulator.timers import Timer

Held = Mapping[PointKey, int]

VA_OF_W = 1.1
VAR_OF_W = 0.44


def ac_model(plan: InverterPlan) -> int:
    """The model that measures."""
    return (10 if plan.floats else 0) + (103 if plan.phases == 3 else 101)


def layout_of(plan: InverterPlan) -> Image:
    """The registers; model 1 comes without its Pad (L = 65)."""
    return layout((1, ac_model(plan), 120, 121, 122, 123, *plan.models), unpadded=True)


def born(plan: InverterPlan) -> dict[PointKey, int]:
    """Fresh from the box: nothing enabled."""
    image = layout_of(plan)
    w_sf = scale_for(plan.rated_w * VA_OF_W, 65534)
    settings = {"WMax": counts(plan.rated_w, w_sf), "WMax_SF": w_sf, "VRef": 2300, "VRef_SF": -1, "VRefOfs": 0}
    settings |= {"VRefOfs_SF": -1, "WGra": counts(plan.ramp_pct_per_s, -2), "WGra_SF": -2}
    v_sf = scale_for(plan.rated_w * VA_OF_W, 32767)
    settings |= {"VAMax": counts(VA_OF_W * plan.rated_w, v_sf), "VAMax_SF": v_sf, "VArMax_SF": v_sf}
    settings |= dict.fromkeys(("VArMaxQ1", "VArMaxQ4"), counts(VAR_OF_W * plan.rated_w, v_sf))
    full = counts(100, plan.limit_sf)
    controls = {"Conn": 1, "WMaxLimPct": full, "WMaxLim_Ena": 0, "WMaxLimPct_SF": plan.limit_sf}
    controls |= {"OutPFSet": 1000, "OutPFSet_SF": -3, "OutPFSet_Ena": 0, "VArPct_SF": -1, "VArPct_Ena": 0}
    controls |= {"VArWMaxPct": 0, "VArMaxPct": 0, "VArAvalPct": 0, "VArPct_Mod": 2, **dict.fromkeys(_TIMES, 0)}
    held = {(121, name): raw for name, raw in settings.items()} | {(123, name): raw for name, raw in controls.items()}
    if plan.storage is not None:
        charge_sf = scale_for(plan.storage.charge_w, 65534)
        store = {"WChaMax": counts(plan.storage.charge_w, charge_sf), "WChaMax_SF": charge_sf, "StorCtl_Mod": 0}
        store |= {"MinRsvPct": counts(plan.storage.reserve_pct, -2), "MinRsvPct_SF": -2, "InOutWRte_SF": -2}
        store |= {"OutWRte": 10000, "InWRte": 10000, "ChaGriSet": 1, "WChaDisChaGra_SF": 0}
        store |= dict.fromkeys(("InOutWRte_WinTms", "InOutWRte_RvrtTms", "InOutWRte_RmpTms"), 0)
        battery = {"CtrlHb": 0, "AlmRst": 0, "SetOp": 1, "SetInvState": 3}
        held |= {(124, name): raw for name, raw in store.items() if 124 in plan.models}
        held |= {(802, name): raw for name, raw in battery.items() if 802 in plan.models}
    if 127 in plan.models:
        droop = {"WGra": 4000, "HzStr": 200, "HysEna": 0, "ModEna": 0, "WGra_SF": -2, "HzStrStop_SF": -3}
        held |= {(127, name): raw for name, raw in droop.items()}
    for model in plan.models:
        if model in curves100.MODELS:
            held |= curves100.born(model, image)
    return held


@lru_cache(maxsize=256)
def ranges(plan: InverterPlan) -> Mapping[PointKey, tuple[int, int]]:
    """What may be written."""
    image = layout_of(plan)
    fresh = born(plan)
    seconds, percent = (0, 65534), (-1000, 1000)
    allowed = {(121, "WMax"): (1, fresh[121, "WMax"]), (121, "WGra"): (1, 65534)}
    named: dict[str, tuple[int, int]] = dict.fromkeys(_TIMES, seconds)
    named |= {"Conn": (0, 1), "WMaxLimPct": (0, fresh[123, "WMaxLimPct"]), "WMaxLim_Ena": (0, 1)}
    named |= {"OutPFSet": (-1000, 1000), "OutPFSet_Ena": (0, 1), "VArPct_Ena": (0, 1), "VArPct_Mod": (0, 3)}
    named |= dict.fromkeys(("VArWMaxPct", "VArMaxPct", "VArAvalPct"), percent)
    allowed |= {(123, name): pair for name, pair in named.items()}
    store: dict[str, tuple[int, int]] = {"StorCtl_Mod": (0, 3), "MinRsvPct": (0, 10000), "ChaGriSet": (0, 1)}
    store |= dict.fromkeys(("OutWRte", "InWRte"), (-10000, 10000))
    store |= {"InOutWRte_WinTms": seconds, "InOutWRte_RvrtTms": seconds, "InOutWRte_RmpTms": (0, 0)}
    allowed |= {(124, name): pair for name, pair in store.items() if 124 in plan.models}
    battery = {"CtrlHb": seconds, "AlmRst": (0, 1), "SetOp": (1, 2), "SetInvState": (1, 3)}
    allowed |= {(802, name): pair for name, pair in battery.items() if 802 in plan.models}
    droop = {"WGra": (0, 65534), "HzStr": (0, 5000), "HysEna": (0, 0), "ModEna": (0, 1)}
    allowed |= {(127, name): pair for name, pair in droop.items() if 127 in plan.models}
    for model in plan.models:
        if model in curves100.MODELS:
            allowed |= curves100.ranges(model, image)
    return allowed


def window(held: Held, key: PointKey) -> PointKey | None:
    """The point that says within which time a written one begins to act, if it does so late."""
    for name, (model, prefixes) in _WINDOWS.items():
        if key[0] == model and key[1].startswith(prefixes) and held[model, name]:
            return model, name
    return None


def orders(
    held: Held,
    grid: Grid,
    plan: InverterPlan,
    *,
    serving: bool,
    sun_w: float,
    rate_w_per_s: float,
    var_per_s: float,
    before_hz_w: float | None,
) -> Orders:
    """What all functions together demand; of several limits the lowest holds."""
    w_max, va_max, var_max = setting(held, "WMax"), setting(held, "VAMax"), setting(held, "VArMaxQ1")
    wish = _wish(held, grid, w_max, va_max, var_max)
    limits = [w_max, *_limits(held, grid, w_max, sun_w, before_hz_w), active_room(wish, va_max, var_max)]
    low, high = _battery_range(held, plan, sun_w)
    rate = rate_w_per_s
    on = serving and held[123, "Conn"] == 1
    return Orders(on, min(limits), rate, rate, va_max, var_max, None, low, high, wish, var_per_s)


def setting(held: Held, name: str) -> float:
    """A setting of 121, scaled."""
    return held[121, name] * 10.0 ** held[121, f"{name.removesuffix('Q1')}_SF"]


def droop_pct(held: Held, grid: Grid) -> float:
    """127: by how much of the power at its start it lowers power, %."""
    if not held.get((127, "ModEna")):
        return 0.0
    beyond = grid.hz - NOMINAL_HZ - _scaled(held, 127, "HzStr", "HzStrStop_SF")
    return max(0.0, beyond) * _scaled(held, 127, "WGra", "WGra_SF")


def _limits(held: Held, grid: Grid, w_max: float, sun_w: float, before_hz_w: float | None) -> Iterable[float]:
    if held[123, "WMaxLim_Ena"]:
        yield w_max * _scaled(held, 123, "WMaxLimPct", "WMaxLimPct_SF") / 100
    if (points := curves100.in_force(132, held)) is not None:
        base = sun_w if curves100.reference(132, held) == 2 else w_max
        yield base * at(points, grid.volts_pct) / 100
    if (points := curves100.in_force(134, held)) is not None:
        yield w_max * at(points, grid.hz) / 100
    if before_hz_w is not None and (lowered := droop_pct(held, grid)):
        yield max(0.0, before_hz_w * (1 - lowered / 100))


def _wish(held: Held, grid: Grid, w_max: float, va_max: float, var_max: float) -> Wish | None:
    bases = {1: w_max, 2: var_max}
    if held[123, "OutPFSet_Ena"]:
        return PowerFactor(_scaled(held, 123, "OutPFSet", "OutPFSet_SF"))
    if held[123, "VArPct_Ena"] and (mode := held[123, "VArPct_Mod"]):
        point = {1: "VArWMaxPct", 2: "VArMaxPct", 3: "VArAvalPct"}[mode]
        share = _scaled(held, 123, point, "VArPct_SF") / 100
        return OfAvailable(share) if mode == 3 else FixedVar(bases[mode] * share, active_first=True)
    if (points := curves100.in_force(126, held)) is not None:
        share, mode = at(points, grid.volts_pct) / 100, curves100.reference(126, held)
        return OfAvailable(share) if mode == 3 else FixedVar(bases[mode] * share, active_first=True)
    if (points := curves100.in_force(131, held)) is not None:
        return FactorOfWatts(tuple((w_max * w / 100, factor) for w, factor in points))
    return None


def _battery_range(held: Held, plan: InverterPlan, sun_w: float) -> tuple[float, float]:
    """The powers the battery may have, discharge positive."""
    if plan.storage is None or held.get((802, "SetOp"), 1) == 2 or held.get((802, "SetInvState"), 3) != 3:
        return 0.0, 0.0
    low, high = -plan.storage.charge_w, plan.storage.discharge_w
    mode = held.get((124, "StorCtl_Mod"), 0)
    if mode & 1:
        low = -plan.storage.charge_w * _scaled(held, 124, "InWRte", "InOutWRte_SF") / 100
    if mode & 2:
        high = plan.storage.discharge_w * _scaled(held, 124, "OutWRte", "InOutWRte_SF") / 100
    if held.get((124, "ChaGriSet"), 1) == 0:
        low, high = max(low, -sun_w), max(high, -sun_w)
    return min(low, high), high


def _scaled(held: Held, model: int, name: str, scale: str) -> float:
    return held[model, name] * 10.0 ** held[model, scale]


def _timer(name: str, model: int, points: Iterable[str], enable: str, ends: Iterable[tuple[str, int]]) -> Timer:
    seconds = f"{name}_RvrtTms"
    keys = frozenset((model, point) for point in (*points, enable, seconds, f"{name}_WinTms", f"{name}_RmpTms"))
    back = tuple(((model, point), raw) for point, raw in ends)
    armed = {"Conn": frozenset({0}), "InOutWRte": frozenset({1, 2, 3})}.get(name, frozenset({1}))
    return Timer(name, (model, enable), (model, seconds), keys, back, armed)


@lru_cache(maxsize=256)
def timers(plan: InverterPlan) -> tuple[Timer, ...]:
    """Every reversion: at its end the function is off."""
    full = counts(100, plan.limit_sf)
    var = ("VArPct_Mod", "VArWMaxPct", "VArMaxPct", "VArAvalPct")
    basic = (
        _timer("WMaxLimPct", 123, ("WMaxLimPct",), "WMaxLim_Ena", (("WMaxLim_Ena", 0), ("WMaxLimPct", full))),
        _timer("Conn", 123, (), "Conn", (("Conn", 1),)),
        _timer("OutPFSet", 123, ("OutPFSet",), "OutPFSet_Ena", (("OutPFSet_Ena", 0),)),
        _timer("VArPct", 123, var, "VArPct_Ena", (("VArPct_Ena", 0),)),
    )
    rates = ("InWRte", "OutWRte")
    store = _timer("InOutWRte", 124, rates, "StorCtl_Mod", (("StorCtl_Mod", 0), ("InWRte", 10000), ("OutWRte", 10000)))
    with_curves = tuple(curves100.timer(model) for model in plan.models if model in curves100.MODELS)
    return (*basic, *((store,) if 124 in plan.models else ()), *with_curves)


_WINDOWS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "Conn_WinTms": (123, ("Conn",)),
    "WMaxLimPct_WinTms": (123, ("WMaxLim",)),
    "OutPFSet_WinTms": (123, ("OutPFSet",)),
    "VArPct_WinTms": (123, ("VAr",)),
    "InOutWRte_WinTms": (124, ("In", "Out", "StorCtl")),
}
_TIMES = (
    "Conn_WinTms",
    "Conn_RvrtTms",
    *(f"{name}_{what}Tms" for name in ("WMaxLimPct", "OutPFSet", "VArPct") for what in ("Win", "Rvrt", "Rmp")),
)
