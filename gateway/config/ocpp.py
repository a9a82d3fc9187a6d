"""The central system that chargers connect to, and what must be true between it and the devices at ``ocpp://``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import Field

from adapters.ocpp.access import SecurityProfile, fault_of_hash
from adapters.ocpp.address import SCHEME, OcppAddress, parse_ocpp_address
from gateway.config.parts import Strict, Text
from grid_functions.model.device import Role
from grid_functions.model.errors import OperatorFault

FAMILY = "ocpp"

Place = tuple[str | int, ...]


class OcppTls(Strict):
    """Files in PEM, relative to this file. ``ca``: whose stations are trusted, where they show certificates (profile 3)."""

    certificate: Path
    key: Path
    ca: Path | None = None


class OcppSettings(Strict):
    """``profile``: of security, 1 to 3 of the standard, 0 = none. ``users``: argon2id hashes of passwords, by station. ``tags``: who may
    charge, None = everybody."""

    host: Text = "0.0.0.0"  # noqa: S104 - stations come from outside
    port: Annotated[int, Field(ge=1, le=65535)] = 8887
    profile: Literal[0, 1, 2, 3]
    users: dict[str, str] = Field(default_factory=dict)
    tls: OcppTls | None = None
    tags: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] | None = None
    heartbeat_s: Annotated[int, Field(ge=5, le=86400)] = 60

    @property
    def security(self) -> SecurityProfile:
        """The profile by its name."""
        return SecurityProfile(self.profile)


class Named(Protocol):
    """Of a device's settings what matters here."""

    @property
    def address(self) -> str:
        """Where it is."""

    @property
    def family(self) -> str:
        """What it is."""

    @property
    def role(self) -> Role:
        """What it does."""


def is_ocpp(device: Named) -> bool:
    """Whether a device comes to us, rather than we to it."""
    return device.address.startswith(SCHEME)


def mistakes(
    settings: OcppSettings | None, devices: Iterable[tuple[Place, Named]], folder: Path
) -> Iterator[tuple[Place, str]]:
    """All mistakes, with their places."""
    at: Place = ("gateway", "ocpp")
    found: set[OcppAddress] = set()
    for here, device in devices:
        if is_ocpp(device) != (device.family == FAMILY):
            yield (*here, "address"), f"an address ocpp://STATION and the family {FAMILY} belong together"
            continue
        if not is_ocpp(device):
            continue
        try:
            address = parse_ocpp_address(device.address)
        except OperatorFault as fault:
            yield (*here, "address"), str(fault)
            continue
        if device.role is not Role.EVSE:
            yield (*here, "role"), "what speaks OCPP is an evse"
        if settings is None:
            yield (*here, "address"), "chargers need a section gateway: {ocpp: ...} to connect to"
        elif settings.security.by_password and address.station not in settings.users:
            yield (*here, "address"), f"{address.station} has no password in gateway.ocpp.users"
        if address in found:
            yield (*here, "address"), f"another device is {address}"
        found.add(address)
    if settings is not None:
        yield from _of_central(at, settings, folder)


def _of_central(at: Place, settings: OcppSettings, folder: Path) -> Iterator[tuple[Place, str]]:
    if settings.security.by_tls != (settings.tls is not None):
        yield (*at, "tls"), "profiles 2 and 3 need tls: {certificate, key}, and no other has it"
    if settings.tls is not None:
        if (settings.security is SecurityProfile.TLS_CERTIFICATE) != (settings.tls.ca is not None):
            yield (
                (*at, "tls", "ca"),
                "profile 3 needs the authority of the stations' certificates, and no other has one",
            )
        for key in type(settings.tls).model_fields:
            named = getattr(settings.tls, key)
            if named is not None and not (folder / named).is_file():
                yield (*at, "tls", key), f"no such file {folder / named}; 'osed certs device' makes one for a lab"
    for station, hashed in settings.users.items():
        if (fault := fault_of_hash(hashed)) != "":
            yield (*at, "users", station), fault
