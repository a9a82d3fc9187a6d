"""Inverters and batteries of the older SunSpec models as measured (101-103, 111-113), rated (120), stored (124, 802); pure."""

from collections.abc import Mapping
from typing import Final

from adapters.devices.sunspec.readings import Table, number, per_phase, rating
from adapters.devices.sunspec.steps import Values
from adapters.sunspec.points import Value
from grid_functions.model.device import GridRatings, InverterState, Nameplate
from grid_functions.model.units import Quantity

AC: Final = (103, 102, 101, 113, 112, 111)
RATED: Final = 120
BASIC: Final = 121
STATUS: Final = 122
CONTROL: Final = 123

TABLE: Final = Table(
    {
        (Quantity.NET, None): "W",
        (Quantity.REACTIVE, None): "VAr",
        (Quantity.CURRENT, None): "A",
        **per_phase(Quantity.CURRENT, ("AphA", "AphB", "AphC")),
        **per_phase(Quantity.VOLTAGE, ("PhVphA", "PhVphB", "PhVphC")),
        (Quantity.FREQUENCY, None): "Hz",
        (Quantity.ENERGY_PRODUCED, None): "WH",
    }
)
"""Interpretation: the AC power of an inverter counts generation positive, and VAr follows W."""


STORAGE: Final = Table({(Quantity.STATE_OF_CHARGE, None): "ChaState"})
BATTERY: Final = Table({(Quantity.STATE_OF_CHARGE, None): "SoC"})

MPPT: Final = 4
THROTTLED: Final = 5
OFF: Final = 1
FAULT: Final = 7


def nameplate(values: Values) -> Nameplate:
    """What 120 and 121 say. Quadrant 1 injects vars (over-excited), quadrant 4 absorbs them (under-excited)."""
    rated = values.get(RATED, {})
    absorb_var = number(rated.get("VArRtgQ4"))
    return Nameplate(
        rated_w=rating(rated.get("WRtg")),
        rated_va=rating(rated.get("VARtg")),
        rated_inject_var=number(rated.get("VArRtgQ1")),
        rated_charge_w=number(rated.get("MaxChaRte")),
        rated_discharge_w=number(rated.get("MaxDisChaRte")),
        capacity_wh=number(rated.get("WHRtg")),
        rated_absorb_var=None if absorb_var is None else abs(absorb_var),
        grid=GridRatings(
            max_a=number(rated.get("ARtg")),
            least_pf_over=_size(rated.get("PFRtgQ1")),
            least_pf_under=_size(rated.get("PFRtgQ4")),
        ),
    )


def _size(value: Value | None) -> float | None:
    """Interpretation: makers disagree about the sign of a power factor; the quadrant says it already."""
    told = number(value)
    return None if told is None else abs(told)


STATES: Final[Mapping[Value | None, InverterState]] = dict(enumerate(InverterState, start=1))
"""St of 101 to 113, in this order."""


def connected(status: Mapping[str, Value | None], control: Mapping[str, Value | None]) -> bool | None:
    """122 ECPConn, else 122 PVConn bit 0, else what 123 was told."""
    for told, bits in ((status.get("ECPConn"), 1), (status.get("PVConn"), 1), (control.get("Conn"), 1)):
        if isinstance(told, int):
            return bool(told & bits)
    return None


def energized(state: Value | None) -> bool | None:
    """False when off or in fault, True while it runs; asleep or starting tells nothing."""
    if state in (MPPT, THROTTLED):
        return True
    return False if state in (OFF, FAULT) else None
