"""Bytes -> messages: a hardened parser, then one flat table per type, with every rule of the schema.

Source: OpenADR 2.0b schema of 2012-07 (profile specification v1.1, annex). What is parsed here is, when signatures are on, the very
bytes whose digest was verified.
"""

from dataclasses import dataclass, fields, make_dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from lxml import etree

from protocols.openadr2b.wire.messages import ROOTS, Message
from protocols.openadr2b.wire.namespaces import NAMESPACES, clark
from protocols.openadr2b.wire.scalars import MOST_TEXT, BadValue, Scalar, read_whole, shown
from protocols.openadr2b.wire.schema import Row, rows_of

M_co = TypeVar("M_co", bound=Message, covariant=True)


class MalformedBody(Exception):
    """The body is no message, and nothing of it may be used; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a body may be before anything in it is believed.

    4 MiB hold forty events of 288 intervals. 40 levels are three times what the schema nests.
    """

    max_bytes: int = 4 * 1_048_576
    max_depth: int = 40


DEFAULT_LIMITS = Limits()

OURS = Limits(max_bytes=1 << 30)
"""Of what this house wrote itself, to remember it: bounded where it is written."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An event that broke a rule and was set aside, with what of it could still be read to answer it."""

    reason: str
    eventID: str | None = None
    modificationNumber: int | None = None
    responseRequired: bool = False


@dataclass(frozen=True, slots=True)
class Decoded(Generic[M_co]):
    """A message, and the events it lost."""

    message: M_co
    unread: tuple[Unread, ...] = ()


def decode(body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Decoded[Message]:
    """Read a body: an oadrPayload, or the oadrSignedObject alone. Raises MalformedBody, and nothing else.

    Each event of a distribution stands for itself: a bad value anywhere in it makes it an Unread and touches no other. In any other message
    a bad element refuses the whole. Elements of unknown name are passed over; a known name in a foreign namespace is a bad value.
    """
    root = _open(body, limits)
    unread: list[Unread] = []
    try:
        kind, element = _message(root)
        message = _plan_of(kind).read(element, unread)
    except BadValue as bad:
        raise MalformedBody(str(bad)) from None
    if unread and _deeper_than(limits.max_depth)(root):
        raise MalformedBody(f"elements nest deeper than {limits.max_depth} levels")
    return Decoded(message, tuple(unread))


def hardened_parser() -> "etree.XMLParser[Any]":
    """lxml's parser without DTD, entities, network, recovery or huge trees; comments and instructions dropped.

    IDs are collected as by default: told not to, lxml 6 has libxml2 open the DTD and the parameter entities that a body names.
    """
    parser: etree.XMLParser[Any] = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    return parser


_PARSER = hardened_parser()
_PAYLOAD, _SIGNED = clark("oadr:oadrPayload"), clark("oadr:oadrSignedObject")
_OADR = f"{{{NAMESPACES['oadr']}}}"


def _open(body: bytes, limits: Limits) -> Any:
    if len(body) > limits.max_bytes:
        raise MalformedBody(f"{len(body)} bytes, more than {limits.max_bytes}")
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise MalformedBody("empty body")
    if not start.startswith(b"<"):
        raise MalformedBody("not XML")
    if start.lower().startswith((b"<!doctype html", b"<html")):
        raise MalformedBody("an HTML page, not a message")
    if b"<!DOCTYPE" in start:
        raise MalformedBody("a document type declaration is not taken")
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise MalformedBody(f"not well-formed XML: {error.msg}") from None
    # A declaration that hides from the look at the bytes was read, never resolved.
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedBody("a document type declaration is not taken")
    return root


@cache
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def _message(root: Any) -> tuple[type, Any]:
    signed = root
    if root.tag == _PAYLOAD:
        objects = [child for child in root if child.tag == _SIGNED]
        if len(objects) != 1:
            raise BadValue(f"{len(objects)} oadrSignedObject where one is due")
        signed = objects[0]
    if signed.tag != _SIGNED:
        raise BadValue(f"root element {shown(signed.tag)} is no oadrPayload")
    if len(signed) != 1:
        raise BadValue(f"{len(signed)} messages where one is due")
    element = signed[0]
    kind = ROOTS.get(element.tag.removeprefix(_OADR)) if element.tag.startswith(_OADR) else None
    if kind is None:
        raise BadValue(f"{shown(element.tag)} is no message of the profile")
    return kind, element


class _Leaf:
    """What is done with one element: which field it fills and how."""

    __slots__ = ("apart", "deep", "field", "fresh", "inner", "kind", "many", "name", "read", "simple")

    def __init__(self, field: int, row: Row, name: str) -> None:
        self.field = field
        self.many = row.many
        self.simple = isinstance(row.holds, Scalar) and not row.many
        self.fresh = row.default
        self.apart = row.apart
        self.name = name.partition(":")[2]
        self.read: Any = row.holds.read if isinstance(row.holds, Scalar) else None
        self.deep = row.holds if not isinstance(row.holds, Scalar) else None
        self.inner: _Plan | None = None
        self.kind = self.name if len(row.names) > 1 and self.deep is not None else None


_Node = _Leaf | dict[str, "_Node"]


class _Plan:
    """The reader of one type."""

    def __init__(self, kind: Any) -> None:
        table = rows_of(kind)
        self.grouped = len(table) < len(fields(kind))
        first = 1 if self.grouped else 0
        self.fresh: list[Any] = [None] * first + [() if row.many else row.default for row in table]
        self.needed = tuple((first + place, row.names[0]) for place, row in enumerate(table) if row.required)
        self.lists = tuple(first + place for place, row in enumerate(table) if row.many)
        self.nodes: dict[str, _Node] = {}
        for place, row in enumerate(table):
            nodes = self.nodes
            for step in row.path:
                inner = nodes.setdefault(clark(step), {})
                if not isinstance(inner, dict):
                    raise TypeError(f"{kind.__name__}: {step} both holds and is held")
                nodes = inner
            for name in row.names:
                nodes[clark(name)] = _Leaf(first + place, row, name)
        self.locals = _locals(self.nodes)
        # A frozen type's own __init__ takes 100 ns a field; an unfrozen twin of equal layout takes 5, then is renamed.
        names = ["kind"] * first + [row.field for row in table]
        self.twin = make_dataclass(kind.__name__, names, slots=True)
        self.kind = kind

    def read(self, element: Any, unread: list[Unread], group: str | None = None) -> Any:
        values = self.fresh.copy()
        if group is not None:
            values[0] = group
        self.fill(element, self.nodes, values, unread)
        for place, name in self.needed:
            if values[place] is None or values[place] == ():
                raise BadValue("is missing").within(name.partition(":")[2])
        for place in self.lists:
            if values[place]:
                values[place] = tuple(values[place])
        made = self.twin(*values)
        made.__class__ = self.kind
        return made

    def fill(self, element: Any, nodes: dict[str, _Node], values: list[Any], unread: list[Unread]) -> None:
        for child in element:
            node: Any = nodes.get(child.tag)
            while node.__class__ is dict and len(child) == 1:
                below = child[0]
                inner = node.get(below.tag)
                if inner is None:
                    break
                child, node = below, inner
            if node.__class__ is _Leaf:
                if node.simple and values[node.field] is node.fresh:  # nearly all: one value, given once
                    try:
                        values[node.field] = node.read(child.text)
                    except BadValue as bad:
                        raise bad.within(node.name) from None
                else:
                    self.take(child, node, values, unread)
            elif node is None:
                self.pass_over(child.tag, nodes)
            else:
                local = child.tag.rpartition("}")[2]
                try:
                    self.fill(child, node, values, unread)
                except BadValue as bad:
                    raise bad.within(local) from None

    def take(self, child: Any, leaf: Any, values: list[Any], unread: list[Unread]) -> None:
        try:
            if leaf.read is not None:
                value = leaf.read(child.text)
            else:
                if leaf.inner is None:
                    leaf.inner = _plan_of(leaf.deep)
                value = leaf.inner.read(child, unread, leaf.kind)
        except BadValue as bad:
            if not leaf.apart:
                raise bad.within(leaf.name) from None
            unread.append(_unread(child, bad))
            return
        held = values[leaf.field]
        if leaf.many:
            if held.__class__ is list:
                held.append(value)
            else:
                values[leaf.field] = [value]
        elif held is leaf.fresh:
            values[leaf.field] = value
        else:
            raise BadValue("is given twice").within(leaf.name)

    def pass_over(self, tag: str, nodes: dict[str, _Node]) -> None:
        foreign, _, local = tag.rpartition("}")
        if local in self.locals and any(known.endswith(f"}}{local}") for known in nodes):
            raise BadValue(f"is in namespace {shown(foreign[1:])}").within(local)


@cache
def _plan_of(kind: Any) -> _Plan:
    return _Plan(kind)


def _locals(nodes: dict[str, _Node]) -> frozenset[str]:
    found = {tag.rpartition("}")[2] for tag in nodes}
    for node in nodes.values():
        if isinstance(node, dict):
            found |= _locals(node)
    return frozenset(found)


_EVENT_ID = f".//{clark('ei:eventID')}"
_MODIFICATION = f".//{clark('ei:modificationNumber')}"
_REQUIRED = clark("oadr:oadrResponseRequired")


def _unread(element: Any, bad: BadValue) -> Unread:
    return Unread(
        reason=str(bad),
        eventID=_id(element.findtext(_EVENT_ID)),
        modificationNumber=_whole(element.findtext(_MODIFICATION)),
        responseRequired=(element.findtext(_REQUIRED) or "").strip() == "always",
    )


def _id(text: str | None) -> str | None:
    return None if text is None or len(text) > MOST_TEXT else text


def _whole(text: str | None) -> int | None:
    try:
        return read_whole(text)
    except BadValue:
        return None
