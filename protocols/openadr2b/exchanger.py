"""One request over HTTP: TLS, signatures, limits, bytes in and out. Foreign exceptions end here; nothing long holds up the loop."""

import asyncio
import io
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType

import aiohttp
import structlog

from grid_functions.model.errors import OurFault
from protocols.exchange import Failed
from protocols.openadr2b.session.exchange import Reply, Request
from protocols.openadr2b.wire.messages import Message
from protocols.openadr2b.wire.reader import DEFAULT_LIMITS, Decoded, MalformedBody, decode
from protocols.openadr2b.wire.reports import OadrRegisterReport, OadrUpdateReport
from protocols.openadr2b.wire.writer import UnwritableMessage, encode

MEDIA = "application/xml"

TIMEOUT = aiohttp.ClientTimeout(total=30.0, connect=10.0)

LONG_BYTES = 10_000
"""From here on a document is read in a thread."""

Sign = Callable[[bytes], bytes]
"""A document -> the same document, signed."""

Verify = Callable[[bytes], bytes]
"""A signed document -> the bytes whose digest was verified; ValueError says why it is not believed."""

_GIVE_WAY_S = 0.001
_LANES = 2
_LONG_LINES = 30
_LARGE = 256 * 1024
"""Longer bodies are handed to the transport in pieces."""

_UNWRITABLE = 406
_MOST_WAIT_S = 3600.0
_YEAR_3000_S = 32_503_680_000

_HEADERS = {"Accept": MEDIA, "Accept-Encoding": "identity", "Content-Type": MEDIA}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Codec:
    """Bytes from messages and back, with signatures where both callables are given."""

    sign: Sign | None = None
    verify: Verify | None = None

    async def written(self, message: Message) -> bytes:
        """The document to send. Raises UnwritableMessage."""
        body = await asyncio.to_thread(encode, message) if _is_long(message) else encode(message)
        return body if self.sign is None else await asyncio.to_thread(self.sign, body)

    async def read(self, body: bytes) -> Decoded[Message]:
        """The message in a document. Raises MalformedBody, also for a signature that is not believed."""
        if len(body) > DEFAULT_LIMITS.max_bytes:
            raise MalformedBody(f"{len(body)} bytes, more than {DEFAULT_LIMITS.max_bytes}")
        if self.verify is None and len(body) < LONG_BYTES:
            return decode(body)
        return await asyncio.to_thread(self._read, body)

    def _read(self, body: bytes) -> Decoded[Message]:
        if self.verify is None:
            return decode(body)
        try:
            believed = self.verify(body)
        except ValueError as fault:
            raise MalformedBody(f"signature: {fault}") from None
        return decode(believed)


class Exchanger:
    """Connections to one VTN, held as a context manager."""

    def __init__(
        self, url: str, ssl_context: ssl.SSLContext | None, codec: Codec, monotonic: Callable[[], float]
    ) -> None:
        self._url = url.rstrip("/")
        self._ssl = ssl_context
        self._codec = codec
        self._monotonic = monotonic
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Exchanger":
        # A thread that reads a long document gives way only so often, and the loop asks it at every system call.
        sys.setswitchinterval(min(sys.getswitchinterval(), _GIVE_WAY_S))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=True if self._ssl is None else self._ssl, limit=_LANES, keepalive_timeout=75.0
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
        """Post it; never raises for what a peer or a network does."""
        session = self._session
        if session is None:
            raise OurFault("an exchange outside the session")
        try:
            body = await self._codec.written(request.message)
        except UnwritableMessage as unwritable:
            _log.error("our own message breaks the schema", purpose=request.purpose, why=unwritable.reason)
            now_s = self._monotonic()
            return Reply(id=request.id, status=_UNWRITABLE, sent_s=now_s, received_s=now_s, fault=unwritable.reason)
        sent_s = self._monotonic()
        try:
            async with session.post(
                f"{self._url}/{request.service}",
                data=io.BytesIO(body) if len(body) > _LARGE else body,
                allow_redirects=False,
            ) as response:
                content = await _limited(response)
                received_s = self._monotonic()
                status, headers = response.status, response.headers
        except TimeoutError:
            return Failed(request.id, "no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failed(request.id, f"{type(error).__name__}: {error}")
        decoded, fault = await self._decoded(request, status, content)
        return Reply(
            id=request.id,
            status=status,
            sent_s=sent_s,
            received_s=received_s,
            body=decoded,
            fault=fault,
            date_s=_date_s(headers.get("Date", "")),
            retry_s=_wait_s(headers.get("Retry-After", "")),
        )

    async def _decoded(
        self, request: Request, status: int, content: bytes | None
    ) -> tuple[Decoded[Message] | None, str]:
        if content is None:
            return None, f"a body of more than {DEFAULT_LIMITS.max_bytes} bytes"
        if status != 200:
            if content:
                said = content[:500].decode(errors="replace")
                _log.info("the VTN said why", purpose=request.purpose, status=status, body=said)
            return None, ""
        if not content.strip():
            return None, ""
        try:
            return await self._codec.read(content), ""
        except MalformedBody as malformed:
            return None, malformed.reason


def _is_long(message: Message) -> bool:
    """Whether it is written in a thread."""
    if not isinstance(message, OadrUpdateReport | OadrRegisterReport):
        return False
    return sum(len(report.intervals) + len(report.descriptions) for report in message.reports) > _LONG_LINES


async def _limited(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None if it is too long."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > DEFAULT_LIMITS.max_bytes:
            response.close()
            return None
    return b"".join(chunks)


def _date_s(told: str) -> int | None:
    """The VTN's time. Nobody's is beyond the year 3000: what is made at the end of the calendar could not be written down."""
    try:
        at_s = int(parsedate_to_datetime(told).timestamp())
    except (ValueError, OverflowError):
        return None
    return at_s if at_s < _YEAR_3000_S else None


def _wait_s(told: str) -> float:
    """Retry-After in seconds. Interpretation: one that is a date is passed over, since it is the VTN's own back-off that counts."""
    wait = told.strip()
    return min(float(wait), _MOST_WAIT_S) if wait.isascii() and wait.isdigit() else 0.0
