"""So many live sessions in a fresh process: `python -m benchmarks.sessions.hold FOLDER PORT LOOP SESSIONS` prints the bytes of each."""

import asyncio
import gc
import os
import resource
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.event import play
from benchmarks.sessions.product import live
from certs.identity import identify
from certs.tls import TlsFiles
from gateway.lines import speak

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def _hold(folder: Path, port: int, sessions: int) -> int:
    files = TlsFiles(*(folder / f"client.{end}" for end in ("chain.pem", "key", "root.pem")))
    identity = identify(files.certificate.read_bytes())
    # What the first sessions load is there for however many follow.
    async with live(5, port, files, identity):
        gc.collect()
        before = resident_bytes()
        async with live(sessions, port, files, identity) as made:
            gc.collect()
            grown = resident_bytes() - before
            for session in made:
                assert len(session.mrids) == play.SHOWN, session.mrids
    return grown


def resident_bytes() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def hold(held: Callable[[Path, int, int], Coroutine[Any, Any, int]]) -> None:
    """Hold as the command line says, and print the bytes of each."""
    number = int(sys.argv[4])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    speak(json_lines=True)
    with asyncio.Runner(loop_factory=LOOPS[sys.argv[3]]) as runner:
        print(runner.run(held(Path(sys.argv[1]), int(sys.argv[2]), number)) / number)


if __name__ == "__main__":
    hold(_hold)
