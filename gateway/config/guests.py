"""Plug-ins that a configuration names: whether they are there. What their options are worth only their own process can tell."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.schema import Configuration
from grid_functions.catalogue import plug_ins

Path_ = tuple[str | int, ...]


def mistakes(configuration: Configuration) -> Iterator[tuple[Path_, str]]:
    """Names that no installed package offers. Raises ConfigurationFault when two functions share a name."""
    there = plug_ins()
    for number, site in enumerate(configuration.sites):
        yield from _strange(("sites", number, "functions"), site.functions.guests(), there)
    for number, area in enumerate(configuration.areas):
        yield from _strange(("areas", number, "functions"), area.functions.guests(), there)


def _strange(at: Path_, named: Mapping[str, str], there: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    installed = ", ".join(sorted(there)) or "none"
    for name, settings in named.items():
        if name not in there:
            yield (*at, name), f"no such function, and no package that offers it (plug-ins installed: {installed})"
        elif not isinstance(json.loads(settings), dict):
            yield (*at, name), "options are a section of their own: {} for the defaults"
