"""One look at everything, search by search: our ven and resources, the programs, the events; then it is told.

What is next follows from what the state has, so that a failure, a new token or a restart leave no thread to pick up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from grid_functions.model.errors import MalformedMessage
from protocols.exchange import Failed
from protocols.openadr3.session import pace, token
from protocols.openadr3.session.exchange import Method, Reply
from protocols.openadr3.session.state import ForResource, ForSearch, ForVen, Round
from protocols.openadr3.session.turn import Turn
from protocols.openadr3.session.walk import (
    MOST_BYTES,
    MOST_LEAF_BYTES,
    Kind,
    Leaf,
    Search,
    Walk,
    Walked,
    leaf,
    query,
    stopped,
    turned,
)
from protocols.openadr3.translate.addressing import WHOLE_VEN, Grants
from protocols.openadr3.wire import reader, writer
from protocols.openadr3.wire.edition import Edition
from protocols.openadr3.wire.objects import Program, Resource, Target, Ven

ENROLMENT_S = 3600.0
"""How often our ven and resources are looked at again: the business logic may grant them targets at any time."""

MOST_TARGETS = 50

MOST_LEAVES = 64
"""Pages kept to notice unchanged ones."""

MOST_CONFLICTS = 3
"""A name that is taken and yet not found is given up after so many tries, until the next look."""

_NO_VENS = frozenset({401, 403, 404, 405, 501})
"""Of /vens: the VTN keeps none, or none for us. Its programs and events may still be read."""

_DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class CreateVen:
    """Our ven is not there yet."""


@dataclass(frozen=True, slots=True)
class CreateResource:
    """A resource of ours is not there yet."""

    name: str


Job = Search | CreateVen | CreateResource


def grants(turn: Turn) -> Grants:
    """Who we are at this VTN, and which targets are ours."""
    state = turn.state
    configured = frozenset(target_of(text, state.terms.edition) for text in state.terms.targets)
    ven = state.enrolment.ven
    granted = frozenset(ven.targets) if ven is not None else frozenset()
    resources = {name: frozenset(one.targets) for name, one in state.enrolment.resources.items()}
    return Grants(state.terms.ven_name, granted | configured, resources)


def target_of(text: str, edition: Edition) -> Target:
    """A target as it is configured: a word, or TYPE:value in 3.0.1."""
    kind, colon, value = text.partition(":")
    return Target(value, kind) if colon and edition is Edition.V3_0_1 else Target(text)


def send(turn: Turn) -> None:
    """Begin a round when it is due, and send its next request."""
    one = turn.state.round
    if one.asked is not None:
        return
    if not one.open:
        if one.due_s > turn.mono_s:
            return
        enrolment = turn.state.enrolment
        if turn.mono_s - enrolment.checked_s >= ENROLMENT_S:
            turn.change(enrolment=replace(enrolment, skipped="", conflicts=0))
        turn.change(round=Round(open=True, started_s=turn.mono_s, due_s=one.due_s, failures=one.failures))
    if not token.ready(turn):
        return
    job = next(_jobs(turn), None)
    if job is None:
        return
    terms, enrolment = turn.state.terms, turn.state.enrolment
    ven_id = enrolment.ven.id if enrolment.ven is not None else ""
    match job:
        case CreateVen():
            body = writer.ven(terms.ven_name, terms.edition)
            number = turn.send(Method.POST, "/vens", ForVen(), "ven", json=body)
        case CreateResource(name):
            body = writer.resource(name, ven_id, terms.edition)
            path = f"/vens/{ven_id}/resources" if terms.edition is Edition.V3_0_1 else "/resources"
            number = turn.send(Method.POST, path, ForResource(name), f"resource {name}", json=body)
        case Search():
            walk = turn.state.round.walk
            walk = walk if walk is not None and walk.search == job else Walk(job)
            turn.change(round=replace(turn.state.round, walk=walk))
            pairs = query(walk, terms.page)
            number = turn.send(Method.GET, job.path, ForSearch(job), str(job.kind), query=pairs)
    turn.change(round=replace(turn.state.round, asked=number))


def is_over(turn: Turn) -> bool:
    """Whether the round has nothing left to ask."""
    return turn.state.round.open and turn.state.round.asked is None and next(_jobs(turn), None) is None


def answered(turn: Turn, search: Search, number: int, reply: Reply | Failed, bearer: str) -> None:
    """A page came, or did not."""
    one = turn.state.round
    if one.asked != number:
        return
    one = replace(one, asked=None, length=one.length + (reply.length if isinstance(reply, Reply) else 0))
    turn.change(round=one)
    if isinstance(reply, Failed):
        failed(turn, reply.why)
        return
    if reply.status in _DENIED and search not in one.retried and token.dropped(turn, bearer):
        turn.change(round=replace(one, walk=None, retried=one.retried | {search}))
        return
    if reply.status == 429 or reply.status == 503:
        failed(turn, f"status {reply.status}", reply.retry_s)
        return
    after: Walk | Walked
    if not reply.good:
        words = str(reader.problem(reply.json))
        why = reply.fault or f"status {reply.status}" + (f" ({words})" if words else "")
        after = Walked(ended=False, why=why, status=reply.status)
    else:
        walk = one.walk if one.walk is not None and one.walk.search == search else Walk(search)
        try:
            if one.length > MOST_BYTES:
                after = stopped(walk)
            else:
                read = leaf(search.kind, reply.json, turn.state.leaves.get((search, walk.skip)), reply.length)
                turn.change(leaves=_kept(turn.state.leaves, (search, walk.skip), read))
                after = turned(walk, read, turn.state.terms.page)
        except MalformedMessage as malformed:
            after = Walked(ended=False, why=str(malformed), status=reply.status)
    if isinstance(after, Walk):
        turn.change(round=replace(one, walk=after))
        return
    turn.change(round=replace(one, walk=None, done={**one.done, search: after}))
    _took(turn, search, after)


def created(turn: Turn, what: ForVen | ForResource, number: int, reply: Reply | Failed, bearer: str) -> None:
    """Our ven or resource was made, was there already, or was refused."""
    one = turn.state.round
    if one.asked != number:
        return
    turn.change(round=replace(one, asked=None))
    if isinstance(reply, Failed):
        failed(turn, reply.why)
        return
    search = _vens(turn) if isinstance(what, ForVen) else _resources(turn)
    if reply.status in _DENIED and search not in one.retried and token.dropped(turn, bearer):
        turn.change(round=replace(turn.state.round, retried=one.retried | {search}))
        return
    enrolment = turn.state.enrolment
    if reply.status == 409 and enrolment.conflicts < MOST_CONFLICTS:
        # It is there, made by an earlier run or by the operator: looked for once more, and adopted.
        done = {key: value for key, value in turn.state.round.done.items() if key.kind is not search.kind}
        turn.change(
            round=replace(turn.state.round, done=done), enrolment=replace(enrolment, conflicts=enrolment.conflicts + 1)
        )
        return
    if reply.good:
        try:
            if isinstance(what, ForVen):
                turn.change(enrolment=replace(enrolment, ven=reader.ven(reply.json), conflicts=0))
                turn.calm("ven")
            else:
                made = {**enrolment.resources, what.name: reader.resource(reply.json)}
                turn.change(enrolment=replace(enrolment, resources=made, conflicts=0))
            return
        except MalformedMessage as malformed:
            why = str(malformed)
    else:
        why = f"status {reply.status} {reader.problem(reply.json)}".strip()
    _skip(turn, f"the VTN does not take our {'ven' if isinstance(what, ForVen) else what.name}: {why}")


def failed(turn: Turn, why: str, wait_s: float = 0.0) -> None:
    """The round is given up: nobody answers. What was read before holds."""
    failures = turn.state.round.failures + 1
    wait = max(wait_s, pace.backoff(failures, turn.dice, most_s=turn.state.terms.ceiling_s))
    turn.change(round=Round(due_s=turn.mono_s + wait, failures=failures), reached=False)
    if failures >= 3:
        turn.alarm("vtn", f"the VTN does not answer ({why}); what was read before holds, asking again")


def _jobs(turn: Turn) -> Iterator[Job]:
    done = turn.state.round.done
    yield from _enrolling(turn)
    programs = list(_program_searches(turn))
    yield from (one for one in programs if one not in done)
    if all(one in done for one in programs):
        yield from (one for one in _event_searches(turn) if one not in done)


def _enrolling(turn: Turn) -> Iterator[Job]:
    enrolment, done = turn.state.enrolment, turn.state.round.done
    vens, resources = _vens(turn), _resources(turn)
    if enrolment.skipped or turn.mono_s - enrolment.checked_s < ENROLMENT_S:
        return
    if vens not in done:
        yield vens
        return
    if enrolment.ven is None:
        yield CreateVen()
        return
    names = [name for name in turn.state.terms.serves if name != WHOLE_VEN]
    if names and resources not in done:
        yield resources
        return
    yield from (CreateResource(name) for name in names if name not in enrolment.resources)


def _vens(turn: Turn) -> Search:
    return Search(Kind.VENS, "/vens", (("venName", turn.state.terms.ven_name),))


def _resources(turn: Turn) -> Search:
    ven = turn.state.enrolment.ven
    ven_id = ven.id if ven is not None else ""
    if turn.state.terms.edition is Edition.V3_0_1:
        return Search(Kind.RESOURCES, f"/vens/{ven_id}/resources")
    return Search(Kind.RESOURCES, "/resources", (("venID", ven_id),))


def _program_searches(turn: Turn) -> Iterator[Search]:
    """In 3.1 what is targeted is shown to those alone who ask with a target that was granted them; in 3.0.1 all is shown to all."""
    yield Search(Kind.PROGRAMS, "/programs")
    for target in _asked_with(turn):
        yield Search(Kind.PROGRAMS, "/programs", tuple(writer.target_query(target, turn.state.terms.edition)))


def _event_searches(turn: Turn) -> Iterator[Search]:
    programs = chosen(turn) if turn.state.terms.programs else {"": None}
    for program in programs:
        of = (("programID", program),) if program else ()
        yield Search(Kind.EVENTS, "/events", of)
        for target in _asked_with(turn):
            yield Search(Kind.EVENTS, "/events", of + tuple(writer.target_query(target, turn.state.terms.edition)))


def _asked_with(turn: Turn) -> tuple[Target, ...]:
    return grants(turn).all[:MOST_TARGETS] if turn.state.terms.edition is Edition.V3_1 else ()


def chosen(turn: Turn) -> dict[str, Program]:
    """The programs that this round found and the configuration wants, by id."""
    wanted = turn.state.terms.programs
    found = (
        item
        for search, walked in turn.state.round.done.items()
        if search.kind is Kind.PROGRAMS
        for item in walked.items
        if isinstance(item, Program)
    )
    return {one.id: one for one in found if not wanted or one.name in wanted}


def _took(turn: Turn, search: Search, walked: Walked) -> None:
    """What a finished search says of ourselves."""
    enrolment = turn.state.enrolment
    if search.kind not in (Kind.VENS, Kind.RESOURCES):
        return
    if not walked.ended:
        _not_found(turn, search, walked)
    elif search.kind is Kind.VENS:
        mine = (one for one in walked.items if isinstance(one, Ven) and one.name == turn.state.terms.ven_name)
        ven = next(mine, None)
        turn.change(enrolment=replace(enrolment, ven=ven, resources=enrolment.resources if ven else {}))
    else:
        ven_id = enrolment.ven.id if enrolment.ven is not None else ""
        found = {
            one.name: one
            for one in walked.items
            if isinstance(one, Resource) and one.ven_id in ("", ven_id) and one.name in turn.state.terms.serves
        }
        turn.change(enrolment=replace(enrolment, resources=found))


def _not_found(turn: Turn, search: Search, walked: Walked) -> None:
    """What is known of ourselves holds. Without it nothing may be told: events granted to us would seem to have vanished."""
    enrolment = turn.state.enrolment
    known = enrolment.ven is not None if search.kind is Kind.VENS else bool(enrolment.resources)
    if known or walked.status in _NO_VENS:
        _skip(turn, f"the VTN shows us no {search.kind} ({walked.why}); programs and events are read without them")
    else:
        failed(turn, f"{search.kind}: {walked.why}")


def _kept(
    leaves: Mapping[tuple[Search, int], Leaf], place: tuple[Search, int], read: Leaf
) -> Mapping[tuple[Search, int], Leaf]:
    """The last pages read, this one the newest."""
    found = {key: one for key, one in leaves.items() if key != place} | {place: read}
    length = sum(one.length for one in found.values())
    while len(found) > MOST_LEAVES or (length > MOST_LEAF_BYTES and len(found) > 1):
        length -= found.pop(next(iter(found))).length
    return found


def _skip(turn: Turn, why: str) -> None:
    turn.change(enrolment=replace(turn.state.enrolment, skipped=why, checked_s=turn.mono_s))
    turn.alarm("ven", f"{why}: looked for again within the hour")


def settle(turn: Turn) -> None:
    """The round is over: what it says of ourselves stands for a while. Who was skipped was not looked at in it."""
    enrolment = turn.state.enrolment
    if not enrolment.skipped and turn.mono_s - enrolment.checked_s >= ENROLMENT_S:
        turn.change(enrolment=replace(enrolment, checked_s=turn.mono_s, conflicts=0))
