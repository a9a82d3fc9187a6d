"""The last, hard clamp before a setpoint leaves. It trusts no feedback: it only adds up what setpoints permit at worst.

Stands apart from allocate on purpose: a slip there is caught here, and every clamp is an alarm.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from grid_functions import current_guard, form_guard
from grid_functions.conductors import Wires
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
_DIRECTIONS: Final = (Quantity.PRODUCED, Quantity.CONSUMED)
_PRODUCED: Final = Quantity.PRODUCED
_SAFETY: Final = SourceKind.SAFETY


def clamp(
    setpoints: Iterable[Setpoint], ruling: Ruling, snapshot: Snapshot, terms: SiteTerms, now: Instants
) -> tuple[tuple[Setpoint, ...], tuple[Clamp, ...]]:
    """Setpoints that break no static bound: lock, switch, nameplate, device sets; the connection too while its meter is dark."""
    told = {one.device: one for one in sorted(setpoints, key=_device)}
    in_amperes, clamps = current_guard.clamp(told, ruling, snapshot, terms)
    on_wires = current_guard.on_wires(in_amperes, snapshot, terms)
    kept = dict(in_amperes)
    for name in on_wires:
        if kept[name].current_max_a is not None and kept[name].consume_max_w is not None:
            kept[name] = replace(kept[name], consume_max_w=None)  # it is its amperes that are sent
    off = _switched_off(ruling)
    for name in kept:
        if name in off and kept[name].on is not False and kept[name].connect is not False:
            kept[name] = replace(kept[name], on=False)
            clamps.append(Clamp(name, Quantity.CONNECT, 1.0, 0.0, "a switch is off"))
        device, seen = terms.devices.get(name), snapshot.devices.get(name)
        for quantity in _DIRECTIONS:
            if device is not None and device.locked and device.role in roles_of(quantity):
                _cut(kept, name, quantity, 0.0, "locked by the operator", clamps, on_wires)
            asked_w = _limit(kept[name], quantity, on_wires)
            if asked_w is not None and math.isnan(asked_w):
                _cut(kept, name, quantity, 0.0, "no number", clamps, on_wires)
                continue
            if asked_w is None or seen is None:
                continue
            able_w = most_w(seen, quantity)
            if asked_w > able_w + _CRUMB_W:
                _cut(kept, name, quantity, able_w, "nameplate", clamps, on_wires)
    dark = _dark(snapshot, terms, now)
    for claim in ruling.bounds:
        if claim.quantity in _DIRECTIONS and isinstance(claim.want, Bound):
            names = _covered(claim, claim.want.limit, snapshot, terms, dark)
            if names:
                _fit(kept, names, claim, claim.want.limit, snapshot, terms, clamps, on_wires)
    for name, wired in on_wires.items():
        kept[name] = current_guard.in_amperes(kept[name], wired, snapshot.devices[name])
    for name, one in kept.items():
        kept[name], cut = form_guard.clamp(one, snapshot.devices.get(name), terms)
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
    if claim.cause.source.kind is _SAFETY:
        able_w = 0.0
        for name in able:
            seen = snapshot.devices.get(name)
            able_w += math.inf if seen is None else most_w(seen, claim.quantity)
        if able_w <= limit_w:
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
    on_wires: Mapping[str, Wires],
) -> None:
    """Cut the devices we can reach, all by one factor, until they fit beside those we cannot."""
    reach = [name for name in names if name in kept and name in snapshot.devices]
    limited = [name for name in reach if obeys(snapshot.devices[name], claim.quantity)]
    # what cannot be limited does what its target says, and nothing else is known of it
    steered = [name for name in reach if name not in limited and _does_as_told(kept[name], snapshot)]
    reach = limited + steered
    worst = {name: _worst(kept[name], claim.quantity, snapshot, on_wires) for name in limited}
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
            _cut(kept, name, claim.quantity, share_w, why, clamps, on_wires)
        elif worst[name] > share_w + _CRUMB_W:
            kept[name] = replace(kept[name], target_w=share_w if claim.quantity is Quantity.CONSUMED else -share_w)
            clamps.append(Clamp(name, claim.quantity, worst[name], share_w, why))


def _cut(
    kept: dict[str, Setpoint],
    name: str,
    quantity: Quantity,
    limit_w: float,
    why: str,
    clamps: list[Clamp],
    on_wires: Mapping[str, Wires],
) -> None:
    asked_w = _limit(kept[name], quantity, on_wires)
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


def _worst(setpoint: Setpoint, quantity: Quantity, snapshot: Snapshot, on_wires: Mapping[str, Wires]) -> float:
    able_w = most_w(snapshot.devices[setpoint.device], quantity)
    limit_w = _limit(setpoint, quantity, on_wires)
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
    limit_w = held.produce_max_w if quantity is Quantity.PRODUCED else held.consume_max_w
    return most_w(seen, quantity) if limit_w is None else min(limit_w, most_w(seen, quantity))


def _limit(setpoint: Setpoint, quantity: Quantity, on_wires: Mapping[str, Wires]) -> float | None:
    """W; of what is limited in amperes and was not cut yet, what these come to."""
    if quantity is _PRODUCED:
        return setpoint.produce_max_w
    if setpoint.consume_max_w is None and setpoint.current_max_a is not None and setpoint.device in on_wires:
        return setpoint.current_max_a * on_wires[setpoint.device].watts
    return setpoint.consume_max_w


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
