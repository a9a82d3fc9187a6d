"""osed utility-server: its help's example, carried out with the commands that the help names."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.command import osed

OSED = "from gateway.cli.app import main; main()"


def test_the_example_of_the_help_runs_where_the_certificates_were_made_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens, says where on one line, keeps its store, and goes in peace when asked."""
    _, folded, _ = osed(capsys, "utility-server", "--help")
    help_text = " ".join(folded.split())
    monkeypatch.chdir(tmp_path)
    made = re.findall(r"'osed (certs [^']*)'", help_text)
    for command in made[:2]:
        assert osed(capsys, *command.split())[0] == 0
    (example,) = re.findall(r"Example: osed (.*?) Options:", help_text)
    words = [sys.executable, "-c", OSED, *shlex.split(example), "--announce"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:  # noqa: S603 - our own
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
    assert told["url"].startswith("https://127.0.0.1:")
    assert (tmp_path / "utility.db").stat().st_size > 0
