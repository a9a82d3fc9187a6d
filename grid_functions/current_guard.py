"""The last clamp of what is limited in amperes: maximum, minimum and the fuses of groups, each conductor by itself.

The fuse of the connection is not here: what hangs on it beside our devices only the meter tells, and the loop closes on that.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from grid_functions.conductors import Wires, conductors, wires
from grid_functions.form_guard import Clamp
from grid_functions.model.claim import Bound, Claim, Devices, Ruling
from grid_functions.model.device import Seen
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.rating import unheard_a

_CRUMB = 1e-3


def clamp(
    setpoints: Mapping[str, Setpoint], ruling: Ruling, snapshot: Snapshot, terms: SiteTerms
) -> tuple[dict[str, Setpoint], list[Clamp]]:
    """Setpoints whose amperes the device can mean, and that break no fuse that only our own chargers hang on."""
    kept = dict(setpoints)
    clamps: list[Clamp] = []
    for name, one in sorted(setpoints.items()):
        seen = snapshot.devices.get(name)
        if one.current_max_a is None:
            continue
        currents = None if seen is None else seen.capability.currents
        most_a = 0.0 if currents is None else currents.maximum_a
        least_a = math.inf if currents is None else currents.minimum_a
        given_a = min(one.current_max_a, most_a) if one.current_max_a >= least_a - _CRUMB else 0.0
        _cut(kept, name, given_a, "maximum" if given_a else "minimum", clamps)
    for claim in ruling.bounds:
        if claim.quantity is Quantity.CURRENT and isinstance(claim.scope, Devices) and isinstance(claim.want, Bound):
            for phase in conductors(terms.connection.phases):
                if claim.phase is phase:
                    _fit(kept, claim, claim.want.limit, phase, snapshot, terms, clamps)
    return kept, clamps


def on_wires(names: Iterable[str], snapshot: Snapshot, terms: SiteTerms) -> dict[str, Wires]:
    """Those of these devices that are limited in amperes."""
    found = {name: _wires(name, snapshot, terms) for name in names}
    return {name: wired for name, wired in found.items() if wired is not None}


def in_amperes(clamped: Setpoint, wired: Wires, seen: Seen) -> Setpoint:
    """The same setpoint with the watts that it was cut to in amperes; who was not cut keeps those it has."""
    currents = seen.capability.currents
    if currents is None or clamped.consume_max_w is None:
        return clamped
    limit_a = math.floor(clamped.consume_max_w / wired.watts / currents.resolution_a + _CRUMB) * currents.resolution_a
    return replace(clamped, consume_max_w=None, current_max_a=limit_a if limit_a >= currents.minimum_a else 0.0)


def held_w(name: str, snapshot: Snapshot, terms: SiteTerms) -> float:
    """What a charger out of reach may draw: what it holds or falls back to while silent, all it can when it takes no orders."""
    wired, seen = _wires(name, snapshot, terms), snapshot.devices[name]
    if wired is None or seen.capability.currents is None:
        return math.inf
    amps = seen.capability.currents.maximum_a if seen.condition.online else unheard_a(seen, snapshot.at.mono_s)
    return amps * wired.watts


def _fit(
    kept: dict[str, Setpoint],
    claim: Claim,
    limit_a: float,
    phase: Phase,
    snapshot: Snapshot,
    terms: SiteTerms,
    clamps: list[Clamp],
) -> None:
    names = claim.scope.names if isinstance(claim.scope, Devices) else frozenset()
    there = {name: one for name in sorted(names) if (one := _wires(name, snapshot, terms)) and phase in one.conductors}
    online = [name for name in there if snapshot.devices[name].condition.online]
    room_a = limit_a - sum(
        unheard_a(snapshot.devices[name], snapshot.at.mono_s) for name in there if name not in online
    )
    told = {name: kept[name].current_max_a for name in online if name in kept}
    asked = {name: told_a for name, told_a in told.items() if told_a is not None and _draws(kept[name])}
    if sum(asked.values()) <= max(0.0, room_a) + _CRUMB:
        return
    for name in asked:
        _cut(kept, name, 0.0, f"{claim.mode.value} of {claim.cause.source.name}", clamps)


def _draws(setpoint: Setpoint) -> bool:
    return setpoint.on is not False and setpoint.connect is not False


def _cut(kept: dict[str, Setpoint], name: str, given_a: float, why: str, clamps: list[Clamp]) -> None:
    asked_a = kept[name].current_max_a
    if asked_a is None or abs(given_a - asked_a) <= _CRUMB:
        return
    kept[name] = replace(kept[name], current_max_a=given_a)
    clamps.append(Clamp(name, Quantity.CURRENT, asked_a, given_a, why))


def _wires(name: str, snapshot: Snapshot, terms: SiteTerms) -> Wires | None:
    seen, device = snapshot.devices.get(name), terms.devices.get(name)
    if seen is None or device is None or seen.capability.currents is None:
        return None
    return wires(seen, device, terms.connection)
