"""Loads: what is told to thermostats, tanks and switched loads. They are in no sharing of power, and so need no loop."""

from collections.abc import Mapping

from grid_functions.ability import can, has
from grid_functions.allocate.stand import switched
from grid_functions.model.claim import Devices, Ruling, Shape
from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.rating import LOADS


def loads(ruling: Ruling, snapshot: Snapshot, terms: SiteTerms, sent: Mapping[str, Setpoint]) -> tuple[Setpoint, ...]:
    """One setpoint for each load that can be told anything, empty where nothing of it is ours. A locked one that can be off is off."""
    off = switched(ruling, Mode.ENERGIZE)
    told = _temperatures(ruling)
    found = []
    for name in sorted(terms.devices):
        seen = snapshot.devices.get(name)
        if terms.devices[name].role not in LOADS:
            continue
        if name not in sent and (seen is None or not (has(seen, Mode.THERMOSTAT) or has(seen, Mode.ENERGIZE))):
            continue
        on = off.get(name)
        if terms.devices[name].locked and seen is not None and has(seen, Mode.ENERGIZE):
            on = False
        able = seen is not None and can(seen, Mode.THERMOSTAT, terms)
        found.append(Setpoint(name, on=on, thermostat=told.get(name) if able else None))
    return tuple(found)


def _temperatures(ruling: Ruling) -> dict[str, Thermostat]:
    """What won, by device."""
    return {
        name: claim.want.control
        for claim in ruling.winners
        if isinstance(claim.want, Shape) and isinstance(claim.want.control, Thermostat)
        if isinstance(claim.scope, Devices)
        for name in claim.scope.names
    }
