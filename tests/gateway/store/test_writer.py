"""What the operator is told to do about a book that cannot be written."""

import sqlite3
from pathlib import Path

import pytest

from gateway.store.writer import unavailable


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("database or disk is full", "free space"),
        # What SQLite says of a full disk where it cannot even begin a write-ahead log (SQLITE_IOERR).
        ("disk I/O error", "leave the file where it is"),
        ("database is locked", "end the other program"),
        ("unable to open database file", "let the gateway's user write"),
        ("database disk image is malformed", "move ledger.db aside"),
    ],
)
def test_what_was_sound_is_not_to_be_moved_aside(said: str, advice: str) -> None:
    fault = unavailable(Path("ledger.db"), sqlite3.OperationalError(said))
    assert advice in fault.advice
    assert ("aside" in fault.advice) is ("malformed" in said)
