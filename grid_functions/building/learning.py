"""Learning a building's thermal behaviour from its own history: a linear step fitted by ridge regression within physical bounds.

    T' = keep @ T + heat @ u + outdoor * T_out + gain * sun

Fitted per zone on pairs of consecutive steps that were measured whole. The pairing is the one the plan uses: heat and weather **of** the
step lead from its beginning to its end. What comes out is judged as a plan would use it, running free for hours over days it has not
seen: a fit can be good for one step and drift. Where it errs by more than the model of configuration, configuration's stays in force.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from grid_functions.building.heating import Dynamics
from grid_functions.building.program import Vector

Marks: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """By step: ``temperatures_c`` (steps + 1, zones) at its ends, ``heat_w`` (steps, zones), ``outdoor_c`` and ``sun_w_m2`` (steps).

    A step that was not measured whole holds NaN somewhere and is left out.
    """

    temperatures_c: Vector
    heat_w: Vector
    outdoor_c: Vector
    sun_w_m2: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """``error_k``: root mean square error over :data:`FREE_RUN` steps on the held-out part; ``taken``: whether it may stand for
    configuration's model."""

    step: Dynamics
    error_k: float
    samples: int
    taken: bool
    why: str = ""


LEAST_SAMPLES = 288
"""Two days of ten minutes."""

FREE_RUN = 36
"""Steps a model runs free when it is judged: six hours of ten minutes."""


def learn(history: History, fallback: Dynamics, *, ridge: float = 1e-3, held_out: float = 0.25) -> Learnt:
    """Fit on the older part, judge on the newer. ``fallback`` is what holds when the fit is worse, or there is too little to learn from."""
    zones = history.temperatures_c.shape[1]
    inputs = np.column_stack(
        [history.temperatures_c[:-1], history.heat_w / 1000.0, history.outdoor_c, history.sun_w_m2 / 1000.0]
    )
    told = np.column_stack([inputs, history.temperatures_c[1:]])
    whole: Marks = np.isfinite(told).all(axis=1)
    count = int(whole.sum())
    if count < LEAST_SAMPLES:
        return Learnt(fallback, float("nan"), count, False, f"{count} whole steps, {LEAST_SAMPLES} are needed")
    split = int(len(whole) * (1.0 - held_out))
    older = whole.copy()
    older[split:] = False
    found = _bounded(inputs[older], history.temperatures_c[1:][older], zones, ridge)
    error_k, before_k = _error(found, history, whole, split), _error(fallback, history, whole, split)
    if not error_k < before_k:
        why = f"errs by {error_k:.2f} K in free run, configuration by {before_k:.2f} K"
        return Learnt(fallback, before_k, count, False, why)
    return Learnt(found, error_k, count, True)


def _bounded(inputs: Vector, outputs: Vector, zones: int, ridge: float) -> Dynamics:
    """Ridge regression of each zone's **change**, then non-negative least squares where a coefficient came out unphysical.

    Heat warms, neighbours and outdoors pull towards themselves: every coefficient is >= 0 once the change is written against the zone's
    own temperature: ``T' - T = sum_j k_j (T_j - T) + k_out (T_out - T) + b_j u_j + g sun``.
    """
    keep, heat = np.zeros((zones, zones)), np.zeros((zones, zones))
    outdoor, gain = np.zeros(zones), np.zeros((zones, 1))
    temperatures = inputs[:, :zones]
    for zone in range(zones):
        own = temperatures[:, zone]
        others = [j for j in range(zones) if j != zone]
        columns = [temperatures[:, j] - own for j in others]
        columns += [inputs[:, zones + j] for j in range(zones)]
        columns += [inputs[:, 2 * zones] - own, inputs[:, 2 * zones + 1]]
        solved = nonnegative(np.column_stack(columns), outputs[:, zone] - own, ridge)
        pulls, rest = solved[: len(others)], solved[len(others) :]
        for j, pull in zip(others, pulls.tolist(), strict=True):
            keep[zone, j] = pull
        heat[zone] = rest[:zones] / 1000.0
        outdoor[zone], gain[zone, 0] = rest[zones], rest[zones + 1] / 1000.0
        keep[zone, zone] = 1.0 - float(pulls.sum()) - float(outdoor[zone])
    return Dynamics(keep, heat, outdoor, gain)


def nonnegative(columns: Vector, wanted: Vector, ridge: float) -> Vector:
    """The least squares of columns x - wanted with x >= 0 and a ridge, by active sets.

    Lawson and Hanson, "Solving Least Squares Problems", chapter 23.
    """
    count = columns.shape[1]
    gram = columns.T @ columns + ridge * len(wanted) * 1e-3 * np.eye(count)
    target = columns.T @ wanted
    free: list[int] = []
    x = np.zeros(count)
    for _ in range(10 * count):
        slope = target - gram @ x
        slope[free] = -np.inf
        best = int(np.argmax(slope))
        if slope[best] <= 1e-10 * max(1.0, float(np.max(np.abs(target)))):
            break
        free.append(best)
        while True:
            trial = np.zeros(count)
            trial[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free])
            if all(trial[i] > 0 for i in free):
                x = trial
                break
            blocked = [i for i in free if trial[i] <= 0]
            share = min(x[i] / (x[i] - trial[i]) if x[i] != trial[i] else 0.0 for i in blocked)
            x = x + share * (trial - x)
            free = [i for i in free if x[i] > 1e-12]
            x[[i for i in range(count) if i not in free]] = 0.0
    return x


def _error(step: Dynamics, history: History, whole: Marks, first: int) -> float:
    """Root mean square of all temperatures of free runs that were measured whole; infinite when there is no such run."""
    glass = np.ones(step.gain.shape[1])
    squares: list[float] = []
    for start in range(first, len(whole) - FREE_RUN + 1, FREE_RUN):
        if not whole[start : start + FREE_RUN].all():
            continue
        now = history.temperatures_c[start]
        for k in range(start, start + FREE_RUN):
            now = step.advance(now, history.heat_w[k], float(history.outdoor_c[k]), glass * history.sun_w_m2[k])
            squares.append(float(np.mean((now - history.temperatures_c[k + 1]) ** 2)))
    return float(np.sqrt(np.mean(squares))) if squares else float("inf")
