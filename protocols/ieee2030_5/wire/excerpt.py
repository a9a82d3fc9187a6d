"""A list beside the one before it: items that stood there byte for byte are not read again, and a body that did not change not at all.

It is by bytes alone that two items are taken for the same, so a list is taken to pieces only where every piece provably is one item:
no comments, sections or instructions, and in each piece one start of an item, at its beginning, and one end of it, at its end. Then
a document that is well-formed without a piece is so with it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from protocols.ieee2030_5.wire.messages import LISTS, Message
from protocols.ieee2030_5.wire.reader import DEFAULT_LIMITS, Decoded, MalformedBody, decode


@dataclass(frozen=True, slots=True)
class Known:
    """A body as it was read. Bytes are known by their hashes, 64 bits under a key of this process: to keep them would be to keep everything
    twice. ``items``: each piece of a list; ``context``: what stands around them; empty where it cannot be taken to pieces."""

    body: int
    decoded: Decoded[Message]
    items: Mapping[int, Message]
    context: int = 0


def decode_beside(body: bytes, known: Known | None) -> Known:
    """As :func:`decode`; what is there as in ``known``, an item or the whole, is the very object that it was."""
    if known is not None and known.body == hash(body):
        return known
    pieces = _pieces(body) if len(body) <= DEFAULT_LIMITS.max_bytes else None
    if pieces is None:
        return Known(hash(body), decode(body), {})
    # What the names in an item mean is said around it; how many there are is not part of that.
    context, marks = hash((_COUNTS.sub(b"", pieces.head), pieces.tail)), list(map(hash, pieces.items))
    old: Mapping[int, Message] = known.items if known is not None and known.context == context else {}
    found = list(map(old.get, marks))
    fresh = [piece for piece, one in zip(pieces.items, found, strict=True) if one is None]
    if not all(map(pieces.is_item, fresh)):  # the others were proved when they came
        return Known(hash(body), decode(body), {})
    decoded = _beside(pieces, fresh, found) if len(fresh) < len(found) else None
    if decoded is None:
        decoded = decode(body)
    listed: Any = decoded.message
    items = {}
    if type(listed) in LISTS and not decoded.rejects and not decoded.remarks and len(listed.items) == len(marks):
        items = dict(zip(marks, listed.items, strict=True))
    return Known(hash(body), decoded, items, context)


_COUNTS = re.compile(rb' (?:all|results)="[0-9]+"')


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A list taken to pieces. ``items``: each without its ``end``; ``start``: how one begins."""

    head: bytes
    items: list[bytes]
    tail: bytes
    start: re.Pattern[bytes]
    end: bytes

    def is_item(self, piece: bytes) -> bool:
        """Whether it begins as an item, and no other begins in it."""
        return self.start.match(piece) is not None and self.start.search(piece, 1) is None


def _beside(pieces: _Pieces, fresh: list[bytes], found: list[Message | None]) -> Decoded[Message] | None:
    """None where the whole must be read. ``found``: what is known of each item, None = it is ``fresh``."""
    try:
        decoded: Any = decode(b"".join((pieces.head, *(piece + pieces.end for piece in fresh), pieces.tail)))
    except MalformedBody:
        return None
    if decoded.rejects or decoded.remarks or len(decoded.message.items) != len(fresh):
        return None
    read = iter(decoded.message.items)
    return Decoded(replace(decoded.message, items=tuple([one or next(read) for one in found])))


def _pieces(body: bytes) -> _Pieces | None:
    """Not proved yet: that each piece :meth:`_Pieces.is_item`."""
    last = body.rfind(b"</")
    name = body[last + 2 : last + _LONGEST].rstrip()[:-1].removesuffix(b"List")
    if last < 0 or not _NAME(name) or _holds(b"!", body, 0) or _holds(b"?", body, 1):
        return None
    start, end = _start(name), b"</%b>" % name
    *items, tail = body.split(end)
    first = start.search(items[0]) if items else None
    if first is None or len(tail.lstrip()) != len(body) - last:
        return None
    head, items[0] = items[0][: first.start()], items[0][first.start() :]
    return _Pieces(head, list(map(bytes.lstrip, items)), tail.strip(), start, end)


def _holds(mark: bytes, body: bytes, first: int) -> bool:
    """Whether markup of that mark stands from there on. To look for the mark alone is ten times quicker, and mostly enough."""
    after = max(0, body.find(b">", 0, 128)) if first else 0  # past the XML declaration
    return body.find(mark, after) >= 0 and body.find(b"<" + mark, first) >= 0


_LONGEST = 64
_NAME = re.compile(rb"(?:[A-Za-z0-9_]+:)?[A-Za-z]+").fullmatch


@lru_cache(maxsize=64)
def _start(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"<%b[\s/>]" % name)
