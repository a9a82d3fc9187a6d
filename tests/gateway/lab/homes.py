"""One home that can be reckoned with."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from gateway.lab.fleet import Spec
from gateway.lab.weather import STEPS, Day
from grid_functions.building.dwelling import Dwelling, TankOf, ZoneOf
from grid_functions.building.heating import Heating, Zone
from grid_functions.building.water import Tank
from grid_functions.building.weekly import Week

NOON = 1_800_000_000.0
DAY = Day("nowhere", date(2026, 1, 16), np.zeros(STEPS), np.zeros(STEPS), np.full(STEPS, 1000.0 / 8760.0))
# 100 W/K and 5 kWh/K in each of two rooms that do not see each other; a tank that loses nothing.
ROOM = Zone(5000.0, 100.0, 4000.0)
TANK = Tank(200.0, 3000.0, loss_w_per_k=0.0)


def home(*, wanted_c: float = 20.0, **changes: Any) -> Spec:
    """At 0 degrees outside; nobody draws water, the household takes 1 kW."""
    zones = tuple(ZoneOf(name, ROOM, Week(default=wanted_c)) for name in ("living", "bedrooms"))
    dwelling = Dwelling(zones=zones, tanks=(TankOf("tank", TANK, (0.0,) * 24, 48.0, 62.0),))
    spec = Spec(
        name="home-0000",
        heating=Heating((ROOM, ROOM)),
        tank=TANK,
        tank_c=58.0,
        tank_now_c=58.0,
        late_k=6.0,
        draws_l=np.zeros(STEPS),
        base_w=np.full(STEPS, 1000.0),
        pv_w=np.zeros(STEPS),
        battery=None,
        car=None,
        dwelling=dwelling,
        base_by_hour_w=(1000.0,) * 24,
    )
    return replace(spec, **changes)
