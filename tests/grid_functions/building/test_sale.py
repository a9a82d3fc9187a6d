"""What was sold is kept by the meter: what storage gives, what is shed, and what is not believed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gateway.ledger.codec import Codec
from grid_functions import catalogue
from grid_functions.building import sale
from grid_functions.building.dwelling import BatteryOf, CarOf, Dwelling, TankOf, ZoneOf
from grid_functions.building.execution import Command, Executing, Sold, Stay
from grid_functions.building.heating import Zone
from grid_functions.building.home import Plan, Tariff, home
from grid_functions.building.inquiry import Inquiry
from grid_functions.building.part import Horizon
from grid_functions.building.sale import Keeping
from grid_functions.building.steward import HomeDurable
from grid_functions.building.storage import Store
from grid_functions.building.water import Tank
from grid_functions.model.device import Role
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from tests.grid_functions.building.test_steward import NOON, seen

STEP_S = 600.0
DWELLING = Dwelling(
    zones=(ZoneOf("room", Zone(5000.0, 100.0, 4000.0)),),
    tanks=(TankOf("tank", Tank(200.0, 3000.0), least_c=48.0),),
    batteries=(BatteryOf("battery", Store(10_000.0, 3000.0, 1000.0, 1.0, 1.0), reserve_pct=10.0),),
    cars=(CarOf("car", Store(40_000.0, 7360.0, 0.0)),),
)
FLOORS: dict[str, Command] = {
    "room": (Quantity.TEMPERATURE, 19.0),
    "tank": (Quantity.TEMPERATURE, 48.0),
    "car": (Quantity.CONSUMED, 0.0),
}
PLANNED: dict[str, Command] = {
    "battery": (Quantity.NET, -500.0),
    "room": (Quantity.TEMPERATURE, 20.0),
    "tank": (Quantity.TEMPERATURE, 55.0),
    "car": (Quantity.CONSUMED, 2000.0),
}
PLAN = Executing(
    NOON,
    STEP_S,
    {device: (one,) * 3 for device, one in PLANNED.items()},
    "xor_market",
    Sold(NOON + STEP_S, NOON + 3 * STEP_S, FLOORS),
)
BEGAN = NOON + STEP_S
AIM_W = 500.0


def shown(
    net_w: float, after_s: float = 60.0, quality: Quality = Quality.GOOD, soc_pct: float = 50.0, **taking_w: float
) -> Snapshot:
    """The meter so long after the first interval began, and what devices take."""
    at_s = BEGAN + after_s
    devices = {"battery": seen("battery", Role.BATTERY, state_of_charge=soc_pct)}
    devices |= {device: seen(device, Role.LOAD, net=power_w) for device, power_w in taking_w.items()}
    meter: dict[MeterKey, Reading] = {(Quantity.NET, None): Reading(net_w, quality, after_s, at_s)}
    return Snapshot("house", Instants(after_s, at_s), meter, devices)


def after(*looks: Snapshot) -> tuple[Keeping, dict[str, Command]]:
    """What is told after these looks at the meter."""
    keeping = Keeping()
    for look in looks:
        keeping = sale.looked(keeping, PLAN, AIM_W, look, DWELLING, look.at.utc_s)
    return keeping, sale.told(keeping, PLAN, looks[-1], DWELLING, looks[-1].at.utc_s)


def test_as_planned_nothing_is_corrected() -> None:
    assert after(shown(AIM_W))[1] == PLANNED
    assert after(shown(-3000.0))[1] == PLANNED, "who takes less than he must has delivered"


def test_the_battery_gives_what_is_too_much_and_no_more_than_that() -> None:
    """300 W too much: -800 W. Then 100 W too little: -700 W. Then a kilowatt too little: as planned."""
    too_much, less, far_less = shown(800.0), shown(400.0, 120.0), shown(-500.0, 180.0)
    assert after(too_much)[1]["battery"][1] == pytest.approx(-800.0)
    assert after(too_much, less)[1]["battery"][1] == pytest.approx(-700.0)
    assert after(too_much, less, far_less)[1] == PLANNED


def test_one_sample_of_the_meter_is_judged_once() -> None:
    look = shown(800.0)
    assert after(look, look, look)[1]["battery"][1] == pytest.approx(-800.0)


@pytest.mark.parametrize("look", [shown(2000.0, -1.0), shown(2000.0, 10.0), shown(2000.0, quality=Quality.STALE)])
def test_what_is_not_of_this_step_or_not_measured_says_nothing(look: Snapshot) -> None:
    """From before the step, from before devices have settled in it, or too old."""
    moment = replace(look, at=Instants(60.0, BEGAN + 60.0))
    keeping = sale.looked(Keeping(), PLAN, AIM_W, moment, DWELLING, moment.at.utc_s)
    assert sale.told(keeping, PLAN, moment, DWELLING, moment.at.utc_s) == PLANNED


def test_what_the_battery_cannot_give_is_shed_the_largest_first() -> None:
    """2.4 kW too much: the battery has 500 W left, the car's 2 kW are the largest of the rest."""
    _, told = after(shown(2900.0, room=1500.0, tank=0.0, car=2000.0))
    assert told == PLANNED | {"battery": (Quantity.NET, -1000.0), "car": (Quantity.CONSUMED, 0.0)}


def test_an_empty_battery_gives_nothing() -> None:
    """At its reserve: 1 kW too much is shed from the room, and what the battery was to give is not counted on."""
    _, told = after(shown(1500.0, soc_pct=10.0, room=1200.0, tank=0.0))
    assert told == PLANNED | {"room": FLOORS["room"]}


def test_a_heater_that_does_not_tell_its_power_is_shed_last() -> None:
    """1.5 kW too much, of which the battery has 500 W and the room 700 W: the tank, which may take something, is shed too."""
    _, told = after(shown(2000.0, room=700.0))
    assert (told["room"], told["tank"]) == (FLOORS["room"], FLOORS["tank"])


def test_what_is_shed_stays_so_until_its_step_is_over() -> None:
    look = shown(2900.0, room=2500.0, tank=0.0, car=0.0)
    assert after(look, shown(-2000.0, 120.0))[1]["room"] == FLOORS["room"]
    assert after(look, shown(-2000.0, 120.0), shown(0.0, STEP_S + 60.0))[1] == PLANNED


def test_it_is_begun_two_minutes_early() -> None:
    other = replace(PLAN, told={"room": ((Quantity.TEMPERATURE, 22.0), *PLAN.told["room"][1:])})
    told = [
        sale.told(Keeping(), other, shown(0.0), DWELLING, BEGAN - before_s)["room"][1] for before_s in (121.0, 120.0)
    ]
    assert told == [22.0, 20.0]
    assert [sale.prepares(PLAN, utc_s) for utc_s in (NOON, BEGAN - 1.0, BEGAN)] == [True, True, False]


def test_a_heater_that_is_planned_off_is_told_its_floor() -> None:
    """The room falls to 20.6 while it is off and 20.5 later: half a kelvin below that. The tank has 48 degrees at least."""
    horizon = Horizon(NOON, STEP_S, 3)
    series = {
        "heating.room.temperature_c": np.array([21.0, 20.6, 20.5]),
        "heating.room.heat_w": np.array([2000.0, 0.0, 1000.0]),
        "tank.temperature_c": np.array([55.0, 54.0, 53.0]),
        "tank.power_w": np.array([0.0, 10.0, 0.0]),
    }
    plan = Plan(horizon, np.zeros(3), series, 0.0)
    rooms = replace(DWELLING, batteries=(), cars=())
    tariff = Tariff(np.full(3, 0.1), np.zeros(3))
    inquiry = Inquiry("feeder", "xor_market", "m1", home(horizon, (), np.zeros(3)), tariff, 1, 3)
    told = {
        device: tuple((Quantity.TEMPERATURE, value) for value in series[name].tolist())
        for device, name in (("room", "heating.room.temperature_c"), ("tank", "tank.temperature_c"))
    }
    won = sale.sold(plan, told, rooms, inquiry)
    assert [value for _, value in won.told["room"]] == [21.0, 20.0, 20.5]
    assert [value for _, value in won.told["tank"]] == [55.0, 48.0, 48.0]
    assert won.sold is not None
    assert (won.sold.begins_utc_s, won.sold.ends_utc_s) == (NOON + STEP_S, NOON + 3 * STEP_S)


def test_what_was_sold_survives_the_ledger_and_a_ledger_of_before_is_read() -> None:
    durable = HomeDurable({"xor_market": replace(PLAN, stays={"car": (Stay(0, 3, 700.0),)})})
    codec = Codec(catalogue.durable())
    kind, version, body = codec.encode(durable)
    assert codec.decode(kind, version, body) == durable
    plain = json.loads(body)
    del plain["plans"]["xor_market"]["sold"], plain["plans"]["xor_market"]["stays"]
    before = codec.decode(kind, 2, json.dumps(plain).encode())
    assert before.plans["xor_market"] == replace(PLAN, sold=None)
