"""A real HTTP server behind a doorway, and strangers who stand in it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from adapters.doorway import Doorway
from certs.tls import openadr_client_context, openadr_server_context
from tests.protocols.openadr2b.authority import authority

ASKED = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class House:
    """Where it is, and all who came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._lines: list[Line] = []

    async def come(self, address: str = "127.0.0.1") -> Line:
        """A connection from that address."""
        line = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        self._lines.append(line)
        return line

    async def left(self) -> None:
        """Everybody goes."""
        for _, writer in self._lines:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def behind(doorway: Doorway, context: ssl.SSLContext | None = None) -> AsyncIterator[House]:
    """Whoever asks for /friend is known."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/friend":
            doorway.know(request)
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await doorway.site(runner, "127.0.0.1", 0, context).start()
    house = House(int(runner.addresses[0][1]))
    try:
        async with asyncio.timeout(20):
            yield house
    finally:
        await house.left()
        await runner.cleanup()


async def answered(line: Line, path: bytes) -> bool:
    line[1].write(ASKED % path)
    head = await line[0].readuntil(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200") and await line[0].readexactly(4) == b"here"


async def put_out(line: Line) -> None:
    """Returns once it is."""
    with suppress(ConnectionResetError):
        assert await line[0].read() == b""


async def test_who_says_nothing_or_never_ends_is_put_out_and_a_friend_stays() -> None:
    async with behind(Doorway(patience_s=0.2)) as house:
        friend, silent, slow = await house.come(), await house.come(), await house.come()
        assert await answered(friend, b"friend")
        slow[1].write((ASKED % b"friend")[:-2])
        await put_out(silent)
        await put_out(slow)
        assert await answered(friend, b"anything"), "known once, known for the whole connection"


async def test_who_asks_but_is_nobody_is_put_out_all_the_same() -> None:
    async with behind(Doorway(patience_s=0.2)) as house:
        nobody = await house.come()
        assert await answered(nobody, b"anything")
        await put_out(nobody)


async def test_where_there_is_no_room_the_pushiest_make_it() -> None:
    async with behind(Doorway(most=4)) as house:
        friend, guest = await house.come(), await house.come()
        assert await answered(friend, b"friend")
        crowd = [await house.come("127.0.0.2") for _ in range(20)]
        for one in crowd[:-3]:
            await put_out(one)
        assert await answered(guest, b"friend"), "older than all of them, but alone"
        assert await answered(crowd[-1], b"friend")
        assert await answered(friend, b"anything")


async def test_who_has_gone_takes_up_no_room() -> None:
    async with behind(Doorway(most=2)) as house:
        stays = await house.come()
        for _ in range(20):
            line = await house.come()
            assert await answered(line, b"anything")
            line[1].close()
            await line[0].read()
        assert await answered(stays, b"friend")


async def test_where_there_is_no_room_for_friends_either_who_was_silent_for_longest_goes() -> None:
    async with behind(Doorway(room=3)) as house:
        first, second, third = await house.come(), await house.come(), await house.come()
        for one in (first, second, third, first):
            assert await answered(one, b"friend")
        fourth = await house.come()
        await put_out(second)
        for one in (first, third, fourth):
            assert await answered(one, b"friend")


async def test_a_crowd_of_friends_pushes_out_its_own() -> None:
    async with behind(Doorway(room=4)) as house:
        alone = await house.come()
        assert await answered(alone, b"friend")
        crowd = [await house.come("127.0.0.2") for _ in range(3)]
        for one in crowd:
            assert await answered(one, b"friend")
        assert await answered(await house.come("127.0.0.2"), b"friend")
        await put_out(crowd[0])
        assert await answered(alone, b"anything"), "silent for longer than all of them, but alone"


async def test_who_does_not_shake_hands_stands_in_the_doorway_too(tmp_path: Path) -> None:
    """Of twenty that begin no handshake four stand there at once, and a client of TLS comes in past them."""
    root = authority(tmp_path, "ec")
    served, asked = root.issue("here"), root.issue("there")
    async with behind(Doorway(most=4), openadr_server_context(served.files)) as house:
        crowd = [await house.come("127.0.0.2") for _ in range(20)]
        for one in crowd[:16]:
            await put_out(one)
        context = openadr_client_context(asked.files, check_host=False)
        line = await asyncio.open_connection("127.0.0.1", house.port, ssl=context, server_hostname="here")
        assert await answered(line, b"friend")
        assert await answered(line, b"anything")
        line[1].close()


async def test_a_handshake_that_does_not_end_is_ended(tmp_path: Path) -> None:
    served = authority(tmp_path, "ec").issue("here")
    async with behind(Doorway(patience_s=0.2), openadr_server_context(served.files)) as house:
        silent, half, rude = await house.come(), await house.come(), await house.come()
        half[1].write(b"\x16\x03\x01\x02\x00")  # the head of a first record (RFC 5246, 6.2.1)
        rude[1].write(b"GET /friend HTTP/1.1\r\n\r\n")
        for one in (silent, half):
            await put_out(one)
        with suppress(ConnectionResetError):
            assert not (await rude[0].read()).startswith(b"HTTP")
