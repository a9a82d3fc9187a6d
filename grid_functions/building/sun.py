"""Photovoltaics: what the sun offers, of which a plan may leave some."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grid_functions.building.part import KILO, Balance, Horizon, Series
from grid_functions.building.program import Draft, Vector


@dataclass(frozen=True, slots=True)
class Array:
    """``rated_w`` DC at 1000 W/m2 and a cell of 25 degrees; ``inverter_w`` AC; ``noct_c``: of the cell at 800 W/m2 and 20 degrees."""

    rated_w: float
    inverter_w: float
    loss_pct: float = 14.0
    per_k_pct: float = -0.4
    noct_c: float = 45.0

    def offered_w(self, irradiance_w_m2: Vector, air_c: Vector) -> Vector:
        """AC power by step, W >= 0, from irradiance on the array's plane and air temperature (the PVWatts model)."""
        cell_c = air_c + irradiance_w_m2 * (self.noct_c - 20.0) / 800.0
        direct_w = self.rated_w * irradiance_w_m2 / 1000.0 * (1.0 + self.per_k_pct / 100.0 * (cell_c - 25.0))
        return np.clip(direct_w * (1.0 - self.loss_pct / 100.0), 0.0, self.inverter_w)


@dataclass(frozen=True, slots=True, eq=False)
class SunPlan:
    """The part: at most ``offered_w`` by step."""

    name: str
    offered_w: Vector

    def lay(self, draft: Draft, horizon: Horizon, balance: Balance) -> Mapping[str, Series]:
        """What is taken of it."""
        taken = draft.block(horizon.steps, 0.0, self.offered_w / KILO)
        balance.add(taken, -1.0)
        return {"power_w": Series.column(taken, KILO)}
