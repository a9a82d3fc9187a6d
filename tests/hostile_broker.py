"""A broker of MQTT 3.1.1 that is up to no good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CONNACK = b"\x20\x02\x00\x00"


@asynccontextmanager
async def talking(says: bytes) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A broker that takes whoever comes, says this once it is subscribed to, and holds on: its port, and whether who came has gone."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(CONNACK)
        subscribed = await reader.read(1024)
        writer.write(b"\x90\x03" + subscribed[2:4] + b"\x01" + says)
        while await reader.read(1024):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], gone
