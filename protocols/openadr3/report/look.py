"""One look at a respondent's devices, as far as reports ask: storage, headroom, setpoints, whether anything is wrong."""

from dataclasses import dataclass

from grid_functions.model.device import Role, Seen
from grid_functions.model.reading import Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

IDLE_W = 50.0
"""Below this a device does nothing worth a name."""

_STORAGE = frozenset({Role.BATTERY, Role.HYBRID})
_CONSUMERS = frozenset({Role.EVSE, Role.LOAD})
_PRODUCERS = frozenset({Role.PV, Role.HYBRID})


@dataclass(frozen=True, slots=True)
class Look:
    """None = no device shows it.

    ``setpoint_w``: the targets that devices hold, together; ``storage_w``: of the storage alone; ``usable_wh``/``stored_wh``: of all
    storage; ``charge_w``/``discharge_w``: the most it can do; ``up_w``: how much less could be consumed or more produced at once,
    ``down_w`` the other way; ``shed_w``: what controllable loads take now; ``grow_w``: what more could be produced; ``meter_wh``: the
    meter's counter of consumption.
    """

    online: bool = False
    running: bool = False
    setpoint_w: float | None = None
    storage_w: float | None = None
    usable_wh: float | None = None
    stored_wh: float | None = None
    charge_w: float | None = None
    discharge_w: float | None = None
    up_w: float | None = None
    down_w: float | None = None
    shed_w: float | None = None
    grow_w: float | None = None
    net_w: float | None = None
    meter_wh: float | None = None


def look_at(snapshot: Snapshot, devices: frozenset[str]) -> Look:
    """The respondent's devices, all of the site if ``devices`` is empty."""
    mine = [
        one for name, one in snapshot.devices.items() if (not devices or name in devices) and one.role is not Role.METER
    ]
    online = [one for one in mine if one.condition.online]
    stores = [store for store in (_Store.of(one) for one in online if one.role in _STORAGE) if store is not None]
    flows = {one.device: _good(one, Quantity.NET) or 0.0 for one in online}
    shed_w = sum(max(0.0, flows[one.device]) for one in online if one.role in _CONSUMERS)
    sun_w = sum(max(0.0, -flows[one.device]) for one in online if one.role in _PRODUCERS)
    give_w = sum(store.give_w for store in stores)
    take_w = sum(store.take_w for store in stores)
    targets = [one.condition.holds.target_w for one in online if one.condition.holds is not None]
    told = [one for one in targets if one is not None]
    stored = [
        one.condition.holds.target_w
        for one in online
        if one.role in _STORAGE and one.condition.holds is not None and one.condition.holds.target_w is not None
    ]
    return Look(
        online=bool(online) or not mine,
        running=any(abs(flow) > IDLE_W for flow in flows.values()),
        setpoint_w=sum(told) if told else None,
        storage_w=sum(stored) if stored else (sum(store.net_w for store in stores) if stores else None),
        usable_wh=sum(store.capacity_wh for store in stores) if stores else None,
        stored_wh=sum(store.stored_wh for store in stores) if stores else None,
        charge_w=sum(store.charge_w for store in stores) if stores else None,
        discharge_w=sum(store.discharge_w for store in stores) if stores else None,
        up_w=give_w + shed_w if online else None,
        down_w=take_w + sun_w if online else None,
        shed_w=shed_w if online else None,
        grow_w=give_w if online else None,
        net_w=_metered(snapshot, Quantity.NET),
        meter_wh=_metered(snapshot, Quantity.ENERGY_CONSUMED),
    )


class _Store:
    """One battery: what it holds, and what more it could give or take at once."""

    def __init__(self, seen: Seen, capacity_wh: float, charge_pct: float, net_w: float) -> None:
        plate = seen.nameplate
        self.capacity_wh, self.net_w = capacity_wh, net_w
        self.discharge_w = plate.rated_discharge_w or plate.rated_w or 0.0
        self.charge_w = plate.rated_charge_w or plate.rated_w or 0.0
        self.stored_wh = capacity_wh * min(max(charge_pct, 0.0), 100.0) / 100.0
        self.give_w = max(0.0, self.discharge_w + net_w) if self.stored_wh > 0 else max(0.0, net_w)
        self.take_w = max(0.0, self.charge_w - net_w) if self.stored_wh < capacity_wh else max(0.0, -net_w)

    @classmethod
    def of(cls, seen: Seen) -> "_Store | None":
        capacity_wh, charge_pct = seen.nameplate.capacity_wh, _good(seen, Quantity.STATE_OF_CHARGE)
        if not capacity_wh or charge_pct is None:
            return None
        return cls(seen, capacity_wh, charge_pct, _good(seen, Quantity.NET) or 0.0)


def _good(seen: Seen, quantity: Quantity) -> float | None:
    reading = seen.condition.readings.get((quantity, None))
    return reading.value if reading is not None and reading.quality is Quality.GOOD else None


def _metered(snapshot: Snapshot, quantity: Quantity) -> float | None:
    reading = snapshot.meter.get((quantity, None))
    return reading.value if reading is not None and reading.quality is Quality.GOOD else None
