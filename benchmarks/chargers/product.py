"""Ours: a driver each, as the appliance runs them: look, compare, write what differs, read back."""

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.catalogue import FAMILIES
from adapters.driver import Driver
from adapters.modbus.link import Link
from adapters.settings import DriverSettings
from gateway.clock import SystemClock
from grid_functions.model.device import Role, Seen
from grid_functions.model.setpoint import Setpoint

FAMILY = "abb-terra-ac"


class Drawer:
    """The Memory port in a dict."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, bytes]] = {}

    def get(self, key: str) -> tuple[int, bytes] | None:
        """What was put."""
        return self._kept.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        """Kept as long as the process."""
        self._kept[key] = (version, body)


class Chargers:
    """So many chargers, each told another limit once a second."""

    def __init__(self, count: int, port: int) -> None:
        self.seen: dict[str, Seen] = {}
        self._links = [Link("127.0.0.1", port, jitter=lambda low, high: high) for _ in range(count)]
        self._drivers = [self._driver(number, link, count) for number, link in enumerate(self._links)]
        self._running: list[asyncio.Task[None]] = []

    def _driver(self, number: int, link: Link, count: int) -> Driver[Any, Any]:
        settings = DriverSettings(Role.EVSE, poll_s=1.0, phase_s=number / count)
        family = FAMILIES[FAMILY].family()
        return Driver(f"evse-{number}", family, link, settings, Drawer(), SystemClock(), _unheard)

    async def start(self) -> None:
        """Returns when every one was looked at."""
        self._running = [asyncio.create_task(one.run(self._take)) for one in self._drivers]
        while len(self.seen) < len(self._drivers):
            assert not any(task.done() for task in self._running)
            await asyncio.sleep(0.05)

    async def tell(self, number: int, limit_a: float, decision: int) -> None:
        """Another limit for one of them."""
        name = f"evse-{number}"
        self._drivers[number].want(Setpoint(name, decision, current_max_a=limit_a))

    def held_a(self) -> list[float | None]:
        """What each was last seen to hold."""
        return [
            None if one.condition.holds is None else one.condition.holds.current_max_a for one in self.seen.values()
        ]

    async def stop(self) -> None:
        """All connections closed."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self._links))

    def _take(self, seen: Seen) -> None:
        self.seen[seen.device] = seen


def _unheard(kind: str, correlation: str, body: Mapping[str, Any]) -> None:
    """The log is not what is measured."""
