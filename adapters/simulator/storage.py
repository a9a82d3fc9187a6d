"""A battery: energy in store, what it still takes and gives. Without losses. Pure."""

import math
from dataclasses import dataclass, replace

from adapters.simulator.plan import StoragePlan

_NOTHING_WS = 1.0
"""So little energy counts as none: a battery is empty or full one watt-second early."""


@dataclass(frozen=True, slots=True)
class Battery:
    """`held_ws` of `capacity_ws`; powers in W, discharge positive; `reserve_ws` is not given away."""

    capacity_ws: float
    held_ws: float
    charge_max_w: float
    discharge_max_w: float
    reserve_ws: float = 0.0

    @property
    def soc_pct(self) -> float:
        """State of charge, % of capacity."""
        return 100 * self.held_ws / self.capacity_ws

    @property
    def empty(self) -> bool:
        """Nothing left above the reserve."""
        return self.held_ws <= self.reserve_ws + _NOTHING_WS

    @property
    def full(self) -> bool:
        """No room left."""
        return self.held_ws >= self.capacity_ws - _NOTHING_WS

    def clipped(self, low_w: float, high_w: float) -> tuple[float, float]:
        """The part of a range of power that the battery can follow now."""
        least = 0.0 if self.full else -self.charge_max_w
        most = 0.0 if self.empty else self.discharge_max_w
        return max(least, min(most, low_w)), max(least, min(most, high_w))

    def seconds_left(self, low_w: float, high_w: float) -> float:
        """How long power anywhere in this range can go on for sure; never so short that time would stand still."""
        left = [math.inf]
        if low_w < 0:
            left.append((self.capacity_ws - self.held_ws) / -low_w)
        if high_w > 0:
            left.append((self.held_ws - self.reserve_ws) / high_w)
        return max(0.001, min(left))

    def moved(self, given_ws: float) -> "Battery":
        """After giving (positive) or taking that much."""
        return replace(self, held_ws=max(0.0, min(self.capacity_ws, self.held_ws - given_ws)))


def battery_of(plan: StoragePlan) -> Battery:
    """The battery at the start."""
    capacity = plan.capacity_wh * 3600
    reserve = capacity * plan.reserve_pct / 100
    return Battery(capacity, capacity * plan.soc_pct / 100, plan.charge_w, plan.discharge_w, reserve)
