"""Ours: sessions as wiring makes them, each with a TLS context, a connection and a state of its own, one clock for all."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.event import play
from certs.credential import client_credential
from certs.identity import Identity
from certs.tls import TlsFiles
from gateway.clock import SystemClock, SystemDice
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Read
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.exchange import Failed, Tell, Tick
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.session.exchange import Input
from protocols.ieee2030_5.session.terms import Profile, Terms
from protocols.ieee2030_5.session.tree import Kind


class Memory:
    """What a session remembers, in memory. Wears the Memory port."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, bytes]] = {}

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self._kept.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        self._kept[key] = version, body


class Client(Client2030_5):
    """As it is; ``over`` is told when nothing is under way any more."""

    over: asyncio.Future[None] | None = None

    def _take(self, given: Input | Failed | Tell | Tick) -> None:
        super()._take(given)
        if self.over is not None and not self._state.waiting:
            self.over.set_result(None)
            self.over = None


class Session:
    """One session, and the last whole read it handed over."""

    def __init__(self, number: int, port: int, files: TlsFiles, identity: Identity, clock: SystemClock) -> None:
        terms = Terms(
            name=f"utility-{number}",
            url=f"https://127.0.0.1:{port}{play.DCAP}",
            lfdi=identity.lfdi,
            sfdi=identity.sfdi,
            profile=Profile.CSIP,
            floor_s=10.0,
        )
        policy = Policy(
            clock=terms.name,
            source=Source(SourceKind.IEEE2030_5, terms.name, terms.respondent),
            final=True,
            vanished=Vanished.KEEP,
            opt_out=OptOut.NONE,
        )
        self.client = Client(
            terms,
            policy=policy,
            ssl_context=client_credential(files),
            memory=Memory(),
            clock=clock.showing(),
            dice=SystemDice(),
        )
        self.read: Read | None = None

    async def run(self) -> None:
        """Hold it."""
        await self.client.run(self._take)

    async def poll(self) -> None:
        """The control list is due now; everything after that is the session's own doing, and waited for."""
        client = self.client
        tree = client._state.tree
        for node in tree.of(Kind.CONTROLS):
            # In place: a copy of all that a session holds would be counted to its poll.
            object.__setattr__(node, "due_s", time.monotonic())
        tree._soonest_s = None
        client.over = over = asyncio.get_running_loop().create_future()
        client._take(Tick())
        await over

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self.client._state.waiting

    @property
    def mrids(self) -> frozenset[str]:
        """The events of the last whole read."""
        return frozenset() if self.read is None else frozenset(event.key.id for event in self.read.events)

    def _take(self, read: Read) -> None:
        if read.complete:
            self.read = read


@asynccontextmanager
async def live(sessions: int, port: int, files: TlsFiles, identity: Identity) -> AsyncIterator[list[Session]]:
    """So many sessions that have read all there is, until left."""
    clock = SystemClock()
    made = [Session(number, port, files, identity, clock) for number in range(sessions)]
    clock.follow({one.client.name: one.client.time_at for one in made})
    running = []
    for one in made:
        running.append(asyncio.create_task(one.run()))
        while one.read is None or not one.idle:
            assert not running[-1].done(), running[-1]
            await asyncio.sleep(0.001)
    try:
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
