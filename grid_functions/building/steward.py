"""The steward of a home: it plans at the prices it knows, answers those who coordinate or trade, and carries out what holds.

It claims as the optimiser, the lowest but one of all sources; where a plan was agreed with an area and the area's lease holds, its claims
carry that lease as their cause and so have the area's place. Without weather, history or readings it plans with what configuration says.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.building import charging, foresight, lesson, sale
from grid_functions.building.civil import DAY_S
from grid_functions.building.diary import Diary, Running, noted
from grid_functions.building.dwelling import commands, laid_out
from grid_functions.building.execution import Command, Executing, claim_of, lease_of
from grid_functions.building.heating import Dynamics, Heating, dynamics
from grid_functions.building.home import Limits, Plan, combined
from grid_functions.building.inquiry import MOVING, STEPS_OF_PRICE, Inquiry, flexibility, key_of, packages
from grid_functions.building.lesson import Lesson, Model, Taught
from grid_functions.building.observation import observed
from grid_functions.building.options import FUNCTION, HomeOptions
from grid_functions.building.part import Horizon
from grid_functions.building.program import Solution
from grid_functions.building.sale import Keeping
from grid_functions.letters import Agreed, Asked, Award, Offers, Prices, Profile, Way, Weather
from grid_functions.model.claim import Claim, InForce
from grid_functions.model.control import LoadDispatch
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.function import Ask, Output, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message

NAME = FUNCTION
HEARS = frozenset({"day_ahead", "direct_load_control", "xor_market"})
"""The area functions whose letters it answers."""

_OWN, _LESSON, _MARKET = "own", "lesson", "xor_market"
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class HomeDurable:
    """``plans``: the home's own under "", and what was agreed by the function it was agreed with. ``diary``: of the last days; ``model``:
    what was learnt from it.
    """

    VERSION: ClassVar[int] = 5

    plans: Mapping[str, Executing] = field(default_factory=dict)
    diary: Diary = field(default_factory=Diary)
    model: Model = field(default_factory=Model)

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before 2 there were plans alone, before 3 nothing was known of what was sold, before 4 of doubt, before 5 of stays; the rest
        begins empty.
        """
        return plain


@dataclass(frozen=True, slots=True)
class HomeState:
    """``inquiries`` by name, of this run; ``replan_utc_s``: when the next plan of its own is due. ``running``: of the diary;
    ``lesson_utc_s``: when the last lesson was asked for, and why nothing came of it. ``keeping``: to what was sold.
    """

    durable: HomeDurable = field(default_factory=HomeDurable)
    inquiries: Mapping[str, Inquiry] = field(default_factory=dict)
    weather: Weather | None = None
    replan_utc_s: float = 0.0
    running: Running | None = None
    lesson_utc_s: float = -math.inf
    trouble: str = ""
    keeping: Keeping = field(default_factory=Keeping)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Steward:
    """One home."""

    options: HomeOptions = field(default_factory=HomeOptions)
    hears: frozenset[str] = HEARS

    def empty(self) -> HomeState:
        """The state at birth."""
        return HomeState()

    def step(self, state: HomeState, inputs: SiteInputs, now: Instants) -> Step[HomeState]:
        """Read letters, pose problems, take answers, claim what the plan in force says."""
        if not self.options.dwelling.devices:
            return Step(state)
        outputs: list[Output] = []
        for message in inputs.messages:
            try:
                state = self._read(state, message, inputs, now, outputs)
            except MalformedMessage as fault:
                outputs.append(message_of(Alarm(NAME, message.sender, str(fault)), inputs.terms.name))
        for answer in inputs.answers:
            if answer.id == _LESSON:
                state = self._taught(state, answer.solution, now)
                continue
            state = self._solved(state, answer.id, answer.solution, inputs, now, outputs)
        state = self._noted(state, inputs, now, outputs)
        if now.utc_s >= self._replans_utc_s(state):
            state = self._pose_own(state, inputs, now, outputs)
        plans = {key: plan for key, plan in state.durable.plans.items() if plan.end_utc_s > now.utc_s}
        if plans.keys() != state.durable.plans.keys():
            state = replace(state, durable=replace(state.durable, plans=plans))
        state = self._looked(state, inputs, now)
        outputs += self._claims(state, inputs, now)
        outputs.append(WakeAt(Moment(OWN, self._next(state, now))))
        return Step(state, tuple(outputs))

    def told(self, state: HomeState) -> Mapping[str, Any]:
        """What was learnt of the home, how well, and since when; how much of it is remembered. Nothing of a home with no parts."""
        if not self.options.dwelling.devices:
            return {}
        kept, running = state.durable, state.running
        utc_s = kept.diary.start_utc_s if running is None else running.at_utc_s
        days = len(kept.diary.rows) * kept.diary.step_s / DAY_S
        return {"learning": kept.model.told(utc_s) | {"days": round(days, 2), "trouble": state.trouble}}

    def _noted(self, state: HomeState, inputs: SiteInputs, now: Instants, outputs: list[Output]) -> HomeState:
        """Into the diary; and a lesson when one is due."""
        options, durable = self.options, state.durable
        zones = tuple(zone.device for zone in options.dwelling.zones)
        diary, running = durable.diary, state.running
        if (diary.zones, diary.step_s) != (zones, options.step_s):
            diary, running = Diary(step_s=options.step_s, zones=zones), None
        seen = observed(options.dwelling, options.outdoor_sensor, state.weather, inputs.snapshot, inputs.terms, now)
        diary, running = noted(diary, running, seen, now.utc_s)
        if diary is durable.diary:
            return replace(state, running=running)
        kept = replace(durable, diary=diary)
        state = replace(state, durable=kept, running=running)
        if lesson.due(kept.model, diary, state.lesson_utc_s, options.learns_s, options.civil, now.utc_s):
            problem = Lesson(diary.history(), self._configured(), diary.base(), diary.step_s, options.civil)
            outputs.append(Ask(_LESSON, problem, Moment(OWN, now.utc_s + lesson.PATIENCE_S)))
            state = replace(state, lesson_utc_s=now.utc_s)
        return state

    def _taught(self, state: HomeState, taught: object, now: Instants) -> HomeState:
        if not isinstance(taught, Taught):
            return replace(state, trouble="the last lesson did not end in time; the model before it holds")
        durable = state.durable
        model = lesson.learnt(durable.model, taught, durable.diary, now.utc_s)
        return replace(state, durable=replace(durable, model=model), trouble="")

    def _configured(self) -> Dynamics | None:
        dwelling = self.options.dwelling
        if not dwelling.zones:
            return None
        return dynamics(Heating(tuple(one.zone for one in dwelling.zones), dwelling.couplings), self.options.step_s)

    def _read(
        self, state: HomeState, message: Message, inputs: SiteInputs, now: Instants, outputs: list[Output]
    ) -> HomeState:
        letter = letters.read(message, Way.DOWN)
        match letter:
            case Weather():
                return replace(state, weather=letter)
            case Prices():
                return self._priced(state, letter, message, inputs, outputs, now)
            case Agreed():
                return self._agreed(state, letter, message)
            case Asked():
                horizon = self._horizon(letter.start_utc_s)
                length = max(1, round(letter.duration_s / horizon.step_s))
                inquiry = self._inquiry(message, letter.request, horizon, state, inputs, slice(0, length))
                return self._pose(state, inquiry, (0.0, MOVING, -MOVING), outputs, now)
            case Offers():
                inquiry = self._offered(state, letter, message, inputs, now)
                price = max(letter.prices, default=0.0)
                return self._pose(state, inquiry, (0.0, *(factor * price for factor in STEPS_OF_PRICE)), outputs, now)
            case Award():
                return self._awarded(state, letter, message)
            case _:
                return state

    def _offered(
        self, state: HomeState, letter: Offers, message: Message, inputs: SiteInputs, now: Instants
    ) -> Inquiry:
        """The plan begins now, not with what is asked about: by then rooms, tank and battery are others, and may be prepared."""
        count, most = len(letter.prices), self.options.steps // 2
        if not 60.0 <= letter.step_s <= 7200.0 or len(letter.base_kw) not in (0, count):
            raise MalformedMessage("an offer has steps of 60 to 7200 s, and a baseline for each of its prices or none")
        if letter.most_beside_kw < 0.0:
            raise MalformedMessage("an offer allows 0 kW or more beside its intervals")
        ahead = min(max(0, math.floor((letter.start_utc_s - now.utc_s) / letter.step_s)), most)
        horizon = Horizon(
            letter.start_utc_s - ahead * letter.step_s, letter.step_s, max(self.options.steps, ahead + count)
        )
        span = slice(ahead, ahead + count)
        limits = None
        if letter.beside_s > 0.0:
            most_w = np.full(horizon.steps, letter.most_beside_kw * 1000.0)
            most_w[span] = np.inf
            most_w[span.stop + math.ceil(letter.beside_s / letter.step_s) :] = np.inf
            limits = Limits(most_w, np.full(horizon.steps, np.inf))
        return self._inquiry(message, letter.market, horizon, state, inputs, span, letter.base_kw, limits)

    def _priced(
        self,
        state: HomeState,
        letter: Prices,
        message: Message,
        inputs: SiteInputs,
        outputs: list[Output],
        now: Instants,
    ) -> HomeState:
        """One round of a coordination. The home is laid out once for all rounds, so that the solver goes on from where it was."""
        inquiry = state.inquiries.get(key_of(message.sender, letter.talks))
        if inquiry is None:
            if not 1 <= len(letter.added) <= letters.LONGEST or not 60.0 <= letter.step_s <= 7200.0:
                raise MalformedMessage("a round has 1 to 1008 prices for steps of 60 to 7200 s")
            horizon = Horizon(letter.start_utc_s, letter.step_s, len(letter.added))
            inquiry = self._inquiry(message, letter.talks, horizon, state, inputs)
            state = _without(state, inquiry)
        if len(letter.added) != inquiry.home.horizon.steps:
            raise MalformedMessage(f"round {letter.round} has {len(letter.added)} prices, the first one had others")
        if letter.round in inquiry.plans:
            outputs.append(_profile(inquiry, letter.round, inputs.terms.name))
            return state
        inquiry = replace(inquiry, wants=inquiry.wants | {letter.round})
        problem = inquiry.problem(letter.round, np.array(letter.added))
        outputs.append(Ask(f"{inquiry.key}#{letter.round}", problem, Moment(OWN, now.utc_s + _PATIENCE_S)))
        return replace(state, inquiries={**state.inquiries, inquiry.key: inquiry})

    def _agreed(self, state: HomeState, letter: Agreed, message: Message) -> HomeState:
        key, rounds = key_of(message.sender, letter.talks), letter.rounds
        inquiry = state.inquiries.get(key)
        known = inquiry is not None and len(rounds) == len(letter.weights) and all(r in inquiry.plans for r in rounds)
        rest = {name: one for name, one in state.inquiries.items() if name != key}
        if inquiry is None or not known or not rounds or abs(sum(letter.weights) - 1.0) > 1e-3:
            return replace(state, inquiries=rest)
        plan = combined([inquiry.plans[number] for number in rounds], list(letter.weights))
        return _kept(replace(state, inquiries=rest), message.function, self._executing(plan, message.sender, inquiry))

    def _awarded(self, state: HomeState, letter: Award, message: Message) -> HomeState:
        key = key_of(message.sender, letter.market)
        inquiry = state.inquiries.get(key)
        state = replace(state, inquiries={name: one for name, one in state.inquiries.items() if name != key})
        number = int(letter.bid) if letter.bid.isascii() and letter.bid.isdigit() else -1
        if inquiry is None or number not in inquiry.plans:
            return state
        plan = inquiry.plans[number]
        won = sale.sold(plan, commands(plan.series, self.options.dwelling), self.options.dwelling, inquiry)
        return _kept(replace(state, keeping=Keeping()), message.function, won)

    def _solved(
        self, state: HomeState, about: str, solution: object, inputs: SiteInputs, now: Instants, outputs: list[Output]
    ) -> HomeState:
        key, _, told = about.rpartition("#")
        inquiry = state.inquiries.get(key)
        if inquiry is None or not told.isdigit() or int(told) not in inquiry.wants:
            return state
        number = int(told)
        if not isinstance(solution, Solution) or not solution.usable:
            # Not in time: whoever asked goes on without it, and asks again if it wants.
            return replace(state, inquiries={**state.inquiries, key: replace(inquiry, wants=inquiry.wants - {number})})
        inquiry = inquiry.solved(number, solution)
        state = replace(state, inquiries={**state.inquiries, key: inquiry})
        site, name = inputs.terms.name, inquiry.name
        if inquiry.function == "day_ahead":
            outputs.append(_profile(inquiry, number, site))
        elif not inquiry.wants and inquiry.function == _OWN:
            return _kept(_without(state, inquiry), "", self._executing(inquiry.plans[0], "", inquiry))
        elif not inquiry.wants and 0 in inquiry.plans:
            if inquiry.function == _MARKET:
                outputs.append(letters.write(packages(inquiry), inquiry.function, inquiry.asker, site, name))
            elif {1, 2} <= inquiry.plans.keys():
                span_s = (inquiry.end - inquiry.first) * inquiry.home.horizon.step_s
                outputs.append(letters.write(flexibility(inquiry, span_s), inquiry.function, inquiry.asker, site, name))
                return _without(state, inquiry)
        return state

    def _pose_own(self, state: HomeState, inputs: SiteInputs, now: Instants, outputs: list[Output]) -> HomeState:
        step_s = self.options.step_s
        horizon = self._horizon(now.utc_s // step_s * step_s)
        asking = Message(_OWN, "", "", "", "", b"")
        inquiry = self._inquiry(asking, f"{_OWN}-{now.utc_s:.0f}", horizon, state, inputs)
        state = replace(state, replan_utc_s=now.utc_s + self.options.replan_s)
        return self._pose(state, inquiry, (0.0,), outputs, now)

    def _pose(
        self, state: HomeState, inquiry: Inquiry, prices: Iterable[float], outputs: list[Output], now: Instants
    ) -> HomeState:
        deadline = Moment(OWN, now.utc_s + _PATIENCE_S)
        numbers = []
        for number, price in enumerate(prices):
            outputs.append(Ask(f"{inquiry.key}#{number}", inquiry.problem(number, inquiry.within(price)), deadline))
            numbers.append(number)
        inquiry = replace(inquiry, wants=frozenset(numbers))
        return replace(state, inquiries={**_without(state, inquiry).inquiries, inquiry.key: inquiry})

    def _horizon(self, start_utc_s: float) -> Horizon:
        return Horizon(start_utc_s, self.options.step_s, self.options.steps)

    def _inquiry(
        self,
        message: Message,
        name: str,
        horizon: Horizon,
        state: HomeState,
        inputs: SiteInputs,
        span: slice = slice(0, 0),
        base_kw: tuple[float, ...] = (),
        limits: Limits | None = None,
    ) -> Inquiry:
        options = self.options
        usual_w = inputs.normal_w.get("", options.base_w)
        outlook = foresight.outlook(options, state.weather, state.durable.diary, usual_w, horizon)
        zones = tuple(zone.device for zone in options.dwelling.zones)
        learnt = state.durable.model.dynamics(zones, horizon.step_s, inputs.snapshot.at.utc_s)
        about = options.dwelling, inputs.snapshot, outlook, horizon, options.civil.at
        connection = inputs.terms.connection
        laid = laid_out(*about, learnt=learnt, connection=connection)
        held = None if limits is None else laid_out(*about, limits, learnt, connection)
        tariff = foresight.tariff(options, horizon, (*inputs.ahead, *inputs.in_force))
        doubt = state.durable.model.doubted(options.doubt, inputs.snapshot.at.utc_s)
        doubt_kw = tuple((foresight.doubt_w(options, outlook, doubt)[span] / 1000.0).tolist())
        function, asker = message.function, message.sender
        stays = charging.stays(options.dwelling, inputs.snapshot, horizon, options.civil.at)
        return Inquiry(asker, function, name, laid, tariff, span.start, span.stop, base_kw, doubt_kw, held, stays)

    def _executing(self, plan: Plan, agreed: str, inquiry: Inquiry) -> Executing:
        told = commands(plan.series, self.options.dwelling)
        return Executing(plan.horizon.start_utc_s, plan.horizon.step_s, told, agreed, stays=inquiry.stays)

    def _looked(self, state: HomeState, inputs: SiteInputs, now: Instants) -> HomeState:
        """At the meter, while less was sold: storage and heaters make up for what goes otherwise than planned."""
        plan = state.durable.plans.get(_MARKET)
        held = None if plan is None else lease_of(_MARKET, plan, inputs.in_force)
        if held is None or plan is None or not isinstance(held.control, LoadDispatch):
            return state
        aim_w, dwelling = held.control.value, self.options.dwelling
        return replace(state, keeping=sale.looked(state.keeping, plan, aim_w, inputs.snapshot, dwelling, now.utc_s))

    def _claims(self, state: HomeState, inputs: SiteInputs, now: Instants) -> Iterable[Claim]:
        """An agreed plan while its area's lease holds, else what prepares for a sale, else the home's own plan."""
        plans = state.durable.plans
        leases = {key: lease_of(key, plan, inputs.in_force) for key, plan in plans.items()}
        told: dict[str, Command] = {}
        causes: dict[str, InForce | None] = {}
        for key in sorted(plans, key=lambda one: (leases[one] is not None, one)):
            plan, held = plans[key], leases[key]
            if key and held is None and not sale.prepares(plan, now.utc_s):
                continue
            about = plan, inputs.snapshot, self.options.dwelling, now.utc_s
            ones = charging.told(*about) if plan.sold is None else sale.told(state.keeping, *about)
            for device, command in ones.items():
                told[device], causes[device] = command, held
        return [
            claim_of(device, *told[device], causes[device], NAME, now, self.options.step_s) for device in sorted(told)
        ]

    def _replans_utc_s(self, state: HomeState) -> float:
        """When the next plan of its own is due: also when what was sold is over, by what is then left of heat and charge."""
        planned_utc_s = state.replan_utc_s - self.options.replan_s
        ends = (plan.sold_until_utc_s for plan in state.durable.plans.values())
        return min((state.replan_utc_s, *(end_s for end_s in ends if end_s > planned_utc_s)))

    def _next(self, state: HomeState, now: Instants) -> float:
        ahead = [self._replans_utc_s(state)]
        for plan in state.durable.plans.values():
            done = int((now.utc_s - plan.start_utc_s) // plan.step_s) + 1
            ahead.append(plan.start_utc_s + max(0, done) * plan.step_s)
        return min(one for one in ahead if one > now.utc_s)


def _without(state: HomeState, asked: Inquiry) -> HomeState:
    """Of each asker and function one thing is asked at a time: what is new ends what was open before."""
    of = asked.function, asked.asker
    return replace(
        state, inquiries={key: one for key, one in state.inquiries.items() if (one.function, one.asker) != of}
    )


def _profile(inquiry: Inquiry, number: int, site: str) -> Message:
    plan = inquiry.plans[number]
    letter = Profile(inquiry.name, number, plan.cost, tuple((plan.net_w / 1000.0).tolist()))
    return letters.write(letter, inquiry.function, inquiry.asker, site, f"{inquiry.name}#{number}")


def _kept(state: HomeState, key: str, plan: Executing) -> HomeState:
    return replace(state, durable=replace(state.durable, plans={**state.durable.plans, key: plan}))
