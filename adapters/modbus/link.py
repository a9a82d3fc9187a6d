"""The one owner of a Modbus socket or bus. Awaits.

Several units may share a link: some devices accept a single TCP session. One request is in flight unless the device is
known to take more, because many accept only one. On a bus (RTU) there is never more than one: its frames carry no numbers, so a unit that
let a request go unanswered is not asked again until its late answer can no longer be taken for another one.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Final, TypeVar

from adapters.modbus.frames import (
    FrameError,
    Refusal,
    Reply,
    Request,
)
from adapters.modbus.lines import Line, tcp_line
from adapters.modbus.rtu import encode_rtu, reply_size
from adapters.modbus.wire import STILL_BUSY, NoAnswer, Talk, Timer, Waiting, Wire
from grid_functions.model.errors import OurFault, Unreachable

T = TypeVar("T")


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
        self._queued = 0
        self._turns = asyncio.Semaphore(1 if self._line.rtu else max_in_flight)
        self._connecting = asyncio.Lock()
        self._gap = asyncio.Lock()
        self._wire: Wire | None = None
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
    def barred_s(self) -> float:
        """How long every request will fail at once, because a connection may not be tried again before."""
        if self._wire is not None:
            return 0.0
        return max(self._not_before - self._timer(asyncio.get_running_loop()).time(), 0.0)

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
        reply = await self._exchange(request, None, on)
        assert reply is not None
        return reply

    async def converse(self, conversation: Generator[Request, Reply | None, T], *, on: int | None = None) -> T:
        """Carry out the requests a generator yields, sending it each reply, or None where there was no usable one. ``on``: as in
        :meth:`transact`.

        A busy reply is handed over after a pause, so that asking again makes sense. Raises Unreachable when there is no
        connection.
        """
        talk = Talk(conversation)
        request = talk.next(None)
        while request is not None:
            reply: Reply | None
            try:
                reply = await self._exchange(request, talk, on)
            except (NoAnswer, FrameError):
                if talk.over:
                    raise  # the conversation's own
                reply = None
            if talk.over:
                break
            if isinstance(reply, Refusal) and reply.code in STILL_BUSY:
                await _sleep(self._timer(asyncio.get_running_loop()), _BUSY_PAUSE_S)
            request = talk.next(reply)
        result: T = talk.result
        return result

    async def _exchange(self, request: Request, talk: Talk | None, on: int | None) -> Reply | None:
        """One request and its reply; with a ``talk`` also what it asks next, while nobody else waits for a turn. None: the talk is over."""
        self._queued += 1
        try:
            await self._turns.acquire()
        finally:
            self._queued -= 1
        try:
            wire = self._wire
            if wire is None or not (on is None or self.connections == on):
                wire = await self._standing(on)
            if self._quarantines:
                self._check_quarantine(wire, request.unit)
            if self._min_gap_s > 0:
                await self._keep_gap(wire)
                wire = await self._standing(on)  # the device may have hung up meanwhile
            waiting = Waiting(request, wire.loop.create_future(), talk)
            wire.ask(waiting)
            wire.watch(waiting, self._timeout_s + self._on_line_s(request))
            try:
                return await waiting.answer
            except asyncio.CancelledError:
                if not waiting.answer.cancelled():
                    waiting.answer.exception()  # answered in the same moment: nobody is left to be told
                raise
            finally:
                wire.leave(waiting)
                if self._line.rtu and wire.abandon():
                    self._quarantine(wire, request.unit)
                if self._min_gap_s > 0:
                    self._free_at = self._timer(wire.loop).time() + self._min_gap_s
        finally:
            self._turns.release()

    @property
    def flows(self) -> bool:
        """Whether a conversation may ask on as soon as it is answered: nobody waits for a turn, nothing is to be kept between requests."""
        return not self._queued and self._min_gap_s <= 0 and not self._line.rtu

    async def close(self) -> None:
        """Drop the connection for good; requests under way fail as Unreachable. May be called twice."""
        self._closed = True
        if self._wire is not None:
            wire = self._wire
            wire.drop(Unreachable(f"{self.name}: link closed"))
            await wire.gone

    def _timer(self, loop: asyncio.AbstractEventLoop) -> Timer:
        return self._given_timer or loop

    def next_transaction(self, wire: Wire) -> int:
        number = self._transaction + 1 & 0xFFFF
        while number in wire.waiting:
            number = number + 1 & 0xFFFF
        self._transaction = number
        return number

    async def _standing(self, on: int | None) -> Wire:
        """The connection to send on. Asked only when it is a request's turn: while it queued, others may have lost and made one."""
        if on is None:
            return self._wire or await self._connect()
        if self._wire is None or self.connections != on:
            raise Unreachable(f"{self.name}: connection lost; who is there now is not known yet")
        return self._wire

    async def _keep_gap(self, wire: Wire) -> None:
        timer = self._timer(wire.loop)
        async with self._gap:
            while (wait_s := self._free_at - timer.time()) > 0:
                await _sleep(timer, wait_s)
            self._free_at = timer.time() + self._min_gap_s

    async def _connect(self) -> Wire:
        async with self._connecting:
            if self._closed:
                raise OurFault(f"{self.name}: request on a closed link")
            if self._wire is not None:
                return self._wire
            loop = asyncio.get_running_loop()
            timer = self._timer(loop)
            if (wait_s := self._not_before - timer.time()) > 0:
                raise Unreachable(f"{self.name}: not connected, next attempt in {wait_s:.1f} s")
            wire = Wire(self, self._line, timer, loop)
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

    async def _open(self, loop: asyncio.AbstractEventLoop, wire: Wire) -> None:
        await self._line.open(loop, lambda: wire)
        await wire.ready  # a serial line is open before it can be written to

    def _on_line_s(self, request: Request) -> float:
        """How long request and answer are on a serial line, where that takes time: at 2400 baud longer than a device thinks."""
        if not self._line.character_s:
            return 0.0
        return (len(encode_rtu(request)) + reply_size(request)) * self._line.character_s

    def _check_quarantine(self, wire: Wire, unit: int) -> None:
        until_s, _ = self._quarantines.get(unit, (0.0, 0.0))
        if (left_s := until_s - self._timer(wire.loop).time()) > 0:
            raise NoAnswer(f"{self.name}: unit {unit} did not answer; it is asked again in {left_s:.1f} s")

    def _quarantine(self, wire: Wire, unit: int) -> None:
        """Its answer may still come: until it cannot any more, nothing is asked that it could be taken for an answer to."""
        _, before_s = self._quarantines.get(unit, (0.0, 0.0))
        span_s = min(max(self._timeout_s, 2 * before_s), MOST_QUARANTINE_S)
        self._quarantines[unit] = self._timer(wire.loop).time() + span_s, span_s

    def heard(self, wire: Wire, strays: int) -> None:
        """Bytes came: the silence before the next frame is counted from here."""
        self.late_answers += strays
        if self._line.rtu:
            self._free_at = self._timer(wire.loop).time() + self._min_gap_s

    def _pause(self, timer: Timer) -> None:
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), self._pause_max_s)
        self._not_before = timer.time() + self._jitter(self._pause_s / 2, self._pause_s)

    def unheard(self, wire: Wire) -> None:
        """A request was not answered in time."""
        self._unanswered += 1
        if self._unanswered >= self._mute_after:
            wire.drop(Unreachable(f"{self.name}: {self._unanswered} requests unanswered, connection dropped"))

    def answered(self, unit: int) -> None:
        self._unanswered, self._pause_s = 0, 0.0
        if self._quarantines:
            self._quarantines.pop(unit, None)

    def lost(self, wire: Wire) -> None:
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
