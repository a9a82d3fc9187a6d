"""The timeline's step: reads and the time in, what is in force out. Pure; it takes reads, never single events.

Starts and ends go by the upstream's clock, not by the status it shows. A finished event never runs again, whatever a clock does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey, Read, Respondent
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import Cause, OutcomeKind, Part
from grid_functions.model.policy import OptOut, Policy
from grid_functions.timeline import ahead, contest, intake, rest
from grid_functions.timeline.draft import Draft
from grid_functions.timeline.force import in_force, ramp_of, settings_of
from grid_functions.timeline.plan import Start
from grid_functions.timeline.revision import is_leant_on, revised
from grid_functions.timeline.state import (
    ALL_MEANS,
    ROOM,
    Kept,
    Means,
    Opt,
    Phase,
    Refusal,
    Relation,
    Rest,
    Stood,
    TimelineState,
    TimelineStep,
    Tracked,
)
from grid_functions.timeline.windows import end_s


def empty(respondent: Respondent) -> TimelineState:
    """The state at birth."""
    return TimelineState(respondent)


def restore(respondent: Respondent, entries: Iterable[Entry]) -> TimelineState:
    """The state these entries tell, the latest of each key; entries of others are passed over."""
    values: dict[tuple[str, ...], object] = {}
    for entry in entries:
        if entry.key[:3] == (ROOM, respondent.upstream, respondent.id):
            values.pop(entry.key, None)
            if entry.value is not None:
                values[entry.key] = entry.value
    named = [(key[4], value) for key, value in values.items()]
    return TimelineState(
        respondent,
        Kept(
            relation=next((value for _, value in named if isinstance(value, Relation)), Relation()),
            events={name: value for name, value in named if isinstance(value, Tracked)},
            standings={name: value for name, value in named if isinstance(value, Stood)},
            refusals={name: value for name, value in named if isinstance(value, Refusal)},
        ),
    )


def step(
    state: TimelineState,
    policy: Policy,
    reads: Sequence[Read],
    opts: Iterable[Opt],
    closed: frozenset[EventKey],
    now: Instants,
    *,
    seed: bytes,
    means: Means = ALL_MEANS,
) -> TimelineStep:
    """Take what was read, in the order it arrived, and say what holds at ``now``.

    ``opts``: those in effect; without one an event is in. ``closed``: events other rooms have ended for good. ``seed``: the
    gateway's own bytes, from which draws are made. ``means``: what the respondent's devices can do; an event of which they can do nothing
    is refused when it is first seen.
    """
    opts = tuple(opts)
    said = None if reads else rest.again(state, policy, opts, closed, now)
    if said is not None:
        return said
    draft = Draft(state, policy, now, seed, means)
    draft.stale |= len(draft.behind) > rest.FAR_BEHIND
    _end(draft, draft.run.running)  # what is over is not cancelled by what is read after it
    for read in reads:
        if read.respondent == state.respondent:
            intake.take(draft, read)
    intake.silence(draft)
    _close(draft, closed)
    _opt(draft, opts)
    _advance(draft)
    _take_part(draft)
    ahead.foresee(draft)
    if draft.behind != draft.run.behind:
        draft.run = replace(draft.run, behind=frozenset(draft.behind))
    settings = settings_of(draft)
    ramp = ramp_of(draft, settings)
    held = in_force(draft, ramp)
    running = tuple(EventKey(state.respondent, name) for name in draft.run.running)
    until_s = rest.until_s(draft)
    still = None
    if rest.is_restful(draft):
        still = Rest(policy, opts, closed, draft.now_s, until_s, held, settings, ramp, running)
    return TimelineStep(
        state=TimelineState(state.respondent, draft.kept(), draft.run, still),
        in_force=held,
        facts=tuple(draft.facts),
        next_change=rest.next_change(until_s, draft.run, policy, now, current=draft.relation.current),
        entries=draft.entries(),
        notes=tuple(draft.notes),
        current=draft.relation.current,
        reason=draft.relation.reason,
        settings=settings,
        ramp=ramp,
        running=running,
        ahead=draft.run.ahead,
    )


def _close(draft: Draft, closed: frozenset[EventKey]) -> None:
    for key in sorted(closed):
        tracked = draft.events.get(key.id) if key.respondent == draft.state.respondent else None
        if tracked is not None and tracked.phase is not Phase.DONE:
            draft.finish(tracked, None, draft.now_s)
            draft.stale = True


def _opt(draft: Draft, opts: Iterable[Opt]) -> None:
    said = {one.event.id: one.out for one in opts if one.event.respondent == draft.state.respondent}
    out = {name for name, is_out in said.items() if is_out}
    was_out = set(draft.run.opted)
    for name in sorted(out ^ was_out):
        tracked = draft.events.get(name)
        if tracked is None or tracked.phase is Phase.DONE or tracked.opted_out == (name in out):
            continue
        draft.put(replace(tracked, opted_out=name in out))
        draft.stale = True
        if draft.policy.opt_out is not OptOut.NONE:
            draft.tell(name, OutcomeKind.OPTED_OUT if name in out else OutcomeKind.OPTED_IN, draft.now_s)
    opted = tuple(sorted([name for name in out if name in draft.events]))
    if opted != draft.run.opted:
        draft.run = replace(draft.run, opted=opted)


def _advance(draft: Draft) -> None:
    """End what is over, lose what is lost, start what is due."""
    _end(draft, draft.run.running)
    anew = draft.stale
    if anew:
        _plan(draft)
    due = _due(draft)
    if due or anew:
        _start(draft, due)
    if draft.stale:  # an event that expired or lost may have held others back
        _plan(draft)


def _due(draft: Draft) -> tuple[Start, ...]:
    run = draft.run
    cursor = run.cursor
    agenda = run.plan.agenda
    while cursor < len(agenda) and agenda[cursor].start_s <= draft.now_s:
        cursor += 1
    return agenda[run.cursor : cursor]


def _end(draft: Draft, names: Iterable[str]) -> None:
    ended = []
    for name in names:
        tracked = draft.events.get(name)
        if tracked is not None and tracked.phase is Phase.RUNNING and tracked.begin_s is not None:
            end = end_s(tracked, tracked.begin_s)
            if end <= draft.now_s:
                ended.append((max(end, draft.run.began_s), name, tracked))
    if not ended and not draft.run.recent:
        return
    for at, _, tracked in sorted(ended, key=lambda one: one[:2]):
        silent = tracked.told is not None or tracked.away_s is not None
        draft.finish(tracked, None if silent else OutcomeKind.COMPLETED, at, Cause(part=_part(draft, tracked)))
    over = {name for _, name, _ in ended}
    recent = [name for name in draft.run.recent if _is_recent(draft, name)]
    recent += sorted(
        name for name in over if draft.policy.hold_over_s and draft.events[name].told is OutcomeKind.COMPLETED
    )
    running = tuple(name for name in draft.run.running if name not in over)
    draft.run = replace(draft.run, running=running, recent=tuple(recent))


def _is_recent(draft: Draft, name: str) -> bool:
    tracked = draft.events.get(name)
    return (
        tracked is not None and tracked.done_s is not None and draft.now_s - tracked.done_s < draft.policy.hold_over_s
    )


def _plan(draft: Draft) -> None:
    """Revise the plan, committing what is lost on discovery; a loss may move others, so until nothing more is lost."""
    running = set(draft.run.running)
    while True:
        behind, draft.behind = draft.behind, set()
        plan, defeats = revised(
            draft.run.plan, draft.events, behind, draft.policy.opt_out, draft.now_s, final=draft.policy.final
        )
        running = {name for name in running | behind if _is_running(draft, name)}
        draft.run = replace(draft.run, plan=plan, cursor=0, running=tuple(sorted(running)))
        if not defeats:
            break
        _lose(draft, defeats, {})
    draft.stale = False


def _is_running(draft: Draft, name: str) -> bool:
    tracked = draft.events.get(name)
    return tracked is not None and tracked.phase is Phase.RUNNING


def _start(draft: Draft, due: Sequence[Start]) -> None:
    """Start what is due. What loses its last mode in the same moment never started; what is over was never run."""
    starting = []
    for start in due:
        tracked = draft.events[start.id]
        missed = start.end_s <= draft.now_s and (start.end_s > start.start_s or tracked.received_s > start.start_s)
        if missed:
            at = max(start.end_s, tracked.received_s, draft.run.began_s)
            draft.finish(
                tracked, None if tracked.told else OutcomeKind.EXPIRED, at, Cause(text="its whole window passed unseen")
            )
            draft.stale = True
        else:
            since = min(draft.now_s, max(start.start_s, tracked.received_s, draft.run.began_s))
            starting.append(replace(tracked, begin_s=start.start_s, since_s=since))
    running = [one for one in map(draft.events.__getitem__, draft.run.running) if one.phase is Phase.RUNNING]
    if draft.policy.final:
        rivals = [one for one in (*running, *starting) if one.away_s is None and _lasts(one)]
        defeats = contest.present(rivals, draft.policy.opt_out)
        _lose(draft, defeats, {one.event.key.id: one for one in rivals})
    begun = []
    for tracked in sorted(starting, key=lambda one: (one.since_s, one.event.key.id)):
        name = tracked.event.key.id
        now = draft.events[name]
        if now.phase is Phase.WAITING:
            begun.append(name)
            took_part, sat_out = _part_in(draft, now)
            draft.put(replace(tracked, lost=now.lost, phase=Phase.RUNNING, took_part=took_part, sat_out=sat_out))
            if tracked.told is None:
                draft.tell(name, OutcomeKind.STARTED, tracked.since_s or draft.now_s)
    running_now = {name for name in draft.run.running if draft.events[name].phase is Phase.RUNNING}
    run = draft.run
    draft.run = replace(run, running=tuple(sorted(running_now.union(begun))), cursor=run.cursor + len(due))
    _end(draft, begun)


def _take_part(draft: Draft) -> None:
    for name in draft.run.running:
        tracked = draft.events[name]
        took_part, sat_out = _part_in(draft, tracked)
        if (took_part, sat_out) != (tracked.took_part, tracked.sat_out):
            draft.put(replace(tracked, took_part=took_part, sat_out=sat_out))


def _part_in(draft: Draft, tracked: Tracked) -> tuple[bool, bool]:
    """Whether it took part, and sat out, now or before. What an opt-out cannot drop (rule 3) is taken part in all the same."""
    if tracked.took_part and not tracked.opted_out:
        return True, tracked.sat_out
    modes = contest.contends(tracked, draft.policy.opt_out)
    if not modes:
        return tracked.took_part, True
    return tracked.took_part or any(map(draft.means.at_hand, sorted(modes))), tracked.sat_out


def _part(draft: Draft, tracked: Tracked) -> Part:
    if not tracked.took_part:
        return Part.NONE
    if not contest.contends(tracked, draft.policy.opt_out):
        return Part.LEFT
    return Part.JOINED if tracked.sat_out else Part.WHOLE


def _lasts(tracked: Tracked) -> bool:
    """Whether it runs for any time at all; what does not takes nothing from anyone."""
    return tracked.begin_s is not None and end_s(tracked, tracked.begin_s) > tracked.begin_s


def _lose(draft: Draft, defeats: Sequence[contest.Defeat], rivals: Mapping[str, Tracked]) -> None:
    """Commit losses, for good. Whoever lost its last mode is superseded by the strongest that took one now.

    ``rivals``: as they are in the moment of a loss that happens at the winner's start; without them the loss is on discovery, now.
    """
    by_loser: dict[str, list[contest.Defeat]] = {}
    for defeat in defeats:
        by_loser.setdefault(defeat.loser, []).append(defeat)
    for name, lost in sorted(by_loser.items()):
        tracked = draft.events[name]
        tracked = replace(tracked, lost=tracked.lost.union(one.mode for one in lost))
        draft.put(tracked)
        # a loss in the moment of a start moves nobody but those that wait for the loser's end
        draft.stale |= not rivals or is_leant_on(draft.run.plan, rivals.get(name, tracked), {one.mode for one in lost})
        if contest.contends(tracked, draft.policy.opt_out):
            continue
        winner = max((draft.events[one.winner] for one in lost), key=contest.strength)
        rival = rivals.get(winner.event.key.id)
        at = draft.now_s if rival is None or rival.since_s is None else max(rival.since_s, tracked.received_s)
        cause = Cause(
            by=winner.event.key,
            same_program=winner.event.program == tracked.event.program,
            same_server=True,
            had_started=tracked.phase is Phase.RUNNING,
        )
        draft.finish(tracked, None if tracked.told else OutcomeKind.SUPERSEDED, at, cause)
