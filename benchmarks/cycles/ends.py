"""The utility server: `python -m benchmarks.cycles.ends FOLDER LFDI...`, every resource polled at 60 s.

It knows these EndDevices and gives all of them one program with a default and ten controls. The first line on stdout is its port and the
controls' mRIDs; a line on stdin is answered with the GETs of each EndDevice since the line before. Ends with stdin.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path

from adapters.doorway import Doorway
from certs.identity import identify, sfdi
from certs.tls import TlsFiles, server_context
from protocols.ieee2030_5.archive import Forgetful
from protocols.ieee2030_5.server import Exchange, UtilityServerSettings, running

CYCLE_S = 60
CONTROLS = 10
_RATES = ("dcap", "time", "edev", "fsa", "derp", "der", "mup")


async def _serve(folder: Path, lfdis: list[str]) -> None:
    gets: Counter[str] = Counter()

    def told(exchange: Exchange) -> None:
        gets[exchange.who] += exchange.side == "device" and exchange.method == "GET"

    context = server_context(TlsFiles(*(folder / f"server.{end}" for end in ("chain.pem", "key", "root.pem"))))
    async with running(
        UtilityServerSettings(admin_token="operator-of-the-bench"),  # noqa: S106 - of this process alone
        tls=context,
        identify=lambda certificate: identify(certificate).lfdi,
        sfdi_of=sfdi,
        doorways=Doorway,
        store=Forgetful(),
        told=told,
    ) as server:
        await server.admin("PATCH", "/settings", {f"{rate}_poll_s": CYCLE_S for rate in _RATES})
        for lfdi in lfdis:
            await server.admin("POST", "/devices", {"lfdi": lfdi, "pin": 111115, "dialect": "csip"})
        await server.admin("POST", "/programs", {"primacy": 1, "default": {"modes": {"opModMaxLimW": 9000}}})
        made = [
            await server.admin(
                "POST",
                "/programs/1/controls",
                {"start_in_s": 86_400 * hour, "duration_s": 3600, "modes": {"opModMaxLimW": 5000 + hour}},
            )
            for hour in range(1, CONTROLS + 1)
        ]
        over = asyncio.Event()

        def asked() -> None:
            if not os.read(0, 4096):
                over.set()
                return
            print(json.dumps(gets), flush=True)
            gets.clear()

        loop = asyncio.get_running_loop()
        loop.add_reader(0, asked)
        print(json.dumps({"port": server.port, "mrids": sorted(one["mRID"] for one in made)}), flush=True)
        await over.wait()
        loop.remove_reader(0)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
