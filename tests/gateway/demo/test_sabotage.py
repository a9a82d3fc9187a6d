"""Each sabotage must turn the step it hits to not ok, and the command must end with 1."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

AT_ONCE = 3
"""Demonstrations side by side: most of a step is waiting for what does not come."""

PATIENCE_S = 900
"""For one of them, on a machine that does much else."""


async def test_a_sabotaged_step_is_noticed(tmp_path: Path) -> None:
    """One of each kind."""
    cases = [
        ("inverter-ignores", "cancel"),
        ("meter-sign", "cancel"),
        ("server-drops-responses", "cancel"),
        ("ledger-off", "kill-restart"),
        ("revert-off", "kill-restart"),
        ("charger-ignores", "charger-modbus"),
        ("home-lies", "day-ahead"),
    ]
    room = asyncio.Semaphore(AT_ONCE)

    async def noticed(sabotage: str, step: str) -> tuple[str, str, bool]:
        (folder := tmp_path / sabotage).mkdir()
        async with room:
            return sabotage, step, is_noticed(step, *await play(folder, "--step", step, "--sabotage", sabotage))

    # All are waited for, whatever becomes of one: asyncio does not survive the cancelling of a process that is being started.
    found = await asyncio.gather(*(noticed(*case) for case in cases), return_exceptions=True)
    assert found == [(*case, True) for case in cases]


@pytest.mark.long
@pytest.mark.parametrize(
    ("sabotage", "step"),
    [
        ("inverter-ignores", "battery-power"),
        ("inverter-ignores", "volt-var"),
        ("revert-off", "inverter-mute"),
        ("inverter-ignores", "adr2b-dispatch"),
        ("meter-sign", "limit-wins"),
        ("revert-off", "charger-fallback"),
        ("inverter-ignores", "slow-device"),
        ("home-ignores", "day-ahead"),
    ],
)
async def test_sabotage_of_further_steps_is_noticed(tmp_path: Path, sabotage: str, step: str) -> None:
    assert is_noticed(step, *await play(tmp_path, "--step", step, "--sabotage", sabotage))


def is_noticed(step: str, code: int, told: dict[str, Any]) -> bool:
    """The step was played, and alone; it and all are not ok."""
    played = [(each["id"], each["ok"]) for each in told["steps"]]
    return (code, told["ok"], played) == (1, False, [(step, False)])


async def test_the_same_step_without_sabotage_is_ok_and_leaves_its_evidence(tmp_path: Path) -> None:
    code, told = await play(tmp_path, "--step", "cancel", "--keep", str(tmp_path / "kept"))
    assert (code, told["ok"]) == (0, True), told
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"meter.csv", "registers.csv", "responses.json", "report.html"} <= kept
    responses = json.loads((tmp_path / "kept" / "responses.json").read_text())
    assert [each["status"] for each in responses] == [1, 2, 6]
    assert (tmp_path / "kept" / "meter.csv").read_text().startswith("t_s,w\n")


async def test_a_step_at_the_yard_leaves_its_evidence_in_a_folder_of_its_own(tmp_path: Path) -> None:
    code, told = await play(tmp_path, "--step", "cease", "--keep", str(tmp_path / "kept"))
    assert (code, told["ok"]) == (0, True), told
    assert [(each["id"], each["site"]) for each in told["steps"]] == [("cease", "yard")]
    own = {path.name for path in (tmp_path / "kept" / "yard").iterdir()}
    assert {"meter.csv", "registers.csv", "responses.json", "writes.csv", "samples.csv"} <= own
    assert (tmp_path / "kept" / "report.html").exists()
    responses = json.loads((tmp_path / "kept" / "yard" / "responses.json").read_text())
    assert [each["status"] for each in responses] == [1, 2, 3]


async def play(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Play as a new user would, in a process of its own; the exit code and the JSON document."""
    told = folder / "demo.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "demo", "--json", str(told), *arguments, stdout=asyncio.subprocess.PIPE
    )
    await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode is not None
    return process.returncode, json.loads(told.read_text())
