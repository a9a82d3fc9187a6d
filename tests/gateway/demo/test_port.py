"""A port that is kept for somebody who begins later."""

import asyncio

import pytest

from gateway.demo.port import Port


async def test_it_refuses_until_somebody_listens_and_again_after() -> None:
    port = Port()
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port.number)
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port.number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        assert await reader.read() == b""
        writer.close()
        server.close()
        await server.wait_closed()
    port.close()


def test_nobody_else_is_given_it() -> None:
    ports = [Port() for _ in range(200)]
    assert len({port.number for port in ports}) == 200
    for port in ports:
        port.close()
