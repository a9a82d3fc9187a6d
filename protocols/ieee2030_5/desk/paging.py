"""Queries of lists: s (first item), l (how many), a (only after this time). IEEE 2030.5-2018, clause 6.7.2."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from protocols.ieee2030_5.desk.exchange import Refusal

T = TypeVar("T")

MAX_ITEMS = 500
"""The most items in one page; a client that asks for more gets these and reads on."""

_LARGEST = {"s": 2**32 - 1, "l": 2**32 - 1, "a": 2**63 - 1}


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for; without l it is one item."""

    start: int = 0
    limit: int = 1
    after: int | None = None

    def cut(self, items: Sequence[T]) -> tuple[T, ...]:
        """The items of this page; empty past the end."""
        return tuple(items[self.start : self.start + self.limit])


def page_of(query: str) -> Page:
    """The page a query asks for; 400 for values that are no whole numbers in range, or given twice.

    Names other than s, l and a are passed over.
    """
    values: dict[str, int] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Refusal(400, "too many query parameters", 0) from None
    for name, text in pairs:
        if name not in _LARGEST:
            continue
        if name in values or not (text.isascii() and text.isdigit()) or int(text[:20]) > _LARGEST[name]:
            raise Refusal(400, f"query {name}={text[:40]!r}", 1)
        values[name] = int(text[:20])
    return Page(values.get("s", 0), min(values.get("l", 1), MAX_ITEMS), values.get("a"))


def after(page: Page, items: Iterable[T], time_of: Callable[[T], int]) -> list[T]:
    """The items of a time-ordered list that lie after the page's `a`."""
    return [item for item in items if page.after is None or time_of(item) > page.after]
