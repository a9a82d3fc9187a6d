"""What a steward learns of its home from its diary, when, and what it is good for: a thermal model, how well the base load is foreseen, and
how much more than foreseen it may be.

Learning takes longer than a step may: it is a problem that the roof solves, like a plan. A model holds for a week; one that was not found
better than configuration's on days it had not seen never holds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grid_functions.building.civil import DAY_S, Civil
from grid_functions.building.diary import Diary
from grid_functions.building.forecast import Sample, forecast
from grid_functions.building.heating import Dynamics
from grid_functions.building.learning import LEAST_SAMPLES, History, Learnt, learn
from grid_functions.building.program import Vector

HOLDS_S = 7 * DAY_S
"""A model that could not be judged anew for so long holds no longer."""

AGAIN_S = 3600.0
"""After a lesson that came to nothing."""

PATIENCE_S = 120.0
_LEAST_APART_S = DAY_S / 2.0
_BEGUN = 12
"""Steps at the ends of what is kept that are not whole, generously."""

_TRIED_W = 144

LEAST_DOUBT, MOST_DOUBT = 0.1, 5.0
"""A household is never foreseen better than to a tenth; of one that is not foreseen at all nothing can be sold."""

_SURE = 0.95
"""The share of steps in which no more was taken than is doubted."""

_JUDGED_D, _LEAST_JUDGED_D = 7, 3


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """``model`` None = there are no zones; ``base_error_w``: mean absolute error of the last day's forecast from the days before;
    ``same_as_w``: of taking the day before it for it; NaN where there were too few days. ``doubt``: the share of what was foreseen by which
    the household took more at most in 19 of 20 ``doubt_steps``; ``doubt_missed``: the share of the last day's steps that went beyond the
    doubt of the days before it.
    """

    model: Learnt | None
    base_error_w: float = math.nan
    same_as_w: float = math.nan
    doubt: float = math.nan
    doubt_missed: float = math.nan
    doubt_steps: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """The problem: pure, frozen, and solved wherever the roof likes."""

    history: History
    fallback: Dynamics | None
    base: tuple[Sample, ...]
    step_s: float
    civil: Civil

    def taught(self) -> Taught:
        """Learn; some tenths of a second."""
        model = None if self.fallback is None else learn(self.history, self.fallback)
        error_w, same_w = _tried(self.base, self.step_s, self.civil)
        doubt, missed, steps = _doubted(self.base, self.step_s, self.civil)
        return Taught(model, error_w, same_w, doubt, missed, steps)


@dataclass(frozen=True, slots=True)
class Model:
    """Durable: what was learnt last. ``taken``: whether it holds in place of configuration's; ``error_k``: in free runs of six hours over
    days it had not seen, of whichever holds; ``since_utc_s``: when the home's own began to hold; ``judged_utc_s``: the last lesson.
    """

    zones: tuple[str, ...] = ()
    step_s: float = 600.0
    keep: tuple[tuple[float, ...], ...] = ()
    heat: tuple[tuple[float, ...], ...] = ()
    outdoor: tuple[float, ...] = ()
    gain: tuple[tuple[float, ...], ...] = ()
    error_k: float | None = None
    samples: int = 0
    taken: bool = False
    why: str = ""
    since_utc_s: float | None = None
    judged_utc_s: float | None = None
    base_error_w: float | None = None
    same_as_w: float | None = None
    doubt: float | None = None
    doubt_missed: float | None = None
    doubt_steps: int = 0

    def doubted(self, configured: float, utc_s: float) -> float:
        """By which share of what is foreseen the household may take more: learnt, or as configured while nothing is known of it."""
        return configured if self.doubt is None or self.stale(utc_s) else self.doubt

    def dynamics(self, zones: tuple[str, ...], step_s: float, utc_s: float) -> Dynamics | None:
        """The home's own model where it holds for these zones and this step; None = configuration's holds."""
        if not self.taken or zones != self.zones or step_s != self.step_s or self.stale(utc_s):
            return None
        return Dynamics(np.array(self.keep), np.array(self.heat), np.array(self.outdoor), np.array(self.gain))

    def stale(self, utc_s: float) -> bool:
        """Whether it is too long ago that it was judged."""
        return self.judged_utc_s is None or utc_s - self.judged_utc_s > HOLDS_S

    def told(self, utc_s: float) -> dict[str, Any]:
        """For people: which model holds, its error, since when, and why it is not the home's own."""
        own = self.taken and not self.stale(utc_s)
        why = "it was not judged for a week" if self.taken and not own else self.why
        return {
            "model": "learnt" if own else "configured",
            "error_k": self.error_k,
            "since_utc_s": self.since_utc_s if own else None,
            "learnt_utc_s": self.judged_utc_s,
            "steps": self.samples,
            "why": why,
            "base_load_error_w": self.base_error_w,
            "base_load_error_of_the_day_before_w": self.same_as_w,
            "doubt": None if self.stale(utc_s) else self.doubt,
            "doubt_missed": self.doubt_missed,
            "doubt_steps": self.doubt_steps,
        }


def due(model: Model, diary: Diary, asked_utc_s: float, at_s: float, civil: Civil, utc_s: float) -> bool:
    """Whether a lesson should begin: once a day from ``at_s`` of the local clock on, and the first as soon as there may be enough to learn
    from. To be asked whenever something was written.
    """
    judged_s = -math.inf if model.judged_utc_s is None else model.judged_utc_s
    _, second = civil.at(utc_s)
    last_s = utc_s - (second - at_s) % DAY_S
    if utc_s - asked_utc_s < AGAIN_S or last_s - judged_s < _LEAST_APART_S:
        return False
    return len(diary.rows) >= LEAST_SAMPLES + _BEGUN


def learnt(model: Model, taught: Taught, diary: Diary, utc_s: float) -> Model:
    """What is known after a lesson."""
    told = replace(
        model,
        judged_utc_s=utc_s,
        base_error_w=_finite(taught.base_error_w),
        same_as_w=_finite(taught.same_as_w),
        doubt=_finite(taught.doubt),
        doubt_missed=_finite(taught.doubt_missed),
        doubt_steps=taught.doubt_steps,
    )
    found = taught.model
    if found is None:
        return told
    told = replace(
        told,
        zones=diary.zones,
        step_s=diary.step_s,
        error_k=_finite(found.error_k),
        samples=found.samples,
        taken=found.taken,
        why=found.why,
    )
    if not found.taken:
        return replace(told, keep=(), heat=(), outdoor=(), gain=(), since_utc_s=None)
    step = found.step
    return replace(
        told,
        keep=_rows(step.keep),
        heat=_rows(step.heat),
        outdoor=tuple(step.outdoor.tolist()),
        gain=_rows(step.gain),
        since_utc_s=model.since_utc_s if model.taken and not model.stale(utc_s) else utc_s,
    )


def _tried(base: tuple[Sample, ...], step_s: float, civil: Civil) -> tuple[float, float]:
    """How well the forecast foresaw the last day it could know of, and how well the day before it would have."""
    if not base:
        return math.nan, math.nan
    start_s = base[-1].utc_s + step_s - DAY_S
    known = [one for one in base if one.utc_s < start_s]
    steps = round(DAY_S / step_s)
    foreseen = forecast(known, start_s, step_s, steps, civil.at) if len(known) >= _TRIED_W else None
    if foreseen is None:
        return math.nan, math.nan
    before: Mapping[float, float] = {one.utc_s: one.power_w for one in known}
    came = [one for one in base if one.utc_s >= start_s and one.utc_s - DAY_S in before]
    if not came:
        return math.nan, math.nan
    own = [abs(foreseen[round((one.utc_s - start_s) / step_s)] - one.power_w) for one in came]
    same = [abs(before[one.utc_s - DAY_S] - one.power_w) for one in came]
    return float(np.mean(own)), float(np.mean(same))


def _doubted(base: tuple[Sample, ...], step_s: float, civil: Civil) -> tuple[float, float, int]:
    """The doubt, how often the last day went beyond that of the days before, and of how many steps it is. Each day is foreseen from what
    was known before it, as it has to be for a market.
    """
    if not base:
        return math.nan, math.nan, 0
    steps, ends_s = round(DAY_S / step_s), base[-1].utc_s + step_s
    days = []
    for ago in range(_JUDGED_D, 0, -1):
        start_s = ends_s - ago * DAY_S
        known = [one for one in base if one.utc_s < start_s]
        foreseen = forecast(known, start_s, step_s, steps, civil.at) if len(known) >= _TRIED_W else None
        came = [one for one in base if start_s <= one.utc_s < start_s + DAY_S]
        if foreseen is not None and len(came) >= steps // 2:
            usual = np.maximum(1.0, [foreseen[round((one.utc_s - start_s) / step_s)] for one in came])
            days.append(np.array([one.power_w for one in came]) / usual - 1.0)
    if len(days) < _LEAST_JUDGED_D:
        return math.nan, math.nan, 0
    missed = float(np.mean(days[-1] > _most(days[:-1])))
    return _most(days), missed, sum(len(day) for day in days)


def _most(days: Sequence[Vector]) -> float:
    return min(MOST_DOUBT, max(LEAST_DOUBT, float(np.quantile(np.concatenate(days), _SURE))))


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _rows(table: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
