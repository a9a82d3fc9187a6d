"""A log line that cannot be written stops nobody."""

import errno
import io
import sys

import pytest
import structlog

from gateway.lines import speak


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


def test_a_peers_words_make_no_line_and_no_colour_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm may quote what a server called an event; on a terminal it must not read as a line of ours."""
    speak(json_lines=False)
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    structlog.get_logger("site").warning("event e\n2026-11-30 [info] all well \x1b[2J\u009b0m", body="\x1b[2J\n")
    line, rest = said.getvalue().split("\n")
    assert rest == ""
    assert line.isprintable()
    assert "event e\\n2026" in line
