"""A device at a port that misbehaves when told: a simulated one behind a Modbus server of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from struct import pack

from adapters.modbus.frames import (
    Deframer,
    Frame,
    Read,
    Refusal,
    Registers,
    Reply,
    Write,
    Written,
    decode_request,
    encode_reply,
)
from adapters.simulator.registers import BASE
from adapters.simulator.registers import Refusal as Exceptional
from adapters.simulator.site import Site, advance, write
from tests.adapters.simulator.situations import Hand, put, site

Request = Read | Write


class Rogue:
    """``mute``: answers nothing. ``deaf``: acknowledges writes and forgets them. ``reply`` may answer for it.

    ``asked``: every request that reached it, in order; ``heard``: the writes among them.
    """

    def __init__(self, device: str, hand: Hand) -> None:
        self.device = device
        self.site = site(hand.t_s)
        self.mute = False
        self.deaf = False
        self.reply: Callable[[Request], Reply | None] = lambda request: None
        self.asked: list[Request] = []
        self.port = 0
        self._hand = hand
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def heard(self) -> list[Write]:
        """Every write that reached it."""
        return [request for request in self.asked if isinstance(request, Write)]

    def cut(self) -> None:
        """Every connection is reset."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def become(self, device: str) -> None:
        """Another device answers at the same address from the next connection on."""
        self.device = device
        self.cut()

    def power_cycle(self) -> None:
        """As new, and every connection is lost."""
        self.site = site(self._hand.t_s)
        self.cut()

    def touch(self, model: int, **points: int) -> None:
        """Somebody else writes."""
        self.site = put(self._now(), self.device, model, **points)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        frames = Deframer()
        try:
            while data := await reader.read(1000):
                frames.feed(data)
                while (frame := frames.next_frame()) is not None:
                    if not self.mute:
                        writer.write(self._answer(frame))
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _now(self) -> Site:
        self.site = advance(self.site, self._hand.t_s)[0]
        return self.site

    def _answer(self, frame: Frame) -> bytes:
        request = decode_request(frame)
        assert not isinstance(request, Refusal)
        self.asked.append(request)
        return encode_reply(frame, self.reply(request) or self.usual(request))

    def usual(self, request: Request) -> Reply:
        """What an honest one answers."""
        self._now()
        if isinstance(request, Read):
            at = request.address - BASE
            registers = self.site.registers(self.device)
            if not 0 <= at <= len(registers) - request.count:
                return Refusal(2)
            return Registers(pack(f">{request.count}H", *registers[at : at + request.count]))
        if self.deaf:
            return Written()
        outcome = write(self.site, self.device, request.address, list(request.values))
        if isinstance(outcome, Exceptional):
            return Refusal(outcome)
        self.site = outcome[0]
        return Written()


@asynccontextmanager
async def rogue(device: str, hand: Hand) -> AsyncIterator[Rogue]:
    """A rogue that listens on a port of the system's choice."""
    it = Rogue(device, hand)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        it.cut()
        server.close()
        await server.wait_closed()
