"""Day-ahead coordination: prices are negotiated with the homes until a plan with a certificate stands; then the plan is leased.

One machine around :mod:`grid_functions.area.talks`: it opens rounds, hears replies, asks for the two small programs of a round, and ends
the talks at the wanted gap, at the last round or when time runs out, always with the best plan so far. Talks that a restart interrupts
begin anew; what was agreed is durable. A plan is leased as load dispatch by step, and its delivery is measured until two hours after
its end.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.area import peak, talks
from grid_functions.area.daily import DAY_S, before
from grid_functions.area.peak import Column, Demand
from grid_functions.area.ranges import check
from grid_functions.area.talks import Certificate, Reply, Talks, Terms
from grid_functions.area.tracking import Delivery
from grid_functions.building.program import Solution
from grid_functions.letters import Agreed, Prices, Profile, Way
from grid_functions.model.control import DispatchKind, LoadDispatch
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Interval
from grid_functions.model.function import AreaInputs, Ask, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Message

NAME = "day_ahead"
_KEEP_S = 3600.0
"""What is measured is kept no more often: all profiles stand in the same entry, two megabytes of a thousand homes."""

_MASTER, _FURTHER, _MAIN = "master", "further", "price"
"""The problems of a round: the plan, further prices, the main price; in order of name the main one is the last."""


@dataclass(frozen=True, slots=True)
class DayAheadOptions:
    """``charge``: currency per kW of the area's highest power over the horizon; ``limit_kw``: what it must not exceed (0 = none).

    Talks begin each day at ``begins_s`` after midnight UTC for a horizon of ``steps`` times ``step_s`` that starts ``lead_s`` later; an
    order ``begin`` starts them at once. ``round_s``: how long a round waits for replies. ``base_kw``: a member's stated baseline until it
    has had a plan; ``most_kw``: what a member is connected with.
    """

    charge: float = 0.5
    limit_kw: float = 0.0
    beyond: float = 100.0
    begins_s: float = 15 * 3600.0
    lead_s: float = 1800.0
    step_s: float = 600.0
    steps: int = 144
    round_s: float = 30.0
    gap: float = 0.005
    rounds: int = 60
    patience: int = 2
    groups: int = 200
    base_kw: float = 2.0
    most_kw: float = 30.0

    def __post_init__(self) -> None:
        ranges = {
            "charge": (self.charge, 0.0, 1e6),
            "limit_kw": (self.limit_kw, 0.0, 1e7),
            "beyond": (self.beyond, 0.001, 1e6),
            "begins_s": (self.begins_s, 0.0, DAY_S),
            "lead_s": (self.lead_s, 10.0, DAY_S),
            "step_s": (self.step_s, 60.0, 7200.0),
            "steps": (self.steps, 1, 1008),
            "round_s": (self.round_s, 1.0, 3600.0),
            "gap": (self.gap, 1e-6, 1.0),
            "rounds": (self.rounds, 1, 60),
            "patience": (self.patience, 1, 60),
            "groups": (self.groups, 1, 1000),
            "base_kw": (self.base_kw, 0.0, 1e6),
            "most_kw": (self.most_kw, 0.1, 1e6),
        }
        pointless = self.charge == 0.0 and self.limit_kw == 0.0
        nothing = f"{NAME} has neither charge nor limit_kw: there is nothing to coordinate for"
        check(NAME, ranges, (nothing,) if pointless else ())


@dataclass(frozen=True, slots=True)
class Agreement:
    """A plan that was agreed: each member's profile by step, kW, and what the plan is worth."""

    talks: str
    start_utc_s: float
    step_s: float
    profiles: Mapping[str, tuple[float, ...]]
    certificate: Certificate

    @property
    def end_utc_s(self) -> float:
        """When the last step is over."""
        return self.start_utc_s + self.step_s * max((len(one) for one in self.profiles.values()), default=0)


@dataclass(frozen=True, slots=True)
class DayAheadDurable:
    """``begun_utc_s``: when talks were begun last; ``delivery``: what members really do with what was agreed, as it was kept last."""

    VERSION: ClassVar[int] = 2

    begun_utc_s: float = -math.inf
    agreement: Agreement | None = None
    delivery: Delivery | None = None

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before 2 one sum was made of the plan and of the hours after it; nobody can part them."""
        return {name: value for name, value in plain.items() if name != "meter"}


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Talks in progress. ``waits``: which problems are out; ``found``: the bundle's answers by problem, kept until all have come."""

    name: str
    start_utc_s: float
    terms: Terms
    talks: Talks
    deadline_utc_s: float
    columns: tuple[Column, ...] = ()
    named: tuple[tuple[int, int], ...] = ()
    waits: frozenset[str] = frozenset()
    found: Mapping[str, Solution] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayAheadState:
    """``session``: of this run only. ``delivery``: ahead of the one that was kept at ``kept_utc_s``."""

    durable: DayAheadDurable = field(default_factory=DayAheadDurable)
    session: Session | None = None
    granted: bool = False
    delivery: Delivery | None = None
    kept_utc_s: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class DayAhead:
    """The leader of the talks; its followers are the homes' own stewards."""

    options: DayAheadOptions = DayAheadOptions()

    def empty(self) -> DayAheadState:
        """The state at birth."""
        return DayAheadState()

    def step(self, state: DayAheadState, inputs: AreaInputs, now: Instants) -> Step[DayAheadState]:
        """Open, hear, solve, agree."""
        outputs: list[Output] = []
        state = self._measured(state, inputs, now)
        begins = any(order.kind == "begin" for order in inputs.orders)
        if state.session is None and inputs.enrolled and (begins or self._due(state, now)):
            state = self._begun(state, inputs, now, outputs)
        elif state.session is not None:
            session, wrong = self._heard(state.session, inputs.messages)
            outputs += [message_of(Alarm(NAME, who, why), NAME) for who, why in wrong]
            if session.waits:
                state = self._solved(state, session, inputs, now, outputs)
            elif talks.complete(session.talks, session.terms) or now.utc_s >= session.deadline_utc_s:
                state = replace(state, session=_posed(session, now, outputs))
            else:
                state = replace(state, session=session)
        state = self._leased(state, now, outputs)
        outputs.append(WakeAt(self._next(state, now)))
        return Step(state, tuple(outputs))

    def told(self, state: DayAheadState) -> Mapping[str, Any]:
        """Talks in progress, what was agreed last (profiles in kW by step, positive = import, and what the plan is worth), and what members
        did with it.
        """
        session, agreed = state.session, state.durable.agreement
        delivery = state.delivery or state.durable.delivery
        return {
            "talking": None if session is None else {"talks": session.name, "round": session.talks.round},
            "agreed": None if agreed is None else asdict(agreed),
            "delivery": {} if agreed is None or delivery is None else delivery.told(agreed.step_s, agreed.profiles),
        }

    def _due(self, state: DayAheadState, now: Instants) -> bool:
        begin_s = before(now.utc_s, self.options.begins_s)
        return state.durable.begun_utc_s < begin_s and now.utc_s - begin_s < self.options.lead_s

    def _begun(self, state: DayAheadState, inputs: AreaInputs, now: Instants, outputs: list[Output]) -> DayAheadState:
        options, last = self.options, state.durable.agreement
        known = last.profiles if last is not None else {}
        bases = {
            member: np.array(known[member])
            if len(known.get(member, ())) == options.steps
            else np.full(options.steps, options.base_kw)
            for member in inputs.enrolled
        }
        limit_kw = options.limit_kw or math.inf
        terms = Terms(
            Demand(options.charge, np.zeros(options.steps), limit_kw, options.beyond),
            bases,
            dict.fromkeys(inputs.enrolled, options.most_kw),
            options.gap,
            options.rounds,
            options.patience,
            options.groups,
        )
        session = Session(
            name=f"{NAME}-{now.utc_s:.0f}",
            start_utc_s=math.ceil((now.utc_s + options.lead_s) / options.step_s) * options.step_s,
            terms=terms,
            talks=talks.begin(terms),
            deadline_utc_s=now.utc_s + options.round_s,
        )
        outputs += self._posted(session)
        return replace(state, session=session, durable=replace(state.durable, begun_utc_s=now.utc_s))

    def _posted(self, session: Session) -> Iterable[Message]:
        """Every price a member has not answered: who is late is asked for all of them at once."""
        step_h = self.options.step_s / 3600.0
        written: dict[int, Message] = {}
        for member, open_ in talks.unanswered(session.talks, session.terms).items():
            for number in open_:
                if number not in written:
                    added = tuple((session.talks.prices[number] / step_h).tolist())
                    letter = Prices(session.name, number, session.start_utc_s, self.options.step_s, added)
                    written[number] = letters.write(letter, NAME, "", NAME, f"{session.name}/{number}")
                # What is posted is the same for all.
                yield replace(written[number], to=member)

    def _heard(self, session: Session, messages: Iterable[Message]) -> tuple[Session, list[tuple[str, str]]]:
        replies, wrong = [], []
        for message in messages:
            try:
                letter = letters.read(message, Way.UP)
            except MalformedMessage as fault:
                wrong.append((message.sender, str(fault)))
                continue
            if isinstance(letter, Profile) and letter.talks == session.name:
                replies.append((message.sender, letter.round, Reply(letter.cost, np.array(letter.net_kw))))
        return replace(session, talks=talks.heard(session.talks, replies, session.terms)), wrong

    def _solved(
        self, state: DayAheadState, session: Session, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> DayAheadState:
        """Take the answers of the programs; with all in hand go on, or end."""
        demand = talks.demand_of(session.talks, session.terms)
        groups = len(talks.groups_of(session.talks, session.terms))
        for answer in inputs.answers:
            about, _, what = answer.id.rpartition("/")
            if about != _round_of(session) or what not in session.waits:
                continue
            session = replace(session, waits=session.waits - {what})
            solution = answer.solution if isinstance(answer.solution, Solution) and answer.solution.usable else None
            if what == _MASTER and solution is not None:
                plan = peak.planned(solution, session.columns, demand)
                session = replace(session, talks=talks.with_plan(session.talks, plan, session.named))
            elif what != _MASTER and solution is not None:
                session = replace(session, found={**session.found, what: solution})
        if session.waits:
            return replace(state, session=session)
        late = now.utc_s + self.options.round_s >= session.start_utc_s
        # The main price is the last; a further one that was not found is not missed.
        found = [peak.priced(session.found[one], session.columns, groups, demand) for one in sorted(session.found)]
        if talks.done(session.talks, session.terms) or _MAIN not in session.found or late:
            return self._ended(state, session, outputs)
        session = replace(
            session,
            talks=talks.with_prices(session.talks, found),
            deadline_utc_s=now.utc_s + self.options.round_s,
            found={},
        )
        outputs += self._posted(session)
        return replace(state, session=session)

    def _ended(self, state: DayAheadState, session: Session, outputs: list[Output]) -> DayAheadState:
        told = talks.certificate(session.talks, session.terms)
        if told is None:
            outputs.append(
                message_of(Alarm(NAME, session.name, "ended without any plan; nobody is told anything"), NAME)
            )
            return replace(state, session=None)
        profiles = {}
        weights = talks.weights_of(session.talks, session.terms)
        for member in session.terms.base_kw:
            profile = tuple(talks.profile_of(member, session.talks, session.terms).tolist())
            profiles[member] = profile
            mine = tuple(one for one in weights.get(member, ()) if one[0] >= 0)
            letter = Agreed(session.name, tuple(n for n, _ in mine), tuple(w for _, w in mine), profile)
            outputs.append(letters.write(letter, NAME, member, NAME, f"{session.name}/agreed"))
        if told.over_kw > 0:
            text = f"the limit cannot be reached: {told.over_kw:.1f} kW beyond it"
            outputs.append(message_of(Alarm(NAME, session.name, text), NAME))
        agreement = Agreement(session.name, session.start_utc_s, self.options.step_s, profiles, told)
        durable = replace(state.durable, agreement=agreement, delivery=None)
        return replace(state, session=None, granted=False, durable=durable, delivery=None)

    def _measured(self, state: DayAheadState, inputs: AreaInputs, now: Instants) -> DayAheadState:
        agreement = state.durable.agreement
        if agreement is None:
            return state
        kept = state.durable.delivery or Delivery.of(agreement.start_utc_s, agreement.end_utc_s)
        delivery = (state.delivery or kept).fed(inputs.members, now.utc_s)
        kept_utc_s = now.utc_s if state.kept_utc_s is None else state.kept_utc_s
        state = replace(state, delivery=delivery, kept_utc_s=kept_utc_s)
        if delivery == kept or not (delivery.over(now.utc_s) or abs(now.utc_s - kept_utc_s) >= _KEEP_S):
            return state
        return replace(state, kept_utc_s=now.utc_s, durable=replace(state.durable, delivery=delivery))

    def _leased(self, state: DayAheadState, now: Instants, outputs: list[Output]) -> DayAheadState:
        """The plan as grants, once in a run and until it is over; then they are taken back."""
        agreement = state.durable.agreement
        if agreement is None:
            return state
        over = now.utc_s >= agreement.end_utc_s
        if state.granted == (not over):
            return state
        for member, profile in agreement.profiles.items():
            if member in agreement.certificate.missing:
                continue
            series = () if over else _series(profile, agreement.step_s)
            outputs.append(Grant(member, "plan", (), agreement.start_utc_s, series))
        return replace(state, granted=not over)

    def _next(self, state: DayAheadState, now: Instants) -> Moment:
        ahead = [before(now.utc_s, self.options.begins_s) + DAY_S]
        if state.session is not None and not state.session.waits:
            ahead.append(state.session.deadline_utc_s)
        if state.durable.agreement is not None and state.granted:
            ahead.append(state.durable.agreement.end_utc_s)
        return Moment(OWN, min(one for one in ahead if one > now.utc_s))


def _posed(session: Session, now: Instants, outputs: list[Output]) -> Session:
    """The round is over: ask for the plan it allows, and for the next price."""
    after = talks.closed_round(session.talks, session.terms)
    columns, named = talks.columns_of(after, session.terms)
    demand, groups = talks.demand_of(after, session.terms), len(talks.groups_of(after, session.terms))
    pulls = talks.pulls_of(after, session.terms)
    names = (*(f"{_FURTHER}{number}" for number in range(1, len(pulls))), _MAIN)
    priced = peak.next_prices(columns, groups, demand, after.prices[after.centre], pulls)
    problems = {_MASTER: peak.master(columns, groups, demand)} | dict(zip(names, priced, strict=True))
    deadline, about = Moment(OWN, now.utc_s + 60.0), _round_of(session)
    outputs += [Ask(f"{about}/{what}", problem, deadline) for what, problem in problems.items()]
    return replace(session, talks=after, columns=columns, named=named, waits=frozenset(problems), found={})


def _round_of(session: Session) -> str:
    return f"{session.name}/{session.talks.round}"


def _series(profile: tuple[float, ...], step_s: float) -> tuple[Interval, ...]:
    return tuple(
        Interval(k * step_s, step_s, (LoadDispatch(DispatchKind.SETPOINT_W, value * 1000.0),))
        for k, value in enumerate(profile)
    )
