"""A migration happens whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from gateway.store.corruption import set_aside_if_corrupt
from gateway.store.migrate import upgrade
from grid_functions.model.errors import LedgerUnavailable

VERSION = '''
"""A version that breaks between two tables."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("first", sa.Column("id", sa.Integer, primary_key=True))
    if {breaks}:
        raise ZeroDivisionError("the power went")
    op.create_table("second", sa.Column("id", sa.Integer, primary_key=True))
'''


def book(folder: Path, *, breaks: bool) -> None:
    versions = folder / "brokenbook" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "brokenbook" / "__init__.py").touch()
    (versions / "v0001.py").write_text(VERSION.format(breaks=breaks))


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    found = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return found


def test_one_that_breaks_between_two_tables_leaves_none_and_works_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    book(tmp_path, breaks=True)
    with pytest.raises(ZeroDivisionError):
        upgrade(tmp_path / "b.db", "brokenbook")
    assert tables(tmp_path / "b.db") == set()
    book(tmp_path, breaks=False)
    upgrade(tmp_path / "b.db", "brokenbook")
    assert tables(tmp_path / "b.db") == {"alembic_version", "first", "second"}


def test_it_is_done_once(tmp_path: Path) -> None:
    upgrade(tmp_path / "ledger.db", "gateway.ledger")
    before = (tmp_path / "ledger.db").read_bytes()
    upgrade(tmp_path / "ledger.db", "gateway.ledger")
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"a letter to a friend" * 100)
    with pytest.raises(LedgerUnavailable, match=r"ledger\.db: file is not a database: move ledger\.db aside"):
        upgrade(tmp_path / "ledger.db", "gateway.ledger")


def test_a_file_of_which_sqlite_quotes_what_is_no_text_is_set_aside(tmp_path: Path) -> None:
    """One flipped bit in the schema, and the gateway did not start: what SQLite says of it cannot be put into words."""
    path = tmp_path / "ledger.db"
    upgrade(path, "gateway.ledger")
    path.write_bytes(path.read_bytes().replace(b"TABLE entry", b"\xd4ABLE entry", 1))
    assert set_aside_if_corrupt(path, 0.1) == tmp_path / "ledger.db.corrupt-1"
    assert path.stat().st_size == 0
