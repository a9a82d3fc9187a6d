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
from grid_functions.building import lesson
from grid_functions.building.civil import DAY_S
from grid_functions.building.diary import Diary, Running, noted
from grid_functions.building.dwelling import Outlook, commands, laid_out
from grid_functions.building.execution import Executing, claim_of
from grid_functions.building.forecast import forecast
from grid_functions.building.heating import Dynamics, Heating, dynamics
from grid_functions.building.home import Plan, Tariff, combined
from grid_functions.building.inquiry import MOVING, STEPS_OF_PRICE, Inquiry, flexibility, packages
from grid_functions.building.lesson import Lesson, Model, Taught
from grid_functions.building.observation import observed
from grid_functions.building.options import FUNCTION, HomeOptions
from grid_functions.building.part import Horizon
from grid_functions.building.program import Solution, Vector
from grid_functions.letters import Agreed, Asked, Award, Offers, Prices, Profile, Way, Weather
from grid_functions.model.claim import Claim, InForce, LeaseId
from grid_functions.model.control import LoadDispatch
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.function import Ask, Output, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.model.units import Quantity

NAME = FUNCTION
HEARS = frozenset({"day_ahead", "direct_load_control", "xor_market"})
"""The area functions whose letters it answers."""

_OWN, _LESSON = "own", "lesson"
_PATIENCE_S = 60.0
_KNOWN_S = 2 * DAY_S
"""Of measured base load, for it to be foreseen from that."""


@dataclass(frozen=True, slots=True)
class HomeDurable:
    """``plans``: the home's own under "", and what was agreed by the function it was agreed with. ``diary``: of the last days; ``model``:
    what was learnt from it.
    """

    VERSION: ClassVar[int] = 2

    plans: Mapping[str, Executing] = field(default_factory=dict)
    diary: Diary = field(default_factory=Diary)
    model: Model = field(default_factory=Model)

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before 2 there were plans alone; the rest begins empty."""
        return plain


@dataclass(frozen=True, slots=True)
class HomeState:
    """``inquiries`` by name, of this run; ``replan_utc_s``: when the next plan of its own is due. ``running``: of the diary;
    ``lesson_utc_s``: when the last lesson was asked for, and why nothing came of it.
    """

    durable: HomeDurable = field(default_factory=HomeDurable)
    inquiries: Mapping[str, Inquiry] = field(default_factory=dict)
    weather: Weather | None = None
    replan_utc_s: float = 0.0
    running: Running | None = None
    lesson_utc_s: float = -math.inf
    trouble: str = ""
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
        if now.utc_s >= state.replan_utc_s:
            state = self._pose_own(state, inputs, now, outputs)
        plans = {key: plan for key, plan in state.durable.plans.items() if plan.end_utc_s > now.utc_s}
        if plans.keys() != state.durable.plans.keys():
            state = replace(state, durable=replace(state.durable, plans=plans))
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
                inquiry = self._inquiry(message, letter.request, horizon, state, inputs, length)
                return self._pose(state, inquiry, (0.0, MOVING, -MOVING), outputs, now)
            case Offers():
                horizon = Horizon(letter.start_utc_s, letter.step_s, self.options.steps)
                inquiry = self._inquiry(message, letter.market, horizon, state, inputs, len(letter.prices))
                price = max(letter.prices, default=0.0)
                return self._pose(state, inquiry, (0.0, *(factor * price for factor in STEPS_OF_PRICE)), outputs, now)
            case Award():
                return self._awarded(state, letter, message)
            case _:
                return state

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
        inquiry = state.inquiries.get(letter.talks)
        if inquiry is None:
            if not 1 <= len(letter.added) <= letters.LONGEST or not 60.0 <= letter.step_s <= 7200.0:
                raise MalformedMessage("a round has 1 to 1008 prices for steps of 60 to 7200 s")
            horizon = Horizon(letter.start_utc_s, letter.step_s, len(letter.added))
            inquiry = self._inquiry(message, letter.talks, horizon, state, inputs)
            # A new coordination ends all that its function had open before.
            kept = {key: one for key, one in state.inquiries.items() if one.function != message.function}
            state = replace(state, inquiries=kept)
        if len(letter.added) != inquiry.home.horizon.steps:
            raise MalformedMessage(f"round {letter.round} has {len(letter.added)} prices, the first one had others")
        if letter.round in inquiry.plans:
            outputs.append(_profile(inquiry, letter.round, inputs.terms.name))
            return state
        inquiry = replace(inquiry, wants=inquiry.wants | {letter.round})
        problem = inquiry.problem(np.array(letter.added))
        outputs.append(Ask(f"{inquiry.name}#{letter.round}", problem, Moment(OWN, now.utc_s + _PATIENCE_S)))
        return replace(state, inquiries={**state.inquiries, inquiry.name: inquiry})

    def _agreed(self, state: HomeState, letter: Agreed, message: Message) -> HomeState:
        inquiry = state.inquiries.get(letter.talks)
        rounds = letter.rounds
        known = inquiry is not None and len(rounds) == len(letter.weights) and all(r in inquiry.plans for r in rounds)
        rest = {key: one for key, one in state.inquiries.items() if key != letter.talks}
        if inquiry is None or not known or not rounds or abs(sum(letter.weights) - 1.0) > 1e-3:
            return replace(state, inquiries=rest)
        plan = combined([inquiry.plans[number] for number in rounds], list(letter.weights))
        return _kept(replace(state, inquiries=rest), message.function, self._executing(plan, message.function))

    def _awarded(self, state: HomeState, letter: Award, message: Message) -> HomeState:
        inquiry = state.inquiries.get(letter.market)
        rest = {key: one for key, one in state.inquiries.items() if key != letter.market}
        state = replace(state, inquiries=rest)
        number = int(letter.bid) if letter.bid.isascii() and letter.bid.isdigit() else -1
        if inquiry is None or number not in inquiry.plans:
            return state
        return _kept(state, message.function, self._executing(inquiry.plans[number], message.function))

    def _solved(
        self, state: HomeState, about: str, solution: object, inputs: SiteInputs, now: Instants, outputs: list[Output]
    ) -> HomeState:
        name, _, told = about.rpartition("#")
        inquiry = state.inquiries.get(name)
        if inquiry is None or not told.isdigit() or int(told) not in inquiry.wants:
            return state
        number = int(told)
        if not isinstance(solution, Solution) or not solution.usable:
            # Not in time: whoever asked goes on without it, and asks again if it wants.
            return replace(state, inquiries={**state.inquiries, name: replace(inquiry, wants=inquiry.wants - {number})})
        inquiry = inquiry.solved(number, solution)
        state = replace(state, inquiries={**state.inquiries, name: inquiry})
        site = inputs.terms.name
        if inquiry.function == "day_ahead":
            outputs.append(_profile(inquiry, number, site))
        elif not inquiry.wants and inquiry.function == _OWN:
            rest = {key: one for key, one in state.inquiries.items() if key != name}
            return _kept(replace(state, inquiries=rest), "", self._executing(inquiry.plans[0], ""))
        elif not inquiry.wants and 0 in inquiry.plans:
            if inquiry.function == "xor_market":
                outputs.append(letters.write(packages(inquiry), inquiry.function, inquiry.asker, site, name))
            elif {1, 2} <= inquiry.plans.keys():
                span_s = (inquiry.end - inquiry.first) * inquiry.home.horizon.step_s
                outputs.append(letters.write(flexibility(inquiry, span_s), inquiry.function, inquiry.asker, site, name))
        return state

    def _pose_own(self, state: HomeState, inputs: SiteInputs, now: Instants, outputs: list[Output]) -> HomeState:
        step_s = self.options.step_s
        horizon = self._horizon(now.utc_s // step_s * step_s)
        asking = Message(_OWN, "", "", "", "", b"")
        inquiry = self._inquiry(asking, f"{_OWN}-{now.utc_s:.0f}", horizon, state, inputs)
        kept = {key: one for key, one in state.inquiries.items() if one.function != _OWN}
        state = replace(state, inquiries=kept, replan_utc_s=now.utc_s + self.options.replan_s)
        return self._pose(state, inquiry, (0.0,), outputs, now)

    def _pose(
        self, state: HomeState, inquiry: Inquiry, prices: Iterable[float], outputs: list[Output], now: Instants
    ) -> HomeState:
        deadline = Moment(OWN, now.utc_s + _PATIENCE_S)
        numbers = []
        for number, price in enumerate(prices):
            outputs.append(Ask(f"{inquiry.name}#{number}", inquiry.problem(inquiry.within(price)), deadline))
            numbers.append(number)
        inquiry = replace(inquiry, wants=frozenset(numbers))
        return replace(state, inquiries={**state.inquiries, inquiry.name: inquiry})

    def _horizon(self, start_utc_s: float) -> Horizon:
        return Horizon(start_utc_s, self.options.step_s, self.options.steps)

    def _inquiry(
        self, message: Message, name: str, horizon: Horizon, state: HomeState, inputs: SiteInputs, end: int = 0
    ) -> Inquiry:
        outlook = self._outlook(state, horizon, inputs)
        zones = tuple(zone.device for zone in self.options.dwelling.zones)
        learnt = state.durable.model.dynamics(zones, horizon.step_s, inputs.snapshot.at.utc_s)
        civil = self.options.civil
        laid = laid_out(self.options.dwelling, inputs.snapshot, outlook, horizon, civil.at, learnt=learnt)
        return Inquiry(message.sender, message.function, name, laid, self._tariff(horizon, inputs), 0, end)

    def _outlook(self, state: HomeState, horizon: Horizon, inputs: SiteInputs) -> Outlook:
        weather = state.weather
        times = horizon.start_utc_s + (np.arange(horizon.steps) + 0.5) * horizon.step_s
        base_w = self._base_w(state.durable.diary, horizon, times.tolist(), inputs)
        if weather is None or not weather.outdoor_c or len(weather.outdoor_c) != len(weather.sun_w_m2):
            return Outlook(np.full(horizon.steps, self.options.outdoor_c), np.zeros(horizon.steps), base_w)
        known = weather.start_utc_s + (np.arange(len(weather.outdoor_c)) + 0.5) * weather.step_s
        sun = np.interp(times, known, np.array(weather.sun_w_m2), left=0.0, right=0.0)
        return Outlook(np.interp(times, known, np.array(weather.outdoor_c)), np.maximum(sun, 0.0), base_w)

    def _base_w(self, diary: Diary, horizon: Horizon, times: list[float], inputs: SiteInputs) -> Vector:
        known = diary.base()
        if len(known) * diary.step_s >= _KNOWN_S:
            civil = self.options.civil
            foreseen = forecast(known, horizon.start_utc_s, horizon.step_s, horizon.steps, civil.at)
            if foreseen is not None:
                return foreseen
        if not self.options.base_by_hour_w:
            return np.full(len(times), max(0.0, inputs.normal_w.get("", self.options.base_w)))
        hours = [(self.options.civil.at(utc_s)[1] / 3600.0 - 0.5) % 24.0 for utc_s in times]
        told: Vector = np.interp(hours, np.arange(24), np.array(self.options.base_by_hour_w), period=24.0)
        return told

    def _tariff(self, horizon: Horizon, inputs: SiteInputs) -> Tariff:
        """Prices by step: what is in force or known ahead, else configuration's; export never above import."""
        imported = np.full(horizon.steps, self.options.import_price)
        exported = np.full(horizon.steps, self.options.export_price)
        for held in (*inputs.ahead, *inputs.in_force):
            match held.control:
                case Price(of=Priced.IMPORT, kind=PriceKind.ABSOLUTE, value=value):
                    _put(imported, horizon, held, value)
                case Price(of=Priced.EXPORT, kind=PriceKind.ABSOLUTE, value=value):
                    _put(exported, horizon, held, value)
        return Tariff(imported, np.minimum(exported, imported - 1e-3))

    def _executing(self, plan: Plan, agreed: str) -> Executing:
        told = commands(plan.series, self.options.dwelling)
        return Executing(plan.horizon.start_utc_s, plan.horizon.step_s, told, agreed)

    def _claims(self, state: HomeState, inputs: SiteInputs, now: Instants) -> Iterable[Claim]:
        """An agreed plan while its area's lease holds, else the home's own."""
        leases = {
            held.cause.subject.partition("/")[0]: held
            for held in inputs.in_force
            if isinstance(held.cause, LeaseId) and isinstance(held.control, LoadDispatch)
        }
        told: dict[str, tuple[Quantity, float]] = {}
        causes: dict[str, InForce | None] = {}
        for key in ("", *sorted(leases)):
            plan = state.durable.plans.get(key)
            for device, command in (plan.at(now.utc_s) if plan is not None else {}).items():
                told[device], causes[device] = command, leases.get(key)
        return [
            claim_of(device, *told[device], causes[device], NAME, now, self.options.step_s) for device in sorted(told)
        ]

    def _next(self, state: HomeState, now: Instants) -> float:
        ahead = [state.replan_utc_s]
        for plan in state.durable.plans.values():
            done = int((now.utc_s - plan.start_utc_s) // plan.step_s) + 1
            ahead.append(plan.start_utc_s + max(0, done) * plan.step_s)
        return min(one for one in ahead if one > now.utc_s)


def _put(into: Vector, horizon: Horizon, held: InForce, value: float) -> None:
    """A price into the steps it holds at the beginning of; on an upstream's clock, which is near enough for prices."""
    starts = horizon.start_utc_s + np.arange(horizon.steps) * horizon.step_s
    until = np.inf if held.until is None else held.until.at_s
    if np.isfinite(value):
        into[(starts >= held.since.at_s - horizon.step_s) & (starts < until)] = value


def _profile(inquiry: Inquiry, number: int, site: str) -> Message:
    plan = inquiry.plans[number]
    letter = Profile(inquiry.name, number, plan.cost, tuple((plan.net_w / 1000.0).tolist()))
    return letters.write(letter, inquiry.function, inquiry.asker, site, f"{inquiry.name}#{number}")


def _kept(state: HomeState, key: str, plan: Executing) -> HomeState:
    return replace(state, durable=replace(state.durable, plans={**state.durable.plans, key: plan}))
