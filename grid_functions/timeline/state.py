"""What a timeline remembers, and what one step of it leaves.

Two parts: :class:`Kept` is durable and rebuilt from entries; :class:`Run` belongs to one run of the program, rebuilt by the first step.
All times are seconds on the upstream's clock unless the name says otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from grid_functions.model.claim import InForce
from grid_functions.model.control import Control, Mode
from grid_functions.model.entry import Entry
from grid_functions.model.event import Event, EventKey, Ramp, Respondent, Settings, Standing
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Fact, OutcomeKind
from grid_functions.model.policy import Policy
from grid_functions.timeline.plan import Plan

ROOM = "timeline"
"""The first word of every entry key of this room."""


@dataclass(frozen=True, slots=True)
class Opt:
    """An occupant's say on one event; the last one given holds."""

    event: EventKey
    out: bool


def _no_objection(control: Control) -> str:
    return ""


def _always(mode: Mode) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Means:
    """What the respondent's devices can do. ``refusal``: why none of them can ever obey a control, empty = one can or may yet tell.

    ``at_hand``: one that can do a mode is there now.
    """

    refusal: Callable[[Control], str] = _no_objection
    at_hand: Callable[[Mode], bool] = _always


ALL_MEANS: Final = Means()
"""Devices that can do everything."""


class Phase(StrEnum):
    """Where an event is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Tracked:
    """An event as first seen (status and level as last seen), with its draws and its fate.

    ``received_s``: when first seen, or seen again after it was gone. ``start_draw_s`` and ``duration_draw_s``: the drawn parts of
    its randomisation windows, kept as evidence. ``begin_s``: effective start, fixed once it runs; ``since_s``: when it took hold
    here, later than that when found late. ``stop_s``: end set by a randomised cancel. ``lost``: modes lost for good. ``away_s``:
    since when its program is not ours any more. ``told``: how it ended, or was cancelled while it runs out. ``took_part``: at some time
    while it ran a device could obey it and it was not opted out; ``sat_out``: at some time while it ran it was.
    """

    event: Event
    received_s: float
    received_utc_s: float
    start_draw_s: float = 0.0
    duration_draw_s: float = 0.0
    phase: Phase = Phase.WAITING
    begin_s: float | None = None
    since_s: float | None = None
    stop_s: float | None = None
    lost: frozenset[Mode] = frozenset()
    away_s: float | None = None
    opted_out: bool = False
    told: OutcomeKind | None = None
    done_s: float | None = None
    took_part: bool = False
    sat_out: bool = False


@dataclass(frozen=True, slots=True)
class Stood:
    """A standing and when its present content was first read."""

    standing: Standing
    received_s: float
    received_utc_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item refused and told so, until it is no longer shown."""

    id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Relation:
    """How we stand with the upstream. Not ``current``: why, and since when (None = from birth).

    The doubts name what was empty once although it had not been: it is believed the second time (rule 7).
    """

    current: bool = False
    reason: str = "never read completely"
    since_s: float | None = None
    programs_doubted: bool = False
    lists_doubted: frozenset[str] = frozenset()
    standings_doubted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """The durable part: events and refusals by id, standings by program."""

    relation: Relation = Relation()
    events: Mapping[str, Tracked] = field(default_factory=lambda: MappingProxyType({}))
    standings: Mapping[str, Stood] = field(default_factory=lambda: MappingProxyType({}))
    refusals: Mapping[str, Refusal] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Run:
    """The part of one run: ``began_s`` its first instant; ``heard_mono_s`` the last complete read (or boot).

    ``plan`` is of everything but the events ``behind``, which changed since; ``plan.agenda[cursor:]`` are the starts to come.
    ``running``, ``recent`` (just completed) and ``opted`` (out) are ids.

    Of the last read: the events ``shown``, by id; those known but not shown, ``absent`` while they are not done and ``over`` when they are,
    none of which is to be forgotten before ``forget_s``.

    ``telling``: the events of modes that only tell, and what they will tell ``ahead``.
    """

    began_s: float
    heard_mono_s: float
    plan: Plan = field(default_factory=Plan)
    behind: frozenset[str] = frozenset()
    cursor: int = 0
    running: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    opted: tuple[str, ...] = ()
    shown: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    absent: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()
    forget_s: float = float("inf")
    telling: frozenset[str] = frozenset()
    ahead: tuple[InForce, ...] = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """What a step said that can say nothing else ``from_s`` then ``until_s``, as long as ``policy``, ``opts`` and ``closed`` are these."""

    policy: Policy
    opts: tuple[Opt, ...]
    closed: frozenset[EventKey]
    from_s: float
    until_s: float
    in_force: tuple[InForce, ...]
    settings: Settings
    ramp: Ramp | None
    running: tuple[EventKey, ...]


@dataclass(frozen=True, slots=True)
class TimelineState:
    """One respondent's timeline. ``run`` None = the next step is the first of this run; ``rest`` follows from the others and is not
    compared, None = the last step may be followed by anything.
    """

    respondent: Respondent
    kept: Kept = Kept()
    run: Run | None = None
    rest: Rest | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Something for the log: the upstream broke a rule, or did what is rare. ``id`` of the event or program."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """What one step leaves. ``next_change``: when to step again if nothing is read meanwhile, exact; None = never.

    ``current``: whether the upstream is; ``reason`` why not. ``settings``: of the best standing, field by field. ``ramp``: how a change
    moves that has no ramp of its own, also of what is no longer in force (rule 9). ``running``: the events that have started and not ended.
    ``ahead``: what will be in force of modes that only tell.
    """

    state: TimelineState
    in_force: tuple[InForce, ...]
    facts: tuple[Fact, ...]
    next_change: Moment | None
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
    current: bool
    reason: str
    settings: Settings
    ramp: Ramp | None
    running: tuple[EventKey, ...]
    ahead: tuple[InForce, ...] = ()
