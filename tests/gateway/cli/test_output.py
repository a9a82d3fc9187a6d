"""What peers say reaches the terminal as something to read, never as something to obey."""

import pytest

from gateway.cli.output import aside, people, table

HOSTILE = "limit \x1b[2J\x1b]0;all well\x07\n\u009b31mred \u202etxet\r\x00\ud800"
"""Clears the screen, names the window, makes a line of its own, colours by a C1 control, turns the text round."""


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_that_a_terminal_would_obey_is_written(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(people), "is_terminal", terminal)
    monkeypatch.setattr(people, "_color_system", None)
    table("Events", ["event", "state"], [[HOSTILE, None]])
    people.print(f"alarm: {HOSTILE}")
    aside.print(HOSTILE)
    said = capsys.readouterr()
    written = said.out + said.err
    assert all(one.isprintable() or one == "\n" for one in written)
    assert written.count("\\x1b[2J") == 3
    written.encode()
    # the event's own line break made no line of the table, and what a command breaks stays broken
    assert not [line for line in said.out.split("alarm")[0].splitlines() if line.strip().startswith("\\x9b31m")]


def test_lines_are_broken_where_a_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    people.print("\nsite depot: 5 kW")
    assert capsys.readouterr().out == "\nsite depot: 5 kW\n"
