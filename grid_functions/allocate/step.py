"""From a ruling to one setpoint per device, closing the loop on the meter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from grid_functions.ability import has
from grid_functions.allocate.aim import Aim, aims, targets
from grid_functions.allocate.direction import Shared, divide, standing_limits, worst_w
from grid_functions.allocate.form import Form, forms
from grid_functions.allocate.loop import Loop, Sample
from grid_functions.allocate.revert import reverts
from grid_functions.allocate.stand import Stand, binding, members, stands, switched
from grid_functions.allocate.wish import Wish
from grid_functions.arbiter import limit_of, overlap, tightest
from grid_functions.model.claim import Claim, ConnectionPoint, Ruling, SourceKind
from grid_functions.model.control import Mode
from grid_functions.model.event import Settings
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

_TOTAL: Phase | None = None
_CRUMB_W = 1e-6
_NO_SETTINGS: Mapping[str, Settings] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AllocateState:
    """The two loops, what devices can use of their share, what was sent last, and for which target. Rebuilt from the snapshot after
    a restart. ``asked``: the value, W, of the target that each steered device serves."""

    produced: Loop = field(default_factory=Loop)
    consumed: Loop = field(default_factory=Loop)
    produce_wishes: Mapping[str, Wish] = field(default_factory=dict)
    consume_wishes: Mapping[str, Wish] = field(default_factory=dict)
    sent: Mapping[str, Setpoint] = field(default_factory=dict)
    asked: Mapping[str, float] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Served:
    """How a bound is kept: ``given_w`` is what may flow at most, more than ``asked_w`` where devices out of reach may exceed it.

    ``by``: the tighter bound on the same scope that decides, None when it is this one itself. Of a target, W positive = consume:
    what its devices are told and seen to do together, and the tightest bound that may have kept it from being all.
    """

    claim: Claim
    asked_w: float
    given_w: float
    by: Claim | None = None


@dataclass(frozen=True, slots=True)
class AllocateStep:
    """``setpoints``: one per device that a limit or switch could reach, by name; those with nothing of ours are empty.

    ``wake``: when a share changes by itself.
    """

    state: AllocateState
    setpoints: tuple[Setpoint, ...]
    served: tuple[Served, ...]
    wake: tuple[Moment, ...] = ()


def step(
    state: AllocateState,
    ruling: Ruling,
    snapshot: Snapshot,
    terms: SiteTerms,
    now: Instants,
    fail_safe: tuple[Claim, ...] = (),
    settings: Mapping[str, Settings] = _NO_SETTINGS,
    base_load_w: float | None = None,
) -> AllocateStep:
    """One look, one decision. ``fail_safe``: the bounds that are to hold by themselves once the gateway is gone; ``base_load_w``: what
    the house may draw beside its devices while the meter is dark, None = nobody knows.
    """
    import_w = _meter(snapshot, terms, now)
    export_w = None if import_w is None else Sample(import_w.at_s, 0.0 - import_w.value_w)
    producers = stands(Quantity.PRODUCED, ruling, snapshot, terms, state.sent)
    consumers = stands(Quantity.CONSUMED, ruling, snapshot, terms, state.sent)
    producing = binding(ruling.bounds, Quantity.PRODUCED, producers)
    consuming = binding(ruling.bounds, Quantity.CONSUMED, consumers)
    wanted = aims(ruling, snapshot, terms)
    to_produce = tuple(aim.fence(Quantity.PRODUCED) for aim in wanted)
    to_consume = tuple(aim.fence(Quantity.CONSUMED) for aim in wanted)
    consumed = divide(
        consuming,
        Quantity.CONSUMED,
        consumers,
        export_w,
        terms,
        _vanishing_w(producers, standing_limits(producing, producers, to_produce)),
        Shared(state.consumed, state.consume_wishes, {}, {}),
        now.mono_s,
        to_consume,
        base_load_w,
    )
    produced = divide(
        producing,
        Quantity.PRODUCED,
        producers,
        import_w,
        terms,
        _vanishing_w(consumers, {**consumed.limits, **consumed.aimed}),
        Shared(state.produced, state.produce_wishes, {}, {}),
        now.mono_s,
        to_produce,
    )
    stood = {**consumers, **producers}
    aimed = targets(wanted, produced.aimed, consumed.aimed, stood, state.sent, state.asked, _most(produced, consumed))
    safety = tuple(claim for claim in ruling.bounds if claim.cause.source.kind is SourceKind.SAFETY)
    lasting = fail_safe + safety
    falls, limits = {}, {}
    for quantity, found, shared in ((Quantity.PRODUCED, producers, produced), (Quantity.CONSUMED, consumers, consumed)):
        bounds = binding(lasting, quantity, found)
        limits[quantity] = {**shared.returns, **_carrying(bounds, found, aimed), **shared.limits}
        armed = {name: limits[quantity][name] for name in limits[quantity].keys() - shared.returns.keys()}
        falls[quantity] = reverts(bounds, quantity, found, armed)
    formed = forms(ruling, snapshot, terms, aimed)
    switches = {mode: switched(ruling, mode) for mode in (Mode.CONNECT, Mode.ENERGIZE)}
    setpoints = tuple(
        _setpoint(
            stood[name],
            _switches(name, switches, snapshot),
            limits[Quantity.PRODUCED].get(name),
            limits[Quantity.CONSUMED].get(name),
            aimed.get(name),
            formed.get(name, Form()),
            settings.get(name),
            Revert(terms.revert_s, falls[Quantity.PRODUCED].get(name), falls[Quantity.CONSUMED].get(name)),
        )
        for name in sorted(stood)
    )
    after = AllocateState(
        produced=produced.loop,
        consumed=consumed.loop,
        produce_wishes=MappingProxyType(dict(produced.wishes)),
        consume_wishes=MappingProxyType(dict(consumed.wishes)),
        sent=MappingProxyType({one.device: one for one in setpoints}),
        asked=MappingProxyType({name: aim.value_w for aim in wanted for name in aim.names | aim.away if name in aimed}),
    )
    served = _served(Quantity.PRODUCED, ruling, producers, produced)
    served += _served(Quantity.CONSUMED, ruling, consumers, consumed)
    served += tuple(_hit(aim, aimed, ruling) for aim in wanted)
    wishes = (*produced.wishes.values(), *consumed.wishes.values())
    due_s = min((one.due_s for one in wishes), default=math.inf)
    wake = (Moment(OWN, now.utc_s + due_s - now.mono_s),) if due_s < math.inf else ()
    return AllocateStep(after, setpoints, served, wake)


def _meter(snapshot: Snapshot, terms: SiteTerms, now: Instants) -> Sample | None:
    """Net power at the connection, W, positive = import; None when stale, suspect or missing (rule 6)."""
    reading = snapshot.meter.get((Quantity.NET, _TOTAL))
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return Sample(reading.at_s, reading.value) if now.mono_s - reading.at_s <= terms.meter_stale_s else None


def _vanishing_w(found: Mapping[str, Stand], limits: Mapping[str, float]) -> float:
    """Power that this step takes away on the other side: until the meter shows it, it must not be counted on (rule 1)."""
    gone_w = 0.0
    for name, one in found.items():
        if one.doing is not None and (one.obeys or name in limits):
            stays_w = 0.0 if one.off else limits.get(name, math.inf)
            gone_w += max(0.0, one.doing.value_w - stays_w)
    return gone_w


def _most(produced: Shared, consumed: Shared) -> dict[str, tuple[float, float]]:
    """The limits that hold for each device, W, (produced, consumed)."""
    told = ({**shared.returns, **shared.limits} for shared in (produced, consumed))
    produce, consume = told
    return {
        name: (produce.get(name, math.inf), consume.get(name, math.inf)) for name in produce.keys() | consume.keys()
    }


def _carrying(bounds: tuple[Claim, ...], found: Mapping[str, Stand], aimed: Mapping[str, float]) -> dict[str, float]:
    """A limit at the rating for steered devices that a fail-safe covers: a target that lapses without us needs one to end in."""
    covered = frozenset[str]().union(*(members(claim, found) for claim in bounds))
    able = {name: found[name] for name in sorted(covered & aimed.keys()) if found[name].obeys}
    return {name: one.able_w for name, one in able.items() if one.capability.watchdog and one.able_w < math.inf}


def _switches(name: str, switches: Mapping[Mode, Mapping[str, bool]], snapshot: Snapshot) -> dict[Mode, bool]:
    """What is told to each of the two switches; an off for one that the device lacks goes to the other (rule 5 tightens)."""
    told = {mode: asked[name] for mode, asked in switches.items() if name in asked}
    seen = snapshot.devices.get(name)
    for mode, other in ((Mode.CONNECT, Mode.ENERGIZE), (Mode.ENERGIZE, Mode.CONNECT)):
        if mode not in told or seen is None or has(seen, mode) or not has(seen, other):
            continue
        told[other] = told[mode] and told.get(other, True)
        del told[mode]
    return told


def _setpoint(
    one: Stand,
    switches: Mapping[Mode, bool],
    produce_w: float | None,
    consume_w: float | None,
    target_w: float | None,
    form: Form,
    settings: Settings | None,
    revert: Revert,
) -> Setpoint:
    off = False in switches.values()
    if off:
        target_w = None
        if not one.capability.off_capable:
            produce_w = consume_w = 0.0
    armed = revert.produce_max_w is not None or revert.consume_max_w is not None
    return Setpoint(
        one.name,
        produce_max_w=produce_w,
        consume_max_w=consume_w,
        target_w=target_w,
        reactive=form.reactive,
        shapes=form.shapes,
        settings=settings,
        on=switches.get(Mode.ENERGIZE),
        connect=switches.get(Mode.CONNECT),
        # a target lapses without us: what was free before it is free again
        revert=revert if armed or (target_w is not None and one.capability.watchdog) else None,
    )


def _hit(aim: Aim, aimed: Mapping[str, float], ruling: Ruling) -> Served:
    """What a target comes to."""
    given_w = aim.others_w + sum(aimed.get(name, 0.0) for name in sorted(aim.names | aim.away))
    if abs(given_w - aim.value_w) <= _CRUMB_W:
        return Served(aim.claim, aim.value_w, given_w)
    short = Quantity.PRODUCED if given_w > aim.value_w else Quantity.CONSUMED
    near = [one for one in ruling.bounds if one.quantity is short and overlap(one.scope, aim.claim.scope)]
    return Served(aim.claim, aim.value_w, given_w, min(near, key=limit_of, default=None))


def _served(quantity: Quantity, ruling: Ruling, found: Mapping[str, Stand], shared: Shared) -> tuple[Served, ...]:
    best = tightest(ruling.bounds)
    told = []
    for claim in ruling.bounds:
        if claim.quantity is not quantity:
            continue
        winner = best[(claim.scope, claim.quantity, claim.phase)]
        at_connection = isinstance(claim.scope, ConnectionPoint)
        given_w = limit_of(winner) + shared.short_w if at_connection else worst_w(claim, found, shared.limits)
        told.append(Served(claim, limit_of(claim), given_w, None if winner is claim else winner))
    return tuple(told)
