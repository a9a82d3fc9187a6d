"""The server's clock at the edges: half seconds, half minutes, and what confirms a jump."""

from dataclasses import replace

import pytest

from grid_functions.model.instants import ClockQuality, Instants
from grid_functions.upstream_clock import UpstreamClock, booted
from protocols.ieee2030_5.session.clock import heard
from protocols.ieee2030_5.wire.resources import Time


def reading(now: int, quality: int = 3) -> Time:
    return Time(currentTime=now, dstEndTime=0, dstOffset=0, dstStartTime=0, quality=quality, tzOffset=0)


def steady(quality: ClockQuality = ClockQuality.SYNCHRONISED) -> UpstreamClock:
    return UpstreamClock(1000.0, 1000.0, 0.0, quality)


def test_a_new_run_begins_at_our_own_utc_and_what_was_saved() -> None:
    now = Instants(50.0, 2000.0)
    assert booted(now, None).told(60.0).now_s == 2010.0
    assert booted(now, None).quality is ClockQuality.UNSYNCHRONISED
    assert booted(now, 7.0).told(60.0).now_s == 2017.0
    assert booted(now, 7.0).told(60.0).quality is ClockQuality.SAVED
    assert booted(now, 0.0).quality is ClockQuality.SAVED


@pytest.mark.parametrize(("goal_s", "at_10_s", "at_100_s"), [(1005.0, 1011.0, 1105.0), (995.0, 1009.0, 1095.0)])
def test_a_clock_slews_a_tenth_of_a_second_per_second_either_way(
    goal_s: float, at_10_s: float, at_100_s: float
) -> None:
    clock = UpstreamClock(1000.0, goal_s, 0.0, ClockQuality.SYNCHRONISED)
    assert clock.now_s(0.0) == 1000.0
    assert clock.now_s(-5.0) == 995.0
    assert clock.now_s(10.0) == pytest.approx(at_10_s)
    assert clock.now_s(100.0) == pytest.approx(at_100_s)
    assert clock.told(49.9).quality is ClockQuality.SLEWING
    assert clock.told(50.0).quality is ClockQuality.SYNCHRONISED
    assert replace(clock, quality=ClockQuality.UNSYNCHRONISED).told(10.0).quality is ClockQuality.UNSYNCHRONISED


@pytest.mark.parametrize(
    ("sent_s", "received_s", "told", "goal_s"),
    [
        # half a second is added: 1100 read at 100 says 1100.5 there. Doubt: half a second and half the journey
        (100.0, 100.0, 1100, 1000.0),
        (100.0, 100.0, 1099, 1000.0),
        (100.0, 100.0, 1101, 1001.5),
        (100.0, 100.0, 1098, 998.5),
        (100.0, 104.0, 1104, 1000.0),  # mid-point 102: 2.5 s ahead, doubt 2.5 s
        (100.0, 104.0, 1105, 1003.5),
        (100.0, 104.0, 1098, 996.5),
    ],
)
def test_a_reading_is_of_the_mid_point_and_as_doubtful_as_its_journey(
    sent_s: float, received_s: float, told: int, goal_s: float
) -> None:
    clock = heard(steady(), reading(told), sent_s, received_s, True)
    assert (clock.offset_s, clock.goal_s, clock.since_s) == pytest.approx((1000.0, goal_s, received_s))


def test_a_difference_is_slewed_up_to_half_a_minute_and_a_jump_beyond() -> None:
    slewed = heard(steady(), reading(1129), 100.0, 100.0, True)
    assert (slewed.offset_s, slewed.goal_s, slewed.doubt_s) == (1000.0, 1029.5, None)
    at_the_edge = heard(
        UpstreamClock(1000.5, 1000.5, 0.0, ClockQuality.SYNCHRONISED), reading(1130), 100.0, 100.0, True
    )
    assert (at_the_edge.offset_s, at_the_edge.goal_s) == (1000.5, 1030.5)
    jumped = heard(steady(), reading(1130), 100.0, 100.0, True)
    assert jumped == replace(steady(), doubt_s=1030.5)
    # the other way round
    assert heard(steady(), reading(1069), 100.0, 100.0, True).doubt_s == 969.5


@pytest.mark.parametrize(("second", "taken"), [(1330, True), (1332, True), (1333, False), (1328, True), (1327, False)])
def test_a_jump_is_confirmed_within_two_seconds_and_the_doubt(second: int, taken: bool) -> None:
    doubting = replace(steady(), doubt_s=1230.5)
    clock = heard(doubting, reading(second), 100.0, 100.0, True)
    if taken:
        assert (clock.offset_s, clock.goal_s, clock.doubt_s) == (second + 0.5 - 100.0, second + 0.5 - 100.0, None)
    else:
        assert clock == replace(doubting, doubt_s=second + 0.5 - 100.0)


def test_the_first_reading_of_a_run_needs_no_confirmation() -> None:
    clock = heard(steady(ClockQuality.UNSYNCHRONISED), reading(9000), 100.0, 100.0, False)
    assert (clock.offset_s, clock.quality) == (8900.5, ClockQuality.SYNCHRONISED)
    # near a saved offset it is slewed, near one of nobody's it is taken
    assert heard(steady(ClockQuality.SAVED), reading(1105), 100.0, 100.0, False).offset_s == 1000.0
    assert heard(steady(ClockQuality.UNSYNCHRONISED), reading(1105), 100.0, 100.0, False).offset_s == 1005.5


@pytest.mark.parametrize(
    ("quality", "expected"),
    [(6, ClockQuality.SYNCHRONISED), (7, ClockQuality.UNSYNCHRONISED), (3, ClockQuality.SYNCHRONISED)],
)
def test_time_quality_7_is_intentionally_uncoordinated(quality: int, expected: ClockQuality) -> None:
    for told in (1100, 1105, 9000):
        assert heard(steady(), reading(told, quality), 100.0, 100.0, False).quality is expected
