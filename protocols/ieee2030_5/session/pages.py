"""Reading a list to its end, page by page (query s, l; IEEE 2030.5-2018 clause 6.6), whatever `all` and `results` claim."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from urllib.parse import urlsplit, urlunsplit

from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import Decoded, Reject

MOST_ITEMS = 2000
"""A list is read no further than this: no EndDevice is assigned as many programs or controls."""

MOST_PAGES = 100
"""A server that gives single items is left here; at ``MOST_ITEMS`` a full page each would be 40."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A list under way. ``told``: `all` of the first page; ``keys``: what was seen, to notice a repeated item."""

    items: tuple[Message, ...] = ()
    rejects: tuple[Reject, ...] = ()
    keys: frozenset[str] = frozenset()
    told: int = 0
    start: int = 0
    pages: int = 0
    restarts: int = 0
    first: Message | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list read as far as it goes. ``ended``: to its end, so that what is absent is gone. ``first``: its first page; ``page``: the
    page that is all of it, None = there are more, or it is not taken as it stands."""

    items: tuple[Message, ...]
    rejects: tuple[Reject, ...]
    ended: bool
    first: Message | None
    keys: frozenset[str] = frozenset()
    page: Decoded[Message] | None = None


def paged(url: str, start: int, page: int) -> str:
    """The address of one page."""
    query = f"s={start}&l={page}"
    if "?" not in url and "#" not in url:
        return f"{url}?{query}"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def turn(walk: Walk, page: Decoded[Message] | None, size: int, before: frozenset[str] | None) -> Walk | Listing:
    """Take one page: the walk goes on from ``start``, or the list is there.

    ``page`` None: an answer without a body, taken as an empty page. ``before``: the items of the last look that ended short of
    its own `all`; the same lie told twice is taken for the truth (Interpretation: `all` is then wrong, not the list cut).
    """
    if page is None:
        return Listing(walk.items, walk.rejects, walk.pages == 0, walk.first, walk.keys)
    message = page.message
    told: int = getattr(message, "all", 0)
    items: tuple[Message, ...] = getattr(message, "items", ())
    if walk.pages and told != walk.told and walk.restarts == 0:
        return Walk(restarts=1)
    count = len(items) + len(page.rejects)
    if (
        not walk.pages
        and 0 < count < min(size, MOST_ITEMS)
        and told <= count
        and len(set(keys_of(items))) == len(items)
    ):
        return Listing(items, page.rejects, ended=True, first=message)  # all of it, as nearly every list is
    keyed: dict[str, Message] = {}
    for item in items:
        keyed.setdefault(key_of(item), item)
    fresh = [item for key, item in keyed.items() if key not in walk.keys]
    went = replace(
        walk,
        items=(*walk.items, *fresh),
        rejects=(*walk.rejects, *page.rejects)[:MOST_ITEMS],  # of a page without measure, which ends the list unread
        keys=walk.keys | keyed.keys(),
        told=told,
        start=walk.start + count,
        pages=walk.pages + 1,
        first=walk.first if walk.pages else message,
    )
    changed = walk.pages > 0 and told != walk.told
    if not fresh and not page.rejects:  # it is empty, or repeats what came before
        short = went.start < told if count == 0 else len(went.items) + len(went.rejects) < told
        return _listing(went, ended=not changed and (not short or went.keys == before))
    if went.pages >= MOST_PAGES or went.start >= MOST_ITEMS:
        return _listing(went, ended=False)
    if went.start < told or count >= size:
        return replace(went, restarts=1) if changed else went
    return _listing(went, ended=not changed)


def keys_of(items: Iterable[Message]) -> list[str]:
    """What makes each of them itself."""
    try:
        keys = list(map(_MRID, items))
    except AttributeError:
        keys = [""]
    return keys if all(keys) else list(map(key_of, items))


_MRID: Callable[[Message], str] = attrgetter("mRID")


def key_of(item: Message) -> str:
    """What makes an item of a list itself: its mRID, else its LFDI or SFDI, else its address."""
    mrid: str | None = getattr(item, "mRID", None)
    if mrid is not None:
        return mrid
    for name in ("lFDI", "sFDI", "href"):
        value = getattr(item, name, None)
        if value is not None:
            return str(value)
    return repr(item)


def _listing(walk: Walk, ended: bool) -> Listing:
    return Listing(walk.items, walk.rejects, ended, walk.first, walk.keys)
