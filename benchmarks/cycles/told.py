"""What either side is asked on stdin, and says on stdout: one line of JSON."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path


async def until_closed(mrids: Callable[[], Iterable[str]]) -> None:
    """Answer every line with the process' CPU so far in seconds and, but for `cpu`, its share of memory in bytes and the controls it
    knows; end with stdin."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def asked() -> None:
        line = os.read(0, 4096)
        if not line:
            over.set()
            return
        told: dict[str, object] = {"cpu_s": time.process_time()}
        if line != b"cpu\n":
            told |= {"bytes": _share(), "mrids": sorted(set(mrids()))}
        os.write(1, json.dumps(told).encode() + b"\n")

    loop.add_reader(0, asked)
    await over.wait()
    loop.remove_reader(0)


def _share() -> int:
    """Bytes resident, each page that is shared counted for this process' part of it (Pss)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
