"""Messages -> bytes: elements in schema order, CSIP-AUS elements last, in what one peer understands.

Source: IEEE 2030.5-2018 schema 2.1.0; CSIP-AUS schemas 1.1a to 1.3.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIPAUS_EDITIONS, Dialect
from protocols.ieee2030_5.wire.resources import ConnectionPoint
from protocols.ieee2030_5.wire.schema import Field, fields_of
from protocols.ieee2030_5.wire.values import BadValue, formatter_of


class UnwritableMessage(Exception):
    """Our own message breaks the schema or cannot be told to this peer; `reason` names the element."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(message: Message, *, dialect: Dialect = CSIP) -> bytes:
    """Write a message: equal messages give equal bytes. Raises UnwritableMessage where a value breaks its rule.

    What the dialect does not have is left out: CSIP-AUS elements (all, or those of a later edition), 2018 additions.
    """
    kind: Any = type(message)
    prefix, opening = "", f' xmlns="{dialect.namespace}"'
    if kind is ConnectionPoint:
        prefix, opening = "csipaus:", ""
    if dialect.csipaus is not None:
        opening += f' xmlns:csipaus="{dialect.csipaus}"'
    elif prefix:
        raise UnwritableMessage("ConnectionPoint is CSIP-AUS's own and this peer does not speak it")
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    try:
        _writer_of(kind, dialect)(prefix + kind.__name__, opening, message, parts)
    except BadValue as bad:
        raise UnwritableMessage(str(bad.within(kind.__name__))) from None
    return "".join(parts).encode()


_Write = Callable[[str, str, Any, list[str]], None]
"""(qualified name, what its tag opens with, value, parts of the document to add to)."""


@cache
def _writer_of(kind: Any, dialect: Dialect) -> _Write:
    table = [field for field in fields_of(kind) if _understood(field, dialect)]
    attributes = [(field, attrgetter(field.attribute_name), _text_of(field)) for field in table if field.is_attribute]
    elements = [
        (_qualified(field, dialect), field, attrgetter(field.attribute_name), _element_of(field, dialect))
        for field in table
        if not field.is_attribute
    ]

    def write(name: str, opening: str, message: Any, parts: list[str]) -> None:
        parts.append(f"<{name}{opening}")
        for field, get, text_of in attributes:
            value = get(message)
            try:
                if value is not None:
                    parts.append(f' {field.name}="{_escaped(text_of(value))}"')
                elif field.required:
                    raise BadValue("is missing")
            except BadValue as bad:
                raise bad.within(field.name) from None
        body = len(parts)
        parts.append(">")
        for element, field, get, write_element in elements:
            value = get(message)
            try:
                if field.count is not None:
                    if not field.count.low <= len(value) <= field.count.high:
                        raise BadValue(f"stands {len(value)} times, not {field.count.low} to {field.count.high}")
                    for each in value:
                        write_element(element, "", each, parts)
                elif value is not None:
                    write_element(element, "", value, parts)
                elif field.required or (field.csipaus and field.csipaus.mandatory):
                    raise BadValue("is missing")
            except BadValue as bad:
                raise bad.within(field.name) from None
        if len(parts) == body + 1:
            parts[body] = "/>"
        else:
            parts.append(f"</{name}>")

    return write


def _understood(field: Field, dialect: Dialect) -> bool:
    if field.csipaus is not None:
        return dialect.csipaus is not None and CSIPAUS_EDITIONS[dialect.csipaus] >= field.csipaus.edition
    return dialect.added_2018 or not field.added_2018


def _qualified(field: Field, dialect: Dialect) -> str:
    if field.csipaus is None:
        return field.name
    edition = CSIPAUS_EDITIONS[dialect.csipaus or ""]
    return f"csipaus:{field.csipaus.first_name if edition == '1.1' and field.csipaus.first_name else field.name}"


def _text_of(field: Field) -> Callable[[object], str]:
    if isinstance(field.holds, type):
        raise TypeError(f"{field.name} is an attribute and holds no elements")
    return formatter_of(field.holds)


def _element_of(field: Field, dialect: Dialect) -> _Write:
    if isinstance(field.holds, type):
        kind: Any = field.holds
        write_fields = _writer_of(kind, dialect)

        def write_checked(name: str, opening: str, value: Any, parts: list[str]) -> None:
            if type(value) is not kind:
                raise BadValue(f"{value!r} is no {kind.__name__}")
            write_fields(name, opening, value, parts)

        return write_checked
    text_of = formatter_of(field.holds)

    def write(name: str, _opening: str, value: Any, parts: list[str]) -> None:
        parts.append(f"<{name}>{_escaped(text_of(value))}</{name}>")

    return write


def _escaped(text: str) -> str:
    """Escaped so that a reader gets the same text back: a bare carriage return would come back as a line feed.

    Attributes need no more: they hold numbers, bit maps and URIs, of which none has a double quote or a line break.
    """
    if text.isalnum():
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
