"""The log keeps what it was told, in order, and stays a ring."""

import sqlite3
import zlib
from pathlib import Path

import pytest

from gateway.log.book import Log, latest, recorded_steps
from grid_functions.model.errors import LedgerUnavailable


async def test_records_come_back_in_order_and_by_correlation(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.db", lambda: 1000.0)
    log.add("house", "read", "0A0B", {"limit_w": 1500})
    log.add("house", "write", "0C0D", {"register": 40200})
    log.add("barn", "write", "0A0B", {"register": 40201})
    await log.flush()
    log.close()
    assert [r.kind for r in latest(tmp_path / "log.db", rows=10)] == ["read", "write", "write"]
    assert [r.body for r in latest(tmp_path / "log.db", rows=10, correlation="0A0B")] == [
        {"limit_w": 1500},
        {"register": 40201},
    ]
    assert [r.site for r in latest(tmp_path / "log.db", rows=1)] == ["barn"]


async def test_an_id_that_is_no_text_costs_no_record(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.db", lambda: 1000.0)
    for name in ("0A0B", "\ud800", "Küche"):
        log.add("house", "outcome", name, {"text": name})
    await log.flush()
    log.close()
    told = latest(tmp_path / "log.db", rows=10)
    assert [one.correlation for one in told] == ["0A0B", "?", "Küche"]
    assert told[1].body == {"text": "\ud800"}


async def test_the_ring_drops_the_oldest_by_rows_and_by_age(tmp_path: Path) -> None:
    now_s = 1000.0
    log = Log(tmp_path / "log.db", lambda: now_s, mono=lambda: now_s, keep_s=100.0, keep_rows=3)
    for number in range(5):
        log.add("house", "n", "", {"n": number})
    await log.flush()
    assert [r.body["n"] for r in latest(tmp_path / "log.db", rows=10)] == [2, 3, 4]
    now_s = 1101.0
    log.add("house", "n", "", {"n": 5})
    await log.flush()
    assert [r.body["n"] for r in latest(tmp_path / "log.db", rows=10)] == [5]
    log.close()


async def test_a_clock_that_leaps_ahead_and_back_costs_what_time_itself_made_old(tmp_path: Path) -> None:
    """A month ahead for an hour, as after a bad answer of a time server, cut the whole log at the first record."""
    day_s, month_s = 86_400.0, 30 * 86_400.0
    mono_s, ahead_s = 0.0, 0.0
    log = Log(tmp_path / "log.db", lambda: mono_s + ahead_s, mono=lambda: mono_s, keep_s=month_s)

    async def days() -> list[int]:
        log.add("house", "n", "", {"day": round(mono_s / day_s, 3)})
        await log.flush()
        return [r.body["day"] for r in latest(tmp_path / "log.db", rows=100)]

    for day in range(31):
        mono_s = day * day_s
        await days()
    ahead_s = month_s + day_s
    for hour in (0, 1):  # 24 hours of log grow old in one
        mono_s = 30 * day_s + 3600.0 * hour
        left = await days()
        assert left[0] == hour
    ahead_s = 0.0
    assert (await days())[0] == 1
    log.close()


async def test_what_was_written_before_a_long_rest_is_cut_within_days_and_not_at_once(tmp_path: Path) -> None:
    mono_s = 0.0
    rest_s = 0.0

    def begun() -> Log:
        return Log(tmp_path / "log.db", lambda: mono_s + rest_s, mono=lambda: mono_s, keep_s=86_400.0)

    async def left(log: Log, note: str) -> list[str]:
        log.add("house", "n", "", {"note": note})
        await log.flush()
        return [r.body["note"] for r in latest(tmp_path / "log.db", rows=10)]

    log = begun()
    assert await left(log, "before") == ["before"]
    log.close()
    rest_s = 100 * 86_400.0
    log = begun()
    assert await left(log, "after") == ["before", "after"]
    mono_s = 3601.0  # an hour, in which a day of log grows old
    assert await left(log, "later") == ["after", "later"]
    log.close()


async def test_a_full_disk_costs_records_and_never_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    Log(path, lambda: 1000.0).close()
    connection = sqlite3.connect(path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    log = Log(path, lambda: 1000.0, max_pages=pages + 1)
    log.add("house", "large", "", {"text": "x" * 50_000})
    await log.flush()
    log.add("house", "small", "", {})
    await log.flush()
    log.close()
    assert [one.kind for one in latest(path, rows=10)] == ["small"]


async def test_a_locked_log_costs_records_and_never_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = Log(path, lambda: 1000.0, busy_s=0.02)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.add("house", "lost", "", {})
    await log.flush()
    other.execute("ROLLBACK")
    other.close()
    log.add("house", "kept", "", {})
    await log.flush()
    log.close()
    assert [one.kind for one in latest(path, rows=10)] == ["kept"]


async def test_a_corrupt_log_is_set_aside_and_keeps_nobody_from_running(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"no database at all" * 300)
    log = Log(path, lambda: 1000.0)
    log.add("house", "n", "", {})
    await log.flush()
    log.close()
    assert len(latest(path, rows=10)) == 1
    assert (tmp_path / "log.db.corrupt-1").read_bytes() == b"no database at all" * 300


def test_a_log_that_cannot_be_read_is_said_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"no database at all" * 300)
    with pytest.raises(LedgerUnavailable, match=r"log\.db"):
        latest(tmp_path / "log.db", rows=1)


@pytest.mark.parametrize(
    "body", ["text", b"no zlib", zlib.compress(b"\xff"), zlib.compress(b"[" * 100_000), zlib.compress(b"{"), "{"]
)
def test_a_row_that_is_none_of_ours_is_a_log_that_cannot_be_read(tmp_path: Path, body: object) -> None:
    """Of some a traceback was all that `osed replay` said."""
    path = tmp_path / "log.db"
    Log(path, lambda: 1000.0).close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO step (utc_s, site, kind, body) VALUES (1, 's', 'anchor', ?)", (body,))
        connection.execute(
            "INSERT INTO record (utc_s, site, kind, correlation, body) VALUES (1, 's', 'k', '', ?)", (body,)
        )
    connection.close()
    with pytest.raises(LedgerUnavailable):
        list(recorded_steps(path, "s"))
    with pytest.raises(LedgerUnavailable):
        latest(path, rows=10)
