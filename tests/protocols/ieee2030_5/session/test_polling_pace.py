"""Pace by hand. The dice here gives the lowest or the highest number."""

from dataclasses import dataclass, replace

import pytest

from protocols.ieee2030_5.session.polling import after_failure, after_read, backoff, window
from protocols.ieee2030_5.session.terms import Terms

TERMS = Terms(name="utility", url="https://utility.example/dcap", lfdi="3e4f", sfdi=1)


@dataclass(frozen=True)
class Fixed:
    """Dice that always give one end."""

    high: bool

    def jitter(self, low_s: float, high_s: float) -> float:
        return high_s if self.high else low_s


LOW, HIGH = Fixed(False), Fixed(True)


@pytest.mark.parametrize(
    ("rate", "floor_s", "ceiling_s", "expected"),
    [
        (None, 1.0, 10_000.0, 900.0),  # the schema's default
        (300, 1.0, 10_000.0, 300.0),
        (1, 30.0, 10_000.0, 30.0),
        (29, 30.0, 10_000.0, 30.0),
        (31, 30.0, 10_000.0, 31.0),
        (5000, 30.0, 3600.0, 3600.0),
        (5, 30.0, 10.0, 30.0),  # a ceiling below the floor is the floor
        (0, 30.0, 3600.0, 30.0),
    ],
)
def test_the_window_is_the_servers_rate_between_floor_and_ceiling(
    rate: int | None, floor_s: float, ceiling_s: float, expected: float
) -> None:
    assert window(rate, replace(TERMS, floor_s=floor_s, ceiling_s=ceiling_s)) == expected


def test_after_a_good_read_the_next_begins_three_per_cent_around_the_window() -> None:
    assert after_read(100.0, 1000.0, LOW) == pytest.approx(1097.0)
    assert after_read(100.0, 1000.0, HIGH) == pytest.approx(1103.0)


@pytest.mark.parametrize(
    ("window_s", "low_s", "high_s"),
    [
        (60.0, 24.0, 30.0),  # 0.4 of it
        (300.0, 30.0, 37.5),  # at most 30 s ...
        (900.0, 45.0, 56.25),  # ... and at least a twentieth
    ],
)
def test_the_first_failure_is_retried_soon(window_s: float, low_s: float, high_s: float) -> None:
    assert after_failure(window_s, 1000.0, 1, 1000.0, LOW) == pytest.approx(1000.0 + low_s)
    assert after_failure(window_s, 1000.0, 1, 1000.0, HIGH) == pytest.approx(1000.0 + high_s)


@pytest.mark.parametrize("failures", [2, 3, 50])
def test_later_failures_are_retried_within_the_window(failures: int) -> None:
    assert after_failure(100.0, 1000.0, failures, 1000.0, LOW) == pytest.approx(1060.0)
    assert after_failure(100.0, 1000.0, failures, 1000.0, HIGH) == pytest.approx(1090.0)


def test_a_failure_that_took_longer_than_its_wait_is_retried_now() -> None:
    assert after_failure(60.0, 1000.0, 1, 1050.0, LOW) == 1050.0


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(1, 5.0), (2, 10.0), (3, 20.0), (6, 160.0), (7, 300.0), (11, 300.0), (1000, 300.0)]
)
def test_back_off_doubles_from_5_to_300_seconds(failures: int, wait_s: float) -> None:
    assert backoff(failures, HIGH) == pytest.approx(wait_s)
    assert backoff(failures, LOW) == pytest.approx(0.75 * wait_s)


def test_back_off_has_its_own_ends_and_doubles_no_more_than_ten_times() -> None:
    assert backoff(1, HIGH, least_s=15.0) == 15.0
    assert backoff(4, HIGH, most_s=31.0) == 31.0
    assert backoff(11, HIGH, least_s=1.0, most_s=1e9) == 1024.0
    assert backoff(12, HIGH, least_s=1.0, most_s=1e9) == 1024.0
