"""Capacity of the connection: what an upstream let subscribe and what it granted on top add up to one bound (rule 2; OpenADR 3)."""

import math
from dataclasses import dataclass
from typing import ClassVar

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, InForce, Source
from grid_functions.model.control import Control, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.tariff import Capacity, CapacityKind, Direction
from grid_functions.model.units import Quantity
from grid_functions.site.reach import who

NAME = "capacity"
_QUANTITY = {Direction.IMPORT: Quantity.CONSUMED, Direction.EXPORT: Quantity.PRODUCED}
_MODE = {Direction.IMPORT: Mode.IMPORT_LIMIT, Direction.EXPORT: Mode.EXPORT_LIMIT}


@dataclass(frozen=True, slots=True)
class CapacityOptions:
    """What is subscribed by contract where no event tells it, W >= 0. None = unknown: a reservation alone is then all (rule 6)."""

    import_subscription_w: float | None = None
    export_subscription_w: float | None = None

    def __post_init__(self) -> None:
        told = {"import": self.import_subscription_w, "export": self.export_subscription_w}
        mistakes = [
            f"{NAME}.{name}_subscription_w is {value}: give watts, 0 or more"
            for name, value in told.items()
            if value is not None and not 0 <= value < math.inf
        ]
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class CapacityState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class KeepCapacity:
    """One bound per upstream and direction; what is on offer binds nothing, and a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({Capacity})
    options: CapacityOptions = CapacityOptions()

    def empty(self) -> CapacityState:
        """The state at birth."""
        return CapacityState()

    def step(self, state: CapacityState, inputs: SiteInputs, now: Instants) -> Step[CapacityState]:
        """Claims for what is in force, alarms for what is no power."""
        groups: dict[tuple[Source, Direction], dict[CapacityKind, InForce]] = {}
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            control = held.control
            if held.test or not isinstance(control, Capacity) or control.kind is CapacityKind.AVAILABLE:
                continue
            if not math.isfinite(control.power_w):
                alarms.append(Alarm(NAME, who(held), f"a {control.kind.value} of {control.power_w:g} W is none"))
                continue
            if control.power_w < 0:
                alarms.append(
                    Alarm(NAME, who(held), f"a {control.kind.value} of {control.power_w:g} W is taken as 0 W")
                )
            groups.setdefault((held.source, control.direction), {})[control.kind] = held
        claims = [self._claim(direction, parts, now) for (_, direction), parts in groups.items()]
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """Where nothing can be limited in that direction; what is only on offer is always taken note of."""
        if not isinstance(control, Capacity):
            return None
        if control.kind is CapacityKind.AVAILABLE:
            return ""
        return ability.nobody_can(_MODE[control.direction], respondent, terms, snapshot)

    def _claim(self, direction: Direction, parts: dict[CapacityKind, InForce], now: Instants) -> Claim:
        bound = Bound(sum(_power_w(one) for one in parts.values()))
        if CapacityKind.SUBSCRIPTION not in parts:
            by_contract = (self.options.import_subscription_w, self.options.export_subscription_w)
            bound = Bound(bound.limit + (by_contract[direction is Direction.EXPORT] or 0.0))
        cause = parts.get(CapacityKind.SUBSCRIPTION) or parts[CapacityKind.RESERVATION]
        until = min(
            (one.until for one in parts.values() if one.until is not None), default=None, key=lambda one: one.in_s(now)
        )
        quantity, mode = _QUANTITY[direction], _MODE[direction]
        return Claim(ConnectionPoint(), quantity, bound, bound, mode, cause, valid_until=until)


def _power_w(held: InForce) -> float:
    return max(0.0, held.control.power_w) if isinstance(held.control, Capacity) else 0.0
