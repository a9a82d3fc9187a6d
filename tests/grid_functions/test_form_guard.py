"""The clamp of one device's own setpoint: each slip is cut and told."""

from dataclasses import replace

import pytest

from grid_functions.form_guard import clamp
from grid_functions.model.control import Curve, CurveKind, CurvePoint, Flow, Mode, PowerFactor, mode_of
from grid_functions.model.device import Nameplate, Role
from grid_functions.model.event import Settings
from grid_functions.model.setpoint import Reactive, Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import seen, terms

BATTERY = replace(seen("a", Role.BATTERY), nameplate=Nameplate(rated_w=5000, rated_va=5000, rated_inject_var=4500))
PV = seen("a")
NAN = float("nan")


def curve(kind: CurveKind) -> Curve:
    """A curve of two points."""
    return Curve(kind, (CurvePoint(90, 10), CurvePoint(110, 0)))


def test_what_breaks_nothing_passes_untouched() -> None:
    told = Setpoint("a", target_w=-4000.0, produce_max_w=4000.0, reactive=Reactive(3000.0))
    assert clamp(told, BATTERY, terms()) == (told, [])


@pytest.mark.parametrize(
    ("told", "target_w"),
    [
        (Setpoint("a", target_w=-6000.0), -5000.0),  # nameplate
        (Setpoint("a", target_w=6000.0), 5000.0),
        (Setpoint("a", target_w=-3000.0, produce_max_w=1000.0), -1000.0),  # its own limit
        (Setpoint("a", target_w=3000.0, consume_max_w=0.0), 0.0),
        (Setpoint("a", target_w=NAN), None),
    ],
)
def test_a_target_beyond_what_may_be_is_cut(told: Setpoint, target_w: float | None) -> None:
    kept, clamps = clamp(told, BATTERY, terms())
    assert kept.target_w == target_w
    assert [one.quantity for one in clamps] == [Quantity.NET]


def test_a_pv_told_to_consume_and_a_device_never_seen_are_told_0() -> None:
    assert clamp(Setpoint("a", target_w=500.0), PV, terms())[0].target_w == 0.0
    assert clamp(Setpoint("a", target_w=-500.0), None, terms())[0].target_w == 0.0


@pytest.mark.parametrize(
    ("told", "kept_var"),
    [
        (Setpoint("a", reactive=Reactive(-9000.0)), -4500.0),  # the rating
        (Setpoint("a", target_w=-3000.0, reactive=Reactive(4400.0)), 4000.0),  # sqrt(5000^2 - 3000^2)
        (Setpoint("a", target_w=-5000.0, reactive=Reactive(100.0)), 0.0),
    ],
)
def test_reactive_power_is_cut_to_what_the_apparent_power_leaves(told: Setpoint, kept_var: float) -> None:
    kept, clamps = clamp(told, BATTERY, terms())
    assert kept.reactive == Reactive(kept_var)
    assert [one.why for one in clamps] == ["apparent power"]


@pytest.mark.parametrize(
    "reactive", [Reactive(NAN), PowerFactor(Flow.INJECT, 0.0, True), PowerFactor(Flow.INJECT, NAN, True)]
)
def test_reactive_power_that_is_no_number_does_not_leave(reactive: Reactive | PowerFactor) -> None:
    kept, clamps = clamp(Setpoint("a", reactive=reactive), BATTERY, terms())
    assert kept.reactive is None
    assert len(clamps) == 1


def test_exactly_one_reactive_mode_leaves() -> None:
    """A value beside two reactive curves: the value alone; volt-watt is another kind."""
    shapes = (curve(CurveKind.VOLT_VAR), curve(CurveKind.VOLT_WATT), curve(CurveKind.WATT_VAR))
    kept, clamps = clamp(Setpoint("a", reactive=Reactive(0.0), shapes=shapes), BATTERY, terms())
    assert [mode_of(one) for one in kept.shapes] == [Mode.VOLT_WATT]
    kept, _ = clamp(Setpoint("a", shapes=shapes), BATTERY, terms())
    assert [mode_of(one) for one in kept.shapes] == [Mode.VOLT_VAR, Mode.VOLT_WATT]
    assert len(clamps) == 1


def test_protection_leaves_only_where_the_site_permits_it() -> None:
    told = Setpoint("a", shapes=(curve(CurveKind.HVRT_MUST_TRIP),), settings=Settings(enter_service_delay_s=300.0))
    kept, clamps = clamp(told, BATTERY, terms())
    assert kept == Setpoint("a")
    assert len(clamps) == 2
    assert clamp(told, BATTERY, replace(terms(), protection=True)) == (told, [])


def test_gradients_are_no_protection() -> None:
    told = Setpoint("a", settings=Settings(gradient_pct_per_s=0.27, soft_gradient_pct_per_s=1.0))
    assert clamp(told, BATTERY, terms()) == (told, [])
