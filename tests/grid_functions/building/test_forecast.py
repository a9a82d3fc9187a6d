"""The base load is foreseen better than by yesterday alone, never negative, and by local time."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from grid_functions.building.forecast import Sample, forecast
from grid_functions.building.weekly import Block, Week
from grid_functions.model.errors import ConfigurationFault

STEP = 600.0


def in_zone(name: str) -> Callable[[float], tuple[int, float]]:
    zone = ZoneInfo(name)

    def local(utc_s: float) -> tuple[int, float]:
        at = datetime.fromtimestamp(utc_s, zone)
        return at.weekday(), at.hour * 3600.0 + at.minute * 60.0 + at.second

    return local


UTC_TIME = in_zone("UTC")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def lived(days: int, seed: int = 3) -> list[Sample]:
    """A household: breakfast, evening, later on free days, with weather-like swings from day to day and noise."""
    draw = np.random.default_rng(seed)
    told = []
    for day in range(days):
        mood = draw.normal(1.0, 0.2)
        late_s = 2.0 * 3600 if day % 7 >= 5 else 0.0
        for k in range(144):
            second = k * STEP
            shape = 300.0 + 900.0 * np.exp(-(((second - 7 * 3600 - late_s) / 4000.0) ** 2))
            shape += 1500.0 * np.exp(-(((second - 19 * 3600) / 7000.0) ** 2))
            told.append(Sample(MONDAY + day * 86_400.0 + second, float(max(0.0, shape * mood + draw.normal(0, 150.0)))))
    return told


def test_it_beats_persistence_on_days_it_has_not_seen() -> None:
    """Against yesterday's same step, over a week after four weeks; by mean absolute error."""
    history = lived(35)
    ours, yesterdays = [], []
    for day in range(28, 35):
        start = day * 144
        truth = np.array([one.power_w for one in history[start : start + 144]])
        told = forecast(history[:start], history[start].utc_s, STEP, 144, UTC_TIME)
        assert told is not None
        ours.append(np.abs(told - truth).mean())
        yesterdays.append(np.abs(np.array([one.power_w for one in history[start - 144 : start]]) - truth).mean())
    assert np.mean(ours) < 0.9 * np.mean(yesterdays)


def test_a_constant_load_is_foreseen_as_it_is() -> None:
    history = [Sample(MONDAY + k * STEP, 420.0) for k in range(144 * 3)]
    told = forecast(history, MONDAY + 3 * 86_400.0, STEP, 144, UTC_TIME)
    assert told == pytest.approx(np.full(144, 420.0))


def test_it_is_never_negative() -> None:
    """A base load that was taken from a meter and devices may come out negative; what will be is not."""
    history = [Sample(MONDAY + k * STEP, -200.0 if k % 3 else 100.0) for k in range(144 * 2)]
    told = forecast(history, MONDAY + 2 * 86_400.0, STEP, 144, UTC_TIME)
    assert told is not None
    assert np.all(told >= 0.0)


def test_what_is_no_number_is_no_sample() -> None:
    history = [Sample(MONDAY, float("nan")), Sample(MONDAY + STEP, 100.0)]
    told = forecast(history, MONDAY + 86_400.0, STEP, 3, UTC_TIME)
    assert told == pytest.approx(np.full(3, 100.0))
    assert forecast([], MONDAY, STEP, 3, UTC_TIME) is None
    assert forecast(history[:1], MONDAY, STEP, 3, UTC_TIME) is None


def test_breakfast_stays_at_seven_over_the_change_to_summer_time() -> None:
    """Clocks in Berlin went forward on 2026-03-29: local 7:00 is 6:00 UTC before and 5:00 UTC after."""
    local = in_zone("Europe/Berlin")
    first = datetime(2026, 3, 16, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    history = [
        Sample(first + k * STEP, 2000.0 if 7 * 3600 <= local(first + k * STEP)[1] < 8 * 3600 else 200.0)
        for k in range(144 * 12)
    ]
    after = datetime(2026, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    told = forecast(history, after, STEP, 144, local)
    assert told is not None
    assert int(np.argmax(told)) in range(7 * 6, 8 * 6)


def test_the_last_hour_moves_the_next_ones_and_not_tomorrow() -> None:
    history = [Sample(MONDAY + k * STEP, 400.0) for k in range(144 * 7)]
    history[-6:] = [Sample(one.utc_s, 1400.0) for one in history[-6:]]
    told = forecast(history, MONDAY + 7 * 86_400.0, STEP, 144, UTC_TIME)
    assert told is not None
    assert told[0] > 900.0
    assert told[72] == pytest.approx(400.0, abs=60.0)


def test_a_block_holds_until_the_next_begins_over_midnight_and_over_the_week() -> None:
    working, free = frozenset(range(5)), frozenset({5, 6})
    week = Week((Block(working, 6 * 3600.0, 21.0), Block(working, 22 * 3600.0, 17.0), Block(free, 8 * 3600.0, 22.0)))
    assert week.at(0, 6 * 3600.0) == 21.0
    assert week.at(0, 23 * 3600.0) == 17.0
    assert week.at(1, 3600.0) == 17.0
    assert week.at(5, 7 * 3600.0) == 17.0
    assert week.at(6, 3600.0) == 22.0
    assert week.at(0, 3600.0) == 22.0
    assert Week(default=19.0).at(3, 0.0) == 19.0


@pytest.mark.parametrize(
    ("days", "from_s"), [(frozenset[int](), 0.0), (frozenset({7}), 0.0), (frozenset({0}), 86_400.0)]
)
def test_a_block_that_is_none(days: frozenset[int], from_s: float) -> None:
    with pytest.raises(ConfigurationFault):
        Block(days, from_s, 20.0)
