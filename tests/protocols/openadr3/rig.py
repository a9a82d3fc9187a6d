"""Both ends in memory: the session against the VTN's desk, which speaks bytes, in simulated time."""

import base64
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Event, Read
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from protocols.exchange import Alarm, Failed, Tick, Told, WakeAt
from protocols.openadr3.desk.exchange import Notice
from protocols.openadr3.desk.exchange import Request as Asked
from protocols.openadr3.desk.mischief import Mischief, Trick
from protocols.openadr3.desk.shelf import Shelf
from protocols.openadr3.desk.tokens import Access, Client
from protocols.openadr3.desk.tree import Desk
from protocols.openadr3.session.exchange import Input, Listen, Remember, Reply, Request
from protocols.openadr3.session.machine import step
from protocols.openadr3.session.state import born
from protocols.openadr3.session.terms import AuthStyle, Terms
from protocols.openadr3.wire import document
from protocols.openadr3.wire.edition import Edition

UTC_S = 1_795_986_000.0  # 2026-11-29T21:00:00Z
MONO_S = 500.0
RTT_S = 0.05
BASE = "https://vtn.example/openadr3/3.1.0"
TERMS = Terms(name="aggregator", url=BASE, ven_name="depot-7", client_id="ven-7", client_secret="s3cret", floor_s=60.0)  # noqa: S106 - of this rig alone
CLIENTS = {"ven-7": Client("ven-7", "s3cret"), "bl": Client("bl", "logic", is_logic=True)}


class Middle:
    """Dice that always fall in the middle."""

    def jitter(self, low_s: float, high_s: float) -> float:
        return (low_s + high_s) / 2


class Rig:
    """The session, its VTN and the clock they share."""

    def __init__(
        self,
        terms: Terms = TERMS,
        memory: dict[str, tuple[int, bytes]] | None = None,
        *,
        access: Access | None = None,
        broker: dict[str, Any] | None = None,
        store: Shelf | None = None,
    ) -> None:
        self.terms = terms
        self.mono = MONO_S
        self.utc_at_birth = UTC_S
        clients = Access() if terms.auth is AuthStyle.NONE else Access(CLIENTS)
        self.desk = Mischief(Desk(terms.edition, access or clients, broker, terms.base))
        self.logic = Desk(terms.edition, Access(), broker, terms.base)
        self.store = store or Shelf()
        self.notices: list[Notice] = []
        self.memory = memory if memory is not None else {}
        self.state = born(terms, self.memory, self.instants())
        self.reads: list[Read] = []
        self.alarms: dict[str, str] = {}
        self.raised: list[Alarm] = []
        self.told: list[Told] = []
        self.listens: list[Listen] = []
        self.asked: list[tuple[float, Request]] = []
        self.wake = self.mono
        self.dice: Dice = Middle()
        self.down = False
        self.date_ahead_s = 0.0
        self.meanwhile: Callable[[Request], None] = lambda _: None
        self._pending: list[tuple[float, Reply | Failed]] = []
        self._bodies: dict[tuple[str, bytes], Any] = {}

    @property
    def utc(self) -> float:
        return self.utc_at_birth + self.mono - MONO_S

    def instants(self) -> Instants:
        return Instants(self.mono, self.utc)

    def trick(self, does: str, path: str = "*", **more: Any) -> Trick:
        trick = Trick(does, path, **more)
        self.desk.tricks.append(trick)
        return trick

    def honest(self) -> None:
        self.desk.tricks.clear()

    # Business logic

    def write(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        sent = b"" if body is None else document.written(body)
        answer = self.logic.answer(Asked(method, path, (), {}, sent), self.utc, self.store)
        assert answer.reply.status < 400, answer.reply
        self.store.apply(answer.changes)
        self.notices.extend(answer.notices)
        return answer.reply.json

    def program(self, name: str = "capacity", **more: Any) -> str:
        return str(self.write("POST", "/programs", {"programName": name, **more})["id"])

    def event(self, program: str, **more: Any) -> str:
        return str(self.write("POST", "/events", event(program, **more))["id"])

    # The session

    def give(self, given: Input) -> None:
        done = step(self.state, given, self.instants(), self.dice)
        self.state = done.state
        for output in done.outputs:
            match output:
                case Request():
                    self._send(output)
                case Read():
                    self.reads.append(output)
                case Told():
                    self.told.append(output)
                case Remember(key, version, body):
                    self.memory[key] = (version, body)
                case Alarm(key, text, raised):
                    self.raised.append(output)
                    if raised:
                        self.alarms[key] = text
                    else:
                        self.alarms.pop(key, None)
                case Listen():
                    self.listens.append(output)
                case WakeAt(at):
                    self.wake = at

    def run(self, seconds: float) -> "Rig":
        """Let this much time pass."""
        end = self.mono + seconds
        steps = 0
        while True:
            coming = min([at for at, _ in self._pending], default=float("inf"))
            moment = min(self.wake, coming)
            if moment > end:
                break
            steps += 1
            assert steps < 50_000, "it circles"
            self.mono = max(self.mono, moment)
            if coming <= moment:
                ready = min(self._pending, key=lambda one: one[0])
                self._pending.remove(ready)
                self.give(ready[1])
            else:
                self.give(Tick())
                assert self.wake > self.mono, "a wake that wakes nobody"
        self.mono = end
        return self

    def settle(self) -> "Rig":
        """Until the first round is over."""
        return self.run(5.0)

    @property
    def read(self) -> Read:
        return self.reads[-1]

    @property
    def events(self) -> dict[str, Event]:
        return {one.key.id: one for one in self.read.events}

    def sent(self, path: str, method: str = "GET") -> list[float]:
        """When this address was asked."""
        return [at for at, one in self.asked if one.method == method and _path(self.terms, one.url) == path]

    def posted(self, path: str) -> list[dict[str, Any]]:
        return [
            dict(one.json or {}) for _, one in self.asked if one.method == "POST" and _path(self.terms, one.url) == path
        ]

    def again(self) -> "Rig":
        """The same VTN and memory after a restart."""
        other = Rig(self.terms, self.memory, store=self.store)
        other.utc_at_birth = self.utc
        other.state = born(self.terms, self.memory, other.instants())
        return other

    def _send(self, request: Request) -> None:
        self.asked.append((self.mono, request))
        later = self.mono + RTT_S
        if self.down:
            self._pending.append((later, Failed(request.id, "connection refused")))
            return
        self.meanwhile(request)
        headers: dict[str, str] = {}
        if request.bearer:
            headers["authorization"] = f"Bearer {request.bearer}"
        if request.basic is not None:
            headers["authorization"] = basic_header(*request.basic)
        body = b"" if request.json is None else document.written(request.json)
        body = urlencode(request.form).encode() if request.form else body
        query = tuple(parse_qsl(urlsplit(request.url).query))
        asked = Asked(request.method, _path(self.terms, request.url), query, headers, body)
        answer = self.desk.answer(asked, self.utc, self.store)
        self.store.apply(answer.changes)
        self.notices.extend(answer.notices)
        reply = answer.reply
        if reply.cut:
            self._pending.append((later, Failed(request.id, "connection reset")))
            return
        sent = reply.body if reply.body is not None else b"" if reply.json is None else document.written(reply.json)
        json, fault = None, ""
        if sent.strip():
            try:
                json = self._bodies.get((request.url, sent)) or document.read(sent)
                self._bodies[request.url, sent] = json
            except MalformedMessage as malformed:
                fault = str(malformed)
        date_s = self.utc + self.date_ahead_s - 0.5
        retry_s = float(reply.headers.get("Retry-After", 0.0))
        given = Reply(
            id=request.id, status=reply.status, json=json, fault=fault, date_s=date_s, retry_s=retry_s, length=len(sent)
        )
        self._pending.append((later + reply.wait_s, given))


def basic_header(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def event(program: str, **more: Any) -> dict[str, Any]:
    """An import limit of 5 kW for an hour from 22:00, unless told otherwise."""
    return {
        "programID": program,
        "intervalPeriod": {"start": "2026-11-29T22:00:00Z", "duration": "PT1H"},
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KW"}
        ],
        "intervals": [interval(0, IMPORT_CAPACITY_LIMIT=[5.0])],
        **more,
    }


def interval(number: int, period: dict[str, Any] | None = None, /, **payloads: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": number}
    if period is not None:
        found["intervalPeriod"] = period
    return found | {"payloads": [{"type": kind, "values": values} for kind, values in payloads.items()]}


def in_3_0_1(terms: Terms = TERMS, **more: Any) -> Terms:
    return replace(terms, edition=Edition.V3_0_1, url="https://vtn.example/openadr3/3.0.1", **more)


def gaps(times: list[float]) -> list[float]:
    return [later - sooner for sooner, later in pairwise(times)]


def _path(terms: Terms, url: str) -> str:
    return urlsplit(url.removeprefix(terms.base)).path
