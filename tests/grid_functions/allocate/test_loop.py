"""One loop by hand. Production under a bound of 1000 W: room is what the meter imports plus what our devices produce."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

import pytest

from grid_functions.allocate.loop import Look, Loop, Sample, Track, step


def look(
    now_s: float,
    meter_w: float | None,
    device_w: float = 0.0,
    *,
    bound_w: float = 1000.0,
    unmeasured_w: float = 0.0,
    allowed_w: float = 5000.0,
    total_w: float = 5000.0,
    settle_s: float = 5.0,
    meter_at_s: float | None = None,
    devices: Mapping[str, Sample] | None = None,
) -> Look:
    """All instruments read at one instant, unless told."""
    return Look(
        now_s=now_s,
        bound_w=bound_w,
        meter=None if meter_w is None else Sample(now_s if meter_at_s is None else meter_at_s, meter_w),
        devices={"a": Sample(now_s, device_w)} if devices is None else devices,
        unmeasured_w=unmeasured_w,
        allowed_w=allowed_w,
        total_w=total_w,
        settle_s=settle_s,
    )


def run(*looks: Look, loop: Loop | None = None) -> Loop:
    found = loop or Loop()
    for one in looks:
        found = step(found, one)
    return found


TRACK = Track((Sample(10.0, 100.0), Sample(20.0, 300.0)))


@pytest.mark.parametrize(
    ("at_s", "value_w"), [(20.0, 300.0), (25.0, 300.0), (15.0, 200.0), (12.5, 150.0), (10.0, 100.0), (5.0, 100.0)]
)
def test_a_track_is_a_line_between_two_samples_and_level_beyond(at_s: float, value_w: float) -> None:
    assert TRACK.at(at_s)[0] == value_w
    assert Track((Sample(20.0, 300.0),)).at(at_s) == (300.0, 0.0)


@pytest.mark.parametrize(
    ("at_s", "doubt_w"), [(10.0, 0.0), (10.1, 200.0), (19.9, 200.0), (20.0, 0.0), (9.0, 0.0), (21.0, 0.0)]
)
def test_between_two_samples_all_of_the_step_is_doubted(at_s: float, doubt_w: float) -> None:
    assert TRACK.at(at_s)[1] == doubt_w
    assert Track((Sample(10.0, 300.0), Sample(20.0, 100.0))).at(15.0) == (200.0, 200.0)
    assert Track((Sample(20.0, 300.0),)).at(15.0) == (300.0, 0.0)


def test_the_first_good_look_gives_room_at_once() -> None:
    """House of 1500 W: we produce 2000 W, 500 W are exported."""
    first = run(look(0.0, -500.0, 2000.0))
    assert first.room_w == 1500.0
    assert first.others_w == Sample(0.0, 1500.0)
    assert (first.trim_w, first.bound_w) == (0.0, 1000.0)


def test_the_room_does_not_move_when_only_our_devices_do() -> None:
    moved = run(look(0.0, 1500.0, 0.0), look(1.0, -500.0, 2000.0), look(2.0, -500.0, 2000.0))
    assert moved.room_w == 1500.0


def test_more_house_is_room_once_two_samples_of_the_meter_say_so() -> None:
    once = run(look(0.0, 500.0), look(1.0, 2500.0))
    assert once.room_w == 500.0
    assert step(once, look(2.0, 2500.0)).room_w == 2500.0
    # one sample of the meter looked at twice is one sample
    again = step(once, look(1.5, 2500.0, meter_at_s=1.0))
    assert again.room_w == 500.0


def test_a_look_long_ago_confirms_nothing_and_denies_nothing() -> None:
    """After 3 s the earlier look is too old to hold a rise back; at 3 s it still does."""
    assert run(look(0.0, 500.0), look(3.0, 2500.0)).room_w == 500.0
    assert run(look(0.0, 500.0), look(3.1, 2500.0)).room_w == 2500.0


def test_less_house_is_less_room_at_once() -> None:
    assert run(look(0.0, 2500.0), look(1.0, 500.0)).room_w == 500.0


def test_a_change_within_the_dead_band_moves_nothing() -> None:
    """25 W, or 0.5 % of what all devices can do together: 50 W of 10 kW."""
    small = run(look(0.0, 500.0))
    assert step(small, look(1.0, 475.0)).room_w == 500.0
    assert step(small, look(1.0, 474.0)).room_w == 474.0
    large = run(look(0.0, 500.0, total_w=10_000.0))
    assert step(large, look(1.0, 450.0, total_w=10_000.0)).room_w == 500.0
    assert step(large, look(1.0, 449.0, total_w=10_000.0)).room_w == 449.0
    unknown = run(look(0.0, 500.0, total_w=inf))
    assert step(unknown, look(1.0, 475.0, total_w=inf)).room_w == 500.0
    assert step(unknown, look(1.0, 474.0, total_w=inf)).room_w == 474.0


def test_a_dark_meter_keeps_the_room_and_forgets_what_it_saw() -> None:
    dark = run(look(0.0, 500.0), look(1.0, None))
    assert (dark.meter, dark.others_w, dark.others_before_w) == (None, None, None)
    assert (dark.room_w, dark.disturbed_s) == (500.0, 1.0)


def test_samples_of_one_instrument_go_by_their_own_time() -> None:
    """The same sample again is no second one; an older one starts afresh."""
    first = run(look(0.0, 500.0), look(1.0, 600.0))
    assert first.meter == Track((Sample(0.0, 500.0), Sample(1.0, 600.0)))
    assert step(first, look(1.5, 600.0, meter_at_s=1.0)).meter == first.meter
    assert step(first, look(2.0, 700.0)).meter == Track((Sample(1.0, 600.0), Sample(2.0, 700.0)))
    assert step(first, look(2.0, 700.0, meter_at_s=0.5)).meter == Track((Sample(0.5, 700.0),))


def test_what_unmeasured_devices_may_do_keeps_the_room_that_was_held() -> None:
    """The meter sees 800 W less import, which an unmeasured device of 1000 W may have made: the house may be as before."""
    assert run(look(0.0, 500.0), look(1.0, -300.0, unmeasured_w=1000.0)).room_w == 500.0
    assert run(look(0.0, 500.0), look(1.0, -300.0, unmeasured_w=600.0)).room_w == 300.0
    assert run(look(0.0, 500.0), look(1.0, -300.0)).room_w == -300.0


SETTLED = Loop(
    meter=Track((Sample(98.0, 0.0), Sample(99.0, 0.0))),
    others_w=Sample(99.0, 0.0),
    room_w=0.0,
    bound_w=1000.0,
    disturbed_s=0.0,
)
"""Nothing has moved for long; the house takes nothing."""


def trimmed(meter_w: float, doing_w: float, *, allowed_w: float, trim_w: float = 0.0, bound_w: float = 1000.0) -> float:
    """The trim after one settled look; the house is what the meter and the device say, so nothing looks disturbed."""
    house_w = meter_w + doing_w
    before = replace(
        SETTLED,
        meter=Track((Sample(98.0, meter_w), Sample(99.0, meter_w))),
        devices={"a": Track((Sample(98.0, doing_w), Sample(99.0, doing_w)))},
        others_w=Sample(99.0, house_w),
        room_w=house_w + trim_w,
        trim_w=trim_w,
        bound_w=bound_w,
    )
    return step(before, look(100.0, meter_w, doing_w, allowed_w=allowed_w, bound_w=bound_w)).trim_w


def test_half_of_an_excess_is_trimmed_away() -> None:
    """Exporting 1200 W under 1000 W: minus 100 W. Within the dead band of 25 W: nothing."""
    assert trimmed(-1200.0, 1200.0, allowed_w=1000.0) == -100.0
    assert trimmed(-1200.0, 1200.0, allowed_w=1000.0, trim_w=-40.0) == -140.0
    assert trimmed(-1025.0, 1025.0, allowed_w=1000.0) == 0.0
    assert trimmed(-1026.0, 1026.0, allowed_w=1000.0) == -13.0


def test_a_trim_takes_no_more_than_bound_and_production_together() -> None:
    """Export of 5000 W is none of our 100 W: no more than 1000 + 100 W can be taken."""
    assert trimmed(-5000.0, 100.0, allowed_w=1000.0) == -1100.0


def test_half_of_a_shortfall_is_given_while_devices_press_and_a_tenth_at_most() -> None:
    """Exporting 900 W under 1000 W: plus 50 W; of 300 W short only a tenth of the 700 W that flow."""
    assert trimmed(-900.0, 1000.0, allowed_w=1000.0) == 50.0
    assert trimmed(-700.0, 700.0, allowed_w=700.0) == 70.0
    assert trimmed(-975.0, 1000.0, allowed_w=1000.0) == 0.0


def test_a_shortfall_that_sun_or_nameplate_make_winds_nothing_up() -> None:
    """Pressing is 93 % of what is allowed; what is allowed everything cannot press on a limit."""
    assert trimmed(-900.0, 930.0, allowed_w=1000.0) == 50.0
    assert trimmed(-900.0, 929.0, allowed_w=1000.0) == 0.0
    assert trimmed(-900.0, 929.0, allowed_w=1000.0, trim_w=30.0) == 0.0
    assert trimmed(-900.0, 929.0, allowed_w=1000.0, trim_w=-30.0) == -30.0
    assert trimmed(-900.0, 5000.0, allowed_w=4975.0) == 0.0
    assert trimmed(-900.0, 5000.0, allowed_w=4974.0) == 50.0


@pytest.mark.parametrize(("waited_s", "trim_w"), [(4.9, 0.0), (5.0, -100.0)])
def test_nothing_is_trimmed_before_all_has_settled(waited_s: float, trim_w: float) -> None:
    before = replace(
        SETTLED,
        meter=Track((Sample(98.0, -1200.0), Sample(99.0, -1200.0))),
        devices={"a": Track((Sample(98.0, 1200.0), Sample(99.0, 1200.0)))},
        disturbed_s=100.0 - waited_s,
    )
    after = step(before, look(100.0, -1200.0, 1200.0, allowed_w=1000.0))
    assert after.trim_w == trim_w
    # a trim is itself a disturbance: the next waits as long
    assert after.disturbed_s == (100.0 if trim_w else 100.0 - waited_s)


def test_a_new_bound_disturbs() -> None:
    assert run(look(0.0, 0.0), look(10.0, 0.0)).disturbed_s == 0.0
    assert run(look(0.0, 0.0), look(10.0, 0.0, bound_w=900.0)).disturbed_s == 10.0


def test_a_step_of_the_house_disturbs_from_three_per_cent_on() -> None:
    """3 % of 5 kW: 150 W."""
    assert run(look(0.0, 500.0), look(10.0, 650.0)).disturbed_s == 0.0
    assert run(look(0.0, 500.0), look(10.0, 651.0)).disturbed_s == 10.0
    assert run(look(0.0, 500.0), look(10.0, 349.0)).disturbed_s == 10.0


def test_a_shortfall_waits_while_a_device_still_moves() -> None:
    """26 W of movement between two samples are more than the dead band."""

    def trim_w(before_w: float) -> float:
        before = replace(
            SETTLED,
            meter=Track((Sample(98.0, -900.0), Sample(99.0, -900.0))),
            devices={"a": Track((Sample(98.0, before_w), Sample(99.0, before_w)))},
            others_w=Sample(99.0, 100.0),
            room_w=100.0,
        )
        return step(before, look(100.0, -900.0, 1000.0, allowed_w=1000.0)).trim_w

    assert trim_w(975.0) == 50.0
    assert trim_w(974.0) == 0.0


def test_a_device_that_is_looked_at_often_is_added_as_it_was_at_the_meter_s_moment() -> None:
    """4000 W exported and 4500 W produced at 1 s: a house of 500 W. The device is told less and looked at three times as it falls; the
    meter, not asked again meanwhile, still shows what was: that is no house of less."""
    before = run(look(0.0, -4000.0, 4500.0), look(1.0, -4000.0, 4500.0))
    assert before.room_w == 500.0
    for at_s, doing_w in ((1.02, 4300.0), (1.04, 3900.0), (1.06, 3500.0)):
        falling = {"a": Sample(at_s, doing_w)}
        before = step(before, look(at_s, -4000.0, meter_at_s=1.0, devices=falling))
        assert before.room_w == 500.0


def test_of_what_a_device_did_as_much_is_kept_as_can_be_asked_for() -> None:
    """Two samples of the meter, 0 s and 1 s, and all of the device since the newest that is no later than the first."""
    kept = run(look(0.0, 0.0), look(1.0, 0.0))
    for hundredth in range(1, 100):
        kept = step(kept, look(1.0 + hundredth / 100, 0.0, meter_at_s=1.0))
    times = [one.at_s for one in kept.devices["a"].samples]
    assert (times[0], times[-1], len(times)) == (0.0, 1.99, 34)
    later = step(kept, look(2.0, 0.0))
    assert later.devices["a"].samples[0].at_s <= 1.0


def test_what_an_idle_device_leaves_is_not_trimmed() -> None:
    """Exporting 900 W under 1000 W, of 1000 W allowed: all 100 W were left by a device that could use no more, or 40 W, or none."""

    def trim_w(left_w: float) -> float:
        before = replace(SETTLED, meter=Track((Sample(98.0, -900.0), Sample(99.0, -900.0))))
        settled = replace(before, devices={"a": Track((Sample(98.0, 950.0), Sample(99.0, 950.0)))}, room_w=50.0)
        one = look(100.0, -900.0, 950.0, allowed_w=1000.0)
        return step(replace(settled, others_w=Sample(99.0, 50.0)), one._replace(left_w=left_w)).trim_w

    assert trim_w(100.0) == 0.0
    assert trim_w(40.0) == 30.0
    assert trim_w(0.0) == 50.0
