"""Registration: begun, renewed and ended from either side (OpenADR 2.0b profile, clause 8.2; rules 309, 405 to 407)."""

from dataclasses import replace

from grid_functions.model.event import Read
from protocols.openadr2b.session import polling
from protocols.openadr2b.session.book import Book
from protocols.openadr2b.session.inbox import metadata_taken
from protocols.openadr2b.session.opts import Opts
from protocols.openadr2b.session.reconcile import read_of
from protocols.openadr2b.session.requests import Requests
from protocols.openadr2b.session.state import ForStage, Registration, Stage, mark_of
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.translate.refusal import Code
from protocols.openadr2b.translate.reports import metadata
from protocols.openadr2b.wire.events import EiResponse, OadrRequestEvent
from protocols.openadr2b.wire.messages import Message
from protocols.openadr2b.wire.registration import (
    OadrCreatedPartyRegistration,
    OadrCreatePartyRegistration,
    OadrQueryRegistration,
)
from protocols.openadr2b.wire.reports import OadrRegisteredReport, OadrRegisterReport

UNKNOWN = frozenset({Code.INVALID_ID, Code.NOT_RECOGNIZED, Code.NOT_REGISTERED})
"""Codes by which a VTN says that it does not know us."""


def send_stage(turn: Turn) -> None:
    """Ask for what leads on from here."""
    state, terms, request_id = turn.state, turn.state.terms, turn.request_id()
    purpose = ForStage(state.stage)
    match state.stage:
        case Stage.QUERY:
            turn.send(OadrQueryRegistration(requestID=request_id), purpose, "query registration")
        case Stage.REGISTER:
            message = OadrCreatePartyRegistration(
                requestID=request_id,
                registrationID=state.registration.registration_id or None,
                venID=state.ven_id or None,
                transportAddress=terms.push_address or None,
                reportOnly=terms.report_only,
                xmlSignature=terms.xml_signature,
                venName=terms.ven_name,
                httpPullModel=not terms.push_address,
            )
            turn.send(message, purpose, "register")
        case Stage.METADATA:
            told = metadata(terms, state.ven_id, turn.server_s)
            turn.send(
                OadrRegisterReport(requestID=request_id, reports=told, venID=state.ven_id), purpose, "register reports"
            )
        case Stage.EVENTS:
            turn.send(OadrRequestEvent(requestID=request_id, venID=state.ven_id), purpose, "request events")
        case Stage.POLLING | Stage.LEFT:
            pass


def queried(turn: Turn, message: Message) -> None:
    """The answer to a query: advice only, for what cannot be spoken will be refused at the registration."""
    if isinstance(message, OadrCreatedPartyRegistration) and message.eiResponse.good:
        spoken = [one for one in message.profiles if one.name == "2.0b" and "simpleHttp" in one.transports]
        if message.profiles and not spoken:
            turn.alarm("profile", "the VTN offers neither profile 2.0b nor simple HTTP")
        else:
            turn.calm("profile")
    _move(turn, Stage.REGISTER)


def registered(turn: Turn, message: Message) -> None:
    """The answer to a registration."""
    state = turn.state
    if not isinstance(message, OadrCreatedPartyRegistration):
        unregistered(turn, "the VTN answers a registration with something else")
        return
    response = message.eiResponse
    if not response.good or not message.venID or not message.registrationID:
        _refused(turn, response)
        return
    terms = state.terms
    if terms.vtn_id and message.vtnID != terms.vtn_id:
        turn.alarm("registration", f"VTN {message.vtnID!r} answers where {terms.vtn_id!r} is configured")
        turn.change(stage_due_s=turn.mono_s + turn.dice.jitter(0.9, 1.0) * polling.REFUSED_S)
        return
    before = state.registration
    same = (before.ven_id, before.registration_id) == (message.venID, message.registrationID)
    turn.register(
        Registration(
            message.venID, message.registrationID, message.vtnID, message.pollFreq, before.metadata if same else ""
        )
    )
    turn.calm("registration")
    if not same:
        turn.change(requests=Requests(), opts=Opts())
    # Registering again keeps all that the VTN knows of us; a new registration makes it forget (rule 406).
    told = same and before.metadata == mark_of(terms)
    _move(turn, Stage.METADATA if not told else Stage.EVENTS)


def metadata_told(turn: Turn, message: Message | None) -> None:
    """The answer to our metadata, None = none that can be read. Refused metadata hold up no event."""
    if isinstance(message, OadrRegisteredReport) and message.eiResponse.good:
        turn.calm("metadata")
        turn.register(replace(turn.state.registration, metadata=mark_of(turn.state.terms)))
        metadata_taken(turn, message)
    else:
        turn.alarm("metadata", "the VTN does not take our report metadata; it will not ask for reports")
    if turn.state.stage is Stage.METADATA:
        _move(turn, Stage.EVENTS)


def unregistered(turn: Turn, why: str) -> None:
    """The VTN does not know us, or wants us to register again: with the IDs we have, at a pace that slows down."""
    failures = turn.state.failures + 1
    pace = polling.pace(turn.state.registration.poll_s, turn.state.terms)
    wait = polling.backoff(failures, pace, turn.dice) if failures > 1 else 0.0
    turn.change(failures=failures, stage=Stage.REGISTER, stage_due_s=turn.mono_s + wait)
    turn.alarm("registration", f"{why}: registering again")


def erase(turn: Turn, why: str, *, left: bool) -> None:
    """The registration is over: everything of this peer is forgotten (rule 407), its events are cancelled."""
    state, at_s = turn.state, turn.server_s
    contexts = replace(state.terms, market_contexts=state.terms.market_contexts | _contexts(state.book))
    turn.register(Registration(state.terms.ven_id, state.terms.registration_id))
    wait = turn.dice.jitter(0.9, 1.0) * polling.REFUSED_S
    turn.change(
        book=Book(waiting=state.book.waiting),  # what waits is stranded now, and settled when the step ends
        talk=None,  # what is still under way was asked in the name of what is over
        upload=None,
        requests=Requests(),
        opts=Opts(),
        stock=replace(state.stock, unsent=()),
        stage=Stage.LEFT if left else Stage.REGISTER,
        stage_due_s=turn.mono_s + wait,
        read=False,
        owing=False,
        leaving=False,
    )
    for resource in state.terms.respondents:
        respondent = state.terms.respondent(resource)
        gone = read_of(Book(), respondent, contexts, at_s, complete=True)
        # Twice: an empty list is believed when it is seen so twice, and there is no second look at a relation that is over.
        turn.outputs += [gone, gone, Read(respondent, at_s, complete=False, refused=why)]
    turn.alarm("registration", why)


def _move(turn: Turn, stage: Stage) -> None:
    turn.change(stage=stage, stage_due_s=turn.mono_s)


def _refused(turn: Turn, response: EiResponse) -> None:
    text = f"registration refused with {response.responseCode} {response.responseDescription or ''}".rstrip()
    turn.alarm("registration", text)
    state = turn.state
    mine = Registration(state.terms.ven_id, state.terms.registration_id)
    if state.registered and state.registration != mine and response.responseCode in UNKNOWN:
        turn.register(mine)  # the old IDs mean nothing to it: once more, as if for the first time
        turn.change(stage_due_s=turn.mono_s)
        return
    turn.change(stage_due_s=turn.mono_s + turn.dice.jitter(0.9, 1.0) * polling.REFUSED_S)


def _contexts(book: Book) -> frozenset[str]:
    return frozenset(known.event.descriptor.marketContext for known in book.known.values())
