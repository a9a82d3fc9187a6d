"""Scalar types of the 2.0b schema: text <-> value, strict about what they hold and nothing else.

Strings are kept as they are, letter for letter: an ID is never trimmed, cased or counted (rule 512).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

MOST_TEXT = 65_536
"""The schema bounds no string; this bounds what a peer can make us keep."""


class BadValue(Exception):
    """A text or value outside its rule; ``path`` names the elements down to it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: tuple[str, ...] = ()

    def within(self, name: str) -> "BadValue":
        """The same fault, seen from one element further out."""
        self.path = (name, *self.path)
        return self

    def __str__(self) -> str:
        return f"{'/'.join(self.path)}: {self.reason}" if self.path else self.reason


@dataclass(frozen=True, slots=True)
class Scalar:
    """How one simple type is read (None = empty element) and written (before escaping); ``words``: the list it is of, if it is."""

    read: Callable[[str | None], object]
    write: Callable[[object], str]
    words: frozenset[str] = frozenset()


def shown(text: object) -> str:
    """A value for a message to people: short, on one line."""
    told = repr(text) if text else "nothing"
    return told if len(told) <= 60 else f"{told[:57]}..."


# What XML 1.0 cannot carry, escaped or not (production 2, Char).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _read_text(text: str | None) -> str:
    if text is None:
        return ""
    if len(text) > MOST_TEXT:
        raise BadValue(f"{shown(text)} is longer than {MOST_TEXT} characters")
    return text


def _write_text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise BadValue(f"{shown(value)} is no text of at most {MOST_TEXT} characters")
    if _NOT_XML.search(value):
        raise BadValue(f"{shown(value)} holds a character that XML cannot carry")
    return value


TEXT = Scalar(_read_text, _write_text)


def token(words: Iterable[str], *, extensible: bool = False) -> Scalar:
    """One word of a list (xs:token: space around it is dropped); ``extensible``: also any ``x-`` name of a deployment."""
    known = frozenset(words)

    def check(word: str) -> str:
        if word in known or (extensible and len(word) > 2 and word.startswith("x-") and word[2] != " "):
            return word
        raise BadValue(f"{shown(word)} is none of {', '.join(sorted(known))}")

    def read(text: str | None) -> str:
        return text if text in known else check((text or "").strip())

    return Scalar(read, lambda value: check(_write_text(value)), known)


_WHOLE = re.compile(r"[+]?[0-9]{1,12}")
_MOST_WHOLE = 2**32 - 1
_USUAL_WHOLE: dict[str | None, int] = {str(number): number for number in range(1000)}


def read_whole(text: str | None) -> int:
    """An xs:unsignedInt; raises BadValue."""
    usual = _USUAL_WHOLE.get(text)
    if usual is not None:
        return usual
    told = (text or "").strip()
    if not _WHOLE.fullmatch(told) or int(told) > _MOST_WHOLE:
        raise BadValue(f"{shown(text)} is not a whole number in 0..{_MOST_WHOLE}")
    return int(told)


def _write_whole(value: object) -> str:
    if type(value) is not int or not 0 <= value <= _MOST_WHOLE:
        raise BadValue(f"{shown(value)} is not a whole number in 0..{_MOST_WHOLE}")
    return str(value)


WHOLE = Scalar(read_whole, _write_whole)
"""xs:unsignedInt."""

_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _read_float(text: str | None) -> float:
    if text is not None and len(text) < 10 and text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    told = (text or "").strip()
    if not _FLOAT.fullmatch(told) or not isfinite(number := float(told)):
        # INF and NaN are floats of the schema; no signal or reading means anything by them.
        raise BadValue(f"{shown(text)} is not a finite number")
    return number


def _write_float(value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise BadValue(f"{shown(value)} is not a finite number")
    return format(value, ".9g") if isinstance(value, float) else str(value)


FLOAT = Scalar(_read_float, _write_float)
"""xs:float, finite."""

_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def _read_truth(text: str | None) -> bool:
    found = _TRUTHS.get((text or "").strip())
    if found is None:
        raise BadValue(f"{shown(text)} is neither true nor false")
    return found


def _write_truth(value: object) -> str:
    if type(value) is not bool:
        raise BadValue(f"{shown(value)} is neither true nor false")
    return "true" if value else "false"


TRUTH = Scalar(_read_truth, _write_truth)

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d*)?(Z|[+-]\d{2}:\d{2})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S, _END_S = -62_135_596_800.0, 253_402_300_800.0
"""The years 1 and 10,000 begin: what a zone carries beyond them could be read, and never be written and remembered."""


def _read_time(text: str | None) -> float:
    """Seconds since 1970. Interpretation: without a zone it is UTC (the pattern admits that, the profile has UTC alone)."""
    if (
        text is not None
        and len(text) > 19
        and text[-1] == "Z"
        and text[19] in ".Z"
        and text[10] == "T"
        and text[4] == text[7] == "-"
    ):
        try:
            if (seconds := datetime.fromisoformat(text).timestamp()) < _END_S:
                return seconds
        except ValueError:
            pass  # what this does not take, the pattern may
    told = _TIME.fullmatch((text or "").strip())
    if told is None:
        raise BadValue(f"{shown(text)} is no date and time in UTC")
    whole, fraction, zone = told.groups()
    try:
        moment = datetime.fromisoformat(whole + (zone or "Z"))
    except ValueError:
        raise BadValue(f"{shown(text)} is no date and time") from None
    seconds = (moment - _EPOCH).total_seconds() + (0.0 if fraction in (None, ".") else float(f"0{fraction}"))
    if not _FIRST_S <= seconds < _END_S:
        raise BadValue(f"{shown(text)} is outside the years 1 to 9999 of UTC")
    return seconds


def _write_time(value: object) -> str:
    """Whole seconds, UTC (rule 1)."""
    try:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(value)
        moment = _EPOCH + timedelta(seconds=int(value // 1))
        return f"{moment.replace(tzinfo=None).isoformat()}Z"  # strftime writes the years before 1000 in fewer than four digits
    except (ValueError, OverflowError):
        raise BadValue(f"{shown(value)} is no moment") from None


TIME = Scalar(_read_time, _write_time)
"""xcal date-time as seconds since 1970-01-01 UTC."""

_DURATION = re.compile(
    r"([+-])?P?(?:(?P<w>\d+(?:\.\d+)?)W)?(?:(?P<y>\d+)Y)?(?:(?P<mo>\d+)M)?(?:(?P<d>\d+(?:\.\d+)?)D)?"
    r"(?P<t>T)?(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d*)?)S)?"
)
_SECONDS = {"w": 604_800.0, "y": 31_536_000.0, "mo": 2_592_000.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_MOST_DURATION_S = 1e11
_USUAL: dict[str | None, float] = {
    f"PT{number}{unit[0].upper()}": number * _SECONDS[unit] for number in range(61) for unit in "hms"
}


def _read_duration(text: str | None) -> float:
    """Seconds, signed.

    Interpretation: a year has 365 days, a month 30; fractions are taken though rule 1 forbids to send them; the schema's pattern lets a
    duration name no part at all (openleadr writes zero so) and weeks stand without their P.
    """
    usual = _USUAL.get(text)
    if usual is not None:
        return usual
    told = (text or "").strip()
    found = _DURATION.fullmatch(told) if "P" in told or told.endswith("W") else None
    if found is None:
        raise BadValue(f"{shown(text)} is no duration")
    parts = {key: value for key, value in found.groupdict().items() if value and key != "t"}
    seconds = sum(_SECONDS[key] * float(value) for key, value in parts.items())
    if seconds > _MOST_DURATION_S:
        raise BadValue(f"{shown(text)} is longer than three thousand years")
    return -seconds if told.startswith("-") else seconds


def _write_duration(value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _MOST_DURATION_S:
        raise BadValue(f"{shown(value)} is no duration")
    seconds = round(abs(value))
    days, rest = divmod(seconds, 86_400)
    parts = [(rest // 3600, "H"), (rest % 3600 // 60, "M"), (rest % 60, "S")]
    clock = "".join(f"{number}{unit}" for number, unit in parts if number)
    day = f"{days}D" if days else ""
    sign = "-" if value < 0 and seconds else ""
    return f"{sign}P{day}T{clock}" if clock else f"{sign}P{day}" if day else "PT0S"


DURATION = Scalar(_read_duration, _write_duration)
"""xcal duration in seconds."""


def _read_code(text: str | None) -> int:
    told = (text or "").strip()
    if len(told) != 3 or not told.isascii() or not told.isdigit():
        raise BadValue(f"{shown(text)} is no response code of three digits")
    return int(told)


def _write_code(value: object) -> str:
    if type(value) is not int or not 0 <= value <= 999:
        raise BadValue(f"{shown(value)} is no response code")
    return f"{value:03d}"


CODE = Scalar(_read_code, _write_code)
"""responseCode."""


def _write_nothing(value: object) -> str:
    return ""


EMPTY = Scalar(lambda text: True, _write_nothing)
"""An element that is there and holds nothing we look at."""
