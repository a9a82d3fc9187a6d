"""Who a device is and what it can do: models 1 and 701 to 715 over Modbus/TCP, beside pysunspec2's scan.

Run with ``python -m benchmarks --only discovery``. Ours is what a driver does on every new connection: the family's `find` over a link.
Both sides connect, look and hang up. What they found is compared: the chain, and every value that ours has read.
"""

import asyncio
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import uvloop
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.modbus.link import Link
from benchmarks.modbus import image
from benchmarks.modbus.stand import Stand, stand
from benchmarks.row import Row

PEER: Final = "pysunspec2 scan"
MOST: Final = {"spans": 16, "refuses": 40}
"""Requests for the whole discovery, the one refused read included."""

WORDS: Final = {"spans": "one read spans models", "refuses": "refuses to span models"}
LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
ROUNDS: Final = 15
REPEATS: Final = 4


@dataclass(frozen=True, slots=True)
class Spent:
    """One discovery, ms."""

    wall_ms: float
    cpu_ms: float


def run() -> list[dict[str, Any]]:
    """Rows per kind of device: requests, wall time, CPU. Raises AssertionError if the sides found other things."""
    with stand() as ends:
        return [row for kind in MOST for row in _kind(ends, kind)]


def _kind(ends: Stand, kind: str) -> list[dict[str, Any]]:
    port = getattr(ends, kind)
    ends.asked()
    found = asyncio.run(_find(port))
    mine = ends.asked().total()
    scanned = _scan(port)
    theirs = ends.asked().total()
    _check_same(found, scanned)
    gc.collect()
    gc.freeze()
    rounds: dict[str, list[Spent]] = {name: [] for name in (*LOOPS, PEER)}
    for _ in range(ROUNDS):
        for name, factory in LOOPS.items():
            with asyncio.Runner(loop_factory=factory) as runner:
                rounds[name].append(runner.run(_timed_find(port)))
        rounds[PEER].append(_timed_scan(port))
    rows = [_row(WORDS[kind], "requests", [mine] * 2, [theirs] * 2, MOST[kind] / theirs, "none")]
    for loop in LOOPS:
        for unit, field in (("ms", "wall_ms"), ("ms CPU", "cpu_ms")):
            ours, peer = ([getattr(one, field) for one in rounds[name]] for name in (loop, PEER))
            rows.append(_row(WORDS[kind], unit, ours, peer, 1.0, loop))
    return rows


async def _find(port: int) -> Found:
    link = Link("127.0.0.1", port, jitter=lambda low_s, high_s: high_s)
    found = await link.converse(SunSpec(SunSpecOptions()).find(image.UNIT))
    await link.close()
    assert found is not None
    return found


async def _timed_find(port: int) -> Spent:
    await _find(port)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(REPEATS):
        await _find(port)
    return _spent(wall_s, cpu_s)


def _scan(port: int) -> SunSpecModbusClientDeviceTCP:
    device = SunSpecModbusClientDeviceTCP(slave_id=image.UNIT, ipaddr="127.0.0.1", ipport=port)
    device.scan()
    device.close()
    return device


def _timed_scan(port: int) -> Spent:
    _scan(port)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(REPEATS):
        _scan(port)
    return _spent(wall_s, cpu_s)


def _spent(wall_s: float, cpu_s: float) -> Spent:
    return Spent(1e3 * (time.perf_counter() - wall_s) / REPEATS, 1e3 * (time.process_time() - cpu_s) / REPEATS)


def _check_same(found: Found, scanned: SunSpecModbusClientDeviceTCP) -> None:
    assert [model.model_id for model in scanned.model_list] == list(image.MODELS)
    common = scanned.models[1][0]
    who = found.identity
    assert who is not None
    assert (who.maker, who.model, who.serial) == (common.Mn.value, common.Md.value, common.SN.value)
    assert {702, 703, 704, 713, 715} <= found.plate.keys()
    seen = 0
    for model_id, read in found.plate.items():
        theirs = scanned.models[model_id][0]
        for name, value in read.items():
            if name in theirs.points and value is not None:
                assert value == theirs.points[name].cvalue, (model_id, name)
                seen += 1
    assert seen > 80, seen


def _row(case: str, unit: str, ours: list[float], theirs: list[float], goal: float, loop: str) -> dict[str, Any]:
    return Row("discovery", case, unit, ours, theirs, PEER, goal, loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
