"""Areas in osed.yaml and over the socket: members, and the functions wanted there with their options."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from gateway.config.parts import Name, PlugIns, Strict
from grid_functions.area.cold_load_pickup import ColdLoadPickupOptions
from grid_functions.area.day_ahead import DayAheadOptions
from grid_functions.area.direct_load_control import DirectLoadControlOptions
from grid_functions.area.division import DivisionOptions
from grid_functions.area.schedule import ScheduleOptions
from grid_functions.area.tariff_signal import TariffSignalOptions
from grid_functions.area.xor_market import XorMarketOptions
from grid_functions.model.errors import ConfigurationFault


class AreaFunctions(Strict):
    """Only what is named runs."""

    day_ahead: DayAheadOptions | None = None
    direct_load_control: DirectLoadControlOptions | None = None
    cold_load_pickup: ColdLoadPickupOptions | None = None
    division: DivisionOptions | None = None
    schedule: ScheduleOptions | None = None
    tariff: TariffSignalOptions | None = None
    xor_market: XorMarketOptions | None = None

    def chosen(self) -> Mapping[str, Any]:
        """The options of every function that is wanted."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: options for name, options in told.items() if options is not None}


class AreaSettings(Strict):
    """One edge coordinator. ``sites``: its members; ``ttl_s``: how long what it leased outlives it. ``connection``: the site at the area's
    own connection, whose meter is the area's and whose upstreams speak for it. ``plug_ins``: functions of installed packages.
    """

    name: Name
    sites: Annotated[tuple[Name, ...], Field(min_length=1)]
    functions: AreaFunctions = AreaFunctions()
    plug_ins: PlugIns = Field(default_factory=dict)
    ttl_s: Annotated[float, Field(ge=10, le=86_400)] = 300
    connection: Name | None = None


def mistakes(area: AreaSettings, sites: Collection[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What cannot be meant where there are these sites, each with its place: names of nobody, members told twice."""
    there = ", ".join(sorted(sites)) or "none"
    for place, name in enumerate(area.sites):
        if name not in sites:
            yield ("sites", place), f"no site is named {name!r} ({there})"
        if name in area.sites[:place]:
            yield ("sites", place), f"{name!r} is a member already"
    if area.connection is not None and area.connection not in sites:
        yield ("connection",), f"no site is named {area.connection!r} ({there})"
    for function, options in area.functions.chosen().items():
        for table in ("priorities", "weights"):
            for name in sorted(getattr(options, table, {}).keys() - set(area.sites)):
                yield ("functions", function, table, name), f"no member is named {name!r} ({', '.join(area.sites)})"


_ADAPTER = TypeAdapter(AreaSettings)


def area_of(plain: object) -> AreaSettings:
    """An area from plain values. Raises ConfigurationFault with every mistake."""
    try:
        return _ADAPTER.validate_python(plain)
    except ValidationError as fault:
        mistakes = tuple(
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}" for one in fault.errors()
        )
        raise ConfigurationFault(mistakes) from fault


def plain_of(area: AreaSettings) -> dict[str, Any]:
    """The area as plain values, for the ledger and for people."""
    return area.model_dump(mode="json")
