"""One request over HTTP: TLS, limits, JSON in and out. Foreign exceptions end here."""

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import aiohttp
import structlog

from grid_functions.model.errors import MalformedMessage, OurFault
from protocols.exchange import Failed
from protocols.openadr3.session.exchange import Method, Reply, Request
from protocols.openadr3.wire import document

AT_ONCE = 4
"""Requests under way at once; connections are kept and shared."""

TIMEOUT = aiohttp.ClientTimeout(total=30.0, connect=10.0)

APART_BYTES = 64 * 1024
"""Bodies from here on are parsed in a thread of their own: a megabyte holds the loop for tens of milliseconds."""

MOST_BODIES = 64
MOST_KEPT_BYTES = 16 * 1024 * 1024
"""Bodies kept to notice an unchanged one, and how long they are together: what was read from one takes ten times as much."""

_MOST_WAIT_S = 3600.0
"""A VTN that asks for more patience than this gets this much."""

_log = structlog.get_logger(__name__)


class Exchanger:
    """A pool of connections to one VTN, held as a context manager. ``ssl_context`` None = the system's authorities."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        self._ssl = ssl_context
        self._session: aiohttp.ClientSession | None = None
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._bodies: dict[str, tuple[bytes, Any]] = {}
        self._kept_bytes = 0

    async def __aenter__(self) -> "Exchanger":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=True if self._ssl is None else self._ssl, limit=AT_ONCE, keepalive_timeout=75.0
            ),
            timeout=TIMEOUT,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
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
        """Send it; never raises for what a peer or a network does. Redirects are not followed: a token goes to one address only."""
        if self._session is None:
            raise OurFault("an exchange outside the session")
        async with self._gate:
            try:
                return await self._once(self._session, request)
            except TimeoutError:
                return Failed(request.id, "no answer in time")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return Failed(request.id, f"{type(error).__name__}: {error}"[:300])

    async def _once(self, session: aiohttp.ClientSession, request: Request) -> Reply:
        headers: dict[str, str] = {}
        if request.bearer:
            headers["Authorization"] = f"Bearer {request.bearer}"
        elif request.basic is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(*request.basic)
        data: bytes | aiohttp.FormData | None = None
        if request.form:
            data = aiohttp.FormData(request.form)
        elif request.json is not None:
            data = document.written(request.json)
            headers["Content-Type"] = "application/json"
        async with session.request(
            request.method, request.url, data=data, headers=headers, allow_redirects=False
        ) as response:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > document.MOST_BYTES:
                    response.close()
                    fault = f"a body of more than {document.MOST_BYTES} bytes"
                    return Reply(id=request.id, status=response.status, fault=fault)
            json, fault = await self._parsed(request, b"".join(chunks))
            if response.status >= 400:
                words = b"".join(chunks)[:500].decode(errors="replace")
                _log.info("the VTN said why", purpose=request.purpose, status=response.status, body=words)
            return Reply(
                id=request.id,
                status=response.status,
                json=json,
                fault=fault,
                length=size,
                date_s=_date_s(response.headers.get("Date", "")),
                retry_s=_patience_s(response.headers.get("Retry-After", "")) if response.status >= 400 else 0.0,
            )

    async def _parsed(self, request: Request, body: bytes) -> tuple[Any, str]:
        """The JSON and what is wrong with it; the very same object for the same bytes, so that everything after it can tell."""
        if not body.strip():
            return None, ""
        kept = self._bodies.pop(request.url, None) if request.method is Method.GET else None
        self._kept_bytes -= 0 if kept is None else len(kept[0])
        try:
            if kept is not None and kept[0] == body:
                json = kept[1]
            elif len(body) < APART_BYTES:
                json = document.read(body)
            else:
                json = await asyncio.to_thread(document.read, body)
        except MalformedMessage as malformed:
            return None, str(malformed)
        if request.method is Method.GET:
            self._bodies[request.url] = (body, json)
            self._kept_bytes += len(body)
            while len(self._bodies) > MOST_BODIES or self._kept_bytes > MOST_KEPT_BYTES:
                self._kept_bytes -= len(self._bodies.pop(next(iter(self._bodies)))[0])
        return json, ""


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _patience_s(text: str) -> float:
    """Retry-After in seconds. Interpretation: one that is a date is passed over: whose clock it is by is not known."""
    told = text.strip()
    return min(float(told), _MOST_WAIT_S) if told.isascii() and told.isdigit() else 0.0
