"""A simulated charging station on the wire: connects to its central system, and again whenever that is gone. Awaits."""

import asyncio
import base64
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

from adapters.simulator.car import Car
from adapters.simulator.charge_point import ChargePoint

_AGAIN_S: Final = 1.0


class ChargingStation:
    """``url``: of the central system, to which the station's identity is added. ``utc``: seconds since 1970, now."""

    def __init__(
        self,
        point: ChargePoint,
        url: str,
        identity: str,
        utc: Callable[[], float],
        password: bytes | None = None,
        context: ssl.SSLContext | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self.point = point
        self.connections = 0
        self._url, self._utc, self._context, self._sleep = f"{url.rstrip('/')}/{identity}", utc, context, sleep
        self._headers = {}
        if password is not None:
            coded = base64.b64encode(identity.encode() + b":" + password).decode()
            self._headers["Authorization"] = f"Basic {coded}"
        self._socket: ClientWebSocketResponse | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._socket is not None and not self._socket.closed

    async def run(self) -> None:
        """Until cancelled."""
        async with ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(
                        self._url,
                        protocols=[self.point.plan.version.value],
                        headers=self._headers,
                        ssl=True if self._context is None else self._context,
                    ) as self._socket:
                        self.connections += 1
                        await self._converse(self._socket)
                except (ClientError, ConnectionError, TimeoutError):
                    pass
                finally:
                    self._socket = None
                await self._sleep(_AGAIN_S)

    async def plug(self, car: Car | None) -> None:
        """This car, or none, from now on."""
        await self._send(self.point.plug(car, self._utc()))

    async def cut(self) -> None:
        """Lose the connection; it comes back by itself."""
        if self._socket is not None:
            await self._socket.close()

    async def _converse(self, socket: ClientWebSocketResponse) -> None:
        ticking = asyncio.create_task(self._tick(), name="charging station")
        try:
            await self._send(self.point.connected(self._utc()))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._send(self.point.received(message.data, self._utc()))
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            await self._sleep(1.0)
            await self._send(self.point.tick(self._utc()))

    async def _send(self, texts: tuple[str, ...]) -> None:
        for text in texts:
            if self._socket is not None and not self._socket.closed:
                await self._socket.send_str(text)
