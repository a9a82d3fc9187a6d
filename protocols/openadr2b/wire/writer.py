"""Messages -> bytes, in the schema's order; the elements of one path are written once."""

from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from protocols.openadr2b.wire.events import UNIT_PREFIXES
from protocols.openadr2b.wire.messages import ROOTS, Message, name_of
from protocols.openadr2b.wire.namespaces import NAMESPACES
from protocols.openadr2b.wire.scalars import BadValue, Scalar
from protocols.openadr2b.wire.schema import Row, prefixes_of, rows_of

SIGNED_ID = "oadrSignedObject"
"""The Id that a signature refers to."""


class UnwritableMessage(Exception):
    """A field of our own breaks the schema; ``reason`` says which. The fault is ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(message: Message) -> bytes:
    """The whole document, UTF-8. Raises UnwritableMessage.

    Namespaces are declared on the signed object, so that its canonical form is the same with and without what surrounds it.
    """
    name = name_of(message)
    pieces = [
        f'<?xml version="1.0" encoding="UTF-8"?><oadr:oadrPayload xmlns:oadr="{NAMESPACES["oadr"]}">',
        f'<oadr:oadrSignedObject{_declared(name)} oadr:Id="{SIGNED_ID}">',
        f'<oadr:{name} ei:schemaVersion="2.0b">',
    ]
    try:
        _write(message, pieces)
    except BadValue as bad:
        raise UnwritableMessage(str(bad.within(name))) from None
    pieces.append(f"</oadr:{name}></oadr:oadrSignedObject></oadr:oadrPayload>")
    return "".join(pieces).encode()


@cache
def _declared(name: str) -> str:
    return "".join(
        f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in sorted(prefixes_of(ROOTS[name]) | {"ei", "oadr"})
    )


def _write(held: Any, pieces: list[str]) -> None:
    path: tuple[str, ...] = ()
    for row in rows_of(held.__class__):
        value = getattr(held, row.field)
        items = (value if row.many else (value,)) if value is not None else ()
        if row.required and not items:
            raise BadValue("is missing").within(row.field)
        if not items and row.frame:
            path = _moved(path, row.path[: row.frame], pieces)
        for place, item in enumerate(items):
            if place:
                path = _moved(path, row.path[: row.repeats], pieces)
            path = _moved(path, row.path, pieces)
            _write_item(held, row, item, pieces)
    _moved(path, (), pieces)


def _moved(old: tuple[str, ...], new: tuple[str, ...], pieces: list[str]) -> tuple[str, ...]:
    """Close what is open and not wanted, open what is wanted."""
    shared = 0
    while shared < min(len(old), len(new)) and old[shared] == new[shared]:
        shared += 1
    pieces += [f"</{name}>" for name in reversed(old[shared:])]
    pieces += [f"<{name}>" for name in new[shared:]]
    return new


def _write_item(held: Any, row: Row, item: Any, pieces: list[str]) -> None:
    name = row.names[0] if len(row.names) == 1 else _grouped(held, row, item)
    try:
        if isinstance(row.holds, Scalar):
            pieces.append(f"<{name}>{_escaped(row.holds.write(item))}</{name}>")
            return
        pieces.append(f"<{name}>")
        _write(item, pieces)
        pieces.append(f"</{name}>")
    except BadValue as bad:
        raise bad.within(row.field) from None


def _escaped(text: str) -> str:
    """Written as it is, a reader takes a carriage return for a line feed (XML 1.0, 2.11), and an ID for another one."""
    return escape(text).replace("\r", "&#13;")


def _grouped(held: Any, row: Row, item: Any) -> str:
    """Of a substitution group the element is named by what it holds; inside it all stands in its own namespace."""
    kind = held.kind if isinstance(row.holds, Scalar) else item.kind
    prefix = UNIT_PREFIXES.get(kind)
    for name in row.names:
        if name.startswith(f"{prefix}:") and (isinstance(row.holds, Scalar) or name == f"{prefix}:{kind}"):
            return name
    raise BadValue(f"{kind!r} is no unit of the schema")
