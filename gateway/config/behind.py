"""What must be true between servers that devices are behind (Home Assistant, EdgeX) and those devices; and their secrets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway.config.ocpp import Named, Place
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault, OperatorFault

_EVERY_S = 10.0


class Behind(Named, Protocol):
    """Of a device's settings what matters here."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Its family's own."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def maker(self) -> str | None:
        """Pinned."""

    @property
    def serial(self) -> str | None:
        """Pinned."""


class Addressed(Protocol):
    """An address that names a server."""

    @property
    def server(self) -> str:
        """By the name that the configuration gives it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``address``: how one is written; ``late_s``: how much older than ``every_s`` a value may be; ``what``: for people."""

    family: str
    scheme: str
    address: str
    what: str
    parse: Callable[[str], Addressed]
    roles: frozenset[Role]
    late_s: float


def secret_in(path: Path, what: str, *, private: bool = False) -> str:
    """A token or password, alone on a line. Raises CredentialFault; what is in the file is never told.

    ``private``: nobody but its owner may read the file.
    """
    try:
        open_to_others = private and path.stat().st_mode & 0o077
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise CredentialFault(f"{path} cannot be read", f"put {what} into it") from fault
    if open_to_others:
        raise CredentialFault(f"{path} can be read by others", f"chmod 600 {path}")
    if not found or len(found) > 4096 or any(not ("!" <= one <= "~") for one in found):
        raise CredentialFault(f"{path} holds no {what.partition(' ')[2]}", f"put {what} into it, alone on a line")
    return found


def mistakes(
    kind: Kind, servers: Iterable[str], devices: Iterable[tuple[Place, Behind]], stale_s: Mapping[str, float]
) -> Iterator[tuple[Place, str]]:
    """All mistakes of the devices, and of servers' names, with their places. ``stale_s``: of each device that is its site's meter, when
    that is too old.
    """
    names: set[str] = set()
    for number, name in enumerate(servers):
        if name in names:
            yield ("gateway", kind.family, number, "name"), f"the name {name!r} is taken"
        names.add(name)
    found: set[str] = set()
    for here, device in devices:
        behind = device.address.startswith(kind.scheme)
        if behind != (device.family == kind.family):
            yield (*here, "address"), f"an address {kind.address} and the family {kind.family} belong together"
        if not behind or device.family != kind.family:
            continue
        try:
            address = kind.parse(device.address)
        except OperatorFault as fault:
            yield (*here, "address"), str(fault)
            continue
        if address.server not in names:
            known = ", ".join(sorted(names)) or "none"
            yield (*here, "address"), f"no server of gateway.{kind.family} is named {address.server!r} ({known})"
        if device.address in found:
            yield (*here, "address"), f"another device is {device.address}"
        found.add(device.address)
        if device.role not in kind.roles:
            roles = ", ".join(sorted(kind.roles))
            yield (*here, "role"), f"behind {kind.what} are {roles}; a {device.role.value} is not steered over it"
        every_s = device.options.get("every_s", _EVERY_S)
        limit_s = stale_s.get("/".join(map(str, here)))
        if limit_s is not None and isinstance(every_s, int | float) and every_s + kind.late_s > limit_s:
            least = every_s + kind.late_s
            yield (
                (*here, "options"),
                f"as the site's meter it needs meter_stale_s of at least {least:g} (every_s + {kind.late_s:g})",
            )


def mistakes_of_ca(ca: Path | None, url: str, folder: Path) -> Iterator[tuple[Place, str]]:
    """``ca``: whose certificate is trusted at ``url``."""
    if ca is not None and not (folder / ca).is_file():
        yield ("ca",), f"no such file {folder / ca}"
    if ca is not None and not url.startswith("https:"):
        yield ("ca",), "ca and https belong together"
