"""The next thing to say, and when."""

from protocols.openadr2b.session import book as books
from protocols.openadr2b.session import opts, polling, relation, reporting
from protocols.openadr2b.session.state import ForAnswers, ForLeave, ForLetter, ForOpt, ForPoll, Stage
from protocols.openadr2b.session.turn import Turn
from protocols.openadr2b.translate.refusal import Code
from protocols.openadr2b.wire.events import EiResponse, OadrCreatedEvent
from protocols.openadr2b.wire.registration import OadrCancelPartyRegistration, OadrPoll


def pace(turn: Turn) -> float:
    """Seconds from poll to poll."""
    return polling.pace(turn.state.registration.poll_s, turn.state.terms, books.mean_duration_s(turn.state.book))


def plan_poll(turn: Turn) -> None:
    """The next poll comes after the pace; the first of a run anywhere within it, so that VENs started together do not poll together."""
    spread = polling.after_poll if turn.state.read else polling.first_poll
    turn.change(poll_s=turn.mono_s + spread(pace(turn), turn.dice))


def send_due(turn: Turn) -> None:
    """Send what may be sent now, one request in each lane."""
    state = turn.state
    if state.registered and not state.refused:
        reporting.send(turn)
    if state.talk is None and state.due_s <= turn.mono_s:
        _talk(turn)


def next_due(turn: Turn) -> float:
    """When to come again, monotonic."""
    state = turn.state
    waits = [turn.mono_s + polling.REFUSED_S, reporting.next_due_s(turn)]
    if state.talk is None and state.stage is not Stage.LEFT:
        waiting = books.owes(state.book) or opts.waits(state.opts) or state.letters
        at = max(turn.mono_s, state.say_due_s) if waiting and state.stage not in _BEFORE else float("inf")
        staged = state.poll_s if state.stage is Stage.POLLING else state.stage_due_s
        waits.append(max(min(at, staged), state.due_s))
    patience = books.patience_ends_s(state.book) - turn.server_s + turn.mono_s
    return max(min(*waits, patience), turn.mono_s)


_BEFORE = (Stage.QUERY, Stage.REGISTER, Stage.METADATA)
"""While the VTN does not know us, or not what we can tell, nothing else is said."""


def _talk(turn: Turn) -> None:
    """What the VTN waits for first, then where the relation stands, then a poll."""
    state = turn.state
    say = state.say_due_s <= turn.mono_s
    answers = books.due_answers(state.book) if say else ()
    if state.leaving:
        message = OadrCancelPartyRegistration(
            requestID=turn.request_id(),
            registrationID=state.registration.registration_id,
            venID=state.ven_id or None,
        )
        turn.send(message, ForLeave(), "end registration")
    elif state.letters and say:
        letter = state.letters[0]
        turn.send(letter.message, ForLetter(letter), "reply", service=letter.service)
    elif state.stage in _BEFORE:
        if state.stage_due_s <= turn.mono_s:
            relation.send_stage(turn)
    elif state.stage is Stage.LEFT:
        return
    elif answers:
        response = EiResponse(responseCode=int(Code.OK), responseDescription="OK", requestID="")
        created = OadrCreatedEvent(eiResponse=response, eventResponses=answers, venID=state.ven_id)
        turn.send(created, ForAnswers(answers), "answer events")
    elif say and (opt := opts.due(state.opts, state.ven_id, f"opt-{state.serial + 1:x}")) is not None:
        turn.send(opt[1], ForOpt(opt[0]), "opt")
    elif state.stage is Stage.EVENTS:
        if state.stage_due_s <= turn.mono_s:
            relation.send_stage(turn)
    elif state.poll_s <= turn.mono_s:
        if state.terms.push_address:  # it is pushed to; a look of its own shows that the VTN is still there
            turn.change(stage=Stage.EVENTS, stage_due_s=turn.mono_s)
            relation.send_stage(turn)
        else:
            turn.send(OadrPoll(venID=state.ven_id), ForPoll(), "poll")
