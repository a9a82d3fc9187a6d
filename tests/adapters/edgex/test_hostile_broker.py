"""A broker that sends what cannot be read, in bytes of MQTT 3.1.1: the bus lets go of it, and nothing spins."""

import asyncio

import pytest

from adapters.edgex.bus import Broker, Bus

NO_UTF_8 = b"\x30\x06\x00\x02\xff\xfeab"
"""PUBLISH at QoS 0 whose topic is no UTF-8 (1.5.3)."""


@pytest.mark.parametrize("says", [NO_UTF_8, b"\x90\x01\x00", b"\x40\x01\x00"], ids=["topic", "suback", "puback"])
async def test_what_cannot_be_read_ends_the_connection_with_its_socket(says: bytes) -> None:
    """A socket left open would wake the loop without end."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"\x20\x02\x00\x00")
        subscribed = await reader.read(1024)
        writer.write(b"\x90\x03" + subscribed[2:4] + b"\x01" + says)
        while await reader.read(1024):
            pass
        gone.set()
        writer.close()

    async with asyncio.timeout(20.0), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1], events=("edgex/events/#",))
        bus = Bus("edge", broker, heard=lambda event, live: None, opened=lambda: None)
        assert await bus.hear()
        assert bus.why
        await gone.wait()
