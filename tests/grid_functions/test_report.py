"""Averages by hand: a reading holds until the next, or until it is stale."""

import pytest

from grid_functions.model.instants import Instants
from grid_functions.model.reading import Average, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.report import ReportState, step
from tests.grid_functions.house import NET


def averages(readings: list[tuple[float, float, Quality]], until_s: float) -> list[Average]:
    """Pictures at these UTC seconds with these values, windows of 10 s, stale after 5 s; a last empty picture closes."""
    state, closed = ReportState(), list[Average]()
    for utc_s, value, quality in readings:
        picture = Snapshot("house", Instants(utc_s, utc_s), {NET: Reading(value, quality, utc_s, utc_s)}, {})
        state, some = step(state, picture, 10.0, 5.0)
        closed += some
    _, some = step(state, Snapshot("house", Instants(until_s, until_s), {}, {}), 10.0, 5.0)
    return closed + list(some)


def average(start_s: float, value: float, coverage: float) -> Average:
    """What one window of 10 s should say."""
    return Average(Quantity.NET, None, start_s, 10.0, value, pytest.approx(coverage))  # type: ignore[arg-type]  # near enough


GOOD = Quality.GOOD


def test_the_mean_weighs_each_value_by_how_long_it_held() -> None:
    """0 W for 2 s, 100 W for 3 s, 300 W for 5 s: (0 + 300 + 1500) / 10 = 180 W."""
    assert averages([(0, 0.0, GOOD), (2, 100.0, GOOD), (5, 300.0, GOOD)], 10.0) == [average(0, 180.0, 1.0)]


def test_a_value_is_counted_until_it_is_stale_and_lowers_the_coverage_after() -> None:
    assert averages([(0, 100.0, GOOD)], 10.0) == [average(0, 100.0, 0.5)]


def test_a_value_reaches_into_the_next_window() -> None:
    """100 W from 8 s to 13 s."""
    assert averages([(8, 100.0, GOOD)], 20.0) == [average(0, 100.0, 0.2), average(10, 100.0, 0.3)]


def test_bad_readings_do_not_count_and_do_not_end_what_held() -> None:
    assert averages([(0, 100.0, GOOD), (2, 9e9, Quality.SUSPECT), (3, float("nan"), GOOD)], 10.0) == [
        average(0, 100.0, 0.5)
    ]


def test_a_window_without_any_good_reading_says_nothing() -> None:
    assert averages([(0, 1.0, Quality.MISSING)], 100.0) == []
    assert averages([(0, 100.0, GOOD)], 1e9) == [average(0, 100.0, 0.5)]


def test_a_start_in_mid_window_covers_only_the_rest() -> None:
    assert averages([(7, 50.0, GOOD)], 10.0) == [average(0, 50.0, 0.3)]
