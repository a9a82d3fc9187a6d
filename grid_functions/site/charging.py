"""Charging by need: so much energy by a time of day, and charging with the sun's surplus alone until then.

How a limit is shared is not decided here: whoever has a need is served first under it, the more so the nearer his departure. Without a
plan a charger shares fairly, or by its site's ``priority``.
"""

import math
from dataclasses import dataclass

from grid_functions.model.claim import Claim, InForce, Need
from grid_functions.model.control import LoadLimit, Mode
from grid_functions.model.device import Role, Seen, Vehicle
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import DeviceTerms
from grid_functions.model.units import Quantity
from grid_functions.rating import DEVICE_STALE, measured_w, most_w
from grid_functions.site.local import alone, bound, drawn_w, good, voice

NAME = "charging"
_DAY_S = 86_400.0
_MARGIN = 1.1
"""Needs are met a tenth early: a car takes less at the end of its charge."""

_URGENT = 0.8
_LEAST_LEFT_S = 300.0
_GONE = frozenset({None, Vehicle.ABSENT, Vehicle.NO_POWER, Vehicle.FAULT})


@dataclass(frozen=True, slots=True)
class ChargePlan:
    """``energy_wh`` at ``charger`` by ``by_s`` seconds after midnight UTC; None = as soon as may be. ``solar``: until it becomes urgent it
    charges with what the site would export."""

    charger: str
    energy_wh: float = math.inf
    by_s: float | None = None
    solar: bool = False


@dataclass(frozen=True, slots=True)
class ChargingOptions:
    """The plans, at most one for each charger."""

    plans: tuple[ChargePlan, ...] = ()

    def __post_init__(self) -> None:
        mistakes = []
        names = [plan.charger for plan in self.plans]
        mistakes += [
            f"{NAME}.plans names {name} twice" for name in sorted({one for one in names if names.count(one) > 1})
        ]
        for plan in self.plans:
            if not plan.energy_wh > 0:
                mistakes.append(f"{NAME}.plans: {plan.charger} needs {plan.energy_wh} Wh: give more than 0")
            if plan.by_s is not None and not 0 <= plan.by_s < _DAY_S:
                mistakes.append(f"{NAME}.plans: {plan.charger} leaves at {plan.by_s} s: give 0 up to 86400")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class ChargingState:
    """Nothing to remember: what a vehicle has taken its charger tells."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Charging:
    """A need for every plan whose vehicle is there, and a bound while only the sun may charge it."""

    options: ChargingOptions = ChargingOptions()

    def empty(self) -> ChargingState:
        """The state at birth."""
        return ChargingState()

    def step(self, state: ChargingState, inputs: SiteInputs, now: Instants) -> Step[ChargingState]:
        """Claims for the vehicles that are there; called again when a need becomes urgent at the latest in a minute."""
        claims: list[Claim] = []
        for plan in self.options.plans:
            seen, device = inputs.snapshot.devices.get(plan.charger), inputs.terms.devices.get(plan.charger)
            if seen is None or device is None or device.role is not Role.EVSE or seen.condition.vehicle in _GONE:
                continue
            most = most_w(seen, Quantity.CONSUMED)
            need_w = min(most, _need_w(plan, seen, now))
            urgent = need_w >= _URGENT * most
            if need_w > 0 and plan.by_s is not None:
                claims.append(_need(plan.charger, need_w, device, urgent=urgent))
            if plan.solar and not (urgent and plan.by_s is not None):
                limit_w = max(_surplus_w(seen, inputs), need_w if plan.by_s is not None else 0.0)
                claims.append(bound(NAME, alone(plan.charger), Quantity.CONSUMED, limit_w))
        again = (WakeAt(Moment(OWN, now.utc_s + 60.0)),) if claims else ()
        return Step(state, (*claims, *again))


def _need(name: str, power_w: float, device: DeviceTerms, *, urgent: bool) -> Claim:
    want = Need(power_w, device.priority + int(urgent))
    cause: InForce = voice(NAME, LoadLimit(power_w))
    return Claim(alone(name), Quantity.CONSUMED, want, want, Mode.LOAD_LIMIT, cause)


def _need_w(plan: ChargePlan, seen: Seen, now: Instants) -> float:
    """The mean power, W, that still brings it there in time; of one who names no time, none."""
    taken = seen.condition.readings.get((Quantity.SESSION_ENERGY, None))
    left_wh = plan.energy_wh - (taken.value if taken is not None and math.isfinite(taken.value) else 0.0)
    if plan.by_s is None or left_wh <= 0:
        return 0.0
    left_s = (plan.by_s - now.utc_s) % _DAY_S
    return _MARGIN * left_wh * 3600.0 / max(left_s, _LEAST_LEFT_S)


def _surplus_w(seen: Seen, inputs: SiteInputs) -> float:
    """What the site exports beside this charger, W; nothing while the meter or the charger does not tell (rule 6)."""
    stale_s = inputs.terms.meter_stale_s
    net_w = drawn_w(inputs.snapshot, stale_s)
    draws_w = measured_w(seen, Quantity.CONSUMED, inputs.snapshot.at.mono_s, DEVICE_STALE * stale_s)
    stored_w = 0.0
    for name, device in inputs.terms.devices.items():
        other = inputs.snapshot.devices.get(name)
        if device.role is Role.BATTERY and other is not None:
            at = other.condition.readings.get((Quantity.NET, None))
            # what the battery gives is not the sun's
            stored_w += min(0.0, good(at, inputs.snapshot.at.mono_s, DEVICE_STALE * stale_s) or 0.0)
    return 0.0 if net_w is None or draws_w is None else max(0.0, draws_w - net_w + stored_w)
