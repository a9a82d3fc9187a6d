"""Division as a machine: what upstreams ask of an area is divided among its members, who hold it by its own source and rank.

A limit is divided anew twice a minute, and at once when it changes. A dispatch is a closed loop: members are told changes against the
baseline their own sites keep, and what is still missing at their meters is shared out again by how far each can move. A level is no power,
and handed on as it is. What is asked as a test, or cannot be meant, is not divided. What members did of an event, by their meters, goes
back to the connection as one word (:mod:`grid_functions.fold`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grid_functions import fold
from grid_functions.alarm import Alarm, message_of
from grid_functions.area import sharing
from grid_functions.area.ranges import check
from grid_functions.area.standing import Standing, changes
from grid_functions.area.whole import Whole, whole_of
from grid_functions.model.claim import InForce
from grid_functions.model.control import Control, DispatchKind, ExportLimit, ImportLimit, LoadDispatch, Mode, mode_of
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, MemberReport, Message, Origin

NAME = "division"
_ABSURD_W = 1e9
_STILL = 0.1
"""Of what is missing: members that moved by more since the last look are on their way, and are told nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class DivisionOptions:
    """``rest_import_kw`` and ``rest_export_kw``: the most that all but members can take or give, for when the area has no meter; without
    them a limit then leaves members nothing. ``weights`` by member of the room above what each needs, 1 where none is given. ``most_kw``:
    what a member is connected with; ``again_s``: how often what is in force is divided anew.
    """

    rest_import_kw: float | None = None
    rest_export_kw: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    most_kw: float = 30.0
    again_s: float = 30.0

    def __post_init__(self) -> None:
        ranges = {
            "rest_import_kw": (self.rest_import_kw or 0.0, 0.0, 1e6),
            "rest_export_kw": (self.rest_export_kw or 0.0, 0.0, 1e6),
            "most_kw": (self.most_kw, 0.1, 1e6),
            "again_s": (self.again_s, 10.0, 600.0),
        }
        check(NAME, ranges | {f"weights.{one}": (weight, 0.0, 1e6) for one, weight in self.weights.items()})


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatch in force: what all members took together when its event began and when they were last looked at, W, and the change each
    is told against its site's own baseline.
    """

    event: EventKey
    began_w: float
    seen_w: float
    changes_w: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DivisionDurable:
    """``dispatched`` by subject: a relative dispatch refers to when it began, also after a restart."""

    dispatched: Mapping[str, Dispatched] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DivisionState:
    """``asked`` and ``enrolled``: what was divided last, and among whom; ``alarms``: what was wrong then."""

    durable: DivisionDurable = field(default_factory=DivisionDurable)
    divided_utc_s: float = -math.inf
    asked: tuple[tuple[str, Control], ...] = ()
    enrolled: tuple[str, ...] = ()
    standing: Standing = field(default_factory=dict)
    alarms: tuple[Output, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class Division:
    """Never more than the whole."""

    options: DivisionOptions = field(default_factory=DivisionOptions)

    @property
    def passes_on(self) -> frozenset[Mode]:
        """Limits of the connection, and dispatches."""
        return frozenset({Mode.IMPORT_LIMIT, Mode.EXPORT_LIMIT, Mode.LOAD_DISPATCH})

    def empty(self) -> DivisionState:
        """The state at birth."""
        return DivisionState()

    def step(self, state: DivisionState, inputs: AreaInputs, now: Instants) -> Step[DivisionState]:
        """Divide what is in force where it, the members or the time has changed."""
        # Of two limits of one voice and mode the tighter is divided.
        held = {_subject(one): one for one in sorted(filter(_mine, inputs.in_force), key=_limit_w, reverse=True)}
        asked = tuple(sorted(((subject, one.control) for subject, one in held.items()), key=lambda one: one[0]))
        same = asked == state.asked and inputs.enrolled == state.enrolled
        again_s = state.divided_utc_s + self.options.again_s
        if same and state.divided_utc_s <= now.utc_s < again_s:
            return Step(state, (*state.alarms, WakeAt(Moment(OWN, again_s))) if held else ())
        outputs: list[Output] = []
        whole = whole_of(inputs, inputs.enrolled, now)
        if held and whole.silent:
            outputs.append(_alarm(", ".join(whole.silent)[:120], "report nothing: they are counted at their highest"))
        wanted: list[Grant] = []
        dispatched: dict[str, Dispatched] = {}
        for subject, one in sorted(held.items()):
            controls = self._controls(subject, one, whole, state, dispatched, outputs)
            wanted += [Grant(member, subject, (c,), origin=_origin(one)) for member, c in controls.items()]
            # What was just told has not had its time.
            if same and isinstance(one.cause, EventKey) and isinstance(one.control, ImportLimit | ExportLimit):
                outputs += _limit_fold(one.cause, subject, one.control, whole, state.standing)
        standing, grants = changes(state.standing, wanted)
        # What is wrong stands until it is looked at again.
        alarms = tuple(one for one in outputs if not (isinstance(one, Message) and one.kind == fold.KIND))
        outputs += grants
        outputs += [WakeAt(Moment(OWN, now.utc_s + self.options.again_s))] if held else []
        after = DivisionState(DivisionDurable(dispatched), now.utc_s, asked, inputs.enrolled, standing, alarms)
        return Step(after, tuple(outputs))

    def told(self, state: DivisionState) -> Mapping[str, Any]:
        """What each member holds of what is asked of the area."""
        told: dict[str, dict[str, str]] = {}
        for (member, subject), grant in sorted(state.standing.items()):
            told.setdefault(subject, {})[member] = ", ".join(map(str, grant.controls))
        return told

    def _controls(
        self,
        subject: str,
        held: InForce,
        whole: Whole,
        state: DivisionState,
        dispatched: dict[str, Dispatched],
        outputs: list[Output],
    ) -> Mapping[str, Control]:
        options = self.options
        match held.control:
            case ImportLimit(limit_w=limit_w):
                rest_w = whole.rest_w(options.most_kw * 1000.0, _watts(options.rest_import_kw), importing=True)
                floors = {member: max(0.0, one.least_w) for member, one in whole.known.items()}
                return {one: ImportLimit(w) for one, w in self._parts(limit_w, rest_w, floors, whole).items()}
            case ExportLimit(limit_w=limit_w):
                rest_w = whole.rest_w(options.most_kw * 1000.0, _watts(options.rest_export_kw), importing=False)
                floors = {member: max(0.0, -one.most_w) for member, one in whole.known.items()}
                return {one: ExportLimit(w) for one, w in self._parts(limit_w, rest_w, floors, whole).items()}
            case LoadDispatch(kind=DispatchKind.LEVEL):
                return dict.fromkeys((*whole.known, *whole.silent), held.control)
            case LoadDispatch():
                return self._dispatched(subject, held, held.control, whole, state, dispatched, outputs)
            case _:
                return {}

    def _parts(self, limit_w: float, rest_w: float, floors: Mapping[str, float], whole: Whole) -> Mapping[str, float]:
        """A negative limit, or one that is no number, leaves nothing; an absurdly large one is no limit (rule 6)."""
        if limit_w > _ABSURD_W:
            return {}
        total_w = limit_w if limit_w > 0.0 else 0.0
        members = (*whole.known, *whole.silent)
        every = {member: floors.get(member, 0.0) for member in members}
        weights = {member: self.options.weights.get(member, 1.0) for member in members}
        return sharing.limit(total_w, rest_w, every, weights).parts

    def _dispatched(
        self,
        subject: str,
        held: InForce,
        control: LoadDispatch,
        whole: Whole,
        state: DivisionState,
        dispatched: dict[str, Dispatched],
        outputs: list[Output],
    ) -> Mapping[str, Control]:
        """Who is silent takes no part: neither what it does nor what it could do is known."""
        origin, before = _origin(held), state.durable.dispatched.get(subject)
        told = {} if before is None else before.changes_w
        began_w = before.began_w if before is not None and before.event == origin.event else whole.members_w
        wanted_w = _wanted_w(control, began_w)
        if not math.isfinite(wanted_w) or abs(wanted_w) > _ABSURD_W:
            outputs.append(_alarm(subject, "asks for a power that cannot be meant; nobody is told anything"))
            return {}
        missing_w = wanted_w - whole.members_w
        if before is None or abs(whole.members_w - before.seen_w) <= _STILL * abs(missing_w):
            found = sharing.dispatch(missing_w, whole.known)
            told = {
                member: _within(told.get(member, 0.0) + part_w - whole.known[member].power_w, whole.known[member])
                for member, part_w in found.parts.items()
            }
            if abs(found.left) > 1.0:
                outputs.append(_alarm(subject, f"{found.left:.0f} W of it can nobody take"))
            if before is not None and before.event == held.cause:
                did = fold.Fold(before.event, wanted_w, whole.members_w, _who(_left_by(missing_w, whole)))
                outputs.append(fold.letter(did, NAME))
        dispatched[subject] = Dispatched(origin.event, began_w, whole.members_w, told)
        return {
            member: LoadDispatch(DispatchKind.DELTA_W, change_w)
            for member, change_w in told.items()
            if member in whole.known
        }


def _limit_fold(
    event: EventKey, subject: str, limit: ImportLimit | ExportLimit, whole: Whole, standing: Standing
) -> list[Output]:
    """Who takes, or gives, more than it was told at the last look; nothing to say before all were told. Who is silent is not judged here:
    it is counted at its connection, so that the others leave room for it.
    """
    sign = 1.0 if isinstance(limit, ImportLimit) else -1.0
    parts: dict[str, float] = {}
    for (member, of), grant in standing.items():
        (control,) = grant.controls
        if of == subject and member in whole.known and isinstance(control, ImportLimit | ExportLimit):
            parts[member] = control.limit_w
    if not parts:
        return []
    flows = {member: max(0.0, sign * whole.known[member].power_w) for member in parts}
    over = {
        member: f"{flows[member] - part_w:.0f} W too much"
        for member, part_w in parts.items()
        if fold.counts(flows[member] - part_w, part_w)
    }
    asked_w = sum(parts.values())
    given_w = asked_w + sum(flows[member] - parts[member] for member in over)
    return [fold.letter(fold.Fold(event, asked_w, given_w, _who(over)), NAME)]


def _left_by(missing_w: float, whole: Whole) -> dict[str, str]:
    """Of members that stand still, why each leaves what is missing: whatever it can, it had been told."""
    reach = {
        member: one.most_w - one.power_w if missing_w > 0 else one.power_w - one.least_w
        for member, one in whole.known.items()
    }
    said = {member: "could do more" if fold.counts(w, missing_w) else "can do no more" for member, w in reach.items()}
    return said | dict.fromkeys(whole.silent, "silent")


def _who(why: Mapping[str, str]) -> str:
    return ", ".join(f"{member} ({text})" for member, text in sorted(why.items()))[:200]


def _mine(held: InForce) -> bool:
    return isinstance(held.control, ImportLimit | ExportLimit | LoadDispatch) and not held.test


def _limit_w(held: InForce) -> float:
    match held.control:
        case ImportLimit(limit_w=limit_w) | ExportLimit(limit_w=limit_w):
            return 0.0 if math.isnan(limit_w) else limit_w
        case _:
            return 0.0


def _subject(held: InForce) -> str:
    who = held.source.respondent
    name = held.source.name if who is None else f"{who.upstream}/{who.id}"
    return f"{mode_of(held.control).value}/{name}"


def _origin(held: InForce) -> Origin:
    """Of the event; a standing, which is none, is named by how it is in force."""
    who = held.source.respondent or Respondent(held.source.kind.value, held.source.name)
    event = held.cause if isinstance(held.cause, EventKey) else EventKey(who, f"{held.basis.value}/{_subject(held)}")
    return Origin(event, held.source, held.rank, held.received_utc_s)


def _within(change_w: float, report: MemberReport) -> float:
    """No change is larger than all that a member can move: what it does not do is not asked for again and again."""
    span_w = max(0.0, report.most_w - report.least_w)
    return min(span_w, max(-span_w, change_w))


def _wanted_w(control: LoadDispatch, began_w: float) -> float:
    match control.kind:
        case DispatchKind.SETPOINT_W:
            return control.value
        case DispatchKind.DELTA_W:
            return began_w + control.value
        case _:
            return began_w * control.value


def _watts(kw: float | None) -> float | None:
    return None if kw is None else kw * 1000.0


def _alarm(subject: str, text: str) -> Message:
    return message_of(Alarm(NAME, subject, text), NAME)
