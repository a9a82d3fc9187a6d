"""The power stage behind the registers: what a device is ordered to do, and what flows. Pure.

Production and discharge are positive, charging negative; var is positive when injected.
"""

import math
from dataclasses import dataclass, replace

from adapters.simulator.power import energy_ws, moved_ceiling
from adapters.simulator.reactive import Wish, wanted_var
from adapters.simulator.storage import Battery

NOMINAL_V = 230.0
NOMINAL_HZ = 50.0


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid at the terminals: voltage in % of nominal, frequency in Hz."""

    volts_pct: float = 100.0
    hz: float = NOMINAL_HZ

    @property
    def volts(self) -> float:
        """Line to neutral, V."""
        return NOMINAL_V * self.volts_pct / 100


@dataclass(frozen=True, slots=True)
class Orders:
    """What the registers demand now. `target_w` None: what the sun gives, the battery idle.

    The battery may move between `battery_low_w` and `battery_high_w`; a range without zero in it forces it.
    """

    on: bool
    cap_w: float
    rise_w_per_s: float
    fall_w_per_s: float
    va_max: float
    var_max: float
    target_w: float | None = None
    battery_low_w: float = 0.0
    battery_high_w: float = 0.0
    wish: Wish | None = None
    var_per_s: float = math.inf

    @property
    def goal_w(self) -> float:
        """Where the ceiling is heading."""
        if not self.on:
            return 0.0
        return self.cap_w if self.target_w is None else min(self.cap_w, self.target_w)


@dataclass(frozen=True, slots=True)
class Stage:
    """What flows: the ceiling under which power stays, the var that has built up, what was counted."""

    ceiling_w: float
    var: float = 0.0
    injected_ws: float = 0.0
    absorbed_ws: float = 0.0
    battery: Battery | None = None

    def output_w(self, orders: Orders, sun_w: float) -> float:
        """AC power now."""
        low, high = self._bounds(orders, sun_w)
        return max(low, min(high, self.ceiling_w))

    def battery_w(self, orders: Orders, sun_w: float) -> float:
        """Power of the battery now, discharge positive. What the sun gives beyond the output is stored if it fits."""
        if self.battery is None or not orders.on:
            return 0.0
        low, high = self._battery_range(orders)
        return max(low, min(high, self.output_w(orders, sun_w) - sun_w))

    def output_var(self, orders: Orders, sun_w: float) -> float:
        """Reactive power now: within the apparent power that the active power leaves, or first, if it has priority."""
        if not orders.on:
            return 0.0
        output_w = self.output_w(orders, sun_w)
        goal = wanted_var(orders.wish, output_w, orders.va_max, orders.var_max)
        return goal if math.isinf(orders.var_per_s) else self.var

    def next_cut(self, orders: Orders) -> float:
        """After how many seconds at most the battery may be full or empty, or its answer must be looked at again."""
        if self.battery is None:
            return math.inf
        low, high = self._battery_range(orders)
        return self.battery.seconds_left(low, high)

    def stepped(self, orders: Orders, dt_s: float, sun_w: float) -> "Stage":
        """The stage `dt_s` later; orders, sun and grid hold in between."""
        goal = orders.goal_w
        rate = orders.rise_w_per_s if goal > self.ceiling_w else orders.fall_w_per_s
        rate = rate if orders.on else math.inf
        low, high = self._bounds(orders, sun_w)
        made = energy_ws(self.ceiling_w, goal, rate, dt_s, high, low)
        injected = energy_ws(self.ceiling_w, goal, rate, dt_s, max(high, 0.0), max(low, 0.0))
        battery = self.battery
        if battery is not None and orders.on:
            at_least, at_most = (w + sun_w for w in self._battery_range(orders))
            bottom, top = (max(at_least, min(at_most, w)) for w in (low, high))
            moved_ws = energy_ws(self.ceiling_w, goal, rate, dt_s, top, bottom) - sun_w * dt_s
            battery = battery.moved(moved_ws)
        later = replace(
            self,
            ceiling_w=moved_ceiling(self.ceiling_w, goal, rate, dt_s),
            injected_ws=self.injected_ws + injected,
            absorbed_ws=self.absorbed_ws + injected - made,
            battery=battery,
        )
        aim = wanted_var(orders.wish, later.output_w(orders, sun_w), orders.va_max, orders.var_max)
        return replace(later, var=moved_ceiling(self.var, aim if orders.on else 0.0, orders.var_per_s, dt_s))

    def taken_over(self, before: Orders, after: Orders, sun_w: float) -> "Stage":
        """The stage when orders change: a target that comes or goes starts from the power that flows."""
        if not after.on:
            return replace(self, ceiling_w=0.0, var=0.0)
        if self.battery is not None and (before.target_w is None) != (after.target_w is None):
            return replace(self, ceiling_w=self.output_w(before, sun_w))
        return self

    def _bounds(self, orders: Orders, sun_w: float) -> tuple[float, float]:
        if not orders.on:
            return 0.0, 0.0
        if self.battery is None:
            return 0.0, sun_w
        low, high = self._battery_range(orders)
        if orders.target_w is None:
            low = high = max(low, min(high, 0.0))
        return min(0.0, low), sun_w + high

    def _battery_range(self, orders: Orders) -> tuple[float, float]:
        assert self.battery is not None
        return self.battery.clipped(orders.battery_low_w, orders.battery_high_w)
