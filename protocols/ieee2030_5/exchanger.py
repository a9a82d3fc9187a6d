"""One request over HTTP: TLS, redirects, limits, bytes in and out. Foreign exceptions end here."""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import structlog

from grid_functions.model.errors import OurFault
from protocols.exchange import Failed
from protocols.ieee2030_5.connection import Answer, Connection, NoAnswer, Wrapping, connect
from protocols.ieee2030_5.session.exchange import Method, Reply, Request
from protocols.ieee2030_5.wire.excerpt import Known, decode_beside
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import Dialect
from protocols.ieee2030_5.wire.reader import DEFAULT_LIMITS, Decoded, MalformedBody, decode
from protocols.ieee2030_5.wire.resources import Error
from protocols.ieee2030_5.wire.writer import UnwritableMessage, encode

MEDIA = "application/sep+xml"

CONNECT_S = 10.0
"""For an address to be found and a connection to stand, over all addresses of the server."""

BUSY_S = 3.0
"""A request waits so long for the one before it; then it takes a connection of its own, so that none is held up by a server that dwells."""

MOST_MORE = 3
"""Connections at once beside the one that is kept."""

MOST_REDIRECTS = 5

MOST_BODIES = 512
"""Bodies kept to notice an unchanged one."""

_PORTS = {"http": 80, "https": 443}
_AS_IT_IS = "%/:?@!$&'()*+,;=~-._[]"
"""Characters that stand for themselves in a request (RFC 3986, 3.3 and 3.4), what is escaped already included."""

_PLAIN = re.compile(r"/[A-Za-z0-9_~/.-]*(?:\?[A-Za-z0-9_=&-]+)?").fullmatch
"""Requests with nothing to escape: nearly all."""

_MOVED = frozenset({301, 302, 307, 308})
_UNWRITABLE = 422
"""The status a server would give to a message that breaks the schema; ours is never sent."""

_log = structlog.get_logger(__name__)


_MOST_WAIT_S = 3600.0
"""A server that asks for more patience than this gets this much."""


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int

    def head(self) -> str:
        """Fields of every request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"Host: {host}{port}\r\nAccept: {MEDIA}\r\nAccept-Encoding: identity\r\nUser-Agent: osed-gateway\r\n"


class Exchanger:
    """One kept connection to one server, held as a context manager; requests go over it in order."""

    def __init__(
        self, url: str, ssl_context: Wrapping | None, dialect: Dialect, monotonic: Callable[[], float]
    ) -> None:
        self._home, self._prefix = _split(url)[0], f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        self._head = self._home.head()
        self._ssl = ssl_context
        self._dialect = dialect
        self._monotonic = monotonic
        self._open = False
        self._kept: Connection | None = None
        self._turn = asyncio.Lock()
        self._more = asyncio.Semaphore(MOST_MORE)
        self._bodies: dict[str, Known] = {}

    async def __aenter__(self) -> "Exchanger":
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    async def exchange(self, request: Request) -> Reply | Failed:
        """Send it, following redirects on the same host; never raises for what a peer or a network does."""
        if not self._open:
            raise OurFault("an exchange outside the session")
        body: bytes | None = None
        if request.message is not None:
            try:
                body = encode(request.message, dialect=self._dialect)
            except UnwritableMessage as unwritable:
                _log.error("our own message breaks the schema", purpose=request.purpose, why=unwritable.reason)
                now_s = self._monotonic()
                return Reply(id=request.id, status=_UNWRITABLE, sent_s=now_s, received_s=now_s, fault=unwritable.reason)
        url = request.url
        for _ in range(MOST_REDIRECTS + 1):
            try:
                sent_s, answer = await self._once(request.method, url, body)
            except (NoAnswer, OSError, ValueError) as error:
                return _failed(request, error)
            if answer.status not in _MOVED or not answer.location:
                return self._reply(request, answer, sent_s, self._monotonic())
            url = self._moved(url, answer.location)
            if not url:
                return Failed(request.id, f"redirected to another host or scheme: {answer.location[:200]}")
        return Failed(request.id, f"redirected more than {MOST_REDIRECTS} times")

    def hurry(self, request: Request, told: Callable[[Reply | Failed | None], None]) -> bool:
        """A GET over the kept connection, if that is free: nearly all there is to send, and not worth a task each.

        ``told`` is called with its end, or with None if it needs :meth:`exchange` after all. False = so it does from the beginning.
        """
        kept, target = self._kept, request.url.removeprefix(self._prefix)
        if kept is None or not kept.usable or request.method is not Method.GET or not _PLAIN(target):
            return False
        if self._turn.locked() or not _at_once(self._turn.acquire()):
            return False
        sent_s = self._monotonic()

        def ended(outcome: Answer | Exception) -> None:
            self._turn.release()
            if not self._open:
                return
            match outcome:
                case Answer() if outcome.status in _MOVED and outcome.location:
                    told(None)
                case Answer():
                    told(self._reply(request, outcome, sent_s, self._monotonic()))
                case NoAnswer(untouched=True):
                    told(None)
                case _:
                    told(_failed(request, outcome))

        kept.begin(f"GET {target} HTTP/1.1\r\n{self._head}\r\n".encode("ascii"), ended)
        return True

    async def _once(self, method: Method, url: str, body: bytes | None) -> tuple[float, Answer]:
        """When it was sent, and the answer."""
        target = url.removeprefix(self._prefix)
        origin, target = (self._home, target) if target is not url and _PLAIN(target) else _split(url)
        media = "" if body is None else f"Content-Type: {MEDIA}\r\nContent-Length: {len(body)}\r\n"
        sent = f"{method} {target} HTTP/1.1\r\n{origin.head()}{media}\r\n".encode("ascii") + (body or b"")
        if origin == self._home and await self._granted():
            try:
                return await self._over_kept(origin, sent, again=method is not Method.POST)
            finally:
                self._turn.release()
        async with self._more:
            connection = await self._connected(origin)
            try:
                return self._monotonic(), await connection.ask(sent)
            finally:
                connection.close()

    async def _granted(self) -> bool:
        """Whether the kept connection is ours now, to be released after use."""
        if not self._turn.locked():
            return await self._turn.acquire()
        try:
            async with asyncio.timeout(BUSY_S):
                return await self._turn.acquire()
        except TimeoutError:
            return False

    async def _over_kept(self, origin: _Origin, sent: bytes, *, again: bool) -> tuple[float, Answer]:
        """``again``: it may be sent twice, so a connection that the server closed in the same moment costs nothing (RFC 9110, 9.2.2)."""
        while True:
            kept = self._kept
            if kept is None or not kept.usable:
                kept = self._kept = await self._connected(origin)
            sent_s = self._monotonic()
            try:
                return sent_s, await kept.ask(sent)
            except NoAnswer as none:
                if not (again and none.untouched):
                    raise

    async def _connected(self, origin: _Origin) -> Connection:
        """OSError of the last address, if none of them answers; each has its share of the time."""
        loop = asyncio.get_running_loop()
        context = None if origin.scheme == "http" else self._ssl or ssl.create_default_context()
        async with asyncio.timeout(CONNECT_S):
            found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        fault: OSError = OSError(f"{origin.host} has no address")
        for family, _, _, _, address in found:
            try:
                async with asyncio.timeout(CONNECT_S / len(found)):
                    return await connect(family, address, context, origin.host)
            except OSError as refused:  # TimeoutError is one too
                fault = refused
        raise fault

    def _reply(self, request: Request, answer: Answer, sent_s: float, received_s: float) -> Reply:
        decoded: Decoded[Message] | None = None
        fault = f"a body of more than {DEFAULT_LIMITS.max_bytes} bytes" if answer.too_long else ""
        if answer.status >= 400 and answer.body:
            _log.info(
                "the server said why",
                purpose=request.purpose,
                url=request.url,
                status=answer.status,
                body=answer.body[:500].decode(errors="replace"),
            )
        elif request.method is Method.GET and answer.body.strip():
            try:
                decoded = self._decode(request.url, answer.body)
            except MalformedBody as malformed:
                fault = malformed.reason
        return Reply(
            id=request.id,
            status=answer.status,
            sent_s=sent_s,
            received_s=received_s,
            body=decoded,
            fault=fault,
            location=answer.location,
            retry_s=_asked_wait_s(answer) if answer.status >= 400 else 0.0,
        )

    def _decode(self, url: str, body: bytes) -> Decoded[Message]:
        """The very same object for the same bytes, so that everything after it can tell that nothing changed."""
        known = self._bodies.pop(url, None)
        self._bodies[url] = known = decode_beside(body, known)
        if len(self._bodies) > MOST_BODIES:
            del self._bodies[next(iter(self._bodies))]
        return known.decoded

    def _moved(self, url: str, location: str) -> str:
        """Where a redirect leads; empty when that is another host or scheme."""
        try:
            there = urljoin(url, location)
            leads, home = _split(there)[0], self._home
        except ValueError:
            return ""
        return there if (leads.scheme, leads.host) == (home.scheme, home.host) else ""


def _failed(request: Request, error: Exception) -> Failed:
    why = "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
    return Failed(request.id, why)


def _at_once(work: Coroutine[Any, Any, Any]) -> bool:
    """Whether this was done without waiting; what would wait is not done."""
    try:
        work.send(None)
    except StopIteration:
        return True
    work.close()
    return False


def _split(url: str) -> tuple[_Origin, str]:
    """Where to connect, and what to ask for there. ValueError for what is no address of HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"not an address of HTTP: {url[:200]}")
    target = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_AS_IT_IS)
    return _Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]), target


def _asked_wait_s(answer: Answer) -> float:
    """How long the server asks us to wait: Retry-After in seconds, else maxRetryDuration of an Error; 0 = it does not say.

    Interpretation: a Retry-After that is a date is passed over: whose clock it is by is not known.
    """
    told = answer.retry_after.strip()
    if told.isascii() and told.isdigit():
        return min(float(told), _MOST_WAIT_S)
    try:
        message = decode(answer.body).message if answer.body.strip() else None
    except MalformedBody:
        return 0.0
    return min(float(message.maxRetryDuration or 0), _MOST_WAIT_S) if isinstance(message, Error) else 0.0
