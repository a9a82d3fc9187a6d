"""A whole gateway with one site called house, as configured, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.appliance import Appliance
from gateway.config.load import load
from gateway.wiring import FAMILIES
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Condition, Seen
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from grid_functions.words import Override, Release


class Running:
    """A gateway that runs."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance

    def seen(self, name: str) -> Seen | None:
        return self.appliance.sites["house"].seen.get(name)

    def condition(self, name: str) -> Condition:
        seen = self.seen(name)
        assert seen is not None
        return seen.condition

    def holds(self, name: str) -> Thermostat | None:
        """As read back of a decision of ours."""
        seen = self.seen(name)
        held = None if seen is None else seen.condition.holds
        return held.thermostat if held is not None and held.decision else None

    def watts(self, name: str) -> float | None:
        seen = self.seen(name)
        reading = None if seen is None else seen.condition.readings.get((Quantity.NET, None))
        return reading.value if reading is not None and reading.quality is Quality.GOOD else None

    async def want(self, control: Any, *devices: str) -> None:
        now_s = self.appliance.clock.now().utc_s
        await self.appliance.sites["house"].say(Override(SourceKind.OPERATOR, control, now_s, None, frozenset(devices)))

    async def take_back(self, name: str) -> None:
        await self.appliance.sites["house"].say(Release(name))


async def until(what: Callable[[], bool]) -> None:
    """Looked at until it is so; the test's own time limit ends what never comes."""
    while not what():  # noqa: ASYNC110 - a site has no event for a test
        await asyncio.sleep(0.05)


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[Running]:
    appliance = Appliance(load(config, FAMILIES))
    task = asyncio.create_task(appliance.run())
    try:
        async with asyncio.timeout(120):
            while not appliance.sites:
                assert not task.done(), task
                await asyncio.sleep(0.05)
            yield Running(appliance)
    finally:
        appliance.stop()
        await task
