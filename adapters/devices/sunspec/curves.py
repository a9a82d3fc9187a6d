"""Curves and trip settings of the 700 series (705 to 712): an inactive one is written, adopted, compared, enabled; pure.

Curve 1 is a read-only mirror of the one that holds. A device checks what it was told when it is asked to adopt it, not when it is
written, and shows the verdict; that verdict may still be the last one's, so only the mirror proves the adoption.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.steps import Adopted, Cannot, Held, Item, Sequence, Step, Unread
from adapters.sunspec.points import Value
from grid_functions.model.control import Curve, CurveKind, CurvePoint, FrequencyDroop, Mode
from grid_functions.model.units import PercentBase

DROOP: Final = 711


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind of curve stands. ``branch``: of a trip set; ``x``, ``y``: the points that say the curve's axes.

    Interpretation: a curve's volts are percent of the effective voltage, a point's are percent of VNom: the same through VRef.
    """

    model: int
    x: str
    y: str
    bases: Mapping[PercentBase, int]
    branch: str = ""


_VAR: Final = {PercentBase.MAX_POWER: 0, PercentBase.MAX_REACTIVE: 1, PercentBase.AVAILABLE_REACTIVE: 2}
_WATT: Final = {PercentBase.MAX_POWER: 0, PercentBase.AVAILABLE_POWER: 1}

PLACES: Final[Mapping[CurveKind, Place]] = {
    CurveKind.VOLT_VAR: Place(705, "V", "Var", _VAR),
    CurveKind.VOLT_WATT: Place(706, "V", "W", _WATT),
    CurveKind.WATT_VAR: Place(712, "W", "Var", _VAR),
    # A ride-through curve runs over its duration; the points name the level first.
    CurveKind.LVRT_MUST_TRIP: Place(707, "Tms", "V", {}, "MustTrip."),
    CurveKind.LVRT_MAY_TRIP: Place(707, "Tms", "V", {}, "MayTrip."),
    CurveKind.LVRT_MOMENTARY_CESSATION: Place(707, "Tms", "V", {}, "MomCess."),
    CurveKind.HVRT_MUST_TRIP: Place(708, "Tms", "V", {}, "MustTrip."),
    CurveKind.HVRT_MAY_TRIP: Place(708, "Tms", "V", {}, "MayTrip."),
    CurveKind.HVRT_MOMENTARY_CESSATION: Place(708, "Tms", "V", {}, "MomCess."),
    CurveKind.LFRT_MUST_TRIP: Place(709, "Tms", "Hz", {}, "MustTrip."),
    CurveKind.LFRT_MAY_TRIP: Place(709, "Tms", "Hz", {}, "MayTrip."),
    CurveKind.HFRT_MUST_TRIP: Place(710, "Tms", "Hz", {}, "MustTrip."),
    CurveKind.HFRT_MAY_TRIP: Place(710, "Tms", "Hz", {}, "MayTrip."),
}


def curves(case: Case, model: int, shapes: Iterable[Curve]) -> Sequence:
    """These curves, all of one model; what they leave unsaid stays as it is in force."""
    if model not in case.held.values:
        return (Unread(model),)
    named: dict[str, Value] = {}
    for curve in shapes:
        said = _said(case.held, curve)
        if isinstance(said, Cannot):
            return (said,)
        named |= said
    return adopt(case.held, model, "Crv", named)


def droop(case: Case, wanted: FrequencyDroop) -> Sequence:
    """Dead bands in Hz, droops per unit, by 711; PMin stays."""
    if DROOP not in case.held.values:
        return (Unread(DROOP),)
    named: dict[str, Value] = {
        "DbOf": wanted.over_deadband_hz,
        "DbUf": wanted.under_deadband_hz,
        "KOf": wanted.over_droop_pu,
        "KUf": wanted.under_droop_pu,
        "RspTms": wanted.response_s,
    }
    return adopt(case.held, DROOP, "Ctl", named)


def slope(case: Case, curve: Curve) -> Sequence:
    """A frequency-watt curve as a droop, where it is level up to one frequency and then falls in one line."""
    over = one_slope(curve.points, case.nominal_hz)
    if over is None:
        return (Cannot("the curve is no single dead band and slope above nominal frequency, so 711 cannot say it"),)
    if DROOP not in case.held.values:
        return (Unread(DROOP),)
    named: dict[str, Value] = {"DbOf": over[0], "KOf": over[1]}
    if curve.response_s is not None:
        named["RspTms"] = curve.response_s
    return adopt(case.held, DROOP, "Ctl", named)


def one_slope(points: Iterable[CurvePoint], nominal_hz: float) -> tuple[float, float] | None:
    """Dead band in Hz and droop per unit of points (Hz, % of WMax); None when they are not 100 %, then one falling line."""
    ordered = sorted(points, key=lambda point: point.x)
    falling = [(a, b) for a, b in pairwise(ordered) if b.y < a.y]
    if len(falling) != 1 or any(b.y > a.y for a, b in pairwise(ordered)):
        return None
    start, end = falling[0]
    if start.y != 100.0 or start.x < nominal_hz or end.x <= start.x:
        return None
    per_unit = (end.x - start.x) / nominal_hz / ((start.y - end.y) / 100.0)
    return start.x - nominal_hz, per_unit


def adopt(held: Held, model: int, group: str, named: Mapping[str, Value]) -> Sequence:
    """Write ``named`` (paths below the group) and all else of curve 1 into an inactive curve, adopt it, enable it."""
    prefix = f"{group}[1]."
    mirror = {
        prefix + name: value
        for name, value in named.items()
        if _of_points(name) or held.value(model, prefix + name) is not None
    }
    enable = Step(model, {"Ena": 1})
    steady = Step(model, {"RvrtTms": 0})  # a curve works without us, so it outlives us
    if held.shows(model, mirror):
        return (steady, enable)
    place = _free(held, model, group)
    if place is None:
        return (Cannot(f"model {model} has no curve that can be written"),)
    if place == 1:
        # Its only curve is the one in force: it rests while it is written.
        request = Step(model, {f"Adpt{group}Req": 1}, force=True)
        return (Step(model, {"Ena": 0}), steady, _fill(model, mirror), request, enable)
    wanted = {**_rest(held, model, group), **mirror}
    fill = _fill(model, {f"{group}[{place}].{name.removeprefix(prefix)}": value for name, value in wanted.items()})
    waiting: tuple[Item, ...] = (Adopted(model, mirror, f"Adpt{group}Rslt"), enable)
    request = Step(model, {f"Adpt{group}Req": place}, force=True)
    asked = held.value(model, f"Adpt{group}Req") == place and not held.due(fill)
    if asked and held.value(model, f"Adpt{group}Rslt") == _IN_PROGRESS:
        return (steady, *waiting)
    return (fill, steady, request, *waiting)


def mirror_points(held: Held, model: int) -> frozenset[str]:
    """What of a model is ours once a curve of it is wanted: Ena, and the curve in force."""
    group = "Ctl[1]." if model == DROOP else "Crv[1]."
    points = held.layouts[model].points if model in held.layouts else {}
    inside = {name for name, placed in points.items() if name.startswith(group) and placed.point.writable}
    return frozenset({"Ena", *inside})


def _of_points(name: str) -> bool:
    """A point of the curve itself: unused ones may read as not implemented."""
    return "Pt[" in name or name.endswith("ActPt")


def _fill(model: int, values: Mapping[str, Value]) -> Step:
    return Step(model, values, blank=frozenset(filter(_of_points, values)))


def _rest(held: Held, model: int, group: str) -> dict[str, Value]:
    """All that curve 1 says."""
    prefix = f"{group}[1]."
    return {
        name: value
        for name, placed in held.layouts[model].points.items()
        if name.startswith(prefix) and placed.point.writable and (value := held.value(model, name)) is not None
    }


def _free(held: Held, model: int, group: str) -> int | None:
    """The first curve beside the mirror that may be written, else the only one if it may."""
    count = 1
    while f"{group}[{count + 1}].ReadOnly" in held.layouts[model].points:
        count += 1
    back = held.value(model, f"Rvrt{'Ctl' if group == 'Ctl' else 'Crv'}")
    writable = [k for k in range(1, count + 1) if held.value(model, f"{group}[{k}].ReadOnly") == 0]
    beside = [k for k in writable if k > 1]
    kept = [k for k in beside if k != back] or beside
    return next(iter(kept or writable), None)


def _said(held: Held, curve: Curve) -> dict[str, Value] | Cannot:
    """Points below ``Crv[k].``."""
    place = PLACES[curve.kind]
    known = held.layouts[place.model].points
    room = 0
    while f"Crv[1].{place.branch}Pt[{room + 1}].{place.x}" in known:
        room += 1
    if not 0 < len(curve.points) <= room:
        return Cannot(f"model {place.model} takes 1 to {room} points, not {len(curve.points)}")
    if not rises(curve):
        return Cannot("the curve's points do not rise along x")
    said: dict[str, Value] = {f"{place.branch}ActPt": len(curve.points)}
    for i, point in enumerate(curve.points, 1):
        said |= {f"{place.branch}Pt[{i}].{place.x}": point.x, f"{place.branch}Pt[{i}].{place.y}": point.y}
    if curve.y_base is not None and place.bases:
        if curve.y_base not in place.bases:
            return Cannot(f"model {place.model} has no curve in percent of {curve.y_base.value}")
        said["DeptRef"] = place.bases[curve.y_base]
    optional = {"RspTms": curve.response_s, "VRef": curve.voltage_reference_pct}
    said |= {name: value for name, value in optional.items() if value is not None and f"Crv[1].{name}" in known}
    if "Crv[1].VRefAutoEna" in known:
        auto_s = curve.autonomous_reference_s
        said |= {"VRefAutoEna": 0} if auto_s is None else {"VRefAutoEna": 1, "VRefAutoTms": auto_s}
    return said


def rises(curve: Curve) -> bool:
    """x never falls, and rises strictly except along a duration. Watt-var curves may leave points unused at zero."""
    steep = PLACES.get(curve.kind)
    level = (steep is not None and steep.x == "Tms") or curve.kind is CurveKind.WATT_VAR
    return all(b.x > a.x or (level and b.x == a.x) for a, b in pairwise(curve.points))


def mode_of(shape: Curve | FrequencyDroop) -> Mode:
    """The mode of a shape."""
    return Mode.FREQUENCY_DROOP if isinstance(shape, FrequencyDroop) else Mode(shape.kind.value)


_IN_PROGRESS: Final = 0
