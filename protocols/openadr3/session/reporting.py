"""What the session holds to report from: each respondent's book, what became of events, which reports are next, and those that wait."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.openadr3.report import outbox
from protocols.openadr3.report.book import Book
from protocols.openadr3.report.outbox import Outbox

KEY = "reports"
VERSION = 1
MOST_DEEDS = 64
"""Of one event and respondent."""

_WORDS = MappingProxyType(
    {
        OutcomeKind.STARTED: "follows",
        OutcomeKind.RESTORED: "follows",
        OutcomeKind.OPTED_IN: "follows",
        OutcomeKind.OPTED_OUT: "out",
        OutcomeKind.DISPLACED: "out",
        OutcomeKind.REFUSED: "out",
        OutcomeKind.COMPLETED: "over",
        OutcomeKind.CANCELLED: "over",
        OutcomeKind.SUPERSEDED: "over",
        OutcomeKind.EXPIRED: "over",
    }
)
"""Outcomes that change how an event is followed."""

Deeds = tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Reporting:
    """``books``: by resource ("" = the ven); ``deeds``: by event and respondent, since when it is followed, out or over; ``next``: by
    event and number of the descriptor, the report that is next; ``due_s``: when the next is due, UTC."""

    books: Mapping[str, Book] = field(default_factory=dict)
    deeds: Mapping[str, Deeds] = field(default_factory=dict)
    next: Mapping[str, int] = field(default_factory=dict)
    outbox: Outbox = field(default_factory=Outbox)
    due_s: float = float("inf")


def deed_key(event: str, respondent: str) -> str:
    """Under which what became of an event is kept; a stretch of it ("#2") is the event."""
    return f"{event.partition('#')[0]} {respondent}"


def with_deed(deeds: Mapping[str, Deeds], outcome: Outcome) -> Mapping[str, Deeds]:
    """Note an outcome, if it changes how its event is followed."""
    word = _WORDS.get(outcome.kind)
    if word is None:
        return deeds
    key = deed_key(outcome.event.id, outcome.event.respondent.id)
    return {**deeds, key: (*deeds.get(key, ()), (outcome.at.at_s, word))[-MOST_DEEDS:]}


def deed_at(deeds: Deeds, at_s: float) -> str:
    """How the event was followed then; empty = it had not begun."""
    return next((word for since_s, word in reversed(deeds) if since_s <= at_s), "")


def begun_s(deeds: Deeds) -> float | None:
    """Since when the event was followed first; None = it was not."""
    return next((since_s for since_s, word in deeds if word == "follows"), None)


def saved(reporting: Reporting) -> bytes:
    """What must survive, as bytes of :data:`VERSION`."""
    return json.dumps(
        {"next": dict(reporting.next), "deeds": dict(reporting.deeds), "outbox": outbox.plain(reporting.outbox)}
    ).encode()


def recalled(memory: Mapping[str, tuple[int, bytes]]) -> Reporting:
    """From what earlier runs kept; empty where it cannot be read."""
    version, body = memory.get(KEY, (0, b""))
    if version != VERSION:
        return Reporting()
    try:
        given: Any = json.loads(body)
        return Reporting(
            deeds={str(key): tuple((float(at), str(word)) for at, word in one) for key, one in given["deeds"].items()},
            next={str(key): int(index) for key, index in given["next"].items()},
            outbox=outbox.restored(given["outbox"]),
            due_s=float("-inf"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Reporting()
