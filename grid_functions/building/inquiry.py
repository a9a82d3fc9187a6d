"""One question that somebody asks a home's steward, answered by a few plans at different prices.

A round of a coordination is one plan at the posted prices. What could be shed or added, and what that is worth, is the difference between
the plan at the standing tariff and plans at a price so high or low that everything which can move moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from grid_functions.building.execution import Stay
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

    ``first`` up to, not including, ``end``: the steps asked about. Of a market: ``base_kw``, the baseline that what is delivered is
    measured against, none = not known; ``doubt_kw``: by how much more than planned the home may take. Both by step asked about.
    ``held``: the same home as it may be while it sells, where that is less than it is free to: all plans beyond 0 are made with it.
    ``stays``: when its plans count on cars.
    """

    asker: str
    function: str
    name: str
    home: Home
    tariff: Tariff
    first: int = 0
    end: int = 0
    base_kw: tuple[float, ...] = ()
    doubt_kw: tuple[float, ...] = ()
    held: Home | None = None
    stays: Mapping[str, tuple[Stay, ...]] = field(default_factory=dict)
    wants: frozenset[int] = frozenset()
    plans: Mapping[int, Plan] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """By which it is known: two areas that begin in one second call what they ask the same."""
        return key_of(self.asker, self.name)

    @property
    def span(self) -> slice:
        """The steps asked about."""
        return slice(self.first, self.end)

    def problem(self, number: int, added: Vector) -> Problem:
        """The program of a plan at the tariff and what is added to it, currency per kWh."""
        return self._home(number).problem(self.tariff.shifted(added))

    def solved(self, number: int, solution: Solution) -> "Inquiry":
        """With one more plan."""
        plan = self._home(number).plan(solution, self.tariff)
        return replace(self, plans={**self.plans, number: plan}, wants=self.wants - {number})

    def within(self, price: float) -> Vector:
        """A price inside the span asked about, nothing outside."""
        added = np.zeros(self.home.horizon.steps)
        added[self.span] = price
        return added

    def _home(self, number: int) -> Home:
        return self.home if self.held is None or number == 0 else self.held


def key_of(asker: str, name: str) -> str:
    """The key of what somebody asks under a name of his own."""
    return f"{asker}/{name}"


def flexibility(inquiry: Inquiry, duration_s: float) -> Flexibility:
    """Plans 0 (as usual), 1 (dear inside the span) and 2 (cheap inside it): how far the mean power moves, kW."""
    base, dear, cheap = (float(np.mean(inquiry.plans[number].net_w[inquiry.span])) / 1000.0 for number in (0, 1, 2))
    return Flexibility(inquiry.name, max(0.0, cheap - base), max(0.0, base - dear), base, duration_s)


def packages(inquiry: Inquiry) -> Bids:
    """Each plan beyond 0 as one package: what it reduces by interval, for what it costs more than the usual plan, comfort included.

    A reduction counts from the lower of baseline and usual plan: the meter must show it, and what the home would have left anyway is not
    sold. What may go otherwise than planned is kept back. A package that reduces nothing is none; equal ones are offered once.
    """
    usual = inquiry.plans[0]
    told: dict[tuple[float, ...], Bid] = {}
    if not inquiry.base_kw:
        return Bids(inquiry.name, ())
    from_kw = np.minimum(np.array(inquiry.base_kw), usual.net_w[inquiry.span] / 1000.0)
    for number in sorted(inquiry.plans.keys() - {0}):
        plan = inquiry.plans[number]
        reduced = np.clip(from_kw - plan.net_w[inquiry.span] / 1000.0 - np.array(inquiry.doubt_kw), 0.0, None)
        kw = tuple((np.floor(reduced * 1000.0) / 1000.0).tolist())
        if max(kw, default=0.0) > 0.0:
            told.setdefault(kw, Bid(str(number), kw, round(max(0.0, plan.cost - usual.cost), 6)))
    return Bids(inquiry.name, tuple(told.values()))
