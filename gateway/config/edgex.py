"""Servers of EdgeX Foundry, and what must be true between them and the devices at ``edgex://``."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from adapters.edgex.address import SCHEME, parse_edgex_address
from gateway.config import behind
from gateway.config.ocpp import Named, Place
from gateway.config.parts import Strict
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault

FAMILY = "edgex"
_LATE_S = 2.0
"""A device is looked at each second, and asked then."""
KIND = behind.Kind(FAMILY, SCHEME, f"{SCHEME}SERVER/DEVICE", "EdgeX", parse_edgex_address, frozenset(Role), _LATE_S)
_PRODUCERS = frozenset({Role.PV, Role.BATTERY, Role.HYBRID})
_STORAGE = frozenset({Role.BATTERY, Role.HYBRID})
_SET_BY: Mapping[str, frozenset[Role]] = {
    "limit_production": _PRODUCERS,
    "limit_consumption": _STORAGE | {Role.EVSE},
    "limit_current": frozenset({Role.EVSE}),
    "target_power": _PRODUCERS,
    "set_temperature": frozenset({Role.LOAD}),
    "switch": frozenset(Role) - {Role.METER},
}
Topic = Annotated[str, StringConstraints(pattern=r"^[^\s#+]+(/[^\s/#+]+)*$", max_length=200)]
Filter = Annotated[str, StringConstraints(pattern=r"^(\+|[^\s#+/]+)(/(\+|[^\s#+/]+))*(/#)?$", max_length=200)]


class EdgexBroker(Strict):
    """A broker: where events are heard and, with ``commands``, core-command asked (its ExternalMQTT). Files in PEM, relative to this file.

    ``username``, ``password_file``: of MQTT; ``certificate``, ``key``: who we are, where the broker asks; ``ca``: whose broker is trusted,
    None = the system's.
    """

    url: Annotated[str, StringConstraints(pattern=r"^mqtts?://[^/\s?#@]+$")]
    events: Annotated[tuple[Filter, ...], Field(max_length=16)] = ("edgex/events/device/#",)
    commands: bool = False
    request_topic: Topic = "edgex/command/request"
    response_topic: Topic = "edgex/command/response"
    username: Annotated[str, Field(max_length=255)] | None = None
    password_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None


class EdgexSettings(Strict):
    """One EdgeX. ``url``: core-command, of an API gateway with its path; ``token_file``: a JWT for it, alone on a line, in a file that
    nobody else can read; ``ca``: whose certificate is trusted, None = the system's; ``api``: v3 for EdgeX 3 and 4, v2 for EdgeX 2.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*[^\s?#/])?$")] | None = None
    token_file: Path | None = None
    ca: Path | None = None
    api: Literal["v2", "v3"] = "v3"
    broker: EdgexBroker | None = None


Servers = Annotated[tuple[EdgexSettings, ...], Field(max_length=64)]


def is_behind_edgex(device: Named) -> bool:
    """Whether a device is reached over EdgeX."""
    return device.address.startswith(SCHEME)


def token_of(path: Path) -> str:
    """Raises CredentialFault; what is in the file is never told."""
    return behind.secret_in(path, "a JWT", private=True)


def password_of(path: Path) -> str:
    """Raises CredentialFault; what is in the file is never told."""
    return behind.secret_in(path, "a password", private=True)


def mistakes(
    servers: tuple[EdgexSettings, ...],
    devices: Iterable[tuple[Place, behind.Behind]],
    stale_s: Mapping[str, float],
    folder: Path,
) -> Iterator[tuple[Place, str]]:
    """All mistakes, with their places. ``stale_s``: of each device that is its site's meter, when that is too old."""
    for number, server in enumerate(servers):
        at: Place = ("gateway", FAMILY, number)
        yield from ((at + where, text) for where, text in _of_server(server, folder))
    listed = list(devices)
    for here, device in listed:
        yield from (((*here, *where), text) for where, text in _of_device(device))
    yield from behind.mistakes(KIND, (one.name for one in servers), listed, stale_s)


def _of_device(device: behind.Behind) -> Iterator[tuple[Place, str]]:
    if device.family != FAMILY:
        return
    for name, roles in _SET_BY.items():
        if device.options.get(name) and device.role not in roles:
            able = ", ".join(sorted(roles))
            yield ("options",), f"{name}: is of {able}; what is a {device.role.value} is not set by it"
    for name in ("maker", "serial"):
        if getattr(device, name):
            yield (name,), f"EdgeX tells no {name}: pin model, which is the name of the device's profile"


def _of_server(server: EdgexSettings, folder: Path) -> Iterator[tuple[Place, str]]:
    if server.url is None and (server.broker is None or not server.broker.commands):
        yield (), "commands go nowhere: give url, or broker: {commands: true}"
    if server.url is not None and server.broker is not None and server.broker.commands:
        yield ("broker", "commands"), "commands go to url already; leave out one of the two"
    secured = (server.url or "").startswith("https:")
    yield from behind.mistakes_of_ca(server.ca, server.url or "", folder)
    if server.token_file is not None and not secured and not _is_here(server.url or ""):
        yield ("token_file",), "a token goes over https only, or to this very machine"
    if server.token_file is not None:
        try:
            token_of(folder / server.token_file)
        except CredentialFault as fault:
            yield ("token_file",), str(fault)
    if server.broker is not None:
        yield from ((("broker", *where), text) for where, text in _of_broker(server.broker, folder))


def _of_broker(broker: EdgexBroker, folder: Path) -> Iterator[tuple[Place, str]]:
    secured = broker.url.startswith("mqtts:")
    if not broker.events and not broker.commands:
        yield ("events",), "nothing is heard and nothing sent there"
    files = {"certificate": broker.certificate, "key": broker.key, "ca": broker.ca}
    for name, path in files.items():
        if path is not None and not secured:
            yield (name,), f"{name} and mqtts belong together"
    if (broker.certificate is None) != (broker.key is None):
        yield ("certificate",), "certificate and key belong together"
    if (broker.username is None) != (broker.password_file is None):
        yield ("username",), "username and password_file belong together"
    if broker.password_file is not None and not secured and not _is_here(broker.url):
        yield ("password_file",), "a password goes over mqtts only, or to this very machine"
    yield from _files(files, folder)
    if broker.password_file is not None:
        try:
            password_of(folder / broker.password_file)
        except CredentialFault as fault:
            yield ("password_file",), str(fault)


def _files(files: Mapping[str, Path | None], folder: Path) -> Iterator[tuple[Place, str]]:
    for name, path in files.items():
        if path is not None and not (folder / path).is_file():
            yield (name,), f"no such file {folder / path}"


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
