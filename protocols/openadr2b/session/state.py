"""The session's whole state, and its birth."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from grid_functions.model.instants import Instants
from grid_functions.upstream_clock import UpstreamClock, booted
from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import history, opts, requests, stock
from protocols.openadr2b.session.book import Book
from protocols.openadr2b.session.opts import Opts
from protocols.openadr2b.session.requests import Requests
from protocols.openadr2b.session.stock import Stock
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import EventResponse
from protocols.openadr2b.wire.messages import Message, Service

CLOCK_KEY = "clock"
CLOCK_VERSION = 1
REGISTRATION_KEY = "registration"
REGISTRATION_VERSION = 1


class Stage(StrEnum):
    """Where the relation is. Each stage is left by the VTN's good answer."""

    QUERY = "query"
    REGISTER = "register"
    METADATA = "metadata"
    EVENTS = "events"
    POLLING = "polling"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Registration:
    """What the VTN gave: IDs, letter for letter, and the pace it asks for, s (None = none). ``metadata``: a mark of what was told to it."""

    ven_id: str = ""
    registration_id: str = ""
    vtn_id: str = ""
    poll_s: float | None = None
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class ForStage:
    """A request that moves the relation on."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class ForPoll:
    """A poll."""


@dataclass(frozen=True, slots=True)
class ForAnswers:
    """An oadrCreatedEvent."""

    answers: tuple[EventResponse, ...]


@dataclass(frozen=True, slots=True)
class ForLetter:
    """A reply to what the VTN asked."""

    letter: "Letter"


@dataclass(frozen=True, slots=True)
class ForOpt:
    """An opt, or its withdrawal."""

    opt_id: str


@dataclass(frozen=True, slots=True)
class ForReport:
    """A report."""

    serial: int


@dataclass(frozen=True, slots=True)
class ForLeave:
    """The end of the registration, at our wish."""


Purpose = ForStage | ForPoll | ForAnswers | ForLetter | ForOpt | ForReport | ForLeave


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply that is to be posted until the VTN took it. ``serial`` keeps equal ones apart."""

    serial: int
    service: Service
    message: Message


@dataclass(frozen=True, slots=True)
class State:
    """One session with one VTN.

    ``talk`` and ``upload``: the request under way in each lane, by id. ``due_s``: nothing is sent before (back-off), monotonic;
    ``stage_due_s``: nor what moves the relation on; ``poll_s``: the next poll; ``drained``: polls in a row that brought something.
    ``date_heard``: the clock was heard in this run; ``read``: all events were shown in it; ``owing``: something was looked at that no Read
    has told; ``refused``: why the relation is refused.
    """

    terms: Terms
    clock: UpstreamClock
    registration: Registration
    stage: Stage
    talk: tuple[int, Purpose] | None = None
    upload: tuple[int, Purpose] | None = None
    serial: int = 0
    due_s: float = 0.0
    upload_due_s: float = 0.0
    failures: int = 0
    upload_failures: int = 0
    say_due_s: float = 0.0
    say_failures: int = 0
    poll_s: float = 0.0
    stage_due_s: float = 0.0
    drained: int = 0
    date_heard: bool = False
    saved_offset_s: float | None = None
    owing: bool = False
    read: bool = False
    refused: str = ""
    leaving: bool = False
    book: Book = field(default_factory=Book)
    letters: tuple[Letter, ...] = ()
    opts: Opts = field(default_factory=Opts)
    requests: Requests = field(default_factory=Requests)
    stock: Stock = field(default_factory=Stock)
    alarms: frozenset[str] = frozenset()

    @property
    def registered(self) -> bool:
        """Whether the VTN has given us a place."""
        return bool(self.registration.registration_id and self.registration.ven_id)

    @property
    def ven_id(self) -> str:
        """Ours, as given by the VTN, else as configured."""
        return self.registration.ven_id or self.terms.ven_id


def born(terms: Terms, memory: Mapping[str, tuple[int, bytes]], now: Instants) -> State:
    """A new run. ``memory``: what earlier runs asked to be remembered, by key. Who is registered goes on without registering again."""
    saved = _saved_offset(*memory.get(CLOCK_KEY, (0, b"")))
    registration = _registration(terms, *memory.get(REGISTRATION_KEY, (0, b"")))
    known = bool(registration.registration_id and registration.ven_id)
    fresh = Stage.QUERY if terms.query else Stage.REGISTER
    told = registration.metadata == mark_of(terms)
    book = books.loaded(*memory.get(books.KEY, (0, b"")), terms, registration.ven_id) if known else Book()
    return State(
        terms=terms,
        clock=booted(now, saved),
        saved_offset_s=saved,
        registration=registration,
        stage=fresh if not known else Stage.EVENTS if told else Stage.METADATA,
        due_s=now.mono_s,
        poll_s=now.mono_s,
        stage_due_s=now.mono_s,
        upload_due_s=now.mono_s,
        book=book,
        opts=opts.loaded(*memory.get(opts.KEY, (0, b""))) if known else Opts(),
        requests=requests.loaded(*memory.get(requests.KEY, (0, b""))) if known else Requests(),
        stock=replace(stock.loaded(*memory.get(stock.KEY, (0, b""))), series=history.loaded(_answering(terms), memory)),
    )


def keys(terms: Terms) -> Iterator[str]:
    """All that a run may find in memory."""
    yield from (CLOCK_KEY, REGISTRATION_KEY, books.KEY, opts.KEY, requests.KEY, stock.KEY)
    yield from history.keys(_answering(terms))


def _answering(terms: Terms) -> list[str]:
    return [terms.respondent(resource).id for resource in terms.respondents]


def mark_of(terms: Terms) -> str:
    """A mark of all that our metadata depend on: they are told again when it changes."""
    return hashlib.sha256(json.dumps(["1", sorted(terms.respondents), terms.ven_name]).encode()).hexdigest()[:16]


def kept(registration: Registration) -> bytes:
    """The registration as bytes of :data:`REGISTRATION_VERSION`."""
    return json.dumps(asdict(registration)).encode()


def _registration(terms: Terms, version: int, body: bytes) -> Registration:
    """The kept one, unless configuration assigns other IDs than it has."""
    assigned = Registration(terms.ven_id, terms.registration_id)
    if version != REGISTRATION_VERSION:
        return assigned
    try:
        plain = json.loads(body)
        found = Registration(
            str(plain["ven_id"]),
            str(plain["registration_id"]),
            str(plain["vtn_id"]),
            None if plain["poll_s"] is None else float(plain["poll_s"]),
            str(plain["metadata"]),
        )
    except (ValueError, TypeError, KeyError):
        return assigned
    other = (terms.ven_id and terms.ven_id != found.ven_id) or (
        terms.registration_id and terms.registration_id != found.registration_id
    )
    return assigned if other else found


def _saved_offset(version: int, body: bytes) -> float | None:
    try:
        return float(body) if version == CLOCK_VERSION else None
    except ValueError:
        return None
