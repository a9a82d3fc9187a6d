"""Device roles -> DeviceCategoryType (IEEE 2030.5, a bitmap): whom a control addresses, and what an EndDevice says it is."""

from collections.abc import Iterable
from typing import Final

from grid_functions.model.device import Role

ENERGY_MANAGEMENT: Final = 1 << 14
MIXED: Final = 1 << 18
PV_AND_STORAGE: Final = 1 << 23

_BITS: Final = {Role.EVSE: 1 << 17, Role.PV: 1 << 21, Role.HYBRID: PV_AND_STORAGE, Role.BATTERY: 1 << 25}
_GENERATORS: Final = frozenset({Role.PV, Role.BATTERY, Role.HYBRID})


def category_of(roles: Iterable[Role]) -> int:
    """What an EndDevice that speaks for devices of these roles is.

    Interpretation: the standard lets an EndDevice be several things. Ours is the manager of its devices and each of them; PV beside a
    battery is also the combination, and several kinds of DER are a mixed one. A control for any of these is for the whole EndDevice.
    """
    mine = frozenset(roles)
    bits = ENERGY_MANAGEMENT
    for role in mine:
        bits |= _BITS.get(role, 0)
    if {Role.PV, Role.BATTERY} <= mine:
        bits |= PV_AND_STORAGE
    return bits | MIXED if len(mine & _GENERATORS) > 1 else bits
