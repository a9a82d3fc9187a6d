"""Plug-ins that a configuration names: whether they are there, and what stands for them among the functions."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from gateway.config.parts import PlugIns
from gateway.config.schema import Configuration
from grid_functions.catalogue import plug_ins
from grid_functions.guest import Guest, GuestOptions

Path_ = tuple[str | int, ...]


def mistakes(configuration: Configuration) -> Iterator[tuple[Path_, str]]:
    """Names that no installed package offers. What options are worth only a function's own process can tell.

    Raises ConfigurationFault when two functions share a name.
    """
    there = plug_ins()
    installed = ", ".join(sorted(there)) or "none"
    named = [(("sites", number, "plug_ins"), site.plug_ins) for number, site in enumerate(configuration.sites)]
    named += [(("areas", number, "plug_ins"), area.plug_ins) for number, area in enumerate(configuration.areas)]
    for at, wanted in named:
        for name in sorted(wanted.keys() - there.keys()):
            yield (*at, name), f"no installed package offers a function of that name (installed: {installed})"
    for number, site in enumerate(configuration.sites):
        for name in sorted(site.plug_ins_hear.keys() - site.plug_ins.keys()):
            yield (
                ("sites", number, "plug_ins_hear", name),
                "no plug-in of that name runs at the site: name it in plug_ins",
            )


def guests_of(
    wanted: PlugIns, place: str, hears: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> dict[str, Guest]:
    """What stands for them at a site or in an area. ``hears``: functions of areas, by plug-in."""
    return {
        name: Guest(
            name,
            GuestOptions(place, json.dumps(options, sort_keys=True, separators=(",", ":")), hears.get(name, ())),
        )
        for name, options in wanted.items()
    }
