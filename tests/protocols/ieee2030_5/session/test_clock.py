"""Server time: monotonic plus an offset measured at the request's mid-point."""

from itertools import pairwise

import pytest

from grid_functions.model.instants import ClockQuality, Instants
from grid_functions.upstream_clock import UpstreamClock, booted
from protocols.ieee2030_5.session.clock import heard
from protocols.ieee2030_5.wire.resources import Time
from tests.protocols.ieee2030_5.session.rig import UTC_S, control, house


def _time(at: int, quality: int = 4) -> Time:
    return Time(currentTime=at, dstEndTime=0, dstOffset=0, dstStartTime=0, quality=quality, tzOffset=0)


def _steady(offset: float = 1000.0) -> UpstreamClock:
    return UpstreamClock(offset, offset, 0.0, ClockQuality.SYNCHRONISED)


def test_the_first_reading_is_taken_at_once_at_the_mid_point() -> None:
    clock = booted(Instants(50.0, 2_000.0), None)
    assert clock.told(50.0).quality is ClockQuality.UNSYNCHRONISED
    # Asked at 100, answered at 104: 5000 (and half a second, on average) was true at 102.
    clock = heard(clock, _time(5000), 100.0, 104.0, adopted=False)
    assert clock.now_s(102.0) == pytest.approx(5000.5)
    assert clock.now_s(112.0) == pytest.approx(5010.5)
    assert clock.told(112.0).quality is ClockQuality.SYNCHRONISED


def test_a_difference_within_the_doubt_of_a_whole_second_moves_nothing() -> None:
    clock = heard(_steady(), _time(1100), 100.0, 100.2, adopted=True)  # 1100.5 at 100.1: 0.4 off, doubt 0.5 + 0.1
    assert clock.now_s(200.0) == pytest.approx(1200.0)


def test_a_small_difference_is_slewed_a_second_in_ten() -> None:
    clock = heard(_steady(), _time(1104), 100.0, 100.0, adopted=True)  # 1104.5 at 100 against 1100: 4.5 s ahead
    assert clock.now_s(100.0) == pytest.approx(1100.0)
    assert clock.now_s(110.0) == pytest.approx(1111.0)
    assert clock.told(110.0).quality is ClockQuality.SLEWING
    assert clock.now_s(145.0) == pytest.approx(1149.5)
    assert clock.now_s(245.0) == pytest.approx(1249.5)
    assert clock.told(246.0).quality is ClockQuality.SYNCHRONISED


def test_slewing_back_never_runs_backwards() -> None:
    clock = heard(_steady(), _time(1080), 100.0, 100.0, adopted=True)
    times = [clock.now_s(100.0 + tick) for tick in range(300)]
    assert all(later > sooner for sooner, later in pairwise(times))
    assert times[-1] == pytest.approx(1000.0 + 399 - 19.5)


def test_a_jump_counts_when_it_is_confirmed() -> None:
    once = heard(_steady(), _time(4700), 100.0, 100.0, adopted=True)
    assert once.now_s(100.0) == pytest.approx(1100.0)
    assert once.doubt_s is not None
    back = heard(once, _time(1160), 160.0, 160.0, adopted=True)
    assert back.now_s(160.0) == pytest.approx(1160.0)
    assert back.doubt_s is None
    twice = heard(once, _time(4760), 160.0, 160.0, adopted=True)
    assert twice.now_s(160.0) == pytest.approx(4760.5)


def test_an_uncoordinated_server_is_followed_and_not_trusted() -> None:
    clock = heard(booted(Instants(0.0, 0.0), None), _time(5000, quality=7), 10.0, 10.0, adopted=False)
    assert clock.now_s(10.0) == pytest.approx(5000.5)
    assert clock.told(10.0).quality is ClockQuality.UNSYNCHRONISED


def test_an_hour_of_difference_is_an_alarm_and_is_saved_for_the_next_boot() -> None:
    rig = house()
    rig.server.clock_ahead_s = 3600.0
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 3700)]
    rig.run(5)
    assert rig.reads[-1].at_s == pytest.approx(UTC_S + 3600, abs=5.5)
    assert "clock" in {alarm.key for alarm in rig.alarms}
    again = house(memory=rig.memory)
    told = again.state.clock.told(again.mono)
    assert told.quality is ClockQuality.SAVED
    assert told.now_s == pytest.approx(UTC_S + 3600, abs=1.0)


def test_no_read_is_told_before_the_clock_was_asked_for() -> None:
    rig = house()
    rig.slow["/tm"] = 12.0
    rig.run(11)
    assert rig.reads == []
    rig.run(2)
    assert rig.reads[0].complete


def test_a_server_without_time_is_lived_with() -> None:
    rig = house()
    rig.server.wrong["/tm"] = lambda request: (500, b"")
    rig.run(5)
    assert rig.reads[0].complete
    assert rig.state.clock.told(rig.mono).quality is ClockQuality.UNSYNCHRONISED


@pytest.mark.parametrize("body", [b"an hour", b"", b"nan?"])
def test_a_spoilt_memory_of_the_clock_is_none(body: bytes) -> None:
    assert house(memory={"clock": (1, body)}).state.clock.quality is ClockQuality.UNSYNCHRONISED
