"""What one respondent's site was like, minute by minute, and what it is usually like: the stuff that reports are made of.

Signs as in the whole house: power positive when consumed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from grid_functions.model.reading import Average, Metered
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from protocols.openadr3.report.look import Look, look_at

MINUTE_S: Final = 60.0
QUARTER_S: Final = 900.0
DAY_S: Final = 86_400.0

KEEP_S: Final = 26 * 3600.0
"""Minutes are kept this long: a report over a whole day that waited for its last interval, and an hour."""

DAYS: Final = 10
"""Days that a baseline looks back."""

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute. ``net_w``: mean at the connection point, ``coverage`` its share with good data, 0..1; ``devices_w``: of the
    respondent's devices together; ``look``: how its devices were at its end. None = not measured."""

    start_s: float
    net_w: float | None = None
    coverage: float = 0.0
    devices_w: float | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """``minutes``: by start, UTC; ``quarters``: the mean power of each quarter of an hour, for baselines; ``now``: the last look."""

    minutes: Mapping[float, Minute] = field(default_factory=dict)
    quarters: Mapping[int, tuple[float, int]] = field(default_factory=dict)
    now: Look | None = None


def taken(book: Book, snapshot: Snapshot, averages: Iterable[Average], devices: frozenset[str]) -> Book:
    """The book after one more picture."""
    look = look_at(snapshot, devices)
    closed = [one for one in averages if one.quantity is Quantity.NET and one.phase is None]
    if not closed:
        return replace(book, now=look)
    minutes = dict(book.minutes)
    quarters = dict(book.quarters)
    for one in closed:
        before = minutes.get(one.start_s, Minute(one.start_s))
        if one.of is Metered.CONNECTION:
            minutes[one.start_s] = replace(before, net_w=one.value, coverage=one.coverage, look=look)
            quarter = int(one.start_s // QUARTER_S)
            mean, count = quarters.get(quarter, (0.0, 0))
            quarters[quarter] = ((mean * count + one.value) / (count + 1), count + 1)
        else:
            minutes[one.start_s] = replace(before, devices_w=one.value, look=look)
    newest = max(minutes)
    minutes = {start: minute for start, minute in minutes.items() if start >= newest - KEEP_S}
    oldest = int((newest - (DAYS + 1) * DAY_S) // QUARTER_S)
    return Book(minutes, {at: mean for at, mean in quarters.items() if at >= oldest}, look)


def between(book: Book, start_s: float, end_s: float) -> tuple[Minute, ...]:
    """The minutes that lie within, in order."""
    return tuple(
        book.minutes[start] for start in sorted(book.minutes) if start_s <= start and start + MINUTE_S <= end_s + 1e-6
    )


def baseline_w(book: Book, start_s: float, end_s: float, before_s: float) -> float | None:
    """Mean power of the same quarters of an hour on the last :data:`DAYS` days before ``before_s``; None while no day is known.

    Interpretation: like hours of all days alike, working days or not: the standard leaves the method to the program.
    """
    found: list[float] = []
    first, last = int(start_s // QUARTER_S), int(max(start_s, end_s - 1e-6) // QUARTER_S)
    last = min(last, first + int(DAY_S // QUARTER_S) - 1)
    for quarter in range(first, last + 1):
        past = [
            book.quarters[at][0]
            for day in range(1, DAYS + 1)
            if (at := quarter - day * int(DAY_S // QUARTER_S)) in book.quarters and (at + 1) * QUARTER_S <= before_s
        ]
        if past:
            found.append(sum(past) / len(past))
    return sum(found) / len(found) if found else None


def saved(book: Book) -> bytes:
    """The quarters, as bytes of :data:`VERSION`: minutes are not worth keeping over a restart, a baseline is."""
    return json.dumps({str(at): [round(mean, 1), count] for at, (mean, count) in book.quarters.items()}).encode()


def loaded(version: int, body: bytes) -> Book:
    """The book of an earlier run; an empty one when it cannot be read."""
    if version != VERSION:
        return Book()
    try:
        plain = json.loads(body).items()
        return Book(quarters={int(at): (float(mean), int(count)) for at, (mean, count) in plain})
    except (ValueError, TypeError, AttributeError):
        return Book()
