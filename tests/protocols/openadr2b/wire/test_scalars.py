"""Texts and values of the schema's simple types."""

import pytest

from protocols.openadr2b.wire.events import SIGNAL_NAME
from protocols.openadr2b.wire.scalars import CODE, DURATION, FLOAT, TEXT, TIME, TRUTH, WHOLE, BadValue, Scalar

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
    "PT59S": 59,
    "PT60M": 3600,
    "PT61M": 3660,
    "PT24H": 86_400,
    "PT60H": 216_000,
    "PT61H": 219_600,
    "PT1.5M": 90,
    "PT0.25H": 900,
    "P1.5D": 129_600,
    "P0.5W": 302_400,
    "-P1DT1S": -86_401,
    "P3170Y": 99_969_120_000,
    "PT100000000000S": 100_000_000_000,
    "-PT100000000000S": -100_000_000_000,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations_are_read(text: str, seconds: float) -> None:
    assert DURATION.read(text) == seconds


@pytest.mark.parametrize(
    "text", ["", None, "5", "PT5", "PT-5M", "-", "PT5X", "P99999999999999Y", "1M", "five", "PT100000000001S", "P3171Y"]
)
def test_other_texts_are_no_durations(text: str | None) -> None:
    with pytest.raises(BadValue):
        DURATION.read(text)


WRITTEN = {
    0: "PT0S",
    -300: "-PT5M",
    5400: "PT1H30M",
    86_400: "P1D",
    90_061: "P1DT1H1M1S",
    0.4: "PT0S",
    -0.4: "PT0S",
    1: "PT1S",
    59: "PT59S",
    60: "PT1M",
    3599: "PT59M59S",
    3600: "PT1H",
    86_399: "PT23H59M59S",
    59.6: "PT1M",
    -86_460: "-P1DT1M",
    # 1157407 days are 99,999,964,800 s; 35,200 s are left
    1e11: "P1157407DT9H46M40S",
    -1e11: "-P1157407DT9H46M40S",
}


@pytest.mark.parametrize(("seconds", "text"), WRITTEN.items())
def test_durations_are_written_whole(seconds: float, text: str) -> None:
    assert DURATION.write(seconds) == text


UNWRITTEN = [
    (DURATION, 100_000_000_001),
    (DURATION, float("nan")),
    (DURATION, float("-inf")),
    (DURATION, True),
    (DURATION, "PT1S"),
    (TIME, float("inf")),
    (TIME, float("nan")),
    (TIME, 1e18),
    (TIME, True),
    (TIME, "2026-11-29T12:00:00Z"),
    (FLOAT, float("inf")),
    (FLOAT, float("nan")),
    (FLOAT, True),
    (FLOAT, "1"),
    (WHOLE, -1),
    (WHOLE, 4_294_967_296),
    (WHOLE, 1.0),
    (WHOLE, True),
    (TRUTH, 1),
    (TRUTH, 0),
    (CODE, -1),
    (CODE, 1000),
    (CODE, 200.0),
    (CODE, True),
    (TEXT, 5),
    (TEXT, "x" * 65_537),
]


@pytest.mark.parametrize(("kind", "value"), UNWRITTEN)
def test_what_a_type_cannot_hold_is_not_written(kind: Scalar, value: object) -> None:
    with pytest.raises(BadValue):
        kind.write(value)


HELD = [
    (FLOAT, 0.1, "0.1"),
    (FLOAT, 1 / 3, "0.333333333"),  # xs:float has 24 bits, less than nine digits
    (FLOAT, -2e10, "-2e+10"),
    (FLOAT, 7, "7"),
    (WHOLE, 0, "0"),
    (WHOLE, 4_294_967_295, "4294967295"),
    (TRUTH, True, "true"),
    (TRUTH, False, "false"),
    (CODE, 0, "000"),
    (CODE, 42, "042"),
    (CODE, 999, "999"),
    (TEXT, " as it is ", " as it is "),
    (TEXT, "x" * 65_536, "x" * 65_536),
]


@pytest.mark.parametrize(("kind", "value", "text"), HELD)
def test_what_it_can_hold_is_written_and_read_again(kind: Scalar, value: object, text: str) -> None:
    assert kind.write(value) == text
    assert kind.read(text) == (value if kind is not FLOAT else pytest.approx(value, rel=1e-9))


@pytest.mark.parametrize("letter", ["\t", "\n", "\r", " ", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0010ffff"])
def test_what_xml_can_carry_is_written(letter: str) -> None:
    """Production 2 of XML 1.0, at its edges."""
    assert TEXT.write(letter) == letter


@pytest.mark.parametrize("letter", [0x0, 0x8, 0xB, 0xC, 0xE, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF])
def test_what_xml_cannot_carry_is_not(letter: int) -> None:
    with pytest.raises(BadValue, match="cannot carry"):
        TEXT.write(chr(letter))


def test_nothing_is_the_empty_text_and_too_much_is_refused() -> None:
    assert TEXT.read(None) == ""
    with pytest.raises(BadValue, match="longer than 65536"):
        TEXT.read("x" * 65_537)


@pytest.mark.parametrize(("letters", "told"), [(58, "'" + "x" * 58 + "' is"), (59, "'" + "x" * 56 + "... is")])
def test_a_value_is_shown_to_people_in_sixty_letters(letters: int, told: str) -> None:
    with pytest.raises(BadValue) as refused:
        TRUTH.read("x" * letters)
    assert str(refused.value).startswith(told)


def test_a_fault_names_the_elements_down_to_it() -> None:
    assert str(BadValue("is missing").within("value").within("interval")) == "interval/value: is missing"


TIMES = {
    "1970-01-01T00:00:00Z": 0.0,
    "2026-11-29T12:00:00Z": 1_795_953_600.0,
    "2026-11-29T12:00:00": 1_795_953_600.0,  # openleadr leaves a string (fault 12); the profile has UTC alone
    "2026-11-29T12:00:00.25Z": 1_795_953_600.25,
    "2026-11-29T12:00:00.Z": 1_795_953_600.0,
    "2026-11-29T13:00:00+01:00": 1_795_953_600.0,
    "2026-11-29T13:00:00.25+01:00": 1_795_953_600.25,
    "2026-11-29T06:30:00-05:30": 1_795_953_600.0,
    "2026-11-29T12:00:00.": 1_795_953_600.0,
    "2026-11-29T12:00:00.5": 1_795_953_600.5,
    " 2026-11-29T12:00:00Z\n": 1_795_953_600.0,
    "1969-12-31T23:59:59Z": -1.0,
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
        "2026-11-29T12:00:0Z",
        "2026-11-29T12:00:00,5Z",
        "2026-13-01T00:00:00+00:00",
        "2026-11-29T12:00:00+01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.9999999Z",  # as a number it is the first second of the year 10,000
        None,
    ],
)
def test_other_texts_are_no_times(text: str | None) -> None:
    with pytest.raises(BadValue):
        TIME.read(text)


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    assert TIME.write(1_795_953_600.9) == "2026-11-29T12:00:00Z"
    assert TIME.write(0) == "1970-01-01T00:00:00Z"
    assert TIME.write(-0.5) == "1969-12-31T23:59:59Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_whatever_is_read_can_be_remembered(text: str) -> None:
    """A year was written as 1: the book that held it could not be read after a restart, and every event was lost."""
    assert TIME.write(TIME.read(text)) == text


@pytest.mark.parametrize(
    "text", ["INF", "-INF", "NaN", "1_000", "0x10", "", "1,5", "１", "--1", "1.2.3", ".", "9" * 400, "1e400", None]
)
def test_what_is_no_finite_number(text: str | None) -> None:
    with pytest.raises(BadValue):
        FLOAT.read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "1.": 1.0,
        ".5": 0.5,
        "-2e3": -2000.0,
        " 7 ": 7.0,
        "+0.0": 0.0,
        "0": 0.0,
        "123456789": 123456789.0,
        "1234567.89": 1234567.89,
    }.items(),
)
def test_numbers_are_read(text: str, value: float) -> None:
    assert FLOAT.read(text) == value


@pytest.mark.parametrize("text", ["-1", "4294967296", "1.0", "", "٣", "1 2", None])
def test_what_is_no_unsigned_integer(text: str | None) -> None:
    with pytest.raises(BadValue):
        WHOLE.read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    {"0": 0, "7": 7, " 7\n": 7, "+5": 5, "007": 7, "999": 999, "1000": 1000, "4294967295": 4_294_967_295}.items(),
)
def test_unsigned_integers_are_read(text: str, value: int) -> None:
    """xs:unsignedInt: a plus sign and leading zeros are allowed, white space is collapsed (XML Schema part 2, 3.3.22)."""
    assert WHOLE.read(text) == value


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


@pytest.mark.parametrize("text", ["20", "2000", "2x0", "", "２００", None])
def test_what_is_no_response_code(text: str | None) -> None:
    with pytest.raises(BadValue):
        CODE.read(text)


@pytest.mark.parametrize(("text", "code"), [("000", 0), (" 200 ", 200), ("999", 999)])
def test_response_codes_are_read(text: str, code: int) -> None:
    assert CODE.read(text) == code


def test_names_of_a_deployment_begin_with_x() -> None:
    for name in ("x-frobnicate", "x-a", "x-a b", "SIMPLE"):
        assert SIGNAL_NAME.read(name) == name
    assert SIGNAL_NAME.read(" SIMPLE\n") == "SIMPLE"
    for name in ("frobnicate", "x-", "Simple", "x- y"):
        with pytest.raises(BadValue):
            SIGNAL_NAME.read(name)
