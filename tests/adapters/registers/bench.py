"""One family against its simulated twin, through the real driver and the real link."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.catalogue import FAMILIES
from adapters.registers.family import Mapped
from adapters.registers.library import profile, shipped
from adapters.registers.map import Sort
from adapters.registers.profile import Profile
from adapters.simulator.car import Car
from adapters.simulator.door import Door
from adapters.simulator.twin import Twin
from adapters.simulator.twins import Twins
from grid_functions.model.device import Role
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import Desk, Drawer, desk

PROFILES: dict[str, Profile] = {name: profile(name, package) for name, package in shipped()}
CHARGERS = [name for name, one in PROFILES.items() if one.kind is Sort.CHARGER]
OTHERS = [name for name, one in PROFILES.items() if one.kind is not Sort.CHARGER]
ROLES = {Sort.CHARGER: Role.EVSE, Sort.METER: Role.METER, Sort.BATTERY: Role.HYBRID, Sort.INVERTER: Role.PV}


def family(name: str, **options: object) -> Mapped:
    made = FAMILIES[name].family(**options)
    assert isinstance(made, Mapped)
    return made


@dataclass
class Bench:
    """The device at its port, and the desk of whoever drives it."""

    name: str
    twins: Twins
    port: int
    hand: Hand

    @property
    def unit(self) -> int:
        return PROFILES[self.name].unit

    @property
    def twin(self) -> Twin:
        return self.twins.twin(self.unit)

    @asynccontextmanager
    async def driven(
        self, memory: Drawer | None = None, *, timeout_s: float = 2.0, **options: object
    ) -> AsyncIterator[Desk]:
        role = ROLES[PROFILES[self.name].kind]
        made = family(self.name, **options)
        async with desk(
            self.port,
            self.hand,
            unit=self.unit,
            role=role,
            memory=memory,
            family=made,
            read_only=role is Role.METER,
            timeout_s=timeout_s,
        ) as it:
            yield it


@asynccontextmanager
async def bench(
    name: str,
    hand: Hand,
    car: Car | None = None,
    *,
    net_w: float = 0.0,
    soc_pct: float = 50.0,
    twins: type[Twins] = Twins,
) -> AsyncIterator[Bench]:
    twin = Twin(PROFILES[name], car=car, net_w=net_w, soc_pct=soc_pct)
    behind = twins({PROFILES[name].unit: twin}, lambda: hand.t_s)
    door = Door("127.0.0.1", behind)
    await door.open()
    try:
        yield Bench(name, behind, door.port, hand)
    finally:
        door.close()
