"""A flood costs a few notes and a number."""

from adapters.sparing import Sparing


def test_a_burst_is_noted_then_so_many_a_second_and_the_rest_is_counted() -> None:
    sparing = Sparing(burst=3, per_s=0.5)
    assert [sparing.spared(100.0) for _ in range(10)] == [0, 0, 0, *[None] * 7]
    assert sparing.spared(101.0) is None, "half a note"
    assert sparing.spared(102.0) == 8
    assert sparing.spared(102.0) is None
    assert sparing.spared(104.0) == 1
    assert sparing.spared(1000.0) == 0
    assert [sparing.spared(1000.0) for _ in range(3)] == [0, 0, None], "no more than the burst is saved up"


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    sparing = Sparing(burst=1, per_s=1.0)
    assert sparing.spared(100.0) == 0
    assert sparing.spared(50.0) is None
    assert sparing.spared(51.0) == 1
