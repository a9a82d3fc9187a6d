"""The starts to come and who contends for what, as indexes that are kept from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from grid_functions.model.control import Mode

Place = tuple[str, Mode]
"""A program and a mode: within it events lean on each other."""

Field = tuple[Mode, bool, frozenset[str]]
"""Who meets whom in a mode: tests (rule 10) only tests, and events only those for the same addressees."""

Strength = tuple[float, float, bool, str, str]
"""Rule 0's order as a value: larger wins."""


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """A start to come, as planned now."""

    start_s: float
    id: str
    end_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One event in the plan. Its ``start_s`` as asked and ``own_s`` with its draw; ``begin_s`` and ``end_s`` as planned or run.

    ``leans``: its begin depends on an event before it. ``pushes``: others may lean on its end, which is ``nominal_s`` before any draw.
    """

    start_s: float
    own_s: float
    begin_s: float
    end_s: float
    nominal_s: float
    waits: bool
    leans: bool
    pushes: bool
    places: tuple[Place, ...]
    fields: tuple[Field, ...]
    strength: Strength

    @property
    def takes_s(self) -> float:
        """When it begins to contend: what runs does so whatever a clock that was set back says."""
        return self.begin_s if self.waits else float("-inf")


@dataclass(frozen=True, slots=True)
class Plan:
    """``agenda``: the starts to come, soonest first. The rest are indexes, each sorted.

    ``starts``: (nominal start, id) of what waits; ``ends``: (nominal end, effective end, id), the latter at most ``late_s`` behind the
    former; ``stretches``: (when it begins to, id) of what contends for a field.
    """

    agenda: tuple[Start, ...] = ()
    rows: Mapping[str, Row] = field(default_factory=lambda: MappingProxyType({}))
    starts: Mapping[Place, tuple[tuple[float, str], ...]] = field(default_factory=lambda: MappingProxyType({}))
    ends: Mapping[Place, tuple[tuple[float, float, str], ...]] = field(default_factory=lambda: MappingProxyType({}))
    late_s: Mapping[Place, float] = field(default_factory=lambda: MappingProxyType({}))
    stretches: Mapping[Field, tuple[tuple[float, str], ...]] = field(default_factory=lambda: MappingProxyType({}))
