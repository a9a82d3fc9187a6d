"""docs/verification.md: every row says what shows it, and what it names exists."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, read

PAGE = ROOT / "docs/verification.md"
TEST_ID = re.compile(r"tests/[\w./-]+\.py(::\w+)+(\[.+\])?")
COMMAND = re.compile(r"(make|osed|\.venv/bin/\w+|\.ci/run)( .+)?")
MISSING = re.compile(r"missing: .{8,}")


def test_every_row_of_the_page_holds() -> None:
    assert list(faults(PAGE.read_text(), exists)) == []


@pytest.mark.parametrize("number", range(11))
def test_every_rule_of_decision_has_rows(number: int) -> None:
    assert any(row[0].startswith(f"rule {number}:") for row in rows(PAGE.read_text()))


def faults(page: str, known: Callable[[str], bool]) -> Iterator[str]:
    """What is wrong with the rows of a page; `known` tells whether a test id exists."""
    seen = set()
    for row in rows(page):
        if row[0] in seen:
            yield f"{row[0]}: stands twice"
        seen.add(row[0])
        shown = row[-1]
        if MISSING.fullmatch(shown):
            continue
        named = re.findall(r"`([^`]+)`", shown)
        if not named or re.sub(r"`[^`]+`", "", shown).strip(" ,"):
            yield f"{row[0]}: give test ids or a command in backticks, or `missing: why`, not {shown!r}"
        for one in named:
            if TEST_ID.fullmatch(one):
                if not known(one):
                    yield f"{row[0]}: there is no test {one}"
            elif not COMMAND.fullmatch(one):
                yield f"{row[0]}: {one!r} is neither a test id nor a command"


def rows(page: str) -> Iterator[list[str]]:
    """The cells of each row of each table, without heads and rulers."""
    lines = page.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|") and before.startswith("|") and not re.fullmatch(r"[|\s:-]+", line):
            yield [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def exists(test_id: str, root: Path = ROOT) -> bool:
    """Whether a test id names a test in the sources; of a parametrised one the function."""
    path, *names = test_id.partition("[")[0].split("::")
    if not (root / path).is_file():
        return False
    scope: list[ast.stmt] = read(root / path, root).tree.body
    for name in names:
        found = [
            node
            for node in scope
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name
        ]
        if not found:
            return False
        scope = found[0].body
    return names[-1].startswith("test_")


HEAD = "| what | shown by |\n|---|---|\n"


@pytest.mark.parametrize(
    "cell",
    [
        "`tests/a.py::test_gone`",
        "tests/a.py::test_there",
        "yes",
        "",
        "missing:",
        "missing: why",
        "`tests/a.py`",
        "`rm -rf`",
        "`tests/a.py::test_there` and more",
        "`tests/a.py::test_there`, `tests/a.py::test_gone`",
    ],
)
def test_a_row_that_shows_nothing_is_a_fault(cell: str) -> None:
    assert len(list(faults(f"{HEAD}| rule 1: limits | {cell} |", lambda one: "there" in one))) == 1


@pytest.mark.parametrize(
    "cell",
    [
        "`tests/a.py::test_there`",
        "`tests/a.py::test_there[2-x]`, `tests/a.py::TestRules::test_there`",
        "`make demo`",
        '`make demo DEMO_ARGS="--sabotage meter-sign"`',
        "missing: no inverter of this kind yet",
    ],
)
def test_a_row_that_shows_it_is_none(cell: str) -> None:
    assert list(faults(f"{HEAD}| rule 1: limits | {cell} |", lambda one: "there" in one)) == []


def test_a_row_stands_once() -> None:
    row = "| rule 1: limits | missing: to be shown |\n"
    assert list(faults(HEAD + row + row, lambda _: True)) == ["rule 1: limits: stands twice"]


def test_heads_and_rulers_are_no_rows() -> None:
    assert list(rows("text\n| a | b |\n|:--|--:|\n| c | d \\| e |\n")) == [["c", "d | e"]]


def test_test_ids_are_looked_up_in_the_sources(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/a.py").write_text(
        "import x\nclass TestRules:\n    def test_two(self): ...\nasync def test_one(): ...\ndef other(): ...\n"
    )
    assert exists("tests/a.py::test_one", tmp_path)
    assert exists("tests/a.py::test_one[3]", tmp_path)
    assert exists("tests/a.py::TestRules::test_two", tmp_path)
    for absent in (
        "tests/a.py::test_two",
        "tests/b.py::test_one",
        "tests/a.py::other",
        "tests/a.py::TestRules::test_x",
    ):
        assert not exists(absent, tmp_path)
