"""One connection of a link: bytes in, replies handed over, and what a conversation asks next sent from the same place.

Who may ask when, and how a connection comes about, is the link's (:mod:`.link`).
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol, cast

from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    Deframer,
    FrameError,
    Refusal,
    Reply,
    Request,
    decode_reply,
    good_reply,
)
from adapters.modbus.lines import Line
from adapters.modbus.rtu import RtuDeframer, encode_rtu
from grid_functions.model.errors import Unreachable

STILL_BUSY: Final = (ACKNOWLEDGE, BUSY)
"""Refusals after which asking again makes sense, a little later."""


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


class Owner(Protocol):
    """The link of a connection."""

    @property
    def name(self) -> str:
        """For people."""

    late_answers: int

    @property
    def flows(self) -> bool:
        """Whether a conversation may ask on as soon as it is answered."""

    def next_transaction(self, wire: "Wire") -> int:
        """A number that no request under way has."""

    def heard(self, wire: "Wire", strays: int) -> None:
        """Bytes came, with so many answers among them that nobody waits for."""

    def answered(self, unit: int) -> None:
        """A unit answered."""

    def unheard(self, wire: "Wire") -> None:
        """A request was not answered in time."""

    def lost(self, wire: "Wire") -> None:
        """It stands no more."""


class Talk:
    """A conversation under way: the one place that drives the generator."""

    __slots__ = ("_conversation", "over", "result")

    def __init__(self, conversation: Generator[Request, Reply | None, Any]) -> None:
        self._conversation = conversation
        self.over = False
        self.result: Any = None

    def next(self, reply: Reply | None) -> Request | None:
        """What it asks after this reply; None: it is over, with ``result``. Raises what the conversation raises."""
        try:
            return self._conversation.send(reply)
        except StopIteration as end:
            self.over, self.result = True, end.value
            return None
        except Exception:
            self.over = True
            raise


class Waiting:
    """A request that is not answered yet. ``answer``: resolved with a reply nobody asks on after, or None at the end of ``talk``.

    ``good``: how the frame begins that does what it asks.
    """

    __slots__ = ("answer", "deadline_s", "expiry", "good", "patience_s", "request", "talk", "transaction")

    def __init__(self, request: Request, answer: "asyncio.Future[Reply | None]", talk: Talk | None) -> None:
        self.request, self.answer, self.talk = request, answer, talk
        self.transaction = -1
        self.good = b""
        self.patience_s = self.deadline_s = 0.0
        self.expiry: Handle | None = None


class Wire(asyncio.Protocol):
    """One connection of a link: bytes in, futures resolved."""

    __slots__ = (
        "_deframer",
        "_link",
        "_newest",
        "_rtu",
        "_timer",
        "_transport",
        "answered",
        "gone",
        "loop",
        "ready",
        "waiting",
    )

    def __init__(self, link: Owner, line: Line, timer: Timer, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._rtu = RtuDeframer(echo=line.echo) if line.rtu else None
        self._deframer: Deframer | RtuDeframer = self._rtu or Deframer()
        self._transport: asyncio.Transport | None = None
        self._timer = timer
        self.loop = loop
        self.waiting: dict[int, Waiting] = {}
        self._newest: Waiting | None = None
        self.answered = False
        self.gone: asyncio.Future[None] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()

    def ask(self, waiting: Waiting) -> None:
        """Send its request under a number of its own."""
        transaction = waiting.transaction = self._link.next_transaction(self)
        self.waiting[transaction] = waiting
        if self._rtu is not None:
            self._rtu.expect(waiting.request, transaction)
            data = encode_rtu(waiting.request)
        else:
            number, wording = transaction.to_bytes(2, "big"), waiting.request.wording
            waiting.good = number + wording.answer
            self._newest = waiting
            data = number + wording.asked
        if self._transport is not None:
            self._transport.write(data)

    def watch(self, waiting: Waiting, patience_s: float) -> None:
        """Wait so long for each of its answers, counted from its request's sending."""
        waiting.patience_s = patience_s
        waiting.deadline_s = self._timer.time() + patience_s
        waiting.expiry = self._timer.call_later(patience_s, lambda: self._expire(waiting))

    def leave(self, waiting: Waiting) -> None:
        """It is over, in whatever way."""
        if waiting.expiry is not None:
            waiting.expiry.cancel()
        self.waiting.pop(waiting.transaction, None)

    def abandon(self) -> bool:
        """Wait for no answer any more; whether one was still waited for."""
        return self._rtu is not None and self._rtu.forget()

    def drop(self, why: Exception) -> None:
        """Abort the connection; everything waiting fails with ``why``."""
        self._link.lost(self)
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
        # Nearly always: the one answer that is waited for, whole and alone.
        newest = self._newest
        if (
            newest is not None
            and len(data) == newest.request.wording.size
            and data.startswith(newest.good)
            and not self._deframer.begun
            and self.waiting.pop(newest.transaction, None) is not None
        ):
            self.answered = True
            self._link.answered(newest.request.unit)
            if not newest.answer.done():
                self._take(newest, good_reply(newest.request, data))
            return
        self._deframer.feed(data)
        self._link.heard(self, 0 if self._rtu is None else self._rtu.stray())
        try:
            while (frame := self._deframer.next_frame()) is not None:
                waiting = self.waiting.pop(frame.transaction, None)
                if waiting is None:
                    self._link.late_answers += 1
                    continue
                self.answered = True
                self._link.answered(frame.unit)
                if waiting.answer.done():
                    continue
                try:
                    reply = decode_reply(waiting.request, frame)
                except FrameError as error:
                    waiting.answer.set_exception(error)
                else:
                    self._take(waiting, reply)
        except FrameError as error:
            self.drop(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.lost(self)
        self._fail(Unreachable(f"{self._link.name}: connection lost{f' ({exc})' if exc else ''}"))
        if not self.gone.done():
            self.gone.set_result(None)

    def _take(self, waiting: Waiting, reply: Reply) -> None:
        """Hand a reply over. A conversation that may asks on from here: waking its task for every request costs as much as the request."""
        if waiting.talk is None or not self._link.flows or (isinstance(reply, Refusal) and reply.code in STILL_BUSY):
            waiting.answer.set_result(reply)
            return
        try:
            request = waiting.talk.next(reply)
        except Exception as error:
            waiting.answer.set_exception(error)
            return
        if request is None:
            waiting.answer.set_result(None)
            return
        waiting.request = request
        waiting.deadline_s = self._timer.time() + waiting.patience_s
        self.ask(waiting)

    def _expire(self, waiting: Waiting) -> None:
        """The one timer of a conversation rang: for the request it was set for, or for one that is done."""
        if (left_s := waiting.deadline_s - self._timer.time()) > 0:
            waiting.expiry = self._timer.call_later(left_s, lambda: self._expire(waiting))
            return
        if self.waiting.pop(waiting.transaction, None) is None or waiting.answer.done():
            return
        waiting.answer.set_exception(NoAnswer(f"{self._link.name}: no answer within {waiting.patience_s:.1f} s"))
        self._link.unheard(self)

    def _fail(self, why: Exception) -> None:
        entries, self.waiting = self.waiting, {}
        for waiting in entries.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(why)
