"""A SQLite file that is none any more is set aside, so that a new one can be begun."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.store.writer import unavailable
from grid_functions.model.errors import LedgerUnavailable


def set_aside_if_corrupt(path: Path, busy_s: float) -> Path | None:
    """Where a corrupt file at ``path`` was moved to, its write-ahead log beside it; None when it is sound or absent.

    Makes the folder and the file where there are none, for our own user alone. Raises LedgerUnavailable when another program holds the
    file, or the folder cannot be used.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = None if not path.exists() or _sound(path, busy_s) else _moved(path)
        # SQLite makes a file that everybody may read; its write-ahead log takes after it.
        path.touch(mode=0o600)
    except OSError as fault:
        raise LedgerUnavailable(f"{path}: {fault.strerror}", "let the gateway's user write its folder") from fault
    return aside


def _sound(path: Path, busy_s: float) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=busy_s)) as connection:
            connection.text_factory = bytes
            answer = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.OperationalError as error:
        raise unavailable(path, error) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # what is said quotes the file, which need not be text any more
        return False
    return bool(answer == (b"ok",))


def _moved(path: Path) -> Path:
    aside = _free_name(path)
    path.rename(aside)
    for companion in ("-wal", "-shm"):
        beside = path.with_name(path.name + companion)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + companion))
    return aside


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    return name
