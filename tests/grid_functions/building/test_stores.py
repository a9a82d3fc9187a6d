"""Tank, battery and sun, each a step that can be done by hand."""

import math

import numpy as np
import pytest

from grid_functions.building.storage import Store
from grid_functions.building.sun import Array
from grid_functions.building.water import Tank, tank_step

TANK = Tank(volume_l=200.0, heater_w=3000.0, loss_w_per_k=2.0, inlet_c=10.0, room_c=20.0)
CAPACITY = 1.163 * 200.0  # Wh/K


def test_a_tank_at_rest_cools_towards_its_room() -> None:
    left = math.exp(-2.0 * 1.0 / CAPACITY)
    assert tank_step(TANK, 0.0, 3600.0).advance(60.0, 0.0) == pytest.approx(20.0 + 40.0 * left, abs=1e-9)


def test_a_tight_tank_takes_all_of_its_power() -> None:
    tight = Tank(200.0, 3000.0, loss_w_per_k=0.0)
    assert tank_step(tight, 0.0, 3600.0).advance(50.0, 3000.0) == pytest.approx(50.0 + 3000.0 / CAPACITY, abs=1e-9)


def test_a_draw_leaves_the_mix_between_tank_and_inlet() -> None:
    """Well mixed, 100 l drawn evenly out of 200 l leave exp(-1/2) of the difference to the inlet."""
    tight = Tank(200.0, 3000.0, loss_w_per_k=0.0, inlet_c=10.0)
    assert tank_step(tight, 100.0, 600.0).advance(60.0, 0.0) == pytest.approx(10.0 + 50.0 * math.exp(-0.5), abs=1e-9)


def test_a_tank_at_rest_settles_where_its_heater_holds_it() -> None:
    """100 W over 2 W/K are 50 K over the room."""
    assert tank_step(TANK, 0.0, 1e9).advance(0.0, 100.0) == pytest.approx(70.0, abs=1e-6)


def test_two_tank_steps_are_one_of_twice_the_length() -> None:
    half, whole = tank_step(TANK, 15.0, 600.0), tank_step(TANK, 30.0, 1200.0)
    assert half.advance(half.advance(55.0, 2000.0), 2000.0) == pytest.approx(whole.advance(55.0, 2000.0), abs=1e-9)


def test_a_battery_loses_on_the_way_in_and_on_the_way_out() -> None:
    battery = Store(10_000.0, 5000.0, 5000.0, efficiency_in=0.9, efficiency_out=0.8)
    assert battery.advance(2000.0, 1000.0, 0.0, 3600.0) == pytest.approx(2900.0)
    assert battery.advance(2000.0, 0.0, 800.0, 3600.0) == pytest.approx(1000.0)


def test_a_battery_at_rest_loses_its_percent_an_hour() -> None:
    leaking = Store(10_000.0, 1.0, 1.0, loss_pct_per_h=1.0)
    assert leaking.advance(5000.0, 0.0, 0.0, 7200.0) == pytest.approx(5000.0 * 0.99**2)


def test_the_sun_at_standard_conditions_gives_the_rating_less_losses() -> None:
    """NOCT 45: at 1000 W/m2 the cell is 31.25 K over the air, so air of -6.25 makes a cell of 25 degrees."""
    array = Array(rated_w=5000.0, inverter_w=10_000.0, loss_pct=10.0)
    assert array.offered_w(np.array([1000.0]), np.array([-6.25]))[0] == pytest.approx(4500.0)


def test_a_hot_cell_gives_less_and_the_inverter_cuts() -> None:
    array = Array(rated_w=5000.0, inverter_w=4000.0, loss_pct=0.0, per_k_pct=-0.4)
    assert array.offered_w(np.array([1000.0]), np.array([18.75]))[0] == pytest.approx(4000.0)
    assert array.offered_w(np.array([800.0]), np.array([30.0]))[0] == pytest.approx(4000.0 * (1 - 0.004 * 30.0))
    assert array.offered_w(np.array([0.0]), np.array([0.0]))[0] == 0.0
