"""Solves the problems that functions ask for, on HiGHS. A solver keeps what it knows of the last structures it met.

HiGHS is handed a structure once; costs that differ are then changed in place and the simplex goes on from the last basis, without presolve.
That is what makes a home's plan at new prices a matter of milliseconds.
"""

import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

import highspy
import numpy as np

from grid_functions.building.program import Problem, Program, Solution, Status, Vector

_STATUS = {
    highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnboundedOrInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Status.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Status.FEASIBLE,
}
_DUAL_SIMPLEX = 1
"""For homes at the prices of a coordination's rounds the primal one takes as long, for the coordination's own programs a quarter longer."""


_KEPT = 32
"""Structures a process that solves remembers: about as many homes as it serves warm."""


class Solver:
    """``kept``: how many structures are remembered; each costs the memory of one HiGHS instance.

    ``interior``: large programs that are solved once, by the interior point method without crossover.
    """

    def __init__(
        self, kept: int = 4, *, interior: bool = False, make: Callable[[], highspy.Highs] = highspy.Highs
    ) -> None:
        self._kept = kept
        self._interior = interior
        self._make = make
        self._instances: OrderedDict[bytes, tuple[highspy.Highs, Vector]] = OrderedDict()

    def solve(self, problem: Problem, time_limit_s: float = 30.0) -> Solution:
        """The answer within ``time_limit_s`` seconds. Never raises for a problem that has none: its status says so."""
        mixed, digest = len(problem.program.integer) > 0, problem.program.digest
        met = self._instances.get(digest)
        if met is None:
            highs = self._begun(problem)
        else:
            highs, cost = met
            other = np.flatnonzero(problem.cost != cost).astype(np.int32)
            highs.changeColsCost(len(other), other, problem.cost[other])
            highs.setOptionValue("presolve", "choose" if mixed else "off")
        self._instances[digest] = highs, problem.cost
        self._instances.move_to_end(digest)
        highs.setOptionValue("time_limit", highs.getRunTime() + time_limit_s)
        highs.setOptionValue("mip_rel_gap", problem.gap)
        highs.run()
        return _read(highs, mixed)

    def _begun(self, problem: Problem) -> highspy.Highs:
        while len(self._instances) >= self._kept:
            self._instances.popitem(last=False)
        highs = self._make()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("simplex_strategy", _DUAL_SIMPLEX)
        if self._interior:
            highs.setOptionValue("solver", "ipm")
            highs.setOptionValue("run_crossover", "off")
        highs.passModel(_model(problem.program, problem))
        return highs


@cache
def of_this_process() -> Solver:
    """Its only one, where it is a process that solves."""
    return Solver(_KEPT)


def greeted(make: Callable[[], highspy.Highs] = highspy.Highs) -> None:
    """HiGHS greets on standard output when it is first used in a process: let it do so where nobody reads."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        make()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def _model(program: Program, problem: Problem) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = len(program.lower)
    model.num_row_ = len(program.row_lower)
    model.col_cost_ = problem.cost
    model.col_lower_, model.col_upper_ = program.lower, program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = program.starts
    model.a_matrix_.index_ = program.columns
    model.a_matrix_.value_ = program.values
    if len(program.integer):
        kinds = [highspy.HighsVarType.kContinuous] * len(program.lower)
        for column in program.integer.tolist():
            kinds[column] = highspy.HighsVarType.kInteger
        model.integrality_ = kinds
    return model


def _read(highs: highspy.Highs, mixed: bool) -> Solution:
    status = _STATUS.get(highs.getModelStatus(), Status.FAILED)
    info, found = highs.getInfo(), highs.getSolution()
    if status is Status.FEASIBLE and info.primal_solution_status != 2:
        status = Status.FAILED
    usable = status in (Status.OPTIMAL, Status.FEASIBLE)
    objective = float(info.objective_function_value) if usable else float("nan")
    bound = float(info.mip_dual_bound) if mixed else (objective if status is Status.OPTIMAL else -np.inf)
    empty = np.empty(0)
    return Solution(
        status,
        objective,
        bound,
        np.array(found.col_value) if usable else empty,
        np.array(found.row_dual) if usable and not mixed and found.dual_valid else empty,
    )
