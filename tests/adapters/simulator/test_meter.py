"""The meter's registers: sign, phases, counters, saturation."""

import pytest

from adapters.simulator.meter import Meter
from adapters.simulator.plan import MeterPlan
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import PointKey, Value
from adapters.simulator.site import step
from tests.adapters.simulator.situations import PLAN, put, raw, site


def _meter(model: int = 203, full_scale_w: float = 30000.0) -> Meter:
    return Meter(MeterPlan("m", "a", model=model, full_scale_w=full_scale_w), Quirks())


def _whole(values: dict[PointKey, Value], *names: str) -> list[int]:
    return [int(values[203, name]) for name in names]


def test_import_is_positive_by_default() -> None:
    # Load 1000 W, production 5000 + 8000 W: 12 kW flow out.
    assert site().meter_w == -12000
    assert raw(site(), "meter", 203, "W") == -12000


def test_export_positive_is_a_choice() -> None:
    turned = site(meter={**PLAN["meter"], "positive": "export"})
    assert turned.meter_w == -12000
    assert raw(turned, "meter", 203, "W") == 12000


def test_meter_sign_quirk_turns_registers_not_truth() -> None:
    wrong = site().with_quirks("meter", Quirks(meter_sign=True))
    assert wrong.meter_w == -12000
    assert raw(wrong, "meter", 203, "W") == 12000
    assert raw(wrong, "meter", 203, "WphA") > 0
    later = step(wrong, 3600)
    assert raw(later, "meter", 203, "TotWhImp") == 12000
    assert raw(later, "meter", 203, "TotWhExp") == 0


def test_phases_by_split_and_thirds() -> None:
    night = site(sun={"fraction": 0})
    # 1000 W split 0.5, 0.3, 0.2.
    assert _whole(night.values("meter"), "WphA", "WphB", "WphC") == [500, 300, 200]
    # Two three-phase inverters: 13000 / 3 = 4333.3 off each.
    assert _whole(site().values("meter"), "WphA", "WphB", "WphC") == [-3833, -4033, -4134]


@pytest.mark.parametrize("phases", [(0.4, 0.4, 0.4), (1.5, 2.5, -0.7), (-1234.5, 333.3, 901.49)])
def test_phases_add_up_after_rounding(phases: tuple[float, float, float]) -> None:
    a, b, c, total = _whole(_meter().values(phases), "WphA", "WphB", "WphC", "W")
    assert a + b + c == total == round(sum(phases))


def test_counters_count_each_direction() -> None:
    # One hour exporting 12 kW, then night: one hour importing 1 kW.
    evening = step(site(), 3600).with_sun(0)
    night = step(evening, 3600)
    assert raw(night, "meter", 203, "TotWhExp") == 12000
    assert raw(night, "meter", 203, "TotWhImp") == 1000


def test_saturates_at_full_scale() -> None:
    values = _meter().values((40000.0, 0.0, 0.0))
    assert values[203, "W"] == 32767
    assert values[203, "WphA"] == 32767


def test_larger_meters_scale() -> None:
    values = _meter(full_scale_w=200000.0).values((100000.0, 0.0, 0.0))
    assert (values[203, "W"], values[203, "W_SF"]) == (10000, 1)


def test_single_phase_model() -> None:
    values = _meter(model=201).values((100.0, 50.0, 25.0))
    assert (values[201, "W"], values[201, "WphA"]) == (175, 175)
    assert (201, "WphB") not in values


def test_one_phase_inverter_feeds_phase_a() -> None:
    inverters = [{"name": "old", "kind": "legacy", "rated_w": 3000, "phases": 1}]
    single = site(inverters=inverters, house={"base_w": 0})
    assert single.phases_w == (-3000, 0, 0)


def test_the_meter_takes_no_writes() -> None:
    with pytest.raises(AssertionError, match="ILLEGAL_ADDRESS"):
        put(site(), "meter", 203, W=1)


@pytest.mark.parametrize(("model", "legs"), [(202, [-500, 300]), (204, None), (212, [-500, 300]), (214, None)])
def test_split_phase_and_delta(model: int, legs: list[int] | None) -> None:
    values = _meter(model=model).values((-500.0, 200.0, 100.0))
    between = "PPVphAB" if model > 210 else "PhVphAB"
    assert values[model, "W"] == -200
    # 230 V to neutral: 460 V across a split phase, 398.4 V between phases; in tenths where they are counted.
    expected = (460.0 if legs else 398.4) * (1 if model > 210 else 10)
    assert values[model, between] == pytest.approx(expected, abs=0.05)
    assert (model, "WphC") not in values
    if legs:
        assert [values[model, name] for name in ("WphA", "WphB")] == legs
    else:
        assert (model, "WphA") not in values
        assert (model, "PhV") not in values


@pytest.mark.parametrize(("model", "watts"), [(211, -77.25), (213, -77.25)])
def test_float_meters_do_not_round(model: int, watts: float) -> None:
    one = Meter(MeterPlan("m", "a", model=model), Quirks(), import_ws=5400.0)
    values = one.values((-100.5, 20.25, 3.0))
    assert (values[model, "W"], values[model, "TotWhImp"], values[model, "WphA"]) == (
        watts, 1.5, watts if model == 211 else -100.5,
    )  # fmt: skip
    registers = one.image.encode(values)
    point = next(p for p in one.image.points if p.key == (model, "W"))
    # -77.25 as IEEE 754: 0xC29A8000.
    assert registers[point.offset : point.offset + 2] == [0xC29A, 0x8000]
