"""Load dispatch: a power, a change or a multiple of the baseline, or a level of the site's own table.

OpenADR 2.0b LOAD_DISPATCH; 3.x DISPATCH_SETPOINT and DISPATCH_SETPOINT_RELATIVE.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.letters import PLANNED
from grid_functions.model.claim import Bound, Claim, Devices, InForce, LeaseId, Target
from grid_functions.model.control import Control, DispatchKind, LoadDispatch, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import CONSUMERS, SWITCHED, able_total_w
from grid_functions.site import measure
from grid_functions.site.measure import Measure
from grid_functions.site.normal import normal_w, present_w
from grid_functions.site.onset import Onsets, noted
from grid_functions.site.reach import devices_of, who

NAME = "load_dispatch"
_RELATIVE = (DispatchKind.DELTA_W, DispatchKind.MULTIPLIER)


@dataclass(frozen=True, slots=True)
class LoadDispatchOptions:
    """``levels``: what the levels -10 to 10 do, 0 nothing; ``absurd_factor``: a power beyond this many times what the devices can do is
    none of that source, 1 to 1000.
    """

    levels: Mapping[int, tuple[Measure, ...]] = field(default_factory=dict)
    absurd_factor: float = 10.0

    def __post_init__(self) -> None:
        mistakes = []
        odd = sorted(level for level in self.levels if not (-10 <= level <= 10 and level))
        if odd:
            mistakes.append(f"{NAME}.levels names {', '.join(map(str, odd))}: there are -10 to 10 but 0")
        if not 1 <= self.absurd_factor <= 1000:
            mistakes.append(f"{NAME}.absurd_factor is {self.absurd_factor}: choose 1 to 1000")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))

    @property
    def devices(self) -> frozenset[str]:
        """Every device that is named."""
        return measure.devices_named(self.levels)


@dataclass(frozen=True, slots=True)
class LoadDispatchState:
    """``durable``: power when each relative dispatch began."""

    durable: Onsets = field(default_factory=Onsets)
    version: int = 1


@dataclass(frozen=True, slots=True)
class DispatchLoad:
    """A target over the respondent's devices; where none can be steered but some can be limited, what is asked is the most they consume.

    A test yields nothing (rule 10). Without a baseline a relative dispatch is no target (rule 6).
    """

    acts_on: ClassVar[frozenset[type]] = frozenset({LoadDispatch})
    options: LoadDispatchOptions = field(default_factory=LoadDispatchOptions)

    def empty(self) -> LoadDispatchState:
        """The state at birth."""
        return LoadDispatchState()

    def step(self, state: LoadDispatchState, inputs: SiteInputs, now: Instants) -> Step[LoadDispatchState]:
        """Claims for what is in force, alarms for what cannot be meant."""
        mine = [
            one
            for one in inputs.in_force
            if isinstance(one.control, LoadDispatch) and not one.test and not _is_plan(one)
        ]
        relative = [one for one in mine if isinstance(one.control, LoadDispatch) and one.control.kind in _RELATIVE]

        def began_w(held: InForce) -> float | None:
            return present_w(devices_of(held, inputs.terms, SWITCHED), inputs, now)

        onsets = noted(state.durable, relative, began_w)
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in mine:
            made, odd = self._claims(held, onsets, inputs)
            claims += made
            alarms += odd
        after = state if onsets is state.durable else LoadDispatchState(onsets)
        return Step(after, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """A level without a measure; a power where nothing can be steered or limited."""
        if not isinstance(control, LoadDispatch):
            return None
        if control.kind is DispatchKind.LEVEL:
            if int(control.value) == 0:
                return ""
            names = terms.respondents.get(respondent, frozenset())
            measures = measure.at_level(self.options.levels, int(control.value))
            return measure.refusal(measures, f"load_dispatch level {control.value:g}", names, terms, snapshot)
        steered = ability.nobody_can(Mode.TARGET_POWER, respondent, terms, snapshot)
        return steered and ability.nobody_can(Mode.LOAD_LIMIT, respondent, terms, snapshot) and steered

    def _claims(self, held: InForce, onsets: Onsets, inputs: SiteInputs) -> tuple[list[Claim], list[Alarm]]:
        control, terms, snapshot = held.control, inputs.terms, inputs.snapshot
        if not isinstance(control, LoadDispatch):
            return [], []
        if control.kind is DispatchKind.LEVEL:
            return measure.claims_of(measure.at_level(self.options.levels, int(control.value)), held, terms, snapshot)
        names = devices_of(held, terms, SWITCHED)
        if not names:
            return [], [Alarm(NAME, who(held), "load_dispatch reaches no device of this site")]
        value_w = _value_w(control, names, held, onsets, inputs)
        if value_w is None:
            return [], [
                Alarm(NAME, who(held), "load_dispatch is relative, and no baseline of its devices is known yet")
            ]
        if not math.isfinite(value_w) or abs(value_w) > self.options.absurd_factor * able_total_w(names, snapshot):
            return [], [Alarm(NAME, who(held), f"load_dispatch of {value_w:g} W is no target")]
        if ability.capable(names, Mode.TARGET_POWER, snapshot, terms):
            want = Target(value_w)
            return [
                Claim(Devices(names), Quantity.NET, want, want, Mode.TARGET_POWER, held, valid_until=held.until)
            ], []
        limited = devices_of(held, terms, CONSUMERS)
        bound = Bound(max(0.0, value_w))
        return [
            Claim(Devices(limited), Quantity.CONSUMED, bound, bound, Mode.LOAD_LIMIT, held, valid_until=held.until)
        ], []


def _is_plan(held: InForce) -> bool:
    """A plan of the whole site, which is no dispatch of its devices."""
    return isinstance(held.cause, LeaseId) and held.cause.function in PLANNED


def _value_w(
    control: LoadDispatch, names: frozenset[str], held: InForce, onsets: Onsets, inputs: SiteInputs
) -> float | None:
    if control.kind is DispatchKind.SETPOINT_W:
        return control.value
    base_w = normal_w(names, held, onsets, inputs)
    if base_w is None:
        return None
    return base_w + control.value if control.kind is DispatchKind.DELTA_W else base_w * control.value
