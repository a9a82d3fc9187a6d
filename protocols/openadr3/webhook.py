"""Where a VTN posts its notifications: answers the echo challenge, asks for its token, and passes on that something changed."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from grid_functions.model.errors import MalformedMessage, Unreachable
from protocols.doorway import Doorway
from protocols.openadr3.session.terms import Webhook
from protocols.openadr3.wire import notices
from protocols.openadr3.wire.objects import Notification

ECHO = "echo"
"""Name of the challenge's query parameter; the reference VTN asks at the callback's path + "/echo"."""

LONGEST_ECHO = 1024

PATIENCE_S = 30.0
"""For a request to arrive whole; a connection that rests for longer is closed."""

_SILENT = logging.getLogger(f"{__name__}.http")
_SILENT.setLevel(logging.CRITICAL + 1)


@asynccontextmanager
async def listening(
    webhook: Webhook, heard: Callable[[Notification], None], doorway: Doorway, *, patience_s: float = PATIENCE_S
) -> AsyncIterator[int]:
    """The receiver, open behind a doorway; yields its port. Unreachable when the port is taken."""
    path = urlsplit(webhook.callback_url).path.rstrip("/") or ""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.rstrip("/") not in (path, f"{path}/{ECHO}"):
            return web.Response(status=404)
        if request.method == "GET":
            return _echo(request)
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "GET, POST"})
        if not _is_allowed(request, webhook.token):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        if webhook.token:
            doorway.know(request)
        try:
            async with asyncio.timeout(patience_s):
                body = await request.read()
            heard(notices.notification(body))
        except TimeoutError:
            late = web.Response(status=408)
            late.force_close()
            return late
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except MalformedMessage as malformed:
            return web.Response(status=400, text=str(malformed))
        return web.Response(status=200)

    server = web.Server(
        serve,
        request_factory=_request,
        keepalive_timeout=patience_s,
        lingering_time=1.0,
        # A body is what was sent: a small one that swells would hold up the loop, whoever sent it.
        auto_decompress=False,
        access_log=_SILENT,
        logger=_SILENT,
    )
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await doorway.site(runner, webhook.host, webhook.port).start()
        except OSError as fault:
            where = f"{webhook.host}:{webhook.port}"
            raise Unreachable(f"cannot listen on {where}: {fault.strerror}", "choose another port") from fault
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _echo(request: web.BaseRequest) -> web.StreamResponse:
    challenge = request.query.get(ECHO)
    if challenge is None or len(challenge) > LONGEST_ECHO:
        return web.Response(status=400)
    return web.Response(text=challenge, headers={"X-Content-Type-Options": "nosniff"})


def _is_allowed(request: web.BaseRequest, token: str) -> bool:
    if not token:
        return True
    scheme, _, shown = request.headers.get("Authorization", "").strip().partition(" ")
    same = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), token.encode())
    return scheme.lower() == "bearer" and same


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=notices.MOST_BYTES)
