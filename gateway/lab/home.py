"""One simulated home behind its own gateway: loop, ledger and drivers are the product's, over real Modbus sockets; time alone is injected.

All its devices stand behind one Modbus/TCP port: battery, charger, PV's meter and the grid's meter simulated from the profiles of real
makers, the thermostats of rooms and tank from the laboratory's own, since the maps of real ones tell no power of a room.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from adapters.catalogue import FAMILIES
from adapters.driver import Driver
from adapters.family import Look
from adapters.heaters.client import HeaterGadget
from adapters.heaters.profile import read_heater
from adapters.heaters.unit import HeaterSettings
from adapters.modbus.frames import Frame, Reply
from adapters.modbus.link import Link
from adapters.registers.library import profile
from adapters.settings import DriverSettings
from adapters.simulator.car import Car
from adapters.simulator.door import Door
from adapters.simulator.heater import HeaterTwin
from adapters.simulator.twin import Twin
from adapters.simulator.twins import Twins
from gateway.lab.fleet import BATTERY, EVSE, METER, MOST_A, PV, TANK, ZONES, Spec
from gateway.lab.hours import AcceleratedLoop, LoopClock
from gateway.lab.house import House
from gateway.lab.weather import STEP_S, STEPS, Day
from gateway.ledger.book import Ledger, open_ledger
from gateway.ledger.codec import Codec
from gateway.loop import SiteLoop
from gateway.mail import Outside
from gateway.site_plan import SitePlan
from gateway.wiring import DURABLE
from grid_functions import catalogue, decide
from grid_functions.building.options import HomeOptions
from grid_functions.building.steward import NAME as STEWARD
from grid_functions.building.steward import Steward
from grid_functions.model.claim import Bound, ConnectionPoint
from grid_functions.model.device import Role
from grid_functions.model.entry import Entry
from grid_functions.model.lease import MemberReport
from grid_functions.model.policy import Connection, DeviceTerms, SiteTerms
from grid_functions.model.ports import Device
from grid_functions.model.units import Quantity
from grid_functions.movable import member_report

MADE: Mapping[str, tuple[str, str, int, Role]] = {
    METER: ("eastron-sdm120", "meters", 1, Role.METER),
    PV: ("eastron-sdm120", "meters", 2, Role.PV),
    BATTERY: ("sungrow-sh", "batteries", 3, Role.BATTERY),
    EVSE: ("phoenix-charx", "chargers", 4, Role.EVSE),
}
"""Family, package, unit and role of what is behind the port."""

HEATERS: Mapping[str, int] = {name: unit for unit, name in enumerate((*ZONES, TANK), 5)}
"""Units of the thermostats behind the port."""

PROGRAM_C = 5.0
"""A thermostat that is set so follows the program of its people."""

THERMOSTAT = read_heater(
    f"""
kind: heater
maker: Laboratory
model: thermostat
transport: [tcp]
source: the laboratory's own, of no maker
points:
  temperature: {{at: 0, table: input, type: i16, scale: 0.1}}
  power: {{at: 1, table: input}}
  override: {{at: 0, scale: 0.1, access: read-write}}
measures:
  temperature: {{points: [temperature]}}
  power: {{points: [power]}}
knobs:
  temperature: {{point: override, least_c: {PROGRAM_C}, most_c: 75, step_k: 0.1}}
""",
    "gateway/lab/thermostat",
)

PATHS = dict.fromkeys((*MADE, *HEATERS), "Modbus/TCP on loopback")
"""How each part of a home is read and told; told in every report."""


class LabLedger(Ledger):
    """The ledger, which tells how many commits are under way."""

    under_way = 0

    async def commit(self, stream: str, entries: Iterable[Entry]) -> None:
        """As the ledger does."""
        self.under_way += 1
        try:
            await super().commit(stream, entries)
        finally:
            self.under_way -= 1

    async def put(self, key: str, version: int, body: bytes) -> None:
        """As the ledger does."""
        self.under_way += 1
        try:
            await super().put(key, version, body)
        finally:
            self.under_way -= 1


class NoLog:
    """The laboratory keeps no log: what it judges is read at the meters."""

    def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        """Nothing."""

    def add_step(self, site: str, kind: str, body: Callable[[], Mapping[str, Any]]) -> None:
        """Nothing."""


class Board(Twins):
    """The devices of a home and what else it takes: its meter shows the sum from the very request on that changed it."""

    def __init__(self, units: Mapping[int, Twin | HeaterTwin], clock: Callable[[], float]) -> None:
        super().__init__(units, clock)
        self.names = {MADE[name][2]: name for name in MADE if MADE[name][2] in units}
        self.house_w = 0.0

    def reply(self, frame: Frame) -> Reply | None:
        """What a device says."""
        said = super().reply(frame)
        if frame.pdu[:1] not in (b"\x03", b"\x04"):
            self.meter()
        return said

    def device_w(self, name: str) -> float:
        """What one takes now, W; negative = it gives. 0 where there is none."""
        unit = MADE[name][2]
        if unit not in self.names:
            return 0.0
        twin = self.twin(unit)
        return twin.net_w if name in (METER, PV) else twin.power_w

    def meter(self) -> None:
        """The grid's meter shows what flows."""
        rest = sum(self.device_w(name) for name in self.names.values() if name != METER)
        self.change(MADE[METER][2], net_w=self.house_w + rest)


class Home:
    """Enter :meth:`begin`, move its physics by :meth:`minute`; ``site`` is its gateway's loop, None where it has none."""

    def __init__(
        self, spec: Spec, day: Day, noon_utc_s: float, loop: AcceleratedLoop, *, cold_k: float = 0.0, held: bool = False
    ) -> None:
        self.spec, self._day, self._noon_s, self._loop = spec, day, noon_utc_s, loop
        self.house = House(spec, day, cold_k=cold_k)
        self.board = Board(_twins(spec), loop.utc_s)
        self.site: SiteLoop | None = None
        self.ledger: LabLedger | None = None
        self.ev_short_kwh = 0.0
        self.ev_charged_kwh = 0.0
        self._door = Door("127.0.0.1", self.board)
        self._links: list[Link] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._reader: Link | None = None
        self._plugged = False
        self._held = held

    @property
    def busy(self) -> bool:
        """Whether a request or a commit of its gateway is under way."""
        return any(link.under_way for link in self._links) or (self.ledger is not None and self.ledger.under_way > 0)

    async def begin(self, folder: Path, options: HomeOptions | None, outside: Outside | None, poll_s: float) -> None:
        """Its devices answer; with ``options`` its gateway runs, on a ledger of its own in ``folder``."""
        await self._door.open()
        self.minute(counted=False)
        self._reader = self._link()
        if options is None:
            return
        path = folder / f"{self.spec.name}.db"
        shutil.copyfile(_empty(folder), path)
        self.ledger = LabLedger(path, _codec(), self._loop.utc_s)
        link, clock = self._link(), LoopClock(self._loop)
        devices: dict[str, Device] = {
            name: Driver(
                name,
                FAMILIES[MADE[name][0]].family(**_options(name, self.spec)),
                link,
                DriverSettings(MADE[name][3], MADE[name][2], poll_s, read_only=name in (METER, PV)),
                self.ledger.memory(f"site/{self.spec.name}"),
                clock,
                lambda kind, correlation, body: None,
            )
            for name in self.board.names.values()
        }
        devices |= {
            name: HeaterGadget(
                HeaterSettings(name, "thermostat", THERMOSTAT, unit),
                link,
                self.ledger.memory(f"site/{self.spec.name}"),
                clock,
                lambda kind, correlation, body: None,
                poll_s=poll_s,
            )
            for name, unit in HEATERS.items()
        }
        functions = catalogue.built_in() | {STEWARD: Steward(options)}
        roles = {name: DeviceTerms(MADE[name][3]) for name in self.board.names.values() if name != METER}
        roles |= {name: DeviceTerms(Role.LOAD) for name in HEATERS}
        terms = SiteTerms(self.spec.name, Connection(24_000.0, 24_000.0, 1), roles, meter_stale_s=2.0 * poll_s)
        plan = SitePlan(terms, {}, devices, {}, METER, False, 60.0, functions, self.spec.name.encode())
        self.site = SiteLoop(plan, decide.restore(()), (), self.ledger, NoLog(), clock)
        if outside is not None:
            self.site.mail.outside = outside
        self._tasks.append(asyncio.create_task(self.site.run(), name=self.spec.name))

    def minute(self, *, counted: bool) -> None:
        """One minute of physics from now on, under what the gateway last decided."""
        since_s = self._loop.utc_s() - self._noon_s
        self._comings(since_s)
        rest = sum(self.board.device_w(name) for name in (PV, BATTERY, EVSE)) + self.house.base_w(since_s)
        self.house.most_w = max(0.0, self._limit_w() - rest)
        overrides = {name: self.board.heater(unit).setpoint_c for name, unit in HEATERS.items()}
        self.house.told = {
            name: told_c for name, told_c in overrides.items() if told_c is not None and told_c > PROGRAM_C
        }
        self.house.minute(since_s, counted=counted)
        for name, unit in HEATERS.items():
            self.board.change(unit, temperature_c=self.house.temperature_c(name), power_w=self.house.power_w(name))
        if PV in self.board.names.values():
            self.board.change(MADE[PV][2], net_w=-self.house.sun_w(since_s))
        self.board.house_w = self.house.heat_w + self.house.base_w(since_s)
        self.board.meter()

    async def counters_wh(self) -> float:
        """Imported less exported energy, Wh, read from the meter's registers over its socket."""
        assert self._reader is not None
        family = FAMILIES[MADE[METER][0]].family()
        unit = MADE[METER][2]
        found = await self._reader.converse(family.find(unit))
        raw = None if found is None else await self._reader.converse(family.poll(found, frozenset()))
        if raw is None:
            raise RuntimeError(f"{self.spec.name}: its meter does not answer")
        look: Look = family.decode(found, raw, LoopClock(self._loop).now())
        taken, given = (look.readings[q, None] for q in (Quantity.ENERGY_CONSUMED, Quantity.ENERGY_PRODUCED))
        return taken.value - given.value

    def stored_kwh(self) -> float:
        """Heat in rooms and tank, and energy in the battery."""
        battery = 0.0
        if BATTERY in self.board.names.values():
            twin = self.board.twin(MADE[BATTERY][2])
            battery = twin.soc_pct * twin.capacity_wh / 100_000.0
        return self.house.stored_kwh() + battery

    def report(self) -> MemberReport | None:
        """What its gateway tells the area of it; None before it has decided or without a good reading."""
        if self.site is None or self.site.decision is None:
            return None
        return member_report(self.site.snapshot(LoopClock(self._loop).now()), self.site.plan.terms)

    async def end(self) -> None:
        """Stop its gateway and hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self._links), return_exceptions=True)
        self._door.close()
        await asyncio.sleep(0)
        if self.ledger is not None:
            self.ledger.close()

    def _link(self) -> Link:
        link = Link("127.0.0.1", self._door.port, jitter=lambda low_s, high_s: high_s)
        self._links.append(link)
        return link

    def _limit_w(self) -> float:
        decision = None if self.site is None else self.site.decision
        if self._held and decision is None:
            return 0.0
        bounds = () if decision is None else decision.ruling.bounds
        limits = [
            claim.want.limit
            for claim in bounds
            if isinstance(claim.scope, ConnectionPoint)
            and claim.quantity is Quantity.CONSUMED
            and claim.phase is None
            and isinstance(claim.want, Bound)
        ]
        return min(limits, default=float("inf"))

    def _comings(self, since_s: float) -> None:
        """The car comes, and goes as full as it is."""
        car = self.spec.car
        if car is None:
            return
        unit = MADE[EVSE][2]
        if not self._plugged and car.arrives_s <= since_s < car.departs_s:
            # Its driver has set it to stop where it is wanted to be.
            self.board.plug(unit, Car(MOST_A, 1, car.arrives_wh, car.wanted_wh, 0.97, efficiency=car.efficiency))
            self._plugged = True
        elif self._plugged and since_s >= car.departs_s:
            there = self.board.twin(unit).car
            left_wh = 0.0 if there is None else there.stored_wh
            self.ev_short_kwh = max(0.0, car.wanted_wh - left_wh) / 1000.0
            self.ev_charged_kwh = (left_wh - car.arrives_wh) / 1000.0
            self.board.plug(unit, None)
            self._plugged = False


def _twins(spec: Spec) -> dict[int, Twin | HeaterTwin]:
    present = [METER]
    present += [PV] if spec.dwelling.suns else []
    present += [BATTERY] if spec.battery is not None else []
    present += [EVSE] if spec.car is not None else []
    made: dict[int, Twin | HeaterTwin] = {
        unit: HeaterTwin(THERMOSTAT, setpoint_c=PROGRAM_C) for unit in HEATERS.values()
    }
    for name in present:
        family, package, unit, _ = MADE[name]
        of = profile(family, f"adapters.devices.{package}")
        if name == BATTERY and spec.battery is not None:
            store = spec.battery
            made[unit] = Twin(
                of, capacity_wh=store.capacity_wh, rated_w=store.charge_w, efficiency=store.efficiency_in, soc_pct=50.0
            )
        else:
            made[unit] = Twin(of)
    return made


def _options(name: str, spec: Spec) -> dict[str, Any]:
    if name == EVSE:
        return {"phases": "a", "maximum_a": MOST_A}
    if name == BATTERY and spec.battery is not None:
        return {"capacity_wh": spec.battery.capacity_wh}
    return {}


@cache
def _codec() -> Codec:
    return Codec(DURABLE)


@cache
def _empty(folder: Path) -> Path:
    """A ledger without anything, migrated once: each home's begins as its copy."""
    path = folder / "empty.db"
    open_ledger(path, _codec()).ledger.close()
    return path


def horizon_end(noon_utc_s: float) -> float:
    """When the day that is judged is over."""
    return noon_utc_s + STEPS * STEP_S
