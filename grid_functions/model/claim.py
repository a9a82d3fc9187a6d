"""From a control in force to a claim on a scope, and the arbiter's ruling over all claims."""

from dataclasses import dataclass, field
from enum import StrEnum

from grid_functions.model.control import Control, Mode
from grid_functions.model.event import EventKey, Ramp, Rank, Respondent
from grid_functions.model.instants import Moment
from grid_functions.model.units import Phase, Quantity


class SourceKind(StrEnum):
    """What kind of voice a source is, in the default precedence of targets (rule 3); safety binds everyone (rule 1)."""

    SAFETY = "safety"
    OPERATOR = "operator"
    IEEE2030_5 = "ieee2030_5"
    OPENADR = "openadr"
    OCCUPANT = "occupant"
    AREA = "area"
    OPTIMISER = "optimiser"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One voice: a respondent of an upstream, the operator, the occupant, an area or a local function."""

    kind: SourceKind
    name: str
    respondent: Respondent | None = None


@dataclass(frozen=True, slots=True, order=True)
class LeaseId:
    """A lease as its receiver knows it: the area, what it is about (``function/what``), and the coordinator's epoch."""

    area: str
    subject: str
    epoch: int

    @property
    def function(self) -> str:
        """The area's function that granted it."""
        return self.subject.partition("/")[0]


class Basis(StrEnum):
    """Why a control is in force."""

    EVENT = "event"
    STANDING = "standing"
    FAIL_SAFE = "fail_safe"
    LEASE = "lease"
    OVERRIDE = "override"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class InForce:
    """One control that holds now for one site. Grid functions read nothing else of timelines, leases and overrides.

    What tells two of them apart as a rule is hashed, everything is compared.

    ``ramp``: how a change to it moves (rule 9), whoever said so: the event, the gradient of the standings, the profile; None = at once.
    ``recovery``: how it ramps out, where the event says so.
    ``program`` names the upstream's program for display; ``test``: shown and answered, yields no claim (rule 10).
    """

    control: Control = field(hash=False)
    source: Source
    rank: Rank = field(hash=False)
    basis: Basis
    since: Moment = field(hash=False)
    until: Moment | None = field(hash=False)
    received_utc_s: float
    ramp: Ramp | None = field(default=None, hash=False)
    recovery: Ramp | None = field(default=None, hash=False)
    cause: EventKey | LeaseId | None = None
    program: str = field(default="", hash=False)
    addressees: frozenset[str] = field(default=frozenset(), hash=False)
    test: bool = field(default=False, hash=False)


@dataclass(frozen=True, slots=True, order=True)
class Area:
    """A feeder, transformer or substation by name."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class ConnectionPoint:
    """The site's connection to the grid, where its meter sits."""


@dataclass(frozen=True, slots=True)
class Devices:
    """A set of the site's devices by name: an EndDevice or resource resolved by wiring."""

    names: frozenset[str]


Scope = Area | ConnectionPoint | Devices


@dataclass(frozen=True, slots=True)
class Bound:
    """At most this much of a non-negative quantity (W, A)."""

    limit: float


@dataclass(frozen=True, slots=True)
class Target:
    """This much of a signed quantity (W, var, Wh, percent)."""

    value: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A behaviour instead of a value: a curve, a droop, a power factor. The control is carried whole."""

    control: Control


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off (rule 5)."""

    on: bool


@dataclass(frozen=True, slots=True)
class Need:
    """So many W, >= 0, before others of this tier have more than theirs; a larger tier is served first. It asks nobody to take more."""

    power_w: float
    tier: int = 0


Want = Bound | Target | Shape | Switch | Need


@dataclass(frozen=True, slots=True)
class Claim:
    """What one function wants on one scope and quantity.

    ``goal`` is what it wants in the end; ``want`` is the value now, equal to ``goal`` unless a trajectory moves it (rule 9).
    ``magnitude_var``: the most reactive power it can ask for, var >= 0, by which equals are decided (rule 4).
    """

    scope: Scope
    quantity: Quantity
    want: Want
    goal: Want = field(hash=False)
    mode: Mode
    cause: InForce
    phase: Phase | None = None
    valid_until: Moment | None = field(default=None, hash=False)
    magnitude_var: float = field(default=0.0, hash=False)


class LossReason(StrEnum):
    """Why a claim does not decide its contest."""

    TIGHTER = "tighter"  # another bound is tighter: served all the same (rule 8)
    PRECEDENCE = "precedence"
    RANK = "rank"
    NEWER = "newer"
    SMALLER = "smaller"  # least var magnitude (rule 4)
    OFF = "off"  # a switch is off (rule 5)


@dataclass(frozen=True, slots=True)
class Loss:
    """A claim that lost, to which one, and why."""

    claim: Claim
    to: Claim
    why: LossReason


@dataclass(frozen=True, slots=True)
class Ruling:
    """The arbiter's answer: every bound (all hold at once), one winner per contest of targets, shapes and switches, the losers."""

    bounds: tuple[Claim, ...]
    winners: tuple[Claim, ...]
    losses: tuple[Loss, ...]
