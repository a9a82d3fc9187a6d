"""The profiles that are shipped, and reading one: every mistake named with file, key and rule; pure but for the package's own files."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from adapters.registers.map import RegisterMap
from adapters.registers.profile import Profile, inconsistencies
from grid_functions.model.errors import ConfigurationFault

FOLDERS: Final = ("adapters.devices.chargers", "adapters.devices.meters", "adapters.devices.batteries")
BLUEPRINT: Final = "_blueprint"
_SUFFIX: Final = ".yaml"
MapT = TypeVar("MapT", bound=RegisterMap)


def read_profile(text: str, name: str) -> Profile:
    """The profile in a file of this name. Raises ConfigurationFault with all its mistakes: file, key, rule broken."""
    return read_map(text, name, Profile, inconsistencies)


def read_map(
    text: str, name: str, kind: type[MapT], inconsistencies: Callable[[MapT], Iterable[tuple[str, str]]]
) -> MapT:
    """As :func:`read_profile`, of any kind of map and by its own rules."""
    try:
        plain: Any = yaml.load(text, Loader=_Strict)  # noqa: S506 a SafeLoader
    except (ValueError, RecursionError, yaml.YAMLError) as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else "the file"
        raise ConfigurationFault((f"{name}: {where}: no YAML ({getattr(fault, 'problem', None) or fault})",)) from fault
    try:
        found = kind.model_validate(plain if plain is not None else {})
    except ValidationError as fault:
        raise ConfigurationFault(tuple(f"{name}: {key}: {rule}" for key, rule in _plain(fault))) from fault
    if mistakes := tuple(f"{name}: {key}: {rule}" for key, rule in inconsistencies(found)):
        raise ConfigurationFault(mistakes)
    return found


def shipped(folders: Iterable[str] = FOLDERS) -> Iterator[tuple[str, str]]:
    """(family, package) of every profile in the packages, sorted; the blueprint is to be copied, not used."""
    for package in folders:
        names = sorted(entry.name for entry in files(package).iterdir() if entry.name.endswith(_SUFFIX))
        yield from ((name.removesuffix(_SUFFIX), package) for name in names if not name.startswith("_"))


@cache
def profile(name: str, package: str) -> Profile:
    """A shipped profile, read once. Raises ConfigurationFault."""
    return read_profile(*shipped_file(name, package))


def shipped_file(name: str, package: str) -> tuple[str, str]:
    """Its text, and what it is called."""
    file = f"{name}{_SUFFIX}"
    return (files(package) / file).read_text(encoding="utf-8"), f"{package.replace('.', '/')}/{file}"


def _plain(fault: ValidationError) -> Iterator[tuple[str, str]]:
    for error in fault.errors():
        key = ""
        for part in error["loc"]:
            key += f"[{part}]" if isinstance(part, int) else f".{part}"
        yield key.removeprefix(".") or "the file", error["msg"]


class _Strict(yaml.SafeLoader):
    """A safe loader that refuses a key given twice: either could be meant."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As a SafeLoader does."""
        seen: set[object] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.YAMLError(f"{name} stands twice, the second time in line {key.start_mark.line + 1}")
            seen.add(name)
        return super().construct_mapping(node, deep)
