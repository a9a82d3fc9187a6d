"""Stations that mean harm, and strangers who are none, byte by byte at the central system's real socket."""

import asyncio
import base64
import json
import socket
import zlib
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import http_parser
from argon2 import PasswordHasher

from adapters.ocpp import server
from adapters.ocpp.access import Access, SecurityProfile
from grid_functions.model.setpoint import Setpoint
from tests.adapters.ocpp.house import site
from tests.adapters.ocpp.peers import socket_to, station_at

HANDSHAKE = (
    b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
)


def framed(body: bytes, first: int = 0x81) -> bytes:
    """RFC 6455, clause 5.2: a text, whole, under a mask of zeros."""
    size = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0x80 | 126]) + len(body).to_bytes(2, "big")
    return bytes([first]) + size + b"\0\0\0\0" + body


@asynccontextmanager
async def raw(port: int, more: bytes = b"") -> AsyncIterator[tuple[socket.socket, bytes]]:
    """A socket after the handshake, of which nothing is read but by the test, and the answer to the handshake."""
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            line.setsockopt(socket.SOL_SOCKET, buffer, 8192)
        await loop.sock_connect(line, ("127.0.0.1", port))
        await loop.sock_sendall(line, HANDSHAKE + more + b"\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await loop.sock_recv(line, 1)
        yield line, head


async def test_who_reads_nothing_is_not_heard_and_put_out_when_his_station_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer is twice as long as its call: of 24 MiB most would wait in our memory."""
    monkeypatch.setattr(server, "_CLOSE_S", 0.1)
    loop = asyncio.get_running_loop()
    call = framed(json.dumps([2, "x", "Flood" + "d" * 60, {}], separators=(",", ":")).encode())
    async with site() as house, raw(house.central.port) as (line, _):
        piece = call * (262_144 // len(call))

        async def flood(times: int) -> None:
            for _ in range(times):
                async with asyncio.timeout(2.0):
                    await loop.sock_sendall(line, piece)

        with pytest.raises(TimeoutError):
            await flood(96)
        house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
        async with station_at(house.central.port, "ocpp1.6") as station:
            await station.introduce()
            await house.shows(10.0, 3)
        with pytest.raises(ConnectionError):
            await flood(96)


async def test_what_a_stranger_compressed_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to send here but a handshake; unpacked, two megabytes held up the loop for two seconds."""
    unpacked: list[int] = []
    monkeypatch.setattr(http_parser.DeflateBuffer, "feed_data", lambda _, data, *more: unpacked.append(len(data)))
    packed = zlib.compress(b" " * 1000)
    head = b"POST /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n"
    async with site() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.central.port)
        writer.write(head % len(packed) + packed)
        assert (await reader.readline()).split()[1] == b"405"
        writer.close()
        await writer.wait_closed()
    assert unpacked == []


async def test_a_flood_of_messages_that_lie_there_gives_everybody_else_his_turn() -> None:
    loop = asyncio.get_running_loop()
    async with site() as house, raw(house.central.port) as (line, _):
        sending = asyncio.create_task(loop.sock_sendall(line, framed(b"{") * 2000))
        told = [0]
        while told[-1] < 150:
            await asyncio.sleep(0)
            told.append(house.notes.count("malformed"))
        await sending
        assert max(later - before for before, later in pairwise(told)) <= 2


async def test_a_flood_of_nonsense_costs_the_log_a_few_lines() -> None:
    async with site() as house, socket_to(house.central.port) as line:
        for _ in range(1000):
            await line.send_str("{")
        await line.send_str('[2,"9","Heartbeat",{}]')
        while json.loads(await line.receive_str())[0] != 3:
            pass
        assert 100 <= house.notes.count("malformed") < 500


class Counting(ThreadPoolExecutor):
    """The loop's threads, and how much they were given at once at most."""

    given = most = 0

    def __init__(self) -> None:
        super().__init__(32)
        self.asked = asyncio.Event()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given += 1
        self.asked.set()
        self.most = max(self.most, self.given)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: object) -> None:
        self.given -= 1


async def test_a_crowd_that_guesses_and_hangs_up_never_has_more_than_two_hashes_made_at_once() -> None:
    """RFC 9106: each takes 64 MiB and a twentieth of a second by intent."""
    threads = Counting()
    asyncio.get_running_loop().set_default_executor(threads)
    access = Access(SecurityProfile.BASIC, {"CP-1": PasswordHasher().hash(b"correct horse")})
    guess = b"Authorization: Basic " + base64.b64encode(b"CP-1:wrong horse") + b"\r\n\r\n"
    async with site(access) as house:
        for _ in range(12):
            _, writer = await asyncio.open_connection("127.0.0.1", house.central.port)
            writer.write(HANDSHAKE + guess)
            await writer.drain()
            await threads.asked.wait()  # and then he is gone
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()
        async with socket_to(house.central.port, password=b"correct horse") as line:
            assert line.protocol == "ocpp1.6"
    assert 1 <= threads.most <= 2


async def test_a_crowd_in_the_doorway_keeps_no_station_out() -> None:
    async with site() as house, AsyncExitStack() as crowd:
        readers = []
        for _ in range(400):
            reader, writer = await asyncio.open_connection("127.0.0.1", house.central.port, local_addr=("127.0.0.2", 0))
            readers.append(reader)
            crowd.callback(writer.close)
        with suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                assert await readers[0].read() == b"", "where there is no room it makes some"
        house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
        async with station_at(house.central.port, "ocpp1.6") as station:
            await station.introduce()
            await house.shows(10.0, 3)


async def test_nothing_is_ever_decompressed() -> None:
    """RFC 7692: what was not agreed upon is an error; a bomb of a kilobyte would be a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    loop = asyncio.get_running_loop()
    offered = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with site() as house, raw(house.central.port, offered) as (line, head):
        assert b"permessage-deflate" not in head
        await loop.sock_sendall(line, framed(bomb[:-4], first=0xC1))
        said = b""
        while piece := await loop.sock_recv(line, 65_536):
            said += piece
        assert said.endswith((1002).to_bytes(2, "big")) or b"\x03\xea" in said[-200:]
