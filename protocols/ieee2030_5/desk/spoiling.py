"""Good answers made bad: what a server that misbehaves sends instead of a document it would have sent.

Each spoiler takes the body of a 200 and gives another; a list's spoiler leaves alone what is no list.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lxml import etree

from protocols.ieee2030_5.desk.exchange import Reply
from protocols.ieee2030_5.wire.namespaces import SEP
from protocols.ieee2030_5.wire.reader import hardened_parser

NESTED = 64
SWOLLEN_BYTES = 10_000_000
FURTHER = 7
"""How many items more than there are `more` claims."""

Spoiler = Callable[[Reply], Reply]
_Element = etree._Element


def _html(reply: Reply) -> Reply:
    page = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
    return replace(reply, body=page, content_type="text/html")


def _nothing(reply: Reply) -> Reply:
    return replace(reply, status=204, body=b"", content_type=None)


def _bomb(reply: Reply) -> Reply:
    """Nine levels of ten each: 10^9 characters once expanded."""
    entities = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return _with_doctype(replace(reply, body=_within(reply.body, b"&i;")), f"[{entities}]")


def _doctype(reply: Reply) -> Reply:
    """One that a careless parser would fetch; the port is the discard service's."""
    return _with_doctype(reply, 'SYSTEM "http://127.0.0.1:9/sep.dtd"')


def _deep(reply: Reply) -> Reply:
    return replace(reply, body=_within(reply.body, b"<x>" * NESTED + b"</x>" * NESTED))


def _large(reply: Reply) -> Reply:
    return replace(reply, body=_within(reply.body, b" " * SWOLLEN_BYTES))


def _truncated(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _namespace(reply: Reply) -> Reply:
    return replace(reply, body=reply.body.replace(SEP.encode(), b"urn:example:not-2030.5"))


def _half(reply: Reply) -> Reply:
    """The connection goes in the middle of the body."""
    return replace(reply, cut=True)


def _more(root: _Element, items: list[_Element]) -> None:
    root.set("all", str(int(root.get("all", "0")) + FURTHER))


def _fewer(root: _Element, items: list[_Element]) -> None:
    root.set("all", "0")


def _repeated(root: _Element, items: list[_Element]) -> None:
    for item in items[:1]:
        root.append(deepcopy(item))
        root.set("results", str(len(items) + 1))


def _short(root: _Element, items: list[_Element]) -> None:
    for item in items[1:]:
        root.remove(item)
    root.set("results", str(len(items[:1])))


def _empty(root: _Element, items: list[_Element]) -> None:
    _hollow(root, items)
    root.set("all", "0")


def _hollow(root: _Element, items: list[_Element]) -> None:
    for item in items:
        root.remove(item)
    root.set("results", "0")


def _of_list(change: Callable[[_Element, list[_Element]], None]) -> Spoiler:
    def spoil(reply: Reply) -> Reply:
        parser: etree.XMLParser[Any] = hardened_parser()
        root = etree.fromstring(reply.body, parser)
        if root.get("all") is None:
            return reply
        change(root, list(root))
        return replace(reply, body=etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    return spoil


SPOILERS: MappingProxyType[str, Spoiler] = MappingProxyType(
    {
        "html": _html,
        "nothing": _nothing,
        "bomb": _bomb,
        "doctype": _doctype,
        "deep": _deep,
        "large": _large,
        "truncated": _truncated,
        "namespace": _namespace,
        "half": _half,
        "more": _of_list(_more),
        "fewer": _of_list(_fewer),
        "repeated": _of_list(_repeated),
        "short": _of_list(_short),
        "empty": _of_list(_empty),
        "hollow": _of_list(_hollow),
    }
)
"""By the name an operator gives it."""


def _with_doctype(reply: Reply, says: str) -> Reply:
    declaration, _, document = reply.body.partition(b"?>\n")
    name = document[1:].split(b" ", 1)[0].split(b">", 1)[0]
    return replace(reply, body=declaration + b"?>\n<!DOCTYPE " + name + b" " + says.encode() + b">\n" + document)


def _within(body: bytes, more: bytes) -> bytes:
    """The document with more at the end of its root element."""
    if body.endswith(b"/>"):
        name = body.rpartition(b"<")[2].split(b" ", 1)[0]
        return body[:-2] + b">" + more + b"</" + name + b">"
    head, tag, tail = body.rpartition(b"</")
    return head + more + tag + tail
