"""Runs the mirrored tests against one changed source, in a copy of the tree."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import EVERYTHING

_KEPT = ("pyproject.toml", "README.md", "ARCHITECTURE.md", "LICENSE")


@dataclass(frozen=True)
class Verdict:
    """noticed: a test failed, or the run took too long to be the same program."""

    noticed: bool
    seconds: float
    output: str


def mirrored(root: Path, path: str) -> str | None:
    """The test folder that mirrors the folder of this source, or the nearest one above with tests in or below it."""
    folder = Path("tests") / Path(path).parent
    while folder != Path("tests"):
        if any((root / folder).rglob("test_*.py")):
            return folder.as_posix()
        folder = folder.parent
    return None


def copy_of(root: Path, place: Path) -> Path:
    """A copy of all that tests read, apart from the tree that people work in."""
    place.mkdir(parents=True)
    for folder in (*EVERYTHING, "docs", "requirements", "deploy"):
        if (root / folder).is_dir():
            shutil.copytree(root / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _KEPT:
        if (root / name).is_file():
            shutil.copy(root / name, place / name)
    return place


def run(tree: Path, tests: str, timeout_s: float) -> Verdict:
    """Runs the tests below one folder until the first fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", tests]
    # Without this a second change within one tick of the file's clock would be read from the first one's bytecode.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    began = time.monotonic()
    with subprocess.Popen(  # noqa: S603  # our own command, fixed arguments
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nstopped after {timeout_s:.0f} s"
    return Verdict(process.returncode != 0, time.monotonic() - began, output)


def try_change(tree: Path, path: str, changed: str, tests: str, timeout_s: float) -> Verdict:
    """Runs the tests with `changed` in place of one source, and puts that back."""
    source = tree / path
    original = source.read_text()
    try:
        source.write_text(changed)
        return run(tree, tests, timeout_s)
    finally:
        source.write_text(original)
