"""What a silent device counts as: 3000 W with a timer of 60 s that ends in 1000 W, unless told otherwise."""

import math
from dataclasses import replace

import pytest

from adapters.silence import Reach, held, lapses_in_s
from grid_functions.model.setpoint import Revert, Setpoint

HELD = Setpoint("a", 7, produce_max_w=3000.0, consume_max_w=500.0, revert=Revert(60.0, produce_max_w=1000.0))
ANSWERED = Reach().answered(100.0)


def limits(holds: Setpoint, reach: Reach, now_s: float) -> tuple[float | None, float | None]:
    found = held(holds, reach, now_s)
    assert found is not None
    return found.produce_max_w, found.consume_max_w


def test_what_it_held_counts_until_its_timer_and_the_latest_write_s_way_are_over() -> None:
    assert limits(HELD, ANSWERED, 169.9) == (3000.0, 500.0)
    assert limits(HELD, ANSWERED, 170.0) == (1000.0, 500.0)
    assert limits(HELD, ANSWERED.answered(160.0), 170.0) == (3000.0, 500.0)


def test_it_is_known_when_that_will_be() -> None:
    assert lapses_in_s(HELD, ANSWERED, 130.0) == 40.0
    assert lapses_in_s(HELD, ANSWERED.wrote(replace(HELD, revert=Revert(90.0, 800.0))), 130.0) == 70.0
    assert lapses_in_s(HELD, ANSWERED, 170.0) == math.inf  # it has
    assert lapses_in_s(None, ANSWERED, 130.0) == math.inf
    assert lapses_in_s(replace(HELD, revert=None), ANSWERED, 130.0) == math.inf


@pytest.mark.parametrize(
    "holds",
    [
        replace(HELD, revert=None),
        replace(HELD, revert=Revert(60.0)),
        replace(HELD, revert=Revert(60.0, consume_max_w=0.0)),
        replace(HELD, target_w=-2000.0),
    ],
)
def test_without_a_timer_or_an_end_that_is_known_it_counts_for_ever(holds: Setpoint) -> None:
    assert limits(holds, ANSWERED, 1e9) == (3000.0, 500.0)


def test_what_was_written_and_not_seen_counts_too() -> None:
    """4000 W went out, with 90 s and an end at 800 W: it may hold, and so may what was there; 1000 W is the looser end, 90 s the later."""
    wrote = ANSWERED.wrote(Setpoint("a", 8, produce_max_w=4000.0, consume_max_w=0.0, revert=Revert(90.0, 800.0)))
    assert limits(HELD, wrote, 199.9) == (4000.0, 500.0)
    assert limits(HELD, wrote, 200.0) == (1000.0, 500.0)
    assert limits(HELD, wrote.confirmed(), 170.0) == (1000.0, 500.0)
    tighter = wrote.wrote(replace(HELD, produce_max_w=10.0))
    assert limits(HELD, tighter, 150.0) == (4000.0, 500.0)


@pytest.mark.parametrize(
    "wanted",
    [Setpoint("a"), Setpoint("a", produce_max_w=1.0), replace(HELD, target_w=-1.0), replace(HELD, revert=Revert(1.0))],
)
def test_a_release_a_timerless_limit_or_a_target_that_may_have_arrived_ends_no_counting(wanted: Setpoint) -> None:
    loosest = held(HELD, ANSWERED.wrote(wanted), 1e9)
    assert loosest is not None
    assert loosest.produce_max_w == (None if wanted.produce_max_w is None else 3000.0)


def test_an_off_counts_only_if_nothing_withdrew_it() -> None:
    off = replace(HELD, on=False, connect=False)
    stays = held(off, ANSWERED.wrote(off), 101.0)
    assert stays is not None
    assert (stays.on, stays.connect) == (False, False)
    withdrawn = held(off, ANSWERED.wrote(replace(off, on=True, connect=True)), 101.0)
    assert withdrawn is not None
    assert (withdrawn.on, withdrawn.connect) == (None, None)


def test_of_a_device_that_never_told_nothing_is_known() -> None:
    assert held(None, ANSWERED, 1e9) is None
