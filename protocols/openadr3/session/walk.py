"""Searches, page by page until a short one.

A list may change while it is read: what is deleted before the page's edge moves the rest up, and one item is never shown. So each page
begins with the last item of the one before; if that is not there the walk begins again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire import reader
from protocols.openadr3.wire.objects import Event, Program, Resource, Subscription, Unread, Ven
from protocols.openadr3.wire.reader import Page

MOST_STARTS: Final = 4
"""A list that never holds still is taken as read so often, but not as read to its end."""

MOST_ITEMS: Final = 20_000
"""A list is read no further, readable or not: what a VTN can make us keep."""

MOST_AT_ONCE: Final = 5_000
"""On one page, whatever was asked for: all of it is read between two decisions."""


MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all lists of one look: some thousand events of a day of five-minute prices; as objects they take ten times as much."""

MOST_LEAF_BYTES: Final = 16 * 1024 * 1024
"""Of the pages that are kept beside what was read from them."""


class Kind(StrEnum):
    """What is searched for."""

    VENS = "vens"
    RESOURCES = "resources"
    PROGRAMS = "programs"
    EVENTS = "events"
    SUBSCRIPTIONS = "subscriptions"


Item = Event | Program | Resource | Subscription | Ven


@dataclass(frozen=True, slots=True)
class Search:
    """One list: where, and what for."""

    kind: Kind
    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """A search under way. ``edge``: id of the last record so far; ``starts``: how often it was begun."""

    search: Search
    items: Mapping[str, Item] | None = None
    unread: tuple[Unread, ...] = ()
    skip: int = 0
    edge: str = ""
    starts: int = 1
    steady: bool = True


@dataclass(frozen=True, slots=True)
class Walked:
    """A search that is over. ``ended``: everything it has was seen; ``why``: it was not, and this is the reason."""

    ended: bool
    items: tuple[Item, ...] = ()
    unread: tuple[Unread, ...] = ()
    why: str = ""
    status: int = 0


_READERS: Mapping[Kind, Callable[[Any], Item]] = {
    Kind.VENS: reader.ven,
    Kind.RESOURCES: reader.resource,
    Kind.PROGRAMS: reader.program,
    Kind.EVENTS: reader.event,
    Kind.SUBSCRIPTIONS: reader.subscription,
}


def query(walk: Walk, limit: int) -> tuple[tuple[str, str], ...]:
    """The query of the walk's next page."""
    return (*walk.search.query, ("skip", str(walk.skip)), ("limit", str(limit)))


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page as it was read, kept beside the JSON it was read from: the very same JSON need not be read again."""

    json: Any
    page: Page[Item]
    ids: tuple[str, ...]
    length: int = 0


def leaf(kind: Kind, json: Any, before: Leaf | None, length: int = 0) -> Leaf:
    """The page in a body of that length; ``before``: as it was last time. Raises MalformedMessage when it is no list."""
    if before is not None and before.json is json:
        return before
    if isinstance(json, list) and len(json) > MOST_AT_ONCE:
        raise MalformedMessage(f"a page of {len(json)} records, more than {MOST_AT_ONCE}")
    page: Page[Item] = reader.page(json, _READERS[kind])
    return Leaf(json, page, tuple(str(one.get("id", "")) if isinstance(one, dict) else "" for one in json), length)


def stopped(walk: Walk) -> Walked:
    """The walk, given up where it is."""
    return Walked(
        False, tuple((walk.items or {}).values()), walk.unread, f"its lists are longer than {MOST_BYTES} bytes"
    )


def turned(walk: Walk, read: Leaf, limit: int) -> Walk | Walked:
    """The walk after one more page."""
    page, ids = read.page, read.ids
    if walk.edge and (not ids or ids[0] != walk.edge):
        if walk.starts < MOST_STARTS:
            return Walk(walk.search, starts=walk.starts + 1)
        walk = replace(walk, steady=False)
    known = {*(walk.items or ()), *(one.id for one in walk.unread)}
    items = dict(walk.items or {}) | {one.id: one for one in page.items}
    unread = tuple(dict.fromkeys((*walk.unread, *page.unread)))
    after = replace(walk, items=items, unread=unread)
    too_many = len(items) + len(unread) >= MOST_ITEMS
    if page.size < limit or known.issuperset(ids) or too_many:
        ended = after.steady and not too_many
        return Walked(
            ended, tuple(items.values()), unread, "" if ended else "the list does not hold still, or has no end"
        )
    return replace(after, skip=walk.skip + page.size - 1, edge=ids[-1])
