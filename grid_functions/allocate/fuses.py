"""Fuses: at most so many amperes on each conductor, of the connection and of groups behind a fuse of their own (rule 1).

Everything here is VA at nominal voltage, so that amperes and what is given in watts can be shared in one go.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from grid_functions.allocate import loop as closed_loop
from grid_functions.allocate.loop import Look, Loop, Sample, granted_w
from grid_functions.allocate.share import Fence
from grid_functions.allocate.stand import Stand, members
from grid_functions.arbiter import limit_of, tightest
from grid_functions.conductors import NOMINAL_V, conductors
from grid_functions.model.claim import Claim, ConnectionPoint
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity

_UNSEEN: Final = Loop()


@dataclass(frozen=True, slots=True)
class Fuses:
    """What binds one direction on its conductors.

    ``bounds``: claims in amperes; ``meter``: VA flowing the *other* way on each conductor, None when unknown; ``loops``: as the last step
    left them; ``vanishing``: VA on each conductor that this very step takes away on the other side; ``base_load_w``: the most that the
    house draws, all of which may be on one conductor, None = not known.
    """

    bounds: tuple[Claim, ...] = ()
    meter: Mapping[Phase, Sample | None] = field(default_factory=dict)
    loops: Mapping[Phase, Loop] = field(default_factory=dict)
    vanishing: Mapping[Phase, float] = field(default_factory=dict)
    base_load_w: float | None = None


def held(fuses: Fuses, quantity: Quantity, found: Mapping[str, Stand]) -> tuple[Claim, ...]:
    """The fuses that these devices could blow, the tightest of each conductor: production only where all that feed in could exceed it."""
    return tuple(tightest([claim for claim in fuses.bounds if not _harmless(claim, quantity, found)]).values())


def fences(
    fuses: Fuses,
    bounds: Iterable[Claim],
    quantity: Quantity,
    found: Mapping[str, Stand],
    ours: Mapping[str, Stand],
    now_s: float,
    wait_s: float,
) -> tuple[dict[Phase, Loop], list[Fence]]:
    """One fence for each fuse and conductor, that of the connection with the room which the meter shows there.

    ``bounds``: of the fuses, what is :func:`held`.
    """
    loops: dict[Phase, Loop] = {}
    fenced: list[Fence] = []
    for claim in bounds:
        phase = claim.phase
        if phase is None:
            continue
        at_connection, limit_va = isinstance(claim.scope, ConnectionPoint), limit_of(claim) * NOMINAL_V
        names = found.keys() if at_connection else members(claim, found)
        mine, away, counts = [], [], {}
        for name, one in found.items():
            count = one.counts.get(phase)
            if not count or name not in names:
                continue
            if name in ours:
                mine.append(one)
                counts[name] = count
            else:
                away.append(one)
        if at_connection:
            meter = fuses.meter.get(phase)
            loop = fuses.loops.get(phase, _UNSEEN)
            loops[phase] = loop = closed_loop.step(loop, _look(limit_va, meter, phase, mine, away, now_s, wait_s))
            limit_va += granted_w(loop, quantity, meter, fuses.base_load_w) - fuses.vanishing.get(phase, 0.0)
            away = [one for one in away if meter is None or one.doing is None]
        limit_va -= sum([one.may_w * one.counts[phase] for one in away])
        fenced.append(Fence(frozenset(counts), limit_va, counts))
    return loops, fenced


def on_conductors(powers: Mapping[str, float], found: Mapping[str, Stand], phases: int) -> dict[Phase, float]:
    """VA on each conductor of these powers, W, by device."""
    return {
        phase: sum([power_w * found[name].counts.get(phase, 0.0) for name, power_w in sorted(powers.items())])
        for phase in conductors(phases)
    }


def flows(
    snapshot: Snapshot, terms: SiteTerms, found: Mapping[str, Mapping[str, Stand]], total: Sample | None, now: Instants
) -> dict[Phase, Sample | None]:
    """VA drawn from the grid on each conductor of the connection, negative = fed in; None = unknown.

    Interpretation: a meter that tells currents without a direction is taken to draw them. One that tells only the total: all the load
    of the house may be on any one conductor (rule 6). ``found``: the site's producers and consumers by those names.
    """
    told: dict[Phase, Sample | None] = {}
    for phase in conductors(terms.connection.phases):
        power = _good(snapshot.meter.get((Quantity.NET, phase)), terms, now)
        current = _good(snapshot.meter.get((Quantity.CURRENT, phase)), terms, now)
        if current is not None:
            sign = -1.0 if power is not None and power.value < 0 else 1.0
            told[phase] = Sample(current.at_s, sign * abs(current.value) * NOMINAL_V)
        elif power is not None:
            voltage = _good(snapshot.meter.get((Quantity.VOLTAGE, phase)), terms, now)
            volts = voltage.value if voltage is not None and voltage.value > NOMINAL_V / 2 else NOMINAL_V
            told[phase] = Sample(power.at_s, power.value * NOMINAL_V / volts)
        else:
            told[phase] = _of_total(phase, found, total, terms)
    return told


def _of_total(
    phase: Phase, found: Mapping[str, Mapping[str, Stand]], total: Sample | None, terms: SiteTerms
) -> Sample | None:
    if total is None:
        return None
    if terms.connection.phases == 1:
        return total
    own_w, own_va = 0.0, 0.0
    for side, sign in (("producers", -1.0), ("consumers", 1.0)):
        for one in found[side].values():
            if one.doing is not None:
                own_w += sign * one.doing.value_w
                own_va += sign * one.doing.value_w * one.counted(phase)
    return Sample(total.at_s, max(0.0, total.value_w - own_w) + own_va)


def _good(reading: Reading | None, terms: SiteTerms, now: Instants) -> Reading | None:
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return reading if now.mono_s - reading.at_s <= terms.meter_stale_s else None


def _harmless(claim: Claim, quantity: Quantity, found: Mapping[str, Stand]) -> bool:
    """Nobody needs to be told of a fuse that all it covers cannot exceed: of the connection the house draws beside them."""
    phase = claim.phase
    if phase is None or (quantity is Quantity.CONSUMED and isinstance(claim.scope, ConnectionPoint)):
        return phase is None
    able = [found[name].able_w * found[name].counts.get(phase, 0.0) for name in members(claim, found)]
    return sum(sorted(able)) <= limit_of(claim) * NOMINAL_V


def _look(
    bound_va: float,
    meter: Sample | None,
    phase: Phase,
    ours: list[Stand],
    away: list[Stand],
    now_s: float,
    wait_s: float,
) -> Look:
    devices: dict[str, Sample] = {}
    unmeasured_va = allowed_va = total_va = left_va = settle_s = 0.0
    coarse = False
    for one in ours:
        count, doing, sent_w = one.counts[phase], one.doing_on(phase), one.sent_w
        able_va = one.able_w * count
        if doing is not None:
            devices[one.name] = doing
            allowed_va += able_va if sent_w is None else sent_w * count
        elif sent_w is not None:
            unmeasured_va += one.may_w * count
        total_va += able_va
        if one.capability.settle_s > settle_s:
            settle_s = one.capability.settle_s
        if one.wires is not None:
            coarse = True
            left_va = max(left_va, one.step_w * count)
    for one in away:
        if one.doing is None:
            unmeasured_va += one.may_w * one.counts[phase]
    return Look(
        now_s=now_s,
        bound_w=bound_va,
        meter=meter,
        devices=devices,
        unmeasured_w=unmeasured_va,
        allowed_w=allowed_va,
        total_w=total_va,
        left_w=left_va,
        coarse=coarse,
        settle_s=settle_s + wait_s,
    )
