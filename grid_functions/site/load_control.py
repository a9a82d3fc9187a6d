"""Direct load control: a fraction of what the load can do, offsets from normal, a device's own setpoint.

OpenADR 2.0b LOAD_CONTROL; 3.x CONTROL_SETPOINT, CONTROL_LEVEL_OFFSET and its percentage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Bound, Claim, Devices, InForce
from grid_functions.model.control import Control, LoadControl, LoadControlKind, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import CONSUMERS, rated_total_w
from grid_functions.site import measure
from grid_functions.site.measure import Measure
from grid_functions.site.normal import normal_w, present_w
from grid_functions.site.onset import Onsets, noted
from grid_functions.site.reach import devices_of, who

NAME = "load_control"


class NormalLoad(StrEnum):
    """What a percent offset is of: what the devices can draw together, or the site's baseline of them."""

    RATED = "rated"
    BASELINE = "baseline"


class SetpointOf(StrEnum):
    """What a device's own setpoint is; the names are those of :class:`Measure`."""

    LIMIT_W = "limit_w"
    LIMIT_PCT = "limit_pct"
    CURRENT_A = "current_a"
    POWER_W = "power_w"
    THERMOSTAT_C = "thermostat_c"
    THERMOSTAT_OFFSET_K = "thermostat_offset_k"


@dataclass(frozen=True, slots=True)
class LoadControlOptions:
    """``level_offsets``: what the offsets 1 to 10 (less load) and -1 to -10 (more) do; ``setpoints``: what a setpoint is of each device;
    ``normal``: what a percent offset is of.
    """

    level_offsets: Mapping[int, tuple[Measure, ...]] = field(default_factory=dict)
    setpoints: Mapping[str, SetpointOf] = field(default_factory=dict)
    normal: NormalLoad = NormalLoad.RATED

    def __post_init__(self) -> None:
        odd = sorted(level for level in self.level_offsets if not (-10 <= level <= 10 and level))
        if odd:
            raise ConfigurationFault(
                (f"{NAME}.level_offsets names {', '.join(map(str, odd))}: there are -10 to 10 but 0",)
            )

    @property
    def devices(self) -> frozenset[str]:
        """Every device that is named."""
        return measure.devices_named(self.level_offsets) | frozenset(self.setpoints)


@dataclass(frozen=True, slots=True)
class LoadControlState:
    """``durable``: power when each percent offset began."""

    durable: Onsets = field(default_factory=Onsets)
    version: int = 1


@dataclass(frozen=True, slots=True)
class ControlLoad:
    """Bounds and measures of what is in force; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({LoadControl})
    options: LoadControlOptions = field(default_factory=LoadControlOptions)

    def empty(self) -> LoadControlState:
        """The state at birth."""
        return LoadControlState()

    def step(self, state: LoadControlState, inputs: SiteInputs, now: Instants) -> Step[LoadControlState]:
        """Claims for what is in force, alarms for what cannot be meant."""
        mine = [one for one in inputs.in_force if isinstance(one.control, LoadControl) and not one.test]

        def began_w(held: InForce) -> float | None:
            return present_w(devices_of(held, inputs.terms, CONSUMERS), inputs, now)

        onsets = noted(state.durable, [one for one in mine if self._is_relative(one.control)], began_w)
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in mine:
            made, odd = self._claims(held, onsets, inputs)
            claims += made
            alarms += odd
        after = state if onsets is state.durable else LoadControlState(onsets)
        return Step(after, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """A level or setpoint that the site's tables say nothing about; a fraction or percentage where no load can be limited."""
        if not isinstance(control, LoadControl):
            return None
        names = terms.respondents.get(respondent, frozenset())
        match control.kind:
            case LoadControlKind.LEVEL_OFFSET:
                if int(control.value) == 0:
                    return ""
                measures = measure.at_level(self.options.level_offsets, int(control.value))
            case LoadControlKind.SETPOINT:
                try:
                    measures = self._setpoints(control.value)
                except ConfigurationFault as fault:
                    return f"a setpoint is none: {'; '.join(fault.mistakes)}"
            case _:
                return ability.nobody_can(Mode.LOAD_LIMIT, respondent, terms, snapshot)
        return measure.refusal(measures, f"load_control {control.kind.value} {control.value:g}", names, terms, snapshot)

    def _claims(self, held: InForce, onsets: Onsets, inputs: SiteInputs) -> tuple[list[Claim], list[Alarm]]:
        control, terms, snapshot = held.control, inputs.terms, inputs.snapshot
        if not isinstance(control, LoadControl):
            return [], []
        if control.kind is LoadControlKind.LEVEL_OFFSET:
            measures = measure.at_level(self.options.level_offsets, int(control.value))
            return measure.claims_of(measures, held, terms, snapshot)
        if control.kind is LoadControlKind.SETPOINT:
            try:
                return measure.claims_of(self._setpoints(control.value), held, terms, snapshot)
            except ConfigurationFault as fault:
                return [], [Alarm(NAME, who(held), f"a setpoint is none: {'; '.join(fault.mistakes)}")]
        names = devices_of(held, terms, CONSUMERS)
        base_w = rated_total_w(names, snapshot, Quantity.CONSUMED)
        if self._is_relative(control):
            # unknown counts as nothing drawn, which tightens (rule 6)
            base_w = max(0.0, normal_w(names, held, onsets, inputs) or 0.0)
        fraction = control.value if control.kind is LoadControlKind.CAPACITY else 1.0 + control.value / 100.0
        return bound_of(NAME, fraction, base_w, names, held)

    def _is_relative(self, control: Control) -> bool:
        percent = isinstance(control, LoadControl) and control.kind is LoadControlKind.PERCENT_OFFSET
        return percent and self.options.normal is NormalLoad.BASELINE

    def _setpoints(self, value: float) -> tuple[Measure, ...]:
        told: list[dict[str, Any]] = [
            {"device": name, of.value: value} for name, of in sorted(self.options.setpoints.items())
        ]
        return tuple(Measure(**one) for one in told)


def bound_of(
    function: str, fraction: float, base_w: float, names: frozenset[str], held: InForce
) -> tuple[list[Claim], list[Alarm]]:
    """At most this fraction of ``base_w`` (W) for these devices together; what is no fraction is none of that source."""
    if not names:
        return [], [Alarm(function, who(held), "reaches no load of this site")]
    if not math.isfinite(fraction):
        return [], [Alarm(function, who(held), f"{fraction:g} is no fraction of a load")]
    odd = [Alarm(function, who(held), f"a fraction of {fraction:g} is taken as 0")] if fraction < 0 else []
    bound = Bound(max(0.0, fraction) * base_w)
    claim = Claim(Devices(names), Quantity.CONSUMED, bound, bound, Mode.LOAD_LIMIT, held, valid_until=held.until)
    return [claim], odd
