"""A package made by the command: its own test passes with nothing but the gateway, and it runs, installed, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.functions import confined_in_short
from tests.gateway.command import osed
from tests.gateway.guests.stage import ROOT

ALWAYS = json.dumps({"limit_w": 500, "duration_s": 86400})


ONE = ("--sites", "1", "--seconds", "5")


def run(folder: Path, *arguments: object, path: str = "") -> subprocess.CompletedProcess[str]:
    """Python in a folder, where only the gateway and ``path`` can be imported besides."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(  # noqa: S603  # our own interpreter and what the test wrote
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def install(package: Path, folder: Path) -> None:
    """As pip installs it, without any index."""
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q")
    done = run(package, "-m", "pip", "install", *offline, "--target", folder, package)
    assert done.returncode == 0, done.stderr


def tried(folder: Path, *arguments: str) -> dict[str, Any]:
    """What trying it on one simulated house came to."""
    words = ("-m", "gateway", "functions", "try", *arguments, "--json")
    done = run(folder, *words, path=str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_site_function_is_written_tested_installed_and_binds_a_simulated_house(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = osed(capsys, "functions", "new", "quiet_nights", "--into", tmp_path, "--json")
    assert (code, err) == (0, "")
    package = Path(json.loads(out)["folder"])
    own = run(package, "-m", "unittest", "-v")
    assert own.returncode == 0
    assert "Ran 3 tests" in own.stderr
    install(package, tmp_path / "installed")
    told = tried(tmp_path / "installed", "quiet_nights", ALWAYS, *ONE)
    (site,) = told["sites"]
    (claim,) = site["claims"]
    assert (claim["want"], claim["source"]) == ("<= 500", "local/quiet_nights")
    # 5,400 W of sun beside a load of 600 W; no more than 500 W of it reach the grid, within 2 % of the rating.
    assert -620.0 <= site["power_w"] <= 0.0
    assert told["health"]["state"] == "running"


def test_two_functions_that_write_letters_are_written_tested_installed_and_share_by_what_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = osed(capsys, "functions", "new", "fair_part", "--letters", "--into", tmp_path, "--json")
    assert code == 0
    package = Path(json.loads(out)["folder"])
    own = run(package, "-m", "unittest", "-v")
    assert own.returncode == 0, own.stderr
    assert "Ran 5 tests" in own.stderr
    install(package, tmp_path / "installed")
    both = ("--area", "--home", "fair_part_home", "--sites", "2", "--seconds", "10")
    told = tried(tmp_path / "installed", "fair_part", "{limit_w: 3000}", *both)
    # PV of 6 and 12 kW: a third and two thirds; without letters each would have had a half.
    limits = {one["site"]: [lease["control"]["limit_w"] for lease in one["leases"]] for one in told["sites"]}
    assert limits == {"house-1": [1000.0], "house-2": [2000.0]}
    assert (told["alarms"], told["home"]["state"]) == ([], "running")


def test_an_area_function_is_written_tested_installed_and_leases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = osed(capsys, "functions", "new", "fair_share", "--area", "--into", tmp_path, "--json")
    assert code == 0
    package = Path(json.loads(out)["folder"])
    own = run(package, "-m", "unittest", "-v")
    assert own.returncode == 0
    assert "Ran 2 tests" in own.stderr
    install(package, tmp_path / "installed")
    told = tried(tmp_path / "installed", "fair_share", ALWAYS, "--area", *ONE)
    (lease,) = told["sites"][0]["leases"]
    assert (lease["control"], lease["source"]) == ({"mode": "import_limit", "limit_w": 500.0}, "area/trial")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Quiet", "small letters"),
        ("9lives", "small letters"),
        ("class", "small letters"),
        ("../up", "small letters"),
        ("limit_power", "already"),
        ("day_ahead", "already"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    code, out, err = osed(capsys, "functions", "new", name, "--into", tmp_path)
    assert (code, out) == (1, "")
    assert why in err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert osed(capsys, "functions", "new", "quiet_nights", "--into", tmp_path)[0] == 0
    mine = tmp_path / "osed-quiet-nights" / "osed_quiet_nights" / "function.py"
    mine.write_text("mine")
    code, _, err = osed(capsys, "functions", "new", "quiet_nights", "--into", tmp_path)
    assert code == 1
    assert "is there already" in err
    assert mine.read_text() == "mine"


def test_all_functions_are_listed_without_a_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "functions", "list", "--config", tmp_path / "none.yaml", "--json")
    assert code == 0
    told = {one["name"]: one["of"] for one in json.loads(out)}
    assert (told["limit_power"], told["day_ahead"]) == ("sites", "areas")


def test_what_keeps_a_process_in_is_listed_in_short_and_what_does_not_too() -> None:
    assert confined_in_short({"limits": "few", "files": "reads"}) == "limits, files"
    assert confined_in_short({"limits": "few", "files": "NOT: an old kernel"}) == "limits; NOT files"


def test_what_is_not_installed_cannot_be_tried(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = osed(capsys, "functions", "try", "nobody_wrote_it")
    assert code == 1
    assert "no installed package offers" in err
