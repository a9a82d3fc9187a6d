"""The other side of a benchmark, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from certs.dev_ca import authority, issue, write
from certs.identity import Identity, identify


@dataclass(frozen=True, slots=True)
class FarEnd:
    """Its standard input and output; it ends when the input does."""

    commands: IO[bytes]
    answers: IO[bytes]


@contextmanager
def far_end(module: str, *arguments: str, alone: bool) -> Iterator[FarEnd]:
    """``python -m module`` until left. ``alone``: on the first core, whoever asks it on the others."""
    cores = os.sched_getaffinity(0) if alone else set[int]()
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if len(cores) > 1:
                os.sched_setaffinity(0, cores - {min(cores)})
            yield FarEnd(process.stdin, process.stdout)
        finally:
            if cores:
                os.sched_setaffinity(0, cores)
            process.stdin.close()


def certified(folder: Path) -> Identity:
    """Chains, keys and roots of ``server`` and ``client`` in this folder; who the client is."""
    now = datetime.now(UTC)
    root = authority("bench", now)
    for name in ("server", "client"):
        write(issue(root, name, now, hosts=["127.0.0.1"]), folder, name)
    return identify((folder / "client.chain.pem").read_bytes())
