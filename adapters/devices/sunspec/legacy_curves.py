"""Curves of the older models (126, 131, 132, 134, trips 129 to 142) and the droop of 127; pure.

No handshake: an inactive curve is written, chosen by ActCrv, then ModEna. A device with a single curve rests while it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.curves import rises
from adapters.devices.sunspec.reactive import over_excited
from adapters.devices.sunspec.steps import Cannot, Held, Sequence, Step, Unread
from adapters.sunspec.points import Value
from grid_functions.model.control import Curve, CurveKind, FrequencyDroop
from grid_functions.model.units import PercentBase

DROOP: Final = 127


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind of curve stands: the points of its axes, DeptRef by base, and the response time's own name."""

    model: int
    x: str
    y: str
    bases: Mapping[PercentBase, int]
    response: str = ""


PLACES: Final[Mapping[CurveKind, Place]] = {
    CurveKind.VOLT_VAR: Place(
        126,
        "V",
        "VAr",
        {PercentBase.MAX_POWER: 1, PercentBase.MAX_REACTIVE: 2, PercentBase.AVAILABLE_REACTIVE: 3},
        "RmpTms",
    ),
    CurveKind.WATT_PF: Place(131, "W", "PF", {}, "RmpPT1Tms"),
    CurveKind.VOLT_WATT: Place(132, "V", "W", {PercentBase.MAX_POWER: 1, PercentBase.AVAILABLE_POWER: 2}, "RmpPt1Tms"),
    CurveKind.FREQUENCY_WATT: Place(134, "Hz", "W", {}, "RmpPT1Tms"),
    CurveKind.LVRT_MUST_TRIP: Place(129, "Tms", "V", {}),
    CurveKind.HVRT_MUST_TRIP: Place(130, "Tms", "V", {}),
    CurveKind.LVRT_MAY_TRIP: Place(137, "Tms", "V", {}),
    CurveKind.HVRT_MAY_TRIP: Place(138, "Tms", "V", {}),
    CurveKind.LVRT_MOMENTARY_CESSATION: Place(139, "Tms", "V", {}),
    CurveKind.HVRT_MOMENTARY_CESSATION: Place(140, "Tms", "V", {}),
    CurveKind.LFRT_MUST_TRIP: Place(135, "Tms", "Hz", {}),
    CurveKind.HFRT_MUST_TRIP: Place(136, "Tms", "Hz", {}),
    CurveKind.LFRT_MAY_TRIP: Place(141, "Tms", "Hz", {}),
    CurveKind.HFRT_MAY_TRIP: Place(142, "Tms", "Hz", {}),
}

PT1: Final = {place.model: place.response for place in PLACES.values() if place.response}


def curve(case: Case, wanted: Curve) -> Sequence:
    """One curve: its points, ActCrv, ModEna."""
    held, model = case.held, PLACES[wanted.kind].model
    if model not in held.values:
        return (Unread(model),)
    said = _said(case, wanted)
    if isinstance(said, Cannot):
        return (said,)
    active, enable = held.value(model, "ActCrv"), Step(model, {"ModEna": 1})
    steady = Step(model, {"RvrtTms": 0})
    count = curve_count(held, model)
    if isinstance(active, int) and 1 <= active <= count and held.shows(model, _at(active, said)):
        return (steady, enable)
    writable = [k for k in range(1, count + 1) if held.value(model, f"curve[{k}].ReadOnly") != 1]
    free = next((k for k in writable if k != active), None)
    if free is not None:
        return (_fill(model, free, said), steady, Step(model, {"ActCrv": free}), enable)
    if not writable:
        return (Cannot(f"model {model} has no curve that can be written"),)
    only = writable[0]
    return (Step(model, {"ModEna": 0}), _fill(model, only, said), steady, Step(model, {"ActCrv": only}), enable)


def droop(case: Case, wanted: FrequencyDroop) -> Sequence:
    """Over-frequency only: HzStr from nominal, WGra in percent of the power then per Hz."""
    if DROOP not in case.held.values:
        return (Unread(DROOP),)
    if wanted.over_droop_pu <= 0:
        return (Cannot("a droop of 0 has no slope"),)
    gradient = 100.0 / (wanted.over_droop_pu * case.nominal_hz)
    points: dict[str, Value] = {"HzStr": wanted.over_deadband_hz, "WGra": gradient}
    return (Step(DROOP, points), Step(DROOP, {"ModEna": 1}))


def owned_points(held: Held, model: int) -> frozenset[str]:
    """What of a model is ours once a curve of it is wanted; its curve too where there is no other to choose."""
    if model == DROOP:
        return frozenset({"HzStr", "WGra", "ModEna"})
    points = held.layouts[model].points if model in held.layouts else {}
    single = curve_count(held, model) == 1
    curve = {name for name, placed in points.items() if single and "curve[" in name and placed.point.writable}
    return frozenset({"ActCrv", "ModEna", *curve})


def curve_count(held: Held, model: int) -> int:
    """How many curves a model has room for, and says it has."""
    room = 0
    while f"curve[{room + 1}].ActPt" in held.layouts[model].points:
        room += 1
    told = held.value(model, "NCrv")
    return min(room, told) if isinstance(told, int) else room


def _at(k: int, said: Mapping[str, Value]) -> dict[str, Value]:
    return {f"curve[{k}].{name}": value for name, value in said.items()}


def _fill(model: int, k: int, said: Mapping[str, Value]) -> Step:
    values = _at(k, said)
    return Step(model, values, blank=frozenset(values) - {f"curve[{k}].DeptRef", f"curve[{k}].{PT1.get(model, '')}"})


def _said(case: Case, wanted: Curve) -> dict[str, Value] | Cannot:
    place = PLACES[wanted.kind]
    told = case.held.value(place.model, "NPt")
    room = min(20, told) if isinstance(told, int) else 20
    if not 0 < len(wanted.points) <= room:
        return Cannot(f"model {place.model} takes 1 to {room} points, not {len(wanted.points)}")
    if not rises(wanted):
        return Cannot("the curve's points do not rise along x")
    said: dict[str, Value] = {"ActPt": len(wanted.points)}
    for i, point in enumerate(wanted.points, 1):
        y = point.y
        if wanted.kind is CurveKind.WATT_PF:
            y = abs(y) * over_excited(case) * (-1 if point.absorbs_var else 1)
        said |= {f"{place.x}{i}": point.x, f"{place.y}{i}": y}
    if wanted.y_base is not None and place.bases:
        if wanted.y_base not in place.bases:
            return Cannot(f"model {place.model} has no curve in percent of {wanted.y_base.value}")
        said["DeptRef"] = place.bases[wanted.y_base]
    if place.response and wanted.response_s is not None and case.held.has(place.model, f"curve[1].{place.response}"):
        said[place.response] = wanted.response_s
    return said
