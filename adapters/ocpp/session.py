"""The machine of one station's connection: messages in, messages out; clock and ids are arguments. Pure but for its own memory.

One call of ours is in flight at a time (OCPP-J 1.6 and 2.0.1 part 4, clause 4.1.1); the connectors speak in turn.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.ocpp.desk import Desk
from adapters.ocpp.dialect import Dialect, failed
from adapters.ocpp.facts import (
    Answer,
    AskManners,
    Booted,
    Clear,
    Fact,
    KeepList,
    Manners,
    Order,
    SampleEvery,
    Show,
    Tell,
    Trigger,
    Verdict,
)
from adapters.ocpp.frames import Call, Code, Failure, Nonsense, Result, Version, decode, encode, fault_of
from adapters.ocpp.outlet import Outlet
from adapters.ocpp.v16 import V16
from adapters.ocpp.v201 import V201
from grid_functions.model.instants import Instants

CALL_TIMEOUT_S: Final = 30.0
MISSED: Final = 2
"""So many calls in a row without an answer: the connection is no longer one."""

DIALECTS: Final[Mapping[str, Dialect]] = {Version.V201: V201(), Version.V16: V16()}
"""By WebSocket subprotocol, the one we would rather speak first."""

Note = Callable[[Outlet | None, str, str, Mapping[str, Any]], None]
"""For the log: whom it concerns (None: the station), its kind, correlation and body."""


@dataclass(frozen=True, slots=True)
class _Flight:
    id: str
    action: str
    order: Order
    outlet: Outlet | None
    until_s: float


class Session:
    """From the opening of one socket to its end. ``ids`` gives the next call's."""

    def __init__(
        self, dialect: Dialect, desk: Desk, outlets: Iterable[Outlet], ids: Callable[[], str], note: Note
    ) -> None:
        self._dialect, self._desk, self._ids, self._note = dialect, desk, ids, note
        self._outlets = deque(outlets)
        self._flight: _Flight | None = None
        self._missed = 0
        self._ours: deque[Order] = deque()
        self._boots = False

    @property
    def hung(self) -> bool:
        """Whether the station no longer answers calls: its connection is to be closed."""
        return self._missed >= MISSED

    def opened(self, now: Instants) -> tuple[str, ...]:
        """The socket is open."""
        for outlet in self._outlets:
            outlet.opened()
        self._learn()
        return self.due(now)

    def closed(self, why: str) -> None:
        """The socket is closed."""
        self._flight = None
        for outlet in self._outlets:
            outlet.closed(why)

    def received(self, text: str, now: Instants) -> tuple[str, ...]:
        """A message; what is to be sent in answer, and after it."""
        message = decode(text, self._dialect.version)
        match message:
            case Call():
                return (encode(self._answer(message, now), self._dialect.version), *self.due(now))
            case Result() | Failure():
                self._take_answer(message, now)
                return self.due(now)
            case Nonsense(why, answer):
                self._note(None, "malformed", "", {"why": why, "text": text[:200]})
                return () if answer is None else (encode(answer, self._dialect.version),)

    def due(self, now: Instants) -> tuple[str, ...]:
        """What is to be sent now: an unanswered call is given up, and the next one said."""
        flight = self._flight
        if flight is not None and now.mono_s >= flight.until_s:
            self._flight = None
            self._missed += 1
            self._note(flight.outlet, "no answer", _correlation(flight.outlet), {"action": flight.action})
            self._hear_answer(flight, Answer(Verdict.REJECTED, f"no answer in {CALL_TIMEOUT_S:g} s"), now)
        if self._flight is not None or self.hung:
            return ()
        order, outlet = self._next(now)
        if order is None:
            return ()
        phrase = self._dialect.say(order)
        self._flight = _Flight(self._ids(), phrase.action, order, outlet, now.mono_s + CALL_TIMEOUT_S)
        if outlet is not None:
            outlet.said(order, now)
        kind = "write" if isinstance(order, Tell | Clear) else "call"
        self._note(outlet, kind, _correlation(outlet), {"action": phrase.action, "payload": phrase.payload})
        return (encode(Call(self._flight.id, phrase.action, phrase.payload), self._dialect.version),)

    def _learn(self) -> None:
        """What is asked of a station that has come or started: how it may be limited, and what it shows of itself."""
        self._ours = deque[Order]([AskManners()])
        seconds = min((o.settings.options.sample_s for o in self._outlets if o.settings.options.sample_s), default=0)
        if seconds:
            self._ours += [SampleEvery(seconds, part) for part in range(self._dialect.sample_parts)]
        tags = self._desk.rules.tags
        if tags is not None:
            self._ours.append(KeepList(tuple(sorted(tags)), self._desk.rules.list_version))
        if not self._boots:
            self._ours.append(Trigger("BootNotification"))
        for outlet in self._outlets:
            self._ours.append(Trigger("StatusNotification", outlet.settings.connector))
            self._ours.append(Trigger("MeterValues", outlet.settings.connector))

    def _next(self, now: Instants) -> tuple[Order | None, Outlet | None]:
        """How it may be limited comes first, then the limits, then the rest."""
        if self._ours and isinstance(self._ours[0], AskManners):
            return self._ours.popleft(), None
        for _ in range(len(self._outlets)):
            outlet = self._outlets[0]
            self._outlets.rotate(-1)
            order = outlet.due(now)
            if order is not None:
                return order, outlet
        return (self._ours.popleft(), None) if self._ours else (None, None)

    def _answer(self, call: Call, now: Instants) -> Result | Failure:
        hear = self._dialect.calls.get(call.action)
        if hear is None:
            return Failure(call.id, Code.NOT_SUPPORTED, f"{call.action} is nothing that is answered here")
        try:
            payload, facts = hear(call.payload, self._desk, now.utc_s)
        except ArithmeticError:
            return Failure(call.id, Code.PROPERTY, "a number beyond measure")
        for fact in facts:
            self._take(fact, now)
        return Result(call.id, payload)

    def _take(self, fact: Fact, now: Instants) -> None:
        for outlet in self._outlets:
            outlet.take(fact, now)
        if isinstance(fact, Booted) and not self._boots:
            self._boots = True
            self._ours = deque(one for one in self._ours if one != Trigger("BootNotification"))
        elif isinstance(fact, Booted):
            self._learn()

    def _take_answer(self, message: Result | Failure, now: Instants) -> None:
        flight = self._flight
        if flight is None or flight.id != message.id:
            # Late, doubled, or to nothing: it changes nothing.
            self._note(None, "stray answer", "", {"id": message.id[:50]})
            return
        self._flight, self._missed = None, 0
        if isinstance(message, Failure):
            answer = failed(message.code, message.text)
        elif (fault := fault_of(flight.action, message.payload, self._dialect.version, answer=True)) is not None:
            answer = Answer(Verdict.REJECTED, f"its answer to {flight.action} is malformed: {fault[1]}")
        else:
            try:
                answer = self._dialect.understand(flight.order, message.payload)
            except ArithmeticError:
                answer = Answer(Verdict.REJECTED, f"its answer to {flight.action} has a number beyond measure")
        if answer.verdict is not Verdict.ACCEPTED:
            body = {"action": flight.action, "why": answer.why}
            self._note(flight.outlet, "refused", _correlation(flight.outlet), body)
        elif isinstance(flight.order, Show) and isinstance(message, Result):
            self._note(flight.outlet, "read-back", _correlation(flight.outlet), {"shown": message.payload})
        self._hear_answer(flight, answer, now)

    def _hear_answer(self, flight: _Flight, answer: Answer, now: Instants) -> None:
        if flight.outlet is not None:
            flight.outlet.answered(flight.order, answer, now)
        elif isinstance(flight.order, AskManners):
            for outlet in self._outlets:
                outlet.learn(answer.manners or Manners())


def _correlation(outlet: Outlet | None) -> str:
    """Of the decision that something is done for."""
    return "" if outlet is None else outlet.correlation
