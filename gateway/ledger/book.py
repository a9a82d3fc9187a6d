"""The ledger as the roof uses it: streams of entries per site, and the memory of sessions and drivers."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger import schema
from gateway.ledger.codec import Codec, key_of, key_text
from gateway.store.corruption import set_aside_if_corrupt
from gateway.store.migrate import upgrade
from gateway.store.writer import Statement, Writer, connect, unavailable
from grid_functions.model.entry import Entry
from grid_functions.model.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True)
class Opened:
    """A ledger ready for use; ``set_aside`` names the corrupt file it replaced, if any."""

    ledger: "Ledger"
    set_aside: Path | None


class Ledger:
    """Durable state. ``utc`` stamps rows; reads happen once, at the start, and are synchronous."""

    def __init__(
        self,
        path: Path,
        codec: Codec,
        utc: Callable[[], float] = time.time,
        max_pages: int | None = None,
        busy_s: float = 2.0,
    ) -> None:
        self._path = path
        self._codec = codec
        self._utc = utc
        self._busy_s = busy_s
        self._memory = _read_memory(path, busy_s)
        self._writer = Writer(path, busy_s=busy_s, max_pages=max_pages)

    def streams(self) -> tuple[str, ...]:
        """The names of all streams that hold anything."""
        return tuple(str(row[0]) for row in _rows(self._path, schema.READ_STREAMS, {}, self._busy_s))

    def entries(self, stream: str) -> tuple[Entry, ...]:
        """Everything a site's stream holds, in the order of keys. Raises LedgerUnavailable."""
        rows = _rows(self._path, schema.READ_STREAM, {"stream": stream}, self._busy_s)
        return tuple(
            self._codec.entry(key_of(str(key)), str(kind), _int(version), _bytes(body))
            for key, kind, version, body in rows
        )

    async def commit(self, stream: str, entries: Iterable[Entry]) -> None:
        """Returns when all entries are durable, together. Raises LedgerUnavailable when none is."""
        utc_s = self._utc()
        await self._writer.write([self._statement(stream, entry, utc_s) for entry in entries])

    async def settle(self) -> None:
        """Returns when every commit and put begun before has ended, also those whose caller was cancelled. Raises LedgerUnavailable."""
        await self._writer.drain()

    async def forget(self, stream: str) -> None:
        """Forget a whole stream: its site is gone."""
        await self._writer.write([(schema.FORGET_STREAM, {"stream": stream})])

    def get(self, key: str) -> tuple[int, bytes] | None:
        """The Memory port: version and bytes last put."""
        return self._memory.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        """The Memory port: returns when durable."""
        row = {"key": key, "version": version, "body": body, "utc_s": self._utc()}
        await self._writer.write([(schema.PUT_MEMORY, row)])
        self._memory[key] = (version, body)

    def memory(self, owner: str) -> "OwnMemory":
        """The memory of one session or site, apart from everybody else's."""
        return OwnMemory(self, owner)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._writer.close()

    def _statement(self, stream: str, entry: Entry, utc_s: float) -> Statement:
        key = key_text(entry.key)
        if entry.value is None:
            return schema.FORGET_ENTRY, {"stream": stream, "key": key}
        kind, version, body = self._codec.encode(entry.value)
        return schema.PUT_ENTRY, {
            "stream": stream,
            "key": key,
            "kind": kind,
            "version": version,
            "body": body,
            "utc_s": utc_s,
        }


class OwnMemory:
    """The Memory port under one owner's name."""

    def __init__(self, ledger: Ledger, owner: str) -> None:
        self._ledger, self._owner = ledger, owner

    def get(self, key: str) -> tuple[int, bytes] | None:
        """The version and bytes last put, or None."""
        return self._ledger.get(f"{self._owner}/{key}")

    async def put(self, key: str, version: int, body: bytes) -> None:
        """Returns when durable; raises LedgerUnavailable when it cannot be."""
        await self._ledger.put(f"{self._owner}/{key}", version, body)


def open_ledger(
    path: Path,
    codec: Codec,
    utc: Callable[[], float] = time.time,
    max_pages: int | None = None,
    busy_s: float = 2.0,
) -> Opened:
    """Open, check and migrate the ledger at ``path``, making it if absent; ``busy_s``: patience with another program's lock.

    A corrupt file is set aside under its own name plus ``.corrupt`` and a new one begun: what devices hold stands until the
    upstreams have been read again. Raises LedgerUnavailable when another program holds it or the disk is full.
    """
    set_aside = set_aside_if_corrupt(path, busy_s)
    upgrade(path, "gateway.ledger", busy_s=busy_s)
    return Opened(Ledger(path, codec, utc, max_pages, busy_s), set_aside)


def _rows(path: Path, text: str, values: dict[str, object], busy_s: float) -> list[tuple[object, ...]]:
    try:
        with closing(connect(path, "FULL", busy_s)) as connection:
            return list(connection.execute(text, values))
    except sqlite3.Error as error:
        raise unavailable(path, error) from error


def _read_memory(path: Path, busy_s: float) -> dict[str, tuple[int, bytes]]:
    rows = _rows(path, schema.READ_MEMORY, {}, busy_s)
    return {str(key): (_int(version), _bytes(body)) for key, version, body in rows}


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise LedgerUnavailable(f"a number in the ledger is {value!r}")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise LedgerUnavailable(f"a body in the ledger is {type(value).__name__}")
    return value
