"""The mathematics of coordinating members by price: lower bound, next price, plan.

    minimise  sum_i f_i(x_i) + c P    with  P >= D_k = sum_i n_ik + fixed_k  for every step k

f is what a member's plan costs it at the standing tariff, comfort included; n its net power, kW, positive = import; c the demand charge on
the area's highest power. The duals mu_k >= 0 of the peak rows, sum_k mu_k = c, are the prices that are posted: in currency per kW and
step, which is mu_k / dt in currency per kWh.

- Lower bound: q(mu) = sum_i (f_i + mu . n_i) + mu . fixed, valid where every counted member answered the same mu.
- Next price: a proximal bundle. A piecewise linear term keeps it near the best price so far; without it the bound stands still.
- Plan: the best mixture of each group's own replies (Dantzig-Wolfe master). What a member can do is convex, so a mixture of its replies
  is a plan it can follow; its value is the upper bound.

References: Lemarechal, Nemirovskii, Nesterov, "New variants of bundle methods" (1995); Dantzig, Wolfe (1960).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grid_functions.building.program import Draft, Problem, Solution, Vector

WIDTHS = (0.03, 0.1, 0.3, 0.6)
SLOPES = (0.015, 0.08, 0.28, 0.73, 2.0)
"""The proximal term phi by pieces, in units of the uniform price c / steps: how far, and how dear beyond."""

STILL = 1e-7
"""A step of the bound so small, relative to it, is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What one group would do: its cost at the standing tariff, and ``net_kw`` by step."""

    group: int
    cost: float
    net_kw: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What the area pays for its highest power: ``charge`` per kW; beyond ``limit_kw`` also ``beyond`` per kW (a soft limit)."""

    charge: float
    fixed_kw: Vector
    limit_kw: float = float("inf")
    beyond: float = 1000.0

    @property
    def most(self) -> float:
        """The most that all prices together can be: a limit that binds adds to the charge."""
        return self.charge + (self.beyond if np.isfinite(self.limit_kw) else 0.0)


def dual(columns: Sequence[Column], price: Vector, demand: Demand) -> float:
    """q(mu) of the one answer that every group gave to this price: no plan of the area can cost less."""
    answered = sum(one.cost + float(price @ one.net_kw) for one in columns)
    return answered + float(price @ demand.fixed_kw) + limit_term(price, demand)


def limit_term(price: Vector, demand: Demand) -> float:
    """What the limit adds to the bound: prices beyond the charge are earned on the limit (Lagrange)."""
    return 0.0 if not np.isfinite(demand.limit_kw) else -max(0.0, float(price.sum()) - demand.charge) * demand.limit_kw


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """The master's answer: ``weights`` by column, the area's ``load_kw``, its ``peak_kw``, and the whole cost (upper bound)."""

    weights: Vector
    load_kw: Vector
    peak_kw: float
    over_kw: float
    cost: float


def master(columns: Sequence[Column], groups: int, demand: Demand) -> Problem:
    """The best mixture: columns first, then the peak and what is beyond the limit. Every group has at least one column."""
    steps = len(demand.fixed_kw)
    draft = Draft()
    weights = draft.block(len(columns), cost=np.array([one.cost for one in columns]))
    # A peak below zero would be paid for: an area that exports all day has no demand to charge.
    peak = draft.block(1, 0.0, np.inf, demand.charge)[0]
    over = draft.block(1, 0.0, np.inf, demand.beyond)[0]
    for k in range(steps):
        terms = [(weights[i], -float(one.net_kw[k])) for i, one in enumerate(columns) if one.net_kw[k] != 0.0]
        draft.row([(peak, 1.0), *terms], float(demand.fixed_kw[k]), np.inf)
    for group in range(groups):
        draft.equal([(weights[i], 1.0) for i, one in enumerate(columns) if one.group == group], 1.0)
    if np.isfinite(demand.limit_kw):
        draft.row([(peak, 1.0), (over, -1.0)], -np.inf, demand.limit_kw)
    return Problem(draft.program(), draft.cost)


def planned(solution: Solution, columns: Sequence[Column], demand: Demand) -> Planned:
    """Read the master's answer."""
    weights = np.clip(solution.x[: len(columns)], 0.0, 1.0)
    load = demand.fixed_kw + sum((w * one.net_kw for w, one in zip(weights, columns, strict=True) if w > 0.0))
    peak = max(0.0, float(np.max(load)))
    over = max(0.0, peak - demand.limit_kw)
    cost = float(weights @ np.array([one.cost for one in columns])) + demand.charge * peak + demand.beyond * over
    return Planned(weights, load, peak, over, cost)


def next_prices(
    columns: Sequence[Column], groups: int, demand: Demand, centre: Vector, pulls: Sequence[float]
) -> tuple[Problem, ...]:
    """The bundle: maximise the cuts' model of q less a pull times the distance from ``centre``, one problem for each of the ``pulls``.
    Prices are the first columns.
    """
    steps = len(centre)
    unit = demand.charge / steps if demand.charge > 0 else demand.most / steps
    draft = Draft()
    price = draft.block(steps, 0.0, demand.most, -demand.fixed_kw)
    theta = draft.block(groups, -np.inf, np.inf, -1.0)
    widths = (*(width * unit for width in WIDTHS), np.inf)
    aside = [
        [draft.block(steps, 0.0, width, slope) for width, slope in zip(widths, SLOPES, strict=True)] for _ in range(2)
    ]
    for k in range(steps):
        terms = [(price[k], 1.0)]
        terms += [(piece[k], -1.0) for piece in aside[0]] + [(piece[k], 1.0) for piece in aside[1]]
        draft.equal(terms, float(centre[k]))
    for one in columns:
        terms = [(theta[one.group], 1.0)]
        terms += [(price[k], -value) for k, value in enumerate(one.net_kw.tolist()) if value != 0.0]
        draft.row(terms, -np.inf, one.cost)
    if np.isfinite(demand.limit_kw):
        extra = draft.block(1, 0.0, demand.beyond, demand.limit_kw)[0]
        draft.equal([*((column, 1.0) for column in price), (extra, -1.0)], demand.charge)
    else:
        draft.equal([(column, 1.0) for column in price], demand.charge)
    program, cost = draft.program(), draft.cost
    distance = np.zeros(len(cost))
    for piece in (*aside[0], *aside[1]):
        distance[piece.start : piece.stop] = cost[piece.start : piece.stop]
    return tuple(Problem(program, cost + (pull - 1.0) * distance) for pull in pulls)


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """The bundle's answer: the price, and what the model hopes q is there (without the proximal term)."""

    price: Vector
    model: float


def priced(solution: Solution, columns: Sequence[Column], groups: int, demand: Demand) -> Priced:
    """Read the bundle's answer; the price is put back onto the simplex that rounding may have left."""
    steps = len(demand.fixed_kw)
    price = np.clip(solution.x[:steps], 0.0, None)
    if not np.isfinite(demand.limit_kw) and price.sum() > 0:
        price *= demand.charge / price.sum()
    cheapest = [min(one.cost + float(price @ one.net_kw) for one in columns if one.group == g) for g in range(groups)]
    return Priced(price, sum(cheapest) + float(price @ demand.fixed_kw) + limit_term(price, demand))


def pull_after(pull: float, bound: float, heard: float, hoped: float) -> float:
    """The pull towards the centre for the next round: less after a real step up, more after a step down.

    A price that was held at the centre is heard as the bound itself and teaches nothing: the pull halves until it lets go.
    """
    if abs(heard - bound) <= STILL * abs(bound):
        return pull * 0.5
    if heard > bound + 0.1 * (hoped - bound):
        return pull * 0.7
    return pull * 1.4 if heard < bound else pull


def first_pull(members: int, charge: float) -> float:
    """For each home 16 at 0.5 currency per kW. From 4 on, 50 homes raised it to 30 in a third of their rounds before their bound moved."""
    return 16.0 * members * charge / 0.5
