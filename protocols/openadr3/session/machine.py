"""The OpenADR 3 VEN as one machine: ``step(state, given, now, dice) -> SessionStep(state, outputs)``.

There is one scheduler: the due times in the state. Every step sends what is due and says when the next thing is.
"""

from dataclasses import dataclass, replace
from itertools import islice

from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from protocols.exchange import Failed, Tell, Tick, Told, WakeAt
from protocols.openadr3.session import duties, hints, pace, reads, rounds, token
from protocols.openadr3.session.exchange import Hint, Input, Listening, Output, Picture, Reply
from protocols.openadr3.session.sightings import KEY, VERSION, pruned, saved
from protocols.openadr3.session.state import (
    ForNotifiers,
    ForReport,
    ForResource,
    ForSearch,
    ForServer,
    ForSubscription,
    ForToken,
    ForVen,
    Round,
    State,
)
from protocols.openadr3.session.turn import Turn
from protocols.openadr3.session.walk import Kind

LONGEST_S = 3600.0
"""Nothing is slept through for longer, so that a clock set forward is noticed."""

MOST_REMARKED = 100
"""Events with an alarm of their own; more, nobody reads."""

FAR_S = 30.0
"""A VTN whose clock differs by more from ours is worth an alarm."""


@dataclass(frozen=True, slots=True)
class SessionStep:
    """What one step leaves: the next state, and what it wants of the world."""

    state: State
    outputs: tuple[Output, ...]


def step(state: State, given: Input, now: Instants, dice: Dice) -> SessionStep:
    """Take one input. Awaits nothing, reads no clock; chance only jitters due times."""
    turn = Turn(state, now, dice)
    match given:
        case Reply() | Failed():
            _answered(turn, given)
        case Tell(outcome):
            duties.noted(turn, outcome)
            turn.outputs.append(Told(outcome, "told by reports"))
        case Picture():
            duties.heard(turn, given)
        case Hint():
            _hinted(turn)
        case Listening():
            _listening(turn, given)
        case Tick():
            pass
    _finish(turn)
    return SessionStep(turn.state, tuple(turn.outputs))


def _answered(turn: Turn, reply: Reply | Failed) -> None:
    waiting, bearers = dict(turn.state.waiting), dict(turn.state.bearers)
    purpose, bearer = waiting.pop(reply.id, None), bearers.pop(reply.id, "")
    turn.change(waiting=waiting, bearers=bearers)
    if isinstance(reply, Reply):
        _heard_date(turn, reply)
    match purpose:
        case ForToken():
            token.answered(turn, reply.id, reply)
        case ForServer():
            token.found(turn, reply.id, reply)
        case ForSearch(search):
            rounds.answered(turn, search, reply.id, reply, bearer)
        case ForVen() | ForResource():
            rounds.created(turn, purpose, reply.id, reply, bearer)
        case ForSubscription(act):
            hints.subscribed(turn, act, reply.id, reply, bearer)
        case ForNotifiers(topic):
            hints.told(turn, topic, reply.id, reply, bearer)
        case ForReport():
            duties.answered(turn, reply.id, reply, bearer)
        case None:
            pass


def _finish(turn: Turn) -> None:
    rounds.send(turn)
    if rounds.is_over(turn):
        _conclude(turn)
    _judge_credentials(turn)
    hints.send(turn)
    duties.send(turn)
    turn.outputs.append(WakeAt(_next_due(turn)))


def _conclude(turn: Turn) -> None:
    """Everything was asked: what it says goes out, and the next round is set."""
    state = turn.state
    done = state.round.done
    chosen = rounds.chosen(turn)
    program_searches = [walked for search, walked in done.items() if search.kind is Kind.PROGRAMS]
    event_searches = [walked for search, walked in done.items() if search.kind is Kind.EVENTS]
    asked = program_searches + event_searches
    if asked and all(walked.status in (401, 403) for walked in asked):
        _refuse(turn, f"the VTN refuses us its programs and events ({asked[0].why})")
        turn.change(round=Round(due_s=turn.mono_s + pace.refused(turn.dice), failures=state.round.failures + 1))
        return
    if all(not walked.ended and not walked.items for walked in (event_searches or program_searches)) and asked:
        rounds.failed(turn, next((walked.why for walked in asked if walked.why), "no list could be read"))
        return
    if not chosen and not all(walked.ended for walked in program_searches):
        chosen = dict(state.programs)
    missing = set(state.terms.programs) - {one.name for one in chosen.values()}
    if missing and all(walked.ended for walked in program_searches):
        turn.alarm("programs", f"configured programs that the VTN does not show: {', '.join(sorted(missing))}")
    else:
        turn.calm("programs")
    found = reads.found_in(done, chosen, state.terms)
    _take(turn, found)
    turn.calm("vtn")
    if turn.state.refused:
        turn.change(refused="")
        turn.calm("access")
    rounds.settle(turn)
    _schedule(turn, found)


def _take(turn: Turn, found: reads.Found) -> None:
    state = turn.state
    grants = rounds.grants(turn)
    known = {}
    sightings = dict(state.sightings)
    for event in found.events:
        one = reads.known_of(
            event,
            found.programs[event.program_id],
            state.known.get(event.id),
            sightings.get(event.id),
            state.terms,
            grants,
            turn.utc_s,
        )
        known[event.id] = one
        sightings[event.id] = one.sighting
    if sightings != state.sightings:
        sightings = dict(pruned(sightings, known))
        turn.remember(KEY, VERSION, saved(sightings))
    mine = {name: one for name, one in known.items() if one.resources}
    emptied = bool(state.known) and found.complete and any(name not in mine for name in state.known)
    turn.change(
        known=mine,
        sightings=sightings,
        foreign=len(known) - len(mine),
        programs=found.programs,
        emptied=emptied,
        reached=True,
    )
    if found.programs.keys() != state.programs.keys():
        hints.follow(turn)
    _remark(turn)
    turn.outputs.extend(reads.reads_of(state.terms, found, mine, turn.utc_s))
    duties.follow(turn)


def _remark(turn: Turn) -> None:
    """What of the events was not taken, for people; one alarm for each event, as long as it is shown so, and one for all beyond so many."""
    wanted = {
        f"event {name}": "; ".join(
            ([f"refused: {one.reject.text}"] if one.reject is not None else []) + list(one.remarks)
        )
        for name, one in turn.state.known.items()
        if one.reject is not None or one.remarks
    }
    more = len(wanted) - MOST_REMARKED
    if more > 0:
        wanted = dict(islice(wanted.items(), MOST_REMARKED)) | {"events": f"{more} more were not taken as they are"}
    for key in sorted(turn.state.alarms):
        if key.startswith("event") and key not in wanted:
            turn.calm(key)
    for key, text in wanted.items():
        turn.alarm(key, f"{key}: {text}"[:500])


def _schedule(turn: Turn, found: reads.Found) -> None:
    """Polled faster while nothing hints. Something gone is read once more soon: a list may be empty by mistake."""
    state = turn.state
    every_s = state.terms.ceiling_s if state.hints and state.hinted else state.terms.floor_s
    due_s = pace.after_read(every_s, state.round.started_s, turn.dice)
    if state.emptied:
        due_s = min(due_s, turn.mono_s + turn.dice.jitter(0.5, 1.0) * pace.CONFIRM_S)
    if state.round.again:
        due_s = min(due_s, turn.mono_s + turn.dice.jitter(0.0, 1.0) * pace.SOON_S)
    if not found.complete:
        turn.alarm("incomplete", "the VTN's lists could not be read to their end; what was read before holds")
    else:
        turn.calm("incomplete")
    turn.change(round=Round(due_s=max(due_s, turn.mono_s + 0.1)))


def _refuse(turn: Turn, text: str) -> None:
    turn.change(refused="access", reached=False)
    turn.alarm("access", f"{text}; accepted events go on")
    for respondent in turn.state.terms.respondents:
        turn.outputs.append(Read(respondent, turn.utc_s, complete=False, refused=text))


def _judge_credentials(turn: Turn) -> None:
    """A token endpoint that refuses us refuses the whole relation."""
    state = turn.state
    if "credentials" in state.alarms and not state.refused:
        _refuse(turn, "the token endpoint refuses our client id or secret")
    if state.refused and not state.round.open and "credentials" in state.alarms:
        turn.change(round=replace(state.round, due_s=max(state.round.due_s, state.grant.due_s)))


def _hinted(turn: Turn) -> None:
    """Look soon; a round under way may have passed what changed, so another follows it."""
    one = turn.state.round
    soon_s = turn.mono_s + turn.dice.jitter(0.0, 1.0) * pace.SOON_S
    if one.open:
        turn.change(round=replace(one, again=True), hinted=True)
    elif not turn.state.refused and not one.failures:
        turn.change(round=replace(one, due_s=min(one.due_s, soon_s)), hinted=True)
    else:
        turn.change(hinted=True)


def _listening(turn: Turn, given: Listening) -> None:
    before = turn.state.hints
    after = before | {given.of} if given.on else before - {given.of}
    turn.change(hints=after)
    if given.on:
        turn.calm(given.of)
        if given.of == "mqtt":
            turn.change(hinted=True)
        return
    if given.why:
        turn.alarm(given.of, f"no hints by {given.of} ({given.why}); the VTN is polled, and asked again")
    if given.of == "mqtt":
        failures = turn.state.broker.failures + 1
        wait = pace.backoff(failures, turn.dice, least_s=10.0, most_s=pace.REFUSED_S)
        broker = replace(turn.state.broker, due_s=turn.mono_s + wait, failures=failures)
        turn.change(broker=broker)
    one = turn.state.round
    if not one.open and not one.failures and not turn.state.refused:
        turn.change(round=replace(one, due_s=min(one.due_s, turn.mono_s + turn.state.terms.floor_s)))


def _heard_date(turn: Turn, reply: Reply) -> None:
    """OpenADR 3 has no time of its own: windows are in UTC, and we go by our own.

    Interpretation: the Date header may be a proxy's, and events are planned by machines behind the VTN; so it never moves our clock, but
    where it differs a person should know that one of the two is wrong.
    """
    if reply.date_s is None:
        return
    apart_s = reply.date_s + 0.5 - turn.utc_s
    agrees = abs(apart_s) <= FAR_S
    turn.change(agrees=agrees)
    if agrees:
        turn.calm("clock")
    else:
        way = "ahead of" if apart_s > 0 else "behind"
        turn.alarm("clock", f"the VTN's clock is {abs(apart_s):.0f} s {way} ours; ours is followed: check both")


def _next_due(turn: Turn) -> float:
    """What must be sent also waits for a token, when there is none."""
    one = turn.state.round
    sending = [hints.next_due(turn), duties.next_post(turn), one.due_s if not one.open else float("inf")]
    if one.open and one.asked is None:
        sending.append(turn.mono_s)
    wait_s = max(min(sending), token.next_due(turn))
    return min(max(min(wait_s, duties.next_due(turn)), turn.mono_s + 0.001), turn.mono_s + LONGEST_S)
