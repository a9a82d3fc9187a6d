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


def harmless(text: str, *, lines: bool = False) -> str:
    """Text of a stranger for a terminal: what would steer it, or turn its writing about, is spelled out. ``lines``: it may have several."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or (lines and one == "\n") else _spelled(one) for one in text)


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
            *(() if as_json else (_harmless,)),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=Lines,
        cache_logger_on_first_use=False,
    )


def _harmless(_: Any, __: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What is no text the renderer spells out by itself."""
    return {key: harmless(one, lines=key == "exception") if isinstance(one, str) else one for key, one in said.items()}


def _spelled(one: str) -> str:
    return one.encode("unicode_escape").decode()
