"""One request over HTTP: TLS, redirects, limits, bytes in and out. Foreign exceptions end here."""

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog

from grid_functions.model.errors import OurFault
from protocols.ieee2030_5.session.exchange import Failed, Method, Reply, Request
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.namespaces import Dialect
from protocols.ieee2030_5.wire.reader import DEFAULT_LIMITS, Decoded, MalformedBody, decode
from protocols.ieee2030_5.wire.resources import Error
from protocols.ieee2030_5.wire.writer import UnwritableMessage, encode

MEDIA = "application/sep+xml"

AT_ONCE = 4
"""Requests under way at once; connections are kept and shared."""

TIMEOUT = aiohttp.ClientTimeout(total=20.0, connect=10.0)
"""Shorter than the shortest sensible poll window."""

MOST_REDIRECTS = 5

MOST_BODIES = 512
"""Bodies kept to notice an unchanged one."""

_TLS_RECORD = 16 * 1024

_HEADERS = {"Accept": MEDIA, "Accept-Encoding": "identity"}
_MOVED = frozenset({301, 302, 307, 308})
_UNWRITABLE = 422
"""The status a server would give to a message that breaks the schema; ours is never sent."""

_log = structlog.get_logger(__name__)


_MOST_WAIT_S = 3600.0
"""A server that asks for more patience than this gets this much."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    location: str
    retry_after: str = ""
    too_long: bool = False


class Exchanger:
    """A pool of connections to one server, held as a context manager."""

    def __init__(
        self, url: str, ssl_context: ssl.SSLContext | None, dialect: Dialect, monotonic: Callable[[], float]
    ) -> None:
        self._home = urlsplit(url)
        self._ssl = ssl_context
        self._dialect = dialect
        self._monotonic = monotonic
        self._session: aiohttp.ClientSession | None = None
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._bodies: dict[str, tuple[bytes, Decoded[Message]]] = {}

    async def __aenter__(self) -> "Exchanger":
        # asyncio holds a buffer of 256 KiB for every TLS connection; no record is longer than this (RFC 5246, 6.2.1).
        sslproto.SSLProtocol.max_size = _TLS_RECORD
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=True if self._ssl is None else self._ssl, limit=AT_ONCE, keepalive_timeout=75.0
            ),
            timeout=TIMEOUT,
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def exchange(self, request: Request) -> Reply | Failed:
        """Send it, following redirects on the same host; never raises for what a peer or a network does."""
        if self._session is None:
            raise OurFault("an exchange outside the session")
        body: bytes | None = None
        if request.message is not None:
            try:
                body = encode(request.message, dialect=self._dialect)
            except UnwritableMessage as unwritable:
                _log.error("our own message breaks the schema", purpose=request.purpose, why=unwritable.reason)
                now_s = self._monotonic()
                return Reply(id=request.id, status=_UNWRITABLE, sent_s=now_s, received_s=now_s, fault=unwritable.reason)
        async with self._gate:
            url = request.url
            for _ in range(MOST_REDIRECTS + 1):
                sent_s = self._monotonic()
                try:
                    answer = await self._once(self._session, request.method, url, body)
                except TimeoutError:
                    return Failed(request.id, "no answer in time")
                except (aiohttp.ClientError, OSError, ValueError) as error:
                    return Failed(request.id, f"{type(error).__name__}: {error}")
                if answer.status not in _MOVED or not answer.location:
                    return self._reply(request, answer, sent_s, self._monotonic())
                url = self._moved(url, answer.location)
                if not url:
                    return Failed(request.id, f"redirected to another host or scheme: {answer.location[:200]}")
        return Failed(request.id, f"redirected more than {MOST_REDIRECTS} times")

    async def _once(self, session: aiohttp.ClientSession, method: Method, url: str, body: bytes | None) -> _Answer:
        headers = {"Content-Type": MEDIA} if body is not None else None
        async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > DEFAULT_LIMITS.max_bytes:
                    response.close()
                    return _Answer(response.status, b"", "", too_long=True)
            return _Answer(
                response.status,
                b"".join(chunks),
                response.headers.get("Location", ""),
                response.headers.get("Retry-After", ""),
            )

    def _reply(self, request: Request, answer: _Answer, sent_s: float, received_s: float) -> Reply:
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
        kept = self._bodies.pop(url, None)
        decoded = kept[1] if kept is not None and kept[0] == body else decode(body)
        self._bodies[url] = (body, decoded)
        if len(self._bodies) > MOST_BODIES:
            del self._bodies[next(iter(self._bodies))]
        return decoded

    def _moved(self, url: str, location: str) -> str:
        """Where a redirect leads; empty when that is another host or scheme."""
        try:
            there = urljoin(url, location)
            parts = urlsplit(there)
        except ValueError:
            return ""
        return there if (parts.scheme, parts.hostname) == (self._home.scheme, self._home.hostname) else ""


def _asked_wait_s(answer: _Answer) -> float:
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
