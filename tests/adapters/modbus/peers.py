"""A TCP server that does what its script says, and a timer that only moves when told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.modbus.link import Link
from adapters.modbus.wire import Handle

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """The next whole request frame."""
        head = await self.reader.readexactly(6)
        return head + await self.reader.readexactly(int.from_bytes(head[4:6], "big"))

    async def send(self, *chunks: bytes) -> None:
        """Send chunks, each as a segment of its own as far as the loop allows."""
        for chunk in chunks:
            self.writer.write(chunk)
            await self.writer.drain()
            await asyncio.sleep(0)

    def reset(self) -> None:
        """Hang up with RST."""
        self.writer.transport.abort()


class Scripted:
    """A server that runs one script per connection, the last one for all further ones."""

    def __init__(self, scripts: tuple[Script, ...]) -> None:
        self._scripts = list(scripts)
        self.port = 0
        self.accepted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            await script(Peer(reader, writer))
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[Scripted]:
    """A scripted server on a port of the system's choice."""
    peer = Scripted(scripts)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield peer


def answer(request: bytes, pdu: str) -> bytes:
    """A frame with the transaction id and unit of ``request`` and this PDU."""
    body = bytes.fromhex(pdu)
    return request[:4] + (len(body) + 1).to_bytes(2, "big") + request[6:7] + body


class _Call:
    def __init__(self, at: float, callback: Callable[[], object]) -> None:
        self.at = at
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class StillTimer:
    """Time that stands still until ``advance``."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls: list[_Call] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Handle:
        call = _Call(self.now + delay, callback)
        self.calls.append(call)
        return call

    @property
    def due(self) -> list[float]:
        """Seconds from now to each call to come."""
        return sorted(call.at - self.now for call in self.calls if not call.cancelled)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        ready = [call for call in self.calls if call.at <= self.now]
        self.calls = [call for call in self.calls if call.at > self.now]
        for call in ready:
            if not call.cancelled:
                call.callback()


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("never became so")


def link_to(
    peer: Scripted,
    timer: StillTimer | None = None,
    *,
    min_gap_s: float = 0.0,
    max_in_flight: int = 1,
    mute_after: int = 3,
    pause_max_s: float = 30.0,
) -> Link:
    """A link to a scripted server with dice that always fall on the longer side."""
    return Link(
        "127.0.0.1",
        peer.port,
        jitter=lambda _low, high: high,
        timer=timer,
        min_gap_s=min_gap_s,
        max_in_flight=max_in_flight,
        mute_after=mute_after,
        pause_max_s=pause_max_s,
    )
