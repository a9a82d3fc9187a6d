"""Thermostats and tanks: a setpoint or an offset in force, and what an occupant set at the device itself meanwhile."""

import math
from dataclasses import dataclass

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Basis, Claim, Devices, InForce, Shape, Source, SourceKind
from grid_functions.model.control import Control, Mode, Thermostat
from grid_functions.model.device import Seen
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Rank, Respondent
from grid_functions.model.function import Output, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import LOADS
from grid_functions.site.reach import devices_of, who

NAME = "thermostat"
_LEAST_C, _MOST_C, _MOST_K = -50.0, 100.0, 20.0


@dataclass(frozen=True, slots=True)
class ThermostatOptions:
    """``occupant_s``: how long what an occupant sets at a thermostat stands against whoever comes after the occupant (rule 3)."""

    occupant_s: float = 7200.0

    def __post_init__(self) -> None:
        if not 300.0 <= self.occupant_s <= 86_400.0:
            raise ConfigurationFault((f"{NAME}.occupant_s is {self.occupant_s:g}: choose 300 to 86400",))


@dataclass(frozen=True, slots=True)
class ThermostatState:
    """Nothing to remember: an occupant's setting is the device's to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class HoldTemperature:
    """One claim for each control in force and for each thermostat that somebody has touched. A test yields none (rule 10)."""

    options: ThermostatOptions = ThermostatOptions()

    def empty(self) -> ThermostatState:
        """The state at birth."""
        return ThermostatState()

    def step(self, state: ThermostatState, inputs: SiteInputs, now: Instants) -> Step[ThermostatState]:
        """Claims, and alarms for temperatures that cannot be meant."""
        outputs: list[Output] = []
        for held in inputs.in_force:
            if held.test or not isinstance(held.control, Thermostat):
                continue
            if not _is_meant(held.control):
                text = f"{held.control.value_k:g} is no temperature"
                outputs.append(message_of(Alarm(NAME, who(held), text), inputs.terms.name))
                continue
            theirs = devices_of(held, inputs.terms, LOADS)
            names = ability.capable(theirs, Mode.THERMOSTAT, inputs.snapshot, inputs.terms)
            if names:
                outputs.append(_claim(names, held))
        for name in sorted(inputs.terms.devices):
            seen = inputs.snapshot.devices.get(name)
            occupant = None if seen is None else self._occupant(seen, now)
            if occupant is not None and occupant.until is not None:
                outputs += [_claim(frozenset({name}), occupant), WakeAt(occupant.until)]
        return Step(state, tuple(outputs))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """Where no thermostat or tank can be told a temperature."""
        if not isinstance(control, Thermostat):
            return None
        return ability.nobody_can(Mode.THERMOSTAT, respondent, terms, snapshot)

    def _occupant(self, seen: Seen, now: Instants) -> InForce | None:
        touch = seen.condition.touch
        # a touch of the future is one of a clock that was wrong
        if touch is None or not 0.0 <= now.utc_s - touch.utc_s < self.options.occupant_s:
            return None
        return InForce(
            touch.thermostat,
            Source(SourceKind.OCCUPANT, SourceKind.OCCUPANT.value),
            Rank(0.0),
            Basis.OVERRIDE,
            Moment(OWN, touch.utc_s),
            Moment(OWN, touch.utc_s + self.options.occupant_s),
            touch.utc_s,
            program=seen.device,
        )


def _is_meant(control: Thermostat) -> bool:
    low, high = (-_MOST_K, _MOST_K) if control.offset else (_LEAST_C, _MOST_C)
    return math.isfinite(control.value_k) and low <= control.value_k <= high


def _claim(names: frozenset[str], held: InForce) -> Claim:
    shape = Shape(held.control) if isinstance(held.control, Thermostat) else None
    if shape is None:
        raise TypeError(f"{held.control} is no temperature")
    return Claim(Devices(names), Quantity.TEMPERATURE, shape, shape, Mode.THERMOSTAT, held, valid_until=held.until)
