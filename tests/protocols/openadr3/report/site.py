"""A site to report of: a house with a battery, a charger and PV, minute by minute."""

from collections.abc import Iterable

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Average, Metered, MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity


def reading(value: float, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(value, quality, 0.0, 0.0)


def battery(
    net_w: float = -1000.0, charge_pct: float = 60.0, target_w: float | None = None, online: bool = True
) -> Seen:
    """10 kWh, 5 kW either way; discharging with 1 kW at 60 %."""
    readings: dict[MeterKey, Reading] = {
        (Quantity.NET, None): reading(net_w),
        (Quantity.STATE_OF_CHARGE, None): reading(charge_pct),
    }
    holds = None if target_w is None else Setpoint("battery", 1, target_w=target_w)
    return Seen(
        "battery",
        Role.BATTERY,
        Nameplate(rated_w=5000.0, capacity_wh=10_000.0),
        Capability(),
        Condition(online=online, readings=readings, holds=holds),
    )


def charger(net_w: float = 7000.0, online: bool = True) -> Seen:
    condition = Condition(online=online, readings={(Quantity.NET, None): reading(net_w)})
    return Seen("evse", Role.EVSE, Nameplate(rated_w=11_000.0), Capability(), condition)


def pv(net_w: float = -3000.0) -> Seen:
    condition = Condition(online=True, readings={(Quantity.NET, None): reading(net_w)})
    return Seen("pv", Role.PV, Nameplate(rated_w=6000.0), Capability(), condition)


def picture(devices: Iterable[Seen], net_w: float | None = 4000.0, counter_wh: float | None = None) -> Snapshot:
    meter: dict[MeterKey, Reading] = {} if net_w is None else {(Quantity.NET, None): reading(net_w)}
    if counter_wh is not None:
        meter[(Quantity.ENERGY_CONSUMED, None)] = reading(counter_wh)
    return Snapshot("house", Instants(0.0, 0.0), meter, {one.device: one for one in devices})


def minute(start_s: float, net_w: float, coverage: float = 1.0, of: Metered = Metered.CONNECTION) -> Average:
    return Average(Quantity.NET, None, start_s, 60.0, net_w, coverage, of)
