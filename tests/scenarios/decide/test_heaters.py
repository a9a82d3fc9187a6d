"""Thermostats of rooms over a real socket: from an event to a register and back, with an occupant's hand in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.heaters.client import HeaterGadget
from adapters.heaters.profile import heater
from adapters.heaters.unit import HeaterSettings
from adapters.modbus.link import Link
from adapters.simulator.door import Door
from adapters.simulator.heater import HeaterTwin
from adapters.simulator.twins import Twins
from grid_functions.catalogue import built_in
from grid_functions.decide import Decision
from grid_functions.model.claim import LeaseId, SourceKind
from grid_functions.model.control import ShedLevel, Thermostat
from grid_functions.model.device import Role, Seen
from grid_functions.model.event import EventStatus, Read
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Lease
from grid_functions.model.reading import MeterKey
from grid_functions.model.units import Quantity
from grid_functions.site.measure import Measure
from grid_functions.site.shed import Shed, ShedOptions
from tests.adapters.knobs.rig import Shelf
from tests.grid_functions.house import UTILITY, at, terms
from tests.scenarios.decide.site import Site, by_name, event, policy

HALL = "hall"
HEAT: MeterKey = (Quantity.TEMPERATURE, None)
FEEDER = LeaseId("feeder", "direct_load_control/thermostat", 1)
TABLE = ShedOptions({1: (Measure(HALL, thermostat_offset_k=-2.0),)})


class House(Site):
    """Its hall is a heat pump's room: what is decided goes to it, and what it then shows is decided on next."""

    def __init__(self, twins: Twins, port: int) -> None:
        super().__init__([], terms({HALL: Role.LOAD}), {UTILITY: policy(kind=SourceKind.OPENADR)})
        self.functions = {**built_in(), "shed": Shed(TABLE)}
        self.twins, self.now_s = twins, 0.0
        self.link = Link("127.0.0.1", port, jitter=lambda low_s, high_s: 0.0)
        profile = heater("stiebel-isg-room-1")
        settings = HeaterSettings(HALL, "stiebel-isg-room-1", profile, 1)
        self.gadget = HeaterGadget(settings, self.link, Shelf(), self, lambda *_: None, self.rest)
        self._gate, self._shown = asyncio.Semaphore(0), asyncio.Event()

    def now(self) -> Instants:
        return at(self.now_s)

    async def rest(self, news: asyncio.Event, seconds: float) -> None:
        """Until the next second."""
        await self._gate.acquire()

    def take(self, seen: Seen) -> None:
        self.devices = [seen]
        self._shown.set()

    async def second(self, now_s: float, *reads: Read, leases: tuple[Lease, ...] = ()) -> Decision:
        """The hall is looked at, decided on, told, and shows it."""
        self.now_s = now_s
        await self._look()
        done = self.tick(now_s, *reads, leases=leases)
        self.gadget.want(by_name(done.setpoints)[HALL])
        await self._look()
        return done

    async def _look(self) -> None:
        self._shown.clear()
        self._gate.release()
        async with asyncio.timeout(10):
            await self._shown.wait()

    @property
    def set_c(self) -> float | None:
        """As it stands in the register."""
        return self.twins.heater(1).setpoint_c


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """19.5 degrees, set to 21.0 by whoever lives there."""
    twins = Twins({1: HeaterTwin(heater("stiebel-isg-room-1"), temperature_c=19.5, setpoint_c=21.0)}, lambda: 0.0)
    door = Door("127.0.0.1", twins)
    await door.open()
    made = House(twins, door.port)
    running = asyncio.create_task(made.gadget.run(made.take))
    try:
        async with asyncio.timeout(30):
            await made._shown.wait()
            yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.link.close()
        door.close()


async def test_an_event_lowers_a_room_is_applied_and_its_end_gives_back_what_was_set() -> None:
    async with house() as made:
        called = event("e", ShedLevel(1), duration_s=60.0)
        await made.second(0.0, made.read(0.0, called))
        assert made.set_c == 19.0
        await made.second(2.0)
        assert ("e", "applied") in made.outcomes
        assert made.devices[0].condition.readings[HEAT].value == 19.5
        await made.second(30.0)
        assert made.set_c == 19.0
        await made.second(60.0)
        assert made.set_c == 21.0
        assert ("e", "completed") in made.outcomes


async def test_an_occupants_hand_goes_before_an_area_and_is_what_is_given_back() -> None:
    """The area holds 18.0 for a day; somebody turns the room to 22.0: that stands two hours, then the area's again, then 22.0."""
    async with house() as made:
        lease = Lease(FEEDER, 80_000.0, (Thermostat(18.0, offset=False),))
        await made.second(0.0, leases=(lease,))
        assert made.set_c == 18.0
        await made.second(1.0)
        made.twins.change(1, setpoint_c=22.0)
        done = await made.second(100.0)
        assert by_name(done.setpoints)[HALL].thermostat == Thermostat(22.0, offset=False)
        await made.second(110.0)
        assert made.set_c == 22.0
        await made.second(7301.0)
        await made.second(7310.0)
        assert made.set_c == 18.0
        await made.second(80_001.0)
        await made.second(80_010.0)
        assert made.set_c == 22.0


async def test_an_event_goes_before_the_occupants_hand() -> None:
    async with house() as made:
        await made.second(0.0, made.read(0.0, event("e", ShedLevel(1))))
        await made.second(1.0)
        made.twins.change(1, setpoint_c=24.0)
        await made.second(10.0)
        assert made.set_c == 24.0, "the site is given a moment to decide"
        await made.second(16.0)
        # two kelvin below what is now set by whoever lives there
        assert made.set_c == 22.0


async def test_an_event_that_is_cancelled_gives_back_too() -> None:
    async with house() as made:
        await made.second(0.0, made.read(0.0, event("e", ShedLevel(1))))
        assert made.set_c == 19.0
        await made.second(10.0, made.read(10.0, event("e", ShedLevel(1), status=EventStatus.CANCELLED)))
        await made.second(20.0)
        assert made.set_c == 21.0


async def test_a_room_that_does_not_keep_what_it_is_told_is_a_mismatch() -> None:
    async with house() as made:
        made.twins.change(1, obeys=False)
        for second in range(60):
            reads = [made.read(0.0, event("e", ShedLevel(1)))] if second == 0 else []
            await made.second(float(second), *reads)
        assert ("e", "mismatched") in made.outcomes
        assert ("e", "applied") not in made.outcomes
        assert made.set_c == 21.0
