"""A home's physics by hand: what rooms take, when a tank is heated, what people miss."""

import numpy as np
import pytest

from gateway.lab.fleet import fleet
from gateway.lab.house import House
from gateway.lab.weather import STEPS
from tests.gateway.lab.homes import DAY, home


def passed(house: House, minutes: int, *, counted: bool = False) -> House:
    for number in range(minutes):
        house.minute(60.0 * number, counted=counted)
    return house


def test_rooms_at_their_setpoint_take_what_they_lose() -> None:
    """100 W/K times 20 K, in each of two rooms."""
    house = passed(House(home(), DAY), 600)
    assert house.zones_w == pytest.approx([2000.0, 2000.0], rel=1e-3)
    assert house.rooms_c == pytest.approx([20.0, 20.0], abs=0.01)


def test_a_tank_is_heated_six_kelvin_late_and_to_its_setting() -> None:
    """From 53 degrees it is left alone; from 52 it is heated: 3 kW for an hour are 3000 / (1.163 * 200) = 12.9 K, so 28 minutes for 6."""
    assert passed(House(home(tank_now_c=53.0), DAY), 60).tank_c == pytest.approx(53.0)
    cold = House(home(tank_now_c=52.0), DAY)
    taken_wh = 0.0
    for minute in range(60):
        cold.minute(60.0 * minute, counted=False)
        taken_wh += cold.tank_w / 60.0
    assert cold.tank_c == pytest.approx(58.0, abs=0.25)
    assert taken_wh == pytest.approx(6.0 * 1.163 * 200.0, rel=0.05)


def test_what_is_told_holds_instead() -> None:
    house = House(home(tank_now_c=50.0), DAY)
    house.told = {"tank": 49.0, "living": 20.0, "bedrooms": 18.0}
    passed(house, 1440)
    assert house.tank_c == pytest.approx(50.0)
    assert house.rooms_c == pytest.approx([20.0, 18.0], abs=0.02)


def test_nothing_is_heated_beyond_what_the_home_may_take() -> None:
    """2.5 kW are 2 kW for the first room and half of what the second wants; the tank's 3 kW find no room at all."""
    house = House(home(tank_now_c=50.0), DAY)
    house.most_w = 2500.0
    house.minute(0.0, counted=False)
    assert house.zones_w == pytest.approx([2000.0, 500.0], rel=0.01)
    assert house.tank_w == 0.0


def test_what_people_miss_is_counted_in_their_day_only() -> None:
    """Both rooms 2 K too cold and nothing to heat with for one minute: 2 rooms * 1.5 K / 60 hours."""
    house = House(home(), DAY, cold_k=2.0)
    house.most_w = 0.0
    house.minute(0.0, counted=False)
    assert house.tally.comfort_kh == 0.0
    house.minute(60.0, counted=True)
    assert house.tally.comfort_kh == pytest.approx(2 * 1.5 / 60.0, rel=0.05)


def test_hot_water_that_is_too_cold_is_short_of_heat() -> None:
    """10 litres in ten minutes at 38 degrees instead of 48: 1.163 * 10 * 10 = 116 Wh, less what the tank's cooling adds."""
    draws = np.zeros(STEPS)
    draws[0] = 10.0
    house = House(home(tank_now_c=38.0, draws_l=draws), DAY)
    house.most_w = 0.0
    passed(house, 10, counted=True)
    assert 0.116 <= house.tally.tank_short_kwh == pytest.approx(0.116, rel=0.1)


def test_a_home_is_the_same_whatever_others_there_are() -> None:
    alone, among = fleet(3, 7, DAY)[2], fleet(9, 7, DAY)[2]
    assert alone.dwelling == among.dwelling
    assert alone.car == among.car
    assert np.array_equal(alone.base_w, among.base_w)
    assert fleet(3, 8, DAY)[2].dwelling != alone.dwelling


def test_people_come_home_when_it_was_said() -> None:
    """16:30 to 20:30, ten minutes more or less on a given day; the gateway never counts on a car before it comes."""
    for spec in fleet(60, 3, DAY):
        if spec.car is None:
            continue
        (believed,) = spec.dwelling.cars
        clock_s = spec.car.arrives_s + 43_200.0
        assert 16.5 * 3600 - 600 <= clock_s <= 20.5 * 3600 + 600
        assert clock_s <= believed.arrives_s
