"""What devices say on a page for people: shown as it is, and never obeyed by the terminal."""

import io

import pytest

from gateway.cli import output
from gateway.cli.output import people, table

STRANGE = "pv\x1b]0;mine\x07\x9b2J\u202e[bold]\ud800"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal without colours."""
    made = io.StringIO()
    monkeypatch.setattr(people, "_file", made)
    monkeypatch.setattr(people, "_force_terminal", True)
    monkeypatch.setattr(people, "_color_system", None)
    monkeypatch.setattr(people, "_width", 200)
    return made


def harmless(text: str) -> bool:
    return all(one.isprintable() or one == "\n" for one in text) and "mine" in text and "[bold]" in text


def test_a_line_steers_no_terminal(page: io.StringIO) -> None:
    people.print(f"alarm: {STRANGE}\nand a line of ours")
    assert harmless(page.getvalue())
    assert page.getvalue().splitlines()[-1] == "and a line of ours"


def test_a_table_steers_no_terminal_and_has_no_more_lines_than_rows(page: io.StringIO) -> None:
    table("devices", ("name", "serial"), [(STRANGE, "1\nforged")])
    assert harmless(page.getvalue())
    assert len([line for line in page.getvalue().splitlines() if line.strip().startswith("│")]) == 1


def test_plain_lines_are_as_harmless(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_force_terminal", False)
    table("devices", ("name", "serial"), [(STRANGE, "1\nforged")])
    out = capsys.readouterr().out
    assert harmless(out)
    assert len(out.splitlines()) == 3


def test_a_document_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.document({"name": STRANGE})
    assert capsys.readouterr().out.isascii()
