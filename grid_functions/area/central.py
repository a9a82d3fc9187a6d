"""The yardstick: all homes and the area's peak in one program. Nobody runs it in the field, where nobody knows all homes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grid_functions.area.peak import Demand
from grid_functions.building.home import Home, Plan, Tariff
from grid_functions.building.program import Draft, Problem, Solution


@dataclass(frozen=True, slots=True, eq=False)
class Central:
    """The program, and where each home's columns begin."""

    problem: Problem
    firsts: tuple[int, ...]
    homes: tuple[Home, ...]
    tariffs: tuple[Tariff, ...]

    def plans(self, solution: Solution) -> tuple[Plan, ...]:
        """Each home's part of the answer."""
        ends = (*self.firsts[1:], self.firsts[-1] + len(self.homes[-1].program.lower))
        return tuple(
            one.plan(Solution(solution.status, 0.0, 0.0, solution.x[first:end], np.empty(0)), tariff)
            for one, tariff, first, end in zip(self.homes, self.tariffs, self.firsts, ends, strict=True)
        )


def central(homes: Sequence[Home], tariffs: Sequence[Tariff], demand: Demand) -> Central:
    """minimise sum_i f_i + c P with P over the sum of all: every home's rows, and one row a step."""
    draft = Draft()
    firsts = []
    for one, tariff in zip(homes, tariffs, strict=True):
        program, cost = one.program, one.problem(tariff).cost
        first = draft.block(len(program.lower), program.lower, program.upper, cost).start
        firsts.append(first)
        for row in range(len(program.row_lower)):
            span = slice(program.starts[row], program.starts[row + 1])
            held = zip(program.columns[span].tolist(), program.values[span].tolist(), strict=True)
            draft.row(
                [(first + column, value) for column, value in held],
                float(program.row_lower[row]),
                float(program.row_upper[row]),
            )
    peak = draft.block(1, 0.0, np.inf, demand.charge)[0]
    over = draft.block(1, 0.0, np.inf, demand.beyond)[0]
    for k, fixed_kw in enumerate(demand.fixed_kw.tolist()):
        terms = [(peak, 1.0)]
        for one, first in zip(homes, firsts, strict=True):
            terms += [(first + one.imported[k], -1.0), (first + one.exported[k], 1.0)]
        draft.row(terms, fixed_kw, np.inf)
    if np.isfinite(demand.limit_kw):
        draft.row([(peak, 1.0), (over, -1.0)], -np.inf, demand.limit_kw)
    return Central(Problem(draft.program(), draft.cost), tuple(firsts), tuple(homes), tuple(tariffs))
