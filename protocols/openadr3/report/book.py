"""What one respondent's site was like, minute by minute, and what it is usually like: the stuff that reports are made of.

Signs as in the whole house: power positive when consumed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from grid_functions.model.reading import Average, Metered
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.model.usual import Usual
from protocols.openadr3.report.look import Look, look_at

MINUTE_S: Final = 60.0

KEEP_S: Final = 26 * 3600.0
"""Minutes are kept this long: a report over a whole day that waited for its last interval, and an hour."""


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
    """``minutes``: by start, UTC; ``usual``: what the site takes by itself; ``now``: the last look."""

    minutes: Mapping[float, Minute] = field(default_factory=dict)
    usual: Usual | None = None
    now: Look | None = None


def taken(
    book: Book,
    snapshot: Snapshot,
    averages: Iterable[Average],
    devices: frozenset[str],
    usual: Usual | None = None,
) -> Book:
    """The book after one more picture."""
    look = look_at(snapshot, devices)
    closed = [one for one in averages if one.quantity is Quantity.NET and one.phase is None]
    if not closed:
        return replace(book, now=look, usual=usual)
    minutes = dict(book.minutes)
    for one in closed:
        before = minutes.get(one.start_s, Minute(one.start_s))
        if one.of is Metered.CONNECTION:
            minutes[one.start_s] = replace(before, net_w=one.value, coverage=one.coverage, look=look)
        else:
            minutes[one.start_s] = replace(before, devices_w=one.value, look=look)
    newest = max(minutes)
    minutes = {start: minute for start, minute in minutes.items() if start >= newest - KEEP_S}
    return Book(minutes, usual, look)


def between(book: Book, start_s: float, end_s: float) -> tuple[Minute, ...]:
    """The minutes that lie within, in order."""
    return tuple(
        book.minutes[start] for start in sorted(book.minutes) if start_s <= start and start + MINUTE_S <= end_s + 1e-6
    )
