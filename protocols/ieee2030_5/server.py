"""A 2030.5 utility server that listens: TLS for devices, plain HTTP for its operator, one mind behind both.

Nothing is decided here. What a request changes is kept first and answered after, one such request at a time, so that
what a peer was told survives a crash.
"""

import asyncio
import hmac
import json
import logging
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from grid_functions.model.errors import ConfigurationFault, LedgerUnavailable, OurFault, Refused, Unreachable
from protocols.doorway import Doorway
from protocols.ieee2030_5.archive import Store
from protocols.ieee2030_5.desk.admin import Admin, refused
from protocols.ieee2030_5.desk.exchange import MAX_BODY_BYTES, Answer, Reply, Request
from protocols.ieee2030_5.desk.mischief import Mischief
from protocols.ieee2030_5.desk.records import WHOLE_SERVER, Settings
from protocols.ieee2030_5.desk.shelf import Change, Put, Shelf, View, is_kept
from protocols.ieee2030_5.desk.tree import Desk

T = TypeVar("T")

MIN_TOKEN = 16

_NAME = "osed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityServerSettings:
    """Where to listen (port 0 = a free one), and the token that the operator must bring: 16 ASCII characters or more.

    The operator's side is plain HTTP: keep `admin_host` on loopback, or a proxy with TLS before it.

    `body_s`: how long a body may take to arrive. `idle_s`: how long a connection may rest. A connection that has not brought a request of
    a device, or of the operator with the token, is the doorway's to end.
    """

    admin_token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    admin_host: str = "127.0.0.1"
    admin_port: int = 0
    body_s: float = 30.0
    idle_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply, for a log: `side` is device or admin, `who` the peer's LFDI or address."""

    side: str
    who: str
    method: str
    path: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class UtilityServer:
    """A running server: the ports it got, and its operator's desk without the way over HTTP."""

    port: int
    admin_port: int
    operate: Callable[[Request], Awaitable[Reply]]

    async def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the operator's API answers, parsed. Refused with its reason and status if it says no."""
        parts = urlsplit(path)
        sent = b"" if body is None else json.dumps(body).encode()
        reply = await self.operate(Request(method=method, path=parts.path, query=parts.query, body=sent))
        if reply.status >= 400:
            raise Refused(reply.reason, reply.status)
        return json.loads(reply.body) if reply.body else None


def running(
    settings: UtilityServerSettings,
    *,
    tls: ssl.SSLContext,
    identify: Callable[[bytes], str],
    sfdi_of: Callable[[str], int],
    store: Store,
    clock: Callable[[], float] = time.time,
    draw: Callable[[], int] = lambda: secrets.randbits(32),
    doorways: Callable[[], Doorway],
    told: Callable[[Exchange], None] = lambda _: None,
) -> AbstractAsyncContextManager[UtilityServer]:
    """A server that runs while the context is open.

    `doorways`: one for the devices and one for the operator; `tls` asks for certificates on both sides; `identify`: LFDI
    of a certificate in DER; `sfdi_of`: SFDI of an LFDI; `clock`: UTC as epoch seconds; `draw`: 32 random bits, once in a
    store's life; `told` hears of every exchange.
    Raises ConfigurationFault, LedgerUnavailable, or Unreachable when a port is taken.
    """
    if len(settings.admin_token) < MIN_TOKEN or not settings.admin_token.isascii():
        raise ConfigurationFault((f"admin_token: {MIN_TOKEN} ASCII characters or more are due",))
    if tls.verify_mode is not ssl.CERT_REQUIRED:
        raise ConfigurationFault(("tls: IEEE 2030.5 asks for certificates on both sides",))
    mind = _Mind(Mischief(Desk(sfdi_of)), Admin(sfdi_of), store, clock, draw)
    return _running(settings, tls, identify, mind, doorways, told)


async def serve(
    settings: UtilityServerSettings,
    *,
    tls: ssl.SSLContext,
    identify: Callable[[bytes], str],
    sfdi_of: Callable[[str], int],
    store: Store,
    doorways: Callable[[], Doorway],
    clock: Callable[[], float] = time.time,
    started: Callable[[UtilityServer], None] = lambda _: None,
    told: Callable[[Exchange], None] = lambda _: None,
) -> None:
    """Run until cancelled; `started` hears once that it listens, and where. Otherwise as `running`."""
    context = running(
        settings, tls=tls, identify=identify, sfdi_of=sfdi_of, store=store, doorways=doorways, clock=clock, told=told
    )
    async with context as server:
        started(server)
        await asyncio.Event().wait()


class _Mind:
    """The desks with what they remember: a change is kept, then holds, then is answered."""

    def __init__(
        self, desk: Mischief, admin: Admin, store: Store, clock: Callable[[], float], draw: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._admin = admin
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="utility-store")
        self._clock = clock
        self._draw = draw
        self._shelf = Shelf()
        self._turn = asyncio.Lock()

    async def wake(self) -> None:
        """Recall everything kept; a store without settings is a new one and gets its seed."""
        self._shelf = Shelf(await self._in_thread(self._store.load))
        if self._shelf.get(Settings, WHOLE_SERVER) is None:
            await self._keep((Put(Settings(seed=self._draw())),))

    async def rest(self) -> None:
        """Let go of the store."""
        await self._in_thread(self._store.close)
        self._thread.shutdown(wait=False)

    async def serve(self, request: Request, who: str | None) -> Reply:
        """Answer a device."""
        return await self._take(request, lambda now_s, view: self._desk.answer(request, who, now_s, view))

    async def operate(self, request: Request) -> Reply:
        """Answer the operator, who has shown the token."""
        return await self._take(request, lambda now_s, view: self._admin.answer(request, now_s, view))

    async def _take(self, request: Request, answer: Callable[[float, View], Answer]) -> Reply:
        if request.method in ("GET", "HEAD"):
            found = answer(self._clock(), self._shelf)
            # Who only looks changes nothing that is kept: at most, a trick has struck.
            self._shelf.apply(found.changes)
            return found.reply
        async with self._turn:
            found = answer(self._clock(), self._shelf)
            if found.changes:
                await self._keep(found.changes)
            return found.reply

    async def _keep(self, changes: tuple[Change, ...]) -> None:
        # Tricks hold at once, so that none is miscounted while the disk works, and are gone with the server.
        self._shelf.apply(change for change in changes if not is_kept(change))
        kept = tuple(change for change in changes if is_kept(change))
        if kept:
            await self._in_thread(lambda: self._store.save(kept))
            self._shelf.apply(kept)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def _running(
    settings: UtilityServerSettings,
    tls: ssl.SSLContext,
    identify: Callable[[bytes], str],
    mind: _Mind,
    doorways: Callable[[], Doorway],
    told: Callable[[Exchange], None],
) -> AsyncIterator[UtilityServer]:
    devices, operators = doorways(), doorways()

    async def serve_device(request: web.BaseRequest) -> web.StreamResponse:
        peer = None if request.transport is None else request.transport.get_extra_info("ssl_object")
        certificate = None if peer is None else peer.getpeercert(binary_form=True)
        who = identify(certificate) if certificate else None
        devices.know(request)
        return await exchange(request, "device", who or "", lambda read: mind.serve(read, who))

    async def serve_operator(request: web.BaseRequest) -> web.StreamResponse:
        who = request.remote or ""
        if not _is_token(request, settings.admin_token):
            return await exchange(request, "admin", who, _refuse_stranger)
        operators.know(request)
        return await exchange(request, "admin", who, mind.operate)

    async def exchange(
        request: web.BaseRequest, side: str, who: str, take: Callable[[Request], Awaitable[Reply]]
    ) -> web.StreamResponse:
        reply = await _reply_to(request, take, settings.body_s)
        told(Exchange(side, who, request.method, request.path, reply.status, reply.reason))
        if reply.wait_s:
            await asyncio.sleep(reply.wait_s)
        return _response(request, reply)

    listeners: list[web.ServerRunner] = []
    try:
        await mind.wake()
        for handler, doorway, host, port, context in (
            (serve_device, devices, settings.host, settings.port, tls),
            (serve_operator, operators, settings.admin_host, settings.admin_port, None),
        ):
            runner = web.ServerRunner(_Server(handler, settings.idle_s), shutdown_timeout=1.0)
            await runner.setup()
            listeners.append(runner)
            try:
                await doorway.site(runner, host, port, context).start()
            except OSError as fault:
                where = f"{host}:{port}"
                raise Unreachable(f"cannot listen on {where}: {fault.strerror}", "choose another port, or 0") from fault
        port, admin_port = (int(runner.addresses[0][1]) for runner in listeners)
        yield UtilityServer(port, admin_port, mind.operate)
    finally:
        for runner in listeners:
            await runner.cleanup()
        await mind.rest()


class _Server(web.Server):
    """Connections whose every reply, also to what is no HTTP, has no body but ours."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], idle_s: float) -> None:
        super().__init__(handler, request_factory=_request)
        self._idle_s = idle_s

    def __call__(self) -> RequestHandler:
        loop = asyncio.get_running_loop()
        # auto_decompress off: a body is what was sent, and a small one cannot swell.
        return _Connection(
            self,
            loop=loop,
            keepalive_timeout=self._idle_s,
            lingering_time=2.0,
            auto_decompress=False,
            access_log=_SILENT,
            logger=_SILENT,
        )


class _Connection(RequestHandler):
    """One connection; errors of HTTP itself are answered with an empty body."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp calls when a request is no HTTP, or a handler raised."""
        if exc is not None and not isinstance(exc, HttpProcessingError):
            about = {"message": "a 2030.5 request could not be answered", "exception": exc}
            asyncio.get_running_loop().call_exception_handler(about)
        response = web.Response(status=status, headers={hdrs.SERVER: _NAME})
        response.force_close()
        return response


_SILENT = logging.getLogger(f"{__name__}.http")
_SILENT.setLevel(logging.CRITICAL + 1)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)


def _is_token(request: web.BaseRequest, token: str) -> bool:
    shown = request.headers.get(hdrs.AUTHORIZATION, "").strip()
    scheme, _, credential = shown.partition(" ")
    # Compared in full each time: how long it takes tells nothing of the token.
    same = hmac.compare_digest(credential.strip().encode("utf-8", "surrogateescape"), token.encode())
    return scheme.lower() == "bearer" and same


async def _refuse_stranger(_: Request) -> Reply:
    return refused(401, "Authorization: Bearer with the admin token is due")


async def _reply_to(request: web.BaseRequest, take: Callable[[Request], Awaitable[Reply]], body_s: float) -> Reply:
    expects = request.headers.get(hdrs.EXPECT, "").strip().lower() == "100-continue"
    if expects and request.version >= HttpVersion11 and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with asyncio.timeout(body_s):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return Reply(status=413, reason=f"a body of more than {MAX_BODY_BYTES} bytes")
    except TimeoutError:
        return Reply(status=408, reason=f"the body was not there after {body_s} s")
    url = request.rel_url
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    read = Request(method=request.method, path=url.raw_path, query=url.raw_query_string, headers=headers, body=body)
    try:
        return await take(read)
    except LedgerUnavailable as fault:
        return Reply(status=503, reason=str(fault))
    except OurFault as fault:
        return Reply(status=500, reason=str(fault))


def _cut(transport: asyncio.Transport, reply: Reply) -> None:
    """Say half of the body and go, or go at once."""
    if not reply.body:
        transport.abort()
        return
    head = (
        f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    )
    transport.write(head.encode() + reply.body[: len(reply.body) // 2])
    transport.close()


def _response(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    if reply.cut and request.transport is not None:
        _cut(request.transport, reply)
    headers = {
        hdrs.LOCATION: reply.location,
        hdrs.ALLOW: reply.allow,
        hdrs.CONTENT_TYPE: reply.content_type,
        hdrs.SERVER: _NAME,
    }
    if reply.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    response = web.Response(
        status=reply.status,
        body=reply.body,
        headers={name: value for name, value in headers.items() if value is not None},
    )
    if reply.status in (408, 413):
        response.force_close()
    return response
