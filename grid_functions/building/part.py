"""What every part of a building is to its plan: columns and rows of a program, and terms in the balance of power.

Inside a program power is in kW, energy in kWh and temperature in kelvin or degrees Celsius, so that the numbers a solver meets are
of one size; everywhere else in SI as :mod:`grid_functions.model.units` has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class Series:
    """Where a series lies in ``x``, and what one unit of a column is in SI."""

    columns: range
    unit: float = 1.0

    def of(self, x: Vector) -> Vector:
        """The series, SI."""
        return x[self.columns.start : self.columns.stop] * self.unit


class Balance:
    """The terms of consumption by step, kW, that parts add to while they are laid out."""

    def __init__(self, steps: int) -> None:
        self.terms: list[list[tuple[int, float]]] = [[] for _ in range(steps)]

    def add(self, columns: range, sign: float) -> None:
        """One column a step: +1 consumes, -1 produces."""
        for terms, column in zip(self.terms, columns, strict=True):
            terms.append((column, sign))


class Part(Protocol):
    """One device with something to decide."""

    @property
    def name(self) -> str:
        """Its name at the site."""

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """Write columns and rows, add to the balance, and say where each of its series lies."""


def slack(draft: Draft, widths: tuple[float, ...], prices: tuple[float, ...]) -> list[int]:
    """Columns that add up to a shortfall whose price rises by pieces: convex, so that cheap pieces fill first.

    ``widths`` of all pieces but the last, which is open; ``prices`` per unit, rising.
    """
    if list(prices) != sorted(prices) or len(prices) != len(widths) + 1:
        raise ValueError("prices rise, and there is one more of them than widths")
    uppers = (*widths, float("inf"))
    return [draft.block(1, 0.0, upper, price)[0] for upper, price in zip(uppers, prices, strict=True)]
