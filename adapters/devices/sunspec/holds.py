"""What a device obeys now, as its registers tell: the inverse of a plan; pure."""

from collections.abc import Iterable

from adapters.devices.sunspec import curves, legacy_curves
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.powers import STORAGE
from adapters.devices.sunspec.reactive import over_excited
from adapters.devices.sunspec.setpoints import LIMIT, MODEL
from adapters.sunspec.points import Value, agrees
from grid_functions.model.control import (
    Curve,
    CurveKind,
    CurvePoint,
    FixedReactive,
    Flow,
    FrequencyDroop,
    Mode,
    PowerFactor,
)
from grid_functions.model.setpoint import Reactive, Revert, Setpoint
from grid_functions.model.units import PercentBase, turned


def holds(case: Case) -> Setpoint | None:
    """None: nothing that could be told.

    Interpretation: a device in service obeys ``on``, whoever said so: its registers do not tell.
    """
    if not any(row.model is not None for row in case.chosen.values()):
        return None
    limit_w, revert = _limit(case)
    return Setpoint(
        "",
        produce_max_w=limit_w,
        consume_max_w=_charging(case),
        target_w=_power(case),
        reactive=_reactive(case),
        shapes=tuple(sorted((*_new(case), *_old(case)), key=lambda shape: curves.mode_of(shape).value)),
        on=_on(case),
        revert=revert,
    )


def _limit(case: Case) -> tuple[float | None, Revert | None]:
    held, base_w = case.held, case.base_w
    if case.model(Mode.MAX_POWER) == STORAGE:
        return _rate(case, 2, "OutWRte"), None
    legacy = case.model(Mode.MAX_POWER) == 123
    model, enable, timer = (123, "WMaxLim_Ena", "WMaxLimPct_RvrtTms") if legacy else (MODEL, LIMIT.enable, LIMIT.timer)
    percent = held.number(model, "WMaxLimPct")
    if held.value(model, enable) != 1 or percent is None or base_w is None:
        return None, None
    limit_w = min(percent, 100.0) * base_w / 100
    after_s = held.number(model, timer)
    if not after_s or (not legacy and held.value(model, LIMIT.left) == 0):
        return limit_w, None
    fall = held.number(model, "WMaxLimPctRvrt") if not legacy and held.value(model, LIMIT.enable_fall) == 1 else None
    return limit_w, Revert(after_s, None if fall is None else fall * base_w / 100)


def _charging(case: Case) -> float | None:
    match case.model(Mode.LOAD_LIMIT):
        case 702:
            return case.held.number(702, "WChaRteMax")
        case 124:
            return _rate(case, 1, "InWRte")
        case _:
            return None


def _rate(case: Case, bit: int, point: str) -> float | None:
    """A cap of 124 in W, where its bit is set and it is no forced power."""
    base_w, share = _storage_base(case, point), case.held.number(STORAGE, point)
    mode = case.held.value(STORAGE, "StorCtl_Mod")
    if not isinstance(mode, int) or not mode & bit or base_w is None or share is None or _power(case) is not None:
        return None
    return max(0.0, share) * base_w / 100


def _storage_base(case: Case, point: str) -> float | None:
    charge_w = case.held.number(STORAGE, "WChaMax")
    return charge_w if point == "InWRte" else case.held.number(120, "MaxDisChaRte") or charge_w


def _power(case: Case) -> float | None:
    held = case.held
    if held.value(MODEL, "WSetEna") == 1:
        if held.value(MODEL, "WSetMod") == 1 and (watts := held.number(MODEL, "WSet")) is not None:
            return turned(watts)
        share = held.number(MODEL, "WSetPct")
        return None if share is None or case.base_w is None else turned(share * case.base_w / 100)
    into, out = held.number(STORAGE, "InWRte"), held.number(STORAGE, "OutWRte")
    charge_w, discharge_w = _storage_base(case, "InWRte"), _storage_base(case, "OutWRte")
    if held.value(STORAGE, "StorCtl_Mod") != 3 or into is None or out is None or not charge_w or not discharge_w:
        return None
    step = held.scale(STORAGE, "InWRte")
    one = step is not None and agrees(into * charge_w / discharge_w, turned(out), step)
    return into * charge_w / 100 if one else None


def _reactive(case: Case) -> Reactive | FixedReactive | PowerFactor | None:
    held = case.held
    for flow, group in ((Flow.INJECT, "PFWInj"), (Flow.ABSORB, "PFWAbs")):
        cos = held.number(MODEL, f"{group}.PF")
        if held.value(MODEL, f"{group}Ena") == 1 and cos is not None:
            return PowerFactor(flow, cos, held.value(MODEL, f"{group}.Ext") == 1)
    if held.value(MODEL, "VarSetEna") == 1:
        if held.value(MODEL, "VarSetMod") == 4 and (var := held.number(MODEL, "VarSet")) is not None:
            return Reactive(turned(var))
        base, share = _BASES.get(held.value(MODEL, "VarSetMod")), held.number(MODEL, "VarSetPct")
        return None if base is None or share is None else FixedReactive(turned(share), base)
    cos = held.number(123, "OutPFSet")
    if held.value(123, "OutPFSet_Ena") == 1 and cos:
        return PowerFactor(Flow.INJECT, abs(cos), cos * over_excited(case) < 0)
    kind = held.value(123, "VArPct_Mod")
    if held.value(123, "VArPct_Ena") == 1 and isinstance(kind, int) and kind - 1 in _BASES:
        share = held.number(123, ("VArWMaxPct", "VArMaxPct", "VArAvalPct")[kind - 1])
        return None if share is None else FixedReactive(turned(share), _BASES[kind - 1])
    return None


def _on(case: Case) -> bool | None:
    told = {703: case.held.value(703, "ES"), 123: case.held.value(123, "Conn"), 802: case.held.value(802, "SetOp")}
    model = case.model(Mode.ENERGIZE)
    value = None if model is None else told.get(model)
    return value == 1 if isinstance(value, int) else None


def _new(case: Case) -> list[Curve | FrequencyDroop]:
    held, found = case.held, list[Curve | FrequencyDroop]()
    for kind, place in curves.PLACES.items():
        if place.model not in held.values:
            continue
        at = f"Crv[1].{place.branch}"
        count = held.value(place.model, f"{at}ActPt")
        if held.value(place.model, "Ena") != 1 or not isinstance(count, int):
            continue
        pairs = (
            _pair(case, place.model, f"{at}Pt[{i}].{place.x}", f"{at}Pt[{i}].{place.y}") for i in range(1, count + 1)
        )
        bases: dict[Value | None, PercentBase] = {code: base for base, code in place.bases.items()}
        found += _curve(kind, pairs, bases.get(held.value(place.model, "Crv[1].DeptRef")))
    told = [held.number(711, f"Ctl[1].{name}") for name in ("DbOf", "DbUf", "KOf", "KUf", "RspTms")]
    numbers = [number for number in told if number is not None]
    if held.value(711, "Ena") == 1 and len(numbers) == len(told):
        found.append(FrequencyDroop(*numbers))
    return found


def _old(case: Case) -> list[Curve]:
    held, found = case.held, list[Curve]()
    for kind, place in legacy_curves.PLACES.items():
        if place.model not in held.values:
            continue
        at = f"curve[{held.value(place.model, 'ActCrv')}]"
        count = held.value(place.model, f"{at}.ActPt")
        if held.value(place.model, "ModEna") != 1 or not isinstance(count, int):
            continue
        pairs = (_pair(case, place.model, f"{at}.{place.x}{i}", f"{at}.{place.y}{i}") for i in range(1, count + 1))
        if place.y == "PF":
            pairs = (p and CurvePoint(p.x, abs(p.y), p.y * over_excited(case) < 0) for p in pairs)
        bases: dict[Value | None, PercentBase] = {code: base for base, code in place.bases.items()}
        found += _curve(kind, pairs, bases.get(held.value(place.model, f"{at}.DeptRef")))
    return found


def _pair(case: Case, model: int, x: str, y: str) -> CurvePoint | None:
    one, other = case.held.number(model, x), case.held.number(model, y)
    return None if one is None or other is None else CurvePoint(one, other)


def _curve(kind: CurveKind, pairs: Iterable[CurvePoint | None], base: PercentBase | None) -> list[Curve]:
    """One, where all its points are told. A device may count more points than it has: after the first that is missing none is looked at."""
    told: list[CurvePoint] = []
    for pair in pairs:
        if pair is None:
            return []
        told.append(pair)
    return [Curve(kind, tuple(told), base)] if told else []


_BASES: dict[Value | None, PercentBase] = {
    0: PercentBase.MAX_POWER,
    1: PercentBase.MAX_REACTIVE,
    2: PercentBase.AVAILABLE_REACTIVE,
}
