"""One side of modbus_device_second in a fresh process: `python -m benchmarks.modbus.fleet` with a JSON task on stdin, a JSON account out.

Every device is a loopback address of its own, so that a link is a TCP connection of its own, as the product makes them.
"""

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

PERIOD_S: Final = 1.0
WARM_S: Final = 1.0
"""Between the moment all devices are served and the window that counts."""

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@dataclass(frozen=True, slots=True)
class Task:
    """``side``: ours, peer, links or clients; ``window_s``: what counts; ``requests``: of one cycle, for all but ours."""

    side: str
    loop: str
    devices: int
    window_s: float
    port: int
    folder: str
    requests: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """``late_ms``: how long after a cycle was due its last answer was in, decoded: p50, p99, worst. ``values``: what the last
    cycle of every device said, each once."""

    cycles: int
    cpu_s: float
    late_ms: tuple[float, float, float]
    bytes_each: float
    values: list[list[Any]] = field(default_factory=list)


class Watch:
    """Lateness of every cycle, and the window that counts."""

    def __init__(self, devices: int, window_s: float) -> None:
        self._devices, self._window_s = devices, window_s
        self._late: list[float] | None = None
        self._resident = resident_bytes()

    def late(self, seconds: float) -> None:
        """A cycle ended so long after it was due."""
        if self._late is not None:
            self._late.append(seconds)

    async def window(self, values: Callable[[], list[list[Any]]]) -> Account:
        """Wait, measure, account."""
        await asyncio.sleep(WARM_S)
        gc.collect()
        gc.freeze()
        # what this collection has held up is no lateness of anybody
        await asyncio.sleep(WARM_S)
        said("begun")
        self._late = []
        cpu_s = time.process_time()
        await asyncio.sleep(self._window_s)
        cpu_s = time.process_time() - cpu_s
        late, self._late = sorted(self._late), None
        said("over")
        resident = resident_bytes() - self._resident
        shown = late or [float("inf")]
        return Account(
            len(late),
            cpu_s,
            (1e3 * shown[len(late) // 2], 1e3 * shown[99 * len(late) // 100], 1e3 * shown[-1]),
            resident / self._devices,
            values(),
        )


def said(word: str) -> None:
    """To whoever started us, who answers with a line when it has taken note."""
    print(word, flush=True)
    sys.stdin.readline()


def address(device: int) -> str:
    """The loopback address of a device."""
    return f"127.0.{device // 250}.{1 + device % 250}"


def resident_bytes() -> int:
    """RSS now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Carry out the task."""
    plain = json.loads(sys.stdin.readline())
    task = Task(**{**plain, "requests": tuple(tuple(one) for one in plain["requests"])})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, cores - {min(cores)})
    # Each side has in memory what it needs, and no more.
    if task.side == "ours":
        from benchmarks.modbus import product

        work = product.perform(task)
    else:
        from benchmarks.modbus import peers

        work = peers.perform(task)
    with asyncio.Runner(loop_factory=LOOPS[task.loop]) as runner:
        print(json.dumps(asdict(runner.run(work))), flush=True)
        # What still runs is not asked to end: a client that hangs on its way out would hold up everyone.
        os._exit(0)


if __name__ == "__main__":
    main()
