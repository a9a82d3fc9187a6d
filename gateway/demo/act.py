"""The acts: their sites, which play at the same time, and the steps of each, which play one after the other."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.demo import carpark, depot, garage, hall, house, pergola
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

MISSING: Final = "act 2 (OpenADR) is left out: pip install 'osed-gateway[demo]' brings its VTN"


def chosen(only: tuple[str, ...], *, with_openadr: bool = True) -> list[tuple[Setting, list[Step]]]:
    """The sites that are needed for these steps, with them; all when none is named.

    Raises OperatorFault for an unknown step, or one that needs what is not there.
    """
    acts = [act for number, act in ACTS.items() if with_openadr or number != 2]
    there = [part for act in acts for part in act]
    known = [step.id for act in ACTS.values() for _, steps in act for step in steps]
    if strangers := sorted(set(only) - set(known)):
        raise OperatorFault(f"no step is called {', '.join(strangers)}", f"steps: {', '.join(known)}")
    if lacking := sorted(set(only) - {step.id for _, steps in there for step in steps}):
        raise OperatorFault(f"{', '.join(lacking)} cannot be played", MISSING)
    wanted = [(setting, [step for step in steps if not only or step.id in only]) for setting, steps in there]
    return [(setting, steps) for setting, steps in wanted if steps]


def act_of(site: str) -> int:
    """The number of the act that a site plays in."""
    return next(number for number, act in ACTS.items() for setting, _ in act if setting.name == site)
