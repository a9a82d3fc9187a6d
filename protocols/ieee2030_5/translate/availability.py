"""What the storage of a respondent holds in reserve -> DERAvailability (IEEE 2030.5-2018 clause 10.10.4)."""

from collections.abc import Iterable

from grid_functions.model.device import Role, Seen
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.translate.der import active_power
from protocols.ieee2030_5.wire.der import DERAvailability

_STORAGE = frozenset({Role.BATTERY, Role.HYBRID})


def availability_of(seen: Iterable[Seen], at_s: float) -> DERAvailability | None:
    """The reserve of all storage together; None while no storage shows its charge, capacity and rates.

    Reserve is what could be delivered, or taken, beyond what flows now; a duration is how long that lasts. Sun is no reserve: nobody
    knows how long it lasts.
    """
    found = [one for one in (_Store.of(each) for each in seen if each.role in _STORAGE) if one is not None]
    if not found:
        return None
    give_w = sum(one.give_w for one in found)
    take_w = sum(one.take_w for one in found)
    stored_wh = sum(one.stored_wh for one in found)
    room_wh = sum(one.room_wh for one in found)
    discharge_w = sum(one.discharge_w for one in found)
    charge_w = sum(one.charge_w for one in found)
    return DERAvailability(
        availabilityDuration=round(stored_wh / give_w * 3600) if give_w > 0 else None,
        maxChargeDuration=round(room_wh / take_w * 3600) if take_w > 0 else None,
        readingTime=int(at_s),
        reserveChargePercent=_share(take_w, charge_w),
        reservePercent=_share(give_w, discharge_w),
        statWAvail=active_power(give_w),
    )


def _share(part: float, whole: float) -> int | None:
    return round(min(part / whole, 1.0) * 10_000) if whole > 0 else None


class _Store:
    def __init__(self, seen: Seen, capacity_wh: float, charge_pct: float, net_w: float) -> None:
        plate = seen.nameplate
        self.discharge_w = plate.rated_discharge_w or plate.rated_w or 0.0
        self.charge_w = plate.rated_charge_w or plate.rated_w or 0.0
        self.stored_wh = capacity_wh * min(max(charge_pct, 0.0), 100.0) / 100.0
        self.room_wh = capacity_wh - self.stored_wh
        self.give_w = max(0.0, self.discharge_w - max(-net_w, 0.0)) if self.stored_wh > 0 else 0.0
        self.take_w = max(0.0, self.charge_w - max(net_w, 0.0)) if self.room_wh > 0 else 0.0

    @classmethod
    def of(cls, seen: Seen) -> "_Store | None":
        capacity_wh = seen.nameplate.capacity_wh
        charge_pct, net_w = (_good(seen, quantity) for quantity in (Quantity.STATE_OF_CHARGE, Quantity.NET))
        if not seen.condition.online or not capacity_wh or charge_pct is None:
            return None
        return cls(seen, capacity_wh, charge_pct, net_w or 0.0)


def _good(seen: Seen, quantity: Quantity) -> float | None:
    reading = seen.condition.readings.get((quantity, None))
    return reading.value if reading is not None and reading.quality is Quality.GOOD else None
