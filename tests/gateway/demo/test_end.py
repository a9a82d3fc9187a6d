"""Who ends the demonstration before its end finds nothing left of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked for in /proc")
def test_asked_to_end_it_takes_its_processes_and_its_folder_with_it(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gateway", "demo", "--step", "cease"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as demo:  # noqa: S603 - our own
        assert demo.stdout is not None
        assert "are up" in demo.stdout.readline()
        assert len(_of(tmp_path)) >= 2, "its processes name its folder"
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
        assert demo.wait(timeout=60) != 0
    assert _of(tmp_path) == []
    assert list(tmp_path.glob("osed-demo-*")) == []


def _of(folder: Path) -> list[str]:
    """The command lines of all processes that name a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(folder) in line:
            found.append(line)
    return found
