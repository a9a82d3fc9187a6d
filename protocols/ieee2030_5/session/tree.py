"""The resources of one server as a tree that grows from DeviceCapability by links alone.

What is polled is what can be reached now: a link that appears is followed at once, one that goes is forgotten. Nobody is asked to
"walk again": reachability is worked out afresh whenever a content changes.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

from grid_functions.model.making import maker_of
from protocols.ieee2030_5.session import polling
from protocols.ieee2030_5.session.pages import Listing, Walk
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.translate.controls import curve_links
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.der import (
    DefaultDERControl,
    DERControl,
    DERControlList,
    DERCurve,
    DERList,
    DERProgram,
    DERProgramList,
)
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.metering import MirrorUsagePointList
from protocols.ieee2030_5.wire.resources import (
    DeviceCapability,
    EndDevice,
    EndDeviceList,
    FunctionSetAssignments,
    FunctionSetAssignmentsList,
    Registration,
    Time,
)


class Kind(StrEnum):
    """The kinds of resource that are polled."""

    __hash__ = str.__hash__  # places are looked up all the time, and an enumeration's own hash is not made in C

    CAPABILITY = "DeviceCapability"
    TIME = "Time"
    END_DEVICES = "EndDeviceList"
    REGISTRATION = "Registration"
    ASSIGNMENTS = "FunctionSetAssignmentsList"
    PROGRAMS = "DERProgramList"
    CONTROLS = "DERControlList"
    DEFAULT = "DefaultDERControl"
    CURVE = "DERCurve"
    DERS = "DERList"
    MIRRORS = "MirrorUsagePointList"


TYPES: Mapping[Kind, type[Message]] = MappingProxyType(
    {
        Kind.CAPABILITY: DeviceCapability,
        Kind.TIME: Time,
        Kind.END_DEVICES: EndDeviceList,
        Kind.REGISTRATION: Registration,
        Kind.ASSIGNMENTS: FunctionSetAssignmentsList,
        Kind.PROGRAMS: DERProgramList,
        Kind.CONTROLS: DERControlList,
        Kind.DEFAULT: DefaultDERControl,
        Kind.CURVE: DERCurve,
        Kind.DERS: DERList,
        Kind.MIRRORS: MirrorUsagePointList,
    }
)

LISTED = frozenset({Kind.END_DEVICES, Kind.ASSIGNMENTS, Kind.PROGRAMS, Kind.CONTROLS, Kind.DERS, Kind.MIRRORS})
"""Read page by page."""

CONTROL = frozenset({Kind.END_DEVICES, Kind.ASSIGNMENTS, Kind.PROGRAMS, Kind.CONTROLS, Kind.DEFAULT, Kind.CURVE})
"""A poll of these is a look at what we are asked to do."""

ROUND = frozenset({Kind.PROGRAMS, Kind.CONTROLS, Kind.DEFAULT})
"""Polled at the DERProgramList rate; a complete read needs each of them read anew."""

OPTIONAL = frozenset({Kind.DEFAULT, Kind.REGISTRATION})
"""No body, or 404, means there is none."""


MOST_NODES = 500
"""A server may make us poll no more resources than this; what is beyond it is not listed, so no read is complete."""


class Look(StrEnum):
    """How the last poll of a resource went."""

    UNTRIED = "untried"
    READ = "read"
    FAILED = "failed"
    GONE = "gone"  # 404


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A resource's place in the tree: its kind and its absolute address."""

    kind: Kind
    url: str


@dataclass(frozen=True, slots=True)
class Node:
    """One polled resource.

    ``window_s``: its adopted poll window; ``due_s``/``started_s``: monotonic; ``asked``: id of the request under way; ``listing``: what
    was last read, kept through failures; ``fresh``: read since the last complete read; ``short``: the items of a list that ended short
    of its own count.
    """

    place: Place
    window_s: float
    due_s: float
    started_s: float = 0.0
    asked: int | None = None
    walk: Walk | None = None
    listing: Listing | None = None
    look: Look = Look.UNTRIED
    failures: int = 0
    fresh: bool = False
    short: frozenset[str] | None = None

    # What nearly every poll does to a node, spelled out: `dataclasses.replace` looks at every field of the class first.

    def asking(self, number: int, started_s: float) -> "Node":
        """A request for it is under way."""
        return _node(
            self.place,
            self.window_s,
            self.due_s,
            started_s,
            number,
            self.walk,
            self.listing,
            self.look,
            self.failures,
            self.fresh,
            self.short,
        )

    def read(self, listing: Listing, short: frozenset[str] | None, due_s: float) -> "Node":
        """It was read, and is due again then."""
        place, window_s, started_s = self.place, self.window_s, self.started_s
        return _node(place, window_s, due_s, started_s, None, None, listing, Look.READ, 0, True, short)

    def told(self) -> "Node":
        """What was read of it is in a complete read."""
        return _node(
            self.place,
            self.window_s,
            self.due_s,
            self.started_s,
            self.asked,
            self.walk,
            self.listing,
            self.look,
            self.failures,
            False,
            self.short,
        )

    @property
    def message(self) -> Message | None:
        """The resource itself, or its list's first page."""
        return self.listing.first if self.listing else None

    @property
    def items(self) -> tuple[Message, ...]:
        """The items of a list."""
        return self.listing.items if self.listing else ()

    @property
    def rate(self) -> int | None:
        """pollRate as read."""
        return getattr(self.message, "pollRate", None)


_node = maker_of(Node)


@dataclass(frozen=True, slots=True)
class Contents:
    """What follows from what the resources hold, whenever they are polled. ``device``: our EndDevice as listed; ``tried``: the kinds
    of which none is untried; ``programs``: assigned, the better primacy of one first."""

    places: Mapping[Kind, tuple[Place, ...]]
    device: EndDevice | None
    tried: frozenset[Kind]
    programs: tuple[DERProgram, ...]


class Tree:
    """The resources of one server as they are now; frozen. Most steps only move polls: what follows from the contents is worked out
    once for all the trees that hold the same."""

    __slots__ = ("_contents", "_soonest_s", "nodes", "terms")

    def __init__(self, terms: Terms, nodes: Mapping[Place, Node], contents: Contents | None = None) -> None:
        self.terms = terms
        self.nodes = nodes
        self._contents = contents
        self._soonest_s: float | None = None

    def put(self, nodes: Iterable[Node]) -> "Tree":
        """With these in their places."""
        after, alike = dict(self.nodes), True
        for node in nodes:
            before = after.get(node.place)
            alike = alike and before is not None and _holds_alike(before, node)
            after[node.place] = node
        return Tree(self.terms, after, self._contents if alike else None)

    def due_at(self, due_s: float, *places: Place) -> "Tree":
        """With these polls moved."""
        return self.put(replace(self.nodes[place], due_s=due_s) for place in places)

    @property
    def contents(self) -> Contents:
        """The very same object as long as the resources hold the same."""
        if self._contents is None:
            self._contents = _contents(self.nodes, self.terms)
        return self._contents

    @property
    def device(self) -> EndDevice | None:
        """Our EndDevice as listed: by LFDI in either case, by SFDI where the server gives no LFDI."""
        return self.contents.device

    @property
    def soonest_s(self) -> float:
        """When the next poll is due, monotonic; infinity when none waits."""
        if self._soonest_s is None:
            self._soonest_s = min([node.due_s for node in self.nodes.values() if node.asked is None], default=math.inf)
        return self._soonest_s

    def of(self, kind: Kind) -> Iterator[Node]:
        """The resources of a kind, in the order of their addresses."""
        return (self.nodes[place] for place in self.contents.places.get(kind, ()))

    def first(self, kind: Kind) -> Node | None:
        """The first of them."""
        places = self.contents.places.get(kind)
        return self.nodes[places[0]] if places else None


_APART = frozenset({Kind.CONTROLS, Kind.DEFAULT, Kind.CURVE})
"""What these hold is told by the translation alone: neither where the others are nor whose they are follows from it."""


def _holds_alike(one: Node, other: Node) -> bool:
    listed = one.listing is other.listing or one.place.kind in _APART
    return listed and one.look is other.look and one.window_s == other.window_s


def _contents(nodes: Mapping[Place, Node], terms: Terms) -> Contents:
    places: dict[Kind, tuple[Place, ...]] = {}
    for place in sorted(nodes, key=attrgetter("kind", "url")):
        places[place.kind] = (*places.get(place.kind, ()), place)
    listed = (item for place in places.get(Kind.END_DEVICES, ()) for item in nodes[place].items)
    device = next((item for item in listed if isinstance(item, EndDevice) and _is_ours(item, terms)), None)
    untried = {place.kind for place, node in nodes.items() if node.look is Look.UNTRIED}
    programs = sorted(
        (program.mRID, program.primacy, place, number, program)
        for place in places.get(Kind.PROGRAMS, ())
        for number, program in enumerate(nodes[place].items)
        if isinstance(program, DERProgram)
    )
    return Contents(places, device, frozenset(Kind) - untried, tuple(program for *_, program in programs))


def root_of(terms: Terms) -> Place:
    """Where everything starts."""
    return Place(Kind.CAPABILITY, terms.url)


@lru_cache(maxsize=4096)
def resolve(base: str, href: str) -> str:
    """A link as an absolute address; empty when it leaves the configured server.

    Interpretation: links may be absolute, but the trust agreed by configuration is in one server, so another scheme, host or port is
    never followed.
    """
    try:
        url = urljoin(base, href.strip())
        home, there = urlsplit(base), urlsplit(url)
        same = (home.scheme, home.hostname, home.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        return ""
    return url if same else ""


def parents(tree: Tree, place: Place) -> Iterator[Place]:
    """The resources that link to this one."""
    for parent, node in tree.nodes.items():
        for kind, href in _branches(node, tree.terms, trusted=True):
            if kind is place.kind and resolve(tree.terms.url, href) == place.url:
                yield parent
                break


def reach(tree: Tree, trusted: bool) -> tuple[dict[Place, float], frozenset[str]]:
    """Every place that can be reached now with its poll window, and the links not followed: to elsewhere, or one too many.

    ``trusted``: the registration is settled, so that what lies below the EndDevice may be asked for.
    """
    terms = tree.terms
    found: dict[Place, float] = {}
    astray: set[str] = set()
    registered = tree.device is not None
    queue = [(root_of(terms), polling.UNKNOWN_S if not registered else polling.DEFAULT_S)]
    for place, given in queue:
        node = tree.nodes.get(place)
        own = None if node is None else node.rate
        known = own is not None or (node is not None and node.message is not None and place.kind not in _PARENTS_RATE)
        rate = polling.window(own, terms) if known else given
        if place.kind is Kind.CAPABILITY and own is None:
            rate = polling.window(int(given), terms)
        found[place] = rate if known else min(rate, found.get(place, rate))
        if node is None:
            continue
        for kind, href in _branches(node, terms, trusted):
            url = resolve(terms.url, href)
            child = Place(kind, url)
            if not url or len(found) >= MOST_NODES:
                astray.add(href)
            elif child not in found:
                passed = rate if kind in _PARENTS_RATE else polling.window(int(polling.UNKNOWN_S), terms)
                queue.append((child, passed))
                found[child] = passed
            elif kind in _PARENTS_RATE:
                found[child] = min(found[child], rate)
    return found, frozenset(astray)


def _curves(items: Iterable[Message]) -> set[str]:
    return {href for item in items if isinstance(item, DERControl) for href in curve_links(item.DERControlBase)}


def leads_alike(before: Node, after: Node) -> bool:
    """Whether a control list leads where it led, at the same rate: then the tree has no reason to be another."""
    if (before.rate, before.message is None) != (after.rate, after.message is None):
        return False
    old, new = set(map(id, before.items)), set(map(id, after.items))
    had = _curves([item for item in before.items if id(item) not in new])
    return had == _curves([item for item in after.items if id(item) not in old])


_PARENTS_RATE = frozenset({Kind.CONTROLS, Kind.DEFAULT})
"""These have no pollRate of their own: they follow the DERProgramList that leads to them."""


def _branches(node: Node, terms: Terms, trusted: bool) -> Iterator[tuple[Kind, str]]:
    match node.message:
        case DeviceCapability() as capability:
            yield from _link(Kind.TIME, capability.TimeLink)
            yield from _link(Kind.END_DEVICES, capability.EndDeviceListLink)
            if trusted:
                yield from _link(Kind.MIRRORS, capability.MirrorUsagePointListLink)
        case DefaultDERControl() as default:
            yield from ((Kind.CURVE, href) for href in curve_links(default.DERControlBase))
    yield from _of_items(node.items, terms, trusted)


def _of_items(items: Iterable[Message], terms: Terms, trusted: bool) -> Iterator[tuple[Kind, str]]:
    for item in items:
        match item:
            case EndDevice() if _is_ours(item, terms):
                yield from _link(Kind.REGISTRATION, item.RegistrationLink)
                if trusted:
                    yield from _link(Kind.ASSIGNMENTS, item.FunctionSetAssignmentsListLink)
                    yield from _link(Kind.DERS, item.DERListLink)
            case FunctionSetAssignments():
                yield from _link(Kind.PROGRAMS, item.DERProgramListLink)
            case DERProgram():
                yield from _link(Kind.CONTROLS, item.DERControlListLink)
                yield from _link(Kind.DEFAULT, item.DefaultDERControlLink)
            case DERControl():
                yield from ((Kind.CURVE, href) for href in curve_links(item.DERControlBase))


def _link(kind: Kind, link: Link | ListLink | None) -> Iterator[tuple[Kind, str]]:
    if link is not None:
        yield kind, link.href


def _is_ours(device: EndDevice, terms: Terms) -> bool:
    if device.lFDI is None:
        return device.sFDI == terms.sfdi
    return device.lFDI.upper() == terms.lfdi.upper()
