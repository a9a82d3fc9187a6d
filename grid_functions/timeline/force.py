"""What is in force: events, else standings, else the fail-safe, each per mode (rule 0)."""

from collections.abc import Iterator
from dataclasses import fields, replace

from grid_functions.model.claim import Basis, InForce
from grid_functions.model.control import Control, Mode, mode_of
from grid_functions.model.event import Interval, Ramp, Rank, Settings
from grid_functions.model.instants import Moment
from grid_functions.timeline.contest import contends, strength
from grid_functions.timeline.draft import Draft
from grid_functions.timeline.state import Phase, Stood, Tracked
from grid_functions.timeline.windows import FOREVER, end_s

_FAIL_SAFE_RANK = Rank(FOREVER)


def in_force(draft: Draft, ramp: Ramp | None) -> tuple[InForce, ...]:
    """Everything that holds now, by mode. A mode that real events hold for some addressees only leaves the standing to the rest.

    ``ramp``: how what has no ramp of its own moves.
    """
    events = list(_events(draft, ramp))
    held = {mode_of(one.control) for one in events if not one.addressees and not one.test}
    standings = [one for one in _standings(draft, ramp) if mode_of(one.control) not in held]
    held |= {mode_of(one.control) for one in standings}
    fail_safe = [] if draft.relation.current else _fail_safe(draft, held, ramp)
    return tuple(sorted((*events, *standings, *fail_safe), key=_order))


def settings_of(draft: Draft) -> Settings:
    """The settings that stand, each field from the best standing that gives it."""
    found = Settings()
    for stood in sorted(draft.standings.values(), key=_standing_strength):
        given = {one.name: getattr(stood.standing.settings, one.name) for one in fields(Settings)}
        found = replace(found, **{name: value for name, value in given.items() if value is not None})
    return found


def ramp_of(draft: Draft, settings: Settings) -> Ramp | None:
    """How a change moves that has no ramp of its own: by the standings' gradient (IEEE 2030.5 setGradW), else the profile's default."""
    gradient = settings.gradient_pct_per_s
    if gradient is None:
        gradient = draft.policy.gradient_pct_per_s
    return None if gradient is None else Ramp(pct_per_s=gradient)


def boundaries_s(tracked: Tracked) -> Iterator[float]:
    """When what a running event wants changes: its end, and where its intervals begin and end."""
    if tracked.begin_s is None or tracked.away_s is not None:
        return
    yield end_s(tracked, tracked.begin_s)
    for interval in tracked.event.intervals if len(tracked.event.intervals) > 1 else ():
        yield tracked.begin_s + interval.offset_s
        if interval.duration_s is not None:
            yield tracked.begin_s + interval.offset_s + interval.duration_s


def of_event(
    draft: Draft, tracked: Tracked, control: Control, addressees: frozenset[str], until_s: float, ramp: Ramp | None
) -> InForce:
    """What an event wants, as it is in force."""
    event = tracked.event
    clock = draft.policy.clock
    return InForce(
        control=control,
        source=draft.policy.source,
        rank=event.rank,
        basis=Basis.EVENT,
        since=Moment(clock, tracked.since_s if tracked.since_s is not None else draft.now_s),
        until=None if until_s == FOREVER else Moment(clock, until_s),
        received_utc_s=tracked.received_utc_s,
        ramp=event.ramp or ramp,
        recovery=event.recovery,
        cause=event.key,
        program=event.program,
        addressees=addressees,
        test=event.test,
    )


def _events(draft: Draft, ramp: Ramp | None) -> Iterator[InForce]:
    running = [draft.events[name] for name in draft.run.running]
    live = [one for one in running if one.phase is Phase.RUNNING and one.away_s is None]
    taken: dict[tuple[Mode, bool], list[frozenset[str]]] = {}
    for tracked in sorted(live, key=strength, reverse=True):
        allowed = contends(tracked, draft.policy.opt_out)
        controls, until = _controls(tracked, draft.now_s)
        for control in controls:
            place = (mode_of(control), tracked.event.test)
            if place[0] not in allowed:
                continue
            rest = _rest(tracked.event.addressees, taken.get(place, []))
            if rest is not None:
                taken.setdefault(place, []).append(tracked.event.addressees)
                yield of_event(draft, tracked, control, rest, until, ramp)
    for tracked in _held_over(draft):
        controls, until = _controls(tracked, (tracked.done_s or 0.0) - 1e-3)
        for control in controls:
            place = (mode_of(control), tracked.event.test)
            follows = _follower_s(draft, tracked, place[0])
            if place not in taken and follows is not None and place[0] in contends(tracked, draft.policy.opt_out):
                taken[place] = [tracked.event.addressees]
                yield of_event(draft, tracked, control, tracked.event.addressees, follows, ramp)


def _rest(addressees: frozenset[str], taken: list[frozenset[str]]) -> frozenset[str] | None:
    """The addressees that stronger events leave to this one; empty = all; None = nobody.

    Interpretation: who is addressed "all but some" cannot be said, so such a control stays for all, and the rank decides where both claim.
    """
    if any(not stronger for stronger in taken):
        return None
    rest = addressees.difference(*taken)
    return rest if rest or not addressees else None


def _controls(tracked: Tracked, at_s: float) -> tuple[tuple[Control, ...], float]:
    """What the event wants at that time, and until when."""
    begin = tracked.begin_s if tracked.begin_s is not None else at_s
    end = end_s(tracked, begin)
    found: dict[Mode, Control] = {}
    until = end
    # a clock set back after the start does not undo it: the first interval holds until it comes again
    offset = max(0.0, at_s - begin)
    for interval in sorted(tracked.event.intervals, key=lambda one: one.offset_s):
        last = FOREVER if interval.duration_s is None else interval.offset_s + interval.duration_s
        if _lasts(interval, offset, last, tracked):
            found |= {mode_of(control): control for control in interval.controls}
            until = min(until, begin + last) if len(tracked.event.intervals) > 1 else until
    return tuple(found[mode] for mode in sorted(found)), until


def _lasts(interval: Interval, offset_s: float, last_s: float, tracked: Tracked) -> bool:
    """Whether an interval holds. A drawn end moves the event's end, so an only interval lasts as long as its event does."""
    return len(tracked.event.intervals) == 1 or interval.offset_s <= offset_s < last_s


def _held_over(draft: Draft) -> list[Tracked]:
    found = [draft.events[name] for name in draft.run.recent if name in draft.events]
    fresh = [one for one in found if one.done_s is not None and draft.now_s - one.done_s < draft.policy.hold_over_s]
    return sorted((one for one in fresh if one.away_s is None), key=strength, reverse=True)


def _follower_s(draft: Draft, tracked: Tracked, mode: Mode) -> float | None:
    """When the next event of that mode starts, if soon enough."""
    agenda = draft.run.plan.agenda
    for index in range(draft.run.cursor, len(agenda)):
        start = agenda[index]
        if start.start_s > (tracked.done_s or 0.0) + draft.policy.hold_over_s:
            return None
        if mode in contends(draft.events[start.id], draft.policy.opt_out):
            return start.start_s
    return None


def _standings(draft: Draft, ramp: Ramp | None) -> Iterator[InForce]:
    seen: set[Mode] = set()
    for stood in sorted(draft.standings.values(), key=_standing_strength, reverse=True):
        for control in stood.standing.controls:
            if mode_of(control) not in seen:
                seen.add(mode_of(control))
                yield InForce(
                    control=control,
                    source=draft.policy.source,
                    rank=stood.standing.rank,
                    basis=Basis.STANDING,
                    since=Moment(draft.policy.clock, stood.received_s),
                    until=None,
                    received_utc_s=stood.received_utc_s,
                    ramp=ramp,
                    program=stood.standing.program,
                )


def _standing_strength(stood: Stood) -> tuple[float, float, str, str]:
    rank = stood.standing.rank
    return -rank.level, rank.created_s, rank.tie, stood.standing.program


def _fail_safe(draft: Draft, held: set[Mode], ramp: Ramp | None) -> list[InForce]:
    since = draft.run.began_s if draft.relation.since_s is None else draft.relation.since_s
    return [
        InForce(
            control=control,
            source=draft.policy.source,
            rank=_FAIL_SAFE_RANK,
            basis=Basis.FAIL_SAFE,
            since=Moment(draft.policy.clock, since),
            until=None,
            received_utc_s=draft.now.utc_s,
            ramp=ramp,
        )
        for control in draft.policy.fail_safe
        if mode_of(control) not in held
    ]


def _order(one: InForce) -> tuple[str, bool, str, str]:
    return mode_of(one.control), one.test, str(one.cause), repr(sorted(one.addressees))
