"""What a server tells in whole seconds, and what is made of it; by hand."""

import pytest

from grid_functions.model.instants import ClockQuality
from grid_functions.upstream_clock import UpstreamClock, heard

OURS = UpstreamClock(0.0, 0.0, 0.0, ClockQuality.UNSYNCHRONISED)


@pytest.mark.parametrize("told_s", [1_000, 1_001])
def test_a_whole_second_already_begun_counts_as_half_over(told_s: int) -> None:
    """Asked at 100.0, answered at 100.2: at 100.1 it was that second and a half."""
    clock = heard(OURS, told_s, 100.0, 100.2, adopted=False)
    assert clock.now_s(100.1) == pytest.approx(told_s + 0.5)
    assert clock.quality is ClockQuality.SYNCHRONISED


def test_a_server_without_a_reference_is_followed_and_said_so() -> None:
    assert heard(OURS, 1_000, 100.0, 100.2, adopted=False, coordinated=False).quality is ClockQuality.UNSYNCHRONISED


@pytest.mark.parametrize(("told_s", "moves"), [(1_010, False), (1_011, False), (1_013, True)])
def test_what_lies_within_the_doubt_moves_nothing(told_s: int, moves: bool) -> None:
    """Ten seconds after the first reading; half a second and half the way's length are in doubt."""
    first = heard(OURS, 1_000, 100.0, 100.2, adopted=False)
    second = heard(first, told_s, 110.0, 110.8, adopted=True)
    later_s = 100_000.0
    assert (second.now_s(later_s) != pytest.approx(first.now_s(later_s))) is moves
