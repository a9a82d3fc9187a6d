"""Facts of all rooms -> outcomes: each once, in order, exactly one final per event and respondent.

An outcome is owed from the step that made it until it is acknowledged, also over a restart; the roof tells :func:`owed` again at boot.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import FINAL, Fact, Outcome, OutcomeKind

ROOM = "outcomes"

KEEP_S: Final = 7 * 86_400.0
"""A page is kept this long after its final (own UTC), so that an event shown again is not answered again."""

KEEP_OPEN_S: Final = 400 * 86_400.0
"""A page without a final, whose program went away, is kept this long after its last word."""

SWEEP_S: Final = 3600.0
"""Old pages are looked for this often."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was said of one event. ``told``: the kinds, oldest first; ``owed``: not acknowledged yet; ``final``: how it ended."""

    event: EventKey
    told: tuple[OutcomeKind, ...] = ()
    owed: tuple[Outcome, ...] = ()
    final: OutcomeKind | None = None
    utc_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Book:
    """All pages, by event. Durable but for ``swept_utc_s``. ``closed``: events that other rooms than the timeline have ended."""

    pages: Mapping[EventKey, Page] = field(default_factory=lambda: MappingProxyType({}))
    swept_utc_s: float | None = None
    closed: frozenset[EventKey] = frozenset()


@dataclass(frozen=True, slots=True)
class OutcomesStep:
    """What one step leaves: ``outcomes`` are new and now owed, in the order they are to be told."""

    book: Book
    outcomes: tuple[Outcome, ...]
    entries: tuple[Entry, ...]


def step(book: Book, facts: Iterable[Fact], now: Instants, *, displaced_ends: Container[str] = ()) -> OutcomesStep:
    """Take facts in the order they happened. ``displaced_ends``: upstreams to which a displacement is final (2030.5 Response 13).

    Within one call an event's RECEIVED comes first and its final last. Whoever completed, or had started when it ended, is told as received
    and started before that, at the moment of the end if nobody said when.
    """
    given = list(facts)
    swept = book.swept_utc_s
    sweeps = swept is None or abs(now.utc_s - swept) >= SWEEP_S
    if not given and not sweeps:
        return OutcomesStep(book, (), ())
    pages = dict(book.pages)
    made: list[Outcome] = []
    touched: dict[EventKey, None] = {}
    for fact in _in_order(given):
        ends = fact.what in FINAL or (
            fact.what is OutcomeKind.DISPLACED and fact.event.respondent.upstream in displaced_ends
        )
        page = pages.get(fact.event, Page(fact.event))
        new = [Outcome(fact.event, kind, fact.at, fact.cause) for kind in _kinds(page, fact)]
        if new:
            pages[fact.event] = _written(page, new, fact.what if ends else None, now.utc_s)
            touched[fact.event] = None
            made += new
    if sweeps:
        swept = now.utc_s
        for event in [event for event, page in pages.items() if _is_old(page, now.utc_s)]:
            del pages[event]
            touched[event] = None
    if not touched:
        return OutcomesStep(replace(book, swept_utc_s=swept), (), ())
    entries = tuple(_entry(event, pages.get(event)) for event in touched)
    closed = (book.closed - touched.keys()) | {event for event in touched if event in pages and _closes(pages[event])}
    return OutcomesStep(Book(pages, swept, closed), tuple(made), entries)


def acknowledged(book: Book, outcome: Outcome) -> tuple[Book, tuple[Entry, ...]]:
    """The upstream has it, or wanted none: it is owed no more. One that is not owed changes nothing."""
    page = book.pages.get(outcome.event)
    if page is None or outcome not in page.owed:
        return book, ()
    page = replace(page, owed=tuple(one for one in page.owed if one != outcome))
    return replace(book, pages={**book.pages, outcome.event: page}), (_entry(outcome.event, page),)


def owed(book: Book) -> tuple[Outcome, ...]:
    """All that is owed, per event in the order it is to be told."""
    return tuple(outcome for event in sorted(book.pages) for outcome in book.pages[event].owed)


def restore(entries: Iterable[Entry]) -> Book:
    """The book these entries tell, the latest of each key; entries of other rooms are passed over."""
    pages: dict[tuple[str, ...], Page] = {}
    for entry in entries:
        if entry.key[0] != ROOM:
            continue
        if isinstance(entry.value, Page):
            pages[entry.key] = entry.value
        else:
            pages.pop(entry.key, None)
    told = {page.event: page for page in pages.values()}
    return Book(told, closed=frozenset(event for event, page in told.items() if _closes(page)))


_OPPOSITES: Final = (
    frozenset({OutcomeKind.OPTED_OUT, OutcomeKind.OPTED_IN}),
    frozenset({OutcomeKind.DISPLACED, OutcomeKind.RESTORED}),
    frozenset({OutcomeKind.APPLIED, OutcomeKind.MISMATCHED}),
    frozenset({OutcomeKind.EFFECTIVE, OutcomeKind.NOT_EFFECTIVE, OutcomeKind.NOT_OBSERVABLE}),
)
"""Kinds that undo each other: told again once another of the same group was."""

_NEEDS: Final = {OutcomeKind.OPTED_IN: OutcomeKind.OPTED_OUT, OutcomeKind.RESTORED: OutcomeKind.DISPLACED}


def _closes(page: Page) -> bool:
    """Displaced for good, or refused."""
    return page.final in (OutcomeKind.DISPLACED, OutcomeKind.REFUSED)


def _in_order(given: Sequence[Fact]) -> list[Fact]:
    """Each event's facts by stage, in the places they take among those of others."""
    staged: dict[EventKey, list[Fact]] = {}
    for fact in given:
        staged.setdefault(fact.event, []).append(fact)
    ordered = {event: iter(sorted(own, key=_stage)) for event, own in staged.items()}
    return [next(ordered[fact.event]) for fact in given]


def _stage(fact: Fact) -> int:
    if fact.what is OutcomeKind.RECEIVED:
        return 0
    return 2 if fact.what in FINAL else 1


def _kinds(page: Page, fact: Fact) -> list[OutcomeKind]:
    """What is to be said now: nothing, the fact, or the fact after what should have come before it."""
    if page.final is not None or fact.what in page.told:
        return []
    if fact.what in _NEEDS and _NEEDS[fact.what] not in page.told:
        return []
    ran = fact.what is OutcomeKind.COMPLETED or (fact.what in FINAL and fact.cause.had_started)
    before = [OutcomeKind.RECEIVED] if ran or fact.what is OutcomeKind.STARTED else []
    before += [OutcomeKind.STARTED] if ran else []
    return [*(kind for kind in before if kind not in page.told), fact.what]


def _written(page: Page, new: list[Outcome], final: OutcomeKind | None, utc_s: float) -> Page:
    told = page.told
    for outcome in new:
        undone = frozenset[OutcomeKind]().union(*(group for group in _OPPOSITES if outcome.kind in group))
        told = (*(kind for kind in told if kind not in undone), outcome.kind)
    return replace(page, told=told, owed=(*page.owed, *new), final=final, utc_s=utc_s)


def _is_old(page: Page, utc_s: float) -> bool:
    keep = KEEP_OPEN_S if page.final is None else KEEP_S
    return not page.owed and utc_s - page.utc_s > keep


def _entry(event: EventKey, page: Page | None) -> Entry:
    return Entry((ROOM, event.respondent.upstream, event.respondent.id, event.id), page)
