"""Values kept for reports, and the reports that wait to be taken: an outage loses neither."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from grid_functions.model.device import Seen
from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from protocols.openadr2b.translate.reports import Minute, Series, Status, status_of
from protocols.openadr2b.wire.reader import OURS, MalformedBody, decode
from protocols.openadr2b.wire.reports import OadrUpdateReport
from protocols.openadr2b.wire.writer import encode

KEY = "unsent"
VERSION = 1

MINUTE_S = 60
MOST_MINUTES = 3 * 1440
"""Three days; the profile asks for a hundred points (rule 510)."""

MOST_CHANGES = 1000
MOST_UNSENT = 500
MOST_VALUES = 50_000
"""Reports kept for a VTN that does not take them, and values in all of them; the oldest are lost first, the newest never."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A report on its way. ``serial`` tells equal ones apart."""

    serial: int
    message: OadrUpdateReport


@dataclass(frozen=True, slots=True)
class Stock:
    """``series``: by respondent id, in our own UTC."""

    series: Mapping[str, Series] = field(default_factory=dict)
    unsent: tuple[Unsent, ...] = ()


def seen(
    stock: Stock, respondent: str, looks: Iterable[Seen], averages: Iterable[Average], utc_s: float, *, whole: bool
) -> Stock:
    """Keep what was seen. ``whole``: the respondent speaks for the whole VEN, so its connection is what it uses.

    Where only the other part is measured, that is told.
    """
    series = stock.series.get(respondent, Series())
    status = status_of(looks)
    changes = series.changes
    if status is not None and (not changes or changes[-1][1] != status):
        changes = (*changes, (utc_s, status))[-MOST_CHANGES:]
    minutes = dict(series.minutes)
    wanted = Metered.CONNECTION if whole else Metered.DEVICES
    for one in averages:
        if one.quantity is Quantity.NET and one.phase is None:
            start = round(one.start_s / MINUTE_S) * MINUTE_S
            known = minutes.get(start)
            if known is None or one.of is wanted:
                minutes[start] = Minute(one.value, one.coverage)
    if changes is series.changes and minutes == series.minutes:
        return stock
    # What is still to come was noted by a clock that was wrong: it would keep out what is measured from now on.
    past = sorted(start for start in minutes if start <= utc_s + MINUTE_S)
    kept = {start: minutes[start] for start in past[-MOST_MINUTES:]}
    return replace(stock, series={**stock.series, respondent: Series(kept, changes)})


def present(stock: Stock, respondent: str) -> Status | None:
    """The last status seen."""
    series = stock.series.get(respondent)
    return series.changes[-1][1] if series is not None and series.changes else None


def owed(stock: Stock, serial: int, message: OadrUpdateReport) -> tuple[Stock, bool]:
    """One more report; second: an old one had to go for it."""
    unsent = (*stock.unsent, Unsent(serial, message))
    first, values = len(unsent) - 1, values_of(message)
    while first > max(0, len(unsent) - MOST_UNSENT):
        values += values_of(unsent[first - 1].message)
        if values > MOST_VALUES:
            break
        first -= 1
    return replace(stock, unsent=unsent[first:]), first > 0


def values_of(message: OadrUpdateReport) -> int:
    """How many a report tells."""
    return sum(len(report.intervals) for report in message.reports)


def put_back(stock: Stock, serial: int) -> Stock:
    """This one behind all others: a report over which a VTN stumbles holds up no other."""
    behind = [one for one in stock.unsent if one.serial == serial]
    return replace(stock, unsent=(*(one for one in stock.unsent if one.serial != serial), *behind))


def settled(stock: Stock, serial: int) -> Stock:
    """It was taken, or refused for good."""
    return replace(stock, unsent=tuple(one for one in stock.unsent if one.serial != serial))


def saved(stock: Stock) -> bytes:
    """The waiting reports as bytes of :data:`VERSION`."""
    return json.dumps([[one.serial, encode(one.message).decode()] for one in stock.unsent]).encode()


def loaded(version: int, body: bytes) -> Stock:
    """The waiting reports of an earlier run; none when they cannot be read. They get numbers below all of this run."""
    if version != VERSION:
        return Stock()
    try:
        found = [decode(document.encode(), limits=OURS).message for _, document in json.loads(body)]
    except (ValueError, TypeError, AttributeError, MalformedBody):
        return Stock()
    reports = [message for message in found if isinstance(message, OadrUpdateReport)]
    return Stock(unsent=tuple(Unsent(place - len(reports), message) for place, message in enumerate(reports)))
