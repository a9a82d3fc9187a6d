"""What a read changes: events seen first, changed, cancelled, vanished; standings; refusals; whether the upstream is current."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from grid_functions.model.control import mode_of
from grid_functions.model.event import Event, EventStatus, Read, RefusalKind, Standing
from grid_functions.model.outcome import Cause, OutcomeKind
from grid_functions.model.policy import Vanished
from grid_functions.timeline.draft import Draft
from grid_functions.timeline.rest import is_silent
from grid_functions.timeline.state import Phase, Refusal, Relation, Stood, Tracked
from grid_functions.timeline.windows import FOREVER, clamped, draw_s, end_s, nominal_end_s

KEEP_S: Final = 86_400.0
"""A finished event no longer shown is forgotten this long after its end: no jump of a clock may bring it back."""

AWAY_S: Final = 7 * 86_400.0
"""An event whose program went away is forgotten after this long."""

MOST_EVENTS: Final = 20_000
"""Of one respondent: what an upstream that shows other events each time can make us keep."""

_CANCELS: Final = frozenset({EventStatus.CANCELLED, EventStatus.CANCELLED_RANDOMISED})


def take(draft: Draft, read: Read) -> None:
    """Take one read. The order inside it never matters."""
    if read.refused:
        _lapse(draft, f"refused: {read.refused}")
        return
    doubted = read.complete and not read.programs and not draft.relation.programs_doubted and _holds_anything(draft)
    shown = _shown(draft, read)
    # what is shown as it was in the last read has been taken; to take it again would change nothing
    fresh = sorted(name for name, event in shown.items() if draft.run.shown.get(name) is not event)
    if without := frozenset(_without_room(draft, shown, fresh)):
        shown = {name: event for name, event in shown.items() if name not in without}
        fresh = [name for name in fresh if name not in without]
    for name in fresh:
        if shown[name].key.respondent == draft.state.respondent:
            _take_event(draft, shown[name])
    _note_shown(draft, shown, fresh, draft.now.mono_s if read.complete else draft.run.heard_mono_s)
    for standing in sorted(read.standings, key=_standing_order):
        _take_standing(draft, standing)
    _take_rejects(draft, read)
    if not read.complete:
        return
    if doubted:
        draft.relation = replace(draft.relation, programs_doubted=True)
        draft.note("", "no program is shown where there were some: believed when read so twice")
    else:
        _release(draft, read, shown)
    if not draft.relation.current and not doubted:
        draft.relation = replace(draft.relation, current=True, reason="", since_s=draft.now_s)


def silence(draft: Draft) -> None:
    """Not current once no complete read came for the policy's time (rule 7)."""
    if draft.relation.current and is_silent(draft.run, draft.policy, draft.now):
        _lapse(draft, "silent")


def _lapse(draft: Draft, reason: str) -> None:
    since = draft.now_s if draft.relation.current or draft.relation.since_s is None else draft.relation.since_s
    draft.relation = replace(draft.relation, current=False, reason=reason, since_s=since)


def _holds_anything(draft: Draft) -> bool:
    return bool(draft.standings) or any(
        one.phase is not Phase.DONE and one.away_s is None for one in draft.events.values()
    )


def _shown(draft: Draft, read: Read) -> dict[str, Event]:
    """The events of a read by id. One id shown twice: the copy of the program we know it from, else the best-ranked one."""
    shown = {event.key.id: event for event in read.events}
    if len(shown) == len(read.events):
        return shown
    copies: dict[str, list[Event]] = defaultdict(list)
    for event in read.events:
        copies[event.key.id].append(event)
    return {name: events[0] if len(events) == 1 else _one_of(draft, name, events) for name, events in copies.items()}


def _without_room(draft: Draft, shown: Mapping[str, Event], fresh: Iterable[str]) -> list[str]:
    """New events for which there is no room: none that is known gives way but what is over and shown no more, the oldest first.

    The best-ranked and soonest are taken; the others are looked at again in every read.
    """
    new = [name for name in fresh if name not in draft.events]
    excess = len(draft.events) + len(new) - MOST_EVENTS
    if excess <= 0:
        return []
    over = sorted(draft.run.over - shown.keys(), key=lambda name: (draft.events[name].done_s or 0.0, name))[:excess]
    for name in over:
        draft.forget(name)
    draft.run = replace(draft.run, over=draft.run.over.difference(over))
    if excess == len(over):
        return []
    draft.note("", f"more than {MOST_EVENTS} events: {excess - len(over)} are not taken")
    new.sort(key=lambda name: (shown[name].rank.level, shown[name].start_s, name))
    return new[len(new) - (excess - len(over)) :]


def _note_shown(draft: Draft, shown: Mapping[str, Event], fresh: Iterable[str], heard_mono_s: float) -> None:
    """Keep in mind which known events are not shown, without looking at all of them; and when the last complete read came."""
    run = draft.run
    came = frozenset(fresh)
    if came or len(shown) != len(run.shown):
        gone = frozenset(name for name in run.shown.keys() - shown.keys() if name in draft.events)
        absent, over = (run.absent - came) | gone, run.over - came
        draft.run = replace(run, shown=shown, absent=absent, over=over, heard_mono_s=heard_mono_s)
    elif heard_mono_s != run.heard_mono_s:
        draft.run = replace(run, heard_mono_s=heard_mono_s)


def _one_of(draft: Draft, name: str, events: list[Event]) -> Event:
    known = draft.events.get(name)
    best = min(
        events,
        key=lambda one: (
            known is None or one.program != known.event.program,
            -one.version,
            one.rank.level,
            one.program,
            one.start_s,
            repr(one),
        ),
    )
    if any(one != best for one in events):
        draft.note(name, "shown more than once with different content")
    return best


def _take_event(draft: Draft, event: Event) -> None:
    known = draft.events.get(event.key.id)
    if known is None:
        _take_new(draft, event)
        return
    now_known = _as_read(draft, known, event)
    if now_known != known:
        draft.put(now_known)
        draft.stale = True
    if event.status in _CANCELS and now_known.phase is not Phase.DONE and now_known.away_s is None:
        _cancel(draft, now_known)


def _take_new(draft: Draft, event: Event) -> None:
    tracked = _drawn(draft, Tracked(event, draft.now_s, draft.now.utc_s))
    draft.stale = True
    if end_s(tracked, event.start_s + tracked.start_draw_s) <= draft.now_s:
        # Interpretation: 254 says both "received" and "too late", so nothing else is told of it
        draft.finish(tracked, OutcomeKind.EXPIRED, draft.now_s, Cause(text="its end was past when first seen"))
        return
    if objections := _objections(draft, event):
        # Interpretation: as with 254, "not applicable" is the one word about it, without a "received" before
        draft.finish(tracked, OutcomeKind.REFUSED, draft.now_s, Cause(text="; ".join(objections)))
        return
    draft.put(tracked)
    draft.tell(event.key.id, OutcomeKind.RECEIVED, draft.now_s)
    if event.status in _CANCELS:
        _cancel(draft, tracked)


def _objections(draft: Draft, event: Event) -> list[str]:
    """Why nothing it wants can be done, each reason once; empty when something can."""
    objections: dict[str, None] = {}
    for interval in event.intervals:
        for control in sorted(interval.controls, key=mode_of):
            objection = draft.means.refusal(control)
            if not objection:
                return []
            objections[objection] = None
    return list(objections)


def _drawn(draft: Draft, tracked: Tracked) -> Tracked:
    event = tracked.event
    if event.random_start_s == event.random_duration_s == 0.0:
        return tracked
    for window in (event.random_start_s, event.random_duration_s):
        if clamped(window) != window:
            draft.note(event.key.id, f"randomisation window of {window} s taken as {clamped(window)} s")
    return replace(
        tracked,
        start_draw_s=draw_s(draft.seed, event.key, "start", event.random_start_s),
        duration_draw_s=draw_s(draft.seed, event.key, "duration", event.random_duration_s),
    )


def _as_read(draft: Draft, known: Tracked, event: Event) -> Tracked:
    """A known event with what may change: its status, its program's level, that it is back, and, with a higher version, its content.

    Its creation time stays as first seen: servers move it when they cancel or supersede. Under an equal or lower version the first
    content stays (events are immutable; Interpretation: a lower version is an old copy).
    """
    first = known.event
    if event == first and known.away_s is None and known.phase is not Phase.DONE:
        return known
    rank = replace(first.rank, level=event.rank.level)
    back = known if known.away_s is None else replace(known, away_s=None, received_s=draft.now_s)
    if event.version > first.version:
        return _replaced(draft, back, replace(event, rank=replace(event.rank, created_s=first.rank.created_s)))
    if _content(event) != _content(first):
        draft.note(event.key.id, f"content changed under version {event.version}: the first seen is kept")
    revived = known.told is OutcomeKind.CANCELLED and known.phase is Phase.DONE and first.status not in _CANCELS
    if revived and event.status not in _CANCELS and nominal_end_s(first) > draft.now_s:
        draft.note(event.key.id, "shown again after it had vanished: it holds again")
        back = replace(_waiting(back), received_s=draft.now_s)
    return replace(back, event=replace(first, status=event.status, rank=rank))


def _replaced(draft: Draft, known: Tracked, event: Event) -> Tracked:
    """A newer version: it takes the place of the old one. What has ended stays ended; what runs and still should runs on."""
    draft.note(event.key.id, f"replaced by version {event.version}")
    if known.phase is Phase.DONE:
        return replace(known, event=event)
    drawn = _drawn(draft, replace(known, event=event))
    begin = event.start_s + drawn.start_draw_s
    if known.phase is Phase.RUNNING and begin <= draft.now_s:
        return replace(drawn, begin_s=begin)
    return _waiting(drawn)


def _waiting(tracked: Tracked) -> Tracked:
    return replace(tracked, phase=Phase.WAITING, begin_s=None, since_s=None, stop_s=None, done_s=None)


def _content(event: Event) -> Event:
    rank = replace(event.rank, level=0.0, created_s=0.0)
    return replace(event, status=EventStatus.UNKNOWN, rank=rank, version=0)


def _cancel(draft: Draft, tracked: Tracked) -> None:
    """Status 2 stops at once; 3 lets a running event run out over the larger of its windows (IEEE 2030.5 EventStatus)."""
    event = tracked.event
    draft.stale = True
    if tracked.phase is Phase.WAITING or event.status is EventStatus.CANCELLED:
        silent = tracked.told is OutcomeKind.CANCELLED
        draft.finish(tracked, None if silent else OutcomeKind.CANCELLED, draft.now_s, _had_started(tracked))
    elif tracked.stop_s is None:
        window = max(abs(clamped(event.random_start_s)), abs(clamped(event.random_duration_s)))
        stop = draft.now_s + draw_s(draft.seed, event.key, "cancel", window)
        draft.put(replace(tracked, stop_s=stop, told=OutcomeKind.CANCELLED))
        draft.tell(event.key.id, OutcomeKind.CANCELLED, draft.now_s, _had_started(tracked))


def _had_started(tracked: Tracked, text: str = "") -> Cause:
    return Cause(had_started=tracked.phase is Phase.RUNNING, text=text)


def _standing_order(standing: Standing) -> tuple[str, float, float, str, str]:
    return standing.program, -standing.rank.level, standing.rank.created_s, standing.rank.tie, repr(standing)


def _take_standing(draft: Draft, standing: Standing) -> None:
    known = draft.standings.get(standing.program)
    if known is None or (known.standing.controls, known.standing.settings) != (standing.controls, standing.settings):
        draft.stand(standing.program, Stood(standing, draft.now_s, draft.now.utc_s))
    elif known.standing != standing:
        draft.stand(standing.program, replace(known, standing=standing))


def _take_rejects(draft: Draft, read: Read) -> None:
    for reject in sorted(read.rejects, key=lambda one: (one.id, one.kind, one.text)):
        if not reject.id:
            draft.note("", f"refused: {reject.text}")
        elif reject.id in draft.events:
            draft.note(reject.id, f"shown in a form we refuse ({reject.text}): the one known stays")
        elif reject.id not in draft.refusals:
            draft.refuse(reject.id, Refusal(reject.id, draft.now_s))
            kind = OutcomeKind.EXPIRED if reject.kind is RefusalKind.EXPIRED else OutcomeKind.REFUSED
            draft.tell(reject.id, kind, draft.now_s, Cause(text=f"{reject.kind}: {reject.text}"))


def _release(draft: Draft, read: Read, shown: dict[str, Event]) -> None:
    """What a complete read no longer shows. An empty list where there were events, and a missing standing, are believed the second time."""
    rejected = {reject.id for reject in read.rejects}
    emptied = _release_events(draft, read, shown, rejected)
    for name in sorted(draft.refusals.keys() - rejected):
        draft.refuse(name, None)
    missing = draft.standings.keys() - {standing.program for standing in read.standings}
    doubted = set()
    for program in sorted(missing):
        if program not in read.programs or program in draft.relation.standings_doubted:
            draft.stand(program, None)
        else:
            doubted.add(program)
    draft.relation = Relation(
        draft.relation.current,
        draft.relation.reason,
        draft.relation.since_s,
        lists_doubted=frozenset(emptied),
        standings_doubted=frozenset(doubted),
    )


def _release_events(draft: Draft, read: Read, shown: dict[str, Event], rejected: set[str]) -> set[str]:
    """The programs whose list is empty though it was not, not believed yet."""
    emptied: set[str] = set()
    over, gone = [], list[str]()
    vanish = draft.policy.vanished is Vanished.CANCEL
    filled = {event.program for event in shown.values()} if vanish and draft.run.absent else frozenset[str]()
    for name in sorted(draft.run.absent - rejected):
        tracked = draft.events[name]
        program = tracked.event.program
        if tracked.phase is Phase.DONE:
            over.append(name)
        elif tracked.away_s is not None:
            if draft.now_s - tracked.away_s > AWAY_S:
                gone.append(name)
        elif program not in read.programs:
            draft.put(replace(tracked, away_s=draft.now_s))
            draft.note(name, "its program is not assigned any more")
            draft.stale = True
        elif vanish and program in read.listed:
            if program in filled or program in draft.relation.lists_doubted:
                _vanish(draft, tracked)
            else:
                emptied.add(program)
    if gone:
        for name in gone:
            draft.forget(name)
        draft.run = replace(draft.run, absent=draft.run.absent.difference(gone))
        draft.stale = True
    _forget(draft, over, rejected)
    return emptied


def _forget(draft: Draft, over: Iterable[str], rejected: set[str]) -> None:
    """Put aside what is over, and forget what has been so for long. Until then no jump of a clock may bring it back."""
    run = draft.run
    if over:
        until = min(_forgotten_s(draft.events[name]) for name in over)
        run = replace(
            run, absent=run.absent.difference(over), over=run.over.union(over), forget_s=min(run.forget_s, until)
        )
    if draft.now_s > run.forget_s:
        old = {name for name in run.over if draft.now_s > _forgotten_s(draft.events[name]) and name not in rejected}
        for name in sorted(old):
            draft.forget(name)
        left = run.over - old
        until = min((_forgotten_s(draft.events[name]) for name in left), default=FOREVER)
        run = replace(run, over=left, forget_s=until)
    draft.run = run


def _forgotten_s(tracked: Tracked) -> float:
    """When an event that is over may be forgotten."""
    if tracked.done_s is None:
        return FOREVER
    end = nominal_end_s(tracked.event)
    kept = max(tracked.done_s, end if end != FOREVER else tracked.done_s) + KEEP_S
    return kept if tracked.away_s is None else min(kept, tracked.away_s + AWAY_S)


def _vanish(draft: Draft, tracked: Tracked) -> None:
    cause = _had_started(tracked, "no longer shown by the upstream")
    draft.finish(tracked, None if tracked.told else OutcomeKind.CANCELLED, draft.now_s, cause)
    draft.stale = True
