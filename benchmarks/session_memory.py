"""What a live 2030.5 session takes: TLS context, connection, all that was read and is remembered. RSS of a fresh process with 500.

Run with ``python -m benchmarks --only session_memory``. The peer is a bound: 100 KiB.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.row import Row
from benchmarks.sessions.stand import Stand, stand

SESSIONS: Final = 500
BOUND_KIB: Final = 100.0
ROUNDS: Final = 2


def run() -> list[dict[str, Any]]:
    """A row per loop. Raises CalledProcessError if a session did not read everything."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder, stand(Path(folder)) as ends:
        return [_row(loop, [_kib_each(ends, folder, loop) for _ in range(ROUNDS)]) for loop in ("asyncio", "uvloop")]


def _kib_each(ends: Stand, folder: str, loop: str) -> float:
    command = [sys.executable, "-m", "benchmarks.sessions.hold", folder, str(ends.port), loop, str(SESSIONS)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own module
    return float(told.stdout) / 1024


def _row(loop: str, kib: list[float]) -> dict[str, Any]:
    case = f"{SESSIONS} live sessions, each"
    return Row("session_memory", case, "KiB", kib, [BOUND_KIB] * len(kib), "bound", 1.0, loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
