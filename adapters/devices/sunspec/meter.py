"""Meters: one phase (201), split phase (202), wye (203), delta (204), and their float twins (211-214); pure."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from adapters.devices.sunspec.readings import Table, per_phase, readings
from adapters.sunspec.points import Value
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity

MODELS: Final = (203, 204, 202, 201, 213, 214, 212, 211)


class Positive(StrEnum):
    """Which direction of power a meter counts positive: how it was installed, so nobody but the installer knows."""

    IMPORT = "import"
    EXPORT = "export"


TABLE: Final = Table(
    {
        (Quantity.NET, None): "W",
        **per_phase(Quantity.NET, ("WphA", "WphB", "WphC")),
        (Quantity.REACTIVE, None): "VAR",
        **per_phase(Quantity.REACTIVE, ("VARphA", "VARphB", "VARphC")),
        (Quantity.CURRENT, None): "A",
        **per_phase(Quantity.CURRENT, ("AphA", "AphB", "AphC")),
        (Quantity.VOLTAGE, None): "PhV",
        **per_phase(Quantity.VOLTAGE, ("PhVphA", "PhVphB", "PhVphC")),
        (Quantity.FREQUENCY, None): "Hz",
        (Quantity.ENERGY_CONSUMED, None): "TotWhImp",
        (Quantity.ENERGY_PRODUCED, None): "TotWhExp",
    }
)
"""Interpretation: the energy counters name their direction, so the sign of power does not exchange them."""

POINTS: Final = (*TABLE.values(), "Evt")
POLLED: Final[Mapping[int, tuple[str, ...]]] = dict.fromkeys(MODELS, POINTS)


def measured(values: Mapping[str, Value | None], now: Instants, positive: Positive) -> dict[MeterKey, Reading]:
    """What the meter says. A total it does not implement is the sum of its phases, when all three are there."""
    found = readings(TABLE, values, now, turn=positive is Positive.EXPORT)
    for quantity in (Quantity.NET, Quantity.REACTIVE):
        phases = [found.get((quantity, phase)) for phase in Phase]
        told = [reading.value for reading in phases if reading is not None]
        total = found.get((quantity, None))
        if len(told) == len(phases) and (total is None or total.quality is Quality.MISSING):
            one = next(reading for reading in phases if reading is not None)
            found[quantity, None] = replace(one, value=sum(told))
    return found
