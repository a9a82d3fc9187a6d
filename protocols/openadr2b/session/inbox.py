"""What the VTN asks of us, and the reply to it: the same whether it came with a poll or to our server."""

from collections.abc import Iterable
from dataclasses import dataclass

from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import requests
from protocols.openadr2b.session.reconcile import reconcile
from protocols.openadr2b.session.reporting import tell_metadata
from protocols.openadr2b.session.state import Stage
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.wire.events import EiResponse, OadrDistributeEvent, OadrResponse
from protocols.openadr2b.wire.messages import Message, Service, name_of
from protocols.openadr2b.wire.reader import Unread
from protocols.openadr2b.wire.registration import (
    OadrCanceledPartyRegistration,
    OadrCancelPartyRegistration,
    OadrRequestReregistration,
)
from protocols.openadr2b.wire.reports import (
    OadrCanceledReport,
    OadrCancelReport,
    OadrCreatedReport,
    OadrCreateReport,
    OadrRegisteredReport,
    OadrRegisterReport,
    OadrUpdatedReport,
    OadrUpdateReport,
    ReportRequest,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it: the reply and its service (None = none is due), and what happens to the relation."""

    reply: Message | None = None
    service: Service = Service.POLL
    news: bool = True
    reregister: bool = False
    ended: bool = False


def take(turn: Turn, message: Message, unread: tuple[Unread, ...]) -> Asked:
    """Take one message of the VTN's own."""
    match message:
        case OadrDistributeEvent():
            return Asked(service=Service.EVENT, news=distributed(turn, message, unread))
        case OadrCreateReport():
            return _create_report(turn, message)
        case OadrCancelReport():
            return Asked(cancel_reports(turn, message), Service.REPORT)
        case OadrRegisterReport():
            answer = OadrRegisteredReport(eiResponse=_ok(message.requestID), venID=turn.state.ven_id)
            return Asked(answer, Service.REPORT)
        case OadrUpdateReport():
            return Asked(OadrUpdatedReport(eiResponse=_ok(message.requestID), venID=turn.state.ven_id), Service.REPORT)
        case OadrCancelPartyRegistration():
            return _cancel_registration(turn, message)
        case OadrRequestReregistration():
            if message.venID != turn.state.ven_id:
                return Asked(_plain(turn, _wrong_ven(turn, message.venID), ""), Service.REGISTER)
            return Asked(_plain(turn, None, ""), Service.REGISTER, reregister=True)
        case OadrResponse():
            return Asked(news=False)
        case _:
            refusal = Refusal(Code.COMPLIANCE, f"{name_of(message)} is nothing that a VEN is sent")
            turn.remark(refusal.text)
            return Asked(_plain(turn, refusal, ""), news=False)


def distributed(turn: Turn, message: OadrDistributeEvent, unread: tuple[Unread, ...]) -> bool:
    """Take a full set of events; whether it brought anything new."""
    state = turn.state
    response = message.eiResponse
    if response is not None and not response.good:
        turn.alarm("events", f"the VTN shows no events: {response.responseCode} {response.responseDescription or ''}")
        return False
    expected = state.registration.vtn_id
    if expected and message.vtnID and message.vtnID != expected:
        turn.alarm("events", f"events of VTN {message.vtnID!r} where {expected!r} is registered with: not taken")
        return False
    turn.calm("events")
    done = reconcile(state.book, message, unread, state.terms, state.ven_id, turn.server_s)
    for text in done.remarks:
        turn.remark(text)
    fresh = not books.lasts(state.book, done.book)
    turn.change(book=done.book, owing=True, read=True)
    if done.doubted:
        turn.change(stage=Stage.EVENTS, stage_due_s=turn.mono_s)
    elif state.stage is Stage.EVENTS:
        turn.change(stage=Stage.POLLING)
    return fresh


def metadata_taken(turn: Turn, message: OadrRegisteredReport) -> None:
    """The VTN has our metadata: what it asked for before is over (rule 306), what it asks for with them begins."""
    turn.change(requests=requests.Requests())
    if message.requests:
        turn.post(Service.REPORT, _created_report(turn, message.requests, message.eiResponse.requestID))


def cancel_reports(turn: Turn, message: OadrCancelReport) -> OadrCanceledReport:
    """End requests, with a last telling where that is wanted."""
    if message.venID is not None and message.venID != turn.state.ven_id:
        return _canceled_report(turn, _wrong_ven(turn, message.venID), message.requestID)
    left, strange = requests.cancelled(
        turn.state.requests, message.reportRequestID, turn.server_s, follow=message.reportToFollow
    )
    turn.change(requests=left)
    refusal = Refusal(Code.INVALID_ID, f"no report request {strange[0]!r} here") if strange else None
    return _canceled_report(turn, refusal, message.requestID)


def _create_report(turn: Turn, message: OadrCreateReport) -> Asked:
    if message.venID is not None and message.venID != turn.state.ven_id:
        answer = OadrCreatedReport(
            eiResponse=_response(_wrong_ven(turn, message.venID), message.requestID),
            pending=turn.state.requests.pending,
            venID=turn.state.ven_id,
        )
        return Asked(answer, Service.REPORT)
    return Asked(_created_report(turn, message.requests, message.requestID), Service.REPORT)


def _created_report(turn: Turn, wanted: Iterable[ReportRequest], request_id: str) -> OadrCreatedReport:
    taken, metadata, refusals = requests.taken(turn.state.requests, wanted, turn.state.terms, turn.server_s)
    turn.change(requests=taken)
    for name in metadata:
        tell_metadata(turn, name)
    for refusal in refusals:
        turn.remark(f"report request refused: {refusal.text}")
    return OadrCreatedReport(
        eiResponse=_response(refusals[0] if refusals else None, request_id),
        pending=taken.pending,
        venID=turn.state.ven_id,
    )


def _canceled_report(turn: Turn, refusal: Refusal | None, request_id: str) -> OadrCanceledReport:
    return OadrCanceledReport(
        eiResponse=_response(refusal, request_id), pending=turn.state.requests.pending, venID=turn.state.ven_id
    )


def _cancel_registration(turn: Turn, message: OadrCancelPartyRegistration) -> Asked:
    registration = turn.state.registration
    wrong = message.venID is not None and message.venID != registration.ven_id
    if wrong or message.registrationID != registration.registration_id:
        refusal = Refusal(Code.INVALID_ID, f"registration {message.registrationID!r} is not ours")
        turn.remark(refusal.text)
    else:
        refusal = None
    answer = OadrCanceledPartyRegistration(
        eiResponse=_response(refusal, message.requestID),
        registrationID=message.registrationID,
        venID=registration.ven_id or None,
    )
    return Asked(answer, Service.REGISTER, ended=refusal is None)


def _wrong_ven(turn: Turn, ven_id: str) -> Refusal:
    refusal = Refusal(Code.INVALID_ID, f"venID {ven_id!r} is not ours")
    turn.remark(refusal.text)
    return refusal


def _plain(turn: Turn, refusal: Refusal | None, request_id: str) -> OadrResponse:
    return OadrResponse(eiResponse=_response(refusal, request_id), venID=turn.state.ven_id or None)


def _ok(request_id: str) -> EiResponse:
    return _response(None, request_id)


def _response(refusal: Refusal | None, request_id: str) -> EiResponse:
    code, text = (Code.OK, "OK") if refusal is None else (refusal.code, refusal.text)
    return EiResponse(responseCode=int(code), responseDescription=text[:500], requestID=request_id)
