"""Servers of Home Assistant, and what must be true between them and the devices at ``homeassistant://``."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field, StringConstraints

from adapters.homeassistant.address import SCHEME, parse_home_address
from adapters.homeassistant.session import PING_S
from gateway.config.ocpp import Named, Place
from gateway.config.parts import Strict
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault, OperatorFault

FAMILY = "homeassistant"
_EVERY_S = 10.0
_ROLES = frozenset({Role.LOAD, Role.EVSE, Role.METER, Role.PV})


class HomeAssistantSettings(Strict):
    """One server. ``token_file``: a long-lived access token, alone on a line; ``ca``: whose certificate is trusted, None = the system's."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s?#@]+$")]
    token_file: Path
    ca: Path | None = None


Servers = Annotated[tuple[HomeAssistantSettings, ...], Field(max_length=64)]


class Behind(Named, Protocol):
    """Of a device's settings what matters here."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Its family's own."""

    @property
    def name(self) -> str:
        """What it is called."""


def is_behind_home(device: Named) -> bool:
    """Whether a device is reached over Home Assistant."""
    return device.address.startswith(SCHEME)


def token_of(path: Path) -> str:
    """Raises CredentialFault; what is in the file is never told."""
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise CredentialFault(f"{path} cannot be read", "put a long-lived access token into it") from fault
    if not found or len(found) > 4096 or any(not ("!" <= one <= "~") for one in found):
        raise CredentialFault(f"{path} holds no token", "put a long-lived access token into it, alone on a line")
    return found


def mistakes(
    servers: Iterable[HomeAssistantSettings],
    devices: Iterable[tuple[Place, Behind]],
    stale_s: Mapping[str, float],
    folder: Path,
) -> Iterator[tuple[Place, str]]:
    """All mistakes, with their places. ``stale_s``: of each device that is its site's meter, when that is too old."""
    names: set[str] = set()
    for number, server in enumerate(servers):
        at: Place = ("gateway", "homeassistant", number)
        if server.name in names:
            yield (*at, "name"), f"the name {server.name!r} is taken"
        names.add(server.name)
        if server.ca is not None and not (folder / server.ca).is_file():
            yield (*at, "ca"), f"no such file {folder / server.ca}"
        if server.ca is not None and not server.url.startswith("https:"):
            yield (*at, "ca"), "ca and https belong together"
        try:
            token_of(folder / server.token_file)
        except CredentialFault as fault:
            yield (*at, "token_file"), str(fault)
    found: set[str] = set()
    for here, device in devices:
        if is_behind_home(device) != (device.family == FAMILY):
            yield (
                (*here, "address"),
                f"an address homeassistant://SERVER/ENTITY and the family {FAMILY} belong together",
            )
            continue
        if not is_behind_home(device):
            continue
        try:
            address = parse_home_address(device.address)
        except OperatorFault as fault:
            yield (*here, "address"), str(fault)
            continue
        if address.server not in names:
            known = ", ".join(sorted(names)) or "none"
            yield (*here, "address"), f"no server of gateway.homeassistant is named {address.server!r} ({known})"
        if device.address in found:
            yield (*here, "address"), f"another device is {device.address}"
        found.add(device.address)
        if device.role not in _ROLES:
            roles = ", ".join(sorted(_ROLES))
            yield (*here, "role"), f"behind Home Assistant are {roles}; a {device.role.value} is not steered over it"
        every_s = device.options.get("every_s", _EVERY_S)
        limit_s = stale_s.get("/".join(map(str, here)))
        if limit_s is not None and isinstance(every_s, int | float) and every_s + PING_S > limit_s:
            least = every_s + PING_S
            yield (
                (*here, "options"),
                f"as the site's meter it needs meter_stale_s of at least {least:g} (every_s + {PING_S:g})",
            )
