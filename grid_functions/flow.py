"""What flows over a scope now, as measured: the one answer that trajectory and evidence share."""

import math
from typing import Final

from grid_functions.model.claim import ConnectionPoint, Devices, Scope
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.rating import LOADS, SWITCHED, roles_of

_TOTAL: Phase | None = None
_DIRECTIONS: Final = (Quantity.PRODUCED, Quantity.CONSUMED)
_POLLS_MISSED = 3.0
_ROLES = {Quantity.CONNECT: SWITCHED | LOADS, Quantity.TEMPERATURE: LOADS}


def members(scope: Scope, quantity: Quantity, terms: SiteTerms) -> tuple[str, ...]:
    """The devices of a scope that have part in a quantity, by name."""
    roles = roles_of(quantity) if quantity in _DIRECTIONS else _ROLES.get(quantity, SWITCHED)
    names = [name for name, device in terms.devices.items() if device.role in roles]
    if isinstance(scope, Devices):
        names = [name for name in names if name in scope.names]
    return tuple(sorted(names))


def flow(
    scope: Scope, quantity: Quantity, phase: Phase | None, snapshot: Snapshot, terms: SiteTerms, now: Instants
) -> float | None:
    """W or var over the scope: produced and consumed are non-negative, net and reactive signed. None when any part is unknown."""
    measured = Quantity.NET if quantity in _DIRECTIONS else quantity
    if isinstance(scope, ConnectionPoint):
        return _side(quantity, _good(snapshot.meter.get((measured, phase)), now, terms.meter_stale_s))
    total = 0.0
    for name in members(scope, quantity, terms):
        seen = snapshot.devices.get(name)
        reading = None if seen is None or not seen.condition.online else seen.condition.readings.get((measured, _TOTAL))
        part = _side(quantity, _good(reading, now, _POLLS_MISSED * terms.meter_stale_s))
        if part is None:
            return None
        total += part
    return total


def drawn_by_loads(scope: Scope, snapshot: Snapshot, terms: SiteTerms, now: Instants) -> list[float | None]:
    """W of each load of these devices, for loads are in no flow of ours; None where unknown."""
    names = scope.names if isinstance(scope, Devices) else frozenset()
    seen = [snapshot.devices.get(name) for name in sorted(names) if terms.devices[name].role in LOADS]
    told = [
        one.condition.readings.get((Quantity.NET, _TOTAL)) if one and one.condition.online else None for one in seen
    ]
    return [_good(one, now, _POLLS_MISSED * terms.meter_stale_s) for one in told]


def _good(reading: Reading | None, now: Instants, stale_s: float) -> float | None:
    if reading is None or reading.quality is not Quality.GOOD or not math.isfinite(reading.value):
        return None
    return reading.value if now.mono_s - reading.at_s <= stale_s else None


def _side(quantity: Quantity, value: float | None) -> float | None:
    if value is None or quantity not in _DIRECTIONS:
        return value
    return max(0.0, value if quantity is Quantity.CONSUMED else 0.0 - value)
