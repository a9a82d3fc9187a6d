"""One device behind somebody else's server, running: what it shows, what it says, what is kept, and no patience."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, Self, TypeVar

from adapters.knobs.gadget import Gadget
from grid_functions.model.device import Seen
from grid_functions.model.errors import LedgerUnavailable


class Shelf:
    """A memory that can fail."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, bytes]] = {}
        self.broken = False
        self.puts: list[bytes] = []

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self.kept.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        if self.broken:
            raise LedgerUnavailable("the disk is full", "make room")
        self.puts.append(body)
        self.kept[key] = (version, body)


class Eager:
    """No patience: retries come at once. ``waits``: how long each would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def jitter(self, low_s: float, high_s: float) -> float:
        self.waits.append(high_s)
        return 0.0


class Closing(Protocol):
    """A server."""

    async def close(self) -> None:
        """Let go of it."""


GadgetT = TypeVar("GadgetT", bound=Gadget[Any])


class Rig(Generic[GadgetT]):
    """``gadget`` and ``server`` are the subclass's to make, from ``dice``, ``shelf`` and ``note``."""

    gadget: GadgetT
    server: Closing

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.dice, self.shelf = Eager(), shelf or Shelf()
        self.looks: list[Seen] = []
        self.notes: list[tuple[str, str, Mapping[str, Any]]] = []
        self.news = asyncio.Event()

    def note(self, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        self.notes.append((kind, correlation, body))

    def intake(self, seen: Seen) -> None:
        self.looks.append(seen)
        self.news.set()

    async def until(self, what: Callable[[Seen], bool]) -> Seen:
        while not (self.looks and what(self.looks[-1])):
            self.news.clear()
            await self.news.wait()
        return self.looks[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        task = asyncio.create_task(self.gadget.run(self.intake))
        try:
            async with asyncio.timeout(30):
                yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.server.close()
