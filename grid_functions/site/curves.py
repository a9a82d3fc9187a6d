"""Curves of active power and frequency, and, where the site permits it, trip and ride-through curves."""

import math
from dataclasses import dataclass
from typing import ClassVar

from grid_functions.ability import PROTECTION_MODES, capable, roles_for
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim, Devices, InForce, Shape
from grid_functions.model.control import Curve, FrequencyDroop, Mode, mode_of
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.units import Quantity
from grid_functions.site.reach import devices_of, who

NAME = "curves"
ACTIVE_MODES = frozenset({Mode.VOLT_WATT, Mode.FREQUENCY_WATT, Mode.FREQUENCY_DROOP})


@dataclass(frozen=True, slots=True)
class CurvesOptions:
    """Nothing to choose: ``protection`` and ``approximate`` are the site's."""


@dataclass(frozen=True, slots=True)
class CurvesState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Curves:
    """One shape per curve or droop in force, over the devices that can; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({Curve, FrequencyDroop})
    options: CurvesOptions = CurvesOptions()

    def empty(self) -> CurvesState:
        """The state at birth."""
        return CurvesState()

    def step(self, state: CurvesState, inputs: SiteInputs, now: Instants) -> Step[CurvesState]:
        """Claims for what is in force, alarms for what nobody can do or nobody can mean."""
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            mode = mode_of(held.control)
            if held.test or mode not in ACTIVE_MODES | PROTECTION_MODES:
                continue
            names = devices_of(held, inputs.terms, roles_for(mode))
            names = capable(names, mode, inputs.snapshot, inputs.terms)
            odd = _oddity(held, names, inputs.terms)
            if odd:
                alarms.append(Alarm(NAME, who(held), f"{mode.value} {odd}"))
                continue
            want = Shape(held.control)
            claims.append(Claim(Devices(names), _quantity(mode), want, want, mode, held, valid_until=held.until))
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))


def _oddity(held: InForce, names: frozenset[str], terms: SiteTerms) -> str:
    if mode_of(held.control) in PROTECTION_MODES and not terms.protection:
        return "is a protection setting, which this site lets nobody write"
    if not names:
        return "reaches no device that can"
    match held.control:
        case Curve(points=points):
            values = [value for point in points for value in (point.x, point.y)]
            return "" if values and all(map(math.isfinite, values)) else "has no points that are numbers"
        case FrequencyDroop(over_droop_pu=over_pu, under_droop_pu=under_pu):
            # a droop of 0 would be a step, which no device can follow
            return "" if 0 < over_pu < math.inf and 0 < under_pu < math.inf else "has a droop that is not above 0"
        case _:
            return "is no curve"


def _quantity(mode: Mode) -> Quantity:
    if mode not in PROTECTION_MODES:
        return Quantity.NET
    return Quantity.VOLTAGE if mode.value[1] == "v" else Quantity.FREQUENCY
