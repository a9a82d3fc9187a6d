"""Hands on what somebody outside has decided: prices and limits by step, and one limit that holds until it is taken back, to every member.

Each member has the whole of a limit: it is of a building, not of the area. Nothing is divided and nothing is planned here; the members'
stewards plan with the prices, and the limits hold there as any others do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.area.ranges import DEAREST, ahead_fault, check, currency_fault, outside
from grid_functions.area.standing import Standing, changes
from grid_functions.area.tariffs import series_of
from grid_functions.letters import EachLimit, EachLimits, EachPrices, Restore, Way
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Interval
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant

NAME = "schedule"
_PARTS = frozenset({"", "limit", "limits", "prices"})
_LARGEST_KW = 1e6


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """``currency`` of the prices, ISO 4217."""

    currency: str = ""

    def __post_init__(self) -> None:
        check(NAME, {}, currency_fault(NAME, self.currency))


@dataclass(frozen=True, slots=True)
class Timed:
    """Values by step from ``start_utc_s``: kW, or currency per kWh."""

    start_utc_s: float
    step_s: float
    values: tuple[float, ...]

    @property
    def end_utc_s(self) -> float:
        """When the last step is over."""
        return self.start_utc_s + self.step_s * len(self.values)


@dataclass(frozen=True, slots=True)
class ScheduleDurable:
    """What holds: one limit without an end, kW, and two series."""

    limit_kw: float | None = None
    limits: Timed | None = None
    prices: Timed | None = None


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """``standing``: what was granted in this run."""

    durable: ScheduleDurable = field(default_factory=ScheduleDurable)
    standing: Standing = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """Does what it is ordered; a series ends by itself, the one limit when it is taken back."""

    options: ScheduleOptions = field(default_factory=ScheduleOptions)

    def empty(self) -> ScheduleState:
        """The state at birth."""
        return ScheduleState()

    def step(self, state: ScheduleState, inputs: AreaInputs, now: Instants) -> Step[ScheduleState]:
        """Take orders, let go of what is over, and grant what holds."""
        outputs: list[Output] = []
        durable = state.durable
        for message in inputs.orders:
            try:
                durable = _ordered(durable, letters.read(message, Way.ORDER), now)
            except MalformedMessage as fault:
                outputs.append(message_of(Alarm(NAME, message.kind, str(fault)), NAME))
        durable = replace(durable, limits=_ahead(durable.limits, now), prices=_ahead(durable.prices, now))
        standing, grants = changes(state.standing, self._grants(durable, inputs.enrolled))
        outputs += grants
        ends = [one.end_utc_s for one in (durable.limits, durable.prices) if one is not None]
        outputs += [WakeAt(Moment(OWN, end_s)) for end_s in ends]
        return Step(ScheduleState(durable, standing), tuple(outputs))

    def told(self, state: ScheduleState) -> Mapping[str, Any]:
        """What holds."""
        return asdict(state.durable)

    def _grants(self, durable: ScheduleDurable, members: tuple[str, ...]) -> Iterable[Grant]:
        limits, prices, currency = durable.limits, durable.prices, self.options.currency
        capped = () if limits is None else _limits(limits)
        priced = () if prices is None else _prices(prices, currency)
        for member in members:
            if durable.limit_kw is not None:
                yield Grant(member, "limit", (ImportLimit(durable.limit_kw * 1000.0),))
            if limits is not None:
                yield Grant(member, "limits", (), limits.start_utc_s, capped)
            if prices is not None:
                yield Grant(member, "prices", (), prices.start_utc_s, priced)


def _ordered(durable: ScheduleDurable, order: object, now: Instants) -> ScheduleDurable:
    """What holds after an order. Raises MalformedMessage; then what held holds on."""
    match order:
        case EachLimit(limit_kw=limit_kw):
            _sound(outside("limit_kw", limit_kw, 0.0, _LARGEST_KW))
            return replace(durable, limit_kw=limit_kw)
        case EachLimits(start_utc_s=start_s, step_s=step_s, limits_kw=values):
            return replace(durable, limits=_timed(Timed(start_s, step_s, values), "limits_kw", 0.0, _LARGEST_KW, now))
        case EachPrices(start_utc_s=start_s, step_s=step_s, prices=values):
            timed = _timed(Timed(start_s, step_s, values), "prices", -DEAREST, DEAREST, now)
            return replace(durable, prices=timed)
        case Restore(what=what):
            _sound("" if what in _PARTS else f"knows no {what!r}: name limit, limits or prices, or nothing")
            return ScheduleDurable(
                None if what in ("", "limit") else durable.limit_kw,
                None if what in ("", "limits") else durable.limits,
                None if what in ("", "prices") else durable.prices,
            )
        case _:
            return durable


def _timed(told: Timed, name: str, least: float, most: float, now: Instants) -> Timed:
    _sound("" if told.values else f"{name} are none")
    _sound(outside("step_s", told.step_s, 60.0, 7200.0))
    for value in told.values:
        _sound(outside(name, value, least, most))
    # A series may have begun: its present step and those to come hold.
    _sound(ahead_fault(max(told.start_utc_s, now.utc_s), now.utc_s))
    _sound("" if told.end_utc_s > now.utc_s else f"{name} are over already")
    return told


def _sound(fault: str) -> None:
    if fault:
        raise MalformedMessage(fault)


def _ahead(timed: Timed | None, now: Instants) -> Timed | None:
    return timed if timed is not None and timed.end_utc_s > now.utc_s else None


# Kept for as long as they stand: of a week for a thousand members each step would otherwise make, and compare, a million intervals.
@lru_cache(maxsize=16)
def _limits(timed: Timed) -> tuple[Interval, ...]:
    return tuple(
        Interval(k * timed.step_s, timed.step_s, (ImportLimit(value * 1000.0),)) for k, value in enumerate(timed.values)
    )


@lru_cache(maxsize=16)
def _prices(timed: Timed, currency: str) -> tuple[Interval, ...]:
    return series_of(timed.values, timed.step_s, currency=currency)
