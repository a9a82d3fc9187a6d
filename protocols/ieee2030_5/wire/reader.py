"""Bytes -> messages: a hardened parser, then one compiled reader per type, with every range rule of the schema.

Source: IEEE 2030.5-2018 schema 2.1.0; CSIP-AUS schemas 1.1a to 1.3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from lxml import etree

from protocols.ieee2030_5.wire.compiled import Notes, Read, attribute_parser, drop, pass_over, qualified, reader_of
from protocols.ieee2030_5.wire.compiled import Remark as Remark
from protocols.ieee2030_5.wire.messages import LISTS, ROOTS, Message
from protocols.ieee2030_5.wire.namespaces import CSIPAUS_EDITIONS, DRAFT, SEP
from protocols.ieee2030_5.wire.resources import ConnectionPoint
from protocols.ieee2030_5.wire.scalars import Bits, Hex, Text
from protocols.ieee2030_5.wire.schema import Field, fields_of
from protocols.ieee2030_5.wire.values import BadValue, Parse, parser_of

M = TypeVar("M", bound=Message)
M_co = TypeVar("M_co", bound=Message, covariant=True)


class MalformedBody(Exception):
    """The body is no message, and nothing of it may be used; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a body may be before anything in it is believed.

    1 MiB holds a thousand DERControls, ten times the longest page that is asked for, and is read within tens of
    milliseconds. 32 levels are four times what the schema nests. `draft_namespace` also takes http://ieee.org/2030.5.
    """

    max_bytes: int = 1_048_576
    max_depth: int = 32
    draft_namespace: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A list item that broke a rule and was left out, with what of it could still be read (to answer 252 or 253)."""

    index: int
    reason: str
    mRID: str | None = None
    href: str | None = None
    replyTo: str | None = None
    responseRequired: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded(Generic[M_co]):
    """A message, the list items it lost, and the details it lost. `all` and `results` are as the peer gave them."""

    message: M_co
    rejects: tuple[Reject, ...] = ()
    remarks: tuple[Remark, ...] = ()


DEFAULT_LIMITS = Limits()


def decode(body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Decoded[Message]:
    """Read a body. Raises MalformedBody, and nothing else.

    In a list each item stands for itself: a bad value anywhere in it makes it a Reject and touches no other item. In
    any other message a bad element refuses the whole. With a Remark, labels too long are cut, optional attributes with
    bad values are dropped, randomisation is drawn to one hour. Elements of unknown name are passed over; a known name
    in a foreign namespace is a bad value, for a limit must not vanish by its prefix. Order does not matter; an element
    given twice is a bad value.
    """
    body, spared = _bared(body) if len(body) <= limits.max_bytes else (body, "")
    root, rest = _open(body, limits)
    namespace, _, name = root.tag.rpartition("}")
    kind: Any = ROOTS.get(name)
    if kind is None:
        raise MalformedBody(f"root element {name[:60]!r} is no known message")
    base = _base_namespace(kind, spared or namespace[1:], limits)
    base = "" if spared else base
    notes = Notes(spared)
    rejects: tuple[Reject, ...] = ()
    try:
        if kind in LISTS:
            message, rejects = _read_list(kind, base, root, rest, notes)
        else:
            message = _read_all(reader_of(kind, base), root, notes)
    except BadValue as bad:
        raise MalformedBody(str(bad.within(name))) from None
    # What the readers know nests seven levels at most: only in what they passed over can it be deeper.
    if (notes.strange or rejects) and _deeper_than(limits.max_depth)(root):
        raise MalformedBody(f"elements nest deeper than {limits.max_depth} levels")
    return Decoded(message, rejects, tuple(notes.remarks))


def decode_as(kind: type[M], body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Decoded[M]:
    """As decode, for a body that must be a `kind`."""
    decoded = decode(body, limits=limits)
    message = decoded.message
    if not isinstance(message, kind):
        raise MalformedBody(f"a {type(message).__name__} where a {kind.__name__} is due")
    return Decoded(message, decoded.rejects, decoded.remarks)


def hardened_parser() -> etree.XMLParser[Any]:
    """lxml's parser without DTD, entities, network, recovery or huge trees; comments and instructions dropped.

    IDs are collected as by default: told not to, lxml 6 has libxml2 open the DTD and the parameter entities that a body names.
    """
    parser: etree.XMLParser[Any] = etree.XMLParser(**_HARDENED)
    return parser


_HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}
_PARSER = hardened_parser()
_NO_REST: Iterator[None] = iter(())
_CHUNK = 32_768
"""A tree takes eight times its text: four chunks of it still lie in a processor's cache, more do not."""
_LIST_TAGS = [qualified(namespace, kind.__name__) for namespace in (SEP, DRAFT, "") for kind in LISTS]

_DRESSED = re.compile(
    rb"""(\s*(?:<\?xml[^<>]*\?>\s*)?<[A-Za-z]+(?:\s+[\w:.-]+=(?:"[^"<]*"|'[^'<]*'))*?)\s+xmlns=["'](%b|%b)["']([^<>]*>)"""
    % (re.escape(SEP.encode()), re.escape(DRAFT.encode()))
)
"""All before the root's default namespace, that namespace, and the rest of the root's start."""


def _bared(body: bytes) -> tuple[bytes, str]:
    """The body without its default namespace, and that namespace; empty where it must stay.

    lxml puts every qualified name together anew, which is a sixth of the reading. A namespace can be left out where the root declares it as
    default and nothing below declares any, nor is a prefix bound to it: then an element has no prefix if and only if it is in it.
    """
    dressed = _DRESSED.match(body)
    if dressed is None:
        return body, ""
    before, namespace, after = dressed.groups()
    if body.count(b"xmlns") != dressed[0].count(b"xmlns") or dressed[0].count(namespace) > 1:
        return body, ""
    return b"".join((before, after, body[dressed.end() :])), namespace.decode()


def _open(body: bytes, limits: Limits) -> tuple[Any, Iterator[None]]:
    """The root, and what builds the rest of its tree step by step: a long list is read while it is in the cache."""
    if len(body) > limits.max_bytes:
        raise MalformedBody(f"{len(body)} bytes, more than {limits.max_bytes}")
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise MalformedBody("empty body")
    if not start.startswith(b"<"):
        raise MalformedBody("not XML")
    if start[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise MalformedBody("an HTML page, not a message")
    if b"<!DOCTYPE" in start:
        raise MalformedBody("a document type declaration is not taken")
    root, rest = _open_list(body) if len(body) > 4 * _CHUNK else (None, _NO_REST)
    if root is None:
        try:
            root = etree.fromstring(body, _PARSER)
        except etree.XMLSyntaxError as error:
            raise MalformedBody(f"not well-formed XML: {error.msg}") from None
    # The look at the bytes spares the parser the usual bomb; a declaration that hides from it was read, never resolved.
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedBody("a document type declaration is not taken")
    return root, rest


def _open_list(body: bytes) -> tuple[Any, Iterator[None]]:
    """The root, if it is a list's and stands in the first chunk."""
    parser: Any = etree.XMLPullParser(("start",), tag=_LIST_TAGS, **_HARDENED)
    rest = _feed(parser, body)
    next(rest)
    for _, element in parser.read_events():
        if element.getparent() is None:
            return element, rest
    return None, iter(())


def _feed(parser: Any, body: bytes) -> Iterator[None]:
    try:
        for start in range(0, len(body), _CHUNK):
            parser.feed(body[start : start + _CHUNK])
            yield
        parser.close()
    except etree.XMLSyntaxError as error:
        raise MalformedBody(f"not well-formed XML: {error.msg}") from None


def _children(root: Any, rest: Iterator[None]) -> Iterator[Any]:
    """Each child once it is whole: once another follows it, or nothing more can come."""
    return iter(root) if rest is _NO_REST else _grown(root, rest)


def _grown(root: Any, rest: Iterator[None]) -> Iterator[Any]:
    whole = object()
    step: object = None
    while not len(root) and step is not whole:
        step = next(rest, whole)
    element = root[0] if len(root) else None
    while element is not None:
        following = element.getnext()
        while following is None and step is not whole:
            step = next(rest, whole)
            following = element.getnext()
        yield element
        element = following


def _base_namespace(kind: Any, namespace: str, limits: Limits) -> str:
    """The namespace in which the children of the root are due."""
    if kind is ConnectionPoint:
        if namespace in CSIPAUS_EDITIONS:
            return SEP
    elif namespace == SEP or (namespace == DRAFT and limits.draft_namespace):
        return namespace
    raise MalformedBody(f"root element {kind.__name__} in namespace {namespace[:80]!r}")


@cache
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def _read_list(
    kind: Any, namespace: str, root: Any, rest: Iterator[None], notes: Notes
) -> tuple[Message, tuple[Reject, ...]]:
    item: Any = LISTS[kind]
    item_tag = qualified(namespace, item.__name__)
    read = reader_of(item, namespace)
    head = _list_head(kind, root, notes)
    items: list[Message] = []
    rejects: list[Reject] = []
    for element in _children(root, rest):
        if element.tag == item_tag:
            notes.index = len(items) + len(rejects)
            try:
                items.append(_read_all(read, element, notes))
            except BadValue as bad:
                rejects.append(_reject(element, notes.index, namespace, bad))
        else:
            pass_over(element, element.iterdescendants(), frozenset((item.__name__,)), notes)
    return kind(**head, items=tuple(items)), tuple(rejects)


def _list_head(kind: Any, root: Any, notes: Notes) -> dict[str, object]:
    head: dict[str, object] = {}
    for name, field, parse in _head_fields(kind):
        text = root.get(name)
        try:
            if text is not None:
                head[name] = parse(text)
            elif field.required:
                raise BadValue("is missing")
        except BadValue as bad:
            drop(field, bad, notes)
    return head


@cache
def _head_fields(kind: Any) -> tuple[tuple[str, Field, Parse], ...]:
    return tuple((field.name, field, attribute_parser(field)) for field in fields_of(kind) if field.is_attribute)


def _reject(element: Any, index: int, namespace: str, bad: BadValue) -> Reject:
    return Reject(
        index=index,
        reason=str(bad),
        mRID=_if_good(Hex(32), element.findtext(qualified(namespace, "mRID"))),
        href=_if_good(Text(2048), element.get("href")),
        replyTo=_if_good(Text(2048), element.get("replyTo")),
        responseRequired=_if_good(Bits(2), element.get("responseRequired")),
    )


def _if_good(rule: Hex | Text | Bits, text: str | None) -> Any:
    try:
        return None if text is None else parser_of(rule)(text)
    except BadValue:
        return None


def _read_all(read: Read, element: Any, notes: Notes) -> Any:
    """Read one element and all below it.

    A scalar that wrongly holds elements is not looked for one by one: each element with fields takes as many off the
    walk as it has children, so the walk is used up at the end if and only if no other element had any.
    """
    below = element.iterdescendants()
    message = read(element, below, notes)
    if next(below, None) is not None:
        raise BadValue("a value holds elements")
    return message
