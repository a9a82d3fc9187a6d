"""What a utility server remembers over restarts: records in one SQLite file, written before a reply is sent."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from grid_functions.model.errors import LedgerUnavailable
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import KINDS, Record
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put
from protocols.ieee2030_5.wire.values import BadValue

FORMAT = 2
"""Of the file, as its user_version; an older one is brought up to it, a newer one is refused."""


class Store(Protocol):
    """Where records survive. It may block: the server calls it from one thread of its own, one call after the other.

    LedgerUnavailable whenever records cannot be read or kept.
    """

    def load(self) -> Sequence[Record]:
        """Every record kept."""

    def save(self, changes: Sequence[Change]) -> None:
        """Keep these changes, all or none; returns when they are durable."""

    def close(self) -> None:
        """Let go of what is held."""


class Forgetful:
    """A store that keeps nothing: every start is a first one."""

    def load(self) -> Sequence[Record]:
        """Nothing."""
        return ()

    def save(self, changes: Sequence[Change]) -> None:
        """Kept in memory only, by the server itself."""

    def close(self) -> None:
        """Nothing is held."""


class FileStore:
    """Records in one SQLite file, as JSON. One server per file.

    `wait_s`: how long another's lock is waited for.
    """

    def __init__(self, path: Path, wait_s: float = 2.0) -> None:
        self._path = path
        self._wait_s = wait_s
        self._file: sqlite3.Connection | None = None

    def load(self) -> Sequence[Record]:
        """Every record kept, in the order in which they were first put."""
        with self._said():
            return self._load()

    def save(self, changes: Sequence[Change]) -> None:
        """Keep these changes in one transaction; returns when they are on the disk."""
        with self._said():
            self._save(changes)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with self._said():
                self._file.close()
            self._file = None

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            advice = "free the disk, unlock the file, or name another"
            raise LedgerUnavailable(f"the store {self._path} cannot be used: {fault}", advice) from fault

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(self._path, isolation_level=None, timeout=self._wait_s, check_same_thread=False)
            try:
                # Exclusive: a second server on the same file would undo what this one keeps.
                file.execute("PRAGMA locking_mode = EXCLUSIVE")
                file.execute("PRAGMA journal_mode = WAL")
                file.execute("PRAGMA synchronous = FULL")
                file.execute("BEGIN IMMEDIATE")
                (version,) = file.execute("PRAGMA user_version").fetchone()
                if version > FORMAT:
                    raise sqlite3.DatabaseError(f"its format is {version}, newer than {FORMAT}")
                file.execute(_TABLE)
                for former in range(version or FORMAT, FORMAT):
                    file.execute(_MIGRATIONS[former])
                file.execute(f"PRAGMA user_version = {FORMAT}")
                file.execute("COMMIT")
            except BaseException:
                file.close()
                raise
            self._file = file
        return self._file

    def _load(self) -> Sequence[Record]:
        records: list[Record] = []
        for kind, key, body in self._open().execute("SELECT kind, key, body FROM record ORDER BY rowid"):
            try:
                records.append(from_plain(KINDS[kind], json.loads(body)))
            except (BadValue, KeyError, ValueError) as fault:
                raise sqlite3.DatabaseError(f"{kind} {key} is not readable: {fault}") from fault
        return records

    def _save(self, changes: Sequence[Change]) -> None:
        file = self._open()
        file.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                match change:
                    case Put(record):
                        body = json.dumps(to_plain(record), separators=(",", ":"))
                        file.execute(_PUT, (type(record).__name__, str(record.key), body))
                    case Drop(kind, key):
                        file.execute(_DROP, (kind.__name__, str(key)))
            file.execute("COMMIT")
        except BaseException:
            file.execute("ROLLBACK")
            raise


_TABLE = "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
_MIGRATIONS = {
    # How the server played dead stood in its settings; since format 2 it is a trick, and those are not kept.
    1: "UPDATE record SET body = json_remove(body, '$.answer', '$.answer_status', '$.answer_prefix', '$.drop_responses')"
    " WHERE kind = 'Settings'"
}
"""Format -> what makes the next one of it."""

_PUT = "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
_DROP = "DELETE FROM record WHERE kind = ? AND key = ?"
