"""osed scan homeassistant://HOST:PORT: what is behind a Home Assistant, what it could be, and the configuration to paste."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

from adapters.homeassistant.listing import Could, listed
from gateway.cli.output import document, people, progress, table
from gateway.cli.paste import pasted
from grid_functions.model.errors import OperatorFault, Unreachable

_ADDRESS: Final = re.compile(r"homeassistant(?P<secure>s?)://(?P<at>[^/\s?#@]+)/?")
_SERVER: Final = "home"
_COLUMNS: Final = ("area", "entity", "role", "why", "state", "maker", "model", "power")


def is_home(address: str) -> bool:
    """Whether it is the address of a Home Assistant."""
    return address.startswith(("homeassistant://", "homeassistants://"))


def scan_home(address: str, token_file: Path | None, ca: Path | None, *, json_: bool) -> None:
    """List and print. Raises OperatorFault, CredentialFault, Unreachable."""
    from adapters.homeassistant.client import look_once
    from gateway.clock import SystemClock
    from gateway.config.homeassistant import HomeAssistantSettings
    from gateway.places import home_at

    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise OperatorFault(
            f"{address!r} is no Home Assistant", "write homeassistant://HOST:8123, or homeassistants:// for TLS"
        )
    if token_file is None:
        raise OperatorFault(
            "Home Assistant wants a token", "make one in your profile there, and give --token-file FILE"
        )
    url = f"http{match['secure']}://{match['at']}"
    settings = HomeAssistantSettings(name=_SERVER, url=url, token_file=token_file, ca=ca)
    with progress(f"asking {url}"):
        found = listed(asyncio.run(look_once(home_at(settings, Path()), SystemClock())))
    if json_:
        document([_plain(one) for one in found])
        return
    if not found:
        raise Unreachable(
            f"{url} has nothing that can be set or measures power", "check that the token's user sees its devices"
        )
    table("", _COLUMNS, [[str(_plain(one)[column] or "") for column in _COLUMNS] for one in found])
    people.print("\nto paste, of the devices those that you want:\n")
    devices = [
        (one.entity.partition(".")[2], one.entity, one.role, {"power": one.power} if one.power else {}) for one in found
    ]
    print(pasted("homeassistant", _SERVER, {"url": url, "token_file": token_file, "ca": ca}, devices))


def _plain(one: Could) -> dict[str, Any]:
    plate = one.plate
    return {
        "entity": one.entity,
        "role": one.role.value,
        "why": one.why,
        "name": one.name or None,
        "area": one.area or None,
        "state": one.state,
        "maker": plate.maker or None,
        "model": plate.model or None,
        "serial": plate.serial or None,
        "power": one.power or None,
    }
