"""Texts and values of the schema's simple types."""

import pytest

from protocols.openadr2b.wire.events import SIGNAL_NAME
from protocols.openadr2b.wire.scalars import CODE, DURATION, FLOAT, TIME, TRUTH, WHOLE, BadValue

DURATIONS = {
    "PT0S": 0,
    "P": 0,  # openleadr's zero (fault 12); the schema's pattern takes it
    "PT": 0,
    "PT1S": 1,
    "PT90M": 5400,
    "P1W": 604_800,  # openleadr reads zero (fault 12)
    "1W": 604_800,  # the schema's second alternative, letter for letter
    "-PT5M": -300,
    "+PT5M": 300,
    "PT0.5S": 0.5,
    "P1DT2H3M4S": 93_784,
    "P1Y": 31_536_000,
    "P2M": 5_184_000,
    " PT1H ": 3600,
    "P1H": 3600,  # so the schema's pattern
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations_are_read(text: str, seconds: float) -> None:
    assert DURATION.read(text) == seconds


@pytest.mark.parametrize("text", ["", None, "5", "PT5", "PT-5M", "-", "PT5X", "P99999999999999Y", "1M", "five"])
def test_other_texts_are_no_durations(text: str | None) -> None:
    with pytest.raises(BadValue):
        DURATION.read(text)


WRITTEN = {0: "PT0S", -300: "-PT5M", 5400: "PT1H30M", 86_400: "P1D", 90_061: "P1DT1H1M1S", 0.4: "PT0S", -0.4: "PT0S"}


@pytest.mark.parametrize(("seconds", "text"), WRITTEN.items())
def test_durations_are_written_whole(seconds: float, text: str) -> None:
    assert DURATION.write(seconds) == text


TIMES = {
    "1970-01-01T00:00:00Z": 0.0,
    "2026-11-29T12:00:00Z": 1_795_953_600.0,
    "2026-11-29T12:00:00": 1_795_953_600.0,  # openleadr leaves a string (fault 12); the profile has UTC alone
    "2026-11-29T12:00:00.25Z": 1_795_953_600.25,
    "2026-11-29T12:00:00.Z": 1_795_953_600.0,
    "2026-11-29T13:00:00+01:00": 1_795_953_600.0,
}


@pytest.mark.parametrize(("text", "seconds"), TIMES.items())
def test_times_are_read(text: str, seconds: float) -> None:
    assert TIME.read(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-29",
        "2026-13-01T00:00:00Z",
        "20261129T120000Z",
        "2026-11-29 12:00:00Z",
        "noon",
        "2026-W01-1T00:00:00Z",
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(BadValue):
        TIME.read(text)


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    assert TIME.write(1_795_953_600.9) == "2026-11-29T12:00:00Z"
    with pytest.raises(BadValue):
        TIME.write(float("inf"))


@pytest.mark.parametrize("text", ["INF", "-INF", "NaN", "1_000", "0x10", "", "1,5", "１", "--1"])
def test_what_is_no_finite_number(text: str) -> None:
    with pytest.raises(BadValue):
        FLOAT.read(text)


@pytest.mark.parametrize(("text", "value"), {"1.": 1.0, ".5": 0.5, "-2e3": -2000.0, " 7 ": 7.0, "+0.0": 0.0}.items())
def test_numbers_are_read(text: str, value: float) -> None:
    assert FLOAT.read(text) == value


@pytest.mark.parametrize("text", ["-1", "4294967296", "1.0", "", "٣", "1 2"])
def test_what_is_no_unsigned_integer(text: str) -> None:
    with pytest.raises(BadValue):
        WHOLE.read(text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("false", False), ("0", False), (" 0\n", False)]
)
def test_truths(text: str, value: bool) -> None:
    """The four spellings of xs:boolean, white space collapsed (XML Schema part 2, 3.2.2)."""
    assert TRUTH.read(text) is value


@pytest.mark.parametrize("text", ["TRUE", "yes", "", None])
def test_what_is_no_truth(text: str | None) -> None:
    with pytest.raises(BadValue):
        TRUTH.read(text)


@pytest.mark.parametrize("text", ["20", "2000", "2x0", "", "２００"])
def test_what_is_no_response_code(text: str) -> None:
    with pytest.raises(BadValue):
        CODE.read(text)


def test_names_of_a_deployment_begin_with_x() -> None:
    assert SIGNAL_NAME.read("x-frobnicate") == "x-frobnicate"
    for name in ("frobnicate", "x-", "Simple", "x- y"):
        with pytest.raises(BadValue):
            SIGNAL_NAME.read(name)
