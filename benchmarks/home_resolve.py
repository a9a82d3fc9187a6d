"""One home's day of 144 steps, planned anew at each price of a coordination's rounds, beside CVXPY.

Run with ``python -m benchmarks --only home_resolve``. The home is one of the laboratory's, with every part; the prices are those of real
talks among thirty homes. Ours keeps the structure and goes on from the last basis. CVXPY, with the solver it chooses by default, has the
same program with the prices as a parameter, compiled once before the clock starts. Both answers must cost the same. CPU time of one
answer; a round of the comparison is all prices once, of which the medians count.
"""

import statistics
from collections.abc import Callable
from time import process_time

import cvxpy
import numpy as np
from scipy import sparse

from benchmarks.row import Row
from gateway.lab.fleet import Spec, fleet
from gateway.lab.weather import STEP_S, STEPS, Day, drawn
from gateway.solver import Solver
from grid_functions.area import peak, talks
from grid_functions.area.peak import Demand
from grid_functions.area.talks import Reply, Terms
from grid_functions.building.dwelling import Outlook, laid_out
from grid_functions.building.home import Home, Tariff
from grid_functions.building.part import Horizon
from grid_functions.building.program import Problem, Vector
from grid_functions.model.instants import Instants
from grid_functions.model.policy import Connection
from grid_functions.model.snapshot import Snapshot

HOMES, PRICES, ROUNDS = 30, 18, 5
GOAL_MS, GOAL_RATIO = 10.0, 1.0 / 8.0
CONNECTION = Connection(24_000.0, 24_000.0, 1)
TARIFF = Tariff(np.full(STEPS, 0.08), np.full(STEPS, 0.03))


def run() -> list[dict[str, str | int | float | bool]]:
    """Two rows: beside CVXPY, and beside ten milliseconds. Raises AssertionError when the answers differ."""
    day = drawn(1)
    specs = sorted(fleet(40, 1, day), key=_parts, reverse=True)[:HOMES]
    homes = [laid(spec, day) for spec in specs]
    problems = [homes[0].problem(TARIFF.shifted(price * 3600.0 / STEP_S)) for price in prices_of(homes)]
    solver, peer = Solver(), Peer(problems[0])
    solver.solve(problems[0])
    peer.solve(problems[0])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        mine, others = [], []
        for problem in problems:
            began_s = process_time()
            found = solver.solve(problem)
            mine.append(process_time() - began_s)
            began_s = process_time()
            cost = peer.solve(problem)
            others.append(process_time() - began_s)
            assert abs(found.objective - cost) <= 1e-4 * abs(cost), (found.objective, cost)
        ours.append(1e3 * statistics.median(mine))
        theirs.append(1e3 * statistics.median(others))
    case = f"{len(problems[0].cost)} columns, {PRICES} prices of a coordination"
    name = f"CVXPY, {peer.solver}"
    return [
        Row("home_resolve", case, "ms", ours, theirs, name, GOAL_RATIO).plain(),
        Row("home_resolve", f"{case}: median", "ms", ours, [GOAL_MS] * ROUNDS, "10 ms", 1.0).plain(),
    ]


class Peer:
    """The same program, compiled once, its costs a parameter."""

    def __init__(self, problem: Problem) -> None:
        program = problem.program
        shape = (len(program.row_lower), len(program.lower))
        matrix = sparse.csr_array((program.values, program.columns, program.starts), shape=shape)
        x = cvxpy.Variable(shape[1])
        self._cost = cvxpy.Parameter(shape[1])
        equal = program.row_lower == program.row_upper
        above, below = (np.isfinite(bound) & ~equal for bound in (program.row_lower, program.row_upper))
        low, high = np.isfinite(program.lower), np.isfinite(program.upper)
        rows = [
            matrix[equal] @ x == program.row_lower[equal],
            matrix[above] @ x >= program.row_lower[above],
            matrix[below] @ x <= program.row_upper[below],
            x[low] >= program.lower[low],
            x[high] <= program.upper[high],
        ]
        self._problem = cvxpy.Problem(cvxpy.Minimize(self._cost @ x), [row for row in rows if row.size])

    def solve(self, problem: Problem) -> float:
        """What the best plan costs."""
        self._cost.value = problem.cost
        solve: Callable[[], float] = self._problem.solve
        return float(solve())

    @property
    def solver(self) -> str:
        """Which one it chose."""
        return str(self._problem.solver_stats.solver_name)


def laid(spec: Spec, day: Day) -> Home:
    """A home as its steward lays it out when nothing can be read."""
    start_utc_s = 1_768_564_800.0
    outlook = Outlook(day.outdoor_c, day.sun_w_m2, np.repeat(np.roll(np.array(spec.base_by_hour_w), -12), 6))
    snapshot = Snapshot(spec.name, Instants(0.0, start_utc_s), {}, {})

    def local(utc_s: float) -> tuple[int, float]:
        days, second = divmod(utc_s, 86_400.0)
        return int(days + 3) % 7, second

    return laid_out(spec.dwelling, snapshot, outlook, Horizon(start_utc_s, STEP_S, STEPS), local, connection=CONNECTION)


def prices_of(homes: list[Home]) -> list[Vector]:
    """The prices of the first rounds of talks among these homes."""
    names = [f"home-{number}" for number in range(len(homes))]
    terms = Terms(
        Demand(0.5, np.zeros(STEPS)),
        dict.fromkeys(names, np.full(STEPS, 3.0)),
        dict.fromkeys(names, 40.0),
        1e-6,
        PRICES,
    )
    state, solver = talks.begin(terms), Solver(2 * len(homes))
    while True:
        replies = []
        for number in state.posted(1):
            added = state.prices[number] * 3600.0 / STEP_S
            for name, home in zip(names, homes, strict=True):
                plan = home.plan(solver.solve(home.problem(TARIFF.shifted(added))), TARIFF)
                replies.append((name, number, Reply(plan.cost, plan.net_w / 1000.0)))
        state = talks.closed_round(talks.heard(state, replies, terms), terms)
        if len(state.prices) >= PRICES:
            return list(state.prices[:PRICES])
        columns, _ = talks.columns_of(state, terms)
        groups, centre = len(homes), state.prices[state.centre]
        problems = peak.next_prices(columns, groups, terms.demand, centre, talks.pulls_of(state, terms))
        found = [peak.priced(solver.solve(one), columns, groups, terms.demand) for one in problems]
        state = talks.with_prices(state, found)


def _parts(spec: Spec) -> int:
    dwelling = spec.dwelling
    return len(dwelling.batteries) + len(dwelling.cars) + len(dwelling.suns)
