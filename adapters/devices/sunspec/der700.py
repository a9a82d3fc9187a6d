"""Inverters of the SunSpec 700 series as measured (701), rated (702), stored (713); pure.

Source: SunSpec DER Information Model Specification 1.0.
"""

from collections.abc import Mapping
from typing import Final, Literal

from adapters.devices.sunspec.readings import Table, number, per_phase, rating
from adapters.devices.sunspec.steps import Values
from adapters.sunspec.points import Value
from grid_functions.model.device import GridRatings, InverterState, Nameplate
from grid_functions.model.units import Quantity

AC: Final = 701
PLATE: Final = 702
STORED: Final = 713
FAULT: Final = 6

TABLE: Final = Table(
    {
        (Quantity.NET, None): "W",
        **per_phase(Quantity.NET, ("WL1", "WL2", "WL3")),
        (Quantity.REACTIVE, None): "Var",
        **per_phase(Quantity.REACTIVE, ("VarL1", "VarL2", "VarL3")),
        (Quantity.CURRENT, None): "A",
        **per_phase(Quantity.CURRENT, ("AL1", "AL2", "AL3")),
        (Quantity.VOLTAGE, None): "LNV",
        **per_phase(Quantity.VOLTAGE, ("VL1", "VL2", "VL3")),
        (Quantity.FREQUENCY, None): "Hz",
        (Quantity.ENERGY_PRODUCED, None): "TotWhInj",
        (Quantity.ENERGY_CONSUMED, None): "TotWhAbs",
    }
)
"""701 counts injection positive, W and Var alike (its W says so; Interpretation: Var follows W)."""

STORAGE: Final = Table({(Quantity.STATE_OF_CHARGE, None): "SoC", (Quantity.STORED_ENERGY, None): "WHAvail"})

PLATE_POINTS: Final = (
    "WMaxRtg",
    "VAMaxRtg",
    "VarMaxInjRtg",
    "VarMaxAbsRtg",
    "WChaRteMaxRtg",
    "WDisChaRteMaxRtg",
    "VNomRtg",
    "WMax",
)


def without_storage(plate: Values) -> bool:
    """Whether 713 is of no battery at all: its SoC then reads 0 for ever, which is no state of charge."""
    return not plate.get(STORED, {}).get("WHRtg") and not plate.get(PLATE, {}).get("WChaRteMaxRtg")


def nameplate(values: Mapping[str, Value | None], stored: Mapping[str, Value | None]) -> Nameplate:
    """What 702 says, and 713 of the storage."""
    return Nameplate(
        rated_w=rating(values.get("WMaxRtg")),
        rated_va=rating(values.get("VAMaxRtg")),
        rated_inject_var=number(values.get("VarMaxInjRtg")),
        rated_absorb_var=number(values.get("VarMaxAbsRtg")),
        rated_charge_w=number(values.get("WChaRteMaxRtg")),
        rated_discharge_w=number(values.get("WDisChaRteMaxRtg")),
        capacity_wh=number(stored.get("WHRtg")),
        nominal_v=number(values.get("VNomRtg")),
        grid=GridRatings(
            max_v=number(values.get("VMaxRtg")),
            min_v=number(values.get("VMinRtg")),
            max_a=number(values.get("AMaxRtg")),
            over_excited_w=number(values.get("WOvrExtRtg")),
            over_excited_pf=number(values.get("WOvrExtRtgPF")),
            under_excited_w=number(values.get("WUndExtRtg")),
            under_excited_pf=number(values.get("WUndExtRtgPF")),
            normal=_NORMAL.get(values.get("NorOpCatRtg")),
            abnormal=_ABNORMAL.get(values.get("AbnOpCatRtg")),
        ),
    )


_NORMAL: Final[Mapping[Value | None, Literal["A", "B"]]] = {0: "A", 1: "B"}
_ABNORMAL: Final[Mapping[Value | None, Literal["I", "II", "III"]]] = {0: "I", 1: "II", 2: "III"}

STATES: Final[Mapping[Value | None, InverterState]] = dict(enumerate(InverterState))
"""701.InvSt, in this order."""
