"""A real HTTP server behind a doorway, and strangers who stand in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from adapters.doorway import DoorSite, Doorway

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
async def behind(doorway: Doorway) -> AsyncIterator[House]:
    """Whoever asks for /friend is known."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/friend":
            doorway.know(request)
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await DoorSite(runner, "127.0.0.1", 0, doorway).start()
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
