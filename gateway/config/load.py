"""Reads osed.yaml and reports every mistake at once, each with file and line."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from adapters.modbus.address import parse_address
from gateway.config import api, areas, edgex, heaters, homeassistant, ocpp, plug_ins
from gateway.config.data import text_of
from gateway.config.schema import Configuration, DeviceSettings, SiteSettings
from gateway.config.upstreams import (
    Ieee2030_5Upstream,
    OpenAdr2bUpstream,
    OpenAdr3Upstream,
    Resource,
    Service,
    Upstream,
)
from grid_functions.conductors import conductors
from grid_functions.model.device import Role
from grid_functions.model.errors import ConfigurationFault, OperatorFault
from grid_functions.rating import LOADS, SWITCHED

Path_ = tuple[str | int, ...]

_MOST_NODES = 1_000_000
"""Of a file, with every alias written out: ten lines of aliases of aliases are more than any memory holds."""

_TAGS = frozenset({"ieee2030_5", "openadr2b", "openadr3"})

Families = Mapping[str, Callable[..., object]]
"""Device families that exist, by name: each makes itself from its options, or raises TypeError or ValueError."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration; relative paths in it are below ``folder``."""

    configuration: Configuration
    folder: Path


def load(path: Path, families: Families) -> Loaded:
    """The configuration at ``path``. Raises ConfigurationFault with all mistakes."""
    try:
        text = text_of(path)
    except (OSError, ValueError) as fault:
        raise ConfigurationFault((f"{path}: cannot be read ({fault}); name the file with --config",)) from fault
    lines: dict[Path_, int] = {}
    doubled: list[str] = []
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            if _written_out(root, {}) > _MOST_NODES:
                many = f"written out, its aliases are more than {_MOST_NODES} values"
                raise yaml.MarkedYAMLError(problem=many, problem_mark=root.start_mark)
            _note(root, (), lines, doubled, path)
        plain = yaml.safe_load(text)
    except RecursionError as fault:
        raise ConfigurationFault(
            (f"{path}:1: it is nested too deep, or an alias stands inside its own anchor",)
        ) from fault
    except ValueError as fault:  # a date that is none
        raise ConfigurationFault((f"{path}:1: no YAML ({fault}); quote what is no date",)) from fault
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise ConfigurationFault((f"{path}:{line}: no YAML ({getattr(fault, 'problem', fault)})",)) from fault
    mistakes = list(doubled)
    configuration: Configuration | None = None
    try:
        configuration = Configuration.model_validate(plain if plain is not None else {})
    except ValidationError as fault:
        found = [(_in_file(where, lines), text) for where, text in _plain(fault)]
        mistakes += [f"{path}:{_line(lines, where)}: {_where(where)}: {text}" for where, text in found]
    if configuration is not None:
        found = list(_inconsistencies(configuration, path.parent, families))
        mistakes += [f"{path}:{_line(lines, where)}: {_where(where)}: {text}" for where, text in found]
    if mistakes or configuration is None:
        raise ConfigurationFault(tuple(mistakes))
    return Loaded(configuration, path.parent)


def _plain(fault: ValidationError) -> Iterator[tuple[Path_, str]]:
    found = [(error["loc"], error["type"], error["msg"]) for error in fault.errors()]
    around = {other[:depth] for other, _, _ in found for depth in range(len(other))}
    for where, kind, text in found:
        # pydantic counts a broken item as absent and then calls the list too short.
        if not (kind == "too_short" and where in around):
            yield where, text.removeprefix("Value error, ")


def _inconsistencies(configuration: Configuration, folder: Path, families: Families) -> Iterator[tuple[Path_, str]]:
    if "\0" in str(configuration.gateway.data):
        yield ("gateway", "data"), "no folder has such a name"
    yield from _doubled(("upstreams",), [u.name for u in configuration.upstreams])
    yield from _doubled(("sites",), [s.name for s in configuration.sites])
    sites = {site.name: site for site in configuration.sites}
    for number, upstream in enumerate(configuration.upstreams):
        yield from _of_upstream(("upstreams", number), upstream, folder, sites)
    for number, site in enumerate(configuration.sites):
        yield from _of_site(("sites", number), site, folder, families)
    devices = [
        (("sites", number, "devices", place), device)
        for number, site in enumerate(configuration.sites)
        for place, device in enumerate(site.devices)
    ]
    yield from ocpp.mistakes(configuration.gateway.ocpp, devices, folder)
    stale_s = {
        "/".join(map(str, ("sites", number, "devices", place))): site.meter_stale_s
        for number, site in enumerate(configuration.sites)
        for place, device in enumerate(site.devices)
        if device.name == site.meter
    }
    yield from homeassistant.mistakes(configuration.gateway.homeassistant, devices, stale_s, folder)
    yield from edgex.mistakes(configuration.gateway.edgex, devices, stale_s, folder)
    yield from _doubled(("areas",), [area.name for area in configuration.areas])
    yield from plug_ins.mistakes(configuration)
    yield from api.mistakes(configuration.gateway.api)
    for number, area in enumerate(configuration.areas):
        for place, text in areas.mistakes(area, sites):
            yield ("areas", number, *place), text


def _of_upstream(
    at: Path_, upstream: Upstream, folder: Path, sites: Mapping[str, SiteSettings]
) -> Iterator[tuple[Path_, str]]:
    for where, named in files_of(upstream):
        if not (folder / named).is_file():
            yield (*at, *where), f"no such file {folder / named}; 'osed certs device' makes one for a lab"
    services: tuple[Service | Resource, ...] = upstream.serves
    for number, service in enumerate(services):
        if service.site not in sites:
            yield (*at, "serves", number, "site"), f"no site is named {service.site!r} ({', '.join(sorted(sites))})"
        elif isinstance(service, Resource):
            roles = {device.name: device.role for device in sites[service.site].devices}
            for name in service.devices:
                if name not in roles:
                    yield (*at, "serves", number, "devices"), f"site {service.site} has no device named {name!r}"
                elif roles[name] not in SWITCHED | LOADS:
                    text = f"{name} is a {roles[name].value}: a resource stands for DERs, chargers and loads"
                    yield (*at, "serves", number, "devices"), text
    if upstream.poll.floor_s > upstream.poll.ceiling_s:
        yield (*at, "poll", "floor_s"), "the floor lies above the ceiling"
    if not isinstance(upstream, Ieee2030_5Upstream):
        yield from _of_ven(at, upstream)


def files_of(upstream: Upstream) -> Iterator[tuple[Path_, Path]]:
    """Every file that an upstream names, and the key that names it; relative as they stand there."""
    for key in type(upstream).model_fields:
        part = getattr(upstream, key)
        if isinstance(part, Path):
            yield (key,), part
        for inner in type(part).model_fields if isinstance(part, BaseModel) else ():
            named = getattr(part, inner)
            if isinstance(named, Path):
                yield (key, inner), named


def _of_ven(at: Path_, upstream: OpenAdr2bUpstream | OpenAdr3Upstream) -> Iterator[tuple[Path_, str]]:
    resources = Counter(service.resource for service in upstream.serves)
    for number, service in enumerate(upstream.serves):
        if resources[service.resource] > 1:
            which = "the whole VEN" if service.resource is None else f"resource {service.resource!r}"
            yield (*at, "serves", number, "resource"), f"{which} is served twice: name each one's own resource"
        elif service.resource == upstream.ven_name:
            yield (
                (*at, "serves", number, "resource"),
                "a resource may not have the VEN's own name: leave it out for all",
            )
    if isinstance(upstream, OpenAdr2bUpstream):
        if upstream.url.startswith("https:") == (upstream.tls is None):
            yield (*at, "url"), "https and tls belong together: a VTN of 2.0b asks for our certificate"
        signature = upstream.signature
        if signature is not None and signature.ca is None and not signature.fingerprints:
            yield (*at, "signature"), "give ca or fingerprints: nobody's signature would be believed"
    elif upstream.mqtt and upstream.edition != "3.1":
        yield (*at, "mqtt"), "MQTT came with 3.1"


def _of_site(at: Path_, site: SiteSettings, folder: Path, families: Families) -> Iterator[tuple[Path_, str]]:
    yield from _doubled((*at, "devices"), [d.name for d in site.devices])
    for number, device in enumerate(site.devices):
        here = (*at, "devices", number)
        if device.family not in families:
            yield (*here, "family"), f"no device family {device.family!r} ({', '.join(sorted(families))})"
        else:
            try:
                families[device.family](**device.options)
            except (TypeError, ValueError) as fault:
                yield (*here, "options"), str(fault)
        if not (ocpp.is_ocpp(device) or homeassistant.is_behind_home(device) or edgex.is_behind_edgex(device)):
            yield from _of_address(here, device, folder)
        yield from heaters.mistakes(here, device)
    for number, device in enumerate(site.devices):
        if any(_same(device, other, families) for other in site.devices if other is not device):
            yield (*at, "devices", number, "unit"), f"another device has unit {device.unit} at {device.address}"
    meters = {device.name for device in site.devices if device.role is Role.METER}
    if site.meter is not None and site.meter not in meters:
        known = ", ".join(sorted(meters)) or "none"
        yield (*at, "meter"), f"no device with role meter is named {site.meter!r} ({known})"
    names = {device.name for device in site.devices}
    for function, options in site.functions.chosen().items():
        for name in sorted(getattr(options, "devices", frozenset()) - names):
            yield (*at, "functions", function), f"no device of this site is named {name!r} ({', '.join(sorted(names))})"
    if len(set(site.precedence)) != len(site.precedence):
        yield (*at, "precedence"), "a source is named twice"
    yield from _of_conductors(at, site)


def _of_conductors(at: Path_, site: SiteSettings) -> Iterator[tuple[Path_, str]]:
    there = conductors(site.connection.phases)
    for number, device in enumerate(site.devices):
        here = (*at, "devices", number, "phases")
        if len(set(device.phases)) != len(device.phases):
            yield here, "a conductor is named twice"
        for phase in device.phases:
            if phase not in there:
                yield here, f"the connection has no conductor {phase.value} (phases: {site.connection.phases})"
    yield from _doubled((*at, "fuse_groups"), [group.name for group in site.fuse_groups])
    names = {device.name for device in site.devices}
    for number, group in enumerate(site.fuse_groups):
        for name in group.devices:
            if name not in names:
                yield (
                    (*at, "fuse_groups", number, "devices"),
                    f"no device is named {name!r} ({', '.join(sorted(names))})",
                )
    evse = {device.name for device in site.devices if device.role is Role.EVSE}
    for plan in site.functions.charging.plans:
        if plan.charger not in evse:
            known = ", ".join(sorted(evse)) or "none"
            yield (*at, "functions", "charging"), f"no device with role evse is named {plan.charger!r} ({known})"
    for name in site.functions.power_limit.order:
        if name not in names:
            yield (*at, "functions", "power_limit"), f"no device is named {name!r} ({', '.join(sorted(names))})"


def _of_address(here: Path_, device: DeviceSettings, folder: Path) -> Iterator[tuple[Path_, str]]:
    try:
        address = parse_address(device.address)
    except OperatorFault as fault:
        yield (*here, "address"), str(fault)
        return
    if (address.way == "tls") != (device.tls is not None):
        yield (*here, "tls"), "a device at tls:// needs tls: {certificate, key, ca}, and no other does"
    for field in ("certificate", "key", "ca") if device.tls is not None else ():
        if not (folder / getattr(device.tls, field)).is_file():
            yield (*here, "tls", field), f"no such file {folder / getattr(device.tls, field)}"


def _same(one: DeviceSettings, other: DeviceSettings, families: Families) -> bool:
    """Whether two are one device. Behind one unit may be a hybrid and its meter, or the connectors of a charger."""
    if (one.address, one.unit) != (other.address, other.unit):
        return False
    if one.family != other.family and {one.family, other.family} <= families.keys():
        return False
    return all(one.options.get(what) == other.options.get(what) for what in ("connector", "kind"))


def _doubled(at: Path_, names: list[str]) -> Iterator[tuple[Path_, str]]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield (*at, number, "name"), f"the name {name!r} is taken"
        seen.add(name)


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes it is, looking at each once."""
    found = known.get(id(node))
    if found is None:
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        found = known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return found


def _note(node: yaml.Node, at: Path_, lines: dict[Path_, int], doubled: list[str], path: Path) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, str(key.value))
            if here in lines:
                doubled.append(
                    f"{path}:{key.start_mark.line + 1}: {_where(here)}: stands twice, first in line {lines[here]}"
                )
            lines.setdefault(here, key.start_mark.line + 1)
            _note(value, here, lines, doubled, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _note(value, (*at, number), lines, doubled, path)


def _in_file(where: Path_, lines: dict[Path_, int]) -> Path_:
    """The place as the file has it: without the tags of unions, and with keys as they are written."""
    found: Path_ = ()
    for number, part in enumerate(where):
        known = next((one for one in (part, str(part)) if (*found, one) in lines), None)
        if known is not None:
            found = (*found, known)
        elif number == len(where) - 1 and not (isinstance(part, str) and ("[" in part or part in _TAGS)):
            found = (*found, part)
    return found


def _line(lines: dict[Path_, int], where: Path_) -> int:
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _where(where: Path_) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.removeprefix(".") or "the file"
