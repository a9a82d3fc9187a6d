"""The session's whole state, and its birth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grid_functions.model.device import Seen
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Metered
from grid_functions.upstream_clock import UpstreamClock, booted
from protocols.ieee2030_5.session import backlog, logs, participation, responses
from protocols.ieee2030_5.session.logs import Log
from protocols.ieee2030_5.session.mirrors import Mirror
from protocols.ieee2030_5.session.participation import Participation
from protocols.ieee2030_5.session.pushes import Item, Push
from protocols.ieee2030_5.session.reads import Parts
from protocols.ieee2030_5.session.responses import Book
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.session.tree import Node, Place, Tree, root_of

CLOCK_KEY = "clock"
CLOCK_VERSION = 1

REMEMBERED = (CLOCK_KEY, *responses.KEYS, participation.KEY, logs.KEY, *backlog.KEYS)
"""The keys under which a session remembers."""


@dataclass(frozen=True, slots=True)
class ForNode:
    """A request that polls a resource."""

    place: Place


@dataclass(frozen=True, slots=True)
class ForPush:
    """A request that PUTs a resource."""

    item: Item


@dataclass(frozen=True, slots=True)
class ForResponse:
    """A request that carries the first outcome owed for an event."""

    event: str


@dataclass(frozen=True, slots=True)
class ForRegistration:
    """The request that registers our EndDevice."""


@dataclass(frozen=True, slots=True)
class ForLog:
    """The request that carries the first LogEvent that waits."""


@dataclass(frozen=True, slots=True)
class ForMirror:
    """A request that makes a mirror or tells its readings."""

    part: Metered


Purpose = ForNode | ForPush | ForResponse | ForRegistration | ForLog | ForMirror


@dataclass(frozen=True, slots=True)
class Enrolment:
    """In-band registration: when to POST the EndDevice next, monotonic."""

    due_s: float = 0.0
    failures: int = 0
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One session with one server, for one EndDevice.

    ``waiting``: requests under way by id; ``time_read``: the clock was heard in this run; ``verified``: the registration was
    compared and agrees; ``trusted``: nothing speaks against telling this server of ourselves; ``refused``: why the relation is
    refused, "access" or "pin", empty = it is not; ``owing``: something was read that no Read has told yet; ``parts``: the tree as
    it was last translated; ``outdated``: a content changed since; ``wished``: what the wishes of ``pushes`` were last made from;
    ``quiet_s``: until then nothing but polls is due, monotonic.
    """

    terms: Terms
    clock: UpstreamClock
    tree: Tree
    waiting: Mapping[int, Purpose] = field(default_factory=dict)
    serial: int = 0
    time_read: bool = False
    saved_offset_s: float | None = None
    verified: bool = False
    trusted: bool = False
    refused: str = ""
    owing: bool = False
    parts: Parts | None = None
    outdated: bool = True
    book: Book = field(default_factory=Book)
    participation: Participation = ()
    pushes: Mapping[Item, Push] = field(default_factory=dict)
    wished: tuple[object, ...] | None = None
    quiet_s: float = float("-inf")
    seen: tuple[Seen, ...] = ()
    log: Log = field(default_factory=Log)
    mirrors: Mapping[Metered, Mirror] = field(default_factory=dict)
    enrolment: Enrolment = field(default_factory=Enrolment)
    alarms: frozenset[str] = frozenset()
    remarks: frozenset[str] = frozenset()


def born(terms: Terms, memory: Mapping[str, tuple[int, bytes]], now: Instants) -> State:
    """A new run. ``memory``: what earlier runs asked to be remembered, by key."""
    saved: float | None = None
    version, body = memory.get(CLOCK_KEY, (0, b""))
    if version == CLOCK_VERSION:
        try:
            saved = float(body)
        except ValueError:
            saved = None
    root = root_of(terms)
    clock = booted(now, saved)
    untold = {part: backlog.loaded(part, memory, clock.now_s(now.mono_s)) for part in Metered}
    return State(
        terms=terms,
        clock=clock,
        tree=Tree(terms, {root: Node(root, terms.floor_s, now.mono_s)}),
        saved_offset_s=saved,
        book=responses.loaded(memory),
        participation=participation.loaded(*memory.get(participation.KEY, (0, b""))),
        mirrors={part: Mirror(part, minutes) for part, minutes in untold.items() if minutes},
        log=logs.loaded(*memory.get(logs.KEY, (0, b""))),
    )
