"""A few homes that can be reckoned with, and talks held with them in one place."""

from collections.abc import Callable, Sequence

import numpy as np

from gateway.solver import Solver
from grid_functions.area import peak, talks
from grid_functions.area.peak import Demand
from grid_functions.area.talks import Reply, Talks, Terms
from grid_functions.building.home import Home, Tariff, home
from grid_functions.building.part import Horizon
from grid_functions.building.storage import StoragePlan, Store, Wanted

STEPS = 12
HORIZON = Horizon(0.0, 3600.0, STEPS)
CHARGE = 0.5


def cars(count: int, seed: int = 7) -> tuple[list[Home], list[Tariff]]:
    """Homes with a base load and a car that must be charged by the last hour: alike enough to herd."""
    draw = np.random.default_rng(seed)
    homes, tariffs = [], []
    for _ in range(count):
        wanted = Wanted(STEPS - 1, float(draw.uniform(6000.0, 14_000.0)))
        car = StoragePlan("car", Store(40_000.0, 7000.0, 0.0), 0.0, np.ones(STEPS), np.zeros(STEPS), (wanted,))
        homes.append(home(HORIZON, [car], 500.0 + 500.0 * draw.random(STEPS)))
        tariffs.append(Tariff(0.08 + 4e-4 * draw.random(STEPS), np.full(STEPS, 0.03)))
    return homes, tariffs


Silence = Callable[[str, int], bool]


def nobody(member: str, number: int) -> bool:
    """Everyone answers at once."""
    return False


def terms_of(homes: Sequence[Home], *, gap: float = 0.001, rounds: int = 40, groups: int = 200) -> Terms:
    names = [f"home-{i:02}" for i in range(len(homes))]
    return Terms(
        Demand(CHARGE, np.zeros(STEPS)),
        {name: np.full(STEPS, 3.0) for name in names},
        dict.fromkeys(names, 20.0),
        gap=gap,
        rounds=rounds,
        groups=groups,
    )


class Followers:
    """Every home with its own solver, answering prices."""

    def __init__(self, homes: Sequence[Home], tariffs: Sequence[Tariff]) -> None:
        self._homes = {f"home-{i:02}": (one, tariffs[i], Solver()) for i, one in enumerate(homes)}

    def answer(self, member: str, price: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Reply:
        one, tariff, solver = self._homes[member]
        posted = tariff.shifted(price / HORIZON.step_h)
        plan = one.plan(solver.solve(one.problem(posted)), tariff)
        return Reply(plan.cost, plan.net_w / 1000.0)


def hold(terms: Terms, followers: Followers, silent: Silence = nobody) -> Talks:
    """The talks from begin to end; ``silent(member, round)``: who does not answer in which round (it may later)."""
    state, solver = talks.begin(terms), Solver()
    while True:
        replies = [
            (member, number, followers.answer(member, state.prices[number]))
            for member, open_ in talks.unanswered(state, terms).items()
            if not silent(member, state.round)
            for number in open_
        ]
        state = talks.closed_round(talks.heard(state, replies, terms), terms)
        demand, groups = talks.demand_of(state, terms), len(talks.groups_of(state, terms))
        columns, names = talks.columns_of(state, terms)
        solution = solver.solve(peak.master(columns, groups, demand))
        state = talks.with_plan(state, peak.planned(solution, columns, demand), names)
        if talks.done(state, terms):
            return state
        centre = state.prices[state.centre]
        pulls = talks.pulls_of(state, terms)
        found = [solver.solve(one) for one in peak.next_prices(columns, groups, demand, centre, pulls)]
        state = talks.with_prices(state, [peak.priced(one, columns, groups, demand) for one in found])
