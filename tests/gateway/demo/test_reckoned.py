"""The feeder's figures, reckoned by hand from a few rows."""

import math

import pytest

from gateway.demo.reckoned import Metered, metered, off_plan, reduced_kwh

ROWS = [
    {"case": "a", "t": "2026-01-16T12:10:00Z", "home": "h1", "kw": "3.000"},
    {"case": "a", "t": "2026-01-16T12:00:00Z", "home": "h1", "kw": "1.000"},
    {"case": "a", "t": "2026-01-16T12:00:00Z", "home": "h2", "kw": "4.000"},
    {"case": "a", "t": "2026-01-16T12:10:00Z", "home": "h2", "kw": "-1.000"},
    {"case": "b", "t": "2026-01-16T12:00:00Z", "home": "h1", "kw": "99.000"},
]
NOON_S = 1_768_564_800.0


def test_a_feeder_is_the_sum_of_its_homes_at_each_time() -> None:
    """5 kW and 2 kW for ten minutes each: 7/6 kWh; the homes' own peaks are 3 and 4 kW."""
    shown = metered(ROWS, "a")
    assert shown.whole
    assert shown.feeder == [(NOON_S, 5.0), (NOON_S + 600.0, 2.0)]
    assert shown.peak_kw() == 5.0
    assert shown.peak_kw(from_s=NOON_S + 1.0) == 2.0
    assert shown.energy_kwh == pytest.approx(7.0 / 6.0)
    assert shown.diversity == pytest.approx(1.4)


def test_a_case_nobody_played_has_no_peak_and_is_not_whole() -> None:
    shown = metered(ROWS, "c")
    assert not shown.whole
    assert math.isnan(shown.peak_kw())


@pytest.mark.parametrize(
    "homes",
    [
        {"h1": [(0.0, 1.0), (600.0, 1.0)], "h2": [(0.0, 1.0)]},
        {"h1": [(0.0, 1.0), (600.0, 1.0), (1800.0, 1.0)]},
        {"h1": [(0.0, 1.0)]},
        {},
    ],
    ids=["a home was not read once", "a step is missing", "one reading is no series", "nobody"],
)
def test_what_was_not_measured_whole_is_noticed(homes: dict[str, list[tuple[float, float]]]) -> None:
    assert not Metered(homes).whole


def test_a_power_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="dear"):
        metered([{"case": "a", "t": "2026-01-16T12:00:00Z", "home": "h1", "kw": "dear"}], "a")


def test_switching_within_two_hours_is_on_plan_and_hours_too_late_are_off_it() -> None:
    """Two kW every other step are 1 kW over two hours. All of one stretch taken in the next instead: the same energy off twice."""
    steady = [1.0] * 12 + [0.0] * 12
    switched = [(k * 600.0, 2.0 * (k % 2) if k < 12 else 0.0) for k in range(24)]
    late = [(k * 600.0, float(k >= 12)) for k in range(24)]
    assert off_plan(switched, steady) == pytest.approx(0.0)
    assert off_plan(late, steady) == pytest.approx(2.0)


def test_what_was_reduced_too_much_makes_up_for_nothing() -> None:
    """Against 4 kW: 1 kW of 2 wanted in the first minute, 4 of 2 in the second; a minute that was not measured gave nothing."""
    shown = Metered({"h1": [(0.0, 3.0), (60.0, 0.0)]})
    assert reduced_kwh(shown, "h1", 4.0, (2.0, 2.0, 2.0), 0.0, 60.0) == pytest.approx((1.0 + 2.0) / 60.0)
    assert reduced_kwh(shown, "h2", 4.0, (2.0,), 0.0, 60.0) == 0.0
