"""Ours as a process, `python -m benchmarks.cycles.product WHAT FOLDER PORT NAME...`.

WHAT is `session`, one session by itself, or `appliance` as `osed run` runs it, an upstream and a site for each EndDevice; the device of
a site, which must have one, never answers, as the peer has none.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.cycles.told import until_closed
from benchmarks.sessions.product import live
from certs.identity import identify
from certs.tls import TlsFiles
from gateway.appliance import Appliance
from gateway.config.load import load
from gateway.lines import speak
from gateway.wiring import FAMILIES
from protocols.ieee2030_5.client import Client2030_5

_NOWHERE = "tcp://127.0.0.1:9"
"""A port of the privileged ones, at which nobody listens."""


async def _session(folder: Path, port: int, names: list[str]) -> None:
    files = TlsFiles(*(folder / f"{names[0]}.{end}" for end in ("chain.pem", "key", "root.pem")))
    async with live(1, port, files, identify(files.certificate.read_bytes())) as made:
        await until_closed(lambda: made[0].mrids)


async def _appliance(folder: Path, port: int, names: list[str]) -> None:
    data = folder / f"data-{len(names)}"
    data.mkdir()
    file = data / "osed.yaml"
    upstreams = [
        {
            "name": f"utility-{name}",
            "protocol": "ieee2030_5",
            "url": f"https://127.0.0.1:{port}/dcap",
            "profile": "csip",
            "tls": {
                "certificate": f"{folder}/{name}.chain.pem",
                "key": f"{folder}/{name}.key",
                "ca": f"{folder}/{name}.root.pem",
            },
            "serves": [{"site": f"house-{name}"}],
        }
        for name in names
    ]
    device = {"name": "pv", "family": "sunspec", "address": _NOWHERE, "unit": 1, "role": "pv", "serial": "B-1"}
    sites = [{"name": f"house-{name}", "devices": [device]} for name in names]
    gateway = {"name": "bench", "data": str(data)}
    file.write_text(yaml.safe_dump({"gateway": gateway, "upstreams": upstreams, "sites": sites}))
    appliance = Appliance(load(file, FAMILIES))
    running = asyncio.create_task(appliance.run())

    def mrids() -> Iterator[str]:
        for client in appliance._wired.upstreams.values():
            assert isinstance(client, Client2030_5)
            if client._last_read is not None:
                yield from (event.key.id for event in client._last_read.events)

    await until_closed(mrids)
    appliance.stop()
    await running


if __name__ == "__main__":
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    speak(json_lines=True)
    held = {"session": _session, "appliance": _appliance}[sys.argv[1]]
    asyncio.run(held(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
