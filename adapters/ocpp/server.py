"""The central system: listens for charging stations, one socket each. Awaits.

Each connector wears the Device port (:class:`Charger`). A station is known as long as one of its connectors runs.
"""

import asyncio
import secrets
import ssl
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from adapters.doorway import Doorway
from adapters.ocpp.access import Access, Passwords, SecurityProfile, certified, password_of
from adapters.ocpp.desk import Desk, Rules
from adapters.ocpp.outlet import Outlet, OutletSettings
from adapters.ocpp.session import DIALECTS, Session
from adapters.sparing import Sparing
from adapters.waiting import pause
from grid_functions.model.device import Seen
from grid_functions.model.errors import Unreachable
from grid_functions.model.ports import Clock
from grid_functions.model.setpoint import Setpoint

_log = structlog.get_logger("ocpp")

Note = Callable[[str, str, Mapping[str, Any]], None]

_TICK_S: Final = 1.0
_LOOK_S: Final = 5.0
"""A charger of which nothing is heard is looked at so often, for its readings age."""
_PING_S: Final = 20.0
_MOST_BYTES: Final = 256 * 1024
_CLOSE_S: Final = 5.0
_LISTEN_AGAIN_S: Final = 5.0
_NOTES, _NOTES_PER_S = 200, 2.0
"""What a station may make us note at once, and each second from then on; a limit and its proof are two notes."""
_RELEASE_S: Final = 20.0
_LEFT_S: Final = 30.0
"""A station of which no connector runs stays connected so long, for it to be released, or taken up by what comes after a reload."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where stations connect: ``ws(s)://HOST:PORT/ANYTHING/STATION``. ``port`` 0: one that is free."""

    host: str
    port: int
    access: Access
    rules: Rules = Rules()  # noqa: RUF009 - it is frozen


class CentralSystem:
    """``context``: the TLS of profiles 2 and 3, which for 3 must ask for certificates."""

    def __init__(self, listening: Listening, clock: Clock, context: ssl.SSLContext | None = None) -> None:
        self._listening, self._clock, self._context = listening, clock, context
        self._passwords = Passwords(secrets.token_bytes(32))
        self._chargers: dict[str, dict[int, Charger]] = {}
        self._desks: dict[str, Desk] = {}
        self._sessions: dict[str, _Connection] = {}
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._checking = asyncio.Semaphore(2)
        self._doorway = Doorway()
        self._noting: dict[str, Sparing] = {}
        self._last_number = 0

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        addresses = self._runner.addresses if self._runner is not None else []
        return int(addresses[0][1]) if addresses else 0

    async def listen(self) -> None:
        """Begin to listen; returns at once when it does. Raises Unreachable where the port cannot be had."""
        async with self._turn:
            if self._runner is not None:
                return
            app = web.Application()
            app.router.add_get("/{path:.*}", self._connect)
            # A body is what was sent: a small one that swells would hold up the loop, whoever sent it.
            runner = web.AppRunner(
                app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0, auto_decompress=False
            )
            await runner.setup()
            try:
                host, port = self._listening.host, self._listening.port
                await self._doorway.site(runner, host, port, self._context).start()
            except OSError as fault:
                await runner.cleanup()
                where = f"{self._listening.host}:{self._listening.port}"
                raise Unreachable(
                    f"cannot listen at {where} ({fault.strerror})", "free the port, or configure another one"
                ) from fault
            self._runner = runner
            self._ticker = asyncio.create_task(self._tick(), name="ocpp")

    async def close(self) -> None:
        """Let go of every station; what they hold stands."""
        async with self._turn:
            if self._ticker is not None:
                self._ticker.cancel()
                await asyncio.gather(self._ticker, return_exceptions=True)
            for connection in tuple(self._sessions.values()):
                await connection.end(WSCloseCode.GOING_AWAY, b"the gateway stops")
            if self._runner is not None:
                await self._runner.cleanup()
            self._runner = self._ticker = None

    def admit(self, charger: "Charger") -> None:
        """From now on its station may connect."""
        settings = charger.outlet.settings
        charger.left_s = None
        mine = self._chargers.setdefault(settings.station, {})
        if mine.get(settings.connector) is not charger:
            mine[settings.connector] = charger
            self._renew(settings.station)

    def dismiss(self, charger: "Charger") -> None:
        """It runs no more."""
        charger.left_s = self._clock.now().mono_s

    def poke(self, station: str) -> None:
        """Something else is wanted of one of its connectors."""
        connection = self._sessions.get(station)
        if connection is not None:
            connection.poke()

    def _renew(self, station: str) -> None:
        """Which connectors are of interest changed: the station is to begin anew."""
        connection = self._sessions.pop(station, None)
        if connection is not None:
            connection.abandon(b"its devices changed")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._forget()
            for station, connection in tuple(self._sessions.items()):
                try:
                    connection.poke()
                except Exception:
                    # A defect of ours ends one connection, not the timers of all the others.
                    _log.exception("a station's session failed", station=station)
                    connection.abandon(b"internal error")

    def _forget(self) -> None:
        now_s = self._clock.now().mono_s
        for station, mine in tuple(self._chargers.items()):
            gone = [at for at, one in mine.items() if one.left_s is not None and now_s - one.left_s >= _LEFT_S]
            for at in gone:
                del mine[at]
            if not mine:
                del self._chargers[station]
            if gone:
                self._renew(station)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        station = request.path.rpartition("/")[2]
        refusal = await self._refusal(request, station)
        if refusal is not None:
            _log.warning("station refused", station=station[:64], remote=request.remote, why=refusal.reason)
            return refusal
        self._doorway.know(request)
        socket = web.WebSocketResponse(
            protocols=tuple(DIALECTS), heartbeat=_PING_S, max_msg_size=_MOST_BYTES, compress=False
        )
        await socket.prepare(request)
        dialect = DIALECTS.get(socket.ws_protocol or "")
        if dialect is None:
            # OCPP-J 1.6, clause 3.1.2: the handshake is completed without a subprotocol, and closed at once.
            await socket.close(code=WSCloseCode.PROTOCOL_ERROR, message=b"speak ocpp1.6 or ocpp2.0.1")
            return socket
        mine = self._chargers.get(station)
        if not mine:
            await socket.close(code=WSCloseCode.GOING_AWAY)
            return socket
        chargers = tuple(mine.values())
        desk = self._desks.setdefault(station, Desk(self._listening.rules, self._number))
        noting = self._noting.setdefault(station, Sparing(_NOTES, _NOTES_PER_S))

        def note(outlet: Outlet | None, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
            unsaid = noting.spared(self._clock.now().mono_s)
            if unsaid is None:
                return
            if unsaid:
                body = {**body, "unsaid": unsaid}
            # What concerns the whole station is noted once.
            for charger in [one for one in chargers if one.outlet is outlet] or chargers[:1]:
                charger.note(kind, correlation, {"station": station, **body})

        session = Session(dialect, desk, [one.outlet for one in chargers], _id, note)
        connection = _Connection(socket, request.transport, session, chargers, self._clock)
        before, self._sessions[station] = self._sessions.get(station), connection
        if before is not None:
            # The station knows better than we whether its old socket is dead.
            before.abandon(b"replaced")
        _log.info("station connected", station=station, protocol=socket.ws_protocol, remote=request.remote)
        try:
            await connection.run()
        finally:
            if self._sessions.get(station) is connection:
                del self._sessions[station]
                connection.closed("its station is not connected")
                _log.warning("station gone", station=station)
        return socket

    async def _refusal(self, request: web.Request, station: str) -> web.Response | None:
        if not station or station not in self._chargers:
            return web.Response(status=404, reason="unknown station")
        access = self._listening.access
        if access.profile is SecurityProfile.TLS_CERTIFICATE:
            shown = request.transport.get_extra_info("peercert") if request.transport is not None else None
            if not certified(shown, station):
                return web.Response(status=401, reason="the certificate is another station's")
        elif access.profile.by_password and not await self._password(station, request.headers.get("Authorization")):
            return web.Response(status=401, reason="wrong password", headers={"WWW-Authenticate": 'Basic realm="ocpp"'})
        return None

    async def _password(self, station: str, header: str | None) -> bool:
        hashed, password = self._listening.access.users.get(station), password_of(header, station)
        if hashed is None or password is None:
            return False
        if self._passwords.known(station, hashed, password):
            return True
        await self._checking.acquire()
        checked = asyncio.create_task(asyncio.to_thread(self._passwords.right, station, hashed, password))
        checked.add_done_callback(lambda _: self._checking.release())
        # Who hangs up meanwhile ends nothing: a thread goes on, and were its place free there would soon be a crowd of them.
        return await asyncio.shield(checked)

    def _number(self) -> int:
        """Of a transaction: the second it began in, so that none is given twice, over a restart either."""
        self._last_number = max(self._last_number + 1, int(self._clock.now().utc_s) % 2**31)
        return self._last_number


class _Connection:
    """One socket: what comes in goes through the session, what it says goes out. Who does not read what he is told is not heard."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        session: Session,
        chargers: tuple["Charger", ...],
        clock: Clock,
    ) -> None:
        self._socket, self._session, self._chargers, self._clock = socket, session, chargers, clock
        self._transport = transport
        self._out: asyncio.Queue[str] = asyncio.Queue()
        self._left = False
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until either side ends it."""
        sending = asyncio.create_task(self._send(), name="ocpp out")
        try:
            await self._say(self._session.opened(self._clock.now()))
            async for message in self._socket:
                if self._left:
                    break
                if message.type is not WSMsgType.TEXT:
                    # OCPP-J 1.6, clause 4.2: text only.
                    await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                    break
                await self._say(self._session.received(message.data, self._clock.now()))
        except ConnectionError:
            pass  # it went while it was told something
        finally:
            self._left = True
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def poke(self) -> None:
        """Time has passed, or something else is wanted."""
        if self._left:
            return
        for text in self._session.due(self._clock.now()):
            self._out.put_nowait(text)
        if self._session.hung:
            self.abandon(b"no answers")

    def abandon(self, why: bytes) -> None:
        """It is no longer heard; its socket is closed as soon as may be."""
        if not self._left:
            self._left = True
            self.closed("its station is not connected")
        if self._ending is None:
            self._ending = asyncio.create_task(self.end(WSCloseCode.POLICY_VIOLATION, why))

    async def end(self, code: int, why: bytes) -> None:
        """Close the socket, whether or not the station takes part."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code=code, message=why)
        if self._transport is not None:
            # What it has not read until now would wait in our memory for as long as it likes.
            self._transport.abort()

    def closed(self, why: str) -> None:
        """What it was for goes on without it."""
        self._session.closed(why)
        for charger in self._chargers:
            charger.looked()

    async def _say(self, texts: tuple[str, ...]) -> None:
        for charger in self._chargers:
            charger.looked()
        for text in texts:
            await self._socket.send_str(text)
        # Of what lies there already one message is read in a turn of the loop.
        await asyncio.sleep(0)

    async def _send(self) -> None:
        with suppress(ConnectionError, RuntimeError):
            while True:
                await self._socket.send_str(await self._out.get())


class Charger:
    """One connector as a device. ``note(kind, correlation, body)`` takes what is said, for the log.

    ``wait(news, seconds)`` returns when ``news`` is set or the seconds are over.
    """

    def __init__(
        self,
        settings: OutletSettings,
        central: CentralSystem,
        clock: Clock,
        note: Note,
        wait: Callable[[asyncio.Event, float], Coroutine[Any, Any, None]] = pause,
    ) -> None:
        self.name = settings.name
        self.outlet = Outlet(settings)
        self.note = note
        self._central, self._clock, self._wait = central, clock, wait
        self.left_s: float | None = None
        self._news = asyncio.Event()

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins; returns at once."""
        self.outlet.want(setpoint)
        self._central.poke(self.outlet.settings.station)

    def looked(self) -> None:
        """There may be something new to see."""
        self._news.set()

    async def run(self, intake: Callable[[Seen], None]) -> None:
        """Have its station admitted and reconcile until cancelled, handing over every look; one that is not there is a look."""
        self._central.admit(self)
        try:
            await self._listened(intake)
            while True:
                self._news.clear()
                intake(self.outlet.seen(self._clock.now()))
                await self._wait(self._news, _LOOK_S)
        finally:
            self._central.dismiss(self)

    async def release(self) -> bool:
        """Have the station forget our limit; True once it has."""
        if self.outlet.settings.read_only:
            return True
        self._central.admit(self)
        try:
            self.want(Setpoint(self.name))
            for _ in range(int(_RELEASE_S)):
                if self.outlet.released():
                    return True
                self._news.clear()
                await self._wait(self._news, 1.0)
            return self.outlet.released()
        finally:
            self._central.dismiss(self)

    async def _listened(self, intake: Callable[[Seen], None]) -> None:
        while True:
            try:
                await self._central.listen()
            except Unreachable as fault:
                _log.error("stations cannot connect", why=str(fault))
                self.outlet.closed(str(fault))
                intake(self.outlet.seen(self._clock.now()))
                await self._wait(asyncio.Event(), _LISTEN_AGAIN_S)
            else:
                return


def _id() -> str:
    return secrets.token_hex(8)
