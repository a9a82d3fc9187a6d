"""Shed levels: the site's own table says what each does to which device (OpenADR SIMPLE)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim
from grid_functions.model.control import Control, ShedLevel
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.site import measure
from grid_functions.site.measure import Measure

NAME = "shed"


@dataclass(frozen=True, slots=True)
class ShedOptions:
    """``levels``: what the levels 1 (moderate), 2 (high) and 3 (special) do; 0 is normal operation and does nothing."""

    levels: Mapping[int, tuple[Measure, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        odd = sorted(set(self.levels) - {1, 2, 3})
        if odd:
            raise ConfigurationFault((f"{NAME}.levels names {', '.join(map(str, odd))}: there are 1, 2 and 3",))

    @property
    def devices(self) -> frozenset[str]:
        """Every device that is named."""
        return measure.devices_named(self.levels)


@dataclass(frozen=True, slots=True)
class ShedState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Shed:
    """The measures of the level in force, one claim each; a test yields none (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({ShedLevel})
    options: ShedOptions = field(default_factory=ShedOptions)

    def empty(self) -> ShedState:
        """The state at birth."""
        return ShedState()

    def step(self, state: ShedState, inputs: SiteInputs, now: Instants) -> Step[ShedState]:
        """Claims for what is in force, alarms for devices that cannot."""
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            if held.test or not isinstance(held.control, ShedLevel):
                continue
            measures = measure.at_level(self.options.levels, held.control.level)
            made, odd = measure.claims_of(measures, held, inputs.terms, inputs.snapshot)
            claims += made
            alarms += odd
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """A level without a measure that some device can take; level 0 is always possible."""
        if not isinstance(control, ShedLevel):
            return None
        if control.level <= 0:
            return ""
        names = terms.respondents.get(respondent, frozenset())
        measures = measure.at_level(self.options.levels, control.level)
        return measure.refusal(measures, f"shed_level {control.level}", names, terms, snapshot)
