"""The base load of the days to come: what nobody decides, from what it was on like days at like times.

Local time decides: people live by it, over changes of daylight saving too. A step's forecast is a mean of the same local step of past days,
recent ones and days of the same kind weighing more, moved towards what the last hours showed. It is never negative.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from grid_functions.building.program import Vector

LocalTime = Callable[[float], tuple[int, float]]
"""From UTC seconds to (day of the week, 0 = Monday; seconds since local midnight)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Mean power over one step, W, from ``utc_s`` on; what was not measured is no sample."""

    utc_s: float
    power_w: float


@dataclass(frozen=True, slots=True)
class Weights:
    """``half_life_d``: age at which a day counts half; ``other_kind``: how much a day of the other kind (working, free) counts.

    ``persistence_h``: time after which the present deviation is believed half; ``width_s``: neighbours in time that count too.
    """

    half_life_d: float = 10.0
    other_kind: float = 0.3
    persistence_h: float = 1.0
    width_s: float = 1200.0


def forecast(
    history: Sequence[Sample],
    start_utc_s: float,
    step_s: float,
    steps: int,
    local: LocalTime,
    weights: Weights | None = None,
) -> Vector | None:
    """Mean power by step, W >= 0; None when there is nothing to go by."""
    weights = weights or Weights()
    known = [one for one in history if np.isfinite(one.power_w)]
    if not known:
        return None
    powers = np.array([one.power_w for one in known])
    times = np.array([one.utc_s for one in known])
    kinds, seconds = _local(times.tolist(), local)

    def mean_at(utc_s: float) -> float:
        day, second = local(utc_s)
        apart = np.abs(seconds - second)
        apart = np.minimum(apart, 86_400.0 - apart)
        near = np.exp(-0.5 * (apart / weights.width_s) ** 2)
        age = 0.5 ** (np.maximum(0.0, start_utc_s - times) / 86_400.0 / weights.half_life_d)
        kind = np.where(kinds == (day >= 5), 1.0, weights.other_kind)
        weight = near * age * kind
        total = float(weight.sum())
        return float(weight @ powers) / total if total > 1e-9 else float(powers.mean())

    told: Vector = np.array([mean_at(start_utc_s + k * step_s) for k in range(steps)])
    recent = [one for one in known if 0.0 < start_utc_s - one.utc_s <= 3600.0]
    if recent:
        off_w = float(np.mean([one.power_w - mean_at(one.utc_s) for one in recent]))
        hours = (np.arange(steps) + 0.5) * step_s / 3600.0
        told = told + off_w * 0.5 ** (hours / weights.persistence_h)
    return np.maximum(told, 0.0)


def _local(times: Sequence[float], local: LocalTime) -> tuple[Vector, Vector]:
    told = [local(one) for one in times]
    return np.array([day >= 5 for day, _ in told], dtype=np.float64), np.array([second for _, second in told])
