"""The site as a process of its own: one line of JSON, served until told to stop."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from tests.adapters.simulator.situations import PLAN

ROOT = Path(__file__).parents[3]


@contextmanager
def _running(plan: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "adapters.simulator", "--plan", plan, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603  # our own module, fixed arguments
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process, json.loads(_line(process.stdout))
        finally:
            process.kill()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def _told(port: int, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link, link.makefile("rw") as lines:
        answers = []
        for message in messages:
            lines.write(json.dumps(message) + "\n")
            lines.flush()
            answers.append(json.loads(lines.readline()))
        return answers


def test_serves_devices_and_control_and_stops_when_told(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({**PLAN, "record": str(tmp_path / "run")}))
    with _running(str(file)) as (process, said):
        assert [d["name"] for d in said["devices"]] == ["old", "new", "meter"]
        new = said["devices"][1]
        peer = SunSpecModbusClientDeviceTCP(new["unit"], new["host"], new["port"], timeout=10)
        peer.scan()
        assert peer.models[701][0].W.cvalue == 8000
        peer.close()
        sun, state, bad, stop = _told(
            said["control"], {"do": "sun", "fraction": 0}, {"do": "state"}, {"do": "?"}, {"do": "stop"}
        )
        assert (sun["ok"], state["meter_w"], bad["ok"], stop["ok"]) == (True, 1000, False, True)
        assert process.wait(20) == 0
    assert (tmp_path / "run" / "meter.csv").read_text().startswith("t_s,w\n")


def test_ends_with_its_parent() -> None:
    with _running(json.dumps(PLAN), "--until-eof") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def test_ends_on_sigterm() -> None:
    with _running(json.dumps(PLAN)) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ('{"inverters": []}', "cannot use this plan: meter: an object is needed"),
        ('{"inverters": [], "meter": {"name": "m"}, "host": "192.0.2.1"}', "host 192.0.2.1: cannot listen there"),
        ('{"inverters"', "cannot use this plan: "),
        ("no-such-file.json", "cannot use this plan: "),
    ],
)
def test_a_bad_plan_is_one_line_and_exit_2(plan: str, said: str) -> None:
    command = [sys.executable, "-m", "adapters.simulator", "--plan", plan]
    done = subprocess.run(  # noqa: S603  # our own module, fixed arguments
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("cannot use this plan: ")]
    assert said in line
    assert "Traceback" not in done.stderr
