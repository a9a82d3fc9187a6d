"""A timeline at rest: nothing it says can change before a known moment unless something is read or said."""

from collections.abc import Sequence

from grid_functions.model.event import EventKey
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import Policy
from grid_functions.timeline.contest import contends
from grid_functions.timeline.draft import Draft
from grid_functions.timeline.force import boundaries_s
from grid_functions.timeline.state import Opt, Run, TimelineState, TimelineStep, Tracked
from grid_functions.timeline.windows import FOREVER

FAR_BEHIND = 256
"""Starts and ends after which the plan drops them, though nothing was read."""


def again(
    state: TimelineState, policy: Policy, opts: Sequence[Opt], closed: frozenset[EventKey], now: Instants
) -> TimelineStep | None:
    """What the last step said, where a step now could say nothing else; None = step.

    The same policy, opts and closed events, and a time between that step and its next change: a clock set back asks anew.
    """
    rest, run = state.rest, state.run
    if rest is None or run is None or rest.policy is not policy or rest.opts != opts or rest.closed != closed:
        return None
    if not rest.from_s <= now.on(policy.clock) < rest.until_s or is_silent(run, policy, now):
        return None
    return TimelineStep(
        state=state,
        in_force=rest.in_force,
        facts=(),
        next_change=next_change(rest.until_s, run, policy, now, current=True),
        entries=(),
        notes=(),
        current=True,
        reason=state.kept.relation.reason,
        settings=rest.settings,
        ramp=rest.ramp,
        running=rest.running,
        ahead=run.ahead,
    )


def is_restful(draft: Draft) -> bool:
    """Whether only a read, a word or a known moment can change what is said: not while silence, a gap or a device's return may."""
    run = draft.run
    return (
        draft.relation.current
        and not run.recent
        and len(draft.behind) <= FAR_BEHIND
        and all(_is_settled(draft, draft.events[name]) for name in run.running)
    )


def until_s(draft: Draft) -> float:
    """The soonest of: a start, an end, an interval's edge."""
    run, agenda = draft.run, draft.run.plan.agenda
    found = agenda[run.cursor].start_s if run.cursor < len(agenda) else FOREVER
    for name in run.running:
        for at in boundaries_s(draft.events[name]):
            if draft.now_s < at < found:
                found = at
    return found


def next_change(until_s: float, run: Run, policy: Policy, now: Instants, *, current: bool) -> Moment | None:
    """That, or the silence after which the upstream is not current."""
    moments = [Moment(policy.clock, until_s)] if until_s < FOREVER else []
    if current:
        moments.append(Moment(OWN, now.utc_s + (policy.fail_safe_after_s - (now.mono_s - run.heard_mono_s))))
    return min(moments, key=lambda one: one.in_s(now), default=None)


def is_silent(run: Run, policy: Policy, now: Instants) -> bool:
    """No complete read came for the policy's time, measured in one run (rule 7)."""
    return now.mono_s - run.heard_mono_s >= policy.fail_safe_after_s


def _is_settled(draft: Draft, tracked: Tracked) -> bool:
    """Whether nothing is left to be noted of its taking part, and it ends at a moment that is told."""
    took_part = tracked.took_part and not tracked.opted_out
    sat_out = tracked.sat_out and not contends(tracked, draft.policy.opt_out)
    return tracked.away_s is None and (took_part or sat_out)
