"""The crash: an operation on disk or wire after which this process does nothing more. The ports of a gateway that it can strike.

Every operation is counted before it takes effect and again after, before its result is heard. A cut in the middle of a commit tears
the write-ahead log: of the bytes that were not yet synchronised some arrive, some do not. From the cut on nothing gets out: whatever
still runs until it is cancelled is cancelled by its next operation.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from adapters.modbus.frames import Deframer, Frame, Read, Reply, Write, decode_reply, encode_request
from adapters.modbus.lines import Line
from adapters.modbus.link import Link
from adapters.modbus.wire import Talk
from gateway.store.writer import Statement, Writer, _Work, connect
from protocols.ieee2030_5.connection import Answer
from protocols.ieee2030_5.exchanger import Exchanger
from protocols.ieee2030_5.session.exchange import Method

KINDS = {"ledger": 8, "http": 8, "response": 3, "modbus": 8, "write": 4}
"""Where a cut may strike, and at most how many operations of that kind later. A Response is http too, a write modbus."""

RESPONSES = "/rsps/"
"""Where our server wants them."""

MODBUS_S = 0.004
HTTP_S = 0.02
"""How long one way takes."""

COMMITS_S = (0.003, 0.01, 0.1)
"""How long a commit takes: some cards are slow, so that everything else may be faster."""


class PowerCut(asyncio.CancelledError):
    """This process is no more: nothing that it was about to do happens."""


@dataclass
class Power:
    """The supply of one process. ``arm``: cut at the n-th operation of a kind from then on."""

    chance: Random
    on: bool = True
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    where: str = ""
    torn: tuple[int, int] | None = None
    _kind: str = ""
    _left: int = 0

    def arm(self, kind: str, operations: int) -> None:
        """Cut at that operation of that kind."""
        self._kind, self._left = kind, operations

    def step(self, what: str, *kinds: str) -> None:
        """One operation of these kinds comes to this point, if it does."""
        self.live()
        if self._kind in kinds:
            self._left -= 1
            if self._left == 0:
                self.off(f"{self._kind}, {what}")
                raise PowerCut

    def live(self) -> None:
        """PowerCut when there is no power any more."""
        if not self.on:
            raise PowerCut

    def off(self, where: str) -> None:
        """Cut now."""
        self.on, self.where = False, where
        self.cut.set()


class Disk(Writer):
    """The writer of a book: the real statements on the real file, without its thread. ``kind``: as which it is counted, or not at all."""

    def __init__(self, power: Power, kind: str, path: Path, **more: Any) -> None:
        super().__init__(path, **more)
        self._power, self._kind = power, kind
        self._file = connect(self._path, self._synchronous, self._busy_s, self._max_pages)

    async def _enqueue(self, statements: Sequence[Statement]) -> None:
        power = self._power
        power.step("nothing written yet", self._kind)
        await asyncio.sleep(power.chance.choice(COMMITS_S))
        power.live()
        loop = asyncio.get_running_loop()
        work = _Work(statements, loop, loop.create_future())
        before = self._size()
        self._write_group(self._file, [work])
        try:
            power.step("half of it written", self._kind)
        except PowerCut:
            power.torn = (before, self._size())
            raise
        power.step("written, not heard of", self._kind)
        await work.done

    def close(self) -> None:
        """Let go of the file; a write-ahead log that must last has been copied before."""
        super().close()
        self._file.close()

    def _size(self) -> int:
        beside = self._path.with_name(self._path.name + "-wal")
        return beside.stat().st_size if beside.exists() else 0


class Cable(Link):
    """A link whose other end is the simulated device itself. ``ends``: who answers a frame, by port."""

    def __init__(
        self, power: Power, ends: Mapping[int, Callable[[Frame], Sequence[bytes]]], *, line: Line, **more: Any
    ) -> None:
        super().__init__(line=line, **more)
        self._power, self._end = power, ends[int(line.name.rpartition(":")[2])]
        self._number = 0
        self.connections = 1

    @property
    def connected(self) -> bool:
        return True

    async def _exchange(self, request: Read | Write, talk: Talk | None, on: int | None) -> Reply | None:
        async with self._turns:
            kinds = ("modbus", "write") if isinstance(request, Write) else ("modbus",)
            self._power.step("not sent", *kinds)
            await asyncio.sleep(MODBUS_S)
            self._power.live()
            self._number = (self._number + 1) & 0xFFFF
            answer = b"".join(self._end(_frame(encode_request(request, self._number))))
            self._power.step("carried out, not heard of", *kinds)
            await asyncio.sleep(MODBUS_S)
            self._power.live()
            return decode_reply(request, _frame(answer))


def _frame(data: bytes) -> Frame:
    framer = Deframer()
    framer.feed(data)
    frame = framer.next_frame()
    assert frame is not None
    return frame


Served = Callable[[str, str, bytes], Answer]
"""Method, path with query, body -> answer."""


class Wire(Exchanger):
    """The client's HTTP, with the server's mind where the connection would be."""

    def __init__(self, power: Power, served: Served, *given: Any) -> None:
        super().__init__(*given)
        self._power, self._served = power, served

    async def _once(self, method: Method, url: str, body: bytes | None) -> tuple[float, Answer]:
        parts = urlsplit(url)
        async with self._turn:
            kinds = ("http", "response") if method is Method.POST and parts.path.startswith(RESPONSES) else ("http",)
            self._power.step(f"{method} {parts.path} not sent", *kinds)
            sent_s = self._monotonic()
            await asyncio.sleep(HTTP_S)
            self._power.live()
            answer = self._served(method, f"{parts.path}?{parts.query}", body or b"")
            self._power.step(f"{method} {parts.path} answered, not heard of", *kinds)
            await asyncio.sleep(HTTP_S)
            self._power.live()
            return sent_s, answer
