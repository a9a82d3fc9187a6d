"""Load shape: how much of what the load can do is wanted now (OpenADR 3 OLS)."""

from dataclasses import dataclass
from typing import ClassVar

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim
from grid_functions.model.control import Control, LoadShape, Mode
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import CONSUMERS, rated_total_w
from grid_functions.site.load_control import bound_of
from grid_functions.site.reach import devices_of

NAME = "load_shape"


@dataclass(frozen=True, slots=True)
class LoadShapeOptions:
    """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class LoadShapeState:
    """Nothing to remember."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class ShapeLoad:
    """A bound on the respondent's consumers together; a test yields none (rule 10).

    Interpretation: the shape is the most that is wanted. A load does not consume for the sake of a shape.
    """

    acts_on: ClassVar[frozenset[type]] = frozenset({LoadShape})
    options: LoadShapeOptions = LoadShapeOptions()

    def empty(self) -> LoadShapeState:
        """The state at birth."""
        return LoadShapeState()

    def step(self, state: LoadShapeState, inputs: SiteInputs, now: Instants) -> Step[LoadShapeState]:
        """One bound per shape in force, alarms for what is no fraction."""
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in inputs.in_force:
            if held.test or not isinstance(held.control, LoadShape):
                continue
            names = devices_of(held, inputs.terms, CONSUMERS)
            base_w = rated_total_w(names, inputs.snapshot, Quantity.CONSUMED)
            made, odd = bound_of(NAME, held.control.fraction, base_w, names, held)
            claims += made
            alarms += odd
        return Step(state, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """Where no load can be limited."""
        if not isinstance(control, LoadShape):
            return None
        return ability.nobody_can(Mode.LOAD_LIMIT, respondent, terms, snapshot)
