"""One direction of active power: from its bounds to one limit per device."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grid_functions.allocate import fuses as fusing
from grid_functions.allocate import lag
from grid_functions.allocate import loop as closed_loop
from grid_functions.allocate import wish as wishes
from grid_functions.allocate.fuses import Fuses
from grid_functions.allocate.loop import Look, Loop, Sample, granted_w
from grid_functions.allocate.share import Fence, Part, floor_to, serve, share
from grid_functions.allocate.stand import Stand, members
from grid_functions.allocate.turn import Place
from grid_functions.allocate.wish import Wish
from grid_functions.arbiter import limit_of, tightest
from grid_functions.model.claim import Claim, Devices
from grid_functions.model.policy import LoadCredit, SiteTerms, Yield
from grid_functions.model.units import Phase, Quantity

_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Shared:
    """``limits``: W per device that obeys and is bound. ``returns``: W per bound device that does not answer, for when it does.

    ``aimed``: W per device that is steered, at most its limit. ``short_w``: by how much the connection's bound cannot be kept from here.
    ``beyond``: since when devices have been doing more than they were told; ``pressed``: one that left part of its share is told less than
    it does now.
    """

    loop: Loop
    wishes: Mapping[str, Wish]
    limits: Mapping[str, float]
    returns: Mapping[str, float]
    short_w: float = 0.0
    aimed: Mapping[str, float] = field(default_factory=dict)
    fuses: Mapping[Phase, Loop] = field(default_factory=dict)
    beyond: Mapping[str, float] = field(default_factory=dict)
    pressed: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """``places``: of the chargers; ``needs``: W that a device is to have before others have more, with the tier it has for that."""

    places: Mapping[str, Place] = field(default_factory=dict)
    needs: Mapping[str, tuple[float, int]] = field(default_factory=dict)


NOBODY = Queue()
UNFUSED = Fuses()


def divide(
    bounds: tuple[Claim, ...],
    quantity: Quantity,
    found: Mapping[str, Stand],
    meter: Sample | None,
    terms: SiteTerms,
    vanishing_w: float,
    before: Shared,
    now_s: float,
    aims: Sequence[Fence] = (),
    base_load_w: float | None = None,
    fuses: Fuses = UNFUSED,
    queue: Queue = NOBODY,
) -> Shared:
    """Share everything that binds over the devices that obey, and every aim over the devices that are steered.

    ``meter``: power flowing the other way, None when stale. ``vanishing_w``: the part of the others' room that this very step removes.
    """
    fused = fusing.held(fuses, quantity, found)
    bound = _bound_devices((*bounds, *fused), found)
    returns = _returns(bounds, found, queue)
    led = _steered(aims, found)
    ours = {name: one for name, one in found.items() if name in bound or name in led} if led else bound
    if not ours:
        return Shared(Loop(), {}, {}, returns)
    held = tightest(bounds)
    fences = [_fence(claim, found, ours) for claim in held.values() if claim.phase or isinstance(claim.scope, Devices)]
    at_connection = held.get((None, quantity, None))
    loop = Loop()
    outer: list[Fence] = []
    short_w = 0.0
    if at_connection is not None:
        loop = closed_loop.step(before.loop, _look(limit_of(at_connection), meter, found, ours, before.wishes, now_s))
        room_w = granted_w(loop, quantity, meter, base_load_w)
        # a device we cannot limit but see is part of the house while the meter tells; one we do not see may do all it holds
        dark = [one for name, one in found.items() if name not in ours and (meter is None or one.doing is None)]
        reserved_w = sum([one.may_w for one in dark])
        budget_w = limit_of(at_connection) + room_w - vanishing_w - reserved_w
        short_w = max(0.0, -budget_w) if budget_w > -math.inf else 0.0
        outer.append(Fence(frozenset(ours), budget_w))
        if terms.load_credit is LoadCredit.WATCHDOG:
            dry_w = limit_of(at_connection) + min(0.0, room_w) - vanishing_w - reserved_w
            fences += _dry(ours, fences, dry_w)
    gauged = {
        name: wishes.step(
            before.wishes.get(name),
            one.sent_w,
            None if one.doing is None else one.doing.value_w,
            one.able_w,
            one.capability.settle_s + _POLL_S,
            now_s,
            max(one.minimum_w, one.resolution_w),
        )
        for name, one in ours.items()
    }
    phases, blowing = fusing.fences(fuses, fused, quantity, found, ours, now_s, _POLL_S)
    fences += blowing
    parts = {name: _part(one, gauged[name].most_w, queue, led=name in led) for name, one in ours.items()}
    shared = serve(parts, fences + outer, aims, free_first=terms.yields is Yield.TARGET)
    beyond = lag.beyond(ours, before.beyond, now_s)
    late_w = lag.late(ours, shared.limits, beyond, now_s)
    if late_w:
        # the late keep the share they will come down to, and the others go without what it takes meanwhile
        kept = {name: shared.limits[name] for name in late_w}
        rest = {name: part for name, part in parts.items() if name not in late_w}
        narrowed = lag.behind(lag.behind(fences + outer, late_w), kept)
        shared = serve(rest, narrowed, aims, free_first=terms.yields is Yield.TARGET)
        shared = shared._replace(limits={**shared.limits, **kept})
    limits = _in_turn({name: shared.limits[name] for name in bound}, bound)
    aimed = {name: min(aimed_w, limits.get(name, math.inf)) for name, aimed_w in shared.aimed.items()}
    pressed = any(gauged[name].most_w < math.inf and _presses(ours[name], limit_w) for name, limit_w in limits.items())
    return Shared(loop, gauged, limits, returns, short_w, aimed, phases, beyond, pressed)


def _presses(one: Stand, limit_w: float) -> bool:
    return one.doing is not None and wishes.presses(limit_w, one.doing.value_w, one.able_w)


def standing_limits(
    bounds: tuple[Claim, ...], found: Mapping[str, Stand], aims: Sequence[Fence] = ()
) -> Mapping[str, float]:
    """What holds whatever the meter says: the limits of device sets, and what steered devices are to do."""
    led, bound = _steered(aims, found), _bound_devices(bounds, found)
    ours = {name: found[name] for name in sorted(bound.keys() | led)} if led else bound
    fences = [_fence(c, found, ours) for c in tightest(bounds).values() if isinstance(c.scope, Devices)]
    shared = serve({name: _part(one, math.inf, led=name in led) for name, one in ours.items()}, fences, aims)
    return {**shared.limits, **shared.aimed}


def worst_w(claim: Claim, found: Mapping[str, Stand], limits: Mapping[str, float]) -> float:
    """The most that the devices of a bound may do together under these limits."""
    return sum([limits.get(name, found[name].may_w) for name in sorted(members(claim, found))])


def _returns(bounds: tuple[Claim, ...], found: Mapping[str, Stand], queue: Queue) -> dict[str, float]:
    """What absent devices get on their return: their share were all here and the house at rest, never more than is kept for them; of a
    charger whose turn it is its least before others have more."""
    if True not in [one.absent for one in found.values()]:
        return {}
    covered = frozenset[str]().union(*(members(claim, found) for claim in bounds))
    there = {name: found[name] for name in sorted(covered) if found[name].obeys or found[name].absent}
    fences = [Fence(members(c, found) & there.keys(), limit_of(c)) for c in tightest(bounds).values()]
    shares = share({name: _part(one, math.inf, queue) for name, one in there.items()}, fences)
    return {name: min(shares[name], one.may_w) for name, one in there.items() if one.absent}


def _bound_devices(bounds: tuple[Claim, ...], found: Mapping[str, Stand]) -> dict[str, Stand]:
    covered = frozenset[str]().union(*[members(claim, found) for claim in bounds])
    return {name: one for name, one in found.items() if one.obeys and name in covered}


def _fence(claim: Claim, found: Mapping[str, Stand], ours: Mapping[str, Stand]) -> Fence:
    names = members(claim, found)
    reserved_w = sum([one.may_w for name, one in found.items() if name in names and name not in ours])
    return Fence(names & ours.keys(), limit_of(claim) - reserved_w)


def _steered(aims: Sequence[Fence], found: Mapping[str, Stand]) -> frozenset[str]:
    """Devices that a target moves in this direction. One that cannot be limited keeps a bound by its target alone."""
    return frozenset[str]().union(*(aim.names for aim in aims)) & found.keys() if aims else frozenset()


def _part(one: Stand, wish_w: float, queue: Queue | None = None, *, led: bool = False) -> Part:
    """In a queue: a charger without a vehicle, or that is to stay paused, gets nothing; the others get in by their place."""
    place, need_w, tier = None, 0.0, 0
    if queue is not None:
        place = queue.places.get(one.name)
        need_w, tier = queue.needs.get(one.name) or (0.0, one.tier)
    most_w = one.aimed_w if led else one.able_w
    if one.off or (place is not None and (one.idle or place.barred)):
        most_w = 0.0
    doing = one.doing if led and not math.isinf(wish_w) else None
    uses_w = math.inf if doing is None else doing.value_w
    order = None if place is None else place.order
    return Part(most_w, wish_w, one.minimum_w, one.resolution_w, uses_w, order, need_w, tier)


def _look(
    bound_w: float,
    meter: Sample | None,
    found: Mapping[str, Stand],
    ours: Mapping[str, Stand],
    wished: Mapping[str, Wish],
    now_s: float,
) -> Look:
    devices: dict[str, Sample] = {}
    unmeasured_w = allowed_w = total_w = left_w = settle_s = rounded_w = 0.0
    coarse = False
    for name, one in found.items():
        if one.doing is None and (name not in ours or one.sent_w is not None):
            unmeasured_w += one.may_w
    for name, one in ours.items():
        doing, sent_w, able_w = one.doing, one.sent_w, one.able_w
        if doing is not None:
            devices[name] = doing
            # who does what a target says is not held back by the bound, and proves nothing of it
            allowed_w += able_w if one.limit_w is None else one.limit_w
            if sent_w is not None and name in wished and wished[name].most_w < math.inf:
                left_w += max(0.0, sent_w - doing.value_w)
        total_w += able_w
        if one.capability.settle_s > settle_s:
            settle_s = one.capability.settle_s
        if one.wires is not None:
            coarse = True
            rounded_w = max(rounded_w, one.step_w)
    return Look(
        now_s=now_s,
        bound_w=bound_w,
        meter=meter,
        devices=devices,
        unmeasured_w=unmeasured_w,
        allowed_w=allowed_w,
        total_w=total_w,
        settle_s=settle_s + _POLL_S,
        left_w=left_w + rounded_w,
        coarse=coarse,
    )


def _in_turn(limits: Mapping[str, float], ours: Mapping[str, Stand]) -> dict[str, float]:
    """What one device is to give up, another gets only once it is seen to be given up: both move, and not at the same speed."""
    ceding_w = raised_w = 0.0
    raises = {}
    for name, one in ours.items():
        limit_w, doing, may_w = limits[name], one.doing, one.may_w
        if doing is not None and doing.value_w > limit_w:
            ceding_w += doing.value_w - limit_w
        raises[name] = raise_w = limit_w - may_w if limit_w > may_w else 0.0
        raised_w += raise_w
    if not ceding_w or not raised_w or math.isinf(raised_w):
        return dict(limits)
    kept = max(0.0, 1.0 - ceding_w / raised_w)
    return {
        name: floor_to(limit_w - (1.0 - kept) * raises[name], ours[name].resolution_w) if raises[name] else limit_w
        for name, limit_w in limits.items()
    }


def _dry(ours: Mapping[str, Stand], fences: list[Fence], dry_w: float) -> list[Fence]:
    """One fence for each device without watchdog: its share as if the house consumed nothing."""
    parts = {name: _part(one, math.inf) for name, one in ours.items()}
    dry = share(parts, [*fences, Fence(frozenset(ours), dry_w)])
    return [Fence(frozenset({name}), dry[name]) for name, one in ours.items() if not one.capability.watchdog]
