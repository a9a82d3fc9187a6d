"""Problems solved in a process of their own: answered in time, or without a solution; a process that dies is replaced."""

import numpy as np
import pytest

from gateway.clock import SystemClock
from gateway.solving import Solving
from grid_functions.building.program import Draft, Problem, Solution, Status
from grid_functions.model.function import Ask
from grid_functions.model.instants import OWN, Moment


def problem(least: float) -> Problem:
    """The least x that is at least that much."""
    draft = Draft()
    (x,) = draft.block(1, 0.0, np.inf, 1.0)
    draft.row([(x, 1.0)], least, np.inf)
    return Problem(draft.program(), draft.cost)


def ask(what: object, in_s: float = 30.0) -> Ask:
    return Ask("it", what, Moment(OWN, SystemClock().now().utc_s + in_s))


async def test_a_problem_is_solved_and_another_cost_of_it_too(capfd: pytest.CaptureFixture[str]) -> None:
    solving = Solving(SystemClock())
    try:
        first = await solving.answer("home", ask(problem(2.5)))
        assert isinstance(first.solution, Solution)
        assert (first.function, first.id, first.solution.status) == ("home", "it", Status.OPTIMAL)
        assert first.solution.objective == pytest.approx(2.5)
        dearer = Problem(problem(2.5).program, np.array([3.0]))
        second = await solving.answer("home", ask(dearer))
        assert isinstance(second.solution, Solution)
        assert second.solution.objective == pytest.approx(7.5)
    finally:
        solving.close()
    assert capfd.readouterr().out == ""


async def test_what_is_no_problem_and_what_comes_too_late_has_no_solution() -> None:
    solving = Solving(SystemClock())
    try:
        assert (await solving.answer("home", ask("a riddle"))).solution is None
        assert (await solving.answer("home", ask(problem(1.0), in_s=-5.0))).solution is None
    finally:
        solving.close()


class _Deadly:
    """Ends the process that reads it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        import os

        return os._exit, (1,)


async def test_a_process_that_dies_costs_one_answer_and_no_more() -> None:
    solving = Solving(SystemClock())
    bad = problem(1.0)
    deadly = Problem(bad.program, _Deadly())  # type: ignore[arg-type]  # what kills whoever unpacks it
    try:
        assert (await solving.answer("home", ask(deadly))).solution is None
        again = await solving.answer("home", ask(problem(1.0)))
        assert isinstance(again.solution, Solution)
    finally:
        solving.close()
