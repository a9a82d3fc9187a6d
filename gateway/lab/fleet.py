"""The homes of a simulated feeder: what each truly is, and what its gateway believes of it, both drawn by seed.

The two differ as they do in life: a room loses a little more or less than configuration says, water is drawn in other portions than on an
average day, a car comes a little earlier or later than usual.
"""

from dataclasses import dataclass

import numpy as np

from gateway.lab.weather import STEP_S, STEPS, Day
from grid_functions.building.dwelling import BatteryOf, CarOf, Dwelling, SunOf, TankOf, ZoneOf
from grid_functions.building.heating import Heating, Zone
from grid_functions.building.program import Vector
from grid_functions.building.storage import Store
from grid_functions.building.sun import Array
from grid_functions.building.water import Tank
from grid_functions.building.weekly import Block, Week

ZONES = ("living", "bedrooms")
TANK, BATTERY, EVSE, PV, METER = "tank", "battery", "evse", "pv", "grid-meter"
NOON_S = 43_200.0
VOLTS, MOST_A, LEAST_A = 230.0, 32.0, 6.0
_EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class TrueCar:
    """``arrives_s``, ``departs_s``: seconds after noon; ``arrives_wh`` in its battery then, ``wanted_wh`` when it leaves."""

    arrives_s: float
    departs_s: float
    capacity_wh: float
    arrives_wh: float
    wanted_wh: float
    efficiency: float


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """One home. ``heating``, ``tank``, ``draws_l`` (by step), ``base_w`` (by step), ``pv_w`` (by step) and ``car``: as they truly are.

    ``dwelling``, ``base_by_hour_w``: as its gateway is configured. ``tank_c``: what its thermostat is set to;
    ``tank_now_c``: the temperature it begins with; ``late_k``: the kelvin by which it falls before it is heated again.
    """

    name: str
    heating: Heating
    tank: Tank
    tank_c: float
    tank_now_c: float
    late_k: float
    draws_l: Vector
    base_w: Vector
    pv_w: Vector
    battery: Store | None
    car: TrueCar | None
    dwelling: Dwelling
    base_by_hour_w: tuple[float, ...]

    def wanted_c(self, weekday: int, second: float) -> Vector:
        """What its people want in each zone at a second of the local day."""
        return np.array([zone.week.at(weekday, second) for zone in self.dwelling.zones])


def names(homes: int) -> tuple[str, ...]:
    """The homes of a feeder by name."""
    return tuple(f"home-{number:04}" for number in range(homes))


def fleet(homes: int, seed: int, day: Day) -> tuple[Spec, ...]:
    """A feeder's homes; each is the same whatever others there are."""
    return tuple(_home(name, np.random.default_rng([seed, 1, number]), day) for number, name in enumerate(names(homes)))


def _home(name: str, draw: np.random.Generator, day: Day) -> Spec:
    zones, couplings = _rooms(draw)
    tank_model, tank, tank_c, daily_l = _tank(draw)
    draws_by_hour = tuple(daily_l * share for share in _DRAWN)
    car_model, car = _car(draw) if draw.random() < 0.6 else (None, None)
    battery = _battery(draw) if draw.random() < 0.3 else None
    array = _array(draw) if draw.random() < 0.4 else None
    yearly_kwh = float(draw.uniform(3000.0, 6500.0))
    believed_w = yearly_kwh * day.household
    dwelling = Dwelling(
        zones=zones,
        couplings=couplings,
        tanks=(TankOf(TANK, tank_model, draws_by_hour, 48.0, 62.0),),
        batteries=() if battery is None else (BatteryOf(BATTERY, battery),),
        cars=() if car_model is None else (car_model,),
        suns=() if array is None else (SunOf(PV, array),),
    )
    return Spec(
        name,
        _truth(zones, couplings, draw),
        tank,
        tank_c,
        float(draw.uniform(tank_c - 6.0, tank_c)),
        6.0,
        _portions(np.array(draws_by_hour), draw),
        believed_w * _restless(draw),
        np.zeros(STEPS) if array is None else array.offered_w(day.sun_w_m2 * _clouds(draw), day.outdoor_c),
        battery,
        car,
        dwelling,
        tuple(np.roll(believed_w.reshape(24, 6).mean(axis=1), 12).tolist()),
    )


def _rooms(draw: np.random.Generator) -> tuple[tuple[ZoneOf, ...], tuple[tuple[int, int, float], ...]]:
    loss = float(draw.uniform(130.0, 260.0))
    hours = float(draw.uniform(25.0, 55.0))
    setpoint = float(draw.uniform(20.0, 22.0))
    saves = draw.random() < 0.35
    night_k, from_s, until_s = (float(draw.uniform(*ends)) for ends in ((1.0, 2.0), (79_200, 84_600), (19_800, 25_200)))
    made = []
    for name, share in zip(ZONES, (0.6, 0.4), strict=True):
        zone = Zone(share * loss * hours, share * loss, 1.4 * share * loss * 35.0)
        blocks = (Block(_EVERY_DAY, until_s, setpoint), Block(_EVERY_DAY, from_s, setpoint - night_k))
        made.append(ZoneOf(name, zone, Week(blocks if saves else (), setpoint)))
    return tuple(made), ((0, 1, float(draw.uniform(80.0, 160.0))),)


def _truth(
    zones: tuple[ZoneOf, ...], couplings: tuple[tuple[int, int, float], ...], draw: np.random.Generator
) -> Heating:
    true = []
    for one in zones:
        capacity, loss = draw.uniform(0.95, 1.05), draw.uniform(0.97, 1.03)
        zone = one.zone
        true.append(Zone(zone.capacity_wh_per_k * capacity, zone.loss_w_per_k * loss, zone.heater_w, zone.efficiency))
    return Heating(tuple(true), couplings)


_DRAWN = tuple(
    share / 202.0 for share in (0, 0, 0, 0, 0, 4, 20, 24, 10, 6, 4, 6, 8, 6, 4, 4, 4, 8, 16, 22, 22, 18, 14, 6)
)
"""The share of a day's hot water in each hour."""


def _tank(draw: np.random.Generator) -> tuple[Tank, Tank, float, float]:
    small = draw.random() < 0.6
    volume, heater_w = (180.0, 3000.0) if small else (270.0, 4500.0)
    loss = float(draw.uniform(1.5, 2.5))
    believed = Tank(volume, heater_w, loss)
    true = Tank(volume, heater_w, loss * float(draw.uniform(0.95, 1.05)))
    return believed, true, float(draw.uniform(57.0, 60.0)), float(draw.uniform(0.6, 1.1)) * volume * 0.9


def _portions(by_hour: Vector, draw: np.random.Generator) -> Vector:
    """Litres by step from noon: each hour's water in one of its steps or two, a quarter more or less of it than on average."""
    litres = np.zeros(STEPS)
    for k in range(24):
        hour = (k + 12) % 24
        amount = float(by_hour[hour]) * float(draw.uniform(0.75, 1.25))
        first, second = draw.integers(6), draw.integers(6)
        litres[k * 6 + first] += amount / 2.0
        litres[k * 6 + second] += amount / 2.0
    return litres


def _restless(draw: np.random.Generator) -> Vector:
    """What one household does around the mean of many: positive, of mean 1, for about half an hour alike."""
    noise = np.zeros(STEPS)
    value = float(draw.normal())
    for k in range(STEPS):
        value = 0.7 * value + 0.714 * float(draw.normal())
        noise[k] = value
    factor: Vector = np.exp(0.5 * noise - 0.125)
    return factor


def _clouds(draw: np.random.Generator) -> Vector:
    return np.repeat(draw.uniform(0.9, 1.1, STEPS // 6), 6)


def _battery(draw: np.random.Generator) -> Store:
    capacity_wh = float(draw.choice([7_000.0, 10_000.0, 13_500.0]))
    return Store(capacity_wh, 5000.0, 5000.0, 0.96, 0.96)


def _array(draw: np.random.Generator) -> Array:
    rated_w = float(draw.uniform(3000.0, 8000.0))
    return Array(rated_w, 0.9 * rated_w)


def _car(draw: np.random.Generator) -> tuple[CarOf, TrueCar]:
    """It comes between 16:30 and 20:30; its gateway counts on it a little later than usual, so that a plan seldom meets an empty place,
    and on a little more energy, since no charger tells how full it comes; the car itself stops where it is wanted to be.
    """
    usual_s = float(draw.uniform(16.5, 20.5)) * 3600.0
    leaves_s = float(draw.uniform(6.25, 8.0)) * 3600.0
    capacity_wh = float(draw.choice([40_000.0, 60_000.0, 75_000.0]))
    pct, wanted_pct = float(draw.uniform(35.0, 65.0)), float(draw.choice([80.0, 90.0]))
    store = Store(capacity_wh, VOLTS * MOST_A, 0.0, 0.92)
    counted_s = (np.ceil((usual_s + 600.0) / STEP_S)) * STEP_S
    until_s = np.floor(leaves_s / STEP_S) * STEP_S
    believed = CarOf(
        EVSE,
        store,
        arrives_s=float(counted_s),
        departs_s=float(until_s),
        arrives_pct=pct,
        wanted_pct=wanted_pct + 2.0,
        least_w=VOLTS * LEAST_A,
        step_w=VOLTS,
    )
    true_pct = min(95.0, max(5.0, pct + float(draw.normal(0.0, 2.0))))
    arrives_s = usual_s + float(np.clip(draw.normal(0.0, 300.0), -600.0, 600.0)) - NOON_S
    departs_s = leaves_s + 86_400.0 - NOON_S
    true = TrueCar(
        arrives_s,
        departs_s,
        capacity_wh,
        true_pct / 100.0 * capacity_wh,
        wanted_pct / 100.0 * capacity_wh,
        store.efficiency_in,
    )
    return believed, true
