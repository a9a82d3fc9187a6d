"""Events, standings and reads: what an upstream asked, as it was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grid_functions.model.control import Control


@dataclass(frozen=True, slots=True, order=True)
class Respondent:
    """Who answers an upstream: an EndDevice (LFDI), a VEN, a resource. Speaks for exactly one site or one area."""

    upstream: str
    id: str


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """An event as one respondent sees it; ``id`` is the upstream's own (mRID, eventID)."""

    respondent: Respondent
    id: str


@dataclass(frozen=True, slots=True)
class Rank:
    """Order within one upstream: the smaller level wins, then the newer ``created_s`` as first seen, then the larger ``tie``.

    Levels are turned in translate so that smaller always wins (2030.5 primacy and OpenADR 3 as they are, 2.0b reversed).
    """

    level: float
    created_s: float = 0.0
    tie: str = ""


class EventStatus(StrEnum):
    """What the upstream says of its event. Advice: the client computes by interval and upstream time."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    CANCELLED = "cancelled"
    CANCELLED_RANDOMISED = "cancelled_randomised"
    SUPERSEDED = "superseded"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


class Wanted(StrEnum):
    """An answer the upstream asked for (2030.5 responseRequired bits 0 to 2; OpenADR oadrResponseRequired)."""

    RECEIPT = "receipt"
    SPECIFIC = "specific"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Ramp:
    """How a change is to move: over a time in s, or at a rate in percent of setMaxW per s (0 = no limit). Exactly one is given."""

    over_s: float | None = None
    pct_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of an event: seconds after its effective start, length in s (None = to the event's end), and what holds."""

    offset_s: float
    duration_s: float | None
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One instruction from above.

    Times are seconds since 1970 on the upstream's own clock. ``random_start_s`` and ``random_duration_s`` are the signed
    randomisation windows; the draw itself is the timeline's. ``recovery``: how what it wanted ramps out, None = as its upstream's
    changes do. ``addressees`` empty = all of the respondent's devices.
    """

    key: EventKey
    version: int
    program: str
    rank: Rank
    start_s: float
    duration_s: float | None
    intervals: tuple[Interval, ...]
    status: EventStatus = EventStatus.SCHEDULED
    random_start_s: float = 0.0
    random_duration_s: float = 0.0
    ramp: Ramp | None = None
    recovery: Ramp | None = None
    addressees: frozenset[str] = frozenset()
    wants: frozenset[Wanted] = frozenset()
    test: bool = False
    derived_from: EventKey | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Device settings a standing carries (2030.5 DefaultDERControl setGradW, setES...); None = not given.

    Gradients in percent of setMaxW per second (0 = no limit); voltages in percent of nominal; frequencies in Hz; times in s.
    """

    gradient_pct_per_s: float | None = None
    soft_gradient_pct_per_s: float | None = None
    enter_service_delay_s: float | None = None
    enter_service_random_s: float | None = None
    enter_service_ramp_s: float | None = None
    enter_service_high_hz: float | None = None
    enter_service_low_hz: float | None = None
    enter_service_high_pct: float | None = None
    enter_service_low_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a program wants when none of its events does (2030.5 DefaultDERControl)."""

    program: str
    rank: Rank
    controls: tuple[Control, ...]
    settings: Settings = Settings()


class RefusalKind(StrEnum):
    """Why one item of a read was not taken (2030.5 responses 252, 253, 254; 2.0b 450 to 469)."""

    NOT_APPLICABLE = "not_applicable"
    INVALID = "invalid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reject:
    """One item of a read that was refused; it unseats nothing. ``id`` is empty when even that could not be read."""

    id: str
    kind: RefusalKind
    text: str
    wants: frozenset[Wanted] = frozenset()


@dataclass(frozen=True, slots=True)
class Read:
    """One look at one respondent: everything the upstream shows now, as far as it was read.

    ``complete``: every list was read to its end in this look, so what is absent is gone. ``listed``: the programs whose event
    list was read to its end. ``programs``: the programs assigned, with their rank. ``refused``: non-empty when the upstream or we
    refused the relation (wrong PIN, certificate, 403); then nothing else in the read counts. Order within a read never matters.
    """

    respondent: Respondent
    at_s: float
    complete: bool
    programs: Mapping[str, Rank] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    standings: tuple[Standing, ...] = ()
    events: tuple[Event, ...] = ()
    rejects: tuple[Reject, ...] = ()
    refused: str = ""
