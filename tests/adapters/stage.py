"""A simulated site behind real Modbus servers, with drivers on it, a clock moved by hand and a memory that can fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.driver import Driver
from adapters.family import Family
from adapters.modbus.frames import Read, Reply, Write
from adapters.modbus.link import Link
from adapters.modbus.wire import Talk
from adapters.settings import DriverSettings, Pinned
from adapters.simulator.server import Simulator
from grid_functions.model.device import Role, Seen
from grid_functions.model.errors import LedgerUnavailable
from grid_functions.model.instants import Instants
from tests.adapters.simulator.situations import Hand, plan

T = TypeVar("T")
UTC_S = 1_800_000_000.0


class HandClock:
    """The Clock port over a hand: monotonic seconds count from 0 at its first instant."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand

    def now(self) -> Instants:
        return Instants(self._hand.t_s - UTC_S, self._hand.t_s)


class Stumbling(Link):
    """A link that waits for ``before`` ahead of each request, as it may when others use it too."""

    before: Callable[[Read | Write], Awaitable[None]] | None = None

    @property
    def flows(self) -> bool:
        return self.before is None and super().flows

    async def _exchange(self, request: Read | Write, talk: Talk | None, on: int | None) -> Reply | None:
        if self.before is not None:
            await self.before(request)
        return await super()._exchange(request, talk, on)

    async def until_lost(self) -> None:
        """Returns when the connection is seen to be lost."""
        while self.connected:  # noqa: ASYNC110 - a link tells nobody that it was lost
            await asyncio.sleep(0)


class Drawer:
    """The Memory port in a dict; ``full``: nothing can be put; ``before``: what happens while it is put."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, bytes]] = {}
        self.full = False
        self.before: Callable[[], Awaitable[None]] | None = None

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self.kept.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        if self.full:
            raise LedgerUnavailable("disk full")
        if self.before is not None:
            await self.before()
        self.kept[key] = (version, body)


@dataclass
class Desk:
    """One driver, stepped look by look."""

    driver: Driver[Any, Any]
    link: Stumbling
    hand: Hand
    notes: list[tuple[str, str, Mapping[str, Any]]]
    looks: list[Seen] = field(default_factory=list)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _shown: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, news: asyncio.Event, seconds: float) -> None:
        """In place of time: waits for the next ``look``."""
        await self._gate.acquire()

    async def look(self, after_s: float = 0.0) -> Seen:
        """Let time pass, then one tick; what it showed."""
        self.hand.t_s += after_s
        self._shown.clear()
        self._gate.release()
        await asyncio.wait_for(self._shown.wait(), 10)
        return self.looks[-1]

    def take(self, seen: Seen) -> None:
        self.looks.append(seen)
        self._shown.set()

    def written(self) -> list[Mapping[str, Any]]:
        """The points of each write so far."""
        return [body["points"] for kind, _, body in self.notes if kind == "write"]

    async def shown(self) -> Seen:
        """The next look that the driver makes of its own accord, or has just made."""
        await asyncio.wait_for(self._shown.wait(), 10)
        self._shown.clear()
        return self.looks[-1]


@asynccontextmanager
async def desk(
    port: int,
    hand: Hand,
    *,
    unit: int = 1,
    role: Role = Role.PV,
    memory: Drawer | None = None,
    pinned: Pinned | None = None,
    read_only: bool = False,
    options: SunSpecOptions | None = None,
    family: Family[Any, Any] | None = None,
    name: str = "device",
    timeout_s: float = 2.0,
    poll_s: float = 1.0,
    by_hand: bool = True,
) -> AsyncIterator[Desk]:
    """A driver on a link of its own; it has made its first look when this is entered. ``by_hand``: ``look`` paces it."""
    link = Stumbling("127.0.0.1", port, jitter=lambda low, high: 0.0, timeout_s=timeout_s)
    notes: list[tuple[str, str, Mapping[str, Any]]] = []
    settings = DriverSettings(role=role, unit=unit, poll_s=poll_s, pinned=pinned or Pinned(), read_only=read_only)
    place: list[Desk] = []

    async def pause(news: asyncio.Event, seconds: float) -> None:
        await place[0].pause(news, seconds)

    driver = Driver(
        name,
        family or SunSpec(options or SunSpecOptions()),
        link,
        settings,
        memory or Drawer(),
        HandClock(hand),
        lambda kind, correlation, body: notes.append((kind, correlation, body)),
        pause if by_hand else None,
    )
    place.append(Desk(driver, link, hand, notes))
    running = asyncio.create_task(driver.run(place[0].take))
    try:
        await place[0].shown()
        yield place[0]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.close()


@asynccontextmanager
async def simulated(hand: Hand, **changes: Any) -> AsyncIterator[Simulator]:
    """The site of the simulator's own tests: ``old`` (5 kW, legacy), ``new`` (8 kW, 700 series), ``meter`` (203)."""
    async with Simulator(plan(**changes), hand) as running:
        yield running


async def peer(simulator: Simulator, device: str, use: Callable[[Any], T]) -> T:
    """What ``use`` makes of a device scanned by pysunspec2's blocking client, in a thread."""
    found = next(d for d in simulator.announcement["devices"] if d["name"] == device)

    def run() -> T:
        client = SunSpecModbusClientDeviceTCP(found["unit"], found["host"], found["port"], timeout=5)
        try:
            client.scan()
            return use(client)
        finally:
            client.close()

    return await asyncio.to_thread(run)
