"""What a steward learns of its home from its diary, when, and what it is good for: a thermal model and how well the base load is foreseen.

Learning takes longer than a step may: it is a problem that the roof solves, like a plan. A model holds for a week; one that was not found
better than configuration's on days it had not seen never holds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grid_functions.building.civil import DAY_S, Civil
from grid_functions.building.diary import Diary
from grid_functions.building.forecast import Sample, forecast
from grid_functions.building.heating import Dynamics
from grid_functions.building.learning import LEAST_SAMPLES, History, Learnt, learn

HOLDS_S = 7 * DAY_S
"""A model that could not be judged anew for so long holds no longer."""

AGAIN_S = 3600.0
"""After a lesson that came to nothing."""

PATIENCE_S = 120.0
_LEAST_APART_S = DAY_S / 2.0
_BEGUN = 12
"""Steps at the ends of what is kept that are not whole, generously."""

_TRIED_W = 144


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """``model`` None = there are no zones; ``base_error_w``: mean absolute error of the last day's forecast from the days before;
    ``same_as_w``: of taking the day before it for it; NaN where there were too few days.
    """

    model: Learnt | None
    base_error_w: float = math.nan
    same_as_w: float = math.nan


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
        return Taught(model, *_tried(self.base, self.step_s, self.civil))


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


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _rows(table: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
