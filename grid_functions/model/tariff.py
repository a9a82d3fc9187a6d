"""What energy costs and how much of the connection is granted: prices and capacities as controls carry them."""

from dataclasses import dataclass
from enum import StrEnum


class PriceKind(StrEnum):
    """How a price value is meant."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    MULTIPLIER = "multiplier"


class Priced(StrEnum):
    """What a price is of."""

    IMPORT = "import"  # currency per kWh
    EXPORT = "export"  # currency per kWh
    ALTERNATE = "alternate"  # currency per kWh, of another supply
    DEMAND = "demand"  # currency per kW
    IMPORT_RESERVATION = "import_reservation"  # currency per kW, the fee of a capacity reserved
    EXPORT_RESERVATION = "export_reservation"
    IMPORT_AVAILABLE = "import_available"  # currency per kW, of capacity on offer
    EXPORT_AVAILABLE = "export_available"
    EMISSIONS = "emissions"  # g CO2 equivalent per kWh


@dataclass(frozen=True, slots=True)
class Price:
    """What energy, demand or emissions cost: a value, an addition to the standing price, or its multiplier; units at :class:`Priced`."""

    of: Priced
    kind: PriceKind
    value: float
    currency: str = ""


class Direction(StrEnum):
    """Through the connection point, seen from the grid."""

    IMPORT = "import"
    EXPORT = "export"


class CapacityKind(StrEnum):
    """The two parts of a granted capacity, which add up to one bound (rule 2), and what is on offer, which binds nothing."""

    SUBSCRIPTION = "subscription"
    RESERVATION = "reservation"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Power at the connection point, W >= 0, subscribed, granted or on offer (OpenADR 3 ..._CAPACITY_SUBSCRIPTION, _RESERVATION,
    _AVAILABLE)."""

    direction: Direction
    kind: CapacityKind
    power_w: float
