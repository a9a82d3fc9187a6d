"""A VTN on loopback and a VEN that talks to it: what the tests of client, webhook and broker stand on."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.doorway import Doorway
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Read, Respondent
from grid_functions.model.instants import Instants
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.exchange import Alarm
from protocols.openadr3.client import Client3
from protocols.openadr3.desk.tokens import Client
from protocols.openadr3.server import Exchange, Vtn, VtnSettings, running
from protocols.openadr3.session.terms import Terms
from protocols.openadr3.wire.edition import Edition
from tests.protocols.openadr3.rig import TERMS, Middle

IN_TIME_S = 20.0
LOGIC = Client("bl", "l0gic", is_logic=True)
CLIENTS = (Client("ven-7", "s3cret"), LOGIC)


class Wall:
    """The machine's own clocks."""

    def now(self) -> Instants:
        return Instants(time.monotonic(), time.time())


class Kept:
    """A memory that keeps."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, bytes]] = {}

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self.rows.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        self.rows[key] = (version, body)


@dataclass
class Served:
    """A running session with what it said, and the VTN it talks to."""

    client: Client3
    vtn: Vtn
    told: "Log"
    reads: list[Read] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=dict)

    def take(self, read: Read) -> None:
        self.reads.append(read)
        self.told.added.set()

    def warn(self, alarm: Alarm) -> None:
        self.alarms[alarm.key] = alarm.text if alarm.raised else ""
        self.told.added.set()

    async def until(self, enough: Callable[[], object]) -> None:
        """Returns as soon as that holds; TimeoutError after a while."""
        async with asyncio.timeout(IN_TIME_S):
            while not enough():
                self.told.added.clear()
                await self.told.added.wait()

    async def complete(self) -> Read:
        await self.until(lambda: any(read.complete for read in self.reads))
        return next(read for read in reversed(self.reads) if read.complete)


def policy(name: str = "aggregator") -> Policy:
    source = Source(SourceKind.OPENADR, name, Respondent(name, "depot-7"))
    return Policy(name, source, final=False, vanished=Vanished.CANCEL, opt_out=OptOut.ALL)


class Log(list[Exchange]):
    """Every exchange the VTN told of; ``added`` is set with each."""

    def __init__(self) -> None:
        super().__init__()
        self.added = asyncio.Event()

    def hear(self, exchange: Exchange) -> None:
        self.append(exchange)
        self.added.set()


@asynccontextmanager
async def vtn(told: Log | None = None, tls: ssl.SSLContext | None = None, **settings: Any) -> AsyncIterator[Vtn]:
    chosen = {"clients": CLIENTS} | settings
    edition = chosen.get("edition", Edition.V3_1)
    chosen.setdefault("path", f"/openadr3/{edition}")
    async with running(VtnSettings(**chosen), tls=tls, told=(told if told is not None else Log()).hear) as found:
        yield found


@asynccontextmanager
async def served(
    terms: Terms = TERMS,
    *,
    trust: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """A VEN at a VTN of its edition, running."""
    told = Log()
    async with vtn(told, tls, edition=terms.edition, **settings) as found, held(found, terms, told, trust) as one:
        yield one


@asynccontextmanager
async def held(
    found: Vtn, terms: Terms, told: Log, trust: ssl.SSLContext | None = None, memory: Kept | None = None
) -> AsyncIterator[Served]:
    """A VEN at that VTN, running."""
    alarms: list[Callable[[Alarm], None]] = []
    client = Client3(
        replace(terms, url=found.url),
        policy=policy(terms.name),
        ssl_context=trust,
        memory=memory or Kept(),
        clock=Wall(),
        dice=Middle(),
        doorway=Doorway(),
        alarm=lambda alarm: alarms[0](alarm),
    )
    one = Served(client, found, told)
    alarms.append(one.warn)
    session = asyncio.create_task(client.run(one.take))
    try:
        yield one
    finally:
        session.cancel()
        with suppress(asyncio.CancelledError):
            await session
