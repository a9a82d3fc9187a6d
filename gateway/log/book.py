"""The log book: buffered up to a second, a ring bounded in age and rows. Losing a second of it loses no promise."""

import asyncio
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.log import schema
from gateway.store.corruption import set_aside_if_corrupt
from gateway.store.migrate import upgrade
from gateway.store.writer import Statement, Writer, connect, unavailable
from grid_functions.model.errors import LedgerUnavailable

_log = structlog.get_logger("log")
_Told = tuple[dict[str, object], Callable[[], Mapping[str, Any]]]
"""A row without its body, and what tells that."""

_UNREADABLE: Final = (sqlite3.Error, zlib.error, ValueError, TypeError, RecursionError)
"""What a row raises that is none of ours: a page of the file went bad, or somebody else wrote it."""

_RECORD: Final = json.JSONEncoder(separators=(",", ":"), default=str)
_STEP: Final = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log."""

    utc_s: float
    site: str
    kind: str
    correlation: str
    body: Mapping[str, Any]


PACE = 24.0
"""How many times faster than time itself the log may grow old: a clock that leaps months ahead and is set right within the hour costs the
oldest day of it, not all. After a winter switched off it catches up within days; its rows are bounded meanwhile as ever.
"""


class Log:
    """Takes records at once, writes them ``flush_s`` seconds after the first. A full disk costs records, never the caller.

    ``utc`` stamps records; ``mono``: monotonic seconds, by which it is judged how far UTC may be believed when old ones are cut.
    """

    def __init__(
        self,
        path: Path,
        utc: Callable[[], float],
        *,
        mono: Callable[[], float] = time.monotonic,
        keep_s: float = 30 * 86400.0,
        keep_steps_s: float = 7 * 86400.0,
        keep_rows: int = 2_000_000,
        flush_s: float = 1.0,
        busy_s: float = 2.0,
        max_pages: int | None = None,
    ) -> None:
        aside = set_aside_if_corrupt(path, busy_s)
        if aside is not None:
            _log.error("log was corrupt; a new one is begun", set_aside=str(aside))
        upgrade(path, "gateway.log", busy_s=busy_s)
        self._path = path
        self._utc = utc
        self._keep_s, self._keep_steps_s, self._keep_rows, self._flush_s = keep_s, keep_steps_s, keep_rows, flush_s
        self._records: list[_Told] = []
        self._steps: list[_Told] = []
        self._news = asyncio.Event()
        self._mono, self._aged_mono_s = mono, mono()
        self._aged_s = min(utc(), _last_s(path))
        self._writer = Writer(path, synchronous="NORMAL", busy_s=busy_s, max_pages=max_pages)

    def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        """Note one thing; returns at once. ``body`` is the log's from then on, and put into words only when it is written."""
        if not correlation.isascii():
            # An id of a stranger's may have what no text of SQLite has: it would take all of this second with it.
            correlation = correlation.encode(errors="replace").decode()
        row = {"utc_s": self._utc(), "site": site, "kind": kind, "correlation": correlation}
        self._records.append((row, lambda: body))
        self._news.set()

    def add_step(self, site: str, kind: str, body: Callable[[], Mapping[str, Any]]) -> None:
        """Note a decision, or what decisions stand on; it is put into words only when it is written, in another thread."""
        self._steps.append(({"utc_s": self._utc(), "site": site, "kind": kind}, body))
        self._news.set()

    async def run(self) -> None:
        """Write what waits, until cancelled; what waits then is written by :meth:`flush`."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._flush_s)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits and cut what is too old or too much."""
        self._news.clear()
        if not self._records and not self._steps:
            return
        records, self._records = self._records, []
        steps, self._steps = self._steps, []
        worded = await asyncio.to_thread(_worded, records, steps)
        now_s = self._aged()
        cuts: list[Statement] = [
            (schema.CUT_OLD, {"before_s": now_s - self._keep_s}),
            (schema.CUT_LONG, {"rows": self._keep_rows}),
            (schema.CUT_STEPS, {"before_s": now_s - self._keep_steps_s}),
        ]
        try:
            await self._writer.write([*worded, *cuts])
        except LedgerUnavailable as fault:
            _log.warning("log records lost", count=len(worded), why=str(fault))

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()

    def _aged(self) -> float:
        """By which UTC records are too old."""
        mono_s = self._mono()
        self._aged_s = min(self._utc(), self._aged_s + PACE * (mono_s - self._aged_mono_s))
        self._aged_mono_s = mono_s
        return self._aged_s


def latest(path: Path, *, rows: int, correlation: str = "%", site: str = "%") -> tuple[Record, ...]:
    """The newest records, oldest first; ``correlation`` and ``site`` are LIKE patterns. Raises LedgerUnavailable."""
    values = {"rows": rows, "correlation": correlation, "site": site}
    try:
        with closing(connect(path, "NORMAL", 2.0)) as connection:
            found = connection.execute(schema.LATEST, values).fetchall()
        return tuple(
            Record(float(utc_s), str(where), str(kind), str(about), json.loads(body))
            for utc_s, where, kind, about, body in reversed(found)
        )
    except _UNREADABLE as error:
        raise unavailable(path, error) from error


def _last_s(path: Path) -> float:
    """When the last row was noted; infinity without any. Raises LedgerUnavailable."""
    try:
        with closing(connect(path, "NORMAL", 2.0)) as connection:
            rows = [connection.execute(text).fetchone() for text in (schema.NEWEST, schema.NEWEST_STEP)]
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    return max((float(row[0]) for row in rows if row is not None), default=float("inf"))


def recorded_sites(path: Path) -> tuple[str, ...]:
    """The sites whose decisions are recorded. Raises LedgerUnavailable."""
    try:
        with closing(connect(path, "NORMAL", 2.0)) as connection:
            return tuple(str(row[0]) for row in connection.execute(schema.STEP_SITES))
    except sqlite3.Error as error:
        raise unavailable(path, error) from error


def recorded_steps(path: Path, site: str) -> Iterator[Record]:
    """Every recorded decision of one site and what they stand on, oldest first. Raises LedgerUnavailable."""
    try:
        with closing(connect(path, "NORMAL", 2.0)) as connection:
            for utc_s, kind, body in connection.execute(schema.STEPS, {"site": site}):
                yield Record(float(utc_s), site, str(kind), "", json.loads(zlib.decompress(body)))
    except _UNREADABLE as error:
        raise unavailable(path, error) from error


def _worded(records: list[_Told], steps: list[_Told]) -> list[Statement]:
    worded: list[Statement] = [(schema.ADD, {**row, "body": _text(_RECORD, body)}) for row, body in records]
    worded += [(schema.ADD_STEP, {**row, "body": zlib.compress(_text(_STEP, body), 1)}) for row, body in steps]
    return worded


def _text(encoder: json.JSONEncoder, body: Callable[[], Mapping[str, Any]]) -> bytes:
    try:
        return encoder.encode(body()).encode()
    except Exception as fault:
        # What cannot be put into words is our defect; everything else is written all the same.
        _log.exception("a record could not be put into words")
        return encoder.encode({"unwritten": repr(fault)}).encode()
