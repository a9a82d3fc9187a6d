"""Date-times and durations as OpenADR 3 writes them <-> seconds.

A start in the year 1 is "now" (3.1.0, intervalPeriod), a duration of P9999Y is "for ever"; neither fits a calendar, so both are
infinities here.
"""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from grid_functions.model.errors import MalformedMessage

NOW: Final = -math.inf
"""A start of 0001-01-01: now, or at the end of the interval before."""

FOREVER: Final = math.inf
"""A duration of P9999Y, or anything else of a century and more."""

LAST_S: Final = 253_402_300_799.0
"""The last second of the year 9999: no later moment can be written."""

_CENTURY_S = 100 * 365.0 * 86_400.0

_DATE_TIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>[.,]\d{1,12})?)?)?"
    r" ?(?P<zone>[Zz]|(?P<sign>[+-])(?P<ahead_h>\d\d):?(?P<ahead_m>\d\d))?",
    re.ASCII,
)
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?=\d|T\d)(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:[.,]\d{1,9})?)S)?)?",
    re.ASCII,
)
_SECONDS = {
    "years": 365.0 * 86_400.0,
    "months": 30.0 * 86_400.0,
    "weeks": 7.0 * 86_400.0,
    "days": 86_400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
}


def moment(text: str) -> float:
    """Seconds since 1970, or :data:`NOW`.

    Interpretation: a time without a zone is UTC, as RFC 3339 leaves it no other reading; a space for the T and a date alone are read
    too. MalformedMessage otherwise, and for years beyond 9999.
    """
    found = _DATE_TIME.fullmatch(text.strip())
    if found is None:
        raise MalformedMessage(f"{text[:40]!r} is no date-time")
    part = found.groupdict()
    if int(part["year"]) == 1:
        return NOW
    zone: timezone = UTC
    if part["sign"]:
        ahead = timedelta(hours=int(part["ahead_h"]), minutes=int(part["ahead_m"]))
        if ahead >= timedelta(hours=24):
            raise MalformedMessage(f"{text[:40]!r} has no zone of this world")
        zone = timezone(ahead if part["sign"] == "+" else -ahead)
    try:
        whole = datetime(
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            min(int(part["second"] or 0), 59),  # a leap second is the last of its minute
            tzinfo=zone,
        )
        since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedMessage(f"{text[:40]!r} is no date-time: {error}") from error
    return since.total_seconds() + float((part["fraction"] or ".0").replace(",", "."))


def has_zone(text: str) -> bool:
    """Whether a date-time says how far it is from UTC."""
    found = _DATE_TIME.fullmatch(text.strip())
    return found is not None and found["zone"] is not None


def duration(text: str) -> float:
    """Seconds, or :data:`FOREVER`. MalformedMessage for what is no duration, or less than nothing.

    Interpretation: a year has 365 days and a month 30: an interval that must end on a day of the calendar says so in days.
    """
    found = _DURATION.fullmatch(text.strip().upper())
    if found is None:
        raise MalformedMessage(f"{text[:40]!r} is no duration")
    total = sum(float((found[name] or "0").replace(",", ".")) * worth for name, worth in _SECONDS.items())
    if found["sign"] == "-" and total > 0:
        raise MalformedMessage(f"{text[:40]!r} is less than no time")
    return FOREVER if total >= _CENTURY_S else total


def moment_text(at_s: float) -> str:
    """RFC 3339 in UTC; :data:`NOW` as the year 1. ValueError beyond the year 9999."""
    if at_s == NOW:
        return "0001-01-01T00:00:00Z"
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(at_s * 1000))
    except OverflowError as error:
        raise ValueError(f"{at_s} s is in no year of the calendar") from error
    fraction = f".{at.microsecond // 1000:03d}" if at.microsecond else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}".zfill(19) + f"{fraction}Z"


def duration_text(span_s: float) -> str:
    """ISO 8601 in days, hours, minutes and seconds; :data:`FOREVER` as P9999Y. ValueError for less than nothing."""
    if span_s == FOREVER:
        return "P9999Y"
    if not span_s >= 0:
        raise ValueError(f"{span_s} s is no duration")
    thousandths = round(span_s * 1000)
    days, rest = divmod(thousandths, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{seconds}S" if rest else "")
    text = "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")
    return text if text != "P" else "PT0S"
