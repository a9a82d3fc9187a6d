"""From what a round found to a Read for each respondent."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import Event, Rank, Read, RefusalKind, Reject
from protocols.openadr3 import timing
from protocols.openadr3.session.sightings import Known, Sighting, moved, sighted
from protocols.openadr3.session.terms import Terms
from protocols.openadr3.session.walk import Kind, Search, Walked
from protocols.openadr3.translate.addressing import Grants, meant
from protocols.openadr3.translate.events import events_of
from protocols.openadr3.wire import objects


@dataclass(frozen=True, slots=True)
class Found:
    """What a round found. ``programs``: by id; ``listed``: those whose events were read to the end; ``foreign``: how many events are
    other VENs'; ``complete``: nothing is missing."""

    programs: Mapping[str, objects.Program]
    events: tuple[objects.Event, ...]
    unread: tuple[objects.Unread, ...]
    listed: frozenset[str]
    complete: bool


def found_in(done: Mapping[Search, Walked], chosen: Mapping[str, objects.Program], terms: Terms) -> Found:
    """The programs and events of a round's searches.

    Interpretation: where no programs are configured, an event whose program is not shown is taken all the same, under that name.
    """
    events: dict[str, objects.Event] = {}
    unread: dict[objects.Unread, None] = {}
    ended: dict[str, bool] = {}
    for search, walked in done.items():
        if search.kind is Kind.EVENTS:
            of = dict(search.query).get("programID", "")
            ended[of] = ended.get(of, True) and walked.ended
            unread |= dict.fromkeys(walked.unread)
            for item in walked.items:
                if isinstance(item, objects.Event) and (item.program_id in chosen or not terms.programs):
                    events[item.id] = item
    programs = dict(chosen)
    for event in events.values():
        programs.setdefault(event.program_id, objects.Program(event.program_id, event.program_id))
    whole = all(walked.ended for search, walked in done.items() if search.kind is Kind.PROGRAMS)
    listed = frozenset(program for program in programs if ended.get(program, ended.get("", False)))
    complete = whole and all(ended.values()) and listed == frozenset(programs)
    return Found(programs, tuple(events.values()), tuple(unread), listed, complete)


def known_of(
    event: objects.Event,
    program: objects.Program,
    before: Known | None,
    sighting: Sighting | None,
    terms: Terms,
    grants: Grants,
    now_s: float,
) -> Known:
    """The event in the model's words; the very same as before while nothing of it changes."""
    targets = event.targets or (() if terms.programs else program.targets)
    resources = meant(targets, terms.serves, grants)
    same = before is not None and before.event == event and before.program == program
    seen = before.sighting if same and before is not None else sighted(sighting, event, program, now_s)
    with suppress(MalformedMessage):  # said below, where it is refused
        seen = moved(seen, timing.block(event, now_s, seen.anchor_s), now_s)
    if same and before is not None and (before.sighting, before.resources) == (seen, resources):
        return before
    translated: dict[str, tuple[Event, ...]] = {}
    reject: Reject | None = None
    remarks: tuple[str, ...] = ()
    for name in sorted(resources):
        events, reject, remarks = events_of(event, program, terms.respondent(name), seen.seen, now_s)
        translated[name] = events
    laid: timing.Laid | None = None
    if event.reports:
        with suppress(MalformedMessage):  # as above
            laid = timing.Laid(event, seen.anchor_s)
    return Known(event, program, seen, resources, translated, reject, remarks, laid)


def reads_of(terms: Terms, found: Found, known: Mapping[str, Known], at_s: float) -> tuple[Read, ...]:
    """One Read for each respondent."""
    programs = {name: Rank(0.0, 0.0, name) for name in found.programs}
    unread = tuple(Reject(one.id, RefusalKind.INVALID, one.reason) for one in found.unread)
    return tuple(
        Read(
            respondent=terms.respondent(name),
            at_s=at_s,
            complete=found.complete,
            programs=programs,
            listed=found.listed,
            events=tuple(event for one in known.values() for event in one.events.get(name, ())),
            rejects=unread + _rejects(known.values(), name),
        )
        for name in terms.serves
    )


def _rejects(known: Iterable[Known], name: str) -> tuple[Reject, ...]:
    return tuple(one.reject for one in known if one.reject is not None and name in one.resources)
