"""Profiles, the ceiling's movement and its energy, by hand arithmetic."""

import math

import pytest

from adapters.simulator.power import (
    Move,
    Profile,
    chance,
    counts,
    energy_ws,
    moved_ceiling,
    scale_for,
    seconds_left,
)


def test_profile_steps_and_ramps() -> None:
    profile = Profile(1.0, (Move(10, 0.2), Move(20, 0.6, 8)))
    # The step at 10 is at once; the ramp climbs 0.4 in 8 s, 0.05 a second.
    assert [profile.at(t) for t in (0, 9.999, 10, 20, 24, 28, 99)] == pytest.approx([1, 1, 0.2, 0.2, 0.4, 0.6, 0.6])


def test_profile_ramp_cut_short_starts_the_next_from_where_it_was() -> None:
    profile = Profile(0.0, (Move(0, 1.0, 10), Move(5, 0.0, 5)))
    # At 5 s the first is half way up; the second goes down 0.5 in 5 s.
    assert [profile.at(t) for t in (5, 7.5, 10)] == pytest.approx([0.5, 0.25, 0.0])


def test_profile_cuts() -> None:
    profile = Profile(0.0, (Move(10, 1.0), Move(20, 0.0, 0.25)))
    assert profile.next_cut(0) == 10
    assert profile.next_cut(10) == 20
    assert profile.next_cut(20) == pytest.approx(20.1)
    assert profile.next_cut(20.25) == math.inf


def test_a_new_move_starts_from_the_present_and_keeps_what_is_planned() -> None:
    profile = Profile(0.0, (Move(0, 1.0, 10), Move(20, 0.2))).moved(Move(5, 0.0))
    assert [profile.at(t) for t in (5, 19, 20)] == [0.0, 0.0, 0.2]
    assert Profile(0.0, (Move(0, 1.0, 10),)).moved(Move(5, 0.0, 5)).at(7.5) == pytest.approx(0.25)
    many = Profile(1.0)
    for second in range(1000):
        many = many.moved(Move(second, second % 2))
    assert len(many.moves) == 1


def test_ceiling_moves_at_its_rate_and_stops_at_the_goal() -> None:
    assert moved_ceiling(5000, 2500, 2500, 0.4) == pytest.approx(4000)
    assert moved_ceiling(5000, 2500, 2500, 3.0) == 2500
    assert moved_ceiling(1000, 2000, 100, 5.0) == pytest.approx(1500)
    assert moved_ceiling(1000, 0, math.inf, 0.0) == 0


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        # Ceiling 4000 -> 2000 at 1000 W/s takes 2 s, then one second at 2000.
        (9000, 2 * 3000 + 2000),
        # Sun below it all along: 3 s x 1500.
        (1500, 4500),
        # Sun 3000: 1 s at 3000, then 1 s falling 3000 -> 2000 (mean 2500), then 1 s at 2000.
        (3000, 3000 + 2500 + 2000),
        (0, 0),
    ],
)
def test_energy_is_the_integral(available: float, expected: float) -> None:
    assert energy_ws(4000, 2000, 1000, 3.0, available) == pytest.approx(expected)


def test_energy_of_a_ceiling_that_stands_or_jumps() -> None:
    assert energy_ws(2000, 2000, 500, 3.0, 9000) == pytest.approx(6000)
    assert energy_ws(2000, 0, math.inf, 3.0, 9000) == 0


def test_seconds_left_rounds_up_and_ends_at_zero() -> None:
    assert [seconds_left(160.0, t) for t in (100, 100.5, 159.2, 160.0, 170)] == [60, 60, 1, 0, 0]
    assert seconds_left(None, 100) == 0


def test_scale_and_counts() -> None:
    assert scale_for(32767, 32767) == 0
    assert scale_for(32768, 32767) == 1
    assert scale_for(21.7, 65534, -2) == -2
    assert scale_for(1000, 65534, -2) == -1  # 100,000 hundredths do not fit, 10,000 tenths do
    assert counts(1234.6, 1) == 123
    assert counts(49.996, -2) == 5000


def test_chance_depends_on_its_arguments_alone() -> None:
    assert chance(1, "a", 2) == chance(1, "a", 2)
    draws = [chance(seed, "sun", second) for seed in range(10) for second in range(100)]
    assert len(set(draws)) == 1000
    assert all(0 <= draw < 1 for draw in draws)
    assert sum(draws) / 1000 == pytest.approx(0.5, abs=0.05)  # four sigma of a mean of 1000 uniform draws is 0.037
