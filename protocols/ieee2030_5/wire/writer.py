"""Messages -> bytes: elements in schema order, CSIP-AUS elements last, in what one peer understands.

Source: IEEE 2030.5-2018 schema 2.1.0; CSIP-AUS schemas 1.1a to 1.3.
"""

import re
from collections.abc import Callable, Iterator, Sized
from functools import cache
from typing import Any, NoReturn

from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIPAUS_EDITIONS, Dialect
from protocols.ieee2030_5.wire.resources import ConnectionPoint
from protocols.ieee2030_5.wire.scalars import Bits, Count, Hex, Text, Truth, Whole
from protocols.ieee2030_5.wire.schema import Field, Scalar, fields_of
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
    name = prefix + kind.__name__
    try:
        return _writer_of(kind, dialect)(message, f"{_DECLARATION}<{name}{opening}", f"</{name}>").encode()
    except BadValue as bad:
        raise UnwritableMessage(str(bad.within(kind.__name__))) from None


_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_Write = Callable[[Any, str, str], str]
"""(value, its tag opened, its end tag) -> the whole element; raises BadValue."""


@cache
def _writer_of(kind: Any, dialect: Dialect) -> _Write:
    """The writer of one type, generated as Python source: a loop over its table costs three times as much."""
    table = [field for field in fields_of(kind) if _understood(field, dialect)]
    names = dict(_NAMES)
    for field in table:
        names[f"field_{field.name}"] = field
        if isinstance(field.holds, type):
            inner: Any = field.holds
            names[f"kind_{field.name}"] = inner
            names[f"write_{field.name}"] = _writer_of(inner, dialect)
        else:
            names[f"text_{field.name}"] = _text_of(field.name, field.holds)
            digits = getattr(field.holds, "digits", 0)
            names[f"bits_{digits}"], names[f"even_{digits}"] = f"%0{digits}X", range(2, digits + 1, 2)
    source = "\n".join(_source(table, dialect))
    # The source is made of our own tables only; the names in it are the schema's.
    exec(compile(source, f"<writer of {kind.__name__}>", "exec"), names)  # noqa: S102
    write: _Write = names["write"]
    return write


def _source(table: list[Field], dialect: Dialect) -> Iterator[str]:
    yield "def write(message, text, end):"
    for field in (one for one in table if one.is_attribute):
        yield f"    value = message.{field.attribute_name}"
        yield from _given(field, [f"text += f' {field.name}=\"{{{_quick(field)}}}\"'"])
    yield "    inside = ''"
    for field in (one for one in table if not one.is_attribute):
        tag = _qualified(field, dialect)
        yield f"    value = message.{field.attribute_name}"
        if not isinstance(field.holds, type):
            once = f"f'<{tag}>{{{_quick(field)}}}</{tag}>'"
        else:
            element = f"write_{field.name}(value, '<{tag}', '</{tag}>')"
            once = f"{element} if value.__class__ is kind_{field.name} else strange(value, field_{field.name})"
        if field.count is not None:
            yield f"    if not {field.count.low} <= len(value) <= {field.count.high}: times(value, field_{field.name})"
            added = [f"inside += ''.join([{once} for value in value])"]
        else:
            added = [f"inside += {once}"]
        if isinstance(field.holds, type):
            added = [
                "try:",
                *(f"    {line}" for line in added),
                f"except BadValue as bad: raise bad.within({field.name!r}) from None",
            ]
        yield from (f"    {line}" for line in added) if field.count is not None else _given(field, added)
    yield "    return f'{text}>{inside}{end}' if inside else text + '/>'"


def _given(field: Field, lines: list[str]) -> Iterator[str]:
    """What is done with a value if there is one."""
    yield "    if value is not None:"
    yield from (f"        {line}" for line in lines)
    if field.required or (field.csipaus and field.csipaus.mandatory):
        yield f"    else: missing(field_{field.name})"


def _quick(field: Field) -> str:
    """The text of `value`: by a short way for most of what is right, else with all its checks."""
    careful = f"text_{field.name}(value)"
    match field.holds:
        case Whole(low, high):
            return f"value if value.__class__ is int and {low} <= value <= {high} else {careful}"
        case Truth():
            return f"true if value is True else false if value is False else {careful}"
        case Bits(digits):
            return f"bits_{digits} % value if value.__class__ is int and 0 <= value < {16**digits} else {careful}"
        case Hex(digits):
            plain = f"value.__class__ is str and len(value) in even_{digits} and is_hex(value)"
            return f"value if {plain} else {careful}"
        case Text(length, uri=uri):
            plain = f"value.__class__ is str and len(value) <= {length} and {'is_uri' if uri else 'is_plain'}(value)"
            return f"value if {plain} else {careful}"
        case _:
            return careful


def _text_of(name: str, rule: Scalar) -> Callable[[object], str]:
    """Value -> text, escaped; what it must not be is told with its name."""
    text_of = formatter_of(rule)
    plain = not isinstance(rule, Text)

    def write(value: object) -> str:
        try:
            text = text_of(value)
        except BadValue as bad:
            raise bad.within(name) from None
        return text if plain else _escaped(text)

    return write


def _missing(field: Field) -> NoReturn:
    raise BadValue("is missing").within(field.name)


def _times(values: Sized, field: Field) -> NoReturn:
    count = field.count or Count(0, 0)
    raise BadValue(f"stands {len(values)} times, not {count.low} to {count.high}").within(field.name)


def _strange(value: object, field: Field) -> NoReturn:
    """The name is told by who calls."""
    raise BadValue(f"{value!r} is no {getattr(field.holds, '__name__', field.name)}")


def _understood(field: Field, dialect: Dialect) -> bool:
    if field.csipaus is not None:
        return dialect.csipaus is not None and CSIPAUS_EDITIONS[dialect.csipaus] >= field.csipaus.edition
    return dialect.added_2018 or not field.added_2018


def _qualified(field: Field, dialect: Dialect) -> str:
    if field.csipaus is None:
        return field.name
    edition = CSIPAUS_EDITIONS[dialect.csipaus or ""]
    return f"csipaus:{field.csipaus.first_name if edition == '1.1' and field.csipaus.first_name else field.name}"


_NAMES: dict[str, Any] = {
    "BadValue": BadValue,
    "missing": _missing,
    "strange": _strange,
    "times": _times,
    "true": "true",
    "false": "false",
    # What needs neither a closer look nor an escape: most of what there is.
    "is_hex": re.compile("[0-9A-F]+").fullmatch,
    "is_uri": re.compile(r"[A-Za-z0-9\-._~:/?#@!$()*+,;=]*").fullmatch,
    "is_plain": re.compile("[ -%'-;=?-~]*").fullmatch,
}


def _escaped(text: str) -> str:
    """Escaped so that a reader gets the same text back: a bare carriage return would come back as a line feed.

    Attributes need no more: they hold numbers, bit maps and URIs, of which none has a double quote or a line break.
    """
    if "&" not in text and "<" not in text and ">" not in text and "\r" not in text:
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
