"""Push mode: the VEN as an HTTP server, at the services below its oadrTransportAddress. Only listens; the session decides."""

import asyncio
import ssl
from types import TracebackType

import structlog
from aiohttp import web

from grid_functions.model.errors import OurFault
from protocols.doorway import Doorway
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.exchanger import MEDIA
from protocols.openadr2b.wire.messages import Service, service_of
from protocols.openadr2b.wire.reader import DEFAULT_LIMITS, MalformedBody

_SERVED = frozenset(Service) - {Service.POLL}
"""What a VEN serves: to be polled is a VTN's part (rule 511)."""

PATIENCE_S = 75.0
"""For a push to arrive whole; a connection that rests for longer is closed."""

_log = structlog.get_logger(__name__)


class PushServer:
    """Listens for one client, held as a context manager. ``port`` 0: the system's choice, told by :attr:`port`."""

    def __init__(
        self,
        client: Client2b,
        doorway: Doorway,
        *,
        host: str,
        port: int,
        prefix: str = "/OpenADR2/Simple/2.0b",
        ssl_context: ssl.SSLContext | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client = client
        self._doorway = doorway
        self._host, self._asked_port, self._ssl = host, port, ssl_context
        app = web.Application(client_max_size=DEFAULT_LIMITS.max_bytes)
        app.router.add_route("*", f"{prefix.rstrip('/')}/{{service}}", self._answer)
        self._patience_s = patience_s
        # A body is what was sent: a small one that swells would hold up the loop, whoever sent it.
        self._runner = web.AppRunner(
            app, access_log=None, lingering_time=1.0, keepalive_timeout=patience_s, auto_decompress=False
        )
        self.port = 0

    async def __aenter__(self) -> "PushServer":
        await self._runner.setup()
        await self._doorway.site(self._runner, self._host, self._asked_port, self._ssl).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        """The profile's HTTP codes (clause 9): 404 wrong service, 501 wrong method, 406 not a message; else 200."""
        if request.match_info["service"] not in _SERVED:
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=501)
        if request.content_type != MEDIA or (request.charset or "utf-8").lower() != "utf-8":
            return _refused(406, f"Content-Type must be {MEDIA}")
        if not self._client.held:
            return web.Response(status=503, headers={"Retry-After": "10"})
        service = Service(request.match_info["service"])
        try:
            async with asyncio.timeout(self._patience_s):
                sent = await request.read()
            body = await self._client.codec.read(sent)
            expected = service_of(body.message)
            if expected is not None and expected is not service:
                return _refused(406, f"this message belongs to {expected}")
            answer = self._client.pushed(service, body)
            self._doorway.know(request)
        except TimeoutError:
            return web.Response(status=408, headers={"Connection": "close"})
        except web.HTTPRequestEntityTooLarge:
            return _refused(406, f"more than {DEFAULT_LIMITS.max_bytes} bytes")
        except MalformedBody as malformed:
            _log.warning("a push was not taken", upstream=self._client.name, why=malformed.reason)
            return _refused(403 if malformed.reason.startswith("signature") else 406, malformed.reason)
        except OurFault:
            return web.Response(status=503, headers={"Retry-After": "10"})
        if answer is None:
            return web.Response(status=200, content_type=MEDIA)
        return web.Response(status=200, body=await self._client.codec.written(answer), content_type=MEDIA)


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=why[:500])
