"""What a connected charging station takes over TLS: socket, session, charger. RSS of a fresh process with 500.

Run with ``python -m benchmarks --only ocpp_memory``. The peer is a bound: 150 KB.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.far_end import certified
from benchmarks.row import Row

STATIONS: Final = 500
BOUND_KB: Final = 150.0
ROUNDS: Final = 2


def run() -> list[dict[str, Any]]:
    """A row per loop. Raises CalledProcessError if a station was not seen as it is."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder:
        certified(Path(folder))
        return [_row(loop, [_kb_each(folder, loop) for _ in range(ROUNDS)]) for loop in ("asyncio", "uvloop")]


def _kb_each(folder: str, loop: str) -> float:
    command = [sys.executable, "-m", "benchmarks.stations.hold", folder, "0", loop, str(STATIONS)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own module
    return float(told.stdout) / 1000


def _row(loop: str, kb: list[float]) -> dict[str, Any]:
    case = f"{STATIONS} connected stations, each"
    return Row("ocpp_memory", case, "KB", kb, [BOUND_KB] * len(kb), "bound", 1.0, loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
