"""Direct load control: how much could be moved, an event of it that is verified, setpoints for all, a limit by priority, and what is used.

What is ordered lasts as long as it says and reverts by itself: members hold it as leases that end. An event is shared out by what members
said they could move, and judged by what they were measured to take before they were asked, never by what they say of themselves. A limit is
one of the members together; the rest of the area is not in it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.area import moving, precedence, survey
from grid_functions.area.delivery import LONGEST_GAP_S, Meter
from grid_functions.area.history import History, sound
from grid_functions.area.moving import Moved
from grid_functions.area.ranges import ahead_fault, check, length_fault, outside
from grid_functions.area.standing import Standing, changes
from grid_functions.area.survey import Survey
from grid_functions.letters import (
    Asked,
    Charge,
    Flexibility,
    MoveLoad,
    PowerLimit,
    Restore,
    SurveyFlexibility,
    Temperature,
    Way,
)
from grid_functions.model.control import (
    Control,
    ImportLimit,
    StorageCharge,
    Thermostat,
)
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Interval
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, MemberReport, Message

NAME = "direct_load_control"
_KEEP_S = 60.0
"""How often what is being measured is kept, and a limit is divided anew."""

_PARTS = frozenset({"", "thermostat", "charge", "limit", "event"})


@dataclass(frozen=True, slots=True)
class DirectLoadControlOptions:
    """``answer_s``: how long answers are waited for; ``average_s``: over how long consumption and baselines are measured; ``tolerance``:
    the share of an event that may be missing. ``priorities`` by member, the smaller is served first, 100 where none is given;
    ``restore_s``: between the returns of two priorities when a limit ends. ``most_kw``: what a member is connected with.
    """

    answer_s: float = 60.0
    average_s: float = 900.0
    tolerance: float = 0.1
    priorities: Mapping[str, int] = field(default_factory=dict)
    restore_s: float = 60.0
    most_kw: float = 30.0

    def __post_init__(self) -> None:
        ranges = {
            "answer_s": (self.answer_s, 1.0, 3600.0),
            "average_s": (self.average_s, 300.0, 86_400.0),
            "tolerance": (self.tolerance, 0.0, 0.5),
            "restore_s": (self.restore_s, 0.0, 3600.0),
            "most_kw": (self.most_kw, 0.1, 1e6),
        }
        check(NAME, ranges | {f"priorities.{one}": (rank, 0, 1000) for one, rank in self.priorities.items()})


@dataclass(frozen=True, slots=True)
class Held:
    """One setpoint for all: degrees Celsius or percent of charge, between two UTC seconds."""

    value: float
    start_utc_s: float
    end_utc_s: float


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit of all members together. ``end_utc_s`` 0: until it is restored; ``freed_utc_s``: since when members return, 0 = not yet."""

    limit_w: float
    end_utc_s: float
    freed_utc_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DirectLoadControlDurable:
    """``asking``: a survey that is out; ``surveyed``: the last one that ended; ``held`` by what is held."""

    asking: str = ""
    surveyed: Survey | None = None
    held: Mapping[str, Held] = field(default_factory=dict)
    limited: Limited | None = None
    moved: Moved | None = None


@dataclass(frozen=True, slots=True)
class DirectLoadControlState:
    """All but ``durable`` is of this run. ``moved``: the event's meter, ahead of the one kept by a minute at most."""

    durable: DirectLoadControlDurable = field(default_factory=DirectLoadControlDurable)
    survey: Survey | None = None
    history: History | None = None
    meter: Meter | None = None
    kept_utc_s: float = -math.inf
    divided_utc_s: float = -math.inf
    most_w: Mapping[str, float] = field(default_factory=dict)
    standing: Standing = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class DirectLoadControl:
    """Does what it is ordered, for as long as the order says."""

    options: DirectLoadControlOptions = field(default_factory=DirectLoadControlOptions)

    def empty(self) -> DirectLoadControlState:
        """The state at birth."""
        return DirectLoadControlState()

    def step(self, state: DirectLoadControlState, inputs: AreaInputs, now: Instants) -> Step[DirectLoadControlState]:
        """Measure, hear, obey, revert."""
        outputs: list[Output] = []
        reports = sound(inputs.members)
        state = self._measured(state, reports, now)
        if state.durable.asking and state.survey is None:
            outputs.append(_alarm(state.durable.asking, "was interrupted by a restart: ask again"))
            state = replace(state, durable=replace(state.durable, asking=""))
        for message in inputs.orders:
            try:
                state = self._ordered(state, letters.read(message, Way.ORDER), inputs, now, outputs)
            except MalformedMessage as fault:
                outputs.append(_alarm(message.kind, str(fault)))
        state = self._heard(state, inputs, now, outputs)
        state = self._expired(state, inputs, now, outputs)
        state = self._divided(state, inputs, reports, now)
        standing, grants = changes(state.standing, self._grants(state, inputs.enrolled, now))
        outputs += grants
        outputs += [WakeAt(Moment(OWN, at_s)) for at_s in self._ahead(state, inputs, now)]
        return Step(replace(state, standing=standing), tuple(outputs))

    def told(self, state: DirectLoadControlState) -> Mapping[str, Any]:
        """Consumption now and on average, what could be moved, what is held, and what an event delivered."""
        durable, history, found = state.durable, state.history, state.durable.surveyed
        return {
            "consumption": None if history is None else history.told(),
            "flexibility": None if found is None else found.told(),
            "held": {what: asdict(one) for what, one in durable.held.items()},
            "limit": None if durable.limited is None else asdict(durable.limited),
            "event": None if durable.moved is None else asdict(replace(durable.moved, meter=Meter(0.0, 0.0))),
        }

    def _measured(
        self, state: DirectLoadControlState, reports: Mapping[str, MemberReport], now: Instants
    ) -> DirectLoadControlState:
        history = (state.history or History(self.options.average_s)).fed(reports, now.utc_s)
        state = replace(state, history=history)
        moved = state.durable.moved
        if moved is None or moved.settled:
            return replace(state, meter=None)
        taking = {member: one for member, one in reports.items() if member in moved.shares_kw}
        meter = (state.meter or moved.meter).fed(taking)
        state = replace(state, meter=meter)
        if meter == moved.meter or abs(now.utc_s - state.kept_utc_s) < _KEEP_S:
            return state
        durable = replace(state.durable, moved=replace(moved, meter=meter))
        return replace(state, kept_utc_s=now.utc_s, durable=durable)

    def _ordered(
        self,
        state: DirectLoadControlState,
        order: object,
        inputs: AreaInputs,
        now: Instants,
        outputs: list[Output],
    ) -> DirectLoadControlState:
        durable = state.durable
        match order:
            case SurveyFlexibility():
                return self._surveyed(state, order, inputs, now, outputs)
            case MoveLoad():
                return _begun(state, order, now, outputs)
            case Temperature(value_c=value, duration_s=duration_s):
                what, fault = "thermostat", outside("value_c", value, 5.0, 35.0) or length_fault(duration_s)
            case Charge(charge_pct=value, duration_s=duration_s):
                what, fault = "charge", outside("charge_pct", value, 0.0, 100.0) or length_fault(duration_s)
            case PowerLimit(limit_kw=limit_kw, duration_s=duration_s):
                fault = outside("limit_kw", limit_kw, 0.0, 1e6) or (length_fault(duration_s) if duration_s else "")
                if fault:
                    outputs.append(_alarm("limit", fault))
                    return state
                end_s = now.utc_s + duration_s if duration_s else 0.0
                limited = Limited(limit_kw * 1000.0, end_s)
                return replace(state, divided_utc_s=-math.inf, durable=replace(durable, limited=limited))
            case Restore(what=what):
                return self._restored(state, what, now, outputs)
            case _:
                return state
        if fault:
            outputs.append(_alarm(what, fault))
            return state
        held = Held(value, now.utc_s, now.utc_s + duration_s)
        return replace(state, durable=replace(durable, held={**durable.held, what: held}))

    def _surveyed(
        self,
        state: DirectLoadControlState,
        order: SurveyFlexibility,
        inputs: AreaInputs,
        now: Instants,
        outputs: list[Output],
    ) -> DirectLoadControlState:
        start_s = order.start_utc_s or now.utc_s + self.options.answer_s
        fault = length_fault(order.duration_s) or ahead_fault(order.start_utc_s, now.utc_s)
        if state.survey is not None:
            fault = f"{state.survey.request} still waits for answers"
        elif not inputs.enrolled:
            fault = "nobody is enrolled"
        if fault:
            outputs.append(_alarm("flexibility", fault))
            return state
        history = state.history or History(self.options.average_s)
        bases = {member: history.mean_w(member) for member in inputs.enrolled}
        request = f"flexibility-{now.utc_s:.0f}"
        asked = Survey(
            request,
            start_s,
            order.duration_s,
            now.utc_s + self.options.answer_s,
            inputs.enrolled,
            {member: base_w for member, base_w in bases.items() if base_w is not None},
        )
        letter = Asked(request, start_s, order.duration_s)
        outputs += [letters.write(letter, NAME, member, NAME, request) for member in inputs.enrolled]
        return replace(state, survey=asked, durable=replace(state.durable, asking=request))

    def _heard(
        self, state: DirectLoadControlState, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> DirectLoadControlState:
        asked = state.survey
        for message in inputs.messages:
            try:
                letter = letters.read(message, Way.UP)
            except MalformedMessage as fault:
                outputs.append(_alarm(message.sender, str(fault)))
                continue
            if not isinstance(letter, Flexibility):
                continue
            if asked is None:
                outputs.append(_alarm(message.sender, "answers too late, or what nobody asks"))
                continue
            asked, odd = survey.heard(asked, message.sender, letter, self.options.most_kw)
            outputs += [_alarm(message.sender, odd)] if odd else []
        if asked is None:
            return state
        if set(asked.silent) & set(inputs.enrolled) and now.utc_s < asked.deadline_utc_s:
            return replace(state, survey=asked)
        return replace(state, survey=None, durable=replace(state.durable, asking="", surveyed=asked))

    def _restored(
        self, state: DirectLoadControlState, what: str, now: Instants, outputs: list[Output]
    ) -> DirectLoadControlState:
        if what not in _PARTS:
            outputs.append(_alarm("restore", f"knows no {what!r}: name thermostat, charge, limit or event, or nothing"))
            return state
        durable = state.durable
        durable = replace(durable, held={one: held for one, held in durable.held.items() if what not in ("", one)})
        limited, moved = durable.limited, durable.moved
        if limited is not None and what in ("", "limit") and not limited.freed_utc_s:
            durable = replace(durable, limited=replace(limited, freed_utc_s=now.utc_s))
        meter = state.meter
        if moved is not None and what in ("", "event") and now.utc_s < moved.end_utc_s:
            if now.utc_s <= moved.start_utc_s:
                # Of what never began nobody is judged.
                return replace(state, durable=replace(durable, moved=None), meter=None)
            meter = replace(meter or moved.meter, end_utc_s=now.utc_s)
            durable = replace(durable, moved=replace(moved, end_utc_s=now.utc_s, meter=meter))
        return replace(state, durable=durable, meter=meter)

    def _expired(
        self, state: DirectLoadControlState, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> DirectLoadControlState:
        """What ended by itself."""
        durable = state.durable
        held = {what: one for what, one in durable.held.items() if now.utc_s < one.end_utc_s}
        if held.keys() != durable.held.keys():
            durable = replace(durable, held=held)
        limited, moved = durable.limited, durable.moved
        if limited is not None and not limited.freed_utc_s and 0.0 < limited.end_utc_s <= now.utc_s:
            limited = replace(limited, freed_utc_s=limited.end_utc_s)
            durable = replace(durable, limited=limited)
        if limited is not None and limited.freed_utc_s and not self._bound(limited, inputs.enrolled, now):
            durable = replace(durable, limited=None)
        if moved is not None and not moved.settled and now.utc_s >= moved.end_utc_s + LONGEST_GAP_S:
            moved = replace(moved, meter=state.meter or moved.meter)
            verdicts = moving.verdicts(moved, inputs.enrolled, self.options.tolerance)
            outputs += [_alarm(one.member, f"did not deliver in {moved.name}") for one in verdicts if not one.delivered]
            durable = replace(durable, moved=replace(moved, verdicts=verdicts, settled=True))
        return replace(state, durable=durable)

    def _divided(
        self,
        state: DirectLoadControlState,
        inputs: AreaInputs,
        reports: Mapping[str, MemberReport],
        now: Instants,
    ) -> DirectLoadControlState:
        """What each could take, looked at once a minute; of whom nothing is known it is the highest (rule 6)."""
        known = state.most_w.keys() == set(inputs.enrolled)
        if state.durable.limited is None or (known and abs(now.utc_s - state.divided_utc_s) < _KEEP_S):
            return state
        most_w = self.options.most_kw * 1000.0
        told = {
            member: min(most_w, max(0.0, reports[member].most_w)) if member in reports else most_w
            for member in inputs.enrolled
        }
        return replace(state, divided_utc_s=now.utc_s, most_w=told)

    def _bound(self, limited: Limited, enrolled: tuple[str, ...], now: Instants) -> tuple[str, ...]:
        """Whom the limit binds still."""
        if not limited.freed_utc_s:
            return enrolled
        classes = precedence.classes_of(enrolled, self.options.priorities)
        back = precedence.returned(classes, now.utc_s - limited.freed_utc_s, self.options.restore_s)
        return tuple(member for member in enrolled if member not in back)

    def _grants(self, state: DirectLoadControlState, enrolled: tuple[str, ...], now: Instants) -> Iterable[Grant]:
        durable = state.durable
        for what, one in durable.held.items():
            control: Control = Thermostat(one.value, offset=False) if what == "thermostat" else StorageCharge(one.value)
            series = (Interval(0.0, one.end_utc_s - one.start_utc_s, (control,)),)
            yield from (Grant(member, what, (), one.start_utc_s, series) for member in enrolled)
        if durable.limited is not None:
            classes = precedence.classes_of(enrolled, self.options.priorities)
            parts = precedence.parts(durable.limited.limit_w, classes, state.most_w)
            for member in self._bound(durable.limited, enrolled, now):
                yield Grant(member, "limit", (ImportLimit(parts[member]),))
        moved = durable.moved
        if moved is not None and now.utc_s < moved.end_utc_s:
            yield from (
                Grant(one, "event", (), moved.start_utc_s, moved.series(one))
                for one in moved.shares_kw
                if one in enrolled
            )

    def _ahead(self, state: DirectLoadControlState, inputs: AreaInputs, now: Instants) -> Iterable[float]:
        """What changes by itself."""
        durable, limited, moved = state.durable, state.durable.limited, state.durable.moved
        ahead = [one.end_utc_s for one in durable.held.values()]
        if state.survey is not None:
            ahead.append(state.survey.deadline_utc_s)
        if limited is not None and limited.freed_utc_s:
            count = len(precedence.classes_of(inputs.enrolled, self.options.priorities))
            ahead += [limited.freed_utc_s + k * self.options.restore_s for k in range(count)]
        elif limited is not None:
            ahead += [limited.end_utc_s, state.divided_utc_s + _KEEP_S]
        if moved is not None and not moved.settled:
            ahead += [moved.end_utc_s, moved.end_utc_s + LONGEST_GAP_S]
        return [one for one in ahead if one > now.utc_s]


def _begun(
    state: DirectLoadControlState, order: MoveLoad, now: Instants, outputs: list[Output]
) -> DirectLoadControlState:
    durable, found = state.durable, state.durable.surveyed
    fault = (
        length_fault(order.duration_s)
        or outside("kw", order.kw, -1e6, 1e6)
        or ahead_fault(order.start_utc_s, now.utc_s)
    )
    if durable.moved is not None and not durable.moved.settled:
        fault = f"{durable.moved.name} is not settled yet"
    moved = None if fault or found is None else moving.begun(order, found, now.utc_s)
    if moved is None:
        unsaid = "nobody has said it could move so for that long: order flexibility first"
        outputs.append(_alarm("event", fault or unsaid))
        return state
    if moved.short_kw > 0.0:
        outputs.append(_alarm("event", f"{moved.short_kw:g} kW of it can nobody move"))
    # The reading of now is where its energy begins.
    last = {} if state.history is None else state.history.meter.last
    meter = moved.meter.fed({member: one for member, one in last.items() if member in moved.shares_kw})
    return replace(state, meter=meter, durable=replace(durable, moved=replace(moved, meter=meter)))


def _alarm(subject: str, text: str) -> Message:
    return message_of(Alarm(NAME, subject, text), NAME)
