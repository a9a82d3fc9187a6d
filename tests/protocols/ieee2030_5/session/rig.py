"""Both ends in memory: the session against a scripted server that speaks bytes, in simulated time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from protocols.exchange import Alarm, Failed, Tick, Told, WakeAt
from protocols.ieee2030_5.session.exchange import Input, Method, Remember, Reply, Request
from protocols.ieee2030_5.session.machine import step
from protocols.ieee2030_5.session.state import born
from protocols.ieee2030_5.session.terms import Profile, Terms
from protocols.ieee2030_5.wire.datatypes import ActivePower, DateTimeInterval, EventStatus, Link, ListLink
from protocols.ieee2030_5.wire.der import (
    DER,
    DefaultDERControl,
    DERControl,
    DERControlBase,
    DERControlList,
    DERList,
    DERProgram,
    DERProgramList,
)
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.metering import MirrorUsagePointList
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, Dialect
from protocols.ieee2030_5.wire.reader import Decoded, MalformedBody, decode
from protocols.ieee2030_5.wire.resources import (
    DERControlResponse,
    DeviceCapability,
    EndDevice,
    EndDeviceList,
    FunctionSetAssignments,
    FunctionSetAssignmentsList,
    Registration,
    Time,
)
from protocols.ieee2030_5.wire.writer import encode

HOST = "https://utility.example"
LFDI = "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
SFDI = 16726121139
TERMS = Terms(name="utility", url=f"{HOST}/dcap", lfdi=LFDI, sfdi=SFDI, pin=111115, floor_s=5.0)
UTC_S = 1_795_000_000.0
MONO_S = 1_000.0
RTT_S = 0.1

Answer = Callable[[Request], tuple[int, bytes]]


class Middle:
    """Dice that always fall in the middle."""

    def jitter(self, low_s: float, high_s: float) -> float:
        return (low_s + high_s) / 2


class Extremes:
    """Dice that fall now on one end, now on the other."""

    def __init__(self) -> None:
        self._high = False

    def jitter(self, low_s: float, high_s: float) -> float:
        self._high = not self._high
        return high_s if self._high else low_s


def mrid(number: int) -> str:
    return f"{number:032X}"


def control(number: int, *, start: int, duration: int = 600, watts: int = 1500, **changes: Any) -> DERControl:
    """An export limit, responses asked for."""
    given: dict[str, Any] = {
        "replyTo": "/rsp",
        "responseRequired": 3,
        "mRID": mrid(number),
        "version": 0,
        "creationTime": int(UTC_S) - 100,
        "EventStatus": EventStatus(currentStatus=0, dateTime=int(UTC_S) - 100, potentiallySuperseded=False),
        "interval": DateTimeInterval(duration, start),
        "DERControlBase": DERControlBase(opModExpLimW=ActivePower(0, watts)),
    }
    return DERControl(**(given | changes))


def default(number: int, watts: int | None = None, **changes: Any) -> DefaultDERControl:
    base = DERControlBase(opModExpLimW=None if watts is None else ActivePower(0, watts))
    given: dict[str, Any] = {"mRID": mrid(number), "version": 0, "DERControlBase": base}
    return DefaultDERControl(**(given | changes))


def program(number: int, primacy: int = 1) -> DERProgram:
    return DERProgram(
        href=f"/derp/{number}",
        mRID=mrid(number),
        DefaultDERControlLink=Link(f"/derp/{number}/dderc"),
        DERControlListLink=ListLink(f"/derp/{number}/derc", 0),
        primacy=primacy,
    )


def end_device(**changes: Any) -> EndDevice:
    given: dict[str, Any] = {
        "href": "/edev/1",
        "DERListLink": ListLink("/edev/1/der", 1),
        "lFDI": LFDI,
        "sFDI": SFDI,
        "changedTime": int(UTC_S),
        "enabled": True,
        "FunctionSetAssignmentsListLink": ListLink("/edev/1/fsa", 1),
        "RegistrationLink": Link("/edev/1/rg"),
        "ConnectionPointLink": Link("/edev/1/cp"),
    }
    return EndDevice(**(given | changes))


def assignment(number: int, path: str) -> FunctionSetAssignments:
    return FunctionSetAssignments(href=f"/fsa/{number}", DERProgramListLink=ListLink(path, 1), mRID=mrid(1000 + number))


@dataclass
class Server:
    """The utility's side: lists by path, single resources by path, and whatever misbehaviour is put over a path."""

    now: Callable[[], float]
    lists: dict[str, list[Any]] = field(default_factory=dict)
    single: dict[str, Message] = field(default_factory=dict)
    rates: dict[str, int | None] = field(default_factory=dict)
    wrong: dict[str, Answer] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    retry_s: float = 0.0
    down: bool = False
    clock_ahead_s: float = 0.0
    quality: int = 4
    dialect: Dialect = CSIP_AUS
    puts: list[tuple[float, str, Message]] = field(default_factory=list)
    posts: list[tuple[float, str, Message]] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        path = urlsplit(request.url).path
        if path in self.wrong:
            return self.wrong[path](request)
        if request.message is not None:
            body = encode(request.message, dialect=self.dialect)
            told = decode(body).message
            self.bodies.append((path, body))
            kept = self.puts if request.method is Method.PUT else self.posts
            kept.append((self.now(), path, told))
            return (204, b"") if request.method is Method.PUT else (201, b"")
        if path == "/tm":
            whole = int(self.now() + self.clock_ahead_s)
            time = Time(currentTime=whole, dstEndTime=0, dstOffset=0, dstStartTime=0, quality=self.quality, tzOffset=0)
            return 200, encode(time)
        if path in self.single:
            return 200, encode(self.single[path], dialect=CSIP_AUS)
        if path in self.lists:
            query = parse_qs(urlsplit(request.url).query)
            start, size = int(query["s"][0]), int(query["l"][0])
            return 200, encode(self.page(path, start, size), dialect=CSIP_AUS)
        return 404, b""

    def page(self, path: str, start: int, size: int) -> Message:
        items = self.lists[path]
        cut = tuple(items[start : start + size])
        kind: Any = _LISTS[next(key for key in _LISTS if path.endswith(key))]
        rate = {"pollRate": self.rates.get(path)} if kind is not DERControlList else {}
        page: Message = kind(all=len(items), results=len(cut), items=cut, **rate)
        return page

    def responses(self) -> list[tuple[str, int]]:
        """(subject, status) as they came."""
        return [(told.subject, told.status or 0) for _, _, told in self.posts if isinstance(told, DERControlResponse)]


_LISTS = {
    "/edev": EndDeviceList,
    "/fsa": FunctionSetAssignmentsList,
    "/derp": DERProgramList,
    "/derc": DERControlList,
    "/der": DERList,
    "/mup": MirrorUsagePointList,
}


class Rig:
    """The session, its server and the clock they share."""

    def __init__(self, terms: Terms = TERMS, memory: dict[str, tuple[int, bytes]] | None = None) -> None:
        self.mono = MONO_S
        self.server = Server(now=lambda: UTC_S + self.mono - MONO_S)
        if terms.profile is Profile.CSIP:
            self.server.dialect = CSIP
        self.state = born(terms, memory or {}, self.instants())
        self.memory = memory or {}
        self.reads: list[Read] = []
        self.alarms: list[Alarm] = []
        self.told: list[Told] = []
        self.asked: list[tuple[float, Request]] = []
        self.wake = self.mono
        self.slow: dict[str, float] = {}
        self.dice: Dice = Middle()
        self._pending: list[tuple[float, Reply | Failed]] = []
        self._cache: dict[bytes, Decoded[Message]] = {}

    def instants(self) -> Instants:
        return Instants(self.mono, UTC_S + self.mono - MONO_S)

    def give(self, given: Input) -> None:
        self.state, outputs = (done := step(self.state, given, self.instants(), self.dice)).state, done.outputs
        for output in outputs:
            match output:
                case Request():
                    self._send(output)
                case Read():
                    self.reads.append(output)
                case Told():
                    self.told.append(output)
                case Remember(key, version, body):
                    self.memory[key] = (version, body)
                case Alarm():
                    self.alarms.append(output)
                case WakeAt(at):
                    self.wake = at

    def run(self, seconds: float) -> "Rig":
        """Let this much time pass."""
        end = self.mono + seconds
        while True:
            coming = min([at for at, _ in self._pending], default=float("inf"))
            moment = min(self.wake, coming)
            if moment > end:
                break
            self.mono = max(self.mono, moment)
            if coming <= moment:
                ready = min(self._pending, key=lambda one: one[0])
                self._pending.remove(ready)
                self.give(ready[1])
            else:
                self.give(Tick())
                assert self.wake > self.mono or self._pending, "a wake that wakes nobody"
        self.mono = end
        return self

    def gets(self, path: str) -> list[float]:
        """When this path was polled (first pages only)."""
        return [
            at
            for at, request in self.asked
            if request.method is Method.GET
            and urlsplit(request.url).path == path
            and "s=0" in (urlsplit(request.url).query or "s=0")
        ]

    def _send(self, request: Request) -> None:
        self.asked.append((self.mono, request))
        later = self.mono + self.slow.get(urlsplit(request.url).path, RTT_S)
        if self.server.down:
            self._pending.append((later, Failed(request.id, "connection refused")))
            return
        status, body = self.server.answer(request)
        if status == 0:
            self._pending.append((later, Failed(request.id, "connection reset")))
            return
        decoded: Decoded[Message] | None = None
        fault = ""
        if body:
            try:
                decoded = self._cache.get(body) or decode(body)
                self._cache[body] = decoded
            except MalformedBody as malformed:
                fault = malformed.reason
        location = self.server.locations.get(urlsplit(request.url).path, "") if status in (201, 204) else ""
        reply = Reply(
            id=request.id,
            status=status,
            sent_s=self.mono,
            received_s=later,
            body=decoded,
            fault=fault,
            location=location,
            retry_s=self.server.retry_s if status >= 400 else 0.0,
        )
        self._pending.append((later, reply))


def house(terms: Terms = TERMS, memory: dict[str, tuple[int, bytes]] | None = None) -> Rig:
    """A rig with one registered EndDevice, one FSA, one program (mRID 7) with an empty default and no control."""
    rig = Rig(terms, memory)
    server = rig.server
    server.single |= {
        "/dcap": DeviceCapability(pollRate=300, TimeLink=Link("/tm"), EndDeviceListLink=ListLink("/edev", 1)),
        "/edev/1/rg": Registration(dateTimeRegistered=int(UTC_S), pIN=111115),
        "/derp/7/dderc": default(77),
    }
    server.lists |= {
        "/edev": [end_device()],
        "/edev/1/fsa": [assignment(1, "/fsa/1/derp")],
        "/fsa/1/derp": [program(7)],
        "/derp/7/derc": [],
        "/edev/1/der": [
            DER(
                href="/edev/1/der/1",
                DERCapabilityLink=Link("/edev/1/der/1/dercap"),
                DERSettingsLink=Link("/edev/1/der/1/derg"),
                DERStatusLink=Link("/edev/1/der/1/ders"),
            )
        ],
    }
    server.rates |= {"/edev": 300, "/edev/1/fsa": 300, "/fsa/1/derp": 60, "/edev/1/der": 60}
    return rig


def gaps(times: list[float]) -> list[float]:
    return [later - sooner for sooner, later in pairwise(times)]


def busiest(times: list[float], span_s: float) -> int:
    """The most polls in any closed window of this length."""
    return max((sum(1 for other in times if at <= other <= at + span_s) for at in times), default=0)
