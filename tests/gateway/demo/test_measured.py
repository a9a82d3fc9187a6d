"""The demonstration's verdicts by hand arithmetic: a good run passes, each kind of bad run does not."""

from gateway.demo.measured import (
    Possible,
    Told,
    at_curve,
    below,
    duplicates,
    first_within,
    held,
    lowered_again,
    most,
    most_w,
    overshoot_w,
    reached,
    reversals,
    story,
    tolerance_w,
    worst_w,
)


def export(*watts: float, start_s: float = 0.0) -> list[tuple[float, float]]:
    return [(start_s + t_s, -w) for t_s, w in enumerate(watts)]


def test_the_band_is_four_percent_or_a_hundred_watts() -> None:
    assert tolerance_w(1500.0) == 100.0  # 4 % would be 60 W
    assert tolerance_w(5000.0) == 200.0


def test_a_limit_held_within_ten_seconds_of_each_step_is_held() -> None:
    # Two steps, at 0 s and 20 s; above 1600 W until 3 s after the first and 5 s after the second.
    samples = export(*[2000.0] * 4, *[1490.0] * 16, *[1900.0] * 6, *[1500.0] * 14)
    verdict = held(samples, 1500.0, [0.0, 20.0], 40.0)
    assert verdict.ok
    assert verdict.settle_s == (3.0, 5.0)
    assert verdict.worst_inside_w == 500.0
    assert verdict.worst_outside_w == 0.0


def test_one_that_takes_eleven_seconds_is_not() -> None:
    assert not held(export(*[1700.0] * 12, *[1500.0] * 20), 1500.0, [0.0], 32.0).ok


def test_one_that_breaks_out_again_without_a_step_is_not() -> None:
    verdict = held(export(*[1500.0] * 15, 1650.0, *[1500.0] * 10), 1500.0, [0.0], 26.0)
    assert not verdict.ok
    assert verdict.worst_outside_w == 150.0


def test_switching_everything_off_is_no_way_to_hold_a_limit() -> None:
    samples = export(*[0.0] * 30)
    assert not held(samples, 1500.0, [0.0], 30.0, [Possible(0.0, 4000.0)]).ok
    # By night nothing could have been exported, so nothing is missed.
    assert held(samples, 1500.0, [0.0], 30.0, [Possible(0.0, -500.0)]).ok


def test_nothing_measured_proves_nothing() -> None:
    assert not held([], 1500.0, [0.0], 30.0).ok


def test_responses_by_subject_and_twice_told_ones() -> None:
    told = [Told("0A", "L", 1, 1.0), Told("0B", "L", 1, 1.5), Told("0a", "l", 2, 2.0), Told("0A", "L", 2, 3.0)]
    assert story(told, "0A") == (1, 2, 2)
    assert duplicates(told) == 1


def test_spans() -> None:
    samples = export(100.0, 2000.0, 1700.0, 1590.0, 1500.0)
    assert most_w(samples, 2.0, 5.0) == 1700.0
    assert first_within(samples, 1500.0, 0.0, 5.0) == 2.0
    assert first_within(samples, 1000.0, 0.0, 5.0) is None
    assert first_within(samples, 1500.0, 50.0, 60.0) is None


def test_a_value_reaches_its_goal_at_the_first_reading_after_the_last_one_away() -> None:
    series = [(0.0, 0.0), (1.0, 2900.0), (2.0, 3200.0), (3.0, 2950.0), (4.0, 3010.0)]
    assert reached(series, 3000.0, 120.0, 0.0, 5.0) == 3.0  # 3200 is 200 away, 2950 only 50
    assert reached(series, 3000.0, 120.0, 2.5, 5.0) == 0.5
    assert reached(series, 3000.0, 5.0, 0.0, 5.0) is None
    assert reached([], 3000.0, 120.0, 0.0, 5.0) is None


def test_how_far_an_export_lay_above_a_limit() -> None:
    samples = export(1400.0, 1650.0, 1499.0)
    assert worst_w(samples, 1500.0, 0.0, 3.0) == 150.0
    assert worst_w(samples, 1500.0, 2.0, 3.0) == 0.0
    assert worst_w(samples, 1500.0, 9.0, 10.0) == float("inf")  # nothing measured proves nothing


def test_a_curve_is_straight_between_its_points_and_level_outside() -> None:
    points = ((94, 40), (98, 0), (102, 0), (106, -40))
    told = [at_curve(points, volts_pct) for volts_pct in (90.0, 95.0, 96.0, 100.0, 103.0, 104.0, 120.0)]
    assert told == [40.0, 30.0, 20.0, 0.0, -10.0, -20.0, -40.0]


def test_a_share_that_must_at_least_be_used_can_be_smaller() -> None:
    samples = export(*[500.0] * 30)
    assert not held(samples, 1500.0, [0.0], 30.0, [Possible(0.0, 4000.0)]).ok  # a third
    assert held(samples, 1500.0, [0.0], 30.0, [Possible(0.0, 4000.0)], 30.0).ok


def test_a_lifted_limit_is_lowered_again_between_two_readings_or_not_at_all() -> None:
    # Lifts at 10.1 s, 20.1 s, 30.1 s and 40.1 s; what lowers them after 0.2 s, after a second try at 5 s, never, and no lift came.
    written = [
        (9.0, 40.0),
        (10.1, 100.0),
        (10.3, 40.0),
        (20.1, 100.0),
        (21.1, 40.0),
        (22.1, 100.0),
        (25.1, 40.0),
        (30.1, 100.0),
    ]
    assert lowered_again(written, 100.0, [10.0, 20.0, 30.0, 40.0], 50.0) == [0.2, 5.0, None, None]
    assert lowered_again([], 100.0, [10.0], 20.0) == [None]


def test_an_overshoot_is_of_the_connections_rating() -> None:
    assert overshoot_w(2_000.0) == 80.0  # 4 %
    assert overshoot_w(22_000.0) == 100.0  # 4 % would be 880 W
    assert overshoot_w(50_000.0) == 500.0  # 1 %


def test_how_long_a_value_takes_to_stay_under_a_top() -> None:
    amps = [(0.0, 40.0), (1.0, 30.0), (2.0, 33.0), (3.0, 31.0), (4.0, 32.0)]
    assert below(amps, 32.0, 0.0, 5.0) == 2.0
    assert below(amps, 32.0, 3.0, 5.0) == 0.0
    assert below(amps, 31.5, 0.0, 5.0) is None  # the last sample is above
    assert below([], 32.0, 0.0, 5.0) is None  # nothing measured proves nothing
    assert most(amps, 1.0, 3.0) == 33.0
    assert most(amps, 9.0, 10.0) == float("-inf")


def test_reversals_are_turns_by_more_than_a_band_within_a_minute() -> None:
    # Up by 300, down by 200, up by 150: two turns. 80 down and up again is within the band of 100.
    moves = [0.0, 100.0, 300.0, 220.0, 300.0, 100.0, 250.0]
    assert reversals(list(enumerate(moves)), 100.0) == 2
    # A turn every 20 s, thirteen in all: three within any minute (of 60 s, its end left out).
    slow = [(20.0 * n, 500.0 * (n % 2)) for n in range(15)]
    assert reversals(slow, 100.0) == 3
    assert reversals(list(enumerate([500.0] * 9)), 100.0) == 0
    assert reversals([], 100.0) == 0
