"""The connection to one Home Assistant, and the devices behind it, each of which wears the Device port (:class:`HomeGadget`). Awaits.

It connects while one of them runs. A token that is refused is the operator's to mend, and is not tried again for minutes.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog
from aiohttp import ClientTimeout, ClientWebSocketResponse, ClientWSTimeout, WSMsgType

from adapters.homeassistant.messages import MOST_BYTES, Call
from adapters.homeassistant.session import Phase, Session
from adapters.homeassistant.thing import Thing, ThingSettings
from adapters.knobs.gadget import Gadget, Note, Wait
from adapters.waiting import pause
from grid_functions.model.errors import CredentialFault, Unreachable
from grid_functions.model.ports import Clock, Dice, Memory

_log = structlog.get_logger("homeassistant")

REFUSED_S: Final = 300.0
"""A token that was refused: Home Assistant bans an address that tries too often."""
_FIRST_S, _MOST_S = 1.0, 60.0
_CONNECT_S: Final = 10.0
_LOAD_S: Final = 60.0
_TICK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """``url``: ``http(s)://HOST:PORT`` without a path of its own; ``token``: read anew for each connection, raises CredentialFault."""

    name: str
    url: str
    token: Callable[[], str]
    context: ssl.SSLContext | None = None


async def _socket_to(place: Place, http: aiohttp.ClientSession) -> ClientWebSocketResponse:
    return await http.ws_connect(
        f"{place.url}/api/websocket",
        ssl=True if place.context is None else place.context,
        max_msg_size=MOST_BYTES,
        compress=0,
        timeout=ClientWSTimeout(ws_close=2.0),
    )


class Home:
    """One server. ``wait(news, seconds)`` returns when ``news`` is set or the seconds are over."""

    def __init__(self, place: Place, clock: Clock, dice: Dice, wait: Wait = pause) -> None:
        self.place = place
        self._clock, self._dice, self._wait = clock, dice, wait
        self._gadgets: list[HomeGadget] = []
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.session: Session | None = None
        self._out: asyncio.Queue[str] = asyncio.Queue()

    def admit(self, gadget: "HomeGadget") -> None:
        """It runs from now on: the server is asked for its entities too."""
        if gadget not in self._gadgets:
            self._gadgets.append(gadget)
            self._news.set()
            if self.session is not None and not gadget.thing.settings.entities <= (self.session.wanted or frozenset()):
                self.session.closed("its devices changed")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"homeassistant {self.place.name}")
        if self.session is not None and self.session.phase is Phase.READY:
            gadget.thing.opened(self.session)

    def dismiss(self, gadget: "HomeGadget") -> None:
        """It runs no more."""
        if gadget in self._gadgets:
            self._gadgets.remove(gadget)

    async def close(self) -> None:
        """Let go of the server; what its devices hold stands."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def send(self, call: Call, done: Callable[[str], None]) -> bool:
        """Have a service called; False where nobody is there to be asked. ``done`` is told the error, or that there was none."""
        if self.session is None or self.session.phase is not Phase.READY:
            return False
        self._out.put_nowait(self.session.call(call, done, self._clock.now().mono_s))
        return True

    async def _run(self) -> None:
        wait_s = _FIRST_S
        while True:
            self._news.clear()
            session = await self._connected()
            if session is not None and session.phase is Phase.REFUSED:
                wait_s = REFUSED_S
            elif session is not None and session.version:
                wait_s = _FIRST_S
            if self._news.is_set():
                wait_s = _FIRST_S
            else:
                await self._wait(self._news, self._dice.jitter(wait_s / 2, wait_s))
                wait_s = min(wait_s * 2, _MOST_S)

    async def _connected(self) -> Session | None:
        """One connection, until it ends. Whatever goes wrong with it is the reason that its devices tell."""
        session: Session | None = None
        why = "hung up"
        try:
            self.session = session = Session(self.place.token(), self._entities)
            self._out = asyncio.Queue()
            async with aiohttp.ClientSession(timeout=ClientTimeout(connect=_CONNECT_S)) as http:
                async with asyncio.timeout(_CONNECT_S):
                    socket = await _socket_to(self.place, http)
                async with socket:
                    await self._spoken(socket, session)
            why = session.why or why
        except CredentialFault as fault:
            why = str(fault)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as fault:
            why = f"cannot be reached ({type(fault).__name__}: {str(fault)[:120]})"
        except Exception:
            # A defect of ours ends one connection, not every later one.
            _log.exception("the session failed", server=self.place.name)
            why = "internal error"
        finally:
            self.session = None
            if session is not None:
                session.closed(why)
            for gadget in self._gadgets:
                gadget.closed(f"Home Assistant {self.place.name} {why}")
        _log.warning("connection ended", server=self.place.name, why=why)
        return session

    async def _spoken(self, socket: ClientWebSocketResponse, session: Session) -> None:
        began_s = self._clock.now().mono_s
        aside = [
            asyncio.create_task(self._send(socket), name="homeassistant out"),
            asyncio.create_task(self._tick(socket, session, began_s), name="homeassistant tick"),
        ]
        told = False
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    session.why = "sends what is no text, or too much of it"
                    break
                for text in session.received(message.data, self._clock.now().mono_s):
                    self._out.put_nowait(text)
                if session.phase in (Phase.REFUSED, Phase.BROKEN):
                    break
                if session.phase is Phase.READY:
                    news = session.taken()
                    for gadget in self._gadgets:
                        if not told:
                            gadget.opened(session)
                        elif news & gadget.thing.settings.entities:
                            gadget.changed()
                    if not told:
                        _log.info("connected", server=self.place.name, version=session.version)
                    told = True
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)

    async def _tick(self, socket: ClientWebSocketResponse, session: Session, began_s: float) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now_s = self._clock.now().mono_s
            if session.phase in (Phase.GREETING, Phase.LOADING) and now_s - began_s > _LOAD_S:
                session.closed("tells no states")
            for text in session.due(now_s):
                self._out.put_nowait(text)
            if session.phase is Phase.BROKEN:
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await socket.close()
                return

    async def _send(self, socket: ClientWebSocketResponse) -> None:
        with suppress(ConnectionError, RuntimeError, aiohttp.ClientError):
            while True:
                await socket.send_str(await self._out.get())

    @property
    def _entities(self) -> frozenset[str]:
        return frozenset[str]().union(*(gadget.thing.settings.entities for gadget in self._gadgets))


async def look_once(place: Place, clock: Clock) -> Session:
    """What is there now, of all entities. Raises CredentialFault, Unreachable."""
    session = Session(place.token(), None)
    try:
        async with (
            asyncio.timeout(_LOAD_S),
            aiohttp.ClientSession(timeout=ClientTimeout(connect=_CONNECT_S)) as http,
            await _socket_to(place, http) as socket,
        ):
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                for text in session.received(message.data, clock.now().mono_s):
                    await socket.send_str(text)
                if session.phase not in (Phase.GREETING, Phase.LOADING):
                    break
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as fault:
        raise Unreachable(
            f"{place.url} cannot be asked ({type(fault).__name__}: {str(fault)[:120]})",
            "check host and port of Home Assistant",
        ) from fault
    if session.phase is Phase.REFUSED:
        raise CredentialFault(f"{place.url} {session.why}", "make a new long-lived access token in your profile there")
    if session.phase is not Phase.READY:
        raise Unreachable(f"{place.url} is no Home Assistant, or hung up ({session.why})", "check host and port")
    return session


class HomeGadget(Gadget[Thing]):
    """One device behind Home Assistant."""

    def __init__(
        self, settings: ThingSettings, home: Home, memory: Memory, clock: Clock, note: Note, wait: Wait = pause
    ) -> None:
        super().__init__(
            settings.name, "homeassistant", lambda keeping: Thing(settings, keeping), home, memory, clock, note, wait
        )
        self._home = home

    def opened(self, session: Session) -> None:
        """Its server is there."""
        self.thing.opened(session)
        self.changed()

    def closed(self, why: str) -> None:
        """Its server is gone."""
        self.thing.closed(why)
        self._news.set()

    def _send(self, call: Call, done: Callable[[str], None]) -> bool:
        return self._home.send(call, done)
