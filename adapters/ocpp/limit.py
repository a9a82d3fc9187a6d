"""Setpoints <-> schedules of a connector; pure."""

import math
from dataclasses import dataclass
from typing import Final

from adapters.ocpp.facts import Period, Schedule, Unit
from adapters.ocpp.options import OcppOptions
from adapters.registers.orders import NOMINAL_V
from grid_functions.model.setpoint import Setpoint

SKEW_S: Final = 60
"""A schedule begins so long ago, that a station whose clock is late obeys it at once all the same."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A current per phase, 0 = pause, on so many phases (None: as wired)."""

    current_a: float
    phases: int | None = None


def limit_of(wanted: Setpoint, options: OcppOptions) -> Limit | None:
    """What a setpoint asks of a charger, in its own steps; None: nothing. Rule 1: below its least current it pauses."""
    phases = wanted.phases or len(options.phases)
    asked = [wanted.current_max_a] if wanted.current_max_a is not None else []
    if wanted.consume_max_w is not None:
        asked.append(wanted.consume_max_w / (NOMINAL_V * phases))
    if wanted.on is False or wanted.connect is False:
        asked.append(0.0)
    if not asked:
        return None
    # What is no number allows nothing.
    current_a = 0.0 if any(math.isnan(one) for one in asked) else min(*asked, options.maximum_a)
    if current_a < options.minimum_a - 1e-9:
        return Limit(0.0, wanted.phases)
    return Limit(math.floor(current_a / options.resolution_a + 1e-6) * options.resolution_a, wanted.phases)


@dataclass(frozen=True, slots=True)
class Manner:
    """How limits are written: their unit; whether they end in the fallback, or (``ends``) in none at all, after ``timeout_s``."""

    unit: Unit
    falls_back: bool
    ends: bool


def schedule_of(limit: Limit, manner: Manner, options: OcppOptions, utc_s: float) -> Schedule:
    """The limit from now on and, if we are not heard again, what follows.

    It ends in a second period and not with the schedule, after whose end a station limits itself no more (1.6, clause 3.13.3). That is
    on as many phases as the first: where none are told, three are assumed (1.6, clause 7.14), more than a fallback on one is counted at.
    """
    end_s = SKEW_S + round(options.timeout_s)
    periods = [Period(0, _in_unit(limit.current_a, limit.phases, manner.unit, options), limit.phases)]
    if manner.falls_back:
        periods.append(Period(end_s, _in_unit(options.fallback_a, limit.phases, manner.unit, options), limit.phases))
    duration_s = end_s if manner.ends and not manner.falls_back else None
    return Schedule(manner.unit, tuple(periods), float(math.floor(utc_s)) - SKEW_S, duration_s)


def shown_at(schedule: Schedule, options: OcppOptions, utc_s: float) -> Limit | None:
    """What a composite schedule limits now; None: nothing, or nothing that means anything."""
    began_s = 0.0 if schedule.start_utc_s is None else utc_s - schedule.start_utc_s
    # Interpretation: it begins when it is asked for (1.6, clause 5.7), unless it says a time that lies within it.
    span_s = schedule.duration_s if schedule.duration_s is not None else options.timeout_s + 2 * SKEW_S
    offset_s = began_s if 0.0 <= began_s <= span_s else 0.0
    holding = [one for one in schedule.periods if one.start_s <= offset_s]
    return _limit(holding[-1], schedule.unit, options) if holding else None


def falls_back(schedule: Schedule, options: OcppOptions) -> bool:
    """Whether a composite schedule shows at its end the fallback, or less."""
    if len(schedule.periods) < 2:
        return False
    last = _limit(schedule.periods[-1], schedule.unit, options)
    return last is not None and last.current_a <= options.fallback_a + options.resolution_a / 2


def same(one: Limit, other: Limit, options: OcppOptions) -> bool:
    """Within half a step, and on as many phases where both tell."""
    if None not in (one.phases, other.phases) and one.phases != other.phases and one.current_a > 0:
        return False
    return abs(one.current_a - other.current_a) <= options.resolution_a / 2


def setpoint_of(limit: Limit, options: OcppOptions, device: str, decision: int) -> Setpoint:
    """What is held, in the nouns of the house."""
    power_w = limit.current_a * NOMINAL_V * (limit.phases or len(options.phases))
    return Setpoint(device, decision, consume_max_w=power_w, current_max_a=limit.current_a, phases=limit.phases)


def _in_unit(current_a: float, phases: int | None, unit: Unit, options: OcppOptions) -> float:
    return current_a if unit == "A" else current_a * NOMINAL_V * (phases or len(options.phases))


def _limit(period: Period, unit: Unit, options: OcppOptions) -> Limit | None:
    if not 0.0 <= period.limit < math.inf or period.phases not in (None, 1, 2, 3):
        return None
    per_unit = 1.0 if unit == "A" else NOMINAL_V * (period.phases or len(options.phases))
    return Limit(period.limit / per_unit, period.phases)
