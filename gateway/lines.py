"""Structured log lines: for people on a terminal, JSON otherwise."""

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog


class Lines:
    """Writes lines to what stderr is now. A line that cannot be written is dropped: a full disk or a closed pipe behind stderr must not
    reach whoever had something to say.
    """

    def __init__(self, *_: Any) -> None:
        """Called by structlog for every logger; all of them share stderr."""

    def msg(self, message: str) -> None:
        """One line."""
        with suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    log = debug = info = warn = warning = error = critical = exception = fatal = msg


def escaped(text: object) -> str:
    """On one line, and nothing in it that a terminal would obey: what peers say is shown, never done."""
    told = str(text)
    return told if told.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in told)


def _escaped(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    line["event"] = escaped(line["event"])
    return line


def speak(*, verbose: bool = False, json_lines: bool | None = None) -> None:
    """Set up the log lines of this process, to stderr. ``json_lines`` None: JSON unless stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *(() if as_json else (_escaped,)),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=Lines,
        cache_logger_on_first_use=False,
    )
