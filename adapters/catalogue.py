"""Family name -> family: the one list of what can be named in the configuration. A new family is one line here, or a profile."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.family import Family
from adapters.registers.family import Mapped
from adapters.registers.library import profile, shipped
from adapters.registers.options import RegisterOptions
from grid_functions.model.errors import OurFault

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Options]):
    """``options``: a frozen dataclass, every field with a default, which raises ValueError for what is out of range."""

    name: str
    options: type[Options]
    make: Callable[[Options], Family[Any, Any]]

    def family(self, **options: Any) -> Family[Any, Any]:
        """The family with these options. Raises TypeError or ValueError for options it does not take."""
        return self.make(self.options(**options))


def catalogued(entries: Iterable[Entry[Any]]) -> Mapping[str, Entry[Any]]:
    """Entries by name; a name given twice stops the program, since either could be meant."""
    found: dict[str, Entry[Any]] = {}
    for entry in entries:
        if entry.name in found:
            raise OurFault(f"two device families are called {entry.name}", "give each its own name")
        found[entry.name] = entry
    return MappingProxyType(found)


def _profiled(name: str, package: str) -> Entry[RegisterOptions]:
    """A family that is a profile: read when it is first made, since most of them never are."""
    return Entry(name, RegisterOptions, lambda options: Mapped(name, profile(name, package), options))


FAMILIES: Final = catalogued(
    (Entry("sunspec", SunSpecOptions, SunSpec), *(_profiled(name, package) for name, package in shipped()))
)
