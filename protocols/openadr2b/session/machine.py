"""The 2.0b VEN as one machine: ``step(state, given, now, dice) -> SessionStep(state, outputs)``.

Two lanes, each with one request under way: the talk with the VTN, whose order is its meaning, and the reports, whose length must hold up
no event. What is due is in the state; every step sends it and says when the next thing is.
"""

from dataclasses import dataclass, replace

from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.ports import Dice
from grid_functions.upstream_clock import LARGE_S, heard
from protocols.exchange import Failed, Tell, Tick, Told, WakeAt
from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import inbox, opts, polling, relation, reporting, sending, stock
from protocols.openadr2b.session.exchange import (
    Answer,
    Input,
    Leave,
    Opine,
    Output,
    Picture,
    Pushed,
    Remember,
    Reply,
    Schedule,
    Unschedule,
)
from protocols.openadr2b.session.opinion import opined
from protocols.openadr2b.session.reconcile import read_of
from protocols.openadr2b.session.state import (
    CLOCK_KEY,
    CLOCK_VERSION,
    ForAnswers,
    ForLeave,
    ForLetter,
    ForOpt,
    ForPoll,
    ForReport,
    ForStage,
    Purpose,
    Stage,
    State,
)
from protocols.openadr2b.session.terms import OptBy
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.translate.refusal import Code
from protocols.openadr2b.wire.events import (
    EiResponse,
    EventResponse,
    OadrDistributeEvent,
    OadrResponse,
)
from protocols.openadr2b.wire.messages import Message
from protocols.openadr2b.wire.reader import Decoded
from protocols.openadr2b.wire.registration import OadrRequestReregistration
from protocols.openadr2b.wire.reports import OadrRegisteredReport, OadrUpdatedReport


@dataclass(frozen=True, slots=True)
class SessionStep:
    """What one step leaves: the next state, and what it wants of the world."""

    state: State
    outputs: tuple[Output, ...]


def step(state: State, given: Input, now: Instants, dice: Dice) -> SessionStep:
    """Take one input. Awaits nothing, reads no clock; chance only jitters due times."""
    turn = _Turn(state, now, dice)
    match given:
        case Reply():
            turn.reply(given)
        case Failed():
            turn.fail(given)
        case Pushed():
            turn.pushed(given)
        case Tell(outcome):
            turn.tell(outcome)
        case Opine():
            opined(turn, given)
        case Schedule(opt):
            turn.change(opts=opts.create(turn.state.opts, opt))
        case Unschedule(opt_id):
            turn.change(opts=opts.cancel(turn.state.opts, opt_id))
        case Leave():
            turn.change(leaving=turn.state.registered)
        case Picture(respondent, seen, averages):
            whole = respondent.id == turn.state.terms.ven_name
            kept = stock.seen(turn.state.stock, respondent.id, seen, averages, turn.utc_s, whole=whole)
            turn.change(stock=kept)
        case Tick():
            pass
    turn.finish()
    turn.keep(state)
    return SessionStep(turn.state, tuple(turn.outputs))


_SAID = (ForLetter, ForOpt, ForAnswers)
"""What we have to say of ourselves: not sent again once the VTN refused to read it, and no reason not to ask for events."""


class _Turn(Turn):
    """One step of the machine."""

    def reply(self, reply: Reply) -> None:
        purpose = self._claimed(reply.id)
        if purpose is None:
            return
        if reply.date_s is not None:
            self._heard(reply.date_s, reply)
        if reply.status == 200 and not reply.fault:
            self._reached()
            self._dispatch(purpose, reply.body)
        elif reply.status in (401, 403):
            self._denied(purpose, reply)
        elif reply.status in (400, 404, 406, 422) and not isinstance(purpose, ForStage | ForPoll | ForLeave):
            self._reached()
            self._discard(purpose, f"HTTP {reply.status} {reply.fault}".rstrip())
        elif isinstance(purpose, ForReport):
            reporting.held_up(self, reply.retry_s, purpose.serial)
        elif isinstance(purpose, _SAID) and reply.status != polling.QUIESCE:
            self._stumbled(reply.fault or f"HTTP status {reply.status}", reply.retry_s)
        else:
            self._held_up(purpose, reply.fault or f"HTTP status {reply.status}", reply.retry_s)

    def fail(self, failure: Failed) -> None:
        purpose = self._claimed(failure.id)
        if purpose is not None:
            self._held_up(purpose, failure.why, 0.0)

    def pushed(self, pushed: Pushed) -> None:
        """What came to our server is answered there; events are answered with a bare 200 and an oadrCreatedEvent of ours."""
        if not self.state.registered:
            self.outputs.append(Answer(pushed.id, OadrResponse(eiResponse=_UNREGISTERED)))
            return
        asked = inbox.take(self, pushed.body.message, pushed.body.unread)
        self.outputs.append(Answer(pushed.id, asked.reply))
        self._follow(asked)

    def tell(self, outcome: Outcome) -> None:
        """Owe an answer, or an opt where opts are told so."""
        opt = outcome.kind in (OutcomeKind.OPTED_OUT, OutcomeKind.OPTED_IN)
        if opt and self.state.terms.opt_by is OptBy.EI_OPT:
            event = outcome.event
            opined(self, Opine(event.id, event.respondent, outcome.kind is OutcomeKind.OPTED_IN))
            self.outputs.append(Told(outcome, "told by EiOpt"))
            return
        book, fate = books.tell(self.state.book, outcome)
        self.change(book=book)
        if fate:
            self.outputs.append(Told(outcome, fate))

    def finish(self) -> None:
        """Tell what was read, send what is due, say when to come again."""
        book, lost = books.stranded(books.waited(self.state.book, self.server_s))
        self.change(book=book)
        self.outputs += [Told(outcome, "no longer asked for") for outcome in lost]
        self._tell_reads()
        if self.state.registered:
            reporting.write_due(self)
        sending.send_due(self)
        self.outputs.append(WakeAt(sending.next_due(self)))

    def _claimed(self, number: int) -> Purpose | None:
        talk, upload = self.state.talk, self.state.upload
        if talk is not None and talk[0] == number:
            self.change(talk=None)
            return talk[1]
        if upload is not None and upload[0] == number:
            self.change(upload=None)
            return upload[1]
        return None

    # What came

    def _reached(self) -> None:
        self.calm("reach")
        self.calm("access")
        self.change(refused="")

    def _dispatch(self, purpose: Purpose, body: Decoded[Message] | None) -> None:
        if body is None:
            if isinstance(purpose, ForStage | ForPoll):
                self._held_up(purpose, "an empty answer", 0.0)
            else:  # taken: some VTNs answer what is itself an answer with nothing
                self._settle(purpose, None)
            return
        message = body.message
        if isinstance(message, OadrRequestReregistration) and not isinstance(purpose, ForPoll):
            self._put_off(purpose)
            relation.unregistered(self, "the VTN does not know us")
            return
        response = getattr(message, "eiResponse", None)
        lost = isinstance(response, EiResponse) and response.responseCode == Code.NOT_REGISTERED
        if lost and not isinstance(purpose, ForLeave) and not _is_registering(purpose):
            self._put_off(purpose)
            relation.unregistered(self, f"the VTN answers {Code.NOT_REGISTERED:d}")
            return
        match purpose:
            case ForStage(Stage.QUERY):
                relation.queried(self, message)
            case ForStage(Stage.REGISTER):
                relation.registered(self, message)
            case ForStage(Stage.METADATA):
                relation.metadata_told(self, message)
            case ForStage():
                self._events_shown(message, body)
            case ForPoll():
                self._polled(message, body)
            case _:
                self._settle(purpose, message)

    def _events_shown(self, message: Message, body: Decoded[Message]) -> None:
        sending.plan_poll(self)
        self.change(stage_due_s=self.state.poll_s)
        match message:
            case OadrDistributeEvent():
                self.change(failures=0)
                inbox.distributed(self, message, body.unread)
            case OadrResponse(eiResponse=response) if response.good:
                # Interpretation: a VTN that answers a request for events with a plain 200 has none.
                self.change(failures=0)
                inbox.distributed(self, OadrDistributeEvent(requestID=response.requestID, vtnID=""), ())
            case OadrResponse(eiResponse=response) if response.responseCode in relation.UNKNOWN:
                relation.unregistered(self, f"the VTN answers {response.responseCode}")
            case _:
                self._held_up(ForStage(Stage.EVENTS), f"{type(message).__name__} where events are due", 0.0)

    def _polled(self, message: Message, body: Decoded[Message]) -> None:
        response = message.eiResponse if isinstance(message, OadrResponse) else None
        if response is not None and not response.good:
            if response.responseCode in relation.UNKNOWN:
                relation.unregistered(self, f"the VTN answers {response.responseCode}")
            else:
                self._held_up(ForPoll(), f"the VTN answers a poll with {response.responseCode}", 0.0)
            return
        self.change(failures=0)
        self.calm("registration")
        if response is not None:
            self.change(owing=self.state.read, drained=0)
            sending.plan_poll(self)
            return
        asked = inbox.take(self, message, body.unread)
        if asked.reply is not None:
            self.post(asked.service, asked.reply)
        if asked.news and self.state.drained < polling.MOST_DRAINED:
            self.change(drained=self.state.drained + 1, poll_s=self.mono_s)
        else:
            self.change(drained=0)
            sending.plan_poll(self)
        self._follow(asked)

    def _follow(self, asked: inbox.Asked) -> None:
        if asked.reregister:
            self.change(stage=Stage.REGISTER, stage_due_s=self.mono_s)
        elif asked.ended:
            relation.erase(self, "the VTN ended the registration", left=False)

    def _settle(self, purpose: Purpose, message: Message | None) -> None:
        """What we had to say was taken, or refused by an answer."""
        response = getattr(message, "eiResponse", None) if message is not None else _TAKEN
        good = isinstance(response, EiResponse) and response.good
        if isinstance(purpose, _SAID):
            self.change(say_failures=0, say_due_s=self.mono_s)
            self.calm("say")
        match purpose:
            case ForAnswers(answers):
                self._answered(answers, good, response)
            case ForLetter(letter):
                self.unpost(letter)
                if isinstance(message, OadrRegisteredReport) and good:
                    inbox.metadata_taken(self, message)
                if not good:
                    self.remark(f"the VTN refuses our {type(letter.message).__name__}")
            case ForOpt(opt_id):
                self.change(opts=opts.settled(self.state.opts, opt_id, good=good))
                if good:
                    self.calm("opt")
                else:
                    self.alarm("opt", f"the VTN refuses opt {opt_id}")
            case ForReport(serial):
                reporting.settled(self, serial, response if isinstance(response, EiResponse) else None)
                if isinstance(message, OadrUpdatedReport) and message.cancel is not None:
                    inbox.cancel_reports(self, message.cancel)
            case ForLeave():
                relation.erase(self, "we ended the registration", left=True)
            case _:
                pass

    def _answered(self, answers: tuple[object, ...], good: bool, response: object) -> None:
        sent = tuple(one for one in answers if isinstance(one, EventResponse))
        if not good and len(sent) > 1:
            # One of them is not taken (perhaps of an event the VTN has dropped): which one is found by telling each alone.
            self.change(book=replace(self.state.book, alone=True))
            return
        told = "" if good else f"refused with {getattr(response, 'responseCode', 'nothing')}"
        book, settled = books.answered(self.state.book, sent, told)
        if not books.owes(book):
            book = replace(book, alone=False)
        self.change(book=book)
        self.outputs += [Told(outcome, told or "acknowledged") for outcome in settled]
        if not good:
            self.remark(f"the VTN does not take our answer to event {sent[0].eventID if sent else '?'}: {told}")

    # What did not come

    def _held_up(self, purpose: Purpose, why: str, wait_s: float) -> None:
        """Nobody took it: it is sent again, later. A silent VTN is a state, not an error."""
        if isinstance(purpose, ForReport):
            reporting.held_up(self, wait_s)
            return
        failures = self.state.failures + 1
        wait = max(polling.backoff(failures, sending.pace(self), self.dice), wait_s)
        self.change(failures=failures, due_s=self.mono_s + wait)
        if isinstance(purpose, ForPoll):
            self.change(poll_s=self.mono_s + wait)
        if failures >= polling.PATIENT and purpose == ForStage(Stage.METADATA):
            relation.metadata_told(self, None)
        if failures >= polling.PATIENT:
            self.alarm("reach", f"the VTN does not answer: {why}; accepted events go on, trying again")

    def _stumbled(self, why: str, wait_s: float) -> None:
        """The VTN is there and cannot take what we say: it is sent again, later, and polls go on meanwhile."""
        failures = self.state.say_failures + 1
        wait = max(polling.backoff(failures, sending.pace(self), self.dice), wait_s)
        self.change(say_failures=failures, say_due_s=self.mono_s + wait)
        if failures >= polling.PATIENT:
            self.alarm("say", f"the VTN stumbles over what we tell it: {why}; trying again")

    def _denied(self, purpose: Purpose, reply: Reply) -> None:
        text = f"the VTN refuses us with {reply.status}: is our certificate, or its fingerprint, known to it?"
        self.alarm("access", f"{text} Accepted events go on")
        wait = max(self.dice.jitter(0.9, 1.0) * polling.REFUSED_S, reply.retry_s)
        if isinstance(purpose, ForReport):
            self.change(upload_due_s=self.mono_s + wait)
        self.change(refused=text, due_s=self.mono_s + wait, owing=False)
        terms = self.state.terms
        self.outputs += [
            Read(terms.respondent(resource), self.server_s, complete=False, refused=text)
            for resource in terms.respondents
        ]

    def _discard(self, purpose: Purpose, why: str) -> None:
        refused = OadrResponse(eiResponse=EiResponse(responseCode=int(Code.INVALID_DATA), responseDescription=why))
        if isinstance(purpose, ForReport):
            reporting.settled(self, purpose.serial, None)
        elif isinstance(purpose, _SAID):
            self._settle(purpose, refused)

    def _put_off(self, purpose: Purpose) -> None:
        """It is sent again once we are registered, but for a reply: the VTN forgot with us what it asked."""
        match purpose:
            case ForReport():
                reporting.held_up(self, 0.0)
            case ForLetter(letter):
                self.unpost(letter)
            case _:
                pass

    def _heard(self, date_s: int, reply: Reply) -> None:
        before = self.server_s
        clock = heard(self.state.clock, date_s, reply.sent_s, reply.received_s, adopted=self.state.date_heard)
        self.change(clock=clock, date_heard=True)
        if clock.doubt_s is not None:
            self.alarm("clock", "the VTN's clock jumped; its time is taken once it confirms it")
        elif abs(self.server_s - self.utc_s) > LARGE_S:
            ahead = self.server_s - self.utc_s
            self.alarm("clock", f"the VTN's clock is {ahead:.0f} s ahead of ours; events run by the VTN's time")
        elif abs(self.server_s - before) <= LARGE_S:
            self.calm("clock")
        offset = clock.goal_s + self.mono_s - self.utc_s
        if self.state.saved_offset_s is None or abs(offset - self.state.saved_offset_s) > 1.0:
            self.change(saved_offset_s=offset)
            body = f"{offset:.3f}".encode()
            self.outputs.append(Remember(CLOCK_KEY, CLOCK_VERSION, lambda: body))

    # Reads

    def _tell_reads(self) -> None:
        state = self.state
        if not state.owing or state.refused:
            return
        for resource in state.terms.respondents:
            respondent = state.terms.respondent(resource)
            self.outputs.append(read_of(state.book, respondent, state.terms, self.server_s, complete=True))
        self.change(owing=False)


_TAKEN = EiResponse(responseCode=int(Code.OK))
_UNREGISTERED = EiResponse(responseCode=int(Code.NOT_REGISTERED), responseDescription="this VEN is not registered")


def _is_registering(purpose: Purpose) -> bool:
    return isinstance(purpose, ForStage) and purpose.stage in (Stage.QUERY, Stage.REGISTER)
