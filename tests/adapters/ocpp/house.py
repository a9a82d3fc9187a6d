"""One charger under a central system on a real socket, and all that is seen of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from argon2 import PasswordHasher

from adapters.ocpp.access import Access, SecurityProfile
from adapters.ocpp.outlet import OutletSettings
from adapters.ocpp.server import CentralSystem, Charger, Listening
from grid_functions.model.device import Seen
from grid_functions.model.instants import Instants

OPEN = Access(SecurityProfile.NONE)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    def now(self) -> Instants:
        return Instants(time.monotonic(), time.time())


class Site:
    """One charger under a central system, and all that was seen of it."""

    def __init__(self, central: CentralSystem, charger: Charger) -> None:
        self.central, self.charger = central, charger
        self.notes: list[str] = []
        self._seen: asyncio.Queue[Seen] = asyncio.Queue()
        self.running = asyncio.create_task(charger.run(self._seen.put_nowait))

    async def sees(self, what: Callable[[Seen], bool]) -> Seen:
        async with asyncio.timeout(20):
            while not what(seen := await self._seen.get()):
                pass
        return seen

    async def shows(self, limit_a: float, decision: int) -> Seen:
        def shown(seen: Seen) -> bool:
            holds = seen.condition.holds
            return holds is not None and (holds.current_max_a, holds.decision) == (limit_a, decision)

        return await self.sees(shown)


@asynccontextmanager
async def site(access: Access = OPEN, context: Any = None) -> AsyncIterator[Site]:
    clock = Clock()
    central = CentralSystem(Listening("127.0.0.1", 0, access), clock, context)
    notes: list[str] = []

    def note(kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        notes.append(kind)

    made = Site(central, Charger(OutletSettings("evse-1", "CP-1"), central, clock, note))
    made.notes = notes
    try:
        await made.sees(lambda seen: central.port > 0)
        yield made
    finally:
        made.running.cancel()
        await asyncio.gather(made.running, return_exceptions=True)
        await central.close()
