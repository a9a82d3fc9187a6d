"""Charging stations as a process of their own: `python -m benchmarks.stations.ends FOLDER PORT`.

A line `FIRST COUNT` on stdin connects so many more; each is a simulated station that says who it is, how it is, and answers.
Ends with stdin.
"""

import asyncio
import os
import ssl
import sys
import time
from pathlib import Path

import uvloop

from adapters.simulator.charge_point import ChargePoint, PointPlan
from adapters.simulator.charging import ChargingStation
from benchmarks.stations.names import PASSWORD, station


async def _serve(folder: Path, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "server.root.pem")
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    running: list[asyncio.Task[None]] = []

    def told() -> None:
        line = os.read(0, 4096)
        if not line:
            over.set()
            return
        first, count = map(int, line.split())
        for number in range(first, first + count):
            point = ChargePoint(PointPlan(serial=f"S-{number}"), time.time())
            url, name = f"wss://127.0.0.1:{port}/ocpp", station(number)
            running.append(loop.create_task(ChargingStation(point, url, name, time.time, PASSWORD, context).run()))

    loop.add_reader(0, told)
    await over.wait()
    loop.remove_reader(0)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    if len(cores := os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(cores)})
    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
