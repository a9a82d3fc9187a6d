"""Targets of active power: a percentage or watts of a respondent's DERs together, or of its storage alone."""

import math
from dataclasses import dataclass
from typing import ClassVar

from grid_functions.ability import roles_for
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim, Devices, InForce, Target
from grid_functions.model.control import FixedPower, StoragePower, TargetPower, mode_of
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import able_total_w, base_w
from grid_functions.site.reach import devices_of, who

NAME = "dispatch"


@dataclass(frozen=True, slots=True)
class DispatchOptions:
    """``absurd_factor``: a target beyond this many times what its devices can do is none of that source, 1 to 1000."""

    absurd_factor: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.absurd_factor <= 1000:
            raise ConfigurationFault((f"{NAME}.absurd_factor is {self.absurd_factor}: choose 1 to 1000",))


@dataclass(frozen=True, slots=True)
class DispatchState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One target per control in force, of all its devices together; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({FixedPower, TargetPower, StoragePower})
    options: DispatchOptions = DispatchOptions()

    def empty(self) -> DispatchState:
        """The state at birth."""
        return DispatchState()

    def step(self, state: DispatchState, inputs: SiteInputs, now: Instants) -> Step[DispatchState]:
        """Claims for what is in force, alarms for targets that cannot be meant."""
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            if held.test or not isinstance(held.control, FixedPower | TargetPower | StoragePower):
                continue
            mode = mode_of(held.control)
            names = devices_of(held, inputs.terms, roles_for(mode))
            if not names:
                alarms.append(Alarm(NAME, who(held), f"{mode.value} reaches no device of this site"))
                continue
            value_w = _value_w(held, names, inputs.snapshot)
            if not math.isfinite(value_w) or abs(value_w) > self.options.absurd_factor * able_total_w(
                names, inputs.snapshot
            ):
                alarms.append(Alarm(NAME, who(held), f"{mode.value} of {value_w:g} W is no target"))
                continue
            want = Target(value_w)
            claims.append(Claim(Devices(names), Quantity.NET, want, want, mode, held, valid_until=held.until))
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))


def _value_w(held: InForce, names: frozenset[str], snapshot: Snapshot) -> float:
    """W, positive = consume; a percentage is of the sum over the respondent's DERs (opModFixedW)."""
    match held.control:
        case FixedPower(power_pct=power_pct, base=base):
            total_w = sum(base_w(snapshot.devices[name], base) for name in sorted(names) if name in snapshot.devices)
            return power_pct / 100.0 * total_w
        case TargetPower(power_w=power_w) | StoragePower(power_w=power_w):
            return power_w
        case _:
            return math.nan
