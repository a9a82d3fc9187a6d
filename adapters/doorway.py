"""The doorway of a server: of strangers only so many stand in it, for so long, and the pushiest go first. Awaits: listens, shakes hands.

aiohttp alone waits for ever for a request, and for its end, from as many as come: they would take every file that a process may open.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, cast

from aiohttp import web

STRANGERS: Final = 256
PATIENCE_S: Final = 20.0
"""So long somebody may take to say who he is; a slow hash of each of many that come at once lies within it."""
_HANDSHAKE_S: Final = 10.0


class Doorway:
    """``most`` connections stand in it whose owner nobody knows, each for ``patience_s`` seconds at most; ``room``: for as many is there
    room in all, None = for any number of those who are known."""

    def __init__(self, most: int = STRANGERS, patience_s: float = PATIENCE_S, room: int | None = None) -> None:
        self._most, self._patience_s, self._room = most, patience_s, room
        self._strangers: dict[asyncio.Transport, tuple[str, asyncio.TimerHandle]] = {}
        self._all: dict[asyncio.Transport, str] = {}

    def know(self, request: web.BaseRequest) -> None:
        """Whoever asks this is no stranger: his connection may stay."""
        if request.transport is not None:
            self._admit(request.transport)

    def site(self, runner: web.BaseRunner, host: str, port: int, context: ssl.SSLContext | None = None) -> web.BaseSite:
        """Where a runner listens behind this doorway; port 0 = a free one."""
        return DoorSite(runner, host, port, self, context)

    def enter(self, transport: asyncio.Transport) -> None:
        """A connection has come. Where there is no room the oldest goes of the address that has the most, or who was silent for longest."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        if len(self._strangers) >= self._most:
            self._make_room((at, one) for at, (one, _) in self._strangers.items())
        if self._room is not None and len(self._all) >= self._room:
            self._make_room(self._all.items())
        late = asyncio.get_running_loop().call_later(self._patience_s, self._put_out, transport)
        self._strangers[transport] = address, late
        self._all[transport] = address

    def secured(self, transport: asyncio.Transport, safe: asyncio.Transport) -> None:
        """It speaks TLS from now on, through another transport; whose it is nobody knows yet."""
        if transport in self._strangers:
            address, late = self._strangers.pop(transport)
            late.cancel()
            left_s = max(0.0, late.when() - asyncio.get_running_loop().time())
            late = asyncio.get_running_loop().call_later(left_s, self._put_out, safe)
            self._strangers[safe] = address, late
            self._all[safe] = self._all.pop(transport)

    def heard(self, transport: asyncio.Transport) -> None:
        """It said something."""
        if transport in self._all:
            self._all[transport] = self._all.pop(transport)

    def leave(self, transport: asyncio.Transport) -> None:
        """It has gone."""
        self._admit(transport)
        self._all.pop(transport, None)

    def _admit(self, transport: asyncio.Transport) -> None:
        found = self._strangers.pop(transport, None)
        if found is not None:
            found[1].cancel()

    def _make_room(self, among: Iterable[tuple[asyncio.Transport, str]]) -> None:
        there = list(among)
        pushiest, _ = Counter(address for _, address in there).most_common(1)[0]
        self._put_out(next(transport for transport, address in there if address == pushiest))

    def _put_out(self, transport: asyncio.Transport) -> None:
        self.leave(transport)
        transport.abort()


class DoorSite(web.BaseSite):
    """Where a runner listens: ``TCPSite``, behind a doorway. Who has not ended TLS's handshake stands in it, too."""

    __slots__ = ("_doorway", "_host", "_port")

    def __init__(
        self, runner: web.BaseRunner, host: str, port: int, doorway: Doorway, context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._host, self._port, self._doorway = host, port, doorway

    @property
    def name(self) -> str:
        """Where it is."""
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Returns once it listens. Raises OSError."""
        await super().start()
        served = self._runner.server
        assert served is not None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Visit(served, self._doorway, self._ssl_context), self._host, self._port, backlog=self._backlog
        )


class _Visit(asyncio.Protocol):
    """One connection: all of it is the server's, but that it stands in the doorway and shakes hands there."""

    def __init__(self, serve: Callable[[], asyncio.Protocol], doorway: Doorway, context: ssl.SSLContext | None) -> None:
        self._serve, self._doorway, self._context = serve, doorway, context
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._shaking: asyncio.Task[None] | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Transports of uvloop are no children of asyncio's, but do all that these do.
        came = self._transport = cast("asyncio.Transport", transport)
        self._doorway.enter(came)
        if self._context is None:
            self._begin(came)
        else:
            came.pause_reading()  # the first word is TLS's
            self._shaking = asyncio.get_running_loop().create_task(self._shake(came, self._context))

    async def _shake(self, came: asyncio.Transport, context: ssl.SSLContext) -> None:
        try:
            safe = await asyncio.get_running_loop().start_tls(
                came, self, context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_S
            )
        except OSError:  # TLS's faults are, too, and that it took too long
            safe = None
        if safe is None or self._transport is None:
            self._doorway.leave(came)
            came.abort()
            return
        self._transport = safe
        self._doorway.secured(came, safe)
        self._begin(safe)

    def _begin(self, transport: asyncio.Transport) -> None:
        self._inner = self._serve()
        self._inner.connection_made(transport)
        if self._early:  # said together with the end of the handshake
            self._inner.data_received(bytes(self._early))
            self._early.clear()

    def data_received(self, data: bytes) -> None:
        if self._inner is None:
            self._early += data
            return
        if self._transport is not None:
            self._doorway.heard(self._transport)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._doorway.leave(self._transport)
            self._transport = None
        if self._inner is not None:
            self._inner.connection_lost(exc)
