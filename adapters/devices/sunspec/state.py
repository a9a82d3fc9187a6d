"""How a device is: its readings, state, alarms, what holds it back, its heartbeat; pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from adapters.devices.sunspec import adjustments, curves, der700, legacy, legacy_curves, limits, meter, powers, reactive
from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.found import Found
from adapters.devices.sunspec.readings import State, Table, flags, readings
from adapters.devices.sunspec.setpoints import ABSORB, INJECT, LIMIT, POWER, REACTIVE
from adapters.devices.sunspec.steps import Values
from adapters.devices.sunspec.switching import LEGACY_POINTS
from adapters.sunspec.points import Value
from grid_functions.model.device import Word
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading


def table_of(found: Found) -> tuple[Table, int]:
    """What the measuring model measures, and its code for a fault."""
    return (der700.TABLE, der700.FAULT) if found.measured == der700.AC else (legacy.TABLE, legacy.FAULT)


def measured(found: Found, values: Values, now: Instants) -> dict[MeterKey, Reading]:
    """AC and storage, in this house's signs."""
    table, _ = table_of(found)
    seen = readings(table, values.get(found.measured or 0, {}), now, turn=True)
    for model, stored in _STORAGE.items():
        if model in values and not (model == der700.STORED and der700.without_storage(found.plate)):
            seen = {**readings(stored, values[model], now, turn=False), **seen}
    return seen


def state(found: Found, values: Values) -> State:
    """All but what it measures."""
    return State(
        *conditions(found, values),
        alarms(found, values),
        words(found, values),
        asleep(found, values),
        word(found, values),
    )


def conditions(found: Found, values: Values) -> tuple[bool | None, bool | None, bool | None]:
    """Connected, energized, operating."""
    ac = values.get(found.measured or 0, {})
    if found.measured == der700.AC:
        state = ac.get("InvSt")
        return _truth(ac.get("ConnSt")), _truth(ac.get("St")), None if state is None else state in (3, 4)
    state = ac.get("St")
    connected = legacy.connected(values.get(legacy.STATUS, {}), values.get(legacy.CONTROL, {}))
    return connected, legacy.energized(state), None if state is None else state in (legacy.MPPT, legacy.THROTTLED)


def alarms(found: Found, values: Values) -> frozenset[str]:
    """The names of the bits that are set."""
    layouts = found.quick.areas
    points = {found.measured: "Alrm" if found.measured == der700.AC else "Evt1", 802: "Evt1"}
    raised = frozenset[str]()
    for model, point in points.items():
        if model is not None and model in layouts and model not in meter.MODELS:
            raised |= flags(layouts[model].layout, point, values.get(model, {}))
    return raised | ({"STORAGE_ERROR"} if values.get(713, {}).get("Sta") == 2 else set())


def word(found: Found, values: Values) -> Word:
    """Its state, its maker's code, and who has it (715, 802)."""
    ac = values.get(found.measured or 0, {})
    code, modern = ac.get("StVnd"), found.measured == der700.AC
    control = [values.get(model, {}).get("LocRemCtl") for model in (715, 802)]
    told = [value for value in control if value is not None]
    return Word(
        state=der700.STATES.get(ac.get("InvSt")) if modern else legacy.STATES.get(ac.get("St")),
        local=any(value == 1 for value in told) if told else None,
        code=str(code) if isinstance(code, int) else "",
    )


def words(found: Found, values: Values) -> str:
    """What holds it back, for people: 701's throttle, or the controls that 122 calls active."""
    ac = values.get(der700.AC, {})
    if ac.get("ThrotPct") and der700.AC in found.quick.areas:
        sources = flags(found.quick.areas[der700.AC].layout, "ThrotSrc", ac)
        return f"throttled by {ac['ThrotPct']} % ({', '.join(sorted(sources)) or 'source not told'})"
    status = values.get(legacy.STATUS, {})
    if status.get("StActCtl") and legacy.STATUS in found.quick.areas:
        return f"active: {', '.join(sorted(flags(found.quick.areas[legacy.STATUS].layout, 'StActCtl', status)))}"
    return ""


def beat(values: Values) -> int | None:
    """Its heartbeat, where it has one."""
    told = (values.get(715, {}).get("DERHb"), values.get(802, {}).get("Hb"))
    return next((value for value in told if isinstance(value, int)), None)


def asleep(found: Found, values: Values) -> bool:
    """Whether it may fall silent now: it says it sleeps, or makes nothing at all."""
    ac = values.get(found.measured or 0, {})
    if found.measured == der700.AC:
        return ac.get("InvSt") in (0, 1, 7)
    return ac.get("St") in (1, 2, 8) or (ac.get("W") in (None, 0) and not ac.get("St"))


def written_points(case: Case) -> dict[str, int | float | str]:
    """Every point we may write, as read."""
    named = {model: points for model, points in _QUICK.items() if model in case.held.values}
    for model in case.held.values.keys() - _QUICK.keys():
        if model in _LEGACY_CURVES:
            named[model] = legacy_curves.owned_points(case.held, model)
        elif model in _CURVES:
            named[model] = curves.mirror_points(case.held, model)
        elif model in adjustments.POINTS:
            named[model] = adjustments.POINTS[model]
    return {
        label: value
        for model, points in named.items()
        for name, label in _labels(model, points)
        if (value := case.held.value(model, name)) is not None
    }


@lru_cache(maxsize=256)
def _labels(model: int, points: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """``model.point`` of each, made once for all devices."""
    return tuple((name, f"{model}.{name}") for name in sorted(points))


def _truth(value: Value | None) -> bool | None:
    return None if value is None else value == 1


_STORAGE: Final[Mapping[int, Table]] = {713: der700.STORAGE, 802: legacy.BATTERY, 124: legacy.STORAGE}
_CURVES: Final = frozenset({place.model for place in curves.PLACES.values()} | {curves.DROOP})
_LEGACY_CURVES: Final = frozenset({place.model for place in legacy_curves.PLACES.values()} | {legacy_curves.DROOP})
_QUICK: Final[Mapping[int, frozenset[str]]] = {
    702: frozenset({"WChaRteMax"}),
    703: frozenset({"ES"}) | adjustments.POINTS[703],
    704: LIMIT.points | POWER.points | INJECT.points | ABSORB.points | REACTIVE.points | adjustments.POINTS[704],
    715: frozenset({"OpCtl"}),
    121: adjustments.POINTS[121],
    123: LEGACY_POINTS | limits.LEGACY_POINTS | reactive.PF_POINTS | reactive.VAR_POINTS,
    124: powers.STORAGE_POINTS,
    802: frozenset({"SetOp"}),
}
