"""Family name -> family: the one list of what can be named in the configuration. A new family is one line here, or a profile."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.family import Family, Pace
from adapters.heaters import profile as heaters
from adapters.heaters.options import HeaterOptions, made_for
from adapters.heaters.profile import HeaterProfile
from adapters.heaters.unit import pace_of
from adapters.registers.family import Mapped
from adapters.registers.library import profile, shipped
from adapters.registers.options import RegisterOptions
from adapters.registers.profile import Profile
from grid_functions.model.errors import OurFault

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class About:
    """What a family is, for people who choose one. ``kind``: charger, meter, battery, inverter, heater or load. ``unverified``: what of it
    is known from recollection only. ``unit``, ``port``: where such a device usually answers; ``simulated``: whether there is a twin of it.
    """

    kind: str
    maker: str
    model: str
    transport: tuple[str, ...]
    source: str
    controls: tuple[str, ...]
    unverified: tuple[str, ...] = ()
    notes: str = ""
    unit: int = 1
    port: int = 502
    simulated: bool = True


@dataclass(frozen=True, slots=True)
class Entry(Generic[Options]):
    """``options``: a frozen dataclass, every field with a default, which raises ValueError for what is out of range. ``about`` is asked
    for when somebody wants to know.
    """

    name: str
    options: type[Options]
    make: Callable[[Options], Family[Any, Any]]
    about: Callable[[], About]

    def family(self, **options: Any) -> Family[Any, Any]:
        """The family with these options. Raises TypeError or ValueError for options it does not take."""
        return self.make(self.options(**options))


@dataclass(frozen=True, slots=True)
class Heaters:
    """One kind of heater: its driver is a room of its own (:mod:`adapters.heaters`), since people set it too. ``options`` makes them from
    what the configuration says, and raises TypeError or ValueError for what it does not take.
    """

    name: str
    profile: Callable[[], HeaterProfile]

    @property
    def options(self) -> Callable[..., HeaterOptions]:
        """What makes its options."""
        return made_for(self.profile)

    def about(self) -> About:
        """What it is."""
        said = self.profile()
        return _told(said, said.controls)


def catalogued(entries: Iterable[Entry[Any]]) -> Mapping[str, Entry[Any]]:
    """Entries by name; a name given twice stops the program, since either could be meant."""
    found: dict[str, Entry[Any]] = {}
    for entry in entries:
        if entry.name in found:
            raise OurFault(f"two device families are called {entry.name}", "give each its own name")
        found[entry.name] = entry
    return MappingProxyType(found)


def distinct(heaters: Mapping[str, Heaters], others: Set[str]) -> Mapping[str, Heaters]:
    """These, none of which may be called as another family is."""
    if doubled := sorted(heaters.keys() & others):
        raise OurFault(f"two device families are called {doubled[0]}", "give each its own name")
    return MappingProxyType(dict(heaters))


def _told(said: Profile | HeaterProfile, controls: tuple[str, ...]) -> About:
    """What a register map says of its kind of device."""
    return About(
        said.kind.value,
        said.maker,
        said.model,
        said.transport,
        said.source,
        controls,
        said.unverified,
        said.notes or "",
        said.unit,
        said.port,
    )


def _profiled(name: str, package: str) -> Entry[RegisterOptions]:
    """A family that is a profile: read when it is first made, since most of them never are."""

    def about() -> About:
        said = profile(name, package)
        watchdog = ("fallback",) if said.watchdog is not None else ()
        return _told(said, (*(aim.value for aim in said.orders), *watchdog))

    return Entry(name, RegisterOptions, lambda options: Mapped(name, profile(name, package), options), about)


_SUNSPEC: Final = About(
    kind="inverter",
    maker="any that speaks SunSpec",
    model="inverters, batteries, hybrids and meters",
    transport=("tcp", "tls", "rtu"),
    source="SunSpec Device Information Model Specification 1.1 and the models it publishes",
    controls=("produce_max", "consume_max", "charge", "discharge", "idle", "reactive", "curves", "connect", "fallback"),
)

CALLING: Final = {
    "ocpp": About(
        kind="charger",
        maker="any that speaks OCPP",
        model="charging stations of 1.6J and 2.0.1 with smart charging",
        transport=("ocpp",),
        source="OCPP 1.6 edition 2 and OCPP-J 1.6; OCPP 2.0.1 edition 2",
        controls=("current", "pause", "fallback"),
        notes="connects to the gateway: see docs/ocpp.md",
        unit=0,
        port=8887,
    ),
    "homeassistant": About(
        kind="load",
        maker="any in Home Assistant",
        model="thermostats, water heaters, switches, chargers with a number or list of amperes, and sensors as meters",
        transport=("homeassistant",),
        source="developers.home-assistant.io: WebSocket API and entities",
        controls=("thermostat", "switch", "current", "pause"),
        notes="behind a server of Home Assistant: see docs/homeassistant.md",
        unit=0,
        port=8123,
        simulated=False,
    ),
    "edgex": About(
        kind="inverter",
        maker="any in EdgeX Foundry",
        model="inverters, batteries, chargers, meters, thermostats and switches, by their resources",
        transport=("edgex",),
        source="edgexfoundry: openapi core-command.yaml 4.0, go-mod-messaging MessageEnvelope, core command's external MQTT",
        controls=("produce_max", "consume_max", "target", "current", "pause", "thermostat", "switch"),
        notes="behind an EdgeX: see docs/edgex.md",
        unit=0,
        port=59882,
        simulated=False,
    ),
}
"""What connects to us, or is behind somebody else."""

FAMILIES: Final = catalogued(
    (
        Entry("sunspec", SunSpecOptions, SunSpec, lambda: _SUNSPEC),
        *(_profiled(name, package) for name, package in shipped()),
    )
)

HEATERS: Final = distinct(
    {name: Heaters(name, partial(heaters.heater, name)) for name, _ in shipped((heaters.PACKAGE,))},
    FAMILIES.keys() | CALLING.keys(),
)
"""By name; on Modbus as families are."""


def paced(family: str, options: Mapping[str, Any]) -> Pace:
    """How gently devices of a family that speaks Modbus want to be asked."""
    heater = HEATERS.get(family)
    return FAMILIES[family].family(**options).pace if heater is None else pace_of(heater.profile())
