"""A simulated house is learnt from its own history; what cannot be learnt falls back and says so."""

import numpy as np
import pytest

from grid_functions.building.heating import Dynamics, Heating, Zone, dynamics
from grid_functions.building.learning import History, learn, nonnegative
from grid_functions.building.program import Vector

HOUSE = Heating((Zone(2500.0, 90.0, 5000.0), Zone(3500.0, 120.0, 5000.0)), ((0, 1, 150.0),))
WRONG = dynamics(Heating((Zone(9000.0, 300.0, 5000.0), Zone(900.0, 10.0, 5000.0))), 600.0)


def lived(days: float, noise_k: float = 0.0, seed: int = 5) -> tuple[History, Dynamics]:
    """Days of a house under thermostats, weather and sun."""
    draw = np.random.default_rng(seed)
    steps = int(days * 144)
    step = dynamics(HOUSE, 600.0)
    sun = np.clip(600.0 * np.sin((np.arange(steps) % 144) / 144 * 2 * np.pi - 1.5), 0.0, None)
    outdoor = -8.0 + 6.0 * np.sin(np.arange(steps) / 144 * 2 * np.pi) + draw.normal(0.0, 1.0, steps)
    glass = np.array([2.0, 4.0])  # m2
    temperatures = np.zeros((steps + 1, 2))
    temperatures[0] = (21.0, 19.0)
    heat = np.zeros((steps, 2))
    for k in range(steps):
        heat[k] = np.where(temperatures[k] < 20.5 + draw.normal(0.0, 0.7, 2), 5000.0, 0.0)
        temperatures[k + 1] = step.advance(temperatures[k], heat[k], outdoor[k], glass * sun[k])
    return History(temperatures + draw.normal(0.0, noise_k, temperatures.shape), heat, outdoor, sun), step


def test_a_clean_history_gives_the_house_back() -> None:
    history, true = lived(10.0)
    found = learn(history, WRONG, ridge=1e-9)
    assert found.taken
    assert found.step.keep == pytest.approx(true.keep, abs=1e-4)
    assert found.step.heat == pytest.approx(true.heat, abs=1e-7)
    assert found.step.outdoor == pytest.approx(true.outdoor, abs=1e-4)
    assert found.step.gain[:, 0] == pytest.approx(true.gain @ np.array([2.0, 4.0]), abs=1e-6)


def test_noise_of_a_good_sensor_still_gives_a_model_better_than_a_wrong_one() -> None:
    found = learn(lived(10.0, noise_k=0.02)[0], WRONG)
    assert found.taken
    assert found.error_k < 0.5


def test_too_little_history_falls_back_and_says_so() -> None:
    found = learn(lived(1.5)[0], WRONG)
    assert not found.taken
    assert found.step is WRONG
    assert "288 are needed" in found.why


def test_unmeasured_steps_are_left_out() -> None:
    history, true = lived(10.0)
    holes: Vector = history.temperatures_c.copy()
    holes[100:300] = np.nan
    heat = history.heat_w.copy()
    heat[700, 1] = np.nan
    found = learn(History(holes, heat, history.outdoor_c, history.sun_w_m2), WRONG, ridge=1e-9)
    assert found.taken
    assert found.samples == 1440 - 201 - 1
    assert found.step.keep == pytest.approx(true.keep, abs=1e-4)


def test_a_fit_that_is_no_better_than_configuration_is_not_taken() -> None:
    history, true = lived(10.0, noise_k=0.5)
    glass = np.array([2.0, 4.0])
    exact = Dynamics(true.keep, true.heat, true.outdoor, (true.gain @ glass).reshape(2, 1))
    found = learn(history, exact)
    assert not found.taken
    assert found.step is exact
    assert "configuration by" in found.why


def test_no_coefficient_is_unphysical_whatever_the_noise() -> None:
    step = learn(lived(4.0, noise_k=0.3, seed=9)[0], WRONG).step
    assert np.all(step.heat >= 0.0)
    assert np.all(step.outdoor >= 0.0)


def test_nonnegative_least_squares_by_hand() -> None:
    """x = (2, -1) fits exactly; with x >= 0 the best is (1.5, 0): 1 and 2 are met by one number with the squares (1 + 4)."""
    columns = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert nonnegative(columns, np.array([2.0, 1.0]), 0.0) == pytest.approx([1.5, 0.0])
    assert nonnegative(columns, np.array([2.0, 3.0]), 0.0) == pytest.approx([2.0, 1.0])
