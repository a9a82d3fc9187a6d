"""A house, its sun, a battery and cars: physics and nothing else, on three conductors, independent of any adapter.

Everything answers within two seconds and lags a little; a charger goes to its fallback when nobody has told it anything for its time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from grid_functions.model.control import Mode
from grid_functions.model.device import (
    Ability,
    Capability,
    Condition,
    Currents,
    Fallback,
    How,
    Nameplate,
    Role,
    Seen,
    Vehicle,
)
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

BOOT_UTC_S = 1_000_000_000.0
VOLTS = 230.0
DAY_S = 86_400.0
PHASES = tuple(Phase)
_NET: MeterKey = (Quantity.NET, None)
_WATTS = {
    mode: Ability(How.NATIVE) for mode in (Mode.MAX_POWER, Mode.LOAD_LIMIT, Mode.TARGET_POWER, Mode.STORAGE_POWER)
}
_AMPERES = {mode: Ability(How.NATIVE) for mode in (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)}


@dataclass
class Load:
    """What the house draws on each conductor, W: a step function of the hour."""

    steps: Sequence[tuple[float, tuple[float, ...]]]

    def at(self, now_s: float) -> tuple[float, ...]:
        """The last step that has come."""
        hour = now_s / 3600.0
        return [watts for since, watts in self.steps if since <= hour][-1]


@dataclass
class Sun:
    """An inverter under a clear sky of this peak; ``clouds``: (from hour, to hour, share left). ``settle_s``: how late it obeys."""

    name: str
    peak_w: float
    conductors: tuple[int, ...] = (0, 1, 2)
    clouds: Sequence[tuple[float, float, float]] = ()
    settle_s: float = 4.0
    delay_s: float = 1.0
    power_w: float = 0.0
    limit_w: float = math.inf
    orders: list[tuple[float, float]] = field(default_factory=list)

    def run(self, now_s: float, span_s: float) -> None:
        while self.orders and self.orders[0][0] + self.delay_s <= now_s:
            self.limit_w = self.orders.pop(0)[1]
        self.power_w = min(self.sky_w(now_s), self.limit_w)

    def sky_w(self, now_s: float) -> float:
        hour = now_s / 3600.0 % 24
        share = min((left for since, until, left in self.clouds if since <= hour < until), default=1.0)
        return share * self.peak_w * max(0.0, math.sin(math.pi * (hour - 6) / 12)) ** 1.3 if 6 < hour < 18 else 0.0

    def write(self, wanted: Setpoint, now_s: float) -> None:
        limit_w = math.inf if wanted.produce_max_w is None else wanted.produce_max_w
        if limit_w != (self.orders[-1][1] if self.orders else self.limit_w):
            self.orders.append((now_s, limit_w))

    def seen(self, now_s: float) -> Seen:
        holds = None if math.isinf(self.limit_w) else Setpoint(self.name, produce_max_w=self.limit_w)
        return _seen(self.name, Role.PV, -self.power_w, now_s, holds, self.peak_w, settle_s=self.settle_s)


@dataclass
class Battery:
    """Storage of ``capacity_wh`` that does what it is told within limits and charge."""

    name: str
    rated_w: float
    capacity_wh: float
    charge_pct: float = 50.0
    conductors: tuple[int, ...] = (0, 1, 2)
    power_w: float = 0.0
    wanted: Setpoint | None = None

    def run(self, now_s: float, span_s: float) -> None:
        one = self.wanted or Setpoint(self.name)
        aim_w = min(max(one.target_w or 0.0, -self.rated_w), self.rated_w)
        if one.consume_max_w is not None:
            aim_w = min(aim_w, one.consume_max_w)
        if one.produce_max_w is not None:
            aim_w = max(aim_w, -one.produce_max_w)
        if (aim_w > 0 and self.charge_pct >= 100) or (aim_w < 0 and self.charge_pct <= 0):
            aim_w = 0.0
        self.power_w += (aim_w - self.power_w) * (1 - math.exp(-span_s))
        self.charge_pct += 100.0 * self.power_w * span_s / 3600.0 / self.capacity_wh

    def write(self, wanted: Setpoint, now_s: float) -> None:
        self.wanted = wanted

    def seen(self, now_s: float) -> Seen:
        one = _seen(self.name, Role.BATTERY, self.power_w, now_s, self.wanted, self.rated_w)
        told = {**one.condition.readings, (Quantity.STATE_OF_CHARGE, None): _reading(self.charge_pct, now_s)}
        plate = Nameplate(
            serial=self.name,
            rated_w=self.rated_w,
            rated_charge_w=self.rated_w,
            rated_discharge_w=self.rated_w,
            capacity_wh=self.capacity_wh,
        )
        return Seen(one.device, one.role, plate, one.capability, Condition(True, self.wanted, told))


@dataclass
class Car:
    """A car that comes and goes; ``needs_wh`` until it is full; it uses the first ``phases`` conductors of its charger."""

    comes: float
    leaves: float
    needs_wh: float
    phases: int = 3
    maximum_a: float = 32.0


@dataclass
class Charger:
    """A charger and its cars. ``mute``: (from hour, to hour) in which it answers nobody; ``lies``: it draws so much whatever it says."""

    name: str
    conductors: tuple[int, ...] = (0, 1, 2)
    maximum_a: float = 16.0
    cars: Sequence[Car] = ()
    fallback: Fallback | None = None
    known: bool = True
    mute: Sequence[tuple[float, float]] = ()
    lies: Sequence[tuple[float, float, float]] = ()
    limit_a: float = 0.0
    told_s: float = 0.0
    taken_wh: dict[int, float] = field(default_factory=dict)
    amps: tuple[float, ...] = (0.0, 0.0, 0.0)
    last: Seen | None = None
    wanted_a: float = 0.0

    def run(self, now_s: float, span_s: float) -> None:
        if self.fallback is not None and now_s - self.told_s > self.fallback.after_s:
            self.limit_a = self.fallback.current_a
        elif not self.is_mute(now_s):
            self.limit_a = self.wanted_a
        number, car = self.car(now_s)
        used = 0 if car is None else min(car.phases, len(self.conductors))
        limit_a = next((a for since, until, a in self.lies if since <= now_s / 3600.0 < until), self.limit_a)
        amps = 0.0 if car is None or limit_a < 6.0 or self.is_full(number, car) else min(limit_a, car.maximum_a)
        self.amps = tuple(amps if index < used else 0.0 for index in range(len(self.conductors)))
        self.taken_wh[number] = self.taken_wh.get(number, 0.0) + sum(self.amps) * VOLTS * span_s / 3600.0

    def car(self, now_s: float) -> tuple[int, Car | None]:
        hour = now_s / 3600.0
        return next(((n, one) for n, one in enumerate(self.cars) if one.comes <= hour < one.leaves), (-1, None))

    def is_full(self, number: int, car: Car) -> bool:
        return self.taken_wh.get(number, 0.0) >= car.needs_wh

    def is_mute(self, now_s: float) -> bool:
        return any(since <= now_s / 3600.0 < until for since, until in self.mute)

    @property
    def power_w(self) -> float:
        return sum(self.amps) * VOLTS

    def write(self, wanted: Setpoint, now_s: float) -> None:
        if not self.is_mute(now_s):
            self.told_s = now_s
            self.wanted_a = self.maximum_a if wanted.current_max_a is None else wanted.current_max_a

    def seen(self, now_s: float) -> Seen:
        if self.is_mute(now_s) and self.last is not None:
            gone = self.last.condition
            return Seen(self.name, Role.EVSE, self.last.nameplate, self.last.capability, _offline(gone))
        _, car = self.car(now_s)
        vehicle = Vehicle.ABSENT if car is None else Vehicle.CHARGING if self.power_w else Vehicle.CONNECTED
        readings: dict[MeterKey, Reading] = {_NET: _reading(self.power_w, now_s)}
        readings[(Quantity.VOLTAGE, None)] = _reading(VOLTS, now_s)
        number, _ = self.car(now_s)
        readings[(Quantity.SESSION_ENERGY, None)] = _reading(self.taken_wh.get(number, 0.0), now_s)
        readings |= {(Quantity.CURRENT, own): _reading(a, now_s) for own, a in zip(PHASES, self.amps, strict=False)}
        holds = Setpoint(self.name, current_max_a=self.wanted_a)
        currents = Currents(self.maximum_a, fallback=self.fallback if self.known else None)
        self.last = Seen(
            self.name,
            Role.EVSE,
            Nameplate(serial=self.name, phases=len(self.conductors), rated_a=self.maximum_a),
            Capability(_AMPERES, settle_s=4.0, currents=currents),
            Condition(True, holds, readings, vehicle=vehicle),
        )
        return self.last


Device = Sun | Battery | Charger


@dataclass
class Plant:
    """All of it behind one meter, which tells power and current of each conductor, or only the total."""

    load: Load
    devices: list[Device]
    by_phase: bool = True
    dark: Sequence[tuple[float, float]] = ()
    now_s: float = 0.0
    meter: dict[MeterKey, Reading] = field(default_factory=dict)

    def run(self, span_s: float) -> None:
        """Physics for a while, the meter read at its end."""
        self.now_s += span_s
        for one in self.devices:
            one.run(self.now_s, span_s)
        if not any(since <= self.now_s / 3600.0 < until for since, until in self.dark):
            self.meter = self._read()

    def flows_w(self) -> list[float]:
        """What is drawn from the grid on each conductor, W."""
        flows = list(self.load.at(self.now_s))
        for one in self.devices:
            if isinstance(one, Charger):
                for at, amps in zip(one.conductors, one.amps, strict=False):
                    flows[at] += amps * VOLTS
            else:
                for at in one.conductors:
                    flows[at] += (one.power_w if isinstance(one, Battery) else -one.power_w) / len(one.conductors)
        return flows

    def snapshot(self) -> Snapshot:
        """What the instruments last said."""
        at = Instants(self.now_s, BOOT_UTC_S + self.now_s)
        return Snapshot("house", at, self.meter, {one.name: one.seen(self.now_s) for one in self.devices})

    def write(self, setpoints: Iterable[Setpoint]) -> None:
        """The drivers: each hands over what it can."""
        wanted = {one.device: one for one in setpoints}
        for one in self.devices:
            one.write(wanted.get(one.name, Setpoint(one.name)), self.now_s)

    def _read(self) -> dict[MeterKey, Reading]:
        flows = self.flows_w()
        told: dict[MeterKey, Reading] = {_NET: _reading(sum(flows), self.now_s)}
        if self.by_phase:
            for phase, watts in zip(PHASES, flows, strict=False):
                told[(Quantity.NET, phase)] = _reading(watts, self.now_s)
                told[(Quantity.CURRENT, phase)] = _reading(abs(watts) / VOLTS, self.now_s)
        return told


def _offline(condition: Condition) -> Condition:
    return Condition(False, condition.holds, condition.readings, vehicle=condition.vehicle)


def _seen(
    name: str,
    role: Role,
    power_w: float,
    now_s: float,
    holds: Setpoint | None,
    rated_w: float,
    *,
    settle_s: float = 4.0,
) -> Seen:
    return Seen(
        name,
        role,
        Nameplate(serial=name, rated_w=rated_w),
        Capability(_WATTS, settle_s=settle_s, watchdog=True),
        Condition(True, holds, {_NET: _reading(power_w, now_s)}),
    )


def _reading(value: float, now_s: float) -> Reading:
    return Reading(value, Quality.GOOD, now_s, BOOT_UTC_S + now_s)
