"""The doorway of a server: of strangers only so many stand in it, for so long, and the pushiest go first. Awaits: only begins to listen.

aiohttp alone waits for ever for a request, and for its end, from as many as come: they would take every file that a process may open.
"""

import asyncio
import ssl
from collections import Counter
from typing import Final, cast

from aiohttp import web

STRANGERS: Final = 256
PATIENCE_S: Final = 20.0
"""So long somebody may take to say who he is; a slow hash of each of many that come at once lies within it."""
_HANDSHAKE_S: Final = 10.0


class Doorway:
    """``most`` connections stand in it whose owner nobody knows, each for ``patience_s`` seconds at most."""

    def __init__(self, most: int = STRANGERS, patience_s: float = PATIENCE_S) -> None:
        self._most, self._patience_s = most, patience_s
        self._strangers: dict[asyncio.Transport, tuple[str, asyncio.TimerHandle]] = {}

    def know(self, request: web.Request) -> None:
        """Whoever asks this is no stranger: his connection may stay."""
        if request.transport is not None:
            self.leave(request.transport)

    def enter(self, transport: asyncio.Transport) -> None:
        """A connection has come. Where there is no room the oldest goes of the address that has the most."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        if len(self._strangers) >= self._most:
            pushiest, _ = Counter(one for one, _ in self._strangers.values()).most_common(1)[0]
            self._put_out(next(at for at, (one, _) in self._strangers.items() if one == pushiest))
        late = asyncio.get_running_loop().call_later(self._patience_s, self._put_out, transport)
        self._strangers[transport] = address, late

    def leave(self, transport: asyncio.Transport) -> None:
        """It has gone, or is known."""
        found = self._strangers.pop(transport, None)
        if found is not None:
            found[1].cancel()

    def _put_out(self, transport: asyncio.Transport) -> None:
        self.leave(transport)
        transport.abort()


class DoorSite(web.BaseSite):
    """Where a runner listens: ``TCPSite``, behind a doorway."""

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
            lambda: _Visit(served(), self._doorway),
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=None if self._ssl_context is None else _HANDSHAKE_S,
        )


class _Visit(asyncio.Protocol):
    """One connection: all of it is the server's, but that it stands in the doorway."""

    def __init__(self, inner: asyncio.Protocol, doorway: Doorway) -> None:
        self._inner, self._doorway = inner, doorway
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Transports of uvloop are no children of asyncio's, but do all that these do.
        self._transport = cast("asyncio.Transport", transport)
        self._doorway.enter(self._transport)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._doorway.leave(self._transport)
        self._inner.connection_lost(exc)
