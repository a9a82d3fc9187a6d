"""DERControlBase -> controls, one row per mode (IEEE 2030.5-2018 DERControlBase; CSIP-AUS opMod...LimW).

Signs are turned here: 2030.5 counts generation positive. Limits stay magnitudes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType

from grid_functions.model.control import (
    Connect,
    Control,
    Curve,
    CurveKind,
    CurvePoint,
    Energize,
    ExportLimit,
    FixedPower,
    FixedReactive,
    Flow,
    FrequencyDroop,
    GenerationLimit,
    ImportLimit,
    LoadLimit,
    MaxPower,
    PowerFactor,
    StoragePower,
    TargetPower,
    TargetReactive,
)
from grid_functions.model.units import PercentBase, turned
from protocols.ieee2030_5.wire.datatypes import (
    ActivePower,
    FixedVar,
    FreqDroopType,
    Link,
    PowerFactorWithExcitation,
    ReactivePower,
)
from protocols.ieee2030_5.wire.der import DERControlBase, DERCurve

ABSURD_W = Decimal(10) ** 10
"""Interpretation: 10 GW and more is no limit or target for one EndDevice but a fault (32767 x 10^9 fits the type). Such a mode is void:
it is as if it were not there, so that it cannot displace a good limit. 200 % of a rating, the usual "unlimited", is far below."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A curve that could not be had. ``lasting``: it is gone or malformed; otherwise asking again may help."""

    lasting: bool


Curves = Callable[[str], DERCurve | Missing]
"""The curve behind a link, as far as it was fetched."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one DERControlBase asks for.

    ``void``: modes set aside as invalid, with why; ``remarks``: modes taken with a change; ``unresolved``: a curve is still to come.
    """

    controls: tuple[Control, ...] = ()
    void: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    unresolved: bool = False


def wanted(base: DERControlBase, curves: Curves) -> Wanted:
    """Every mode of ``base``. An invalid mode is set aside and unseats no other."""
    controls: list[Control] = []
    void: list[str] = []
    remarks: list[str] = []
    asked = [(mode, value) for mode, value in zip(_MODES.items(), _modes_of(base), strict=True) if value is not None]
    for (name, make), value in asked:
        try:
            control, remark = make(value)
        except _Void as why:
            void.append(f"{name}: {why}")
            continue
        controls.append(control)
        if remark:
            remarks.append(f"{name}: {remark}")
    unresolved = False
    links = _links_of(base)
    for (name, kind), link in zip(_CURVE_MODES.items(), links, strict=True) if links != _NO_LINKS else ():
        if link is None:
            continue
        curve = curves(link.href)
        if isinstance(curve, Missing):
            unresolved = unresolved or not curve.lasting
            if curve.lasting:
                void.append(f"{name}: no curve at {link.href}")
            continue
        try:
            controls.append(_curve(curve, kind))
        except _Void as why:
            void.append(f"{name}: {why}")
    return Wanted(tuple(controls), tuple(void), tuple(remarks), unresolved)


def curve_links(base: DERControlBase) -> tuple[str, ...]:
    """The addresses of the curves a control needs."""
    links = _links_of(base)
    return () if links == _NO_LINKS else tuple(link.href for link in links if link is not None)


class _Void(Exception):
    """A mode that asks for nothing possible."""


_Made = tuple[Control, str]


def _limit(kind: Callable[[float], Control]) -> Callable[[ActivePower], _Made]:
    def make(power: ActivePower) -> _Made:
        watts = _sane(power.watts)
        # Interpretation: a negative limit is taken as 0, the tightest it can mean; refusing it would leave a looser one standing.
        return (kind(0.0), f"negative limit {watts} W taken as 0") if watts < 0 else (kind(float(watts)), "")

    return make


def _sane(watts: Decimal) -> Decimal:
    if abs(watts) >= ABSURD_W:
        raise _Void(f"{watts} is absurd")
    return watts


def _fixed_power(hundredths: int) -> _Made:
    # setMaxChargeRateW is the base of charging, setMaxW that of generation.
    base = PercentBase.MAX_CHARGE if hundredths < 0 else PercentBase.MAX_POWER
    return FixedPower(turned(hundredths / 100), base), ""


_VAR_BASES = {1: PercentBase.MAX_POWER, 2: PercentBase.MAX_REACTIVE, 3: PercentBase.AVAILABLE_REACTIVE}


def _fixed_var(fixed: FixedVar) -> _Made:
    base = _VAR_BASES.get(fixed.refType)
    if base is None:
        raise _Void(f"refType {fixed.refType} is no base of reactive power")
    return FixedReactive(turned(fixed.value / 100), base), ""


def _power_factor(flow: Flow) -> Callable[[PowerFactorWithExcitation], _Made]:
    def make(factor: PowerFactorWithExcitation) -> _Made:
        if not 0 < factor.ratio <= 1:
            raise _Void(f"power factor {factor.ratio} is outside 0..1")
        return PowerFactor(flow, float(factor.ratio), factor.excitation), ""

    return make


def _droop(droop: FreqDroopType) -> _Made:
    return (
        FrequencyDroop(
            over_deadband_hz=droop.dBOF / 1000,
            under_deadband_hz=droop.dBUF / 1000,
            over_droop_pu=droop.kOF / 1000,
            under_droop_pu=droop.kUF / 1000,
            response_s=droop.openLoopTms / 100,
        ),
        "",
    )


def _target_power(power: ActivePower) -> _Made:
    return TargetPower(turned(float(_sane(power.watts)))), ""


def _storage_power(power: ActivePower) -> _Made:
    return StoragePower(turned(float(_sane(power.watts)))), ""


def _target_var(power: ReactivePower) -> _Made:
    return TargetReactive(turned(float(_sane(power.vars)))), ""


def _connect(on: bool) -> _Made:
    return Connect(on), ""


def _energize(on: bool) -> _Made:
    return Energize(on), ""


def _max_power(hundredths: int) -> _Made:
    return MaxPower(hundredths / 100), ""


_MODES: Mapping[str, Callable[..., _Made]] = MappingProxyType(
    {
        "opModConnect": _connect,
        "opModEnergize": _energize,
        "opModFixedPFAbsorbW": _power_factor(Flow.ABSORB),
        "opModFixedPFInjectW": _power_factor(Flow.INJECT),
        "opModFixedVar": _fixed_var,
        "opModFixedW": _fixed_power,
        "opModFreqDroop": _droop,
        "opModMaxLimW": _max_power,
        "opModTargetVar": _target_var,
        "opModTargetW": _target_power,
        "opModImpLimW": _limit(ImportLimit),
        "opModExpLimW": _limit(ExportLimit),
        "opModGenLimW": _limit(GenerationLimit),
        "opModLoadLimW": _limit(LoadLimit),
        "opModStorageTargetW": _storage_power,
    }
)

_CURVE_MODES: Mapping[str, CurveKind] = MappingProxyType(
    {
        "opModFreqWatt": CurveKind.FREQUENCY_WATT,
        "opModHFRTMayTrip": CurveKind.HFRT_MAY_TRIP,
        "opModHFRTMustTrip": CurveKind.HFRT_MUST_TRIP,
        "opModHVRTMayTrip": CurveKind.HVRT_MAY_TRIP,
        "opModHVRTMomentaryCessation": CurveKind.HVRT_MOMENTARY_CESSATION,
        "opModHVRTMustTrip": CurveKind.HVRT_MUST_TRIP,
        "opModLFRTMayTrip": CurveKind.LFRT_MAY_TRIP,
        "opModLFRTMustTrip": CurveKind.LFRT_MUST_TRIP,
        "opModLVRTMayTrip": CurveKind.LVRT_MAY_TRIP,
        "opModLVRTMomentaryCessation": CurveKind.LVRT_MOMENTARY_CESSATION,
        "opModLVRTMustTrip": CurveKind.LVRT_MUST_TRIP,
        "opModVoltVar": CurveKind.VOLT_VAR,
        "opModVoltWatt": CurveKind.VOLT_WATT,
        "opModWattPF": CurveKind.WATT_PF,
        "opModWattVar": CurveKind.WATT_VAR,
    }
)

# Most modes are not asked for: all of a base at once cost a third of one by one.
_modes_of: Callable[[DERControlBase], tuple[object, ...]] = attrgetter(*_MODES)
_links_of: Callable[[DERControlBase], tuple[Link | None, ...]] = attrgetter(*_CURVE_MODES)
_NO_LINKS = (None,) * len(_CURVE_MODES)

_CURVE_TYPES = (
    CurveKind.FREQUENCY_WATT,
    CurveKind.HFRT_MAY_TRIP,
    CurveKind.HFRT_MUST_TRIP,
    CurveKind.HVRT_MAY_TRIP,
    CurveKind.HVRT_MOMENTARY_CESSATION,
    CurveKind.HVRT_MUST_TRIP,
    CurveKind.LFRT_MAY_TRIP,
    CurveKind.LFRT_MUST_TRIP,
    CurveKind.LVRT_MAY_TRIP,
    CurveKind.LVRT_MOMENTARY_CESSATION,
    CurveKind.LVRT_MUST_TRIP,
    CurveKind.VOLT_VAR,
    CurveKind.VOLT_WATT,
    CurveKind.WATT_PF,
    CurveKind.WATT_VAR,
)
"""DERCurveType 0 to 14."""

_Y_BASES = (
    None,
    PercentBase.MAX_POWER,
    PercentBase.MAX_REACTIVE,
    PercentBase.AVAILABLE_REACTIVE,
    PercentBase.EFFECTIVE_VOLTAGE,
    PercentBase.MAX_CHARGE,
    PercentBase.MAX_DISCHARGE,
    PercentBase.AVAILABLE_POWER,
)
"""DERUnitRefType 0 to 7."""


def _curve(curve: DERCurve, kind: CurveKind) -> Curve:
    found = _CURVE_TYPES[curve.curveType]
    if found is not kind:
        raise _Void(f"the link leads to a {found.value} curve")
    if not 1 <= len(curve.CurveData) <= 10:
        raise _Void(f"{len(curve.CurveData)} points, not 1 to 10")
    return Curve(
        kind=kind,
        points=tuple(
            CurvePoint(
                x=float(Decimal(point.xvalue).scaleb(curve.xMultiplier)),
                y=float(Decimal(point.yvalue).scaleb(curve.yMultiplier)),
                absorbs_var=point.excitation,
            )
            for point in curve.CurveData
        ),
        y_base=_Y_BASES[curve.yRefType],
        response_s=None if curve.openLoopTms is None else curve.openLoopTms / 100,
        voltage_reference_pct=None if curve.vRef is None else curve.vRef / 100,
        autonomous_reference_s=(
            curve.autonomousVRefTimeConstant / 100
            if curve.autonomousVRefEnable and curve.autonomousVRefTimeConstant is not None
            else None
        ),
    )
