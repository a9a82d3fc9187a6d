"""So many live VENs in a fresh process: `python -m benchmarks.openadr.hold FOLDER PORT LOOP VENS` prints the bytes of each.

Each has a TLS context, a connection and a state of its own, as wiring makes them, and has registered and polled when it is counted.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.sessions.hold import hold, resident_bytes
from benchmarks.sessions.product import Memory
from certs.tls import TlsFiles, openadr_client_context
from gateway.clock import SystemClock, SystemDice
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Read
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.session.terms import Terms

AT_ONCE = 20
"""VENs that register at the same time: the VTN is one process."""


@asynccontextmanager
async def live(names: range, port: int, files: TlsFiles) -> AsyncIterator[list[Client2b]]:
    """VENs that have polled; their sessions are held until left."""
    clock = SystemClock()
    gate = asyncio.Semaphore(AT_ONCE)
    clients: list[Client2b] = []
    tasks: list[asyncio.Task[None]] = []

    async def begin(number: int) -> None:
        terms = Terms(
            name=f"vtn-{number}",
            url=f"https://127.0.0.1:{port}/OpenADR2/Simple/2.0b",
            ven_name=f"ven-{number}",
            query=False,
        )
        policy = Policy(terms.name, Source(SourceKind.OPENADR, terms.name, None), False, Vanished.CANCEL, OptOut.ALL)
        client = Client2b(
            terms,
            policy=policy,
            ssl_context=openadr_client_context(files),
            memory=Memory(),
            clock=clock.showing(terms.name),
            dice=SystemDice(),
        )
        clients.append(client)
        polled = asyncio.Event()

        def take(read: Read) -> None:
            polled.set()

        async with gate:
            tasks.append(asyncio.create_task(client.run(take)))
            await polled.wait()

    try:
        async with asyncio.timeout(300.0):
            await asyncio.gather(*map(begin, names))
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hold(folder: Path, port: int, vens: int) -> int:
    files = TlsFiles(*(folder / f"client.{end}" for end in ("chain.pem", "key", "root.pem")))
    # What the first sessions load is there for however many follow.
    async with live(range(5), port, files):
        gc.collect()
        before = resident_bytes()
        async with live(range(5, 5 + vens), port, files) as made:
            gc.collect()
            grown = resident_bytes() - before
            assert all(client.ven_id == f"id-{client.terms.ven_name}" for client in made)
    return grown


if __name__ == "__main__":
    hold(_hold)
