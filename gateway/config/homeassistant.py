"""Servers of Home Assistant, and what must be true between them and the devices at ``homeassistant://``."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.homeassistant.address import SCHEME, parse_home_address
from adapters.homeassistant.session import PING_S
from gateway.config import behind
from gateway.config.ocpp import Named, Place
from gateway.config.parts import Strict
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault

FAMILY = "homeassistant"
KIND = behind.Kind(
    FAMILY,
    SCHEME,
    f"{SCHEME}SERVER/ENTITY",
    "Home Assistant",
    parse_home_address,
    frozenset({Role.LOAD, Role.EVSE, Role.METER, Role.PV}),
    PING_S,
)


class HomeAssistantSettings(Strict):
    """One server. ``token_file``: a long-lived access token, alone on a line; ``ca``: whose certificate is trusted, None = the system's."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s?#@]+$")]
    token_file: Path
    ca: Path | None = None


Servers = Annotated[tuple[HomeAssistantSettings, ...], Field(max_length=64)]


def is_behind_home(device: Named) -> bool:
    """Whether a device is reached over Home Assistant."""
    return device.address.startswith(SCHEME)


def token_of(path: Path) -> str:
    """Raises CredentialFault; what is in the file is never told."""
    return behind.secret_in(path, "a long-lived access token")


def mistakes(
    servers: tuple[HomeAssistantSettings, ...],
    devices: Iterable[tuple[Place, behind.Behind]],
    stale_s: Mapping[str, float],
    folder: Path,
) -> Iterator[tuple[Place, str]]:
    """All mistakes, with their places. ``stale_s``: of each device that is its site's meter, when that is too old."""
    for number, server in enumerate(servers):
        at: Place = ("gateway", FAMILY, number)
        yield from ((at + where, text) for where, text in behind.mistakes_of_ca(server.ca, server.url, folder))
        try:
            token_of(folder / server.token_file)
        except CredentialFault as fault:
            yield (*at, "token_file"), str(fault)
    yield from behind.mistakes(KIND, (one.name for one in servers), devices, stale_s)
