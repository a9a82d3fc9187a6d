"""docs/commands.md names every command and no other, and which of them speak JSON."""

from pathlib import Path

import pytest

from tests.gateway.cli.test_commands import commands
from tests.gateway.command import osed

PAGE = Path(__file__).parents[3] / "docs/commands.md"


def rows() -> list[tuple[str, str]]:
    """Each command, and what the page says of its --json."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `osed ")]
    return [(cells[0].strip(" `").removeprefix("osed "), cells[2].strip()) for cells in lines]


def test_every_command_stands_there_once_and_no_other() -> None:
    assert sorted(command for command, _ in rows()) == sorted(" ".join(path) for path in commands())


@pytest.mark.parametrize(("command", "said"), rows())
def test_it_says_who_speaks_json(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = osed(capsys, *command.split(), "--help")
    options = [line.split() for line in out.splitlines() if line.strip().startswith("--json")]
    speaks = "" if not options else "file" if "FILE" in options[0] else "yes"
    assert said == speaks
