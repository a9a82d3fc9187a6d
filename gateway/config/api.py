"""The HTTP listener for programs of others: off unless configured, and who may do what."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.ocpp.access import fault_of_hash
from gateway.config.parts import Name, Strict

Place = tuple[str | int, ...]

Listen = Annotated[str, StringConstraints(pattern=r"^(\[[0-9A-Fa-f:]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}$")]


class ApiToken(Strict):
    """One program. ``hash``: argon2id of its token, which 'osed api token' makes; ``area``: whose members it speaks to, and no other's."""

    name: Name
    hash: str
    area: Name


class ApiSettings(Strict):
    """``exposed``: an address that is not of this machine alone is meant; nothing here is encrypted."""

    listen: Listen = "127.0.0.1:8001"
    exposed: bool = False
    tokens: Annotated[tuple[ApiToken, ...], Field(min_length=1)]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def mistakes(api: ApiSettings | None) -> Iterator[tuple[Place, str]]:
    """What cannot be: a port that is none, an address for all without saying so, a token twice, no hash.

    Areas made at run time are not known here, so a token may name one that is not there yet.
    """
    if api is None:
        return
    at: Place = ("gateway", "api")
    host, port = api.address
    if not port <= 65_535:
        yield (*at, "listen"), f"there is no port {port}: give 0 to 65535"
    if not api.exposed and not _is_loopback(host):
        text = f"{host} can be reached from elsewhere, and nothing is encrypted: put a proxy with TLS before it, or say exposed: true"
        yield (*at, "listen"), text
    seen: set[str] = set()
    for number, token in enumerate(api.tokens):
        if token.name in seen:
            yield (*at, "tokens", number, "name"), f"the name {token.name!r} is taken"
        seen.add(token.name)
        if fault_of_hash(token.hash):
            yield (*at, "tokens", number, "hash"), f"no argon2id hash ('osed api token {token.name}' makes one)"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
