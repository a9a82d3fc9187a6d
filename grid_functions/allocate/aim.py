"""Targets of active power: what the devices of one target are to do together now, after what the others of it do by themselves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.ability import steerable
from grid_functions.allocate.share import Fence
from grid_functions.allocate.stand import Stand
from grid_functions.model.claim import Claim, Devices, Ruling, Target
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import DEVICE_STALE, measured_w

_DEADBAND_W = 25.0
_DEADBAND_SHARE = 0.005
_FREE = (math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Aim:
    """``value_w``: the target, W, positive = consume. ``names``: the devices that are steered; ``others_w``: what the rest of it does.

    ``away``: devices that would be steered did they answer: what they were last told stands.
    """

    claim: Claim
    value_w: float
    names: frozenset[str]
    away: frozenset[str]
    others_w: float

    def fence(self, quantity: Quantity) -> Fence:
        """What the steered devices are to do together in one direction, W >= 0."""
        rest_w = self.value_w - self.others_w
        return Fence(self.names, max(0.0, rest_w if quantity is Quantity.CONSUMED else 0.0 - rest_w))


def aims(ruling: Ruling, snapshot: Snapshot, terms: SiteTerms) -> tuple[Aim, ...]:
    """One for each target of active power that won; of a device whose power nobody knows nothing is counted."""
    found = []
    for claim in ruling.winners:
        if not isinstance(claim.want, Target) or claim.quantity is not Quantity.NET:
            continue
        if not isinstance(claim.scope, Devices):
            continue
        names = claim.scope.names & terms.devices.keys()
        there = {name: snapshot.devices[name] for name in sorted(names) if name in snapshot.devices}
        steered = frozenset(name for name, seen in there.items() if steerable(seen, claim.mode, terms))
        others_w = 0.0
        for name in sorted(there.keys() - steered):
            at_s, stale_s = snapshot.at.mono_s, DEVICE_STALE * terms.meter_stale_s
            others_w += measured_w(there[name], Quantity.CONSUMED, at_s, stale_s) or 0.0
            others_w -= measured_w(there[name], Quantity.PRODUCED, at_s, stale_s) or 0.0
        away = frozenset(name for name in names - steered if name not in there or not there[name].condition.online)
        found.append(Aim(claim, claim.want.value, steered, away, others_w))
    return tuple(found)


def targets(
    wanted: tuple[Aim, ...],
    produce: Mapping[str, float],
    consume: Mapping[str, float],
    found: Mapping[str, Stand],
    before: Mapping[str, Setpoint],
    asked: Mapping[str, float],
    most: Mapping[str, tuple[float, float]],
) -> dict[str, float]:
    """The target of each steered device, W, positive = consume; below its least power it is 0.

    ``asked``: what was asked of the device's aim when ``before`` was sent: while that is unchanged, a move within the deadband is none,
    so that a meter's noise is not written. ``most``: the limits (produced, consumed) that hold for each device.
    """
    told: dict[str, float] = {}
    for aim in wanted:
        for name in sorted(aim.names):
            value_w = consume.get(name, 0.0) - produce.get(name, 0.0)
            value_w = value_w if abs(value_w) >= found[name].minimum_w else 0.0
            held_w = before[name].target_w if name in before else None
            if held_w is not None and asked.get(name) == aim.value_w and value_w != 0.0:
                low_w, high_w = most.get(name, _FREE)
                able_w = found[name].able_w
                near_w = max(_DEADBAND_W, _DEADBAND_SHARE * able_w if able_w < math.inf else 0.0)
                if abs(held_w - value_w) <= near_w and -low_w <= held_w <= high_w:
                    value_w = held_w
            told[name] = value_w
        for name in sorted(aim.away):
            held_w = before[name].target_w if name in before else None
            if held_w is not None and asked.get(name) == aim.value_w:
                low_w, high_w = most.get(name, _FREE)
                told[name] = min(max(held_w, -low_w), high_w)
    return told
