"""A log line that cannot be written stops nobody, and none steers the terminal it comes to."""

import errno
import io
import sys

import pytest
import structlog

from gateway.lines import harmless, speak


class _Full(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def _spoken() -> None:
    speak(json_lines=True)


def test_a_line_goes_to_what_stderr_is_when_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = structlog.get_logger("site")
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    said.info("one", device="pv")
    monkeypatch.setattr(sys, "stderr", second)
    said.warning("two")
    assert '"event": "one"' in first.getvalue()
    assert '"device": "pv"' in first.getvalue()
    assert '"event": "two"' in second.getvalue()


@pytest.mark.parametrize("gone", [_Full(), io.StringIO()], ids=["full", "closed"])
def test_a_line_that_cannot_be_written_is_dropped(gone: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    if not isinstance(gone, _Full):
        gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    structlog.get_logger("site").warning("alarm")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger("site").exception("decision failed")


def test_what_a_stranger_says_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """ECMA-48: ESC and the C1 controls begin what a terminal obeys; Unicode's bidi overrides turn about what is read."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    speak(json_lines=False)
    strange = "\x1b]0;mine\x07\x9b2J\u202e\r\nforged"
    structlog.get_logger("ocpp").warning("refused", station=strange, listed=[strange])
    try:
        raise ZeroDivisionError(strange)
    except ZeroDivisionError:
        structlog.get_logger("ocpp").exception(strange)
    assert "ZeroDivisionError" in said.getvalue()
    assert "mine" in said.getvalue()
    assert all(one.isprintable() or one == "\n" for one in said.getvalue())
    assert sum(line.startswith("forged") for line in said.getvalue().splitlines()) == 1, "in the traceback alone"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Küche 3 \N{WHITE HEAVY CHECK MARK} [bold]", "Küche 3 \N{WHITE HEAVY CHECK MARK} [bold]"),
        ("a\x1b[31m\x7f\x9b", "a\\x1b[31m\\x7f\\x9b"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\ud800\u202e", "\\ud800\\u202e"),
    ],
)
def test_what_cannot_be_read_is_spelled_out(text: str, told: str) -> None:
    assert harmless(text) == told
    assert harmless(text, lines=True) == told.replace("a\\nb", "a\nb")
