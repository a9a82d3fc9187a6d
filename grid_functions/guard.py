"""The last, hard clamp before a setpoint leaves. It trusts no feedback: it only adds up what setpoints permit at worst.

Stands apart from allocate on purpose: a slip there is caught here, and every clamp is an alarm.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from grid_functions import current_guard, form_guard
from grid_functions.form_guard import Clamp as Clamp
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Devices, Ruling, SourceKind, Switch
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, obeys, roles_of

_CRUMB_W = 1e-3
_DIRECTIONS = (Quantity.PRODUCED, Quantity.CONSUMED)


def clamp(
    setpoints: Iterable[Setpoint], ruling: Ruling, snapshot: Snapshot, terms: SiteTerms, now: Instants
) -> tuple[tuple[Setpoint, ...], tuple[Clamp, ...]]:
    """Setpoints that break no static bound: lock, switch, nameplate, device sets; the connection too while its meter is dark."""
    told = {one.device: one for one in sorted(setpoints, key=_device)}
    in_amperes, clamps = current_guard.clamp(told, ruling, snapshot, terms)
    on_wires = current_guard.on_wires(in_amperes, snapshot, terms)
    in_watts = {name: current_guard.in_watts(in_amperes[name], wired) for name, wired in on_wires.items()}
    kept = {**in_amperes, **in_watts}
    off = _switched_off(ruling)
    for name in kept:
        if name in off and kept[name].on is not False and kept[name].connect is not False:
            kept[name] = replace(kept[name], on=False)
            clamps.append(Clamp(name, Quantity.CONNECT, 1.0, 0.0, "a switch is off"))
        device, seen = terms.devices.get(name), snapshot.devices.get(name)
        for quantity in _DIRECTIONS:
            if device is not None and device.locked and device.role in roles_of(quantity):
                _cut(kept, name, quantity, 0.0, "locked by the operator", clamps)
            asked_w = _limit(kept[name], quantity)
            if asked_w is None or seen is None:
                continue
            able_w = most_w(seen, quantity)
            if asked_w > able_w + _CRUMB_W:
                _cut(kept, name, quantity, able_w, "nameplate", clamps)
    dark = _dark(snapshot, terms, now)
    for claim in ruling.bounds:
        if claim.quantity in _DIRECTIONS and isinstance(claim.want, Bound):
            names = _covered(claim, claim.want.limit, snapshot, terms, dark)
            if names:
                _fit(kept, names, claim, claim.want.limit, snapshot, terms, clamps)
    for name, wired in on_wires.items():
        kept[name] = current_guard.in_amperes(kept[name], in_amperes[name], wired, snapshot.devices[name])
    for name in kept:
        kept[name], cut = form_guard.clamp(kept[name], snapshot.devices.get(name), terms)
        clamps += cut
    return tuple(kept.values()), tuple(clamps)


def _device(setpoint: Setpoint) -> str:
    return setpoint.device


def _covered(claim: Claim, limit_w: float, snapshot: Snapshot, terms: SiteTerms, dark: bool) -> list[str]:
    scope, roles = claim.scope, roles_of(claim.quantity)
    if isinstance(scope, Devices):
        able = [name for name in sorted(scope.names) if name in terms.devices and terms.devices[name].role in roles]
    elif isinstance(scope, ConnectionPoint) and dark and claim.quantity is Quantity.PRODUCED:
        able = [name for name in sorted(terms.devices) if terms.devices[name].role in roles]
    else:
        return []
    if claim.cause.source.kind is SourceKind.SAFETY:
        told = [snapshot.devices.get(name) for name in able]
        if sum([math.inf if seen is None else most_w(seen, claim.quantity) for seen in told]) <= limit_w:
            return []
    return able


def _fit(
    kept: dict[str, Setpoint],
    names: list[str],
    claim: Claim,
    limit_w: float,
    snapshot: Snapshot,
    terms: SiteTerms,
    clamps: list[Clamp],
) -> None:
    """Cut the devices we can reach, all by one factor, until they fit beside those we cannot."""
    reach = [name for name in names if name in kept and name in snapshot.devices]
    limited = [name for name in reach if obeys(snapshot.devices[name], claim.quantity)]
    # what cannot be limited does what its target says, and nothing else is known of it
    steered = [name for name in reach if name not in limited and _does_as_told(kept[name], snapshot)]
    reach = limited + steered
    worst = {name: _worst(kept[name], claim.quantity, snapshot) for name in limited}
    worst |= {name: _aimed(kept[name], claim.quantity) for name in steered}
    out_of_reach = [name for name in names if name not in reach]
    room_w = max(0.0, limit_w - sum(_held(name, claim.quantity, snapshot, terms) for name in out_of_reach))
    total_w = sum(worst.values())
    if total_w <= room_w + _CRUMB_W:
        return
    for name in reach:
        share_w = room_w / len(reach) if math.isinf(total_w) else worst[name] * room_w / total_w
        why = f"{claim.mode.value} of {claim.cause.source.name}"
        if name in limited:
            _cut(kept, name, claim.quantity, share_w, why, clamps)
        elif worst[name] > share_w + _CRUMB_W:
            kept[name] = replace(kept[name], target_w=share_w if claim.quantity is Quantity.CONSUMED else -share_w)
            clamps.append(Clamp(name, claim.quantity, worst[name], share_w, why))


def _cut(
    kept: dict[str, Setpoint], name: str, quantity: Quantity, limit_w: float, why: str, clamps: list[Clamp]
) -> None:
    asked_w = _limit(kept[name], quantity)
    if asked_w is not None and asked_w <= limit_w + _CRUMB_W:
        return
    one, revert = kept[name], kept[name].revert
    if quantity is Quantity.PRODUCED:
        if revert is not None and revert.produce_max_w is not None:
            revert = replace(revert, produce_max_w=min(revert.produce_max_w, limit_w))
        kept[name] = replace(one, produce_max_w=limit_w, revert=revert)
    else:
        if revert is not None and revert.consume_max_w is not None:
            revert = replace(revert, consume_max_w=min(revert.consume_max_w, limit_w))
        kept[name] = replace(one, consume_max_w=limit_w, revert=revert)
    clamps.append(Clamp(name, quantity, math.inf if asked_w is None else asked_w, limit_w, why))


def _worst(setpoint: Setpoint, quantity: Quantity, snapshot: Snapshot) -> float:
    able_w = most_w(snapshot.devices[setpoint.device], quantity)
    limit_w = _limit(setpoint, quantity)
    if setpoint.on is False or setpoint.connect is False:
        return 0.0
    return able_w if limit_w is None else min(able_w, limit_w)


def _does_as_told(setpoint: Setpoint, snapshot: Snapshot) -> bool:
    return setpoint.target_w is not None and snapshot.devices[setpoint.device].condition.online


def _aimed(setpoint: Setpoint, quantity: Quantity) -> float:
    target_w = setpoint.target_w or 0.0
    return max(0.0, target_w if quantity is Quantity.CONSUMED else -target_w)


def _held(name: str, quantity: Quantity, snapshot: Snapshot, terms: SiteTerms) -> float:
    seen = snapshot.devices.get(name)
    if seen is None:
        return math.inf
    if quantity is Quantity.CONSUMED and seen.capability.currents is not None:
        return current_guard.held_w(name, snapshot, terms)
    held = seen.condition.holds
    if held is None:
        return most_w(seen, quantity)
    if held.on is False or held.connect is False:
        return 0.0
    limit_w = _limit(held, quantity)
    return most_w(seen, quantity) if limit_w is None else min(limit_w, most_w(seen, quantity))


def _limit(setpoint: Setpoint, quantity: Quantity) -> float | None:
    return setpoint.produce_max_w if quantity is Quantity.PRODUCED else setpoint.consume_max_w


def _switched_off(ruling: Ruling) -> frozenset[str]:
    """Of whom somebody's off must not be forgotten: either switch ends all power, but one of them must be off."""
    offs = [claim.scope for claim in ruling.winners if isinstance(claim.want, Switch) and not claim.want.on]
    return frozenset[str]().union(*[scope.names for scope in offs if isinstance(scope, Devices)])


def _dark(snapshot: Snapshot, terms: SiteTerms, now: Instants) -> bool:
    reading = snapshot.meter.get((Quantity.NET, None))
    return (
        reading is None
        or reading.quality is not Quality.GOOD
        or not math.isfinite(reading.value)
        or now.mono_s - reading.at_s > terms.meter_stale_s
    )
