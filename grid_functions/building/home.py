"""A building's best plan at given prices: one linear program over all its parts.

    minimise  sum_k (price_k * import_k - paid_k * export_k) * dt  +  comfort  +  wear  +  soft limits

Only the prices change from round to round of a coordination: they stand in the costs of import and export alone, so that a solver goes
on from where it was. Prices are in currency per kWh; multiplied by energy, never by power alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grid_functions.building.part import KILO, Balance, Horizon, Part, Series
from grid_functions.building.program import Draft, Problem, Program, Solution, Vector
from grid_functions.model.policy import Connection

UNRATED = Connection()
"""One of which no rating is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Tariff:
    """Prices by step, currency per kWh: ``imported`` is paid, ``exported`` is earned. Import costs more than export earns, always."""

    imported: Vector
    exported: Vector

    def __post_init__(self) -> None:
        if not (np.all(np.isfinite(self.imported)) and np.all(np.isfinite(self.exported))):
            raise ValueError("prices are finite numbers")
        if not np.all(self.imported > self.exported):
            raise ValueError("import must cost more than export earns at every step: otherwise energy would circulate")

    def shifted(self, by: Vector) -> "Tariff":
        """The same with ``by`` added to both, currency per kWh: what a coordination posts."""
        return Tariff(self.imported + by, self.exported + by)


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Power at the connection by step, W >= 0 or infinite; soft at ``price`` per kWh beyond, so that there is always a plan."""

    import_w: Vector
    export_w: Vector
    price: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """A program and where to find what in its answer."""

    horizon: Horizon
    program: Program
    fixed_cost: Vector
    imported: range
    exported: range
    series: Mapping[str, Series]

    def problem(self, tariff: Tariff) -> Problem:
        """The program at these prices."""
        cost = self.fixed_cost.copy()
        cost[self.imported.start : self.imported.stop] += tariff.imported * self.horizon.step_h
        cost[self.exported.start : self.exported.stop] -= tariff.exported * self.horizon.step_h
        return Problem(self.program, cost)

    def plan(self, solution: Solution, tariff: Tariff) -> "Plan":
        """What was decided, and what it costs at ``tariff``, comfort and wear included."""
        net_w = Series(np.zeros(self.horizon.steps), (self.imported,), (self.exported,), KILO).of(solution.x)
        series = {name: one.of(solution.x) for name, one in self.series.items()}
        return Plan(self.horizon, net_w, series, float(self.problem(tariff).cost @ solution.x))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """``net_w`` by step, positive = import; ``series`` by ``part.series``, SI; ``cost``: currency, comfort and wear included."""

    horizon: Horizon
    net_w: Vector
    series: Mapping[str, Vector]
    cost: float


def combined(plans: Sequence[Plan], weights: Sequence[float]) -> Plan:
    """The plan in between: what parts can do is convex, so a mixture of plans is a plan."""
    first = plans[0]
    mixed = {name: sum_of([plan.series[name] for plan in plans], weights) for name in first.series}
    cost = sum(weight * plan.cost for weight, plan in zip(weights, plans, strict=True))
    return Plan(first.horizon, sum_of([plan.net_w for plan in plans], weights), mixed, cost)


def sum_of(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The weighted sum."""
    summed = np.zeros_like(vectors[0])
    for weight, vector in zip(weights, vectors, strict=True):
        summed += weight * vector
    return summed


def home(
    horizon: Horizon,
    parts: Sequence[Part],
    fixed_w: Vector,
    limits: Limits | None = None,
    connection: Connection = UNRATED,
) -> Home:
    """Lay out all parts around one balance. ``fixed_w`` by step: what nobody decides, positive = consumed.

    Nothing is planned beyond the ``connection``, of which ``fixed_w`` may take more: then all else is off, and there is a plan.
    """
    draft = Draft()
    steps = horizon.steps
    balance = Balance(steps)
    series: dict[str, Series] = {}
    for part in parts:
        laid = part.lay(draft, horizon, balance)
        series |= {f"{part.name}.{name}": one for name, one in laid.items()}
    fixed_kw = fixed_w / KILO
    taken, given = (balance.most(draft, sign) for sign in (1.0, -1.0))
    imported = draft.block(steps, 0.0, _bound(connection.import_limit_w, fixed_kw, taken))
    exported = draft.block(steps, 0.0, _bound(connection.export_limit_w, -fixed_kw, given))
    for k in range(steps):
        terms = [(imported[k], 1.0), (exported[k], -1.0)]
        terms += [(column, -sign) for column, sign in balance.terms[k]]
        draft.equal(terms, float(fixed_kw[k]))
    if limits is not None:
        _limit(draft, imported, limits.import_w, limits.price * horizon.step_h)
        _limit(draft, exported, limits.export_w, limits.price * horizon.step_h)
    return Home(horizon, draft.program(), draft.cost, imported, exported, series)


def _bound(rated_w: float | None, fixed_kw: Vector, most_kw: Vector) -> Vector:
    """kW by step; none where all that is decided cannot come to it: a bound that never binds makes a solver take more ways round."""
    rated_kw = np.inf if rated_w is None else rated_w / KILO
    bound: Vector = np.where(fixed_kw + most_kw <= rated_kw, np.inf, np.maximum(rated_kw, fixed_kw))
    return bound


def _limit(draft: Draft, columns: range, limit_w: Vector, price: float) -> None:
    for column, most_w in zip(columns, limit_w.tolist(), strict=True):
        if np.isfinite(most_w):
            beyond = draft.block(1, cost=price)[0]
            draft.row([(column, 1.0), (beyond, -1.0)], -np.inf, most_w / KILO)
