"""Which functions there are: our own, of sites and of areas, and those that installed packages offer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from grid_functions.area import (
    cold_load_pickup,
    day_ahead,
    direct_load_control,
    division,
    schedule,
    tariff_signal,
    xor_market,
)
from grid_functions.building import options, steward
from grid_functions.guest import Remembered
from grid_functions.letters import Channels
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
    """``options``: the frozen dataclass of its settings, which checks itself; ``build``: a function from them.

    ``channels``: of a plug-in, the letters that it writes and reads, and the orders it takes; our own are in :mod:`grid_functions.letters`.
    """

    name: str
    options: type[Any]
    build: Callable[[Any], Any]
    channels: Channels = field(default_factory=dict)


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
            Maker(steward.NAME, options.HomeOptions, steward.Steward),
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
            Maker(schedule.NAME, schedule.ScheduleOptions, schedule.Schedule),
            Maker(tariff_signal.NAME, tariff_signal.TariffSignalOptions, tariff_signal.TariffSignal),
            Maker(xor_market.NAME, xor_market.XorMarketOptions, xor_market.XorMarket),
        )
    }
)
"""Functions of areas. They run only where an area names them."""


@dataclass(frozen=True, slots=True)
class PlugIn:
    """A function that an installed package offers; nothing of it is loaded here. ``value``: where its Maker is, as the package says."""

    name: str
    value: str
    package: str = ""
    version: str = ""


def plug_ins(found: Iterable[EntryPoint] | None = None) -> dict[str, PlugIn]:
    """What is offered, by name. Raises ConfigurationFault when two functions share a name."""
    told: dict[str, PlugIn] = {}
    mistakes: list[str] = []
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda one: (one.name, one.value)):
        if point.name in SITE or point.name in AREA or (point.name in told and told[point.name].value != point.value):
            mistakes.append(
                f"grid function {point.name} ({point.value}) has a name that is taken: remove one of the two packages"
            )
            continue
        brought = point.dist
        package, version = (brought.name, brought.version) if brought is not None else ("", "")
        told[point.name] = PlugIn(point.name, point.value, package, version)
    if mistakes:
        raise ConfigurationFault(tuple(mistakes))
    return told


def folders_of(name: str, found: Iterable[EntryPoint] | None = None) -> tuple[str, ...]:
    """Where a plug-in's package lies, without running a line of it; empty where that is not to be told."""
    points = [one for one in (entry_points(group=GROUP) if found is None else found) if one.name == name]
    try:
        spec = find_spec(points[0].module.partition(".")[0]) if points else None
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    return tuple(spec.submodule_search_locations or filter(None, (spec.origin,)))


def load_plug_in(name: str, found: Iterable[EntryPoint] | None = None) -> Maker:
    """Run the package's code: only ever in the function's own process. Raises ConfigurationFault."""
    points = [one for one in (entry_points(group=GROUP) if found is None else found) if one.name == name]
    if not points:
        raise ConfigurationFault((f"no installed package offers a grid function {name}",))
    try:
        offered = points[0].load()
    except Exception as broken:
        raise ConfigurationFault(
            (f"grid function {name} ({points[0].value}) cannot be loaded: {type(broken).__name__}: {broken}",)
        ) from broken
    if not isinstance(offered, Maker) or offered.name != name:
        raise ConfigurationFault((f"grid function {name} ({points[0].value}) is no Maker of that name",))
    return offered


def built_in() -> dict[str, Machine]:
    """Our own functions with their default options."""
    return {name: maker.build(maker.options()) for name, maker in SITE.items()}


def durable() -> tuple[type, ...]:
    """What functions keep in the ledger: our own by type, those in other processes in one form."""
    made = (maker.build(maker.options()) for maker in (*SITE.values(), *AREA.values()))
    kept = (getattr(function.empty(), "durable", None) for function in made)
    return (*{type(one): None for one in kept if one is not None}, Remembered)
