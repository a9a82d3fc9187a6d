"""osed scan edgex://HOST:PORT: the devices of an EdgeX by its core-metadata, what they could be, and the configuration to paste."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

from adapters.edgex.profile import Could
from gateway.cli.output import document, people, progress, table
from gateway.cli.paste import pasted
from grid_functions.model.errors import OperatorFault, Unreachable

_ADDRESS: Final = re.compile(
    r"edgex(?P<secure>s?)://(?P<host>[^/\s?#@:]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_SERVER: Final = "edgex"
_METADATA, _COMMAND, _GATEWAY = 59881, 59882, 8443
_COLUMNS: Final = ("device", "role", "profile", "state", "maker", "model", "options")


def is_edgex(address: str) -> bool:
    """Whether it is the address of an EdgeX."""
    return address.startswith(("edgex://", "edgexs://"))


def scan_edgex(address: str, token_file: Path | None, ca: Path | None, *, json_: bool) -> None:
    """List and print. Raises OperatorFault, CredentialFault, Unreachable."""
    from adapters.edgex.client import imported
    from gateway.config.edgex import EdgexSettings
    from gateway.places import edgex_at

    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise OperatorFault(
            f"{address!r} is no EdgeX",
            f"write edgex://HOST:{_METADATA} for core-metadata, or edgexs://HOST:{_GATEWAY} for the API gateway",
        )
    if match["secure"]:
        base = f"https://{match['host']}:{match['port'] or _GATEWAY}"
        metadata, command = f"{base}/core-metadata", f"{base}/core-command"
    else:
        metadata = f"http://{match['host']}:{match['port'] or _METADATA}"
        command = f"http://{match['host']}:{_COMMAND}"
    settings = EdgexSettings(name=_SERVER, url=metadata, token_file=token_file, ca=ca)
    with progress(f"asking {metadata}"):
        found = asyncio.run(imported(edgex_at(settings, Path())))
    if json_:
        document([_plain(one) for one in found])
        return
    if not found:
        raise Unreachable(
            f"{metadata} has nothing that can be set or measures power", "add devices with units to EdgeX"
        )
    table("", _COLUMNS, [[_cell(_plain(one)[column]) for column in _COLUMNS] for one in found])
    for one in found:
        for question in one.open:
            people.print(f"{one.device}: {question}")
    people.print("\nto paste, of the devices those that you want:\n")
    server = {"url": command, "token_file": token_file, "ca": ca}
    print(pasted("edgex", _SERVER, server, [(one.device, one.device, one.role, one.options) for one in found]))


def _plain(one: Could) -> dict[str, Any]:
    return {
        "device": one.device,
        "role": one.role.value,
        "profile": one.profile.name,
        "state": one.state or None,
        "maker": one.profile.maker or None,
        "model": one.profile.model or None,
        "options": dict(one.options),
        "open": list(one.open),
    }


def _cell(said: Any) -> str:
    return ", ".join(f"{key}: {value}" for key, value in said.items()) if isinstance(said, dict) else str(said or "")
