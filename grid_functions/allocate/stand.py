"""Where every device stands for one direction: what it can do, may be doing, and whether a limit reaches it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from grid_functions.allocate.loop import Sample
from grid_functions.conductors import NOMINAL_V, Wires, conductors, counts, least_volts, most_volts, wires
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Devices, Ruling, SourceKind, Switch
from grid_functions.model.control import Mode
from grid_functions.model.device import Capability, Condition, Currents, Nameplate, Seen, Vehicle
from grid_functions.model.modes import SWITCH_MODES
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import MeterKey
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.rating import DEVICE_STALE, at_its_end, measured_w, most_w, obeys, roles_of, unheard_a

_CONSUMED: Final = Quantity.CONSUMED
_SAFETY: Final = SourceKind.SAFETY
_NET: Final[MeterKey] = (Quantity.NET, None)
_EVERYWHERE: Mapping[Phase, float] = MappingProxyType({})
_NO_VEHICLE = frozenset({Vehicle.ABSENT, Vehicle.NO_POWER, Vehicle.FAULT})


@dataclass(frozen=True, slots=True)
class Stand:
    """One device in one direction. ``may_w``: the most it may do without another word from us (rule 6).

    ``able_w``: the most it can do; ``aimed_w``: the most a target can ask of it now; ``sent_w``: the most it was last told to do;
    ``limit_w``: the limit in that, whatever its target.

    ``absent``: it does not answer, but is to be told as soon as it does. ``wires``: of a device limited in amperes, whose least power and
    step in W follow from them. ``counts``: VA at nominal voltage on each conductor for each W. ``idle``: a charger without a vehicle.
    """

    name: str
    capability: Capability
    obeys: bool
    absent: bool
    off: bool
    able_w: float
    aimed_w: float
    may_w: float
    doing: Sample | None
    sent_w: float | None
    limit_w: float | None = None
    wires: Wires | None = None
    currents: Currents | None = None
    counts: Mapping[Phase, float] = field(default_factory=dict)
    idle: bool = False
    tier: int = 0

    @property
    def minimum_w(self) -> float:
        """The least power it can run at short of 0."""
        wires, currents = self.wires, self.currents
        return self.capability.minimum_w if wires is None or currents is None else currents.minimum_a * wires.watts

    @property
    def resolution_w(self) -> float:
        """The step of its limit."""
        wires, currents = self.wires, self.currents
        return (
            self.capability.resolution_w if wires is None or currents is None else currents.resolution_a * wires.watts
        )

    @property
    def step_w(self) -> float:
        """What rounding may leave of its share: of a charger a step, of a paused one its least power; of others nothing to speak of."""
        if self.wires is None:
            return 0.0
        return self.resolution_w if self.sent_w else self.minimum_w

    def counted(self, phase: Phase) -> float:
        """VA on this conductor for each W, at nominal voltage."""
        return self.counts.get(phase, 0.0)

    def doing_on(self, phase: Phase) -> Sample | None:
        """What it does there, VA at nominal voltage: as it measures it, else by its power."""
        doing, wires = self.doing, self.wires
        if doing is None:
            return None
        at_s, value_w = doing
        if wires is not None and phase in wires.amps:
            return Sample(at_s, wires.amps[phase] * NOMINAL_V)
        return Sample(at_s, value_w * self.counts.get(phase, 0.0))


def stands(
    quantity: Quantity, ruling: Ruling, snapshot: Snapshot, terms: SiteTerms, sent: Mapping[str, Setpoint]
) -> dict[str, Stand]:
    """All devices of the site that produce, or consume under our hand, by name and in the order of names, which is that of all sums."""
    off = {name for mode in SWITCH_MODES for name, on in switched(ruling, mode).items() if not on}
    roles, seen = roles_of(quantity), snapshot.devices
    return {
        name: _stand(seen.get(name) or _unseen(name, terms), quantity, snapshot, terms, sent.get(name), off=name in off)
        for name in sorted(terms.devices)
        if terms.devices[name].role in roles
    }


def switched(ruling: Ruling, mode: Mode) -> dict[str, bool]:
    """Rule 5 per device, of connect or of energize: off where any off holds, on where only an on does; others are not ours."""
    found: dict[str, bool] = {}
    for claim in ruling.winners:
        if claim.mode is mode and isinstance(claim.want, Switch) and isinstance(claim.scope, Devices):
            for name in claim.scope.names:
                found[name] = found.get(name, True) and claim.want.on
    return found


def limit_in(setpoint: Setpoint, quantity: Quantity) -> float | None:
    """The limit that a setpoint carries in one direction, W; None = not ours."""
    return setpoint.consume_max_w if quantity is _CONSUMED else setpoint.produce_max_w


def members(claim: Claim, found: Mapping[str, Stand]) -> frozenset[str]:
    """The devices that a bound covers in its direction."""
    scope = claim.scope
    if isinstance(scope, ConnectionPoint):
        return frozenset(found)
    return scope.names & found.keys() if isinstance(scope, Devices) else frozenset()


def binding(bounds: Iterable[Claim], quantity: Quantity, found: Mapping[str, Stand]) -> tuple[Claim, ...]:
    """The bounds of one direction that are to be held by writing.

    Whatever an upstream, operator, occupant, area or function asks is; a rating of local safety only when all devices together could
    exceed it, for else the devices keep it by themselves. Import always can: the house consumes beside them.
    """
    return tuple([claim for claim in bounds if claim.quantity is quantity and _binds(claim, found)])


def _binds(claim: Claim, found: Mapping[str, Stand]) -> bool:
    at_connection = isinstance(claim.scope, ConnectionPoint)
    if not at_connection and not isinstance(claim.scope, Devices):
        return False
    if claim.cause.source.kind is not _SAFETY or (at_connection and claim.quantity is _CONSUMED):
        return True
    limit_w = claim.want.limit if isinstance(claim.want, Bound) else math.inf
    return sum([found[name].able_w for name in sorted(members(claim, found))]) > limit_w


def _unseen(name: str, terms: SiteTerms) -> Seen:
    return Seen(name, terms.devices[name].role, Nameplate(), Capability(), Condition(online=False))


def _stand(
    seen: Seen, quantity: Quantity, snapshot: Snapshot, terms: SiteTerms, sent: Setpoint | None, *, off: bool
) -> Stand:
    device, condition, currents = terms.devices[seen.device], seen.condition, seen.capability.currents
    doing_w = measured_w(seen, quantity, snapshot.at.mono_s, DEVICE_STALE * terms.meter_stale_s)
    doing = None if doing_w is None else Sample(condition.readings[_NET].at_s, doing_w)
    obeying = obeys(seen, quantity)
    if currents is not None and quantity is _CONSUMED:
        wired = wires(seen, device, terms.connection, _unsure(seen, sent))
        may_a = _may_a(seen, currents, sent, snapshot.at.mono_s)
        told_w = None if sent is None or sent.current_max_a is None else sent.current_max_a * wired.watts
        return Stand(
            name=seen.device,
            capability=seen.capability,
            obeys=obeying,
            absent=not condition.online,
            off=off,
            able_w=currents.maximum_a * wired.watts,
            aimed_w=currents.maximum_a * wired.watts,
            may_w=may_a * wired.watts,
            doing=doing,
            sent_w=told_w,
            limit_w=told_w,
            wires=wired,
            currents=currents,
            counts=dict.fromkeys(wired.conductors, NOMINAL_V / wired.watts),
            idle=condition.vehicle in _NO_VEHICLE,
            tier=device.priority,
        )
    counted: Mapping[Phase, float] = _EVERYWHERE
    if terms.connection.fuse_a is not None or terms.groups:
        by_volts = NOMINAL_V / least_volts(seen)
        counted = {phase: one * by_volts for phase, one in counts(seen, device, terms.connection).items()}
    rated_w = most_w(seen, quantity)
    return Stand(
        name=seen.device,
        capability=seen.capability,
        obeys=obeying,
        absent=not condition.online,
        off=off,
        able_w=rated_w,
        aimed_w=0.0 if at_its_end(seen, quantity) else rated_w,
        may_w=min(rated_w, _held_w(condition, sent, quantity)),
        doing=doing,
        sent_w=None if sent is None else _told_w(sent, quantity),
        limit_w=None if sent is None else limit_in(sent, quantity),
        counts=counted,
        tier=device.priority,
    )


def rewired(one: Stand, seen: Seen, terms: SiteTerms, phases: int) -> Stand:
    """The same charger as it would stand on so many phases: what it draws now is still drawn where it is."""
    currents, now = one.currents, one.wires
    if currents is None or now is None:
        return one
    flows = {phase: one.doing_on(phase) for phase in conductors(terms.connection.phases)}
    amps = {phase: 0.0 if flow is None else flow.value_w / NOMINAL_V for phase, flow in flows.items()}
    wired = wires(seen, terms.devices[one.name], terms.connection, phases)
    wired = replace(wired, used=phases, watts=phases * most_volts(seen), amps=amps)
    return replace(
        one,
        able_w=currents.maximum_a * wired.watts,
        aimed_w=currents.maximum_a * wired.watts,
        may_w=one.may_w / now.watts * wired.watts,
        limit_w=one.sent_w,
        wires=wired,
        counts=dict.fromkeys(wired.conductors, NOMINAL_V / wired.watts),
    )


def _unsure(seen: Seen, sent: Setpoint | None) -> int | None:
    """On how many phases it counts while it was told another number than it reads back: on the more of both."""
    holds = seen.condition.holds
    held = (holds.phases if holds is not None else None) or seen.nameplate.phases
    if sent is None or sent.phases is None or held is None:
        return None
    return max(held, sent.phases)


def _may_a(seen: Seen, currents: Currents, sent: Setpoint | None, now_s: float) -> float:
    """The most a charger may draw without another word from us, A per phase: what it reads back or was sent since, whichever is more."""
    holds = seen.condition.holds
    if not seen.condition.online:
        return unheard_a(seen, now_s)
    told = [None if one is None else one.current_max_a for one in (holds, sent or holds)]
    off = holds is not None and False in (holds.on, holds.connect)
    return 0.0 if off else min(max(math.inf if one is None else one for one in told), currents.maximum_a)


def _held_w(condition: Condition, sent: Setpoint | None, quantity: Quantity) -> float:
    """What was last read back, or sent since if that is more: a write may have arrived unseen. Unknown is unlimited.

    Of a device that does not answer, its driver knows what has arrived or may have: nothing is written before it answers again.
    """
    holds = condition.holds
    if holds is None:
        return math.inf
    sent = sent if condition.online else None
    if holds.on is False and (sent is None or sent.on is False):
        return 0.0
    held_w = limit_in(holds, quantity)
    if held_w is None:
        return math.inf
    if sent is None:
        return held_w
    sent_w = limit_in(sent, quantity)
    return math.inf if sent_w is None else max(held_w, sent_w)


def _told_w(setpoint: Setpoint, quantity: Quantity) -> float | None:
    """Its target in this direction where it has one, else its limit."""
    limit_w, target_w = limit_in(setpoint, quantity), setpoint.target_w
    if target_w is None:
        return limit_w
    aimed_w = max(0.0, target_w if quantity is _CONSUMED else -target_w)
    return aimed_w if limit_w is None else min(limit_w, aimed_w)
