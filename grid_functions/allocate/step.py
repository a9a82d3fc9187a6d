"""From a ruling to one setpoint per device, closing the loop on the meter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from grid_functions.allocate.direction import Shared, divide, standing_limits, worst_w
from grid_functions.allocate.loop import Loop, Sample
from grid_functions.allocate.revert import reverts
from grid_functions.allocate.stand import Stand, binding, stands, switched
from grid_functions.allocate.wish import Wish
from grid_functions.arbiter import limit_of, tightest
from grid_functions.model.claim import Claim, ConnectionPoint, Ruling, SourceKind
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

_TOTAL: Phase | None = None


@dataclass(frozen=True, slots=True)
class AllocateState:
    """The two loops, what devices can use of their share, and what was sent last. Rebuilt from the snapshot after a restart."""

    produced: Loop = field(default_factory=Loop)
    consumed: Loop = field(default_factory=Loop)
    produce_wishes: Mapping[str, Wish] = field(default_factory=dict)
    consume_wishes: Mapping[str, Wish] = field(default_factory=dict)
    sent: Mapping[str, Setpoint] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Served:
    """How a bound is kept: ``given_w`` is what may flow at most, more than ``asked_w`` where devices out of reach may exceed it.

    ``by``: the tighter bound on the same scope that decides, None when it is this one itself.
    """

    claim: Claim
    asked_w: float
    given_w: float
    by: Claim | None = None


@dataclass(frozen=True, slots=True)
class AllocateStep:
    """``setpoints``: one per device that a limit or switch could reach, by name; those with nothing of ours are empty."""

    state: AllocateState
    setpoints: tuple[Setpoint, ...]
    served: tuple[Served, ...]


def step(
    state: AllocateState,
    ruling: Ruling,
    snapshot: Snapshot,
    terms: SiteTerms,
    now: Instants,
    fail_safe: tuple[Claim, ...] = (),
) -> AllocateStep:
    """One look, one decision. ``fail_safe``: the bounds that are to hold by themselves once the gateway is gone."""
    import_w = _meter(snapshot, terms, now)
    export_w = None if import_w is None else Sample(import_w.at_s, 0.0 - import_w.value_w)
    producers = stands(Quantity.PRODUCED, ruling, snapshot, terms, state.sent)
    consumers = stands(Quantity.CONSUMED, ruling, snapshot, terms, state.sent)
    producing = binding(ruling.bounds, Quantity.PRODUCED, producers)
    consuming = binding(ruling.bounds, Quantity.CONSUMED, consumers)
    consumed = divide(
        consuming,
        Quantity.CONSUMED,
        consumers,
        export_w,
        terms.load_credit,
        _vanishing_w(producers, standing_limits(producing, producers)),
        Shared(state.consumed, state.consume_wishes, {}, {}),
        now.mono_s,
    )
    produced = divide(
        producing,
        Quantity.PRODUCED,
        producers,
        import_w,
        terms.load_credit,
        _vanishing_w(consumers, consumed.limits),
        Shared(state.produced, state.produce_wishes, {}, {}),
        now.mono_s,
    )
    safety = tuple(claim for claim in ruling.bounds if claim.cause.source.kind is SourceKind.SAFETY)
    lasting = fail_safe + safety
    fall_produced = reverts(
        binding(lasting, Quantity.PRODUCED, producers), Quantity.PRODUCED, producers, produced.limits
    )
    fall_consumed = reverts(
        binding(lasting, Quantity.CONSUMED, consumers), Quantity.CONSUMED, consumers, consumed.limits
    )
    on_off = switched(ruling)
    setpoints = tuple(
        _setpoint(
            (producers.get(name) or consumers[name]),
            on_off.get(name),
            produced.limits.get(name, produced.returns.get(name)),
            consumed.limits.get(name, consumed.returns.get(name)),
            Revert(terms.revert_s, fall_produced.get(name), fall_consumed.get(name)),
        )
        for name in sorted(producers.keys() | consumers.keys())
    )
    after = AllocateState(
        produced=produced.loop,
        consumed=consumed.loop,
        produce_wishes=MappingProxyType(dict(produced.wishes)),
        consume_wishes=MappingProxyType(dict(consumed.wishes)),
        sent=MappingProxyType({one.device: one for one in setpoints}),
    )
    served = _served(Quantity.PRODUCED, ruling, producers, produced)
    served += _served(Quantity.CONSUMED, ruling, consumers, consumed)
    return AllocateStep(after, setpoints, served)


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
        if one.doing is not None and one.obeys:
            stays_w = 0.0 if one.off else limits.get(name, math.inf)
            gone_w += max(0.0, one.doing.value_w - stays_w)
    return gone_w


def _setpoint(
    one: Stand, on: bool | None, produce_w: float | None, consume_w: float | None, revert: Revert
) -> Setpoint:
    if on is False and not one.capability.off_capable:
        produce_w = consume_w = 0.0
    if revert.produce_max_w is None and revert.consume_max_w is None:
        return Setpoint(one.name, produce_max_w=produce_w, consume_max_w=consume_w, on=on)
    return Setpoint(one.name, produce_max_w=produce_w, consume_max_w=consume_w, on=on, revert=revert)


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
