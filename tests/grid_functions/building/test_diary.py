"""Looks become steps; gaps, jumps and silence become what is not known; only so many days are kept."""

import math

import pytest

from grid_functions.building.diary import BASE, KEPT_D, OUTDOOR, SUN, Diary, Running, Seen, noted

BEGAN = 1_800_000_000.0  # a multiple of ten minutes
DIARY = Diary(zones=("living",))


def seen(temperature_c: float, power_w: float, outdoor_c: float = -5.0, base_w: float = 400.0) -> Seen:
    return Seen({"living": temperature_c}, {"living": power_w}, {OUTDOOR: outdoor_c, SUN: 0.0, BASE: base_w})


def kept(looks: list[tuple[float, Seen]], diary: Diary = DIARY, running: Running | None = None) -> Diary:
    for at_s, look in looks:
        diary, running = noted(diary, running, look, BEGAN + at_s)
    return diary


def test_a_step_holds_means_and_what_it_began_with() -> None:
    """1 kW for a third of ten minutes, 4 kW for the rest: 3 kW; written once an hour has passed."""
    hour = [(60.0 * k, seen(20.0 + k / 10.0, 1000.0 if k % 10 < 10 / 3 else 4000.0)) for k in range(61)]
    rows = kept(hour).rows
    # Of the very first step the beginning was seen by nobody.
    assert rows[1:, 3].tolist() == pytest.approx([20.9, 21.9, 22.9, 23.9, 24.9], abs=1e-4)
    assert rows[1].tolist() == pytest.approx([-5.0, 0.0, 400.0, 20.9, (4 * 1000.0 + 6 * 4000.0) / 10.0], rel=0.12)
    assert len(rows) == 6


def test_what_was_silent_for_most_of_a_step_is_not_known_in_it() -> None:
    """The room's power is missing for three minutes of ten in the second step, for one in the third."""
    looks = [(60.0 * k, seen(20.0, 1000.0)) for k in range(61)]
    for k in (12, 13, 14, 22):
        at_s, look = looks[k]
        looks[k] = (at_s, Seen(look.temperatures_c, {}, look.shared))
    rows = kept(looks).rows
    assert math.isnan(rows[1, 4])
    assert rows[2, 4] == pytest.approx(1000.0)
    assert rows[1, 2] == pytest.approx(400.0)


def test_a_gap_is_filled_with_what_is_not_known() -> None:
    looks = [(60.0 * k, seen(20.0, 1000.0)) for k in (*range(61), *range(180, 241))]
    diary = kept(looks)
    assert len(diary.base()) < len(diary.rows)
    times = [round((one.utc_s - BEGAN) / 600.0) for one in diary.base()]
    assert not set(times) & set(range(7, 18))
    assert {19, 20, 21, 22} <= set(times)


def test_only_so_many_days_are_kept() -> None:
    diary = kept([(600.0 * k, seen(20.0, 1000.0, base_w=float(k))) for k in range(144 * (KEPT_D + 2))])
    assert len(diary.rows) == 144 * KEPT_D
    newest = diary.base()[-1]
    assert newest.power_w == pytest.approx((newest.utc_s - BEGAN) / 600.0)


def test_a_clock_that_jumps_back_begins_anew_and_harms_nothing() -> None:
    diary = kept([(60.0 * k, seen(20.0, 1000.0)) for k in (*range(61), *range(-600, -400))])
    assert diary.start_utc_s <= BEGAN - 400.0 * 60.0
    assert len(diary.rows) * 600.0 <= 200.0 * 60.0 + 600.0


def test_two_steps_of_power_between_three_temperatures() -> None:
    """The end of a step is the beginning of the next; that of the last is not known."""
    history = kept([(60.0 * k, seen(20.0 + k, 1000.0)) for k in range(61)]).history()
    assert history.temperatures_c.shape == (7, 1)
    assert history.temperatures_c[2:6, 0] == pytest.approx([39.0, 49.0, 59.0, 69.0], abs=1.01)
    assert math.isnan(history.temperatures_c[6, 0])
