"""A broker that sends what cannot be read, in bytes of MQTT 3.1.1: the bus lets go of it, and nothing spins."""

import asyncio

import pytest

from adapters.edgex.bus import Broker, Bus
from tests.hostile_broker import talking

NO_UTF_8 = b"\x30\x06\x00\x02\xff\xfeab"
"""PUBLISH at QoS 0 whose topic is no UTF-8 (1.5.3)."""


@pytest.mark.parametrize("says", [NO_UTF_8, b"\x90\x01\x00", b"\x40\x01\x00"], ids=["topic", "suback", "puback"])
async def test_what_cannot_be_read_ends_the_connection_with_its_socket(says: bytes) -> None:
    """A socket left open would wake the loop without end."""
    async with asyncio.timeout(20.0), talking(says) as (port, gone):
        broker = Broker("127.0.0.1", port, events=("edgex/events/#",))
        bus = Bus("edge", broker, heard=lambda event, live: None, opened=lambda: None)
        assert await bus.hear()
        assert bus.why
        await gone.wait()
