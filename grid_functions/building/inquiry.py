"""One question that somebody asks a home's steward, answered by a few plans at different prices.

A round of a coordination is one plan at the posted prices. What could be shed or added, and what that is worth, is the difference between
the plan at the standing tariff and plans at a price so high or low that everything which can move moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from grid_functions.building.home import Home, Plan, Tariff
from grid_functions.building.program import Problem, Solution, Vector
from grid_functions.letters import Bid, Bids, Flexibility

MOVING = 10.0
"""Currency per kWh at which everything moves that can."""

STEPS_OF_PRICE = (0.5, 1.0, 2.0, 4.0)
"""Factors of the offered price at which packages are made for a market."""


@dataclass(frozen=True, slots=True, eq=False)
class Inquiry:
    """``plans`` by number, 0 = at the standing tariff unless it is a coordination's; ``asker``: where the answer goes.

    ``first`` up to, not including, ``end``: the steps asked about.
    """

    asker: str
    function: str
    name: str
    home: Home
    tariff: Tariff
    first: int = 0
    end: int = 0
    wants: frozenset[int] = frozenset()
    plans: Mapping[int, Plan] = field(default_factory=dict)

    @property
    def span(self) -> slice:
        """The steps asked about."""
        return slice(self.first, self.end)

    def problem(self, added: Vector) -> Problem:
        """The home's program at the tariff and what is added to it, currency per kWh."""
        return self.home.problem(self.tariff.shifted(added))

    def solved(self, number: int, solution: Solution) -> "Inquiry":
        """With one more plan."""
        plan = self.home.plan(solution, self.tariff)
        return replace(self, plans={**self.plans, number: plan}, wants=self.wants - {number})

    def within(self, price: float) -> Vector:
        """A price inside the span asked about, nothing outside."""
        added = np.zeros(self.home.horizon.steps)
        added[self.span] = price
        return added


def flexibility(inquiry: Inquiry, duration_s: float) -> Flexibility:
    """Plans 0 (as usual), 1 (dear inside the span) and 2 (cheap inside it): how far the mean power moves, kW."""
    base, dear, cheap = (float(np.mean(inquiry.plans[number].net_w[inquiry.span])) / 1000.0 for number in (0, 1, 2))
    return Flexibility(inquiry.name, max(0.0, cheap - base), max(0.0, base - dear), base, duration_s)


def packages(inquiry: Inquiry) -> Bids:
    """Each plan beyond 0 as one package: what it reduces by interval, for what it costs more than the usual plan, comfort included.

    A package that reduces nothing is none; equal ones are offered once.
    """
    base = inquiry.plans[0]
    told: dict[tuple[float, ...], Bid] = {}
    for number in sorted(inquiry.plans.keys() - {0}):
        plan = inquiry.plans[number]
        reduced = np.clip((base.net_w - plan.net_w)[inquiry.span] / 1000.0, 0.0, None)
        kw = tuple(np.round(reduced, 3).tolist())
        if max(kw, default=0.0) > 0.0:
            told.setdefault(kw, Bid(str(number), kw, round(max(0.0, plan.cost - base.cost), 6)))
    return Bids(inquiry.name, tuple(told.values()))
