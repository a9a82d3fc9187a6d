"""A person's say on an event, told as configured: by another oadrCreatedEvent, or by EiOpt (rules 206 and 510)."""

from dataclasses import replace

from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import opts
from protocols.openadr2b.session.book import Known, Voice
from protocols.openadr2b.session.exchange import Opine
from protocols.openadr2b.session.terms import OptBy
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.wire.events import Target
from protocols.openadr2b.wire.registration import OadrCreateOpt


def opined(turn: Turn, given: Opine) -> None:
    """Take it. Of an event that is not known there is nothing to say."""
    known = turn.state.book.known.get(given.event)
    if known is None or known.gone is not None:
        turn.remark(f"opt for event {given.event}: the VTN shows no such event")
        return
    voice = known.voices.get(given.respondent.id, Voice())
    if voice.user_out != given.opt_in:
        return
    known = replace(known, voices={**known.voices, given.respondent.id: replace(voice, user_out=not given.opt_in)})
    by_opt = turn.state.terms.opt_by is OptBy.EI_OPT or not known.answerable
    if not by_opt:
        answer = books.answer_of(known)
        changed = answer is not None and books.summary(answer) != known.told
        known = replace(known, wants_answer=known.wants_answer or changed)
    turn.change(book=books.put(turn.state.book, known))
    if by_opt:
        turn.change(opts=opts.create(turn.state.opts, _opt(turn, known, given)))


def _opt(turn: Turn, known: Known, given: Opine) -> OadrCreateOpt:
    terms = turn.state.terms
    resource = next((name for name in terms.respondents if name and terms.respondent(name) == given.respondent), "")
    descriptor = known.event.descriptor
    return OadrCreateOpt(
        optID=f"opt-{turn.request_id()}",
        optType="optIn" if given.opt_in else "optOut",
        optReason="participating" if given.opt_in else "notParticipating",
        venID=turn.state.ven_id,
        createdDateTime=turn.server_s,
        requestID="",
        eventID=descriptor.eventID,
        modificationNumber=descriptor.modificationNumber,
        target=Target(resourceID=(resource,)) if resource else Target(venID=(turn.state.ven_id,)),
    )
