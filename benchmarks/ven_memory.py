"""What a live 2.0b VEN takes over mutual TLS: context, connection, session. RSS of a fresh process with 200, beside openleadr's VTN.

Run with ``python -m benchmarks --only ven_memory``. The peer is a bound: 115 KiB (openleadr's own client takes 381).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.far_end import certified, far_end
from benchmarks.row import Row

VENS: Final = 200
BOUND_KIB: Final = 115.0
ROUNDS: Final = 2


def run() -> list[dict[str, Any]]:
    """A row per loop. Raises CalledProcessError if a VEN did not register and read."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder:
        certified(Path(folder))
        with far_end("benchmarks.openadr.vtn", folder, "10", alone=True) as end:
            port = int(end.answers.readline())
            return [
                _row(loop, [_kib_each(folder, port, loop) for _ in range(ROUNDS)]) for loop in ("asyncio", "uvloop")
            ]


def _kib_each(folder: str, port: int, loop: str) -> float:
    command = [sys.executable, "-m", "benchmarks.openadr.hold", folder, str(port), loop, str(VENS)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own module
    return float(told.stdout) / 1024


def _row(loop: str, kib: list[float]) -> dict[str, Any]:
    return Row("ven_memory", f"{VENS} live VENs, each", "KiB", kib, [BOUND_KIB] * len(kib), "bound", 1.0, loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
