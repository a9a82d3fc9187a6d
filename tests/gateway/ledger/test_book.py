"""Nothing acknowledged is lost, nothing half-written is seen, and a broken file is said to be broken."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ledger.book import Ledger, open_ledger
from gateway.ledger.codec import Codec
from grid_functions.model.entry import Entry
from grid_functions.model.errors import LedgerUnavailable
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Cause, Outcome, OutcomeKind

LFDI = "3E4F45AB31EDFE5B67E343E5E4562E3100000000"
KEY = EventKey(Respondent("utility", LFDI), "0A0B")
RECEIVED = Outcome(KEY, OutcomeKind.RECEIVED, Moment("utility", 1000.0))
STARTED = Outcome(KEY, OutcomeKind.STARTED, Moment("utility", 1060.0), Cause(text="on time"))


def codec() -> Codec:
    return Codec([Outcome])


def fresh(path: Path, max_pages: int | None = None, busy_s: float = 2.0) -> Ledger:
    return open_ledger(path, codec(), max_pages=max_pages, busy_s=busy_s).ledger


async def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    await ledger.commit("house", [Entry(("owed", "1"), RECEIVED), Entry(("owed", "2"), STARTED)])
    await ledger.commit("house", [Entry(("owed", "1"), None)])
    await ledger.put("session", 3, b"bytes")
    ledger.close()

    again = fresh(tmp_path / "ledger.db")
    assert again.entries("house") == (Entry(("owed", "2"), STARTED),)
    assert again.entries("other") == ()
    assert again.streams() == ("house",)
    assert again.get("session") == (3, b"bytes")
    assert again.get("nothing") is None
    again.close()


async def test_what_is_kept_is_for_our_own_user_whatever_the_mask(tmp_path: Path) -> None:
    """Who was at home when, and by which ids an upstream knows whom: nobody else on the machine may read it."""
    path, before = tmp_path / "data" / "ledger.db", os.umask(0)
    try:
        for _ in range(2):
            ledger = fresh(path)
            await ledger.put("session", 3, b"bytes")
            made = [path.parent, *path.parent.iterdir()]
            assert {one.name for one in made} == {"data", "ledger.db", "ledger.db-wal", "ledger.db-shm"}
            assert [one.name for one in made if one.stat().st_mode & 0o077] == []
            ledger.close()
        path.chmod(0o640)
        ledger = fresh(path)
        assert path.stat().st_mode & 0o777 == 0o640, "what the operator chose stays"
        ledger.close()
        path.write_bytes(b"no database" * 1000)
        fresh(path).close()
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


async def test_an_id_that_is_no_text_is_kept_and_stops_no_other(tmp_path: Path) -> None:
    """RFC 8259, 8.2: JSON can say half of a character; a database's text cannot."""
    ledger = fresh(tmp_path / "ledger.db")
    odd = Outcome(EventKey(Respondent("utility", LFDI), "\ud800"), OutcomeKind.RECEIVED, Moment("utility", 1000.0))
    entries = (Entry(("owed", "\ud800"), odd), Entry(("owed", "é"), RECEIVED))
    await ledger.commit("house", entries)
    ledger.close()
    again = fresh(tmp_path / "ledger.db")
    assert set(again.entries("house")) == set(entries)
    await again.commit("house", [Entry(("owed", "\ud800"), None)])
    assert again.entries("house") == entries[1:]
    again.close()


async def test_keys_with_quotes_and_foreign_letters_stay_apart(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    keys = [("a", "b"), ("a,b",), ('a"', "é"), ("a", "b", "")]
    await ledger.commit("s", [Entry(key, RECEIVED) for key in keys])
    assert {entry.key for entry in ledger.entries("s")} == set(keys)
    ledger.close()


async def test_a_killed_process_keeps_every_acknowledged_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = f"""
import asyncio, os, sys
from pathlib import Path
from tests.gateway.ledger.test_book import RECEIVED, fresh
from grid_functions.model.entry import Entry
async def main():
    ledger = fresh(Path({str(path)!r}))
    for number in range(20):
        await ledger.commit("s", [Entry(("n", f"{{number:03}}"), RECEIVED)])
        print(number, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    told = len(run.stdout.split())
    assert (told, run.returncode) == (20, -9), run.stderr
    ledger = fresh(path)
    assert len(ledger.entries("s")) == told
    ledger.close()


async def test_many_waiters_share_commits_and_each_is_answered(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    await asyncio.gather(*(ledger.commit("s", [Entry(("n", str(n)), RECEIVED)]) for n in range(200)))
    assert len(ledger.entries("s")) == 200
    ledger.close()


async def test_a_full_disk_loses_the_transaction_whole_says_so_and_recovers_nothing_by_halves(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    fresh(path).close()
    with closing(sqlite3.connect(path)) as file:
        pages = file.execute("PRAGMA page_count").fetchone()[0]
    ledger = fresh(path, max_pages=pages + 1)
    long = Outcome(KEY, OutcomeKind.STARTED, Moment("utility", 1.0), Cause(text="x" * 20_000))
    with pytest.raises(LedgerUnavailable, match=r"full.*free space"):
        await ledger.commit("s", [Entry(("small",), RECEIVED), Entry(("large",), long)])
    assert ledger.entries("s") == ()
    await ledger.commit("s", [Entry(("small",), RECEIVED)])
    assert ledger.entries("s") == (Entry(("small",), RECEIVED),)
    ledger.close()


async def test_a_locked_ledger_is_named_and_works_again_when_let_go(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = fresh(path, busy_s=0.02)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match=r"locked.*end the other program"):
        await ledger.commit("s", [Entry(("a",), RECEIVED)])
    other.execute("ROLLBACK")
    other.close()
    await ledger.commit("s", [Entry(("a",), RECEIVED)])
    assert len(ledger.entries("s")) == 1
    ledger.close()


@pytest.mark.parametrize(
    "content", [b"this is no database at all, not even nearly" * 40, b"SQLite format 3\0" + b"\xff" * 4000]
)
async def test_a_corrupt_ledger_is_set_aside_and_a_new_one_begun(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    opened = open_ledger(path, codec())
    assert opened.set_aside == tmp_path / "ledger.db.corrupt-1"
    assert opened.set_aside.read_bytes() == content
    await opened.ledger.commit("s", [Entry(("a",), RECEIVED)])
    opened.ledger.close()
    assert open_ledger(path, codec()).set_aside is None


async def test_a_row_of_an_unknown_kind_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = fresh(path)
    await ledger.commit("s", [Entry(("a",), RECEIVED)])
    ledger.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entry SET kind = 'Novelty'")
    connection.close()
    again = fresh(path)
    with pytest.raises(LedgerUnavailable, match=r"Novelty.*run the newer version"):
        again.entries("s")
    again.close()


async def test_a_ledger_that_another_program_holds_cannot_be_opened_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    fresh(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerUnavailable, match=r"locked.*end the other program"):
        open_ledger(path, codec(), busy_s=0.02)
    other.close()
    assert open_ledger(path, codec()).set_aside is None


async def test_a_ledger_that_decayed_in_the_middle_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = fresh(path)
    await ledger.commit("s", [Entry(("n", f"{n:04}"), RECEIVED) for n in range(500)])
    ledger.close()
    content = bytearray(path.read_bytes())
    content[8192 : len(content) - 4096] = b"\xa5" * (len(content) - 4096 - 8192)
    path.write_bytes(content)
    opened = open_ledger(path, codec())
    assert opened.set_aside is not None
    assert opened.set_aside.read_bytes() == bytes(content)
    assert opened.ledger.entries("s") == ()
    opened.ledger.close()


async def test_a_second_corrupt_ledger_takes_no_place_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for number in (1, 2):
        path.write_bytes(b"no database" * 100 * number)
        opened = open_ledger(path, codec())
        opened.ledger.close()
        assert opened.set_aside == tmp_path / f"ledger.db.corrupt-{number}"
    assert len((tmp_path / "ledger.db.corrupt-1").read_bytes()) == 1100


async def test_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    fresh(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerUnavailable, match=r"newer version: run that version again"):
        open_ledger(path, codec())
    assert path.exists()


async def test_a_row_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = fresh(path)
    await ledger.commit("s", [Entry(("a",), RECEIVED)])
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entry SET body = CAST('{\"half' AS BLOB)")
    connection.commit()
    connection.close()
    again = fresh(path)
    with pytest.raises(LedgerUnavailable, match=r"cannot be read.*move the ledger aside"):
        again.entries("s")
    again.close()


async def test_what_sqlite_will_not_take_fails_its_own_writer_and_nobody_else(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # While it is locked the three wait together: one group.
    writes = [
        asyncio.ensure_future(one)
        for one in (
            ledger.commit("s", [Entry(("a",), RECEIVED)]),
            ledger.put("too large", 2**70, b""),  # SQLite's integers end at 2**63
            ledger.commit("t", [Entry(("b",), STARTED)]),
        )
    ]
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()
    told = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(one, LedgerUnavailable) for one in told] == [False, True, False]
    assert ledger.streams() == ("s", "t")
    assert ledger.get("too large") is None
    ledger.close()


async def test_a_closed_ledger_answers_instead_of_hanging(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    ledger.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.commit("s", [Entry(("a",), RECEIVED)])


async def test_a_folder_that_cannot_be_made_is_the_operators_matter(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(LedgerUnavailable, match=r"ledger\.db.*user write its folder"):
        open_ledger(tmp_path / "data" / "ledger.db", codec())


async def test_each_owners_memory_is_apart(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    await ledger.memory("upstream/a").put("clock", 1, b"a")
    await ledger.memory("upstream/b").put("clock", 2, b"b")
    assert ledger.memory("upstream/a").get("clock") == (1, b"a")
    assert ledger.memory("site/a").get("clock") is None
    ledger.close()


async def test_a_stream_that_is_forgotten_leaves_the_others(tmp_path: Path) -> None:
    ledger = fresh(tmp_path / "ledger.db")
    await ledger.commit("s", [Entry(("a",), RECEIVED)])
    await ledger.commit("t", [Entry(("a",), RECEIVED)])
    await ledger.forget("s")
    assert ledger.streams() == ("t",)
    ledger.close()
