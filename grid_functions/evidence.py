"""What became of an event's limits, switches and temperatures: applied = read back, effective = seen in measured power.

Evidence only: it delays and suppresses nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from grid_functions.flow import drawn_by_loads, flow, members
from grid_functions.model.claim import Bound, Claim, Ruling, Shape, Switch, Want
from grid_functions.model.device import Seen
from grid_functions.model.event import EventKey
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.outcome import Cause, Fact, OutcomeKind
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.trajectory import TrajectoryState, arrived_s, loosest

TOLERANCE_SHARE = 0.04
TOLERANCE_LEAST_W = 100.0
_READ_BACK_S = 10.0
_CRUMB = 1e-6


@dataclass(frozen=True, slots=True)
class Trial:
    """How far the evidence for one event has come. Monotonic seconds; rebuilt after a restart."""

    since_s: float
    applied_s: float | None = None
    verdict: OutcomeKind | None = None
    astray_s: float | None = None
    mismatched: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """What one look leaves. ``wake``: when time alone may say more."""

    trials: dict[EventKey, Trial]
    facts: tuple[Fact, ...]
    wake: tuple[Moment, ...]


def step(
    trials: Mapping[EventKey, Trial],
    ruling: Ruling,
    setpoints: Iterable[Setpoint],
    snapshot: Snapshot,
    terms: SiteTerms,
    changed_s: Mapping[str, float],
    paths: TrajectoryState,
    now: Instants,
) -> EvidenceStep:
    """One look at every event whose claims stand; a limit met because another is tighter is served (rule 8).

    ``changed_s``: since which monotonic second each device's setpoint is what it is; a driver gets ten seconds to follow. ``paths``: what
    moves is judged against its trajectory, ``settle_s`` late (rule 9), and is effective only once it has arrived.
    """
    wanted = {one.device: one for one in setpoints}
    after: dict[EventKey, Trial] = {}
    facts: list[Fact] = []
    due_s: list[float] = []
    for key, claims in _by_event(ruling).items():
        names = sorted({name for c in claims for name in members(c.scope, c.quantity, terms)} & wanted.keys())
        before = trials.get(key)
        trial = before or Trial(now.mono_s)
        seen = snapshot.devices
        settle_s = max([seen[name].capability.settle_s for name in names if name in seen], default=0.0)
        otherwise = [name for name in names if not _held(wanted[name], snapshot)]
        held = bool(names) and not otherwise
        clock = claims[0].cause.since.clock
        if held and trial.applied_s is None:
            trial = replace(trial, applied_s=now.mono_s)
            facts.append(_fact(key, OutcomeKind.APPLIED, clock, now))
        wants = [(claim, loosest(paths, claim, settle_s, now)) for claim in claims]
        verdict = _verdict(wants, snapshot, terms, now)
        there_s = arrived_s(paths, claims)
        if (
            trial.applied_s is not None
            and trial.verdict is None
            and now.mono_s - max(trial.applied_s, there_s) >= settle_s
        ):
            trial = replace(trial, verdict=verdict)
            facts.append(_fact(key, verdict, clock, now))
        told_s = [changed_s.get(name, now.mono_s) for name in otherwise]
        stuck = any(now.mono_s - one >= _READ_BACK_S for one in told_s)
        # on its way for longer than a write and the device's own lag take, it should be seen to follow
        under_way = there_s > now.mono_s and now.mono_s - trial.since_s >= settle_s + _READ_BACK_S
        settled = under_way or (before or trial).verdict is not None
        astray = stuck or (settled and verdict is OutcomeKind.NOT_EFFECTIVE)
        if not astray:
            if trial.mismatched and held:
                facts.append(_fact(key, OutcomeKind.APPLIED, clock, now))
            if trial.astray_s is not None or (trial.mismatched and held):
                trial = replace(trial, astray_s=None, mismatched=trial.mismatched and not held)
        elif trial.astray_s is None:
            trial = replace(trial, astray_s=now.mono_s)
        elif not trial.mismatched and names and now.mono_s - trial.astray_s >= settle_s:
            trial = replace(trial, mismatched=True)
            text = "a device holds something else" if stuck else "measured power disagrees"
            facts.append(_fact(key, OutcomeKind.MISMATCHED, clock, now, text))
        after[key] = trial
        due_s += [one + _READ_BACK_S for one in told_s]
        due_s += [trial.since_s + settle_s + _READ_BACK_S] if there_s > now.mono_s else []
        due_s += [max(trial.applied_s, there_s) + settle_s] if trial.applied_s is not None else []
        due_s += [trial.astray_s + settle_s] if trial.astray_s is not None else []
    ahead_s = min((one for one in due_s if one > now.mono_s), default=None)
    wake = () if ahead_s is None else (Moment(OWN, now.utc_s + ahead_s - now.mono_s),)
    return EvidenceStep(after, tuple(facts), wake)


def _by_event(ruling: Ruling) -> dict[EventKey, list[Claim]]:
    """Every claim that should be seen in the world: bounds all hold, of switches and temperatures the winners."""
    found: dict[EventKey, list[Claim]] = {}
    for claim in (*ruling.bounds, *ruling.winners):
        if isinstance(claim.cause.cause, EventKey) and (
            isinstance(claim.want, Bound | Switch) or claim.quantity is Quantity.TEMPERATURE
        ):
            found.setdefault(claim.cause.cause, []).append(claim)
    return {key: found[key] for key in sorted(found)}


def _held(want: Setpoint, snapshot: Snapshot) -> bool:
    """Read back within half a step of the device's limit (DESIGN section 4)."""
    seen = snapshot.devices.get(want.device)
    if seen is None or not seen.condition.online:
        return False
    holds = seen.condition.holds or Setpoint(want.device)
    half_w = seen.capability.resolution_w / 2 + _CRUMB
    limits = _near(want.produce_max_w, holds.produce_max_w, half_w)
    limits &= _near(want.consume_max_w, holds.consume_max_w, half_w)
    currents = seen.capability.currents
    if want.current_max_a is not None and currents is not None:
        got_a = holds.current_max_a
        limits &= got_a is not None and abs(want.current_max_a - got_a) <= currents.resolution_a / 2 + _CRUMB
    return limits and (want.on is None or holds.on is want.on) and _tempered(want, holds, seen)


def _near(asked_w: float | None, got_w: float | None, half_w: float) -> bool:
    return asked_w is None or (got_w is not None and abs(asked_w - got_w) <= half_w)


def _tempered(want: Setpoint, holds: Setpoint, seen: Seen) -> bool:
    asked, got, can = want.thermostat, holds.thermostat, seen.capability.temperatures
    if asked is None:
        return True
    half_k = _CRUMB if can is None else can.step_k / 2 + _CRUMB
    return got is not None and got.offset is asked.offset and abs(got.value_k - asked.value_k) <= half_k


def _verdict(wants: Iterable[tuple[Claim, Want]], snapshot: Snapshot, terms: SiteTerms, now: Instants) -> OutcomeKind:
    seen = [_agrees(claim, want, snapshot, terms, now) for claim, want in wants]
    if False in seen:
        return OutcomeKind.NOT_EFFECTIVE
    return OutcomeKind.NOT_OBSERVABLE if None in seen else OutcomeKind.EFFECTIVE


def _agrees(claim: Claim, want: Want, snapshot: Snapshot, terms: SiteTerms, now: Instants) -> bool | None:
    if isinstance(want, Switch):
        if want.on:
            return True  # on only withdraws our off: what the device does then is its own
        flows = [flow(claim.scope, quantity, None, snapshot, terms, now) for quantity in _BOTH]
        flows += drawn_by_loads(claim.scope, snapshot, terms, now)
        return None if None in flows else all(one is not None and one <= TOLERANCE_LEAST_W for one in flows)
    if isinstance(want, Shape):
        return None  # whether a house follows its thermostat is the weather's to say
    limit_w = want.limit if isinstance(want, Bound) else 0.0
    flow_w = flow(claim.scope, claim.quantity, claim.phase, snapshot, terms, now)
    return None if flow_w is None else flow_w <= limit_w + max(TOLERANCE_SHARE * limit_w, TOLERANCE_LEAST_W)


_BOTH = (Quantity.PRODUCED, Quantity.CONSUMED)


def _fact(key: EventKey, what: OutcomeKind, clock: str, now: Instants, text: str = "") -> Fact:
    return Fact(key, what, Moment(clock, now.on(clock)), Cause(text=text))
