"""From a ruling to one setpoint per device, closing the loop on the meter."""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from grid_functions.ability import has
from grid_functions.allocate import fuses as fusing
from grid_functions.allocate import lag, phasing
from grid_functions.allocate import turn as turning
from grid_functions.allocate.aim import aims, targets
from grid_functions.allocate.amperes import Level, amperes, levels
from grid_functions.allocate.direction import Queue, Shared, divide, standing_limits
from grid_functions.allocate.form import Form, forms
from grid_functions.allocate.fuses import Fuses
from grid_functions.allocate.loads import loads
from grid_functions.allocate.loop import Loop, Sample
from grid_functions.allocate.phasing import Phasing
from grid_functions.allocate.revert import reverts
from grid_functions.allocate.served import Served, bounds_served, hit
from grid_functions.allocate.stand import Stand, binding, members, stands, switched
from grid_functions.allocate.turn import Turn
from grid_functions.allocate.wish import EARLY_S, Wish
from grid_functions.model.claim import Claim, Ruling, SourceKind
from grid_functions.model.control import Mode
from grid_functions.model.entry import Entry
from grid_functions.model.event import Settings
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

_PRODUCED: Final = Quantity.PRODUCED
_CONSUMED: Final = Quantity.CONSUMED
_CURRENT: Final = Quantity.CURRENT
_SAFETY: Final = SourceKind.SAFETY
_NET: Final[MeterKey] = (Quantity.NET, None)
DURABLE: tuple[type, ...] = (Turn, Phasing)
_NO_FORM = Form()
_NO_SETTINGS: Mapping[str, Settings] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AllocateState:
    """The loops, what devices can use of their share, what was sent last, and for which target. Rebuilt from the snapshot after
    a restart, but for ``turns`` and ``phasings``, which are durable. ``asked``: the value, W, of the target that each steered device
    serves.

    ``fuses``: the loops of each direction's conductors; ``levels``: what each charger is told, A; ``beyond``: since when
    devices have been doing more than they were told; ``promises``: since when chargers could have more on three phases.
    """

    produced: Loop = field(default_factory=Loop)
    consumed: Loop = field(default_factory=Loop)
    produce_wishes: Mapping[str, Wish] = field(default_factory=dict)
    consume_wishes: Mapping[str, Wish] = field(default_factory=dict)
    sent: Mapping[str, Setpoint] = field(default_factory=dict)
    asked: Mapping[str, float] = field(default_factory=dict)
    fuses: Mapping[Quantity, Mapping[Phase, Loop]] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    beyond: Mapping[Quantity, Mapping[str, float]] = field(default_factory=dict)
    turns: Mapping[str, Turn] = field(default_factory=dict)
    phasings: Mapping[str, Phasing] = field(default_factory=dict)
    promises: Mapping[str, float] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class AllocateStep:
    """``setpoints``: one per device that a limit or switch could reach, by name; those with nothing of ours are empty.

    ``wake``: when a share changes by itself. ``entries``: what must survive.
    """

    state: AllocateState
    setpoints: tuple[Setpoint, ...]
    served: tuple[Served, ...]
    wake: tuple[Moment, ...] = ()
    entries: tuple[Entry, ...] = ()


def restore(entries: Mapping[tuple[str, ...], Entry]) -> AllocateState:
    """What the ledger has of it."""
    return AllocateState(turns=turning.restore(entries), phasings=phasing.restore(entries))


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
    producers = stands(_PRODUCED, ruling, snapshot, terms, state.sent)
    consumers = stands(_CONSUMED, ruling, snapshot, terms, state.sent)
    producing = binding(ruling.bounds, _PRODUCED, producers)
    consuming = binding(ruling.bounds, _CONSUMED, consumers)
    wanted = aims(ruling, snapshot, terms)
    to_produce = tuple(aim.fence(_PRODUCED) for aim in wanted)
    to_consume = tuple(aim.fence(_CONSUMED) for aim in wanted)
    amps = tuple([claim for claim in ruling.bounds if claim.quantity is _CURRENT])
    sides = {"producers": producers, "consumers": consumers}
    drawn = fusing.flows(snapshot, terms, sides, import_w, now) if amps else {}
    lines = _Lines(amps, drawn, state.fuses, terms.connection.phases, base_load_w)
    # of what producers take away only consumers' room is made less
    gone = _vanishing(producers, standing_limits(producing, producers, to_produce)) if consumers else {}
    turns = turning.resumed(state.turns, now)
    places = turning.places(consumers, turns, state.consume_wishes, terms.dwell, now)
    phasings = phasing.resumed(state.phasings, snapshot, terms, now)
    moving = phasing.moving(phasings, snapshot, terms)
    queue = Queue(phasing.held_back(places, moving), turning.needs(ruling))

    def consume(those: Mapping[str, Stand]) -> Shared:
        return divide(
            consuming,
            _CONSUMED,
            those,
            export_w,
            terms,
            sum(gone.values()),
            Shared(state.consumed, state.consume_wishes, {}, {}, beyond=state.beyond.get(_CONSUMED, {})),
            now.mono_s,
            to_consume,
            base_load_w,
            lines.fuses(_CONSUMED, gone, producers),
            queue,
        )

    consumed = consume(consumers)
    told = levels(consumed.limits, consumers, state.levels, now.mono_s, freed=_freed(state.consumed, consumed.loop))
    could = phasing.others(consumers, told, phasings, snapshot, terms, now)
    tried = {name: (one, consume({**consumers, name: one}).limits.get(name, 0.0)) for name, one in could.items()}
    promises, go = phasing.promised(state.promises, told, consumers, tried, now)
    moving |= go.keys()
    told |= {name: replace(told[name], told_a=0.0) for name in moving & told.keys()}
    phasings = phasing.phased(phasings, go, told, now)
    if told:
        consumed = replace(consumed, limits={**consumed.limits, **_watts(told, consumers)})
    gone = _vanishing(consumers, {**consumed.limits, **consumed.aimed})
    produced = divide(
        producing,
        _PRODUCED,
        producers,
        import_w,
        terms,
        sum(gone.values()),
        Shared(state.produced, state.produce_wishes, {}, {}, beyond=state.beyond.get(_PRODUCED, {})),
        now.mono_s,
        to_produce,
        fuses=lines.fuses(_PRODUCED, gone, consumers),
    )
    stood = {**consumers, **producers}
    aimed = targets(wanted, produced.aimed, consumed.aimed, stood, state.sent, state.asked, _most(produced, consumed))
    produce_w, produce_falls = _lasting(_PRODUCED, producers, produced, producing, fail_safe, aimed)
    consume_w, consume_falls = _lasting(_CONSUMED, consumers, consumed, consuming, fail_safe, aimed)
    formed = forms(ruling, snapshot, terms, aimed)
    switches = {mode: on for mode in (Mode.CONNECT, Mode.ENERGIZE) if (on := switched(ruling, mode))}
    setpoints = tuple(
        [
            _setpoint(
                one,
                _switches(name, switches, snapshot) if switches else {},
                produce_w.get(name),
                None if one.wires is not None else consume_w.get(name),
                0.0 if name in moving else _current_a(one, told.get(name), consume_w.get(name)),
                phasing.told_now(phasings[name], snapshot.devices.get(name)) if name in phasings else None,
                aimed.get(name),
                formed.get(name, _NO_FORM),
                settings.get(name),
                (terms.revert_s, produce_falls.get(name), consume_falls.get(name)),
                state.sent.get(name),
            )
            for name, one in sorted(stood.items())
        ]
    )
    setpoints += loads(ruling, snapshot, terms, state.sent)
    after = AllocateState(
        produced=produced.loop,
        consumed=consumed.loop,
        produce_wishes=MappingProxyType(dict(produced.wishes)),
        consume_wishes=MappingProxyType(dict(consumed.wishes)),
        sent=MappingProxyType({one.device: one for one in setpoints}),
        fuses=MappingProxyType({_CONSUMED: consumed.fuses, _PRODUCED: produced.fuses}),
        levels=MappingProxyType(told),
        beyond=MappingProxyType({_CONSUMED: consumed.beyond, _PRODUCED: produced.beyond}),
        turns=MappingProxyType(turning.turned(turns, _plugged(told, consumers, moving), now)),
        phasings=MappingProxyType(phasings),
        promises=MappingProxyType(promises),
        asked=MappingProxyType({name: aim.value_w for aim in wanted for name in aim.names | aim.away if name in aimed}),
    )
    served = bounds_served(_PRODUCED, ruling, producers, produced)
    served += bounds_served(_CONSUMED, ruling, consumers, consumed)
    served += tuple(hit(aim, aimed, ruling) for aim in wanted)
    wishes = (*produced.wishes.values(), *consumed.wishes.values())
    changes = (
        *(one.due_s for one in wishes),
        *(one.due_s for one in places.values()),
        *(one.due_s for one in told.values()),
    )
    changes += phasing.due_s(promises, phasings, terms)
    changes += lag.due_s(producers, produced.beyond, now.mono_s) + lag.due_s(consumers, consumed.beyond, now.mono_s)
    due_s = min((one for one in changes if one > now.mono_s), default=math.inf)
    if produced.pressed or consumed.pressed:
        # Told less than it does, a device now presses on its limit: the shares of the others are settled at the next look, which is now.
        due_s = now.mono_s + EARLY_S
    wake = (Moment(OWN, now.utc_s + due_s - now.mono_s),) if due_s < math.inf else ()
    kept = turning.entries(state.turns, after.turns) + phasing.entries(state.phasings, phasings)
    return AllocateStep(after, setpoints, served, wake, kept)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The conductors as they are at this look. ``drawn``: VA from the grid on each, None where unknown."""

    bounds: tuple[Claim, ...]
    drawn: Mapping[Phase, Sample | None]
    loops: Mapping[Quantity, Mapping[Phase, Loop]]
    phases: int
    base_load_w: float | None

    def fuses(self, quantity: Quantity, gone: Mapping[str, float], others: Mapping[str, Stand]) -> Fuses:
        """What binds this direction; ``gone``: W that vanish on the other side, of these ``others``."""
        if not self.bounds:
            return Fuses()
        sign = -1.0 if quantity is _CONSUMED else 1.0
        drawn = self.drawn.items()
        other = {phase: None if one is None else Sample(one.at_s, sign * one.value_w) for phase, one in drawn}
        vanishing = fusing.on_conductors(gone, others, self.phases)
        return Fuses(self.bounds, other, self.loops.get(quantity, {}), vanishing, self.base_load_w)


def _plugged(told: Mapping[str, Level], found: Mapping[str, Stand], moving: Set[str]) -> dict[str, float]:
    """What chargers with a vehicle are told: a pause for want of one, or for other phases, is none that lasts."""
    return {name: math.inf if name in moving else one.told_a for name, one in told.items() if not found[name].idle}


def _freed(before: Loop, after: Loop) -> bool:
    return before.bound_w is not None and after.bound_w is not None and after.bound_w > before.bound_w


def _watts(told: Mapping[str, Level], found: Mapping[str, Stand]) -> dict[str, float]:
    wired = {name: found[name].wires for name in told}
    return {name: told[name].told_a * one.watts for name, one in wired.items() if one is not None}


def _meter(snapshot: Snapshot, terms: SiteTerms, now: Instants) -> Sample | None:
    """Net power at the connection, W, positive = import; None when stale, suspect or missing (rule 6)."""
    reading = snapshot.meter.get(_NET)
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return Sample(reading.at_s, reading.value) if now.mono_s - reading.at_s <= terms.meter_stale_s else None


def _vanishing(found: Mapping[str, Stand], limits: Mapping[str, float]) -> dict[str, float]:
    """W that this step takes away on the other side, by device: until the meter shows it, it must not be counted on (rule 1)."""
    gone: dict[str, float] = {}
    for name, one in found.items():
        if one.doing is not None and (one.obeys or name in limits):
            stays_w = 0.0 if one.off else limits.get(name, math.inf)
            if one.doing.value_w > stays_w:
                gone[name] = one.doing.value_w - stays_w
    return gone


def _most(produced: Shared, consumed: Shared) -> dict[str, tuple[float, float]]:
    """The limits that hold for each device, W, (produced, consumed)."""
    told = ({**shared.returns, **shared.limits} for shared in (produced, consumed))
    produce, consume = told
    return {
        name: (produce.get(name, math.inf), consume.get(name, math.inf)) for name in produce.keys() | consume.keys()
    }


def _lasting(
    quantity: Quantity,
    found: Mapping[str, Stand],
    shared: Shared,
    held: tuple[Claim, ...],
    fail_safe: tuple[Claim, ...],
    aimed: Mapping[str, float],
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """What devices are told in one direction, W, and what of it those with a timer fall back to without us."""
    bounds = binding(fail_safe, quantity, found) + tuple([one for one in held if one.cause.source.kind is _SAFETY])
    told = {**shared.returns, **_carrying(bounds, found, aimed), **shared.limits}
    armed = {name: told[name] for name in told if name not in shared.returns and found[name].wires is None}
    return told, reverts(bounds, quantity, found, armed)


def _carrying(bounds: tuple[Claim, ...], found: Mapping[str, Stand], aimed: Mapping[str, float]) -> dict[str, float]:
    """A limit at the rating for steered devices that a fail-safe covers: a target that lapses without us needs one to end in."""
    if not aimed:
        return {}
    covered = frozenset[str]().union(*(members(claim, found) for claim in bounds))
    able = {name: found[name] for name in sorted(covered & aimed.keys()) if found[name].obeys}
    return {name: one.able_w for name, one in able.items() if one.capability.watchdog and one.able_w < math.inf}


def _switches(name: str, switches: Mapping[Mode, Mapping[str, bool]], snapshot: Snapshot) -> dict[Mode, bool]:
    """What is told to each of the two switches; an off for one that the device lacks goes to the other (rule 5 tightens)."""
    told = {mode: asked[name] for mode, asked in switches.items() if name in asked}
    if not told:
        return told
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
    current_a: float | None,
    phases: int | None,
    target_w: float | None,
    form: Form,
    settings: Settings | None,
    fall: tuple[float, float | None, float | None],
    before: Setpoint | None,
) -> Setpoint:
    """One that says the same as ``before`` is the one of before. ``fall``: its revert, s and W (produced, consumed), were it armed."""
    if False in switches.values():
        target_w = None
        if not one.capability.off_capable:
            produce_w, consume_w, current_a = 0.0, None if one.wires is not None else 0.0, _current_a(one, None, 0.0)
    # a target lapses without us: what was free before it is free again
    armed = fall[1] is not None or fall[2] is not None or (target_w is not None and one.capability.watchdog)
    revert = _revert(fall, None if before is None else before.revert) if armed else None
    on, connect = switches.get(Mode.ENERGIZE), switches.get(Mode.CONNECT)
    if before is not None:
        powers, modes = (produce_w, consume_w, target_w, current_a, phases), (form.reactive, form.shapes, settings)
        if _SAYS(before) == (*powers, *modes, on, connect, None, revert):
            return before
    return Setpoint(
        one.name,
        produce_max_w=produce_w,
        consume_max_w=consume_w,
        target_w=target_w,
        current_max_a=current_a,
        phases=phases,
        reactive=form.reactive,
        shapes=form.shapes,
        settings=settings,
        on=on,
        connect=connect,
        revert=revert,
    )


_SAYS = attrgetter(*[one.name for one in fields(Setpoint) if one.name not in {"device", "decision"}])
"""All that a setpoint says, in the order of its fields: to compare that is a fifth of making one."""


def _revert(fall: tuple[float, float | None, float | None], before: Revert | None) -> Revert:
    same = before is not None and (before.after_s, before.produce_max_w, before.consume_max_w) == fall
    return before if before is not None and same else Revert(*fall)


def _current_a(one: Stand, level: Level | None, limit_w: float | None) -> float | None:
    if one.wires is None or limit_w is None:
        return None
    return level.told_a if level is not None else amperes(limit_w, one)
