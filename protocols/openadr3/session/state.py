"""The session's whole state, and its birth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grid_functions.model.instants import Instants
from protocols.openadr3.session.reporting import Reporting, recalled
from protocols.openadr3.session.sightings import KEY as SIGHTINGS_KEY
from protocols.openadr3.session.sightings import Known, Sighting, loaded
from protocols.openadr3.session.terms import Terms
from protocols.openadr3.session.walk import Leaf, Search, Walk, Walked
from protocols.openadr3.wire.objects import Broker, Program, Resource, Ven


@dataclass(frozen=True, slots=True)
class ForToken:
    """A request to the token endpoint."""


@dataclass(frozen=True, slots=True)
class ForServer:
    """GET /auth/server: where the token endpoint is (3.1)."""


@dataclass(frozen=True, slots=True)
class ForSearch:
    """A page of a search."""

    search: Search


@dataclass(frozen=True, slots=True)
class ForVen:
    """POST of our ven."""


@dataclass(frozen=True, slots=True)
class ForResource:
    """POST of a resource of ours."""

    name: str


@dataclass(frozen=True, slots=True)
class ForSubscription:
    """A step of the subscription's upkeep."""

    act: str


@dataclass(frozen=True, slots=True)
class ForNotifiers:
    """GET /notifiers, or one of its topics."""

    topic: str = ""


@dataclass(frozen=True, slots=True)
class ForReport:
    """POST of the first report that waits."""


Purpose = ForToken | ForServer | ForSearch | ForVen | ForResource | ForSubscription | ForNotifiers | ForReport


@dataclass(frozen=True, slots=True)
class Grant:
    """The bearer token. ``until_s``: monotonic, infinite while the VTN does not say; ``url``: of the endpoint, empty = not known yet.

    ``asked``: id of the request under way for a new one.
    """

    token: str = ""
    until_s: float = float("inf")
    url: str = ""
    asked: int | None = None
    due_s: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """One look at everything. ``done``: searches finished in it; ``walk``: the one under way; ``asked``: a request of it is under way.

    ``retried``: searches tried again with a new token; ``open``: begun and not over; ``length``: of all lists it was given, bytes.
    """

    due_s: float = 0.0
    started_s: float = 0.0
    open: bool = False
    walk: Walk | None = None
    done: Mapping[Search, Walked] = field(default_factory=dict)
    retried: frozenset[Search] = frozenset()
    asked: int | None = None
    failures: int = 0
    again: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Our ven and resources at the VTN. ``checked_s``: when they were last looked at; ``skipped``: why the VTN has none for us."""

    ven: Ven | None = None
    resources: Mapping[str, Resource] = field(default_factory=dict)
    checked_s: float = float("-inf")
    skipped: str = ""
    conflicts: int = 0


class Stage(StrEnum):
    """How far a subscription or a broker is."""

    IDLE = "idle"
    LOOKED = "looked"
    STANDING = "standing"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Something at the VTN that brings us hints. ``ids``: of subscriptions of ours that are to go; ``topics``: gathered so far;
    ``made``: it was set up in this run."""

    stage: Stage = Stage.IDLE
    due_s: float = 0.0
    asked: int | None = None
    failures: int = 0
    ids: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    made: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One session with one VTN.

    ``ahead_s``: UTC less monotonic; ``agrees``: whether the VTN's clock is near ours, None = it did not say; ``hints``: ways of
    hearing that are open; ``hinted``: a hint came by one; ``refused``: why the VTN refuses us, empty = it does not; ``leaves``: the last
    pages read, by search and place; ``foreign``: how many events are other VENs'; ``emptied``: something known was not shown any more.
    """

    terms: Terms
    ahead_s: float
    waiting: Mapping[int, Purpose] = field(default_factory=dict)
    bearers: Mapping[int, str] = field(default_factory=dict)
    serial: int = 0
    grant: Grant = field(default_factory=Grant)
    round: Round = field(default_factory=Round)
    enrolment: Enrolment = field(default_factory=Enrolment)
    programs: Mapping[str, Program] = field(default_factory=dict)
    leaves: Mapping[tuple[Search, int], Leaf] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    foreign: int = 0
    agrees: bool | None = None
    hints: frozenset[str] = frozenset()
    hinted: bool = False
    subscription: Upkeep = field(default_factory=Upkeep)
    broker: Upkeep = field(default_factory=Upkeep)
    broker_named: Broker | None = None
    reporting: Reporting = field(default_factory=Reporting)
    refused: str = ""
    emptied: bool = False
    reached: bool = False
    alarms: frozenset[str] = frozenset()


def born(terms: Terms, memory: Mapping[str, tuple[int, bytes]], now: Instants) -> State:
    """A new run. ``memory``: what earlier runs asked to be remembered, by key."""
    return State(
        terms=terms,
        ahead_s=now.utc_s - now.mono_s,
        round=Round(due_s=now.mono_s),
        sightings=loaded(*memory.get(SIGHTINGS_KEY, (0, b""))),
        reporting=recalled(memory),
    )
