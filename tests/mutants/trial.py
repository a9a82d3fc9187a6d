"""A copy of the tree with an interpreter beside it, which asks the tests about one changed source after the other."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import EVERYTHING, ROOT
from tests.mutants.rooms import Stages

_KEPT = ("pyproject.toml", "README.md", "ARCHITECTURE.md", "LICENSE")
_LONG_AGO_S = 1


@dataclass(frozen=True)
class Verdict:
    """noticed: a test failed, or took too long to be the same program. seconds: of processor time."""

    noticed: bool
    seconds: float
    output: str


class Bench:
    """One copy of the tree and its test server."""

    def __init__(self, tree: Path, server: subprocess.Popen[str]) -> None:
        self._tree = tree
        self._server = server

    def run(self, stages: Stages, keep_bytecode: bool = False) -> Verdict:
        """Asks the tests stage by stage until one fails."""
        asked, told = self._server.stdin, self._server.stdout
        if asked is None or told is None:
            raise RuntimeError("the test server has no pipes")
        asked.write(json.dumps({"stages": stages, "keep_bytecode": keep_bytecode}) + "\n")
        asked.flush()
        line = told.readline()
        if not line:
            raise RuntimeError("the test server has ended: see its message above")
        return Verdict(**json.loads(line))

    def try_change(self, path: str, changed: str, stages: Stages) -> Verdict:
        """Asks the tests with `changed` in place of one source, and puts that back."""
        source = self._tree / path
        original, dates = source.read_text(), source.stat()
        try:
            source.write_text(changed)
            # Bytecode goes by date and size: that of the original must not pass for this one's.
            os.utime(source, (_LONG_AGO_S, _LONG_AGO_S))
            return self.run(stages)
        finally:
            source.write_text(original)
            os.utime(source, ns=(dates.st_atime_ns, dates.st_mtime_ns))


@contextmanager
def bench(root: Path, place: Path) -> Iterator[Bench]:
    """A bench at `place`, gone at the end."""
    tree = _copy_of(root, place)
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, str(ROOT / "tests/mutants/server.py")]
    with subprocess.Popen(  # noqa: S603  # our own command, fixed arguments
        command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield Bench(tree, server)
        finally:
            server.kill()


def _copy_of(root: Path, place: Path) -> Path:
    """A copy of all that tests read, apart from the tree that people work in."""
    place.mkdir(parents=True)
    for folder in (*EVERYTHING, "docs", "requirements", "deploy"):
        if (root / folder).is_dir():
            shutil.copytree(root / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _KEPT:
        if (root / name).is_file():
            shutil.copy(root / name, place / name)
    return place
