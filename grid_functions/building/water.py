"""A water heater: one well-mixed tank, and its exact step.

    C dT/dt = P + c m' (T_in - T) + G (T_room - T)

Draw, power and surroundings are constant over a step, so that the step is a first-order decay towards where it would settle.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grid_functions.building.part import KILO, Balance, Horizon, Series, softly_above
from grid_functions.building.program import Draft, Vector

WH_PER_LITRE_K = 1.163
"""Heat capacity of water."""


@dataclass(frozen=True, slots=True)
class Tank:
    """``volume_l`` > 0; ``loss_w_per_k`` to a room of ``room_c``; fed with water of ``inlet_c``."""

    volume_l: float
    heater_w: float
    loss_w_per_k: float = 2.0
    inlet_c: float = 10.0
    room_c: float = 20.0

    @property
    def capacity_wh_per_k(self) -> float:
        """Heat capacity of the whole tank."""
        return WH_PER_LITRE_K * self.volume_l


@dataclass(frozen=True, slots=True)
class TankStep:
    """One step: ``T' = keep * T + heat_k_per_w * P + offset_k``."""

    keep: float
    heat_k_per_w: float
    offset_k: float

    def advance(self, temperature_c: float, power_w: float) -> float:
        """Temperature at the step's end."""
        return self.keep * temperature_c + self.heat_k_per_w * power_w + self.offset_k


def tank_step(tank: Tank, draw_l: float, step_s: float) -> TankStep:
    """The exact step while ``draw_l`` litres are drawn evenly over it."""
    hours = step_s / 3600.0
    draw_w_per_k = WH_PER_LITRE_K * draw_l / hours
    leaving = draw_w_per_k + tank.loss_w_per_k
    if leaving <= 0.0:
        return TankStep(1.0, hours / tank.capacity_wh_per_k, 0.0)
    rate = leaving * hours / tank.capacity_wh_per_k
    keep = math.exp(-rate)
    # -expm1 keeps what 1 - exp would lose of a nearly tight tank.
    reach = -math.expm1(-rate) / leaving
    return TankStep(keep, reach, reach * (draw_w_per_k * tank.inlet_c + tank.loss_w_per_k * tank.room_c))


@dataclass(frozen=True, slots=True, eq=False)
class TankPlan:
    """The part: between ``least_c`` (soft, ``short_price`` currency per kelvin-hour) and ``most_c`` (hard); ``draw_l`` by step."""

    name: str
    tank: Tank
    now_c: float
    draw_l: Vector
    least_c: float = 50.0
    most_c: float = 65.0
    short_price: float = 2.0
    final_c: float | None = None
    final_price: float = 2.0

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """Power, temperature, and how far it is too cold."""
        steps = horizon.steps
        power = draft.block(steps, 0.0, self.tank.heater_w / KILO)
        # A tank that is too hot already may cool down: its bound is where it is.
        span = -np.inf, max(self.most_c, self.now_c)
        temperature, short = softly_above(draft, steps, self.least_c, span, self.short_price * horizon.step_h)
        balance.add(power, 1.0)
        for k in range(steps):
            step = tank_step(self.tank, float(self.draw_l[k]), horizon.step_s)
            terms = [*temperature.terms(k), (power[k], -KILO * step.heat_k_per_w)]
            known = step.offset_k - self.least_c
            if k == 0:
                known += step.keep * self.now_c
            else:
                terms += temperature.terms(k - 1, -step.keep)
                known += step.keep * self.least_c
            draft.equal(terms, known)
        if self.final_c is not None:
            missing = draft.block(1, cost=self.final_price)[0]
            draft.row([*temperature.terms(steps - 1), (missing, 1.0)], self.final_c - self.least_c, np.inf)
        return {
            "power_w": Series.column(power, KILO),
            "temperature_c": temperature,
            "short_k": Series.column(short),
        }
