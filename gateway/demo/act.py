"""The acts: their sites, which play at the same time, and the steps of each, which play one after the other; then the feeder by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.demo import carpark, depot, feeder, garage, hall, house, pergola
from gateway.demo.feeder import FeederStep
from gateway.demo.setting import CARPARK, DEPOT, GARAGE, HALL, HOUSE, PERGOLA, YARD, Setting
from gateway.demo.step import Step
from grid_functions.model.errors import OperatorFault

Act = tuple[tuple[Setting, tuple[Step, ...]], ...]

ACTS: Final[Mapping[int, Act]] = MappingProxyType(
    {
        1: ((HOUSE, house.STEPS), (DEPOT, depot.AT_DEPOT), (YARD, depot.AT_YARD)),
        2: ((HALL, hall.STEPS),),
        3: ((CARPARK, carpark.STEPS), (GARAGE, garage.STEPS), (PERGOLA, pergola.STEPS)),
    }
)
"""By number. The second needs openleadr, which the extra ``demo`` brings."""

FEEDER_ACT: Final = 4
"""It plays by itself, after the others: the laboratory takes all the machine there is. It needs the extra ``lab``."""

MISSING: Final = {
    2: "act 2 (OpenADR) is left out: pip install 'osed-gateway[demo]' brings its VTN",
    FEEDER_ACT: "act 4 (a feeder of homes) is left out: pip install 'osed-gateway[lab]' brings its weather and loads",
}
"""What is said of an act that cannot be played."""


@dataclass(frozen=True, slots=True)
class Programme:
    """What is to be played: the sites with their steps, and those of the feeder."""

    sites: tuple[tuple[Setting, tuple[Step, ...]], ...]
    feeder: tuple[FeederStep, ...]


def chosen(only: tuple[str, ...], without: frozenset[int] = frozenset()) -> Programme:
    """These steps, with the sites that they need; all when none is named. ``without``: acts that cannot be played.

    Raises OperatorFault for an unknown step, or one that needs what is not there.
    """
    acts = {step.id: number for number, act in ACTS.items() for _, steps in act for step in steps}
    acts |= dict.fromkeys((step.id for step in feeder.STEPS), FEEDER_ACT)
    if strangers := sorted(set(only) - set(acts)):
        raise OperatorFault(f"no step is called {', '.join(strangers)}", f"steps: {', '.join(acts)}")
    if lacking := sorted(step for step in only if acts[step] in without):
        raise OperatorFault(f"{', '.join(lacking)} cannot be played", MISSING[acts[lacking[0]]])

    def wanted(step: str) -> bool:
        return acts[step] not in without and (not only or step in only)

    there = [part for act in ACTS.values() for part in act]
    sites = [(setting, tuple(step for step in steps if wanted(step.id))) for setting, steps in there]
    return Programme(
        tuple((setting, steps) for setting, steps in sites if steps),
        tuple(step for step in feeder.STEPS if wanted(step.id)),
    )


def act_of(site: str) -> int:
    """The number of the act that a site plays in."""
    if site == feeder.NAME:
        return FEEDER_ACT
    return next(number for number, act in ACTS.items() for setting, _ in act if setting.name == site)
