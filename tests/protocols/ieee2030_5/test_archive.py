"""The store of a utility server: what is kept survives, what cannot be kept is said."""

import sqlite3
from pathlib import Path

import pytest

from grid_functions.model.errors import LedgerUnavailable
from protocols.ieee2030_5.archive import FileStore
from protocols.ieee2030_5.desk.records import Control, Device, Mirror, Receipt, Settings
from protocols.ieee2030_5.desk.shelf import Drop, Put
from protocols.ieee2030_5.wire.datatypes import ActivePower, FixedVar, Link
from protocols.ieee2030_5.wire.der import DERControlBase
from protocols.ieee2030_5.wire.metering import MirrorMeterReading, MirrorUsagePoint, ReadingType

LFDI = "A" * 40
RECORDS = (
    Settings(seed=7, in_band=True, clock_offset_s=-5, in_band_pin=111115),
    Device(number=1, lfdi=LFDI, sfdi=1, registered_s=2, changed_s=3, name="Zoë <&>", pin=0, managed_by="B" * 40),
    Control(
        number=1,
        program=1,
        mRID="0A",
        creation_s=-1,
        start_s=2**40,
        duration_s=60,
        modes=DERControlBase(
            opModConnect=False,
            opModExpLimW=ActivePower(1, 5000),
            opModFixedVar=FixedVar(1, -100),
            opModVoltVar=Link("/derp/1/dc/1"),
        ),
        superseded_by="0B",
    ),
    Receipt(number=1, device=1, lfdi=LFDI, subject="0A", status=254, created_s=None, t_ms=1_795_435_200_123),
    Mirror(
        number=1,
        device=1,
        point=MirrorUsagePoint(
            mRID="0A",
            roleFlags=3,
            serviceCategoryKind=0,
            status=1,
            deviceLFDI=LFDI,
            MirrorMeterReading=(MirrorMeterReading(mRID="0B", ReadingType=ReadingType(uom=38)),),
        ),
    ),
)


def reopened(path: Path) -> tuple[object, ...]:
    store = FileStore(path)
    try:
        return tuple(store.load())
    finally:
        store.close()


def test_records_come_back_as_they_were_put(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "new" / "utility.db")
    assert list(store.load()) == []
    store.save([Put(record) for record in RECORDS])
    store.close()
    assert reopened(tmp_path / "new" / "utility.db") == RECORDS


def test_the_last_put_holds_and_what_was_dropped_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    store = FileStore(path)
    store.save([Put(Settings(seed=1)), Put(RECORDS[1])])
    store.save([Put(Settings(seed=2)), Drop(Device, 1), Drop(Device, 99)])
    store.close()
    assert reopened(path) == (Settings(seed=2),)


def test_a_file_that_is_no_store_is_an_operators_fault(tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    path.write_bytes(b"this is no database, and long enough to be looked at as one" * 20)
    with pytest.raises(LedgerUnavailable, match=r"utility\.db cannot be used: .*not a database"):
        reopened(path)


def test_a_store_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    file = sqlite3.connect(path)
    file.execute("PRAGMA user_version = 3")
    file.close()
    with pytest.raises(LedgerUnavailable, match="format is 3, newer than 2"):
        reopened(path)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Settings", "{"),
        ("Settings", '{"seed": -1}'),
        ("Settings", '{"unknown": 1}'),
        ("Spoon", "{}"),
        ("Control", "{}"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, kind: str, body: str) -> None:
    path = tmp_path / "utility.db"
    store = FileStore(path)
    store.save([Put(Settings())])
    store.close()
    file = sqlite3.connect(path)
    with file:
        file.execute("INSERT INTO record VALUES (?, 'k', ?)", (kind, body))
    file.close()
    with pytest.raises(LedgerUnavailable, match=f"{kind} k is not readable"):
        reopened(path)


def test_two_servers_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    store = FileStore(path, wait_s=0)
    store.save([Put(Settings())])
    other = FileStore(path, wait_s=0)
    with pytest.raises(LedgerUnavailable, match="locked"):
        other.load()
    other.close()
    store.close()


def test_what_cannot_be_written_keeps_nothing_of_the_change(tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    store = FileStore(path)
    store.save([Put(Settings(seed=1))])
    store.close()
    file = sqlite3.connect(path)
    file.execute(
        "CREATE TRIGGER full BEFORE INSERT ON record WHEN NEW.kind = 'Device'"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    file.close()
    store = FileStore(path)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        store.save([Put(Settings(seed=2)), Put(RECORDS[1])])
    store.save([Put(Settings(seed=1, pen=3))])
    store.close()
    assert reopened(path) == (Settings(seed=1, pen=3),)


def test_a_store_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    """Format 1 held in its Settings how the server played dead; all else of it stays, and the file says 2 from then on."""
    path = tmp_path / "utility.db"
    file = sqlite3.connect(path)
    with file:
        file.execute("CREATE TABLE record (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))")
        settings = (
            '{"seed":7,"pen":28547,"derp_poll_s":60,"answer":"status","answer_status":503,"answer_prefix":"/derp",'
            '"drop_responses":false}'
        )
        device = '{"number":1,"lfdi":"' + LFDI + '","sfdi":1,"registered_s":2,"changed_s":3,"pin":111115}'
        file.execute("INSERT INTO record VALUES ('Settings', '', ?), ('Device', '1', ?)", (settings, device))
        file.execute("PRAGMA user_version = 1")
    file.close()
    wanted = (
        Settings(seed=7, pen=28547, derp_poll_s=60),
        Device(number=1, lfdi=LFDI, sfdi=1, registered_s=2, changed_s=3, pin=111115),
    )
    assert reopened(path) == wanted
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA user_version").fetchone() == (2,)
    file.close()
    assert reopened(path) == wanted
