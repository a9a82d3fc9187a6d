"""The last clamp of one device's own setpoint, by hand. An inverter of 5 kW, 5 kVA and 3 kvar either way unless told."""

from dataclasses import replace
from math import inf, nan

import pytest

from grid_functions.form_guard import Clamp, clamp
from grid_functions.model.control import Curve, CurveKind, Flow, PowerFactor
from grid_functions.model.device import Role, Seen
from grid_functions.model.event import Settings
from grid_functions.model.setpoint import Reactive, Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import seen, terms

NET, VAR = Quantity.NET, Quantity.REACTIVE


def device(role: Role = Role.BATTERY, rated_va: float | None = 5000.0) -> Seen:
    one = seen("a", role)
    plate = replace(one.nameplate, rated_va=rated_va, rated_inject_var=3000.0, rated_absorb_var=3000.0)
    return replace(one, nameplate=plate)


def passed(
    setpoint: Setpoint, one: Seen | None = None, *, known: bool = True, protection: bool = False
) -> tuple[Setpoint, list[Clamp]]:
    return clamp(setpoint, (one or device()) if known else None, replace(terms(), protection=protection))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (Setpoint("a", target_w=5000.0), 5000.0),
        (Setpoint("a", target_w=5001.0), 5000.0),
        (Setpoint("a", target_w=-5001.0), -5000.0),
        (Setpoint("a", target_w=-900.0, produce_max_w=500.0), -500.0),
        (Setpoint("a", target_w=900.0, produce_max_w=500.0), 900.0),
        (Setpoint("a", target_w=900.0, consume_max_w=500.0), 500.0),
        (Setpoint("a", target_w=0.0, consume_max_w=0.0, produce_max_w=0.0), 0.0),
        (Setpoint("a", target_w=inf), 5000.0),
        (Setpoint("a", target_w=500.0005, consume_max_w=500.0), 500.0005),  # a crumb
    ],
)
def test_a_target_lies_within_limits_and_nameplate(asked: Setpoint, given: float) -> None:
    kept, clamps = passed(asked)
    assert kept == replace(asked, target_w=given)
    assert clamps == (
        [] if asked.target_w == given else [Clamp("a", NET, asked.target_w or 0.0, given, "limit or nameplate")]
    )


def test_a_target_is_within_the_apparent_power_and_of_the_role() -> None:
    assert passed(Setpoint("a", target_w=-4000.0), device(rated_va=3500.0))[0].target_w == -3500.0
    assert passed(Setpoint("a", target_w=-4000.0), device(rated_va=None))[0].target_w == -4000.0
    assert passed(Setpoint("a", target_w=100.0), device(Role.PV))[0].target_w == 0.0


def test_of_a_device_never_seen_no_target_and_no_reactive_power_is_harmless() -> None:
    kept, clamps = passed(Setpoint("a", target_w=-100.0, reactive=Reactive(50.0)), known=False)
    assert (kept.target_w, kept.reactive) == (0.0, Reactive(0.0))
    assert [one.quantity for one in clamps] == [NET, VAR]


def test_what_is_no_number_is_not_written() -> None:
    kept, clamps = passed(Setpoint("a", target_w=nan, reactive=Reactive(nan)))
    assert (kept.target_w, kept.reactive) == (None, None)
    assert [(one.quantity, one.given, one.why) for one in clamps] == [(NET, 0.0, "no number"), (VAR, 0.0, "no number")]


@pytest.mark.parametrize(
    ("target_w", "asked_var", "given_var"),
    [
        (None, 3000.0, 3000.0),
        (None, 3001.0, 3000.0),
        (None, -3001.0, -3000.0),
        (4000.0, 3000.0, 3000.0),  # 3-4-5
        (-4800.0, 3000.0, 1400.0),  # 1400-4800-5000
        (-4800.0, -3000.0, -1400.0),
        (5000.0, 100.0, 0.0),
    ],
)
def test_reactive_power_has_what_active_power_leaves(
    target_w: float | None, asked_var: float, given_var: float
) -> None:
    kept, clamps = passed(Setpoint("a", target_w=target_w, reactive=Reactive(asked_var)))
    assert isinstance(kept.reactive, Reactive)
    assert kept.reactive.power_var == pytest.approx(given_var)
    assert [one.why for one in clamps] == ([] if asked_var == given_var else ["apparent power"])


@pytest.mark.parametrize(
    ("cos_phi", "kept"), [(1.0, True), (0.9, True), (0.001, True), (0.0, False), (-0.9, False), (1.01, False)]
)
def test_a_power_factor_lies_above_0_and_up_to_1(cos_phi: float, kept: bool) -> None:
    asked = PowerFactor(Flow.INJECT, cos_phi, True)
    after, clamps = passed(Setpoint("a", reactive=asked))
    assert after.reactive == (asked if kept else None)
    assert [one.why for one in clamps] == ([] if kept else ["no power factor"])


def curve(kind: CurveKind) -> Curve:
    return Curve(kind, ())


VOLT_VAR, WATT_VAR, VOLT_WATT = (curve(one) for one in (CurveKind.VOLT_VAR, CurveKind.WATT_VAR, CurveKind.VOLT_WATT))
TRIP, CESSATION = curve(CurveKind.HVRT_MUST_TRIP), curve(CurveKind.LVRT_MOMENTARY_CESSATION)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ((VOLT_VAR, VOLT_WATT), (VOLT_VAR, VOLT_WATT)),
        ((VOLT_WATT, VOLT_WATT, VOLT_VAR), (VOLT_WATT, VOLT_VAR)),
        ((VOLT_VAR, WATT_VAR, VOLT_WATT), (VOLT_VAR, VOLT_WATT)),
        ((TRIP, VOLT_WATT), (VOLT_WATT,)),
        ((CESSATION, VOLT_VAR), (VOLT_VAR,)),
    ],
)
def test_one_curve_of_a_kind_one_reactive_mode_and_no_protection(
    asked: tuple[Curve, ...], kept: tuple[Curve, ...]
) -> None:
    after, clamps = passed(Setpoint("a", shapes=asked))
    assert after.shapes == kept
    assert [(one.asked, one.given) for one in clamps] == ([] if asked == kept else [(len(asked), len(kept))])


def test_a_value_of_reactive_power_is_the_one_mode() -> None:
    assert passed(Setpoint("a", reactive=Reactive(1.0), shapes=(VOLT_VAR, VOLT_WATT)))[0].shapes == (VOLT_WATT,)


def test_protection_is_written_where_the_site_permits_it() -> None:
    settings = Settings(enter_service_delay_s=300.0)
    asked = Setpoint("a", shapes=(TRIP, CESSATION), settings=settings)
    assert passed(asked, protection=True) == (asked, [])
    kept, clamps = passed(asked)
    assert (kept.shapes, kept.settings) == ((), None)
    assert [one.why for one in clamps] == ["protection is read only"] * 2
    gradients = Setpoint("a", settings=Settings(gradient_pct_per_s=1.0, soft_gradient_pct_per_s=2.0))
    assert passed(gradients) == (gradients, [])
