"""Which functions there are: those of sites, our own and those that installed packages offer, and those of areas."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from grid_functions.area import cold_load_pickup, day_ahead, direct_load_control, division, tariff_signal, xor_market
from grid_functions.building import steward
from grid_functions.machines import Machine
from grid_functions.model.errors import ConfigurationFault
from grid_functions.site import (
    alerts,
    capacity,
    charging,
    connect,
    curves,
    dispatch,
    limit_power,
    load_control,
    load_dispatch,
    load_shape,
    power_limit,
    prices,
    ramp_limit,
    reactive,
    shed,
    storage_charge,
    storage_limits,
    storage_mode,
    thermostat,
)

GROUP = "osed.grid_functions"


@dataclass(frozen=True, slots=True)
class Maker:
    """``options``: the frozen dataclass of its settings, which checks itself; ``build``: a function from them."""

    name: str
    options: type[Any]
    build: Callable[[Any], Any]


SITE: Mapping[str, Maker] = MappingProxyType(
    {
        maker.name: maker
        for maker in (
            Maker(limit_power.NAME, limit_power.LimitPowerOptions, limit_power.LimitPower),
            Maker(dispatch.NAME, dispatch.DispatchOptions, dispatch.Dispatch),
            Maker(reactive.NAME, reactive.ReactiveOptions, reactive.ReactivePower),
            Maker(curves.NAME, curves.CurvesOptions, curves.Curves),
            Maker(connect.NAME, connect.ConnectOptions, connect.ConnectDevices),
            Maker(shed.NAME, shed.ShedOptions, shed.Shed),
            Maker(load_dispatch.NAME, load_dispatch.LoadDispatchOptions, load_dispatch.DispatchLoad),
            Maker(load_control.NAME, load_control.LoadControlOptions, load_control.ControlLoad),
            Maker(load_shape.NAME, load_shape.LoadShapeOptions, load_shape.ShapeLoad),
            Maker(storage_charge.NAME, storage_charge.StorageChargeOptions, storage_charge.ChargeStorage),
            Maker(capacity.NAME, capacity.CapacityOptions, capacity.KeepCapacity),
            Maker(prices.NAME, prices.PricesOptions, prices.KeepPrices),
            Maker(charging.NAME, charging.ChargingOptions, charging.Charging),
            Maker(storage_limits.NAME, storage_limits.StorageLimitsOptions, storage_limits.StorageLimits),
            Maker(storage_mode.NAME, storage_mode.StorageModeOptions, storage_mode.StorageMode),
            Maker(power_limit.NAME, power_limit.PowerLimitOptions, power_limit.PowerLimit),
            Maker(ramp_limit.NAME, ramp_limit.RampLimitOptions, ramp_limit.RampLimit),
            Maker(thermostat.NAME, thermostat.ThermostatOptions, thermostat.HoldTemperature),
            Maker(alerts.NAME, alerts.AlertsOptions, alerts.KeepAlerts),
            Maker(steward.NAME, steward.HomeOptions, steward.Steward),
        )
    }
)


AREA: Mapping[str, Maker] = MappingProxyType(
    {
        maker.name: maker
        for maker in (
            Maker(day_ahead.NAME, day_ahead.DayAheadOptions, day_ahead.DayAhead),
            Maker(
                direct_load_control.NAME,
                direct_load_control.DirectLoadControlOptions,
                direct_load_control.DirectLoadControl,
            ),
            Maker(cold_load_pickup.NAME, cold_load_pickup.ColdLoadPickupOptions, cold_load_pickup.ColdLoadPickup),
            Maker(division.NAME, division.DivisionOptions, division.Division),
            Maker(tariff_signal.NAME, tariff_signal.TariffSignalOptions, tariff_signal.TariffSignal),
            Maker(xor_market.NAME, xor_market.XorMarketOptions, xor_market.XorMarket),
        )
    }
)
"""Functions of areas. They run only where an area names them."""


def makers(found: Iterable[EntryPoint] | None = None) -> dict[str, Maker]:
    """All functions by name. Raises ConfigurationFault when two share one, or what is offered is no Maker."""
    everything = dict(SITE)
    mistakes: list[str] = []
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda one: (one.name, one.value)):
        try:
            offered = point.load()
        except Exception as broken:
            mistakes.append(f"grid function {point.name} ({point.value}) cannot be loaded: {broken}")
            continue
        if not isinstance(offered, Maker) or offered.name != point.name:
            mistakes.append(f"grid function {point.name} ({point.value}) is no Maker of that name")
        elif point.name in everything:
            mistakes.append(
                f"grid function {point.name} ({point.value}) has a name that is taken: remove one of the two packages"
            )
        else:
            everything[point.name] = offered
    if mistakes:
        raise ConfigurationFault(tuple(mistakes))
    return everything


def built_in() -> dict[str, Machine]:
    """Our own functions with their default options."""
    return {name: maker.build(maker.options()) for name, maker in SITE.items()}


def durable() -> tuple[type, ...]:
    """What all functions that are there keep in the ledger."""
    made = (maker.build(maker.options()) for maker in (*makers().values(), *AREA.values()))
    kept = (getattr(function.empty(), "durable", None) for function in made)
    return tuple({type(one): None for one in kept if one is not None})
