"""One EdgeX, and the devices behind it, each of which wears the Device port (:class:`EdgexGadget`). Awaits.

Commands go to core-command over REST (``/api/v3/device/name/<device>/<command>``, GET and PUT) or by external MQTT; events come from its
message bus, where there is one to listen to. Source: edgexfoundry/edgex-go, openapi core-command.yaml 4.0.
"""

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import aiohttp
import structlog
from aiohttp import ClientTimeout

from adapters.edgex import messages
from adapters.edgex.bus import Broker, Bus
from adapters.edgex.messages import MOST_BYTES, Answer, Event
from adapters.edgex.profile import Could, Listed, could, devices_in, profile_in
from adapters.edgex.unit import Get, Put, Unit, UnitSettings
from adapters.knobs.gadget import Gadget, Note, Wait
from adapters.waiting import ended, pause
from grid_functions.model.errors import CredentialFault, MalformedMessage, Unreachable
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.upstream_clock import UpstreamClock, booted, heard

_log = structlog.get_logger("edgex")
_FIRST_S, _MOST_S = 1.0, 60.0
_TIMEOUT: Final = ClientTimeout(total=20.0, connect=5.0)
_PAGE: Final = 100
_MOST_DEVICES: Final = 10_000
_AT_ONCE: Final = 16
"""Requests at a time to one server."""


@dataclass(frozen=True, slots=True)
class Place:
    """``url``: core-command, ``http(s)://HOST:PORT`` or with the path of an API gateway, without ``/api``; empty = commands go over the
    broker. ``token``: read anew for each request, raises CredentialFault. ``version``: of the interface, v3 or v2.
    """

    name: str
    url: str = ""
    version: str = "v3"
    token: Callable[[], str] | None = None
    context: ssl.SSLContext | None = None
    broker: Broker | None = None


class Foundry:
    """One server. ``wait(news, seconds)`` returns when ``news`` is set or the seconds are over."""

    def __init__(self, place: Place, clock: Clock, dice: Dice, wait: Wait = pause) -> None:
        self.place = place
        self.dice = dice
        self._clock, self._wait = clock, wait
        self._gadgets: list[EdgexGadget] = []
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._time: UpstreamClock | None = None
        self.bus = None if place.broker is None else Bus(place.name, place.broker, self._heard, self._opened)

    def admit(self, gadget: "EdgexGadget") -> None:
        """It runs from now on."""
        if gadget not in self._gadgets:
            self._gadgets.append(gadget)
        if self.bus is not None and (self._listening is None or self._listening.done()):
            self._listening = asyncio.create_task(self._listen(self.bus), name=f"edgex {self.place.name}")

    def dismiss(self, gadget: "EdgexGadget") -> None:
        """It runs no more."""
        if gadget in self._gadgets:
            self._gadgets.remove(gadget)

    async def close(self) -> None:
        """Let go of the server; what its devices hold stands."""
        tasks = [*self._asking, *([] if self._listening is None else [self._listening])]
        self._listening = None
        await ended(tasks)
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    def send(self, put: Put, done: Callable[[Answer], None]) -> bool:
        """Have a resource set; False where nobody is there to be asked."""
        return self._command(put.device, put.command, {put.resource: put.value}, done)

    def ask(self, get: Get, done: Callable[[Answer], None]) -> bool:
        """Have a command read; False where nobody is there to be asked."""
        return self._command(get.device, get.command, None, done)

    @property
    def offset_s(self) -> float:
        """The server's clock less our UTC, as far as its answers tell; 0 = not known."""
        now = self._clock.now()
        return 0.0 if self._time is None else self._time.now_s(now.mono_s) - now.utc_s

    def _command(
        self, device: str, command: str, settings: Mapping[str, str] | None, done: Callable[[Answer], None]
    ) -> bool:
        bus = None if self.place.url else self.bus
        if not self.place.url and (bus is None or not bus.connected):
            return False

        async def carry_out() -> None:
            try:
                if bus is not None:
                    answer = await bus.ask(device, command, settings)
                else:
                    answer = await self._rest(device, command, settings)
            except Exception:
                # A defect of ours ends one request, not the device.
                _log.exception("a request failed", server=self.place.name)
                answer = Answer("internal error")
            done(answer)

        task = asyncio.create_task(carry_out(), name=f"edgex {self.place.name}/{device}")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return True

    async def _rest(self, device: str, command: str, settings: Mapping[str, str] | None) -> Answer:
        place = self.place
        url = f"{place.url}/api/{place.version}/device/name/{quote(device, safe='')}/{quote(command, safe='')}"
        headers = {"X-Correlation-ID": str(uuid.uuid4())}
        try:
            if place.token is not None:
                headers["Authorization"] = f"Bearer {place.token()}"
            sent_s = self._clock.now().mono_s
            async with self._session().request(
                "GET" if settings is None else "PUT",
                url,
                json=None if settings is None else dict(settings),
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await _all_of(response)
                self._told_time(response.headers.get("Date", ""), sent_s)
                return messages.answer(response.status, body)
        except CredentialFault as fault:
            return Answer(str(fault), 401)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as fault:
            return Answer(f"{place.url} cannot be reached ({type(fault).__name__}: {str(fault)[:120]})")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            connector = aiohttp.TCPConnector(
                limit=_AT_ONCE, ssl=True if self.place.context is None else self.place.context
            )
            self._http = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        return self._http

    def _told_time(self, date: str, sent_s: float) -> None:
        """RFC 9110, 6.6.1: the server's time in whole seconds."""
        try:
            told_s = int(parsedate_to_datetime(date).timestamp())
        except (ValueError, OverflowError):
            return
        now, before = self._clock.now(), self._time
        clock = booted(now, None) if before is None else before
        self._time = heard(clock, told_s, sent_s, now.mono_s, adopted=before is not None)

    def _heard(self, event: Event, live: bool) -> None:
        for gadget in self._gadgets:
            gadget.heard(event, live=live)

    def _opened(self) -> None:
        for gadget in self._gadgets:
            gadget.changed()

    async def _listen(self, bus: Bus) -> None:
        wait_s = _FIRST_S
        while True:
            if await bus.hear():
                wait_s = _FIRST_S
            await self._wait(self._news, self.dice.jitter(wait_s / 2, wait_s))
            wait_s = min(wait_s * 2, _MOST_S)


class EdgexGadget(Gadget[Unit]):
    """One device behind EdgeX."""

    look_s: ClassVar[float] = 1.0

    def __init__(
        self, settings: UnitSettings, foundry: Foundry, memory: Memory, clock: Clock, note: Note, wait: Wait = pause
    ) -> None:
        def make(keeping: Any) -> Unit:
            return Unit(settings, keeping, foundry.dice.jitter)

        super().__init__(settings.name, "edgex", make, foundry, memory, clock, note, wait)
        self._foundry = foundry
        self._shut = ""

    def heard(self, event: Event, *, live: bool) -> None:
        """An event of some device."""
        if self.thing.heard(event, self._clock.now(), self._foundry.offset_s, live=live):
            self.changed()

    async def _turn(self) -> None:
        await super()._turn()
        get = self.thing.asks(self._clock.now())
        if get is not None and not self._foundry.ask(get, self._got):
            self.thing.unasked()

    def _send(self, call: Put, done: Callable[[str], None]) -> bool:
        return self._foundry.send(call, lambda answer: done(self.thing.set_done(answer)))

    def _got(self, answer: Answer) -> None:
        self.thing.got(answer, self._clock.now(), self._foundry.offset_s)
        before, self._shut = self._shut, self.thing.shut
        if bool(before) is not bool(self._shut):
            text = self._shut or f"EdgeX lets us at {self.thing.settings.device} again"
            _log.warning("alarm", device=self.name, what=text)
            self._note("alarm", "", {"text": text})
        self._news.set()


async def imported(place: Place) -> list[Could]:
    """What there is behind a core-metadata (``place.url``) and could be a device. Raises CredentialFault, Unreachable."""
    headers = {} if place.token is None else {"Authorization": f"Bearer {place.token()}"}
    connector = aiohttp.TCPConnector(ssl=True if place.context is None else place.context)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, headers=headers) as http:

            async def got(path: str) -> bytes:
                async with http.get(f"{place.url}/api/{place.version}/{path}", allow_redirects=False) as response:
                    if response.status in (401, 403):
                        raise CredentialFault(f"{place.url} refuses the token ({response.status})", "get a new JWT")
                    return await _all_of(response)

            names, listed = await _listed(got)
            profiles = {
                name: profile_in(await got(f"deviceprofile/name/{quote(name, safe='')}")) for name in sorted(names)
            }
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, MalformedMessage) as fault:
        raise Unreachable(
            f"{place.url} cannot be asked ({type(fault).__name__}: {str(fault)[:120]})",
            "check host and port of core-metadata, 59881 without an API gateway",
        ) from fault
    found = (could(one, profiles[one.profile]) for one in listed)
    return [one for one in found if one is not None]


async def _listed(got: Callable[[str], Awaitable[bytes]]) -> tuple[set[str], list[Listed]]:
    """All devices, page by page, and the names of their profiles."""
    found: list[Listed] = []
    while True:
        page, total = devices_in(await got(f"device/all?offset={len(found)}&limit={_PAGE}"))
        found += page
        if not page or len(found) >= min(total, _MOST_DEVICES):
            return {one.profile for one in found}, found


async def _all_of(response: aiohttp.ClientResponse) -> bytes:
    """What it answers, as far as that is of any reasonable size. Raises ValueError."""
    found = bytearray()
    async for piece in response.content.iter_chunked(65536):
        found += piece
        if len(found) > MOST_BYTES:
            raise ValueError(f"answers more than {MOST_BYTES} bytes")
    return bytes(found)
