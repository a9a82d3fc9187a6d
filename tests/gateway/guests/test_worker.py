"""The process by itself: it ends with whoever began it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gateway.guests.process import environment
from tests.gateway.guests.stage import ROOT, install

# Begins a worker as the gateway does, has it loop for ever, and is gone without a word.
GATEWAY = """
import asyncio, os
from gateway.guests.process import Terms, begin
from grid_functions.guest import GuestOptions, Turn
from grid_functions.model.errors import Unreachable
from grid_functions.model.function import SiteInputs
from tests.grid_functions.house import at, snapshot, terms

async def main():
    process = await begin("rogue", Terms(step_s=0.5, start_s=60.0))
    await process.ready()
    looks = SiteInputs(terms(), (), snapshot((), 700.0))
    try:
        await process.turn(Turn(GuestOptions("house", '{"how":"loop"}'), looks, at(0.0), None))
    except Unreachable:
        print(process.pid, flush=True)
        os._exit(0)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread looks for the parent once a second")
def test_it_ends_with_whoever_began_it_even_in_an_endless_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, rogue="tests.gateway.guests.rogue:MAKER")
    done = subprocess.run(  # noqa: S603  # our own text
        [sys.executable, "-c", textwrap.dedent(GATEWAY)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pid = int(done.stdout)
    # Its last words came through pipes that the worker held too: they were closed, so it is gone or about to be reaped.
    status = Path(f"/proc/{pid}/status")
    while status.exists() and "Z (zombie)" not in status.read_text():
        os.sched_yield()


def test_where_packages_are_is_told_from_the_root_and_no_secret_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["here", "/there"]))
    monkeypatch.setenv("OSED_SECRET", "of the gateway")
    told = environment()
    assert told["PYTHONPATH"] == os.pathsep.join([str(tmp_path / "here"), "/there"])
    assert told.keys().isdisjoint({"OSED_SECRET", "HOME", "PATH"})
