"""openleadr as the VTN on loopback, and our client with a site's minimum behind it: every event is received."""

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from openleadr import OpenADRServer, objects
from openleadr.service import VTNService

from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Event, EventKey, Read
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.exchange import Alarm
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.session.terms import Terms
from tests.protocols.openadr2b.authority import Party

PATH = "/OpenADR2/Simple/2.0b"
POLICY = Policy("vtn", Source(SourceKind.OPENADR, "vtn", None), False, Vanished.CANCEL, OptOut.ALL)


class Wall:
    """The machine's own clocks, UTC set ahead by ``ahead_s``."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def now(self) -> Instants:
        return Instants(time.monotonic(), time.time() + self.ahead_s)


class Kept:
    """A memory that keeps."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, bytes]] = {}

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self.rows.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        self.rows[key] = (version, body)


class Low:
    """Dice that always fall low."""

    def jitter(self, low_s: float, high_s: float) -> float:
        return low_s


@dataclass
class Vtn:
    """openleadr, with what it was told."""

    server: OpenADRServer
    ven_id: str
    registrations: list[dict[str, Any]] = field(default_factory=list)
    opts: list[tuple[str, str]] = field(default_factory=list)
    values: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def add(self, event_id: str, *signals: Any, start: datetime | None = None, minutes: int = 30, **more: Any) -> Any:
        """Add an event with these signals; ``more``: descriptor fields, and target, period and response_required."""
        begin = start or datetime.now(UTC)
        targets = more.pop("targets", [{"ven_id": self.ven_id}])
        required = more.pop("response_required", "always")
        period = more.pop("period", {})
        event = objects.Event(
            event_descriptor=objects.EventDescriptor(
                event_id=event_id,
                modification_number=more.pop("modification_number", 0),
                market_context=more.pop("market_context", "http://market.example"),
                event_status="far",
                created_date_time=datetime.now(UTC),
                priority=more.pop("priority", 1),
                **more,
            ),
            active_period=objects.ActivePeriod(dtstart=begin, duration=timedelta(minutes=minutes), **period),
            event_signals=list(signals) or [signal()],
            targets=targets,
            response_required=required,
        )
        self.server.add_raw_event(self.ven_id, event, callback=self._opted)
        return event

    def _opted(self, ven_id: str, event_id: str, opt_type: str) -> None:
        self.opts.append((event_id, opt_type))


def signal(name: str = "SIMPLE", kind: str = "level", *values: float, minutes: int = 30, **more: Any) -> Any:
    """One signal of equal intervals."""
    told = values or (1.0,)
    length = timedelta(minutes=minutes) / len(told)
    begin = datetime.now(UTC)
    intervals = [
        objects.Interval(dtstart=begin + place * length, duration=length, uid=place, signal_payload=value)
        for place, value in enumerate(told)
    ]
    return objects.EventSignal(intervals=intervals, signal_name=name, signal_type=kind, signal_id="s1", **more)


def kilowatts() -> Any:
    return objects.Measurement(
        name="powerReal",
        description="RealPower",
        unit="W",
        scale="k",
        power_attributes=objects.PowerAttributes(hertz=50, voltage=230, ac=True),
    )


@asynccontextmanager
async def vtn(
    *,
    vtn_id: str = "my-vtn",
    ven_id: str = "ven-1",
    registration_id: str = "reg-1",
    party: Party | None = None,
    ven_fingerprint: str = "",
    signed: bool = False,
    reports_every: timedelta | None = None,
    poll: timedelta = timedelta(0),
) -> AsyncIterator[Vtn]:
    """Serve. With ``party``: mutual TLS; ``signed``: and signatures both ways."""
    for name in ("ven_lookup", "fingerprint_lookup"):  # openleadr keeps one configuration per process, on the class
        with suppress(AttributeError):
            delattr(VTNService, name)
    secure: dict[str, Any] = {}
    if party is not None:
        secure = {"http_cert": party.certificate, "http_key": party.key, "http_ca_file": party.ca}
        secure |= {"ven_lookup": lambda ven_id: _ven(ven_id, registration_id, ven_fingerprint)}
    if party is not None and signed:
        secure |= {"cert": party.certificate, "key": party.key}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openleadr keeps itself in its application under a string
        server = OpenADRServer(
            vtn_id,
            http_port=0,
            requested_poll_freq=poll,
            show_fingerprint=False,
            verify_message_signatures=signed,
            **secure,
        )
    one = Vtn(server, ven_id)

    async def register(payload: dict[str, Any]) -> tuple[str, str]:
        one.registrations.append(payload)
        return ven_id, registration_id

    async def offer(
        ven_id: str,
        resource_id: str | None,
        measurement: str,
        unit: str | None,
        scale: str | None,
        min_sampling_interval: timedelta,
        max_sampling_interval: timedelta,
    ) -> Any:
        if reports_every is None:
            return None
        return (lambda data: one.values.append((measurement, data))), reports_every, reports_every

    server.add_handler("on_create_party_registration", register)
    server.add_handler("on_register_report", offer)
    await server.run()
    port = server.app_runner.addresses[0][1]
    one.url = f"{'https' if party else 'http'}://127.0.0.1:{port}{PATH}"
    try:
        yield one
    finally:
        await server.stop()


Forward = Callable[[], Awaitable[web.Response]]


@asynccontextmanager
async def between(url: str, meddle: Callable[[str, Forward], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """Someone on the way to a VTN: ``meddle`` (service, forward) answers in its place, or lets it."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()

            async def forward() -> web.Response:
                headers = {"Content-Type": "application/xml"}
                async with session.post(f"{url}/{request.match_info['service']}", data=body, headers=headers) as answer:
                    return web.Response(status=answer.status, body=await answer.read(), content_type="application/xml")

            return await meddle(request.match_info["service"], forward)

        app = web.Application()
        app.router.add_route("*", PATH + "/{service}", handle)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url(PATH))
        finally:
            await server.close()


def _ven(ven_id: str, registration_id: str, fingerprint: str) -> dict[str, str]:
    return {"ven_id": ven_id, "ven_name": "depot", "registration_id": registration_id, "fingerprint": fingerprint}


@dataclass
class Ven:
    """Our client, and what it handed over."""

    client: Client2b
    memory: Kept
    reads: list[Read] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    fates: list[Outcome] = field(default_factory=list)
    refuse: frozenset[str] = frozenset()
    task: asyncio.Task[None] | None = None
    nudge: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> dict[str, Event]:
        """The events of the last read."""
        return {} if not self.reads else {event.key.id: event for event in self.reads[-1].events}

    async def until(self, true: Callable[[], Any], seconds: float = 20.0) -> None:
        """Wait until it is so."""
        end_s = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end_s, "it did not happen"
            self.nudge.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.nudge.wait(), 0.02)

    async def tell(self, key: EventKey, kind: OutcomeKind) -> None:
        outcome = Outcome(key, kind, Moment("vtn", 0.0))
        await self.client.tell(outcome)
        self.fates.append(outcome)


@asynccontextmanager
async def ven(
    url: str, *, memory: Kept | None = None, refuse: frozenset[str] = frozenset(), wall: Wall | None = None, **more: Any
) -> AsyncIterator[Ven]:
    """Hold a session; every event that is read is told as received, or refused."""
    shell = {name: more.pop(name) for name in ("ssl_context", "sign", "verify") if name in more}
    shell.setdefault("ssl_context", None)
    terms = Terms(name="vtn", url=url, ven_name=more.pop("ven_name", "depot"), floor_s=0.05, poll_s=0.1, **more)
    kept = memory or Kept()
    raised: list[Alarm] = []
    client = Client2b(terms, policy=POLICY, memory=kept, clock=wall or Wall(), dice=Low(), alarm=raised.append, **shell)
    one = Ven(client, kept, alarms=raised)
    known: set[EventKey] = set()
    telling: set[asyncio.Task[None]] = set()

    def intake(read: Read) -> None:
        one.reads.append(read)
        one.nudge.set()
        for event in read.events:
            if event.key not in known:
                known.add(event.key)
                kind = OutcomeKind.REFUSED if event.key.id in refuse else OutcomeKind.RECEIVED
                telling.add(asyncio.get_running_loop().create_task(one.tell(event.key, kind)))

    one.task = asyncio.create_task(client.run(intake))
    try:
        yield one
    finally:
        for task in (one.task, *telling):
            task.cancel()
        done = await asyncio.gather(one.task, *telling, return_exceptions=True)
        broken = [fault for fault in done if isinstance(fault, Exception)]
        assert not broken, broken
