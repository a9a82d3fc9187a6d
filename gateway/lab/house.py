"""What a simulated home truly does: rooms, tank and car, minute by minute. Pure physics; nothing here knows any plan.

Thermostats of rooms are proportional with reset, as electronic ones are; the tank's is a switch. Left to people the tank
is heated once it is ``late_k`` under its setting; told a temperature it is held there. All powers in W, positive = consumed.
"""

from dataclasses import dataclass, field

import numpy as np

from gateway.lab.fleet import NOON_S, TANK, ZONES, Spec
from gateway.lab.weather import STEP_S, STEPS, Day
from grid_functions.building.heating import Dynamics, dynamics
from grid_functions.building.program import Vector
from grid_functions.building.water import WH_PER_LITRE_K, tank_step

MINUTE_S = 60.0
BAND_K = 0.5
RESET_S = 1200.0
NEAR_K = 0.5
"""Comfort: kelvin-hours count from so far under the setpoint."""


@dataclass(slots=True)
class Tally:
    """What people missed: kelvin-hours of rooms more than 0.5 K under their setpoint, and the heat that hot water lacked, kWh."""

    comfort_kh: float = 0.0
    tank_short_kwh: float = 0.0


@dataclass(slots=True)
class House:
    """``rooms_c``, ``tank_c``: as they are; ``room_w`` of what its heaters may take together is left by whoever limits the home."""

    spec: Spec
    day: Day
    cold_k: float = 0.0
    rooms_c: Vector = field(init=False)
    tank_c: float = field(init=False)
    tank_on: bool = False
    zones_w: list[float] = field(default_factory=lambda: [0.0] * len(ZONES))
    tank_w: float = 0.0
    told: dict[str, float] = field(default_factory=dict)
    most_w: float = np.inf
    tally: Tally = field(default_factory=Tally)
    _step: Dynamics = field(init=False)
    _reset: list[float] = field(init=False)

    def __post_init__(self) -> None:
        wanted = self.spec.wanted_c(self.day.weekday, NOON_S)
        self.rooms_c = wanted - self.cold_k
        self.tank_c = self.spec.tank_now_c - 4.0 * self.cold_k
        self._step = dynamics(self.spec.heating, MINUTE_S)
        outdoor = float(self.day.outdoor_c[0])
        # As its thermostats have long settled.
        self._reset = [
            min(1.0, max(0.0, zone.loss_w_per_k * (float(one) - outdoor) / zone.heater_w))
            for zone, one in zip(self.spec.heating.zones, wanted, strict=True)
        ]

    @property
    def heat_w(self) -> float:
        """What rooms and tank take now."""
        return sum(self.zones_w) + self.tank_w

    def temperature_c(self, device: str) -> float:
        """As its thermostat measures it."""
        return self.tank_c if device == TANK else float(self.rooms_c[ZONES.index(device)])

    def power_w(self, device: str) -> float:
        """What one of them takes now."""
        return self.tank_w if device == TANK else self.zones_w[ZONES.index(device)]

    def base_w(self, since_noon_s: float) -> float:
        """What the household takes beside."""
        return float(self.spec.base_w[_at(since_noon_s)])

    def sun_w(self, since_noon_s: float) -> float:
        """What its array gives."""
        return float(self.spec.pv_w[_at(since_noon_s)])

    def minute(self, since_noon_s: float, *, counted: bool) -> None:
        """One minute from then on. ``counted``: it belongs to the day that is judged."""
        k = _at(since_noon_s)
        days, second = divmod(NOON_S + since_noon_s, 86_400.0)
        wanted = self.spec.wanted_c((self.day.weekday + int(days)) % 7, second)
        self._heat(wanted)
        self.rooms_c = self._step.advance(self.rooms_c, np.array(self.zones_w), float(self.day.outdoor_c[k]), _NO_GAIN)
        draw_l = float(self.spec.draws_l[k]) * MINUTE_S / STEP_S
        if counted:
            under = np.maximum(0.0, wanted - NEAR_K - self.rooms_c)
            self.tally.comfort_kh += float(under.sum()) * MINUTE_S / 3600.0
            lacking_k = max(0.0, self.spec.dwelling.tanks[0].least_c - self.tank_c)
            self.tally.tank_short_kwh += WH_PER_LITRE_K * draw_l * lacking_k / 1000.0
        self.tank_c = tank_step(self.spec.tank, draw_l, MINUTE_S).advance(self.tank_c, self.tank_w)

    def stored_kwh(self) -> float:
        """Heat in rooms above 15 degrees and in the tank above 10."""
        rooms = sum(
            zone.capacity_wh_per_k * (float(one) - 15.0)
            for zone, one in zip(self.spec.heating.zones, self.rooms_c, strict=True)
        )
        return (rooms + self.spec.tank.capacity_wh_per_k * (self.tank_c - 10.0)) / 1000.0

    def _heat(self, wanted: Vector) -> None:
        left_w = self.most_w
        for number, zone in enumerate(self.spec.heating.zones):
            aim = self.told.get(ZONES[number], float(wanted[number]))
            off_k = aim - float(self.rooms_c[number])
            asked = self._reset[number] + off_k / BAND_K
            share = min(1.0, max(0.0, asked))
            if share == asked or (asked > 1.0) != (off_k > 0.0):
                self._reset[number] = min(1.0, max(0.0, self._reset[number] + off_k / BAND_K * MINUTE_S / RESET_S))
            self.zones_w[number] = min(share * zone.heater_w, max(0.0, left_w))
            left_w -= self.zones_w[number]
        if TANK in self.told:
            self.tank_on = self.tank_c < self.told[TANK]
        elif self.tank_c <= self.spec.tank_c - self.spec.late_k:
            self.tank_on = True
        elif self.tank_c >= self.spec.tank_c:
            self.tank_on = False
        wants_w = self.spec.tank.heater_w if self.tank_on else 0.0
        self.tank_w = wants_w if wants_w <= left_w else 0.0


_NO_GAIN = np.zeros(len(ZONES))


def _at(since_noon_s: float) -> int:
    return min(STEPS - 1, max(0, int(since_noon_s // STEP_S)))
