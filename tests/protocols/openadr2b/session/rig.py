"""Both ends in memory: the session against a scripted VTN that speaks bytes, in simulated time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from grid_functions.model.event import Event, EventKey, Read, Respondent
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.outcome import Cause, Outcome, OutcomeKind
from protocols.exchange import Alarm, Failed, Tell, Tick, Told, WakeAt
from protocols.openadr2b.session.exchange import Answer, Input, Pushed, Remember, Reply, Request
from protocols.openadr2b.session.machine import step
from protocols.openadr2b.session.state import born
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import (
    EiResponse,
    EventResponse,
    OadrCreatedEvent,
    OadrDistributeEvent,
    OadrEvent,
    OadrRequestEvent,
    OadrResponse,
)
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reader import decode
from protocols.openadr2b.wire.registration import (
    OadrCanceledOpt,
    OadrCanceledPartyRegistration,
    OadrCancelOpt,
    OadrCancelPartyRegistration,
    OadrCreatedOpt,
    OadrCreatedPartyRegistration,
    OadrCreateOpt,
    OadrCreatePartyRegistration,
    OadrPoll,
    OadrQueryRegistration,
    Profile,
)
from protocols.openadr2b.wire.reports import (
    OadrRegisteredReport,
    OadrRegisterReport,
    OadrUpdatedReport,
    OadrUpdateReport,
)
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.samples import START_S

TERMS = Terms(name="vtn", url="http://vtn", ven_name="depot", poll_s=10.0)
OK = EiResponse(responseCode=200, responseDescription="OK", requestID="")
PROFILES = (Profile(name="2.0b", transports=("simpleHttp",)),)
RTT_S = 0.1


class Low:
    """Dice that always fall low."""

    def jitter(self, low_s: float, high_s: float) -> float:
        return low_s


@dataclass
class Vtn:
    """A VTN that does what the profile says. ``outbox``: what the next polls bring; ``meddle``: answers instead, when it does not give
    None; a number is an HTTP status, bytes are a body."""

    vtn_id: str = "VTN"
    ven_id: str = "0042"
    registration_id: str = "1.10"
    poll_s: float | None = None
    events: list[OadrEvent] = field(default_factory=list)
    outbox: list[Message] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    down: bool = False
    meddle: Callable[[Message], Message | int | bytes | None] = lambda message: None

    def show(self, *events: OadrEvent, request: str = "r1") -> None:
        """From now on these are all; the next poll says so."""
        self.events = list(events)
        self.outbox.append(OadrDistributeEvent(requestID=request, vtnID=self.vtn_id, events=events))

    def of(self, kind: type[Any]) -> list[Any]:
        """What of this kind was posted."""
        return [message for message in self.asked if isinstance(message, kind)]

    @property
    def answers(self) -> list[EventResponse]:
        """Every answer to an event, in order."""
        return [one for created in self.of(OadrCreatedEvent) for one in created.eventResponses]

    def answer(self, message: Message) -> Message | int | bytes:
        self.asked.append(message)
        instead = self.meddle(message)
        if instead is not None:
            return instead
        match message:
            case OadrQueryRegistration():
                return OadrCreatedPartyRegistration(eiResponse=OK, vtnID=self.vtn_id, profiles=PROFILES)
            case OadrCreatePartyRegistration():
                return OadrCreatedPartyRegistration(
                    eiResponse=OK,
                    registrationID=self.registration_id,
                    venID=self.ven_id,
                    vtnID=self.vtn_id,
                    profiles=PROFILES,
                    pollFreq=self.poll_s,
                )
            case OadrCancelPartyRegistration():
                return OadrCanceledPartyRegistration(eiResponse=OK, registrationID=message.registrationID)
            case OadrRegisterReport():
                return OadrRegisteredReport(eiResponse=OK)
            case OadrUpdateReport():
                return OadrUpdatedReport(eiResponse=OK)
            case OadrRequestEvent():
                return OadrDistributeEvent(requestID="sync", vtnID=self.vtn_id, events=tuple(self.events))
            case OadrCreateOpt():
                return OadrCreatedOpt(eiResponse=OK, optID=message.optID)
            case OadrCancelOpt():
                return OadrCanceledOpt(eiResponse=OK, optID=message.optID)
            case OadrPoll() if self.outbox:
                return self.outbox.pop(0)
            case _:
                return OadrResponse(eiResponse=OK)


class Talk:
    """One run of the session. Time moves only here."""

    def __init__(
        self,
        vtn: Vtn | None = None,
        terms: Terms = TERMS,
        memory: dict[str, tuple[int, bytes]] | None = None,
        *,
        ahead_s: float = 0.0,
        site: Callable[[Event], OutcomeKind | None] = lambda event: OutcomeKind.RECEIVED,
    ) -> None:
        self.vtn = vtn or Vtn()
        self.memory = {} if memory is None else memory
        self.ahead_s = ahead_s
        self.mono_s, self.utc_s = 100.0, START_S - 3600.0
        self.site = site
        self.state = born(terms, self.memory, self.now)
        self.reads: list[Read] = []
        self.alarms: dict[str, str] = {}
        self.remarks: list[str] = []
        self.told: list[tuple[Outcome, str]] = []
        self.sent: list[tuple[float, Message]] = []
        self.long: dict[str, bool] = {}
        self.pushed: dict[int, Message | None] = {}
        self._wake_s = self.mono_s
        self._inbox: list[Input] = []
        self._seen: set[EventKey] = set()

    @property
    def now(self) -> Instants:
        return Instants(self.mono_s, self.utc_s)

    @property
    def events(self) -> dict[str, Event]:
        """The last read of the first respondent that had one."""
        return {} if not self.reads else {event.key.id: event for event in self.reads[-1].events}

    def run(self, seconds: float = 1.0) -> "Talk":
        """Let the session live for so long."""
        end_s = self.mono_s + seconds
        self.take(Tick())
        steps = 0
        while self._wake_s <= end_s:
            steps += 1
            assert steps < 1000 + 10 * seconds, "it circles"
            self._pass(max(0.001, self._wake_s - self.mono_s))
            self.take(Tick())
        self._pass(end_s - self.mono_s)
        return self

    def tell(self, name: str, kind: OutcomeKind, respondent: Respondent | None = None, text: str = "") -> Outcome:
        """The site says what became of an event."""
        outcome = Outcome(
            EventKey(respondent or Respondent("vtn", "depot"), name), kind, Moment("vtn", self.utc_s), Cause(text=text)
        )
        self.take(Tell(outcome))
        return outcome

    def push(self, service: Service, message: Message) -> Message | None:
        """The VTN posts to our server."""
        number = len(self.pushed) + 1
        self.take(Pushed(number, service, decode(encode(message))))
        return self.pushed[number]

    def take(self, given: Input) -> None:
        """Step, and whatever follows from it, one after the other."""
        self._inbox.append(given)
        if len(self._inbox) > 1:
            return
        while self._inbox:
            self._step(self._inbox[0])
            del self._inbox[0]

    def _step(self, given: Input) -> None:
        done = step(self.state, given, self.now, Low())
        self.state = done.state
        for output in done.outputs:
            match output:
                case Request():
                    self._carry(output)
                case Answer(number, message):
                    self.pushed[number] = None if message is None else decode(encode(message)).message
                case Read():
                    self._read(output)
                case Told(outcome, fate):
                    self.told.append((outcome, fate))
                case Remember(key, version, body, long):
                    self.memory[key] = (version, body())
                    self.long[key] = long
                case Alarm(key, text, raised):
                    self._warn(key, text, raised)
                case WakeAt(at_s):
                    self._wake_s = at_s

    def _pass(self, seconds: float) -> None:
        self.mono_s += seconds
        self.utc_s += seconds

    def _read(self, read: Read) -> None:
        self.reads.append(read)
        for event in read.events:
            if event.key not in self._seen and (kind := self.site(event)) is not None:
                self._seen.add(event.key)
                self.tell(event.key.id, kind, event.key.respondent)

    def _warn(self, key: str, text: str, raised: bool) -> None:
        if key.startswith("remark "):
            self.remarks.append(text)
        elif raised:
            self.alarms[key] = text
        else:
            self.alarms.pop(key, None)

    def _carry(self, request: Request) -> None:
        sent_s = self.mono_s
        message = decode(encode(request.message)).message
        self.sent.append((sent_s, message))
        self.vtn.services.append(request.service)
        if self.vtn.down:
            self.take(Failed(request.id, "connection refused"))
            return
        answer = self.vtn.answer(message)
        date_s = int(self.utc_s + self.ahead_s)
        reply = Reply(id=request.id, status=200, sent_s=sent_s, received_s=sent_s, date_s=date_s)
        if isinstance(answer, int):
            reply = replace(reply, status=answer)
        elif isinstance(answer, bytes):
            reply = replace(reply, fault=answer.decode()) if answer else reply
        else:
            reply = replace(reply, body=decode(encode(answer)))
        self.take(reply)


def cancelled(event: OadrEvent, number: int) -> OadrEvent:
    """The same event, cancelled."""
    descriptor = replace(event.descriptor, eventStatus="cancelled", modificationNumber=number)
    return replace(event, descriptor=descriptor)


def modified(event: OadrEvent, number: int, **changes: Any) -> OadrEvent:
    """The same event under another modification number, with other fields."""
    descriptor = replace(event.descriptor, modificationNumber=number)
    return replace(event, descriptor=descriptor, **changes)
