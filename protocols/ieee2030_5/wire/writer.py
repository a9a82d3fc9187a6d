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
    names = dict(_NAMES)
    source = "\n".join(("def write(message, text, end):", *_Source(dialect, names).of(kind, "message", "text", "end")))
    # The source is made of our own tables only; the names in it are the schema's.
    exec(compile(source, f"<writer of {kind.__name__}>", "exec"), names)  # noqa: S102
    write: _Write = names["write"]
    return write


class _Source:
    """Lines that write a value and all that stands in it once: a call for each element below would cost as much as its text.

    ``names``: what the lines refer to, gathered on the way.
    """

    def __init__(self, dialect: Dialect, names: dict[str, Any]) -> None:
        self._dialect = dialect
        self._names = names
        self._number = 0

    def of(self, kind: Any, value: str, text: str, end: str) -> Iterator[str]:
        """A whole function: ``text`` is the tag of ``value`` opened, ``end`` its end tag."""
        inside = f"inside_{self._next()}"
        yield from self._attributes(kind, value, text)
        yield from self._elements(kind, value, inside)
        yield f"    return f'{{{text}}}>{{{inside}}}{{{end}}}' if {inside} else {text} + '/>'"

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _table(self, kind: Any, *, attributes: bool) -> list[Field]:
        return [one for one in fields_of(kind) if one.is_attribute is attributes and _understood(one, self._dialect)]

    def _attributes(self, kind: Any, value: str, text: str) -> Iterator[str]:
        for field in self._table(kind, attributes=True):
            yield f"    value = {value}.{field.attribute_name}"
            yield from self._given(field, [f"{text} += f' {field.name}=\"{{{self._quick(field, 'value')}}}\"'"])

    def _elements(self, kind: Any, value: str, inside: str) -> Iterator[str]:
        yield f"    {inside} = ''"
        demanded: list[str] = []
        for field in self._table(kind, attributes=False):
            tag, held = _qualified(field, self._dialect), f"{value}.{field.attribute_name}"
            if _is_demanded(field) and field.count is None and not isinstance(field.holds, type):
                demanded.append(f"<{tag}>{{{self._quick(field, f'(value := {held})')}}}</{tag}>")
                continue
            yield from _added(inside, demanded)
            demanded = []
            if field.count is not None:
                yield f"    value = {held}"
                yield from self._many(field, tag, inside)
            elif isinstance(field.holds, type):
                yield from self._inner(field, tag, held, inside)
            else:
                yield f"    value = {held}"
                once = f"{inside} += f'<{tag}>{{{self._quick(field, 'value')}}}</{tag}>'"
                yield from self._given(field, [once])
        yield from _added(inside, demanded)

    def _many(self, field: Field, tag: str, inside: str) -> Iterator[str]:
        count, known = field.count or Count(0, 0), self._known(field)
        yield f"    if not {count.low} <= len(value) <= {count.high}: times(value, {known})"
        if not isinstance(field.holds, type):
            once = f"f'<{tag}>{{{self._quick(field, 'value')}}}</{tag}>'"
            yield f"    {inside} += ''.join([{once} for value in value])"
            return
        write, kind = f"write_{self._next()}", self._kind(field)
        inner: Any = field.holds
        self._names[write] = _writer_of(inner, self._dialect)
        once = f"{write}(value, '<{tag}', '</{tag}>') if value.__class__ is {kind} else strange(value, {known})"
        yield from _within(field, [f"{inside} += ''.join([{once} for value in value])"])

    def _inner(self, field: Field, tag: str, held: str, inside: str) -> Iterator[str]:
        number, kind = self._next(), self._kind(field)
        value, text, below = f"value_{number}", f"text_{number}", f"inside_{number}"
        lines = [f"if {value}.__class__ is not {kind}: strange({value}, {self._known(field)})"]
        opened = f"<{tag}"
        if self._table(field.holds, attributes=True):
            lines.append(f"{text} = '{opened}'")
            lines += (line[4:] for line in self._attributes(field.holds, value, text))
            opened = f"{{{text}}}"
        if self._table(field.holds, attributes=False):
            lines += (line[4:] for line in self._elements(field.holds, value, below))
            lines.append(f"{inside} += f'{opened}>{{{below}}}</{tag}>' if {below} else f'{opened}/>'")
        else:
            lines.append(f"{inside} += f'{opened}/>'")
        yield f"    {value} = {held}"
        yield from self._given(field, [line[4:] for line in _within(field, lines)], value)

    def _given(self, field: Field, lines: list[str], value: str = "value") -> Iterator[str]:
        """What is done with a value if there is one."""
        yield f"    if {value} is not None:"
        yield from (f"        {line}" for line in lines)
        if _is_demanded(field):
            yield f"    else: missing({self._known(field)})"

    def _known(self, field: Field) -> str:
        name = f"field_{self._next()}"
        self._names[name] = field
        return name

    def _kind(self, field: Field) -> str:
        name = f"kind_{self._next()}"
        self._names[name] = field.holds
        return name

    def _quick(self, field: Field, first: str) -> str:
        """The text of `value`: by a short way for most of what is right, else with all its checks. ``first``: how it is named where it
        stands first."""
        if isinstance(field.holds, type):
            raise TypeError(f"{field.name} is no scalar")
        text = f"text_of_{self._next()}"
        self._names[text] = _text_of(field.name, field.holds)
        careful = f"{text}(value)"
        if _is_demanded(field):
            careful = f"{text}(value) if value is not None else missing({self._known(field)})"
        match field.holds:
            case Whole(low, high):
                return f"value if {first}.__class__ is int and {low} <= value <= {high} else {careful}"
            case Truth():
                return f"true if {first} is True else false if value is False else {careful}"
            case Bits(digits):
                self._names[f"bits_{digits}"] = f"%0{digits}X"
                return f"bits_{digits} % value if {first}.__class__ is int and 0 <= value < {16**digits} else {careful}"
            case Hex(digits):
                self._names[f"even_{digits}"] = range(2, digits + 1, 2)
                plain = f"{first}.__class__ is str and len(value) in even_{digits} and is_hex(value)"
                return f"value if {plain} else {careful}"
            case Text(length, uri=uri):
                plain = (
                    f"{first}.__class__ is str and len(value) <= {length} and {'is_uri' if uri else 'is_plain'}(value)"
                )
                return f"value if {plain} else {careful}"


def _is_demanded(field: Field) -> bool:
    return field.required or bool(field.csipaus and field.csipaus.mandatory)


def _added(inside: str, texts: list[str]) -> Iterator[str]:
    if texts:
        yield f"    {inside} += f'{''.join(texts)}'"


def _within(field: Field, lines: list[str]) -> Iterator[str]:
    """With the name of the field in what is told of a bad value."""
    yield "    try:"
    yield from (f"        {line}" for line in lines)
    yield f"    except BadValue as bad: raise bad.within({field.name!r}) from None"


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
