"""The cases of a laboratory day: the same homes, each time under another regime, and what their meters then show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gateway.lab.area import AREA, Coordinator
from gateway.lab.crew import Crew
from gateway.lab.street import SETTLE_S, Ended, Play, Window
from gateway.lab.weather import STEP_S, STEPS
from gateway.solver import Solver
from grid_functions.area import peak, talks
from grid_functions.area.central import central
from grid_functions.area.day_ahead import NAME as DAY_AHEAD
from grid_functions.area.day_ahead import DayAhead, DayAheadOptions, Session
from grid_functions.area.peak import Demand
from grid_functions.area.talks import Certificate
from grid_functions.area.tariff_signal import NAME as TARIFF
from grid_functions.area.tariff_signal import TariffSignal, TariffSignalOptions
from grid_functions.building.home import Home as Laid
from grid_functions.building.home import Plan, Tariff
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Vector
from grid_functions.model.claim import LeaseId
from grid_functions.model.event import Interval
from grid_functions.model.lease import Lease, Message
from grid_functions.model.tariff import Price, Priced, PriceKind

IMPORT_PRICE, EXPORT_PRICE = 0.08, 0.03
LEAD_S = 1800.0
DAY_S = STEPS * STEP_S
_ANEW_S, ONCE_S = 21_570.0, 86_370.0
"""After how long a home plans anew for itself, and so seldom that a case has one plan; neither falls into an instant of reading."""
_NAIVE_ROUNDS = 8

Step = Callable[[str, float], None]
"""Progress: the case, and the share of it that is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """``kw`` by home and step from ``began_s`` after noon on, in steps of ``step_s``, positive = import.

    ``measured``: read at the meters; else it is what a plan says, and nothing of it was carried out.
    """

    name: str
    measured: bool
    kw: Mapping[str, Vector]
    began_s: float = 0.0
    step_s: float = STEP_S
    ended: tuple[Ended, ...] = ()

    @property
    def feeder_kw(self) -> Vector:
        """The feeder's power by step."""
        summed: Vector = np.sum(list(self.kw.values()), axis=0)
        return summed

    @property
    def peak_kw(self) -> float:
        """Its highest."""
        return float(self.feeder_kw.max())

    @property
    def energy_kwh(self) -> float:
        """What flowed in less what flowed out."""
        return float(self.feeder_kw.sum()) * self.step_s / 3600.0

    def money(self, charge: float) -> float:
        """Energy of each home at the standing tariff, and the demand charge on the feeder's peak."""
        kw = np.array(list(self.kw.values()))
        energy = np.where(kw > 0.0, IMPORT_PRICE, EXPORT_PRICE) * kw
        return float(energy.sum()) * self.step_s / 3600.0 + charge * self.peak_kw


@dataclass(slots=True)
class Talked:
    """What the talks of the day-ahead coordination leave for other cases.

    ``laid``: the homes' programs as they were; ``price``: what the plan itself is worth by step, currency per kW; ``history``: bound,
    plan's cost and plan's peak after each round.
    """

    certificate: Certificate
    plan: Mapping[str, Vector]
    price: Vector
    laid: Mapping[str, tuple[Laid, Tariff]]
    letters_bytes: int
    history: list[tuple[float, float, float]] = field(default_factory=list)

    def rounds_to(self, gap: float) -> int | None:
        """After how many rounds the certified gap was that small; None = never."""
        ends = (number for number, (lower, upper, _) in enumerate(self.history, 1) if upper - lower <= gap * abs(upper))
        return next(ends, None)


class Delay:
    """Holds letters of homes back for one round: each home with this ``share`` as chance in each, by seed."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._draw = share, np.random.default_rng([seed, 2])
        self._held: tuple[Message, ...] = ()

    @property
    def holding(self) -> bool:
        """Whether a letter is being held back."""
        return bool(self._held)

    def passed(self, window: Window) -> Window:
        """What comes in time of this window, and what was late in the last one that brought letters."""
        if not window.letters:
            return window
        senders = sorted({one.sender for one in window.letters})
        late = {one for one in senders if self._draw.random() < self._share}
        coming = (*self._held, *(one for one in window.letters if one.sender not in late))
        self._held = tuple(one for one in window.letters if one.sender in late)
        return replace(window, letters=coming)


@dataclass(slots=True)
class Laboratory:
    """One feeder, its crew, and the demand charge, currency per kW of the day's peak.

    ``deaf``: homes that take part in the talks and never follow what was agreed; ``bent``: what becomes of the homes' letters on their way.
    """

    crew: Crew
    charge: float = 0.5
    progress: Step = lambda case, done: None
    late: float = 0.0
    seed: int = 0
    deaf: frozenset[str] = frozenset()
    bent: Callable[[Window], Window] = lambda window: window

    def no_control(self) -> Case:
        """Thermostats, tanks and chargers as people leave them; batteries idle."""
        self._begin(Play(gateways=False))
        return self._day("no_control")

    def flat(self) -> Case:
        """Each home for itself at one price."""
        self._begin(Play(options=self.options(_ANEW_S)))
        return self._day("flat")

    def tou(self) -> Case:
        """Each home for itself at a time-of-use tariff that the area leases."""
        options = TariffSignalOptions("time_of_use", hours=48)
        area = Coordinator(self.crew, {TARIFF: TariffSignal(options)}, ttl_s=3 * 3600.0)
        self._begin(Play(options=self.options(_ANEW_S)))
        return self._day("tou", area)

    def posted(self, name: str, price: Vector) -> Case:
        """Each home for itself at prices by step: ``price`` in currency per kW and step, added to the standing tariff."""
        self._begin(Play(options=self.options(ONCE_S)))
        added = price / (STEP_S / 3600.0)
        series = tuple(
            Interval(
                k * STEP_S,
                STEP_S,
                (
                    Price(Priced.IMPORT, PriceKind.ABSOLUTE, IMPORT_PRICE + more),
                    Price(Priced.EXPORT, PriceKind.ABSOLUTE, EXPORT_PRICE + more),
                ),
            )
            for k, more in enumerate(added.tolist())
        )
        lease = Lease(LeaseId(AREA, "tariff/prices", 1), 2 * DAY_S, (), self.crew.noon_utc_s, series)
        self.crew.advance(self._began_s, {spec.name: [lease] for spec in self.crew.specs})
        return self._day(name)

    def day_ahead(self) -> tuple[Case, Talked]:
        """Prices are negotiated half an hour before noon; each home then carries out its part of the plan."""
        options = DayAheadOptions(charge=self.charge, begins_s=43_200.0 - LEAD_S, lead_s=LEAD_S)
        area = Coordinator(self.crew, {DAY_AHEAD: DayAhead(options)}, ttl_s=3600.0, deaf=self.deaf)
        delay = Delay(self.late, self.seed)
        self._begin(Play(options=self.options(ONCE_S)))
        now_s = self.crew.noon_utc_s - LEAD_S
        area.step(area.pass_to(now_s))
        laid: Mapping[str, tuple[Laid, Tariff]] = {}
        history: list[tuple[float, float, float]] = []
        last = None
        while (session := area.of(DAY_AHEAD).session) is not None:
            # A round that somebody is late in ends by its deadline.
            now_s = max(now_s + 1.0, session.deadline_utc_s if delay.holding else 0.0)
            window = delay.passed(self.bent(area.pass_to(now_s)))
            laid = laid or self.crew.laid(DAY_AHEAD)
            area.step(window)
            last = session
            # A round that somebody is late in is looked at more than once.
            if (best := session.talks.best) is not None and session.talks.round > len(history):
                history.append((session.talks.lower, best.cost, best.peak_kw))
            self.progress("day_ahead", 0.3 * min(1.0, len(history) / 20.0))
        agreement = area.of(DAY_AHEAD).durable.agreement
        assert agreement is not None
        assert last is not None
        certificate = agreement.certificate
        history.append((certificate.lower, certificate.upper, certificate.peak_kw))
        plan = {name: np.array(profile) for name, profile in agreement.profiles.items()}
        talked = Talked(certificate, plan, self._shadow(last), laid, area.bytes, history=history)
        return self._day("day_ahead", area), talked

    def central(self, talked: Talked) -> tuple[Case, float, float]:
        """The yardstick: all homes in one program, which nobody could write down in the field. Case, cost and peak of the plan."""
        homes, tariffs = zip(*talked.laid.values(), strict=True)
        demand = Demand(self.charge, np.zeros(STEPS))
        whole = central(homes, tariffs, demand)
        solution = Solver(1, interior=True).solve(whole.problem, 600.0)
        if not solution.usable:
            raise RuntimeError("the central program was not solved")
        plans = dict(zip(talked.laid, whole.plans(solution), strict=True))
        case = Case("central", False, {name: plan.net_w / 1000.0 for name, plan in plans.items()})
        return case, sum(plan.cost for plan in plans.values()) + self.charge * case.peak_kw, case.peak_kw

    def naive_price(self, talked: Talked) -> Vector:
        """Best response: the price of each round is dear where the last round's load was above its mean; so many rounds."""
        price = np.full(STEPS, self.charge / STEPS)
        solver = Solver(len(talked.laid) + 1)
        for number in range(_NAIVE_ROUNDS):
            load = np.zeros(STEPS)
            for laid, tariff in talked.laid.values():
                solution = solver.solve(laid.problem(tariff.shifted(price / (STEP_S / 3600.0))))
                plan: Plan = laid.plan(solution, tariff)
                load += plan.net_w / 1000.0
            excess = np.maximum(0.0, load - load.mean())
            price = self.charge * excess / excess.sum()
            self.progress("best_response", 0.3 * (number + 1) / _NAIVE_ROUNDS)
        return price

    def _shadow(self, session: Session) -> Vector:
        """The price that the plan itself puts on each step: the duals of its peak, which sum up to the charge."""
        groups = len(talks.groups_of(session.talks, session.terms))
        demand = talks.demand_of(session.talks, session.terms)
        duals = Solver(1).solve(peak.master(session.columns, groups, demand)).duals[:STEPS]
        price: Vector = np.abs(duals)
        return price

    @property
    def _began_s(self) -> float:
        return self.crew.noon_utc_s - SETTLE_S

    def options(self, replan_s: float) -> dict[str, HomeOptions]:
        """Each home's steward as it is configured; it plans anew after so many seconds."""
        return {
            spec.name: HomeOptions(
                dwelling=spec.dwelling,
                import_price=IMPORT_PRICE,
                export_price=EXPORT_PRICE,
                base_by_hour_w=spec.base_by_hour_w,
                replan_s=replan_s,
            )
            for spec in self.crew.specs
        }

    def _begin(self, play: Play) -> None:
        self.crew.begin(play, self._began_s)

    def _day(self, name: str, area: Coordinator | None = None) -> Case:
        """From now until noon of the next day, read at the meters every ten minutes."""
        noon_s = self.crew.noon_utc_s
        if area is not None:
            area.step(area.pass_to(self._began_s))

        def pass_to(until_s: float) -> Mapping[str, float]:
            if area is None:
                return self.crew.advance(until_s, meters=True).counters_wh
            window = area.pass_to(until_s, meters=True)
            if until_s < noon_s + DAY_S - LEAD_S:
                area.step(window)
            return window.counters_wh

        before = pass_to(noon_s)
        kw: dict[str, list[float]] = {one: [] for one in before}
        for k in range(STEPS):
            after = pass_to(noon_s + (k + 1) * STEP_S)
            for one, wh in after.items():
                kw[one].append((wh - before[one]) / 1000.0 / (STEP_S / 3600.0))
            before = after
            self.progress(name, (k + 1) / STEPS)
        return Case(name, True, {one: np.array(values) for one, values in sorted(kw.items())}, ended=self.crew.end())


def gap_to(upper: float, optimum: float) -> float:
    """How much dearer a plan is than the optimum, relative."""
    return (upper - optimum) / abs(optimum)
