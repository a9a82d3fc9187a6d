"""One TCP port of the simulated site: connections in, frames to whoever answers, chunks out in their time. Awaits."""

import asyncio
import math
from typing import Generic, Protocol, TypeVar

from adapters.modbus.frames import Deframer, Frame, FrameError
from adapters.simulator.wire import Chunk

_LOOK_S = 0.02


class Answering(Protocol):
    """Who stands behind a port."""

    @property
    def one_session(self) -> bool:
        """Whether it takes a single connection."""

    @property
    def t_s(self) -> float:
        """Its present second."""

    def muted(self, unit: int) -> bool:
        """Whether the device behind a unit answers nothing until it is let go."""

    def answer(self, frame: Frame, answered_s: float) -> tuple[Chunk, ...]:
        """What goes out; nothing where the request is lost."""


Behind = TypeVar("Behind", bound=Answering)


class Door(Generic[Behind]):
    """Opens on a port of the system's choice, and again on the same. Closing it cuts every connection."""

    def __init__(self, host: str, answers: Behind) -> None:
        self.port = 0
        self.answers = answers
        self._host = host
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def open(self) -> None:
        """OSError: it cannot listen there."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more, hang up on everybody."""
        if self._server is not None:
            self._server.close()
        self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writers and self.answers.one_session:
            writer.transport.abort()
            return
        self._writers.add(writer)
        frames, answered_s = Deframer(), -math.inf
        try:
            while data := await reader.read(4096):
                frames.feed(data)
                while (frame := frames.next_frame()) is not None:
                    answered_s = await self._answer(frame, writer, answered_s)
        except (ConnectionError, FrameError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, frame: Frame, writer: asyncio.StreamWriter, answered_s: float) -> float:
        """When this connection was last answered."""
        while self.answers.muted(frame.unit):  # noqa: ASYNC110 - a site is a value and tells nobody of its changes
            await asyncio.sleep(_LOOK_S)
        chunks = self.answers.answer(frame, answered_s)
        for chunk in chunks:
            if chunk.after_s:
                await asyncio.sleep(chunk.after_s)
            writer.write(chunk.data)
            await writer.drain()
        return self.answers.t_s if chunks else answered_s
