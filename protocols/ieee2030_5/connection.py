"""One connection to a server: HTTP/1.1 requests one after another, answers taken apart by llhttp and bounded in every direction. Awaits."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import httptools

from protocols.ieee2030_5.wire.reader import DEFAULT_LIMITS

ANSWER_S = 20.0
"""An answer is whole after this, or there is none; shorter than the shortest sensible poll window."""

KEEP_S = 75.0
"""A connection that nobody used for so long is closed."""

_MOST_HEAD = 64 * 1024
_MOST_BYTES = 2 * DEFAULT_LIMITS.max_bytes + _MOST_HEAD
"""Of one answer with all that HTTP wraps around it: chunks of single bytes, trailers."""

_FIELDS = frozenset({b"content-length", b"transfer-encoding", b"location", b"retry-after"})
"""Of the head, what is looked at."""

_RECORD = 16 * 1024
"""No record of TLS is longer (RFC 5246, 6.2.1), so that nothing is left inside it of which the socket would not tell."""

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP brought. ``too_long``: the body was longer than any message, and was not kept."""

    status: int
    body: bytes
    location: str = ""
    retry_after: str = ""
    too_long: bool = False


Told = Callable[["Answer | Exception"], None]


class NoAnswer(Exception):
    """The connection ended first, or what came was not HTTP.

    ``untouched``: it had carried answers before and ended without a byte of this one, as when a server closes what it holds for idle.
    """

    def __init__(self, why: str, *, untouched: bool = False) -> None:
        super().__init__(why)
        self.untouched = untouched


class Wrapping(Protocol):
    """What makes a socket speak TLS: an SSLContext, or whatever has one to share."""

    def wrap_socket(
        self, sock: socket.socket, *, do_handshake_on_connect: bool = True, server_hostname: str | None = None
    ) -> ssl.SSLSocket:
        """The connection, over a connected socket."""


async def connect(family: int, address: Any, context: Wrapping | None, host: str) -> "Connection":
    """A connection to this address; OSError, which TLS's faults are too, if there is none. ``host``: whom the certificate must name."""
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, address)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            link = context.wrap_socket(link, server_hostname=host, do_handshake_on_connect=False)
            await _shaken(link)
    except BaseException:
        link.close()
        raise
    return Connection(link)


class Connection:
    """Carries one request at a time; whoever asks takes care of that.

    It reads and writes its socket itself: a transport of asyncio takes three times the memory under TLS, and half of what a poll costs.
    """

    __slots__ = (
        "_answered",
        "_body",
        "_bytes",
        "_ended",
        "_headed",
        "_headers",
        "_late_s",
        "_link",
        "_loop",
        "_parser",
        "_ready",
        "_size",
        "_timer",
        "_to_end",
        "_told",
        "_unsent",
    )

    def __init__(self, link: socket.socket) -> None:
        """``link``: connected, its handshake done, never waiting."""
        self._loop = asyncio.get_running_loop()
        self._link: socket.socket | None = link
        self._told: Told | None = None
        self._ready: tuple[Told, Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late_s = 0.0
        self._answered = False
        self._ended = ""
        self._unsent = b""
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        # What every client forgives: bare line feeds, blanks after a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._clear()
        self._loop.add_reader(link.fileno(), self._readable)

    @property
    def usable(self) -> bool:
        """Whether a request may be sent."""
        return self._link is not None

    async def ask(self, request: bytes) -> Answer:
        """Send these bytes, return the answer to them. NoAnswer, or TimeoutError; after either the connection is closed."""
        waiter: asyncio.Future[Answer] = self._loop.create_future()

        def told(outcome: Answer | Exception) -> None:
            if waiter.done():
                return
            if isinstance(outcome, Answer):
                waiter.set_result(outcome)
            else:
                waiter.set_exception(outcome)

        self.begin(request, told)
        try:
            return await waiter
        except asyncio.CancelledError:  # the answer under way would be taken for the next one's
            self.close()
            raise

    def begin(self, request: bytes, told: Told) -> None:
        """As :meth:`ask`; ``told`` is called with the answer, or with what :meth:`ask` would raise."""
        self._told = told
        if self._link is None:
            self._fail(NoAnswer(self._ended, untouched=self._answered))
            return
        self._wait(ANSWER_S)
        self._unsent = request
        self._write()
        if self._link is not None and self._unsent:
            self._loop.add_writer(self._link.fileno(), self._write_on)

    def close(self, why: str = "closed by us") -> None:
        """End it now, with TLS's own goodbye."""
        link, self._link = self._link, None
        self._ended = self._ended or why
        if self._timer is not None:
            self._timer.cancel()
        self._parser = self._timer = None
        if link is not None:
            self._loop.remove_reader(link.fileno())
            self._loop.remove_writer(link.fileno())
            if isinstance(link, ssl.SSLSocket):
                with suppress(OSError):
                    link.unwrap()  # whose goodbye is not answered is not waited for
            link.close()
        self._fail(NoAnswer(self._ended))

    # Of the socket

    def _write(self) -> None:
        if self._link is None:
            return
        try:
            self._unsent = self._unsent[self._link.send(self._unsent) :]
        except _NOT_NOW:
            pass
        except OSError as fault:
            self._lost(fault)

    def _write_on(self) -> None:
        self._write()
        if self._link is not None and not self._unsent:
            self._loop.remove_writer(self._link.fileno())

    def _readable(self) -> None:
        if self._link is None:
            return
        try:
            data = self._link.recv(_RECORD)
        except _NOT_NOW:
            return
        except OSError as fault:
            self._lost(fault)
            return
        if data:
            self._take(data)
        else:
            self._lost(None)

    def _take(self, data: bytes) -> None:
        if self._parser is None:
            return
        self._bytes += len(data)
        if self._bytes > (_MOST_BYTES if self._headed else _MOST_HEAD + len(data)):
            self.close("an answer without end")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            self.close(f"not HTTP: {fault}")
        self._deliver()

    def _lost(self, fault: OSError | None) -> None:
        if self._told is not None and fault is None and self._headed and self._to_end and self._parser is not None:
            # it ends where the connection does (RFC 9112, 6.3)
            self._complete(self._parser.get_status_code(), keep=False)
            self._deliver()
            return
        untouched = self._answered and not self._bytes
        self._ended = self._ended or f"the connection ended{f': {fault}' if fault else ''}"
        self._fail(NoAnswer(self._ended, untouched=untouched))
        self.close()

    # Of httptools

    def on_message_begin(self) -> None:
        """An answer begins."""
        if self._told is None:
            self.close("the server spoke without being asked")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of what trails a chunked body."""
        if not self._headed and (name := name.lower()) in _FIELDS:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        """The body begins."""
        self._headed = True
        self._to_end = not (b"content-length" in self._headers or b"transfer-encoding" in self._headers)

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        if self._parser is None:
            return
        self._body.append(data)
        self._size += len(data)
        if self._size > DEFAULT_LIMITS.max_bytes:
            self._body.clear()
            self._complete(self._parser.get_status_code(), keep=False, too_long=True)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only informational (RFC 9110, 15.2)."""
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._clear()
            return
        self._complete(status, keep=self._parser.should_keep_alive())

    def _complete(self, status: int, *, keep: bool, too_long: bool = False) -> None:
        told, self._told = self._told, None
        headers, body = self._headers, b"".join(self._body)
        self._clear()
        self._answered = True
        if keep:
            self._wait(KEEP_S)
        else:
            self.close("the server keeps no connection")
        if told is not None:
            location, retry_after = headers.get(b"location", b""), headers.get(b"retry-after", b"")
            words = location.decode("latin-1").strip(), retry_after.decode("latin-1").strip()
            self._ready = told, Answer(status, body, *words, too_long)

    def _deliver(self) -> None:
        # Only once all that came was looked at: whoever is told may ask again at once, and what came before is no answer to that.
        if self._ready is not None:
            (told, answer), self._ready = self._ready, None
            told(answer)

    def _clear(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._bytes = self._size = 0
        self._headed = self._to_end = False

    def _wait(self, seconds: float) -> None:
        # One timer that looks again when it was early: most deadlines are moved long before they come.
        self._late_s = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._late_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._late_s, self._late)

    def _late(self) -> None:
        self._timer = None
        if self._loop.time() < self._late_s:
            self._timer = self._loop.call_at(self._late_s, self._late)
            return
        self._fail(TimeoutError())
        self.close("nothing came for too long")

    def _fail(self, fault: Exception) -> None:
        told, self._told = self._told, None
        if told is not None:
            # Soon: it may fail while it is being sent, and whoever sends is not to be told in the middle of it.
            self._loop.call_soon(told, fault)


async def _shaken(link: ssl.SSLSocket) -> None:
    """The handshake, whenever the socket has or takes something."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            link.do_handshake()
            return
        except ssl.SSLWantReadError:
            watch, leave = loop.add_reader, loop.remove_reader
        except ssl.SSLWantWriteError:
            watch, leave = loop.add_writer, loop.remove_writer
        ready = asyncio.Event()
        watch(link.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            leave(link.fileno())
