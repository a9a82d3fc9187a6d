"""What a site keeps of its own days, step by step: rooms, what heats them, the weather, and what nobody plans.

A step's powers and weather are means over it, its temperatures those it began with. What was not measured for most of a step is NaN there,
and so is what lies in a gap. Only the youngest days are kept; an hour is written at a time, and is what a crash may cost.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grid_functions.building.forecast import Sample
from grid_functions.building.learning import History
from grid_functions.building.program import Vector

KEPT_D = 14
WRITTEN_S = 3600.0
LOOK_S = 10.0
"""So often is looked; what was seen holds until then."""

LEAST_COVERAGE = 0.8
"""Of a step, for its mean to count."""

OUTDOOR, SUN, BASE = "outdoor_c", "sun_w_m2", "base_w"
_SHARED = (OUTDOOR, SUN, BASE)


@dataclass(frozen=True, slots=True)
class Diary:
    """Durable. ``start_utc_s``: of the first step; ``packed``: rows of 32-bit floats, base64: outdoor, sun, base load, then the
    temperature and the power of each of ``zones``.
    """

    start_utc_s: float = 0.0
    step_s: float = 600.0
    zones: tuple[str, ...] = ()
    packed: str = ""

    @property
    def rows(self) -> Vector:
        """(steps, columns)."""
        flat = np.frombuffer(base64.b64decode(self.packed), dtype="<f4").astype(np.float64)
        table: Vector = flat.reshape(-1, len(_SHARED) + 2 * len(self.zones))
        return table

    def extended(self, first_utc_s: float, rows: Sequence[Sequence[float]]) -> "Diary":
        """With steps from ``first_utc_s`` on; a gap before them is filled with what is not known. From the past on, or after a gap
        longer than all that is kept, it begins anew.
        """
        most = round(KEPT_D * 86_400.0 / self.step_s)
        old = self.rows
        gap = round((first_utc_s - self.start_utc_s) / self.step_s) - len(old)
        new = np.array(rows, dtype=np.float64)
        if not self.packed or not 0 <= gap < most:
            return replace(self, start_utc_s=first_utc_s, packed=_packed(new))
        whole = np.vstack([old, np.full((gap, old.shape[1]), np.nan), new])
        dropped = max(0, len(whole) - most)
        return replace(self, start_utc_s=self.start_utc_s + dropped * self.step_s, packed=_packed(whole[dropped:]))

    def history(self) -> History:
        """For learning: temperatures at the ends of steps are those that the next one began with; of the last nobody knows."""
        rows, count = self.rows, len(self.zones)
        first = len(_SHARED)
        ends = np.vstack([rows[:, first : first + count], np.full((1, count), np.nan)])
        return History(ends, rows[:, first + count :], rows[:, 0], rows[:, 1])

    def base(self) -> tuple[Sample, ...]:
        """For the forecast: every step in which the base load was measured."""
        powers = self.rows[:, 2].tolist() if self.packed else []
        return tuple(
            Sample(self.start_utc_s + k * self.step_s, power_w)
            for k, power_w in enumerate(powers)
            if math.isfinite(power_w)
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: temperatures and powers by zone, and the shared ones by name; what is not known is in neither."""

    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    powers_w: Mapping[str, float] = field(default_factory=dict)
    shared: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """Of this run: the step under way and the finished ones that are not written yet.

    ``sums``: by column, (value x s, s), of the step that began at ``start_utc_s`` with ``began_c``; ``last``: what was seen at
    ``at_utc_s``.
    """

    at_utc_s: float
    last: Seen
    start_utc_s: float
    began_c: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_utc_s: float = 0.0
    done: tuple[tuple[float, ...], ...] = ()


def noted(diary: Diary, running: Running | None, seen: Seen, utc_s: float) -> tuple[Diary, Running]:
    """Look once more. A clock that jumps back, or a gap of more than two steps, begins a new step; what was done before is written."""
    step_s = diary.step_s
    if running is None or not 0.0 <= utc_s - running.at_utc_s <= 2.0 * step_s:
        written = diary if running is None or not running.done else diary.extended(running.first_utc_s, running.done)
        # A step of which the beginning was missed is not covered, or has no temperatures to begin with.
        return written, Running(utc_s, seen, math.floor(utc_s / step_s) * step_s)
    if utc_s - running.at_utc_s < LOOK_S and utc_s < running.start_utc_s + step_s:
        return diary, running
    while (end_s := running.start_utc_s + step_s) <= utc_s:
        running = _ended(_passed(running, end_s), diary, end_s)
    running = replace(_passed(running, utc_s), last=seen)
    if utc_s - running.first_utc_s < WRITTEN_S or not running.done:
        return diary, running
    return diary.extended(running.first_utc_s, running.done), replace(running, done=(), first_utc_s=running.start_utc_s)


def _passed(running: Running, until_utc_s: float) -> Running:
    """What was seen held until then."""
    span_s = until_utc_s - running.at_utc_s
    sums = dict(running.sums)
    for name, value in (*running.last.shared.items(), *running.last.powers_w.items()):
        total, seen_s = sums.get(name, (0.0, 0.0))
        sums[name] = (total + value * span_s, seen_s + span_s)
    return replace(running, at_utc_s=until_utc_s, sums=sums)


def _ended(running: Running, diary: Diary, end_utc_s: float) -> Running:
    def mean(name: str) -> float:
        total, seen_s = running.sums.get(name, (0.0, 0.0))
        return total / seen_s if seen_s >= LEAST_COVERAGE * diary.step_s else math.nan

    row = (
        *(mean(name) for name in _SHARED),
        *(running.began_c.get(zone, math.nan) for zone in diary.zones),
        *(mean(zone) for zone in diary.zones),
    )
    first_s = running.first_utc_s if running.done else running.start_utc_s
    began = running.last.temperatures_c
    return replace(
        running, start_utc_s=end_utc_s, began_c=began, sums={}, done=(*running.done, row), first_utc_s=first_s
    )


def _packed(rows: Vector) -> str:
    return base64.b64encode(rows.astype("<f4").tobytes()).decode()
