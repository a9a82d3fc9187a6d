"""The options of grid functions in osed.yaml: their own dataclasses, which check themselves, as one section."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from gateway.config.parts import Strict
from grid_functions.building.options import HomeOptions
from grid_functions.site.capacity import CapacityOptions
from grid_functions.site.charging import ChargingOptions
from grid_functions.site.dispatch import DispatchOptions
from grid_functions.site.limit_power import LimitPowerOptions
from grid_functions.site.load_control import LoadControlOptions
from grid_functions.site.load_dispatch import LoadDispatchOptions
from grid_functions.site.power_limit import PowerLimitOptions
from grid_functions.site.prices import PricesOptions
from grid_functions.site.ramp_limit import RampLimitOptions
from grid_functions.site.shed import ShedOptions
from grid_functions.site.storage_charge import StorageChargeOptions
from grid_functions.site.storage_limits import StorageLimitsOptions
from grid_functions.site.storage_mode import StorageModeOptions
from grid_functions.site.thermostat import ThermostatOptions


class FunctionSettings(Strict):
    """Options by function. A function that has nothing to choose is not named; one that is left out runs with its defaults."""

    limit_power: LimitPowerOptions = Field(default_factory=LimitPowerOptions)
    dispatch: DispatchOptions = Field(default_factory=DispatchOptions)
    shed: ShedOptions = Field(default_factory=ShedOptions)
    load_dispatch: LoadDispatchOptions = Field(default_factory=LoadDispatchOptions)
    load_control: LoadControlOptions = Field(default_factory=LoadControlOptions)
    storage_charge: StorageChargeOptions = Field(default_factory=StorageChargeOptions)
    capacity: CapacityOptions = Field(default_factory=CapacityOptions)
    prices: PricesOptions = Field(default_factory=PricesOptions)
    charging: ChargingOptions = Field(default_factory=ChargingOptions)
    storage_limits: StorageLimitsOptions = Field(default_factory=StorageLimitsOptions)
    storage_mode: StorageModeOptions = Field(default_factory=StorageModeOptions)
    power_limit: PowerLimitOptions = Field(default_factory=PowerLimitOptions)
    ramp_limit: RampLimitOptions = Field(default_factory=RampLimitOptions)
    thermostat: ThermostatOptions = Field(default_factory=ThermostatOptions)
    home: HomeOptions = Field(default_factory=HomeOptions)

    def chosen(self) -> Mapping[str, Any]:
        """The options of every function that has some."""
        return {name: getattr(self, name) for name in type(self).model_fields}
