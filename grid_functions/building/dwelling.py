"""A site as its steward knows it: which device is which part, how it is now, and the program that follows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grid_functions.building.heating import Comfort, Dynamics, Heating, HeatingPlan, Zone, dynamics
from grid_functions.building.home import UNRATED, Home, Limits, home
from grid_functions.building.part import Horizon, Part
from grid_functions.building.program import Vector
from grid_functions.building.storage import StoragePlan, Store, Wanted
from grid_functions.building.sun import Array, SunPlan
from grid_functions.building.water import Tank, TankPlan
from grid_functions.building.weekly import Week
from grid_functions.model.device import Vehicle
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.policy import Connection
from grid_functions.model.reading import Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ZoneOf:
    """A heated zone behind the device ``device``, with the setpoints its people want through the week."""

    device: str
    zone: Zone
    week: Week = field(default_factory=lambda: Week(default=20.5))


@dataclass(frozen=True, slots=True)
class TankOf:
    """A water heater; ``draws_l``: litres in each hour of the local day."""

    device: str
    tank: Tank
    draws_l: tuple[float, ...] = (0, 0, 0, 0, 0, 4, 20, 24, 10, 6, 4, 6, 8, 6, 4, 4, 4, 8, 16, 18, 14, 10, 6, 2)
    least_c: float = 48.0
    most_c: float = 62.0

    def __post_init__(self) -> None:
        if len(self.draws_l) != 24 or min(self.draws_l) < 0:
            raise ConfigurationFault((f"{self.device}: draws_l has 24 hours of litres, 0 or more",))


@dataclass(frozen=True, slots=True)
class BatteryOf:
    """A battery; ``reserve_pct`` of its capacity is kept."""

    device: str
    store: Store
    reserve_pct: float = 10.0


@dataclass(frozen=True, slots=True)
class CarOf:
    """A car at a charger: home from ``arrives_s`` to ``departs_s`` after local midnight, over midnight too; leaves with ``wanted_pct``.

    ``least_w``: below it the charger can only pause (IEC 61851-1: 6 A); ``step_w``: of what it can be told, 0 = any power.
    """

    device: str
    store: Store
    arrives_s: float = 18 * 3600.0
    departs_s: float = 7 * 3600.0
    arrives_pct: float = 40.0
    wanted_pct: float = 90.0
    least_w: float = 0.0
    step_w: float = 0.0

    def home_at(self, second: float) -> bool:
        """Whether it is usually there at a second of the local day."""
        if self.arrives_s <= self.departs_s:
            return self.arrives_s <= second < self.departs_s
        return second >= self.arrives_s or second < self.departs_s


@dataclass(frozen=True, slots=True)
class SunOf:
    """Photovoltaics behind an inverter."""

    device: str
    array: Array


@dataclass(frozen=True, slots=True)
class Dwelling:
    """All parts of a site that its steward may plan; ``couplings`` between zones, W/K."""

    zones: tuple[ZoneOf, ...] = ()
    couplings: tuple[tuple[int, int, float], ...] = ()
    tanks: tuple[TankOf, ...] = ()
    batteries: tuple[BatteryOf, ...] = ()
    cars: tuple[CarOf, ...] = ()
    suns: tuple[SunOf, ...] = ()
    comfort: Comfort = field(default_factory=Comfort)

    @property
    def devices(self) -> frozenset[str]:
        """Everything it tells what to do."""
        parts: list[ZoneOf | TankOf | BatteryOf | CarOf] = [*self.zones, *self.tanks, *self.batteries, *self.cars]
        return frozenset(one.device for one in parts)


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What the horizon brings: ``outdoor_c``, ``sun_w_m2`` and ``base_w`` by step."""

    outdoor_c: Vector
    sun_w_m2: Vector
    base_w: Vector


Local = Callable[[float], tuple[int, float]]
"""From UTC seconds to (weekday, seconds since local midnight)."""


def laid_out(
    dwelling: Dwelling,
    snapshot: Snapshot,
    outlook: Outlook,
    horizon: Horizon,
    local: Local,
    limits: Limits | None = None,
    learnt: Dynamics | None = None,
    connection: Connection = UNRATED,
) -> Home:
    """The program of a dwelling as it is now. What cannot be read stands where its people want it: a plan is made all the same."""
    parts: list[Part] = []
    if dwelling.zones:
        parts.append(_heating(dwelling, snapshot, outlook, horizon, local, learnt))
    clock = [local(horizon.start_utc_s + k * horizon.step_s) for k in range(horizon.steps)]
    seconds = [second for _, second in clock]
    for tank in dwelling.tanks:
        now_c = _read(snapshot, tank.device, Quantity.TEMPERATURE, (tank.least_c + tank.most_c) / 2.0)
        draws = [tank.draws_l[int(second // 3600) % 24] * horizon.step_h for second in seconds]
        parts.append(
            TankPlan(
                tank.device,
                tank.tank,
                now_c,
                np.array(draws),
                tank.least_c,
                tank.most_c,
                final_c=min(now_c, tank.most_c),
            )
        )
    for battery in dwelling.batteries:
        whole_wh = battery.store.capacity_wh
        now_wh = _read(snapshot, battery.device, Quantity.STATE_OF_CHARGE, 50.0) / 100.0 * whole_wh
        back = Wanted(horizon.steps - 1, now_wh)
        least_wh = battery.reserve_pct / 100.0 * whole_wh
        there = np.ones(horizon.steps)
        parts.append(
            StoragePlan(battery.device, battery.store, now_wh, there, np.zeros(horizon.steps), (back,), least_wh)
        )
    parts += [_car(car, snapshot, horizon, seconds) for car in dwelling.cars]
    parts += [SunPlan(sun.device, sun.array.offered_w(outlook.sun_w_m2, outlook.outdoor_c)) for sun in dwelling.suns]
    return home(horizon, parts, outlook.base_w, limits, connection)


def _heating(
    dwelling: Dwelling,
    snapshot: Snapshot,
    outlook: Outlook,
    horizon: Horizon,
    local: Local,
    learnt: Dynamics | None,
) -> HeatingPlan:
    ends = [local(horizon.start_utc_s + (k + 1) * horizon.step_s) for k in range(horizon.steps)]
    wanted = np.array([[one.week.at(day, second) for one in dwelling.zones] for day, second in ends])
    first = local(horizon.start_utc_s)
    now = [_read(snapshot, one.device, Quantity.TEMPERATURE, one.week.at(*first)) for one in dwelling.zones]
    step = learnt or dynamics(Heating(tuple(one.zone for one in dwelling.zones), dwelling.couplings), horizon.step_s)
    # What is learnt says what the sun does to a room; configuration says nothing of windows.
    gains = np.zeros((horizon.steps, len(dwelling.zones))) if learnt is None else outlook.sun_w_m2[:, np.newaxis]
    return HeatingPlan(
        "heating",
        step,
        np.array([one.zone.heater_w for one in dwelling.zones]),
        np.array(now),
        wanted,
        outlook.outdoor_c,
        gains,
        dwelling.comfort,
        final_c=wanted[-1],
        names=tuple(one.device for one in dwelling.zones),
    )


def plugged_in(car: CarOf, snapshot: Snapshot) -> bool:
    """Whether its charger sees it."""
    seen = snapshot.devices.get(car.device)
    vehicle = None if seen is None else seen.condition.vehicle
    return vehicle in (Vehicle.CONNECTED, Vehicle.CHARGING, Vehicle.VENTILATION)


def counted_there(car: CarOf, here: bool, seconds: Sequence[float]) -> list[bool]:
    """By the local second at which a step begins. One that is plugged in now counts as there until its usual departure; one that is away
    comes at its usual time.
    """
    there = [car.home_at(second) for second in seconds]
    if here and not there[0]:
        until = next((k for k in range(len(there)) if there[k]), len(there))
        there[:until] = [True] * until
    return there


def session_wh(car: CarOf, snapshot: Snapshot) -> float | None:
    """What its charger has counted since it was plugged in, Wh; None where it does not tell."""
    told = _read(snapshot, car.device, Quantity.SESSION_ENERGY, -1.0)
    return told if told >= 0.0 else None


def _car(car: CarOf, snapshot: Snapshot, horizon: Horizon, seconds: list[float]) -> StoragePlan:
    here = plugged_in(car, snapshot)
    usual = [car.home_at(second) for second in seconds]
    leaves = next((k for k in range(1, horizon.steps) if usual[k - 1] and not usual[k]), horizon.steps)
    there = counted_there(car, here, seconds)
    arrived_wh = car.arrives_pct / 100.0 * car.store.capacity_wh
    charged_wh = (session_wh(car, snapshot) or 0.0) * car.store.efficiency_in if here else 0.0
    told_pct = _read(snapshot, car.device, Quantity.STATE_OF_CHARGE, -1.0)
    now_wh = told_pct / 100.0 * car.store.capacity_wh if told_pct >= 0 else arrived_wh + charged_wh
    now_wh = min(now_wh, car.store.capacity_wh)
    wanted_wh = car.wanted_pct / 100.0 * car.store.capacity_wh
    ready = Wanted(min(leaves, horizon.steps) - 1, wanted_wh)
    # After it left it comes back as empty as it usually does: what is driven is known only so far.
    driven = np.zeros(horizon.steps)
    if leaves < horizon.steps:
        driven[leaves] = max(0.0, wanted_wh - arrived_wh)
    return StoragePlan(car.device, car.store, now_wh, np.array(there, dtype=np.float64), driven, (ready,))


def _read(snapshot: Snapshot, device: str, quantity: Quantity, otherwise: float) -> float:
    seen = snapshot.devices.get(device)
    reading = None if seen is None else seen.condition.readings.get((quantity, None))
    good = reading is not None and reading.quality in (Quality.GOOD, Quality.STALE) and np.isfinite(reading.value)
    return reading.value if good and reading is not None else otherwise


def commands(series: Mapping[str, Vector], dwelling: Dwelling) -> dict[str, tuple[tuple[Quantity, float], ...]]:
    """What a plan tells each device by step: a temperature to heat to; of a battery its power (positive = consume); of a charger the most
    that its car may take, for what a car takes is up to the car. The sun is told nothing: a plan that leaves some of it does so at the
    meter, by what it stores.
    """
    told: dict[str, tuple[tuple[Quantity, float], ...]] = {}
    heated = {zone.device: f"heating.{zone.device}" for zone in dwelling.zones}
    for device, part in (heated | {tank.device: tank.device for tank in dwelling.tanks}).items():
        told[device] = tuple((Quantity.TEMPERATURE, value) for value in series[f"{part}.temperature_c"].tolist())
    for battery in dwelling.batteries:
        power_w = series[f"{battery.device}.charge_w"] - series[f"{battery.device}.discharge_w"]
        told[battery.device] = tuple((Quantity.NET, value) for value in power_w.tolist())
    for car in dwelling.cars:
        power_w = possible(series[f"{car.device}.charge_w"], car)
        told[car.device] = tuple((Quantity.CONSUMED, value) for value in power_w.tolist())
    return told


def possible(wanted_w: Vector, car: CarOf) -> Vector:
    """About the same energy by powers that the charger can keep: what cannot be had in a step is made up for in a later one."""
    given = np.zeros_like(wanted_w)
    owed_w = 0.0
    for k, power_w in enumerate(wanted_w.tolist()):
        owed_w += power_w
        # Half of the least is nearer to it than nothing is.
        if owed_w > 0.0 and owed_w >= car.least_w / 2.0 and power_w > 0.0:
            told_w = min(max(owed_w, car.least_w), car.store.charge_w)
            given[k] = math.floor(told_w / car.step_w + 1e-6) * car.step_w if car.step_w > 0.0 else told_w
            owed_w -= given[k]
    return given
