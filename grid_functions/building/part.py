"""What every part of a building is to its plan: columns and rows of a program, and terms in the balance of power.

Inside a program power is in kW, energy in kWh and temperature in kelvin or degrees Celsius, so that the numbers a solver meets are
of one size; everywhere else in SI as :mod:`grid_functions.model.units` has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grid_functions.building.program import Draft, Vector

KILO = 1000.0


@dataclass(frozen=True, slots=True)
class Horizon:
    """``steps`` of ``step_s`` seconds from ``start_utc_s``."""

    start_utc_s: float
    step_s: float
    steps: int

    @property
    def step_h(self) -> float:
        """The length of a step in hours: between kW and kWh."""
        return self.step_s / 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """How a series is read from ``x``: ``base`` plus the columns of ``above``, less those of ``below``; ``unit``: what one is in SI.

    A quantity that is bought by pieces is the sum of its pieces: it needs neither a column of its own nor rows that say so, and a solver
    finds its way the faster.
    """

    base: Vector
    above: tuple[range, ...]
    below: tuple[range, ...] = ()
    unit: float = 1.0

    @classmethod
    def column(cls, columns: range, unit: float = 1.0) -> "Series":
        """Each value is one column."""
        return cls(np.zeros(len(columns)), (columns,), unit=unit)

    def of(self, x: Vector) -> Vector:
        """The series, SI."""
        found = self.base.copy()
        for columns in self.above:
            found += x[columns.start : columns.stop]
        for columns in self.below:
            found -= x[columns.start : columns.stop]
        found *= self.unit
        return found

    def terms(self, k: int, factor: float = 1.0) -> list[tuple[int, float]]:
        """``factor`` times the value of step ``k`` in a row, without its base, in the unit of the columns."""
        return [(one[k], factor) for one in self.above] + [(one[k], -factor) for one in self.below]


class Balance:
    """The terms of consumption by step, kW, that parts add to while they are laid out."""

    def __init__(self, steps: int) -> None:
        self.terms: list[list[tuple[int, float]]] = [[] for _ in range(steps)]

    def add(self, columns: range, sign: float) -> None:
        """One column a step: +1 consumes, -1 produces."""
        for terms, column in zip(self.terms, columns, strict=True):
            terms.append((column, sign))

    def most(self, draft: Draft, sign: float) -> Vector:
        """What all that consumes (+1), or produces (-1), can come to by step."""
        return np.array([sum(draft.upper(column) for column, one in terms if one == sign) for terms in self.terms])


class Part(Protocol):
    """One device with something to decide."""

    @property
    def name(self) -> str:
        """Its name at the site."""

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """Write columns and rows, add to the balance, and say where each of its series lies."""


def slack(draft: Draft, widths: tuple[float, ...], prices: tuple[float, ...], count: int = 1) -> tuple[range, ...]:
    """For each of ``count`` steps columns that add up to a shortfall whose price rises by pieces: convex, so that cheap pieces fill first.

    ``widths`` of all pieces but the last, which is open; ``prices`` per unit, rising.
    """
    if list(prices) != sorted(prices) or len(prices) != len(widths) + 1:
        raise ValueError("prices rise, and there is one more of them than widths")
    uppers = (*widths, float("inf"))
    return tuple(draft.block(count, 0.0, upper, price) for upper, price in zip(uppers, prices, strict=True))


def softly_above(
    draft: Draft, count: int, least: float, span: tuple[float, float], price: float
) -> tuple[Series, range]:
    """Values within ``span`` that cost ``price`` for what they are below ``least``; and by how much they are below it.

    Below is dear and above is free, so that never both are more than nothing.
    """
    low, high = span
    below = draft.block(count, max(0.0, least - high), least - low, price)
    above = draft.block(count, 0.0, max(0.0, high - least))
    return Series(np.full(count, least), (above,), (below,)), below
