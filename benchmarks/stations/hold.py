"""So many stations at one central system, in a fresh process.

`python -m benchmarks.stations.hold FOLDER 0 LOOP STATIONS` prints the bytes of each.

The central system is as wiring makes it: security profile 2, a charger for each station. A station counts once it has told how it is.
"""

import asyncio
import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from adapters.ocpp.access import Access, SecurityProfile
from adapters.ocpp.outlet import OutletSettings
from adapters.ocpp.server import CentralSystem, Charger, Listening
from benchmarks.far_end import far_end
from benchmarks.sessions.hold import hold, resident_bytes
from benchmarks.stations.names import PASSWORD, station
from certs.tls import TlsFiles, ocpp_server_context
from gateway.clock import SystemClock
from grid_functions.model.device import Seen

FEW = 5
PATIENCE_S = 300.0


async def _hold(folder: Path, _: int, stations: int) -> int:
    clock = SystemClock()
    files = TlsFiles(*(folder / f"server.{end}" for end in ("chain.pem", "key", "root.pem")))
    # How long a password takes is not what is measured here.
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    access = Access(SecurityProfile.TLS_BASIC, {station(number): hashed for number in range(FEW + stations)})
    central = CentralSystem(Listening("127.0.0.1", 0, access), clock, ocpp_server_context(files, certificates=False))
    await central.listen()
    seen: dict[str, Seen] = {}

    def take(one: Seen) -> None:
        seen[one.device] = one

    def begin(number: int) -> asyncio.Task[None]:
        settings = OutletSettings(f"evse-{number}", station(number))
        return asyncio.create_task(Charger(settings, central, clock, _unheard).run(take))

    async def online(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sum(one.condition.online for one in seen.values()) < count:
                assert not any(task.done() for task in running), running
                await asyncio.sleep(0.1)

    with far_end("benchmarks.stations.ends", str(folder), str(central.port), alone=True) as ends:
        # What the first ones load is there for however many follow.
        running = [begin(number) for number in range(FEW)]
        _connect(ends.commands, 0, FEW)
        await online(FEW)
        gc.collect()
        before = resident_bytes()
        running += [begin(number) for number in range(FEW, FEW + stations)]
        _connect(ends.commands, FEW, stations)
        await online(FEW + stations)
        gc.collect()
        grown = resident_bytes() - before
        assert all(one.condition.online and one.nameplate.serial for one in seen.values())
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await central.close()
    return grown


def _connect(commands: Any, first: int, count: int) -> None:
    commands.write(f"{first} {count}\n".encode())
    commands.flush()


def _unheard(kind: str, correlation: str, body: Mapping[str, Any]) -> None:
    """The log is not what is measured."""


if __name__ == "__main__":
    hold(_hold)
