"""One zone is a first-order lag, two zones a pair of them; the exact step composes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid_functions.building.heating import Heating, Zone, dynamics

ONE = Heating((Zone(2000.0, 100.0, 5000.0),))
TAU_H = 20.0  # 2000 Wh/K over 100 W/K


def test_one_zone_cools_by_its_time_constant() -> None:
    """exp(-1/20) of the difference is left after an hour: 20 K over 0 degrees become 19.0246 K."""
    after = dynamics(ONE, 3600.0).advance(np.array([20.0]), np.array([0.0]), 0.0, np.array([0.0]))
    assert after[0] == pytest.approx(20.0 * math.exp(-1.0 / TAU_H), abs=1e-9)


def test_one_zone_settles_where_heat_equals_loss() -> None:
    """2 kW through 100 W/K are 20 K over outdoors; a month is as good as for ever."""
    after = dynamics(ONE, 30 * 86400.0).advance(np.array([5.0]), np.array([2000.0]), -10.0, np.array([0.0]))
    assert after[0] == pytest.approx(10.0, abs=1e-9)


def test_efficiency_multiplies_electricity_and_not_the_sun() -> None:
    pump = dynamics(Heating((Zone(2000.0, 100.0, 5000.0, efficiency=3.0),)), 3600.0)
    plain = dynamics(ONE, 3600.0)
    assert pump.heat[0, 0] == pytest.approx(3.0 * plain.heat[0, 0])
    assert pump.gain[0, 0] == pytest.approx(plain.gain[0, 0])


def test_two_equal_zones_split_into_mean_and_difference() -> None:
    """The mean decays with 1000/50 = 20 h; the difference with 1000/(50 + 2 * 200) h through the wall of 200 W/K."""
    pair = Heating((Zone(1000.0, 50.0, 0.0), Zone(1000.0, 50.0, 0.0)), ((0, 1, 200.0),))
    after = dynamics(pair, 3600.0).advance(np.array([22.0, 18.0]), np.zeros(2), 0.0, np.zeros(2))
    mean, half = 20.0 * math.exp(-1.0 / 20.0), 2.0 * math.exp(-450.0 / 1000.0)
    assert after == pytest.approx([mean + half, mean - half], abs=1e-9)


def test_without_any_loss_heat_only_adds_up() -> None:
    """1 kW into 2000 Wh/K for an hour is half a kelvin, for an island that loses nothing."""
    island = dynamics(Heating((Zone(2000.0, 0.0, 5000.0),)), 3600.0)
    assert island.advance(np.array([20.0]), np.array([1000.0]), -30.0, np.zeros(1))[0] == pytest.approx(20.5)


@given(st.floats(60.0, 7200.0), st.floats(-20.0, 20.0), st.floats(0.0, 5000.0))
def test_two_steps_are_one_of_twice_the_length(step_s: float, outdoor_c: float, heat_w: float) -> None:
    house = Heating((Zone(1500.0, 60.0, 5000.0), Zone(3000.0, 120.0, 5000.0)), ((0, 1, 150.0),))
    start, heat, sun = np.array([21.0, 17.0]), np.array([heat_w, 0.0]), np.array([100.0, 0.0])
    half, whole = dynamics(house, step_s), dynamics(house, 2 * step_s)
    twice = half.advance(half.advance(start, heat, outdoor_c, sun), heat, outdoor_c, sun)
    assert twice == pytest.approx(whole.advance(start, heat, outdoor_c, sun), abs=1e-8)
