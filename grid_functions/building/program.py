"""Linear and mixed-integer programs as frozen problems: written here, solved elsewhere (an Ask), read back by name.

A program's structure is apart from its costs: whoever solves it may keep what it has learnt of one structure and answer
another cost from there (a warm start), which changes how long an answer takes and never what it is worth.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """``lower <= x <= upper``, ``row_lower <= A x <= row_upper``; A by rows: those of row i are ``starts[i]:starts[i + 1]``.

    ``integer``: columns that take whole numbers only. ``digest`` is the same for the same structure.
    """

    lower: Vector
    upper: Vector
    row_lower: Vector
    row_upper: Vector
    starts: Indices
    columns: Indices
    values: Vector
    integer: Indices
    digest: bytes

    @classmethod
    def of(
        cls,
        bounds: tuple[Vector, Vector],
        row_bounds: tuple[Vector, Vector],
        rows: tuple[Indices, Indices, Vector],
        integer: Indices,
    ) -> "Program":
        """Of (lower, upper), of (row_lower, row_upper), of (starts, columns, values)."""
        digest = blake2b(digest_size=16)
        starts, columns, values = rows
        for array in (*bounds, *row_bounds, values):
            digest.update(array.tobytes())
        for numbers in (starts, columns, integer):
            digest.update(numbers.tobytes())
        return cls(*bounds, *row_bounds, starts, columns, values, integer, digest.digest())


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Minimise ``cost @ x`` over a program. ``gap``: relative, within which a mixed-integer program counts as solved."""

    program: Program
    cost: Vector
    gap: float = 1e-6


class Status(StrEnum):
    """How a problem ended. FEASIBLE: time ran out with an answer that need not be the best."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """``x`` by column, ``duals`` by row (of a linear program; else empty), and the proven lower ``bound`` of the objective."""

    status: Status
    objective: float
    bound: float
    x: Vector
    duals: Vector

    @property
    def usable(self) -> bool:
        """Whether ``x`` obeys every row."""
        return self.status in (Status.OPTIMAL, Status.FEASIBLE)

    @property
    def gap(self) -> float:
        """(objective - bound) / \\|objective\\|, >= 0."""
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)


class Draft:
    """A program being written: columns are added in blocks, rows term by term, each in a loop a reader can follow."""

    def __init__(self) -> None:
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._cost: list[float] = []
        self._integer: list[int] = []
        self._row_lower: list[float] = []
        self._row_upper: list[float] = []
        self._starts: list[int] = [0]
        self._columns: list[int] = []
        self._values: list[float] = []

    def block(
        self,
        count: int,
        lower: float | Vector = 0.0,
        upper: float | Vector = np.inf,
        cost: float | Vector = 0.0,
        *,
        integer: bool = False,
    ) -> range:
        """``count`` new columns; bounds and cost one for all, or one each."""
        first = len(self._lower)
        for values, into in ((lower, self._lower), (upper, self._upper), (cost, self._cost)):
            into.extend(np.broadcast_to(values, (count,)).tolist())
        made = range(first, first + count)
        if integer:
            self._integer.extend(made)
        return made

    def row(self, terms: list[tuple[int, float]], lower: float, upper: float) -> int:
        """One row over (column, coefficient), of which none is named twice; gives its number."""
        for column, value in terms:
            self._columns.append(column)
            self._values.append(value)
        self._row_lower.append(lower)
        self._row_upper.append(upper)
        self._starts.append(len(self._columns))
        return len(self._row_lower) - 1

    def equal(self, terms: list[tuple[int, float]], value: float) -> int:
        """One row that holds exactly."""
        return self.row(terms, value, value)

    def upper(self, column: int) -> float:
        """The upper bound of a column."""
        return self._upper[column]

    @property
    def cost(self) -> Vector:
        """The costs given so far."""
        return np.array(self._cost, dtype=np.float64)

    def program(self) -> Program:
        """What was written."""
        lower, upper, row_lower, row_upper, values = (
            np.array(one, dtype=np.float64)
            for one in (self._lower, self._upper, self._row_lower, self._row_upper, self._values)
        )
        starts, columns, integer = (
            np.array(one, dtype=np.int32) for one in (self._starts, self._columns, self._integer)
        )
        return Program.of((lower, upper), (row_lower, row_upper), (starts, columns, values), integer)
