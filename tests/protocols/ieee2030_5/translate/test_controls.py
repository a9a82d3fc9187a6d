"""Every mode of DERControlBase, signs and scales; a row each, worked out by hand."""

from typing import Any

import pytest

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
from grid_functions.model.units import PercentBase
from protocols.ieee2030_5.translate.controls import Missing, curve_links, wanted
from protocols.ieee2030_5.wire.datatypes import (
    ActivePower,
    CurveData,
    FixedVar,
    FreqDroopType,
    Link,
    PowerFactorWithExcitation,
    ReactivePower,
)
from protocols.ieee2030_5.wire.der import DERControlBase, DERCurve


def _base(**modes: Any) -> DERControlBase:
    return DERControlBase(**modes)


def _none(href: str) -> Missing:
    return Missing(lasting=True)


MODES: list[tuple[str, Any, Control]] = [
    ("opModConnect", False, Connect(False)),
    ("opModEnergize", True, Energize(True)),
    # + is generation: -75 % charges, 60.5 % generates
    ("opModFixedW", -7500, FixedPower(75.0, PercentBase.MAX_CHARGE)),
    ("opModFixedW", 6050, FixedPower(-60.5, PercentBase.MAX_POWER)),
    ("opModFixedW", -1, FixedPower(0.01, PercentBase.MAX_CHARGE)),
    ("opModFixedW", 0, FixedPower(0.0, PercentBase.MAX_POWER)),
    ("opModMaxLimW", 10_000, MaxPower(100.0)),
    ("opModMaxLimW", 0, MaxPower(0.0)),
    ("opModTargetW", ActivePower(1, 500), TargetPower(-5000.0)),
    ("opModTargetW", ActivePower(0, -1200), TargetPower(1200.0)),
    ("opModTargetVar", ReactivePower(0, 300), TargetReactive(-300.0)),
    ("opModFixedVar", FixedVar(1, 2500), FixedReactive(-25.0, PercentBase.MAX_POWER)),
    ("opModFixedVar", FixedVar(2, -2500), FixedReactive(25.0, PercentBase.MAX_REACTIVE)),
    ("opModFixedVar", FixedVar(3, 100), FixedReactive(-1.0, PercentBase.AVAILABLE_REACTIVE)),
    ("opModFixedPFInjectW", PowerFactorWithExcitation(950, True, -3), PowerFactor(Flow.INJECT, 0.95, True)),
    ("opModFixedPFAbsorbW", PowerFactorWithExcitation(1, False, 0), PowerFactor(Flow.ABSORB, 1.0, False)),
    ("opModFreqDroop", FreqDroopType(36, 17, 50, 40, 500), FrequencyDroop(0.036, 0.017, 0.05, 0.04, 5.0)),
    ("opModExpLimW", ActivePower(1, 5000), ExportLimit(50_000.0)),
    ("opModExpLimW", ActivePower(0, 0), ExportLimit(0.0)),
    ("opModImpLimW", ActivePower(-1, 15005), ImportLimit(1500.5)),
    ("opModGenLimW", ActivePower(2, 50), GenerationLimit(5000.0)),
    ("opModLoadLimW", ActivePower(3, 32767), LoadLimit(32_767_000.0)),
    ("opModStorageTargetW", ActivePower(0, 2500), StoragePower(-2500.0)),
    ("opModStorageTargetW", ActivePower(0, -2500), StoragePower(2500.0)),
]


@pytest.mark.parametrize(("name", "value", "control"), MODES, ids=[f"{name} {value}" for name, value, _ in MODES])
def test_one_mode(name: str, value: Any, control: Control) -> None:
    asked = wanted(_base(**{name: value}), _none)
    assert asked.controls == (control,)
    assert asked.void == ()
    assert asked.remarks == ()


def test_the_same_limit_in_three_scales_is_one_limit() -> None:
    """ALL-24: multipliers 0, 1 and 2."""
    scales = (ActivePower(0, 5000), ActivePower(1, 500), ActivePower(2, 50))
    assert {wanted(DERControlBase(opModExpLimW=power), _none).controls for power in scales} == {(ExportLimit(5000.0),)}


@pytest.mark.parametrize("name", ["opModExpLimW", "opModImpLimW", "opModGenLimW", "opModLoadLimW"])
def test_a_negative_limit_is_zero_and_remarked(name: str) -> None:
    asked = wanted(_base(**{name: ActivePower(0, -100)}), _none)
    (control,) = asked.controls
    assert getattr(control, "limit_w") == 0.0  # noqa: B009  (each of the four has it)
    assert "negative" in asked.remarks[0]


VOID: list[tuple[str, Any]] = [
    ("opModExpLimW", ActivePower(9, 32767)),
    ("opModImpLimW", ActivePower(9, -32767)),
    ("opModTargetW", ActivePower(9, 10)),
    ("opModStorageTargetW", ActivePower(9, -10)),
    ("opModTargetVar", ReactivePower(9, 10)),
    ("opModFixedVar", FixedVar(0, 100)),
    ("opModFixedVar", FixedVar(7, 100)),
    ("opModFixedPFInjectW", PowerFactorWithExcitation(0, True, 0)),
    ("opModFixedPFInjectW", PowerFactorWithExcitation(1001, True, -3)),
    ("opModVoltVar", Link("/no-such-curve")),
]


@pytest.mark.parametrize(("name", "value"), VOID, ids=[f"{name} {value}" for name, value in VOID])
def test_an_impossible_mode_is_void_and_unseats_no_other(name: str, value: Any) -> None:
    asked = wanted(_base(**{name: value, "opModGenLimW": ActivePower(0, 7)}), _none)
    assert asked.controls == (GenerationLimit(7.0),)
    assert [text.split(":")[0] for text in asked.void] == [name]


def test_twice_the_rating_is_a_limit_all_the_same() -> None:
    assert wanted(DERControlBase(opModExpLimW=ActivePower(9, 9)), _none).controls == (ExportLimit(9e9),)


CURVES = [
    (0, "opModFreqWatt", CurveKind.FREQUENCY_WATT),
    (1, "opModHFRTMayTrip", CurveKind.HFRT_MAY_TRIP),
    (2, "opModHFRTMustTrip", CurveKind.HFRT_MUST_TRIP),
    (3, "opModHVRTMayTrip", CurveKind.HVRT_MAY_TRIP),
    (4, "opModHVRTMomentaryCessation", CurveKind.HVRT_MOMENTARY_CESSATION),
    (5, "opModHVRTMustTrip", CurveKind.HVRT_MUST_TRIP),
    (6, "opModLFRTMayTrip", CurveKind.LFRT_MAY_TRIP),
    (7, "opModLFRTMustTrip", CurveKind.LFRT_MUST_TRIP),
    (8, "opModLVRTMayTrip", CurveKind.LVRT_MAY_TRIP),
    (9, "opModLVRTMomentaryCessation", CurveKind.LVRT_MOMENTARY_CESSATION),
    (10, "opModLVRTMustTrip", CurveKind.LVRT_MUST_TRIP),
    (11, "opModVoltVar", CurveKind.VOLT_VAR),
    (12, "opModVoltWatt", CurveKind.VOLT_WATT),
    (13, "opModWattPF", CurveKind.WATT_PF),
    (14, "opModWattVar", CurveKind.WATT_VAR),
]


def _curve(kind: int, **changes: Any) -> DERCurve:
    given: dict[str, Any] = {
        "mRID": "0A",
        "creationTime": 0,
        "CurveData": (CurveData(xvalue=9200, yvalue=44), CurveData(xvalue=9800, yvalue=0)),
        "curveType": kind,
        "openLoopTms": 1000,
        "vRef": 10_000,
        "xMultiplier": -2,
        "yMultiplier": 0,
        "yRefType": 2,
    }
    return DERCurve(**(given | changes))


@pytest.mark.parametrize(("kind", "name", "found"), CURVES)
def test_a_curve_is_fetched_by_its_link(kind: int, name: str, found: CurveKind) -> None:
    base = _base(**{name: Link("/curve/1")})
    assert list(curve_links(base)) == ["/curve/1"]
    assert wanted(base, lambda href: _curve(kind)).controls == (
        Curve(
            kind=found,
            points=(CurvePoint(92.0, 44.0), CurvePoint(98.0, 0.0)),
            y_base=PercentBase.MAX_REACTIVE,
            response_s=10.0,
            voltage_reference_pct=100.0,
        ),
    )


@pytest.mark.parametrize(
    "curve", [_curve(12), _curve(11, CurveData=()), _curve(11, CurveData=(CurveData(xvalue=1, yvalue=1),) * 11)]
)
def test_a_curve_of_another_kind_or_length_is_void(curve: DERCurve) -> None:
    asked = wanted(DERControlBase(opModVoltVar=Link("/curve/1")), lambda href: curve)
    assert asked.controls == ()
    assert len(asked.void) == 1


def test_a_curve_still_to_come_is_waited_for() -> None:
    asked = wanted(DERControlBase(opModVoltVar=Link("/curve/1")), lambda href: Missing(lasting=False))
    assert asked.unresolved
    assert asked.void == ()
