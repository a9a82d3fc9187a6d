"""A small VTN that listens: for tests, the demonstration and the lab. Nothing is decided here; it keeps nothing over a restart."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import aiomqtt
from aiohttp import web

from grid_functions.model.errors import Refused, Unreachable
from protocols.openadr3.desk.exchange import Notice, Reply, Request
from protocols.openadr3.desk.mischief import Mischief, Trick
from protocols.openadr3.desk.shelf import Shelf
from protocols.openadr3.desk.tokens import Access, Client
from protocols.openadr3.desk.tree import Desk
from protocols.openadr3.wire import document
from protocols.openadr3.wire.edition import Edition

MAX_BODY_BYTES = document.MOST_BYTES

_SILENT = logging.getLogger(f"{__name__}.http")
_SILENT.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VtnSettings:
    """Where to listen (port 0 = a free one) and who may come; no clients = anybody, without a token.

    ``broker``: the MQTT binding that GET /notifiers shows, None = no broker; notifications go to its first address, as ``broker_user``
    with ``broker_password``.
    """

    edition: Edition = Edition.V3_1
    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/openadr3/3.1.0"
    clients: tuple[Client, ...] = ()
    life_s: int = 3600
    broker: Mapping[str, Any] | None = None
    broker_user: str = ""
    broker_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply, for a log."""

    method: str
    path: str
    query: str
    status: int


@dataclass(slots=True)
class Vtn:
    """A running VTN. ``url``: its base address; ``tricks``: how it misbehaves, changed at will; ``sent``: notifications that were
    taken, with the status they met."""

    url: str
    tricks: list[Trick]
    store: Shelf
    _mind: "_Mind"
    sent: list[tuple[Notice, int]] = field(default_factory=list)

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What business logic writes or asks, past all tricks. Refused with status and reason if the VTN says no."""
        sent = b"" if body is None else document.written(body)
        parts = urlsplit(path)
        reply = await self._mind.operate(Request(method, parts.path, tuple(parse_qsl(parts.query)), {}, sent))
        if reply.status >= 400:
            raise Refused(f"{method} {path}: {reply.json}", reply.status)
        return reply.json


def running(
    settings: VtnSettings,
    *,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.time,
    told: Callable[[Exchange], None] = lambda _: None,
) -> AbstractAsyncContextManager[Vtn]:
    """A VTN that runs while the context is open. ``tls`` None = plain HTTP, for a lab. Unreachable when the port is taken."""
    return _running(settings, tls, clock, told)


class _Mind:
    """Desk, tricks and store, and the notifications on their way."""

    def __init__(self, settings: VtnSettings, base: str, clock: Callable[[], float]) -> None:
        access = Access({one.id: one for one in settings.clients}, settings.life_s)
        self.desk = Mischief(Desk(settings.edition, access, settings.broker, base))
        self._logic = Desk(settings.edition, Access(), settings.broker, base)
        self.store = Shelf()
        self.clock = clock
        self.notices: asyncio.Queue[Notice] = asyncio.Queue()

    def serve(self, request: Request) -> Reply:
        """Answer whoever comes."""
        answer = self.desk.answer(request, self.clock(), self.store)
        self.store.apply(answer.changes)
        for notice in answer.notices:
            self.notices.put_nowait(notice)
        return answer.reply

    async def operate(self, request: Request) -> Reply:
        """Answer business logic from inside; what it writes is notified with all the tricks there are."""
        answer = Mischief(self._logic, [one for one in self.desk.tricks if one.does in ("snake", "double")]).answer(
            request, self.clock(), self.store
        )
        self.store.apply(answer.changes)
        for notice in answer.notices:
            self.notices.put_nowait(notice)
        return answer.reply


@asynccontextmanager
async def _running(
    settings: VtnSettings, tls: ssl.SSLContext | None, clock: Callable[[], float], told: Callable[[Exchange], None]
) -> AsyncIterator[Vtn]:
    base = settings.path.rstrip("/")
    mind: _Mind | None = None

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        assert mind is not None
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        if not request.path.startswith(f"{base}/"):
            return web.Response(status=404)
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = tuple(parse_qsl(request.query_string, keep_blank_values=True))
        path = request.path.removeprefix(base)
        reply = mind.serve(Request(request.method, path, query, headers, body))
        told(Exchange(request.method, path, request.query_string, reply.status))
        if reply.wait_s:
            await asyncio.sleep(reply.wait_s)
        if reply.cut and request.transport is not None:
            request.transport.abort()
        return _response(reply)

    # A body is what was sent: a small one that swells would hold up the loop, whoever sent it.
    server = web.Server(serve, request_factory=_request, auto_decompress=False, access_log=_SILENT, logger=_SILENT)
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as fault:
            where = f"{settings.host}:{settings.port}"
            raise Unreachable(f"cannot listen on {where}: {fault.strerror}", "choose another port, or 0") from fault
        port = runner.addresses[0][1]
        url = f"{'http' if tls is None else 'https'}://{settings.host}:{port}{base}"
        mind = _Mind(settings, url, clock)
        vtn = Vtn(url, mind.desk.tricks, mind.store, mind)
        notifying = asyncio.create_task(_notify(mind, settings, vtn))
        try:
            yield vtn
        finally:
            notifying.cancel()
            with suppress(asyncio.CancelledError):
                await notifying
    finally:
        await runner.cleanup()


async def _notify(mind: _Mind, settings: VtnSettings, vtn: Vtn) -> None:
    """Deliver notifications one after the other, each tried once: a receiver that is down hears of nothing."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session:
        while True:
            notice = await mind.notices.get()
            try:
                status = await _deliver(notice, settings, session)
            except (aiohttp.ClientError, aiomqtt.MqttError, TimeoutError, OSError):
                status = 0
            vtn.sent.append((notice, status))


async def _deliver(notice: Notice, settings: VtnSettings, session: aiohttp.ClientSession) -> int:
    if notice.topic:
        assert settings.broker is not None
        parts = urlsplit(settings.broker["URIS"][0])
        async with aiomqtt.Client(
            parts.hostname or "",
            parts.port or 1883,
            username=settings.broker_user or None,
            password=settings.broker_password or None,
        ) as client:
            await client.publish(notice.topic, document.written(notice.body), qos=1)
        return 200
    headers = {"Authorization": f"Bearer {notice.token}"} if notice.token else {}
    async with session.post(notice.url, json=notice.body, headers=headers) as response:
        return response.status


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)


def _response(reply: Reply) -> web.StreamResponse:
    headers = dict(reply.headers)
    date_s = headers.pop("X-Date-S", None)
    if date_s is not None:
        headers["Date"] = formatdate(float(date_s), usegmt=True)
    body = reply.body if reply.body is not None else b"" if reply.json is None else document.written(reply.json)
    return web.Response(status=reply.status, body=body, content_type=reply.content_type, headers=headers)
