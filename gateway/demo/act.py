"""The act: its sites, which play at the same time, and the steps of each, which play one after the other."""

from typing import Final

from gateway.demo import depot, house
from gateway.demo.setting import DEPOT, HOUSE, YARD, Setting
from gateway.demo.step import Step
from grid_functions.model.errors import OperatorFault

NUMBER: Final = 1
ACT: Final[tuple[tuple[Setting, tuple[Step, ...]], ...]] = (
    (HOUSE, house.STEPS),
    (DEPOT, depot.AT_DEPOT),
    (YARD, depot.AT_YARD),
)


def chosen(only: tuple[str, ...]) -> list[tuple[Setting, list[Step]]]:
    """The sites that are needed for these steps, with them; all when none is named. Raises OperatorFault for an unknown one."""
    known = [step.id for _, steps in ACT for step in steps]
    if strangers := sorted(set(only) - set(known)):
        raise OperatorFault(f"no step is called {', '.join(strangers)}", f"steps: {', '.join(known)}")
    wanted = [(setting, [step for step in steps if not only or step.id in only]) for setting, steps in ACT]
    return [(setting, steps) for setting, steps in wanted if steps]
