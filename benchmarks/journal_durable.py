"""Rows that are durable when acknowledged: the product's ledger beside aiosqlite, 100 producers, WAL, synchronous FULL.

Every producer waits for its row before it writes the next. Wall time: it is the disk that is waited for. The folder is made in
the current directory, for a memory file system would flatter both.
"""

import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import uvloop

from benchmarks.row import Row
from gateway.ledger import schema
from gateway.ledger.book import open_ledger
from gateway.ledger.codec import Codec

PRODUCERS = 100
ROWS = 20
ROUNDS = 7
GOAL = 0.1
BODY = bytes(range(256)) + bytes(44)
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run() -> list[dict[str, Any]]:
    """One row per event loop. Raises AssertionError if one side kept other rows than the other."""
    return [_case(loop) for loop in LOOPS]


def _case(loop: str) -> dict[str, Any]:
    ours, theirs = [], []
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory(prefix=".journal-", dir=Path.cwd()) as folder:
            here = Path(folder)
            with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
                mine = runner.run(_ours(here / "ours.db"))
                other = runner.run(_aiosqlite(here / "theirs.db"))
            assert _kept(here / "ours.db") == _kept(here / "theirs.db") == _expected()
        if number:  # the first round warms up
            ours.append(mine)
            theirs.append(other)
    return Row(
        name="journal_durable",
        case=f"{PRODUCERS} producers, FULL",
        unit="us a row",
        ours=[1e6 * one for one in ours],
        theirs=[1e6 * one for one in theirs],
        peer_name="aiosqlite",
        goal=GOAL,
        loop=loop,
    ).plain()


def _key(producer: int, row: int) -> str:
    return f"site/producer-{producer}/row-{row}"


def _expected() -> dict[str, bytes]:
    return {_key(producer, row): BODY for producer in range(PRODUCERS) for row in range(ROWS)}


def _kept(path: Path) -> dict[str, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, body FROM memory"))


async def _timed(put: Callable[[str], Awaitable[None]]) -> float:
    """Seconds for each row while all producers write."""

    async def produce(producer: int) -> None:
        for row in range(ROWS):
            await put(_key(producer, row))

    began_s = time.perf_counter()
    await asyncio.gather(*(produce(producer) for producer in range(PRODUCERS)))
    return (time.perf_counter() - began_s) / (PRODUCERS * ROWS)


async def _ours(path: Path) -> float:
    ledger = open_ledger(path, Codec(())).ledger

    async def put(key: str) -> None:
        await ledger.put(key, 1, BODY)

    try:
        return await _timed(put)
    finally:
        ledger.close()


async def _aiosqlite(path: Path) -> float:
    # The same table, made by the same migration, and the same statement.
    open_ledger(path, Codec(())).ledger.close()
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")

        async def put(key: str) -> None:
            row = {"key": key, "version": 1, "body": BODY, "utc_s": time.time()}
            await connection.execute(schema.PUT_MEMORY, row)

        return await _timed(put)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
