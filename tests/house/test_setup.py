"""`make setup` repairs what was interrupted and says what to do when it cannot work. pip is a stand-in here."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

# A python3 that is new enough, makes a venv whose python is itself, and writes down every call to pip.
STAND_IN = """#!/bin/sh
case "$*" in
  *version_info*) exit {fit} ;;
  --version) echo "Python 3.99.0" ;;
  "-m venv "*) {venv} ;;
  *"-m pip"*) echo "$*" >>"{calls}"; {pip} ;;
  -) exec "{real}" - ;;
  *) exit 0 ;;
esac
"""


class Clone:
    """A clone with a stand-in for python3 first in PATH and nothing else of the machine's Pythons."""

    def __init__(self, root: Path) -> None:
        self.root = root / "clone"
        self.tools = root / "tools"
        self.calls = root / "calls.txt"
        (self.root / "requirements").mkdir(parents=True)
        self.tools.mkdir()
        for name in ("requirements/setup.sh", "requirements/dev.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root / name)
        for tool in ("sh", "dirname", "rm", "mkdir", "cp"):
            found = shutil.which(tool)
            assert found
            (self.tools / tool).symlink_to(found)
        self.python()

    def python(self, *, fit: int = 0, venv: str = "", pip: str = "exit 0") -> None:
        """Changes how the stand-in behaves."""
        make_venv = 'mkdir -p "$3/bin"; cp "$0" "$3/bin/python"'
        text = STAND_IN.format(fit=fit, venv=venv or make_venv, pip=pip, calls=self.calls, real=sys.executable)
        path = self.tools / "python3"
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def setup(self, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs setup.sh as make does."""
        return subprocess.run(  # noqa: S603  # our own command, fixed arguments
            [str(self.tools / "sh"), str(self.root / "requirements/setup.sh")],
            env={"PATH": str(self.tools)} | env,
            capture_output=True,
            text=True,
            check=False,
        )

    def pip_calls(self) -> list[str]:
        """What pip was asked so far."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_first_run_installs_locked_and_hashed_then_the_project(clone: Clone) -> None:
    done = clone.setup()
    assert done.returncode == 0, done.stderr
    locked, project = clone.pip_calls()
    assert "--require-hashes" in locked
    assert "requirements/dev.lock" in locked
    assert "--no-deps" in project
    assert "--no-build-isolation" in project


def test_the_second_run_does_nothing(clone: Clone) -> None:
    clone.setup()
    assert clone.setup().returncode == 0
    assert len(clone.pip_calls()) == 2


def test_an_interrupted_one_is_made_anew(clone: Clone) -> None:
    clone.python(pip="exit 130")
    assert clone.setup().returncode != 0
    (clone.root / ".venv" / "half").write_text("made")
    clone.python()
    assert clone.setup().returncode == 0
    assert not (clone.root / ".venv" / "half").exists()
    assert len(clone.pip_calls()) == 3  # the one that failed, then two


@pytest.mark.parametrize("name", ["requirements/dev.lock", "pyproject.toml"])
def test_a_changed_lock_makes_it_anew(clone: Clone, name: str) -> None:
    clone.setup()
    with (clone.root / name).open("a") as file:
        file.write("\n# changed\n")
    clone.setup()
    assert len(clone.pip_calls()) == 4


def test_a_venv_whose_python_is_gone_is_made_anew(clone: Clone) -> None:
    clone.setup()
    (clone.root / ".venv/bin/python").unlink()
    assert clone.setup().returncode == 0
    assert len(clone.pip_calls()) == 4


def test_a_clone_that_moved_makes_it_anew(clone: Clone) -> None:
    clone.setup()
    clone.root = clone.root.rename(clone.root.with_name("elsewhere"))
    assert clone.setup().returncode == 0
    assert len(clone.pip_calls()) == 4


def test_an_old_python_is_told_so(clone: Clone) -> None:
    clone.python(fit=1)
    done = clone.setup()
    assert done.returncode != 0
    assert "Python 3.11 or later is needed and there is Python 3.99.0" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert clone.pip_calls() == []


def test_no_python_is_told_so(clone: Clone) -> None:
    (clone.tools / "python3").unlink()
    done = clone.setup()
    assert done.returncode != 0
    assert "there is no python3" in done.stderr


def test_a_named_python_that_does_not_fit_is_not_replaced_by_another(clone: Clone) -> None:
    done = clone.setup(PYTHON="/nonexistent/python")
    assert done.returncode != 0
    assert "PYTHON=/nonexistent/python" in done.stderr


def test_a_python_without_venv_is_told_what_to_install(clone: Clone) -> None:
    clone.python(venv='mkdir -p "$3"; exit 1')
    done = clone.setup()
    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (clone.root / ".venv").exists()
