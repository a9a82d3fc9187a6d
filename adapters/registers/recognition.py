"""Whether a device that answers is one of the kinds that a profile tells of; pure.

A register map seldom says whose it is. What can be read of it, and whether that makes sense, tells how far to believe it.
"""

from dataclasses import dataclass
from typing import Final

from adapters.family import Conversation, Look
from adapters.registers.family import Mapped
from adapters.registers.map import Sort
from grid_functions.model.device import Nameplate
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity

_VOLTS: Final = (80.0, 300.0)
_HERTZ: Final = (45.0, 65.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a device may be. ``certain``: it says so itself. ``told``: of how many points it gave a value."""

    family: str
    sort: Sort
    nameplate: Nameplate
    certain: bool
    told: int


def recognised(family: Mapped, unit: int) -> Conversation[Candidate | None]:
    """Look for a device of this family behind ``unit``, reading only; None when what is there makes no sense as one."""
    found = yield from family.find(unit)
    if found is None:
        return None
    raw = yield from family.poll(found)
    if raw is None or not _sensible(family, family.decode(found, raw, Instants(0.0, 0.0))):
        return None
    told = sum(value is not None for value in {**found.plate, **raw}.values())
    return Candidate(family.name, family.profile.kind, family.nameplate(found), bool(family.profile.recognise), told)


def _sensible(family: Mapped, look: Look) -> bool:
    """Whether all that was read can be so: a state that exists, a grid that is one, a current that a charger is told."""
    readings = list(look.readings.values())
    if any(one.quality is Quality.SUSPECT for one in readings):
        return False
    if readings and not any(one.quality is Quality.GOOD for one in readings):
        return False
    for (quantity, _), one in look.readings.items():
        bounds = {Quantity.VOLTAGE: _VOLTS, Quantity.FREQUENCY: _HERTZ}.get(quantity)
        # A phase that is not there reads 0.
        if bounds is not None and one.quality is Quality.GOOD and one.value and not bounds[0] <= one.value <= bounds[1]:
            return False
    if family.profile.kind is not Sort.CHARGER:
        return any(one.quality is Quality.GOOD and one.value for one in readings)
    holds, most_a = look.holds, family.profile.currents.maximum_a if family.profile.currents is not None else 0.0
    limited = holds is not None and holds.current_max_a is not None and 0 <= holds.current_max_a <= 2.5 * most_a
    return look.vehicle is not None and limited
