"""One thread that owns the SQLite connection: it takes everything that waits, writes it in one transaction and answers.

Group commit: under load the cost of a durable commit is shared by all that wait; a lone row pays one. A transaction that fails is
undone whole and everyone who waited on it is told; the next one tries afresh, so a disk that is full today may have room tomorrow.
Rows that SQLite will not take fail their own writer only: the others of their group are written without them.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from grid_functions.model.errors import LedgerUnavailable

Statement = tuple[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class _Work:
    statements: Sequence[Statement]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"


class Writer:
    """Durable writes to one file. ``synchronous``: FULL for the ledger, NORMAL for the log."""

    def __init__(
        self, path: Path, *, synchronous: str = "FULL", busy_s: float = 2.0, max_pages: int | None = None
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._busy_s = busy_s
        self._max_pages = max_pages
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name=f"writer-{path.name}", daemon=True)
        self._thread.start()

    async def write(self, statements: Sequence[Statement]) -> None:
        """Returns when all statements are durable, together. Raises LedgerUnavailable when none of them is."""
        if statements:
            await self._enqueue(statements)

    async def drain(self) -> None:
        """Returns when all that was handed over before is written or refused. Raises LedgerUnavailable when nothing can be written."""
        await self._enqueue(())

    async def _enqueue(self, statements: Sequence[Statement]) -> None:
        if self._closed:
            raise LedgerUnavailable(f"{self._path} is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Work(statements, loop, done))
        await done

    def close(self) -> None:
        """Write what waits, then end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        closing = False
        while not closing:
            batch: list[_Work] = []
            first = self._queue.get()
            closing = first is None
            if first is not None:
                batch.append(first)
            while not self._queue.empty():
                more = self._queue.get()
                closing = closing or more is None
                if more is not None:
                    batch.append(more)
            if not batch:
                continue
            connection = self._write_group(connection, batch)
        if connection is not None:
            connection.close()

    def _write_group(self, connection: sqlite3.Connection | None, group: list[_Work]) -> sqlite3.Connection | None:
        """The connection to go on with; None = open a new one for the next group."""
        fault: LedgerUnavailable | None = None
        try:
            connection = connection or connect(self._path, self._synchronous, self._busy_s, self._max_pages)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for work in group:
                    for text, values in work.statements:
                        connection.execute(text, values)
        except Exception as error:
            # Not only sqlite3.Error: a number too large for SQLite is an OverflowError, and the thread must outlive it.
            if connection is not None:
                connection.close()
            connection = None
            if len(group) > 1 and not isinstance(error, sqlite3.OperationalError):
                for work in group:
                    connection = self._write_group(connection, [work])
                return connection
            fault = unavailable(self._path, error)
        # One call for all that wait in a loop: each call wakes it through its pipe, which costs more than the row.
        for loop in {work.loop for work in group}:
            done = [work.done for work in group if work.loop is loop]
            with suppress(RuntimeError):  # its loop has ended: nobody waits
                loop.call_soon_threadsafe(_answer, done, fault)
        return connection


def connect(path: Path, synchronous: str, busy_s: float, max_pages: int | None = None) -> sqlite3.Connection:
    """A connection in WAL mode whose transactions are begun by hand. Raises sqlite3.Error; no file is left open then."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=busy_s, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {max_pages}")
    except BaseException:
        connection.close()
        raise
    return connection


def unavailable(path: Path, error: BaseException | None) -> LedgerUnavailable:
    """What SQLite said, with what the operator can do."""
    text = str(error)
    if "full" in text:
        advice = "free space on its disk; tightening goes on, loosening waits"
    elif "disk I/O" in text:
        # Said at the start also where the disk is full: what is set aside then is lost, and was sound.
        advice = "see that its disk has space and is sound; leave the file where it is"
    elif "locked" in text or "busy" in text:
        advice = "end the other program that holds it"
    elif "unable to open" in text or "readonly" in text:
        advice = "let the gateway's user write its folder"
    else:
        advice = f"move {path.name} aside and restart; what upstreams still show is read again"
    return LedgerUnavailable(f"{path}: {text}", advice)


def _answer(waiting: "list[asyncio.Future[None]]", fault: LedgerUnavailable | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if fault is None:
            done.set_result(None)
        else:
            done.set_exception(fault)
