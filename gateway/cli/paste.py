"""What a scan of somebody else's server prints to paste: the server, and its devices."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from grid_functions.model.device import Role


def pasted(
    family: str,
    server: str,
    settings: Mapping[str, str | Path | None],
    devices: Iterable[tuple[str, str, Role, Mapping[str, Any]]],
) -> str:
    """``devices``: a name, what is named in its address, its role and options. Of two names the second gets a number."""
    found = []
    taken: set[str] = set()
    for named, at, role, options in devices:
        name = named[:50].strip("_")
        name = name if name not in taken else f"{name}-{role.value}-{len(taken)}"
        taken.add(name)
        device: dict[str, Any] = {
            "name": name,
            "family": family,
            "address": f"{family}://{server}/{at}",
            "role": role.value,
        }
        found.append(device | ({"options": dict(options)} if options else {}))
    told = {key: str(value) for key, value in settings.items() if value is not None}
    plain = {"gateway": {family: [{"name": server, **told}]}, "devices": found}
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=200)
