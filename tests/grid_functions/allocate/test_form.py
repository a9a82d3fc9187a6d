"""Reactive power shared by hand: 3 kvar each, 5 kVA each, so 4000 W leave 3000 var and 4800 W leave 1400 var."""

from dataclasses import replace
from math import inf

import pytest

from grid_functions.allocate.form import Form, forms, room_var
from grid_functions.arbiter import rule
from grid_functions.model.claim import Area, Claim, Scope, Shape, Target, Want
from grid_functions.model.control import Control, Curve, CurveKind, Flow, Mode, PowerFactor, TargetReactive, mode_of
from grid_functions.model.device import Ability, Capability, How, Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Reactive
from grid_functions.model.units import Quantity
from grid_functions.rating import able_w
from tests.grid_functions.house import in_force, on, seen, snapshot, terms

ALL = Capability({mode: Ability(How.NATIVE) for mode in Mode})


def device(name: str = "a", *, online: bool = True, rated_va: float | None = 5000.0, told: Capability = ALL) -> Seen:
    one = seen(name, online=online)
    plate = replace(one.nameplate, rated_va=rated_va, rated_inject_var=3000.0, rated_absorb_var=3000.0)
    return replace(one, nameplate=plate, capability=told)


def claim(control: Control, want: Want, scope: Scope) -> Claim:
    return Claim(scope, Quantity.REACTIVE, want, want, mode_of(control), in_force(control))


def var(value: float, scope: Scope | None = None) -> Claim:
    return claim(TargetReactive(value), Target(value), scope or on("a", "b"))


def formed(*claims: Claim, devices: tuple[Seen, ...] = (), targets: dict[str, float] | None = None) -> dict[str, Form]:
    picture = snapshot(devices or (device(), device("b")), 0.0)
    return forms(rule(claims, DEFAULT_PRECEDENCE), picture, terms(), targets or {})


@pytest.mark.parametrize(
    ("target_w", "rated_va", "room"),
    [
        (None, 5000.0, 3000.0),
        (0.0, 5000.0, 3000.0),
        (4000.0, 5000.0, 3000.0),
        (-4800.0, 5000.0, 1400.0),
        (5000.0, 5000.0, 0.0),
        (6000.0, 5000.0, 0.0),
        (4800.0, None, 3000.0),
        (4800.0, inf, 3000.0),
        (4800.0, -1.0, 3000.0),
        (1.0, 0.0, 0.0),
    ],
)
def test_active_power_leaves_room_for_reactive(target_w: float | None, rated_va: float | None, room: float) -> None:
    for absorb in (False, True):
        assert room_var(device(rated_va=rated_va), target_w, absorb=absorb) == pytest.approx(room)


@pytest.mark.parametrize(
    ("asked", "each"), [(1000.0, 500.0), (-1000.0, -500.0), (9000.0, 3000.0), (-9000.0, -3000.0), (0.0, 0.0)]
)
def test_var_is_shared_by_rating_with_its_sign(asked: float, each: float) -> None:
    assert formed(var(asked)) == {name: Form(Reactive(each)) for name in "ab"}


def test_what_one_cannot_the_other_does() -> None:
    """a is told 4800 W and has 1400 var of room: b does the rest of 4000 var."""
    done = formed(var(4000.0), targets={"a": -4800.0})
    found = {name: form.reactive.power_var for name, form in done.items() if isinstance(form.reactive, Reactive)}
    assert found == pytest.approx({"a": 4000.0 * 1400 / 4400, "b": 4000.0 * 3000 / 4400})


def test_who_is_away_keeps_its_share_and_the_others_do_the_whole() -> None:
    done = formed(var(2000.0), devices=(device(), device("b", online=False)))
    assert done == {"a": Form(Reactive(2000.0)), "b": Form(Reactive(1000.0))}


def test_who_cannot_gets_nothing_and_an_area_is_not_ours() -> None:
    assert formed(var(1000.0), devices=(device(), device("b", told=Capability()))) == {"a": Form(Reactive(1000.0))}
    assert formed(var(1000.0, Area("feeder"))) == {}


def test_curves_stand_beside_each_other_sorted_by_mode_and_a_power_factor_is_the_reactive_mode() -> None:
    watt, frequency = Curve(CurveKind.VOLT_WATT, ()), Curve(CurveKind.FREQUENCY_WATT, ())
    factor = PowerFactor(Flow.INJECT, 0.9, True)
    shapes = [replace(claim(one, Shape(one), on("a")), quantity=Quantity.NET) for one in (watt, frequency)]
    done = formed(*shapes, claim(factor, Shape(factor), on("a")))
    assert done == {"a": Form(factor, (frequency, watt))}


@pytest.mark.parametrize(
    ("charge", "produce_w", "consume_w"),
    [
        (50.0, 5000.0, 5000.0),
        (0.0, 0.0, 5000.0),
        (0.1, 5000.0, 5000.0),
        (-1.0, 0.0, 5000.0),
        (100.0, 5000.0, 0.0),
        (99.9, 5000.0, 5000.0),
        (101.0, 5000.0, 0.0),
    ],
)
def test_an_empty_battery_gives_nothing_and_a_full_one_takes_nothing(
    charge: float, produce_w: float, consume_w: float
) -> None:
    def at(quality: Quality, role: Role = Role.BATTERY) -> tuple[float, float]:
        one = seen("b", role)
        key: MeterKey = (Quantity.STATE_OF_CHARGE, None)
        readings = {key: Reading(charge, quality, 0.0, 0.0)}
        one = replace(one, condition=replace(one.condition, readings=readings))
        return able_w(one, Quantity.PRODUCED), able_w(one, Quantity.CONSUMED)

    assert at(Quality.GOOD) == (produce_w, consume_w)
    assert at(Quality.SUSPECT) == (5000.0, 5000.0)
    assert at(Quality.GOOD, Role.HYBRID) == (5000.0, 5000.0)
