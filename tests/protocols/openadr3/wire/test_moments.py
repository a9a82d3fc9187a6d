"""Date-times and durations, as the schema writes them and as VTNs do."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire.moments import FOREVER, NOW, duration, duration_text, has_zone, moment, moment_text

NOON_S = 1_795_953_600.0  # 2026-11-29T12:00:00Z: 20,786 days and a half


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("2026-11-29T12:00:00Z", NOON_S),
        ("2026-11-29t12:00:00z", NOON_S),
        ("2026-11-29T12:00:00.000Z", NOON_S),
        ("2026-11-29T12:00:00.25Z", NOON_S + 0.25),
        ("2026-11-29T14:30:00+02:30", NOON_S),
        ("2026-11-29T04:00:00-0800", NOON_S),
        ("2026-11-29 12:00:00", NOON_S),
        ("2026-11-29 12:00:00Z", NOON_S),
        ("2026-11-29T12:00Z", NOON_S),
        ("2026-11-29T11:59:60Z", NOON_S - 1),
        ("2026-11-29", NOON_S - 43_200),
        ("1970-01-01T00:00:00Z", 0.0),
        ("0001-01-01", NOW),
        ("0001-01-01T00:00:00", NOW),
        ("0001-01-01T00:00:00Z", NOW),
        ("9999-12-31T23:59:59Z", 253_402_300_799.0),
    ],
)
def test_a_date_time_is_read(text: str, at_s: float) -> None:
    assert moment(text) == at_s


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "10000-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30",
            "2026-11-29T25:00:00Z",
            "1795953600",
        ),
        *("2026-11-29T12:00:00+99:00", "٢٠٢٦-11-29T12:00:00Z", "2026-11-29T12:00:00Z; rm", "0000-01-01"),
    ],
)
def test_what_is_no_date_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        moment(text)


@pytest.mark.parametrize(
    ("text", "span_s"),
    [
        ("PT1H", 3600.0),
        ("PT0S", 0.0),
        ("P1W", 604_800.0),
        ("P1DT2H3M4.5S", 93_784.5),
        ("PT0.5S", 0.5),
        ("-PT0S", 0.0),
        ("P1M", 2_592_000.0),
        ("P9999Y", FOREVER),
        ("P9999YT0H0M0S", FOREVER),
        ("P100Y", FOREVER),
        ("pt15m", 900.0),
    ],
)
def test_a_duration_is_read(text: str, span_s: float) -> None:
    assert duration(text) == span_s


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1H", "PT1H30", "-PT5M", "PT99999999999H", "P1H", "PT1.5.5S", "NaN"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        duration(text)


def test_zones_are_noticed() -> None:
    assert has_zone("2026-11-29T12:00:00Z")
    assert has_zone("2026-11-29T12:00:00+01:00")
    assert not has_zone("2026-11-29 12:00:00")


@settings(max_examples=100)
@given(st.integers(-62_000_000_000, 250_000_000_000))
def test_what_is_written_is_read_the_same(at_s: int) -> None:
    assert moment(moment_text(at_s)) == at_s


@settings(max_examples=100)
@given(st.integers(0, 3_000_000_000).map(lambda thousandths: thousandths / 1000))
def test_a_span_that_is_written_is_read_the_same(span_s: float) -> None:
    assert math.isclose(duration(duration_text(span_s)), span_s, abs_tol=0.001)


def test_for_ever_and_now_have_their_words() -> None:
    assert duration_text(FOREVER) == "P9999Y"
    assert moment_text(NOW) == "0001-01-01T00:00:00Z"
    assert duration_text(5400.0) == "PT1H30M"
    assert moment_text(NOON_S) == "2026-11-29T12:00:00Z"


@pytest.mark.parametrize("span_s", [-1.0, math.nan])
def test_no_such_span_is_written(span_s: float) -> None:
    with pytest.raises(ValueError):
        duration_text(span_s)


def test_no_such_year_is_written() -> None:
    with pytest.raises(ValueError, match="calendar"):
        moment_text(1e12)
