"""Measured values with their quality and age."""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.units import Phase, Quantity


class Quality(StrEnum):
    """How far a value may be trusted. Only GOOD loosens anything (rule 6)."""

    GOOD = "good"
    STALE = "stale"  # good once, too old now
    SUSPECT = "suspect"  # answered, but impossible or flagged by the device
    MISSING = "missing"  # not implemented, or never read


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value. ``at_s``: monotonic seconds when the answer arrived; ``utc_s``: the same instant in UTC."""

    value: float
    quality: Quality
    at_s: float
    utc_s: float


MeterKey = tuple[Quantity, Phase | None]
"""What a meter measures: a quantity, of one phase or (None) of all together."""


class Metered(StrEnum):
    """What an average is of."""

    CONNECTION = "connection"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over whole seconds [start_s, start_s + duration_s) in UTC.

    ``coverage``: share of it with good data, 0..1. ``of``: the connection point, or the respondent's devices together.
    """

    quantity: Quantity
    phase: Phase | None
    start_s: float
    duration_s: float
    value: float
    coverage: float
    of: Metered = Metered.CONNECTION
