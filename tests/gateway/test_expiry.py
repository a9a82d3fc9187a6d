"""Warnings before our own certificates end: sixty, thirty, seven days, and when it is over; of every protocol alike."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs import dev_ca
from gateway.config.load import Loaded, load
from gateway.expiry import Shown, shown_by, warning
from gateway.wiring import FAMILIES

DAY_S = 86400.0
END = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
MINE = Shown("upstream utility", Path("device.chain.pem"), END.timestamp())


@pytest.mark.parametrize(
    ("left_s", "told"),
    [
        (60 * DAY_S + 1, None),
        (60 * DAY_S, "ends 2027-03-01 12:00 UTC, in less than 60 days"),
        (30 * DAY_S + 1, "ends 2027-03-01 12:00 UTC, in less than 60 days"),
        (30 * DAY_S, "ends 2027-03-01 12:00 UTC, in less than 30 days"),
        (7 * DAY_S + 1, "ends 2027-03-01 12:00 UTC, in less than 30 days"),
        (7 * DAY_S, "ends 2027-03-01 12:00 UTC, in less than 7 days"),
        (1.0, "ends 2027-03-01 12:00 UTC, in less than 7 days"),
        (0.0, "ended 2027-03-01 12:00 UTC"),
        (-DAY_S, "ended 2027-03-01 12:00 UTC"),
    ],
)
def test_each_stage_has_its_words(left_s: float, told: str | None) -> None:
    said = warning(MINE, END.timestamp() - left_s)
    if told is None:
        assert said is None
    else:
        assert said is not None
        assert told in said
        assert "device.chain.pem" in said


def test_in_sixty_days_there_are_four_alarms() -> None:
    hours = range(70 * 24)
    said = [warning(MINE, END.timestamp() - 65 * DAY_S + hour * 3600.0) for hour in hours]
    assert len(dict.fromkeys(one for one in said if one is not None)) == 4


def test_without_an_end_nothing_is_ever_said() -> None:
    forever = Shown("upstream utility", Path("device.chain.pem"), None)
    assert warning(forever, datetime(9999, 12, 31, tzinfo=UTC).timestamp()) is None


def test_a_file_that_cannot_be_read_is_said_and_hides_no_other(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path)
    (tmp_path / "central.chain.pem").write_text("no certificate")
    (tmp_path / "modbus.chain.pem").unlink()
    found = {one.file.name: one for one in shown_by(loaded)}
    assert found["ven.chain.pem"].ends_s == END.timestamp()
    for name in ("central.chain.pem", "modbus.chain.pem"):
        said = warning(found[name], 0.0)
        assert said is not None
        assert "cannot be told" in said


def _files(folder: Path, name: str, **changes: Any) -> dict[str, str]:
    now = datetime.now(UTC)
    paths = dev_ca.write(dev_ca.issue(dev_ca.authority(name, now), name, now, **changes), folder, name)
    return {"certificate": paths.chain.name, "key": paths.key.name, "ca": paths.root.name}


def _loaded(folder: Path) -> Loaded:
    device = {"name": "pv", "family": "sunspec", "address": "tls://192.0.2.1:802", "role": "pv"}
    central = {key: path for key, path in _files(folder, "central", not_after=END).items() if key != "ca"}
    of = {
        "gateway": {"ocpp": {"profile": 2, "tls": central}},
        "upstreams": [
            {
                "name": "utility",
                "protocol": "ieee2030_5",
                "url": "https://utility.example/dcap",
                "tls": _files(folder, "device"),
                "serves": [{"site": "house"}],
            },
            {
                "name": "vtn",
                "protocol": "openadr2b",
                "url": "https://vtn.example/OpenADR2/Simple/2.0b",
                "ven_name": "depot",
                "tls": _files(folder, "ven", not_after=END),
                "signature": _files(folder, "signer", not_after=END),
                "serves": [{"site": "house"}],
            },
            {
                "name": "vtn3",
                "protocol": "openadr3",
                "url": "https://vtn.example/openadr3/3.1.0",
                "ven_name": "depot",
                "ca": _files(folder, "theirs", not_after=END)["ca"],
                "serves": [{"site": "house"}],
            },
        ],
        "sites": [{"name": "house", "devices": [device | {"tls": _files(folder, "modbus", not_after=END)}]}],
    }
    (folder / "osed.yaml").write_text(yaml.safe_dump(of))
    return load(folder / "osed.yaml", FAMILIES)


def test_all_that_we_show_is_watched_and_none_of_what_others_show(tmp_path: Path) -> None:
    found = {(one.whose, one.file.name, one.ends_s) for one in shown_by(_loaded(tmp_path))}
    end_s = END.timestamp()
    assert found == {
        ("upstream utility", "device.chain.pem", None),
        ("upstream vtn", "ven.chain.pem", end_s),
        ("upstream vtn", "signer.chain.pem", end_s),
        ("gateway.ocpp", "central.chain.pem", end_s),
        ("device house/pv", "modbus.chain.pem", end_s),
    }
