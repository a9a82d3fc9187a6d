"""What configuration settles about upstreams and sites before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import Control, Mode
from grid_functions.model.device import Role
from grid_functions.model.event import Respondent
from grid_functions.model.units import Phase


class Vanished(StrEnum):
    """What an event's disappearance before its end means: 2030.5-2018 keep, 2030.5-2023 and OpenADR cancel."""

    KEEP = "keep"
    CANCEL = "cancel"


class OptOut(StrEnum):
    """What an occupant's opt-out may drop of an event (rule 3)."""

    NONE = "none"
    TARGETS = "targets"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one respondent's timeline runs.

    ``clock``: the upstream whose time its windows are in. ``final``: a mode once lost is lost for good (2030.5); otherwise the loser
    resumes (OpenADR). ``fail_safe``: what stands while the upstream is not current, ``fail_safe_after_s`` of silence at the latest.
    ``gradient_pct_per_s``: the profile's default, of setMaxW, where neither event nor standing says how a change moves (rule 9); None =
    at once. ``hold_over_s``: how long a completed event's control holds on when the next of its mode starts within that time: schedules
    in the field leave gaps of seconds; 0 keeps to the standard's letter.
    """

    clock: str
    source: Source
    final: bool
    vanished: Vanished
    opt_out: OptOut
    fail_safe: tuple[Control, ...] = ()
    fail_safe_after_s: float = 900.0
    gradient_pct_per_s: float | None = None
    hold_over_s: float = 0.0


class OnGatewayLoss(StrEnum):
    """What a device without a watchdog is left with while we are away."""

    HOLD = "hold"
    RELEASE = "release"


class Yield(StrEnum):
    """Who gives way first under a shared bound (rule 3)."""

    PV = "pv"
    TARGET = "target"


class LoadCredit(StrEnum):
    """Who may use the room that others' load makes under an export bound: every device, or only those with an armed timer."""

    ALL = "all"
    WATCHDOG = "watchdog"


class BaselineKind(StrEnum):
    """What a relative signal is relative to: the mean of the last like hours, or the power when the signal began."""

    LIKE_HOURS = "like_hours"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class BaselineTerms:
    """``days``: like days that are averaged; ``free_days``: days of the UTC week without work, 0 = Monday, alike among themselves.

    Where no like hour was measured yet the power when the signal began stands in.
    """

    kind: BaselineKind = BaselineKind.LIKE_HOURS
    days: int = 5
    free_days: frozenset[int] = frozenset({5, 6})


@dataclass(frozen=True, slots=True)
class Connection:
    """The site's connection: ratings in W (None = unrated), phases, fuse per phase in A (None = unfused)."""

    import_limit_w: float | None = None
    export_limit_w: float | None = None
    phases: int = 1
    fuse_a: float | None = None


@dataclass(frozen=True, slots=True)
class FuseGroup:
    """Devices behind one fuse of their own, A per phase; nothing else hangs on it."""

    name: str
    fuse_a: float
    devices: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a charger stays as it is, s: paused, charging before another's turn comes, and on as many phases (rule 1)."""

    paused_s: float = 120.0
    turn_s: float = 900.0
    phases_s: float = 300.0


@dataclass(frozen=True, slots=True)
class DeviceTerms:
    """What the site says of one device.

    ``phases``: the conductors that its own L1, L2, L3 are connected to, in this order; empty = nobody told. ``priority``: under a
    shared bound the larger is served first.
    """

    role: Role
    on_gateway_loss: OnGatewayLoss = OnGatewayLoss.HOLD
    locked: bool = False  # the operator's lock to zero (rule 1)
    phases: tuple[Phase, ...] = ()
    priority: int = 0


DEFAULT_PRECEDENCE = (
    SourceKind.OPERATOR,
    SourceKind.IEEE2030_5,
    SourceKind.OPENADR,
    SourceKind.OCCUPANT,
    SourceKind.AREA,
    SourceKind.OPTIMISER,
    SourceKind.LOCAL,
)
"""Rule 3: whose target wins a contest between sources."""


@dataclass(frozen=True, slots=True)
class SiteTerms:
    """What configuration says of one site.

    ``respondents``: the devices each respondent speaks for. ``approximate``: modes that devices may obey by an approximation that
    changes meaning. ``protection``: trip curves, ride-through and return-to-service settings may be written.
    """

    name: str
    connection: Connection
    devices: Mapping[str, DeviceTerms]
    respondents: Mapping[Respondent, frozenset[str]] = field(default_factory=dict)
    precedence: tuple[SourceKind, ...] = DEFAULT_PRECEDENCE
    yields: Yield = Yield.PV
    load_credit: LoadCredit = LoadCredit.ALL
    revert_s: float = 60.0
    meter_stale_s: float = 5.0
    approximate: frozenset[Mode] = frozenset()
    protection: bool = False
    groups: tuple[FuseGroup, ...] = ()
    dwell: Dwell = Dwell()
    baseline: BaselineTerms = BaselineTerms()
