"""The one owner of a Modbus socket or bus. Awaits.

Several units may share a link: some devices accept a single TCP session. One request is in flight unless the device is
known to take more, because many accept only one. On a bus (RTU) there is never more than one: its frames carry no numbers, so a unit that
let a request go unanswered is not asked again until its late answer can no longer be taken for another one.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Final, Protocol, TypeVar, cast

from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    Deframer,
    FrameError,
    Refusal,
    Reply,
    Request,
    decode_reply,
    encode_request,
)
from adapters.modbus.lines import Line, tcp_line
from adapters.modbus.rtu import RtuDeframer, encode_rtu, reply_size
from grid_functions.model.errors import OurFault, Unreachable

T = TypeVar("T")


class NoAnswer(Unreachable):
    """The connection stands but this request was not answered in time."""


class Handle(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Let it not come."""


class Timer(Protocol):
    """Time as a link needs it; every asyncio event loop is one."""

    def time(self) -> float:
        """Monotonic seconds."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Handle:
        """Call back once after ``delay`` seconds."""


class Link:
    """One connection to ``host``:``port``, or along ``line``, made on demand and made again after it was lost.

    ``timeout_s`` bounds one connection attempt and the answer to one request, counted from its sending; ``min_gap_s``
    is kept between the end of one exchange and the start of the next. After ``mute_after`` unanswered requests in a
    row the connection is taken for dead and dropped. A failed attempt, or a connection that ends without ever having
    answered, opens a pause (doubling up to ``pause_max_s``, shortened by ``jitter(low_s, high_s)``) in which
    requests fail at once. On a bus, requests to a unit that did not answer fail at once for ``timeout_s``, then twice as long, up to
    ``MOST_QUARANTINE_S``, so that a dead device costs its neighbours little; an answer that comes later than that is none.
    """

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        line: Line | None = None,
        jitter: Callable[[float, float], float],
        timeout_s: float = 3.0,
        min_gap_s: float = 0.0,
        max_in_flight: int = 1,
        mute_after: int = 3,
        pause_max_s: float = 30.0,
        timer: Timer | None = None,
    ) -> None:
        self._line = line or tcp_line(host, port)
        self.name: Final = self._line.name
        self.late_answers = 0
        self.connections = 0
        self._jitter = jitter
        self._timeout_s = timeout_s
        self._min_gap_s = max(min_gap_s, self._line.silence_s)
        self._quarantines: dict[int, tuple[float, float]] = {}
        self._mute_after = mute_after
        self._pause_max_s = pause_max_s
        self._given_timer = timer
        self._turns = asyncio.Semaphore(1 if self._line.rtu else max_in_flight)
        self._connecting = asyncio.Lock()
        self._gap = asyncio.Lock()
        self._wire: _Wire | None = None
        self._transaction = 0
        self._unanswered = 0
        self._pause_s = 0.0
        self._not_before = 0.0
        self._free_at = 0.0
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether a connection stands now."""
        return self._wire is not None

    @property
    def under_way(self) -> bool:
        """Whether a connection is being made or a request waits for its answer."""
        return self._connecting.locked() or (self._wire is not None and bool(self._wire.waiting))

    async def transact(self, request: Request, *, on: int | None = None) -> Reply:
        """The device's reply; an exception reply is returned as ``Refusal``. ``on``: over this connection (its number in
        ``connections``) or not at all; None = over any, made anew if there is none.

        Raises NoAnswer (timeout), Unreachable (no connection, or lost while waiting), FrameError (another unit or
        function answered, or garbage), OurFault (the link is closed). A write that raised may have been executed.
        """
        async with self._turns:
            wire = self._wire
            if wire is None or not (on is None or self.connections == on):
                wire = await self._standing(on)
            if self._quarantines:
                self._check_quarantine(wire, request.unit)
            if self._min_gap_s > 0:
                await self._keep_gap(wire)
                wire = await self._standing(on)  # the device may have hung up meanwhile
            transaction = self._next_transaction(wire)
            waiting: asyncio.Future[Reply] = wire.loop.create_future()
            wire.waiting[transaction] = (request, waiting)
            wire.ask(request, transaction)
            patience_s = self._timeout_s + self._on_line_s(request)
            expiry = self._timer(wire.loop).call_later(patience_s, lambda: self._expire(wire, transaction))
            try:
                return await waiting
            except asyncio.CancelledError:
                if not waiting.cancelled():
                    waiting.exception()  # answered in the same moment: nobody is left to be told
                raise
            finally:
                expiry.cancel()
                wire.waiting.pop(transaction, None)
                if self._line.rtu and wire.abandon():
                    self._quarantine(wire, request.unit)
                if self._min_gap_s > 0:
                    self._free_at = self._timer(wire.loop).time() + self._min_gap_s

    async def converse(self, conversation: Generator[Request, Reply | None, T], *, on: int | None = None) -> T:
        """Carry out the requests a generator yields, sending it each reply, or None where there was no usable one. ``on``: as in
        :meth:`transact`.

        A busy reply is handed over after a pause, so that asking again makes sense. Raises Unreachable when there is no
        connection.
        """
        try:
            request = next(conversation)
            while True:
                reply: Reply | None
                try:
                    reply = await self.transact(request, on=on)
                except (NoAnswer, FrameError):
                    reply = None
                if isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY):
                    await _sleep(self._timer(asyncio.get_running_loop()), _BUSY_PAUSE_S)
                request = conversation.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result

    async def close(self) -> None:
        """Drop the connection for good; requests under way fail as Unreachable. May be called twice."""
        self._closed = True
        if self._wire is not None:
            wire = self._wire
            wire.drop(Unreachable(f"{self.name}: link closed"))
            await wire.gone

    def _timer(self, loop: asyncio.AbstractEventLoop) -> Timer:
        return self._given_timer or loop

    def _next_transaction(self, wire: "_Wire") -> int:
        self._transaction = (self._transaction + 1) & 0xFFFF
        while self._transaction in wire.waiting:
            self._transaction = (self._transaction + 1) & 0xFFFF
        return self._transaction

    async def _standing(self, on: int | None) -> "_Wire":
        """The connection to send on. Asked only when it is a request's turn: while it queued, others may have lost and made one."""
        if on is None:
            return self._wire or await self._connect()
        if self._wire is None or self.connections != on:
            raise Unreachable(f"{self.name}: connection lost; who is there now is not known yet")
        return self._wire

    async def _keep_gap(self, wire: "_Wire") -> None:
        timer = self._timer(wire.loop)
        async with self._gap:
            while (wait_s := self._free_at - timer.time()) > 0:
                await _sleep(timer, wait_s)
            self._free_at = timer.time() + self._min_gap_s

    async def _connect(self) -> "_Wire":
        async with self._connecting:
            if self._closed:
                raise OurFault(f"{self.name}: request on a closed link")
            if self._wire is not None:
                return self._wire
            loop = asyncio.get_running_loop()
            timer = self._timer(loop)
            if (wait_s := self._not_before - timer.time()) > 0:
                raise Unreachable(f"{self.name}: not connected, next attempt in {wait_s:.1f} s")
            wire = _Wire(self, loop)
            attempt = loop.create_task(self._open(loop, wire))
            expiry = timer.call_later(self._timeout_s, attempt.cancel)
            try:
                await attempt
            except OSError as error:
                self._pause(timer)
                raise Unreachable(f"{self.name}: {error.strerror or error}") from error
            except asyncio.CancelledError:
                wire.drop(Unreachable(f"{self.name}: connection abandoned"))
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                self._pause(timer)
                raise Unreachable(f"{self.name}: no connection within {self._timeout_s} s") from None
            finally:
                expiry.cancel()
            if self._closed or wire.gone.done():
                wire.drop(Unreachable(f"{self.name}: link closed"))
                self._pause(timer)
                raise Unreachable(f"{self.name}: connection closed at once")
            self._wire = wire
            self._unanswered = 0
            self.connections += 1
            return wire

    async def _open(self, loop: asyncio.AbstractEventLoop, wire: "_Wire") -> None:
        await self._line.open(loop, lambda: wire)
        await wire.ready  # a serial line is open before it can be written to

    def _on_line_s(self, request: Request) -> float:
        """How long request and answer are on a serial line, where that takes time: at 2400 baud longer than a device thinks."""
        if not self._line.character_s:
            return 0.0
        return (len(encode_rtu(request)) + reply_size(request)) * self._line.character_s

    def _check_quarantine(self, wire: "_Wire", unit: int) -> None:
        until_s, _ = self._quarantines.get(unit, (0.0, 0.0))
        if (left_s := until_s - self._timer(wire.loop).time()) > 0:
            raise NoAnswer(f"{self.name}: unit {unit} did not answer; it is asked again in {left_s:.1f} s")

    def _quarantine(self, wire: "_Wire", unit: int) -> None:
        """Its answer may still come: until it cannot any more, nothing is asked that it could be taken for an answer to."""
        _, before_s = self._quarantines.get(unit, (0.0, 0.0))
        span_s = min(max(self._timeout_s, 2 * before_s), MOST_QUARANTINE_S)
        self._quarantines[unit] = self._timer(wire.loop).time() + span_s, span_s

    def _heard(self, wire: "_Wire", strays: int) -> None:
        """Bytes came: the silence before the next frame is counted from here."""
        self.late_answers += strays
        if self._line.rtu:
            self._free_at = self._timer(wire.loop).time() + self._min_gap_s

    def _pause(self, timer: Timer) -> None:
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), self._pause_max_s)
        self._not_before = timer.time() + self._jitter(self._pause_s / 2, self._pause_s)

    def _expire(self, wire: "_Wire", transaction: int) -> None:
        entry = wire.waiting.pop(transaction, None)
        if entry is None or entry[1].done():
            return
        entry[1].set_exception(NoAnswer(f"{self.name}: no answer within {self._timeout_s} s"))
        self._unanswered += 1
        if self._unanswered >= self._mute_after:
            wire.drop(Unreachable(f"{self.name}: {self._unanswered} requests unanswered, connection dropped"))

    def _answered(self, unit: int) -> None:
        self._unanswered = 0
        self._pause_s = 0.0
        self._quarantines.pop(unit, None)

    def _lost(self, wire: "_Wire") -> None:
        if self._wire is wire:
            self._wire = None
            if not wire.answered:
                self._pause(self._timer(wire.loop))


MOST_QUARANTINE_S: Final = 8.0
_FIRST_PAUSE_S: Final = 0.1
_BUSY_PAUSE_S: Final = 0.5


async def _sleep(timer: Timer, wait_s: float) -> None:
    over = asyncio.Event()
    handle = timer.call_later(wait_s, over.set)
    try:
        await over.wait()
    finally:
        handle.cancel()


class _Wire(asyncio.Protocol):
    """One connection of a link: bytes in, futures resolved."""

    __slots__ = ("_deframer", "_link", "_rtu", "_transport", "answered", "gone", "loop", "ready", "waiting")

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._rtu = RtuDeframer(echo=link._line.echo) if link._line.rtu else None
        self._deframer: Deframer | RtuDeframer = self._rtu or Deframer()
        self._transport: asyncio.Transport | None = None
        self.loop = loop
        self.waiting: dict[int, tuple[Request, asyncio.Future[Reply]]] = {}
        self.answered = False
        self.gone: asyncio.Future[None] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()

    def ask(self, request: Request, transaction: int) -> None:
        """Send a request."""
        if self._rtu is not None:
            self._rtu.expect(request, transaction)
        data = encode_request(request, transaction) if self._rtu is None else encode_rtu(request)
        if self._transport is not None:
            self._transport.write(data)

    def abandon(self) -> bool:
        """Wait for no answer any more; whether one was still waited for."""
        return self._rtu is not None and self._rtu.forget()

    def drop(self, why: Exception) -> None:
        """Abort the connection; everything waiting fails with ``why``."""
        self._link._lost(self)
        self._fail(why)
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.abort()
            # A serial line that is closed tells nobody.
            self.loop.call_soon(self.connection_lost, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance
        if not self.ready.done():
            self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._deframer.feed(data)
        self._link._heard(self, 0 if self._rtu is None else self._rtu.stray())
        try:
            while (frame := self._deframer.next_frame()) is not None:
                entry = self.waiting.pop(frame.transaction, None)
                if entry is None:
                    self._link.late_answers += 1
                    continue
                self.answered = True
                self._link._answered(frame.unit)
                request, waiting = entry
                if waiting.done():
                    continue
                try:
                    waiting.set_result(decode_reply(request, frame))
                except FrameError as error:
                    waiting.set_exception(error)
        except FrameError as error:
            self.drop(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._link._lost(self)
        self._fail(Unreachable(f"{self._link.name}: connection lost{f' ({exc})' if exc else ''}"))
        if not self.gone.done():
            self.gone.set_result(None)

    def _fail(self, why: Exception) -> None:
        entries, self.waiting = self.waiting, {}
        for _, waiting in entries.values():
            if not waiting.done():
                waiting.set_exception(why)
