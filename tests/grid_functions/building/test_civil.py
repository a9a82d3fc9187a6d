"""Local time by the rules of a zone, on the days when clocks are changed."""

from datetime import UTC, datetime

import pytest

from grid_functions.building.civil import Civil
from grid_functions.building.options import HomeOptions
from grid_functions.model.errors import ConfigurationFault

HOUR = 3600.0
TORONTO = Civil("America/Toronto")


def utc(year: int, month: int, day: int, hour: int, minute: int) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        # 2026-03-08, a Sunday: at 02:00 EST (07:00 UTC) it is 03:00 EDT.
        ((2026, 3, 8, 6, 59), (6, 1 * HOUR + 59 * 60.0)),
        ((2026, 3, 8, 7, 0), (6, 3 * HOUR)),
        # 2026-11-01, a Sunday: at 02:00 EDT (06:00 UTC) it is 01:00 EST: that hour comes twice.
        ((2026, 11, 1, 5, 30), (6, 1 * HOUR + 30 * 60.0)),
        ((2026, 11, 1, 6, 30), (6, 1 * HOUR + 30 * 60.0)),
        ((2026, 11, 2, 4, 30), (6, 23 * HOUR + 30 * 60.0)),
    ],
)
def test_the_days_on_which_clocks_are_changed(at: tuple[int, int, int, int, int], shown: tuple[int, float]) -> None:
    assert TORONTO.at(utc(*at)) == shown


def test_an_offset_holds_all_year() -> None:
    assert Civil(offset_s=-5 * HOUR).at(utc(2026, 7, 1, 3, 0)) == (1, 22 * HOUR)


def test_a_zone_that_is_none_is_a_mistake_of_the_file() -> None:
    for zone in ("America/Toronot", "../etc/passwd", "\0"):
        with pytest.raises(ConfigurationFault, match="time_zone"):
            HomeOptions(time_zone=zone)
