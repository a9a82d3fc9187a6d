"""Rule 9: moves what is wanted now towards its goal. Before the arbiter, so that every source's own way is seen in its bounds.

Bounds and targets move on straight lines; switches and shapes are what they are at once (a device has ramps of its own for them).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from grid_functions.flow import flow, members
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Devices, Scope, Source, Target, Want
from grid_functions.model.control import Mode
from grid_functions.model.device import Role
from grid_functions.model.event import Ramp
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.rating import SWITCHED, most_w, percent_base_w

STEP_S: Final = 1.0
"""A moving value takes a new step this often: devices are written no faster, and no slower than they are polled."""

TrackKey = tuple[Source, Scope, Quantity, Phase | None, Mode]
"""The mode too: two modes of one source on one scope are two bounds (rule 2), each with its own way."""

_POWERS = (Quantity.PRODUCED, Quantity.CONSUMED, Quantity.NET)


@dataclass(frozen=True, slots=True)
class Track:
    """The way of one source's claim: from ``start`` at monotonic ``since_s`` straight to ``aim`` at ``until_s``, and then at ``goal``.

    ``aim``: the goal, or as much of it as binds anything. ``claim``: as last made. ``withdrawn``: nobody makes it any more, and it goes
    once it has ramped out.
    """

    claim: Claim
    start: float
    aim: float
    goal: float
    since_s: float
    until_s: float
    ramp: Ramp | None = None
    withdrawn: bool = False

    def arrived(self, mono_s: float) -> bool:
        """Whether it is at its goal then. A moment too close to be woken for has come."""
        return mono_s >= self.until_s - _CRUMB

    def at(self, mono_s: float) -> float:
        """The value then, in whole steps of time since the start."""
        if self.arrived(mono_s) or self.until_s == self.since_s:
            return self.goal
        run_s = STEP_S * math.floor(max(0.0, mono_s - self.since_s) / STEP_S + _CRUMB)
        return self.start + (self.aim - self.start) * run_s / (self.until_s - self.since_s)

    def next_s(self, mono_s: float) -> float | None:
        """When the value changes next; None = it has arrived."""
        if self.arrived(mono_s):
            return None
        steps = math.floor(max(0.0, mono_s - self.since_s) / STEP_S + _CRUMB) + 1
        return min(self.since_s + steps * STEP_S, self.until_s)


@dataclass(frozen=True, slots=True)
class TrajectoryState:
    """The tracks of all claims that move or stand. ``begun``: this run has taken a step; before, what devices hold is the last value."""

    tracks: Mapping[TrackKey, Track] = field(default_factory=dict)
    begun: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class TrajectoryStep:
    """Every claim at the value it has reached, and those that ramp out; ``wake``: when a value changes by itself."""

    state: TrajectoryState
    claims: tuple[Claim, ...]
    wake: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    snapshot: Snapshot
    terms: SiteTerms
    now: Instants
    begun: bool


def step(
    state: TrajectoryState,
    claims: Sequence[Claim],
    ways_out: Mapping[Source, Ramp | None],
    snapshot: Snapshot,
    terms: SiteTerms,
    now: Instants,
) -> TrajectoryStep:
    """Move every claim by the ramp of its cause; without one it is at its goal at once.

    ``ways_out``: how what a source withdraws ramps out where its cause does not say; a source that is not named leaves at once.
    """
    scene = _Scene(snapshot, terms, now, state.begun)
    tracks: dict[TrackKey, Track] = {}
    moved: list[Claim] = []
    for claim in claims:
        goal, key = _number(claim.goal), _key(claim)
        if goal is None or key in tracks:
            moved.append(_now(claim, claim.goal))
            continue
        tracks[key] = track = _onward(state.tracks.get(key), claim, goal, scene)
        moved.append(_now(claim, _wanted(claim.goal, track.at(now.mono_s))))
    for key, before in state.tracks.items():
        way_out = before.claim.cause.recovery or ways_out.get(key[0])
        leaving = None if key in tracks else _leaving(before, way_out, scene)
        if leaving is not None:
            tracks[key] = leaving
            moved.append(_parting(leaving, now.mono_s))
    changes = [at for at in (track.next_s(now.mono_s) for track in tracks.values()) if at is not None]
    wake = (Moment(OWN, now.utc_s + min(changes) - now.mono_s),) if changes else ()
    return TrajectoryStep(TrajectoryState(MappingProxyType(tracks), begun=True), tuple(moved), wake)


def loosest(state: TrajectoryState, claim: Claim, settle_s: float, now: Instants) -> Want:
    """What a device that needs ``settle_s`` to follow may still be doing under this claim: a bound's largest value within that time."""
    track = state.tracks.get(_key(claim))
    if track is None or not isinstance(claim.want, Bound):
        return claim.want
    return Bound(max(claim.want.limit, track.at(now.mono_s - settle_s)))


def arrived_s(state: TrajectoryState, claims: Iterable[Claim]) -> float:
    """The monotonic second at which the last of these claims is at its goal."""
    found = (state.tracks.get(_key(claim)) for claim in claims)
    return max((track.until_s for track in found if track is not None), default=-math.inf)


_CRUMB = 1e-6


def _key(claim: Claim) -> TrackKey:
    return claim.cause.source, claim.scope, claim.quantity, claim.phase, claim.mode


def _number(want: Want) -> float | None:
    match want:
        case Bound(limit=value) | Target(value=value) if math.isfinite(value):
            return value
        case _:
            return None


def _now(claim: Claim, want: Want) -> Claim:
    return claim if claim.want == want else replace(claim, want=want)


def _wanted(like: Want, value: float) -> Want:
    return Target(value) if isinstance(like, Target) else Bound(value)


def _onward(before: Track | None, claim: Claim, goal: float, scene: _Scene) -> Track:
    """The track that stands, or a new one from here."""
    ramp = claim.cause.ramp
    now_s = scene.now.mono_s
    stands = before is not None and not before.withdrawn and before.goal == goal
    if before is not None and stands and (before.ramp == ramp or before.arrived(now_s)):
        return before if before.claim is claim and before.ramp is ramp else replace(before, claim=claim, ramp=ramp)
    if ramp is None:
        return Track(claim, goal, goal, goal, now_s, now_s)
    start = _start(before, claim, goal, scene)
    # an "unlimited" limit of twice the rating must not rush through the half that binds
    aim = goal if isinstance(claim.goal, Target) or start >= goal else max(start, min(goal, _rest(claim, scene)))
    return Track(claim, start, aim, goal, now_s, now_s + _span_s(ramp, start, aim, claim, scene), ramp)


def _start(before: Track | None, claim: Claim, goal: float, scene: _Scene) -> float:
    """A tightening bound starts from what flows now, a loosening one from the last value, and so does a target. Unknown: at its goal."""
    measured = flow(claim.scope, claim.quantity, claim.phase, scene.snapshot, scene.terms, scene.now)
    if before is not None:
        last: float | None = before.at(scene.now.mono_s)
    elif scene.begun:
        last = None
    else:
        last = _read_back(claim, measured, scene)
    if isinstance(claim.goal, Target):
        found = measured if last is None else last
        return goal if found is None else found
    if last is not None and last <= goal:
        return last
    if measured is None:
        return goal
    return max(goal, measured if last is None else min(last, measured))


def _read_back(claim: Claim, measured: float | None, scene: _Scene) -> float | None:
    """What the devices hold of an earlier run, as a value of this claim. None: some hold nothing, or it cannot be told."""
    total = 0.0
    names = members(claim.scope, claim.quantity, scene.terms)
    for name in names:
        seen = scene.snapshot.devices.get(name)
        holds = None if seen is None else seen.condition.holds
        if holds is None:
            return None
        held = holds.target_w
        if isinstance(claim.goal, Bound):
            held = holds.produce_max_w if claim.quantity is Quantity.PRODUCED else holds.consume_max_w
        if held is None:
            return None
        total += held
    if not isinstance(claim.scope, ConnectionPoint):
        return total
    # what flows through the connection beside the devices' own power is the house, and stays
    devices = flow(Devices(frozenset(names)), claim.quantity, claim.phase, scene.snapshot, scene.terms, scene.now)
    return None if measured is None or devices is None else max(0.0, total + measured - devices)


def _span_s(ramp: Ramp | None, start: float, goal: float, claim: Claim, scene: _Scene) -> float:
    """How long the way takes. After a restart an event's ramp goes on where it was; its end stays."""
    if ramp is None or start == goal:
        return 0.0
    if ramp.over_s is not None:
        since = claim.cause.since
        gone_s = 0.0 if scene.begun else max(0.0, scene.now.on(since.clock) - since.at_s)
        return max(0.0, ramp.over_s - gone_s)
    base_w = _base_w(claim, scene)
    if not ramp.pct_per_s or not base_w or claim.quantity not in _POWERS:
        return 0.0
    return abs(goal - start) / (ramp.pct_per_s / 100.0 * base_w)


def _base_w(claim: Claim, scene: _Scene) -> float:
    """setMaxW of a respondent: the sum of its devices'; of a local voice: of all devices; whatever is unknown counts nothing."""
    devices = scene.snapshot.devices
    respondent = claim.cause.source.respondent
    names = scene.terms.devices.keys() if respondent is None else scene.terms.respondents.get(respondent, frozenset())
    known = (devices[name] for name in sorted(names) if name in devices)
    return sum(percent_base_w(seen) for seen in known if seen.role in SWITCHED)


def _leaving(before: Track, ramp: Ramp | None, scene: _Scene) -> Track | None:
    """The way out: a bound rises until it binds nothing, a target goes where its devices go by themselves. None = it is out."""
    now_s = scene.now.mono_s
    if before.withdrawn and before.ramp == ramp:
        return None if before.arrived(now_s) else before
    here, rest = before.at(now_s), _rest(before.claim, scene)
    there = isinstance(before.claim.goal, Bound) and here >= rest
    if ramp is None or there or not math.isfinite(rest):
        return None
    span_s = _span_s(ramp, here, rest, before.claim, scene)
    # the event is over: what still moves is not asked by it any more
    gone = replace(before.claim, cause=replace(before.claim.cause, cause=None, until=None, ramp=ramp), valid_until=None)
    return Track(gone, here, rest, rest, now_s, now_s + span_s, ramp, withdrawn=True) if span_s > 0 else None


def _parting(track: Track, now_s: float) -> Claim:
    goal = track.claim.goal
    return replace(track.claim, want=_wanted(goal, track.at(now_s)), goal=_wanted(goal, track.goal))


def _rest(claim: Claim, scene: _Scene) -> float:
    """Interpretation: PV left alone produces what it can, a charger draws what it can, storage rests."""
    names = members(claim.scope, claim.quantity, scene.terms)
    devices = [scene.snapshot.devices[name] for name in names if name in scene.snapshot.devices]
    if isinstance(claim.goal, Target):
        if claim.quantity is not Quantity.NET:
            return 0.0
        drawn_w = sum(most_w(one, Quantity.CONSUMED) for one in devices if one.role is Role.EVSE)
        return drawn_w - sum(most_w(one, Quantity.PRODUCED) for one in devices if one.role in (Role.PV, Role.HYBRID))
    most = sum(most_w(one, claim.quantity) for one in devices)
    if isinstance(claim.scope, ConnectionPoint) and claim.quantity is Quantity.CONSUMED:
        rating_w = scene.terms.connection.import_limit_w
        measured = flow(claim.scope, claim.quantity, claim.phase, scene.snapshot, scene.terms, scene.now)
        return rating_w if rating_w is not None else most + (math.inf if measured is None else measured)
    return most
