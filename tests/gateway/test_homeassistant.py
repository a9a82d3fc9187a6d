"""Devices behind Home Assistant in the configuration: what is taken, and every mistake."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config.homeassistant import token_of
from gateway.config.load import load
from gateway.specification import HomeSpec, specify
from gateway.wiring import FAMILIES
from grid_functions.model.device import Role
from grid_functions.model.errors import ConfigurationFault, CredentialFault
from tests.gateway.command import osed

SERVER = {"name": "home", "url": "http://192.168.1.5:8123", "token_file": "ha.token"}


def written(
    folder: Path, server: dict[str, Any] | None = None, site: dict[str, Any] | None = None, **device: Any
) -> Path:
    (folder / "ha.token").write_text("abc.def\n")
    hall = {
        "name": "hall",
        "family": "homeassistant",
        "address": "homeassistant://home/climate.hall",
        "role": "load",
        **device,
    }
    house = {"name": "house", "devices": [hall], **(site or {})}
    path = folder / "osed.yaml"
    path.write_text(json.dumps({"gateway": {"homeassistant": [{**SERVER, **(server or {})}]}, "sites": [house]}))
    return path


def mistakes(path: Path) -> str:
    with pytest.raises(ConfigurationFault) as caught:
        load(path, FAMILIES)
    return "\n".join(caught.value.mistakes)


def test_it_is_taken_and_a_renewed_token_is_another_server(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, options={"power": "sensor.p"}), FAMILIES)
    (before,) = specify(loaded).links
    assert isinstance(before, HomeSpec)
    assert specify(loaded).links == {before}
    (tmp_path / "ha.token").write_text("another")
    assert specify(loaded).links != {before}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"address": "homeassistant://other/climate.hall"},
            "no server of gateway.homeassistant is named 'other' (home)",
        ),
        ({"address": "homeassistant://home/climate"}, "is no entity"),
        ({"address": "homeassistant://home/climate.hall; x"}, "address"),
        ({"address": "tcp://192.168.1.5:502"}, "belong together"),
        ({"family": "sunspec"}, "belong together"),
        ({"role": "battery"}, "a battery is not steered over it"),
        ({"options": {"power": "hall"}}, "power: 'hall' is no entity"),
        ({"options": {"wrong": 1}}, "wrong"),
        ({"server": {"url": "http://192.168.1.5:8123/lovelace"}}, "url"),
        ({"server": {"url": "http://user@192.168.1.5"}}, "url"),
        ({"server": {"token_file": "none.token"}}, "none.token cannot be read"),
        ({"server": {"ca": "none.pem"}}, "no such file"),
        ({"server": {"ca": "ha.token"}}, "ca and https belong together"),
        (
            {
                "role": "meter",
                "address": "homeassistant://home/sensor.p",
                "site": {"meter": "hall", "meter_stale_s": 10},
            },
            "as the site's meter it needs meter_stale_s of at least 15",
        ),
    ],
)
def test_every_mistake_is_told(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert words in mistakes(written(tmp_path, **change))


@pytest.mark.parametrize("said", ["", "\n", "two words", "a\nb", "x" * 5000])
def test_what_is_no_token_is_refused_without_telling_it(tmp_path: Path, said: str) -> None:
    (tmp_path / "t").write_text(said)
    with pytest.raises(CredentialFault) as caught:
        token_of(tmp_path / "t")
    assert said.strip() not in str(caught.value) or not said.strip()


def test_an_openadr_resource_stands_for_loads_and_an_end_device_does_not(tmp_path: Path) -> None:
    path = written(tmp_path)
    plain = json.loads(path.read_text())
    ven = {
        "name": "vtn",
        "protocol": "openadr3",
        "url": "http://127.0.0.1:1",
        "ven_name": "v",
        "serves": [{"site": "house"}],
    }
    plain["upstreams"] = [ven]
    path.write_text(json.dumps(plain))
    (upstream,) = specify(load(path, FAMILIES)).upstreams.values()
    assert upstream.serves[0].roles == {"hall": Role.LOAD}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("homeassistant://127.0.0.1:1",), "give --token-file FILE"),
        (("homeassistant://127.0.0.1:1/x/y", "--token-file", "ha.token"), "is no Home Assistant"),
        (("homeassistant://127.0.0.1:1", "--token-file", "no.token"), "no.token cannot be read"),
        (("homeassistant://127.0.0.1:1", "--token-file", "ha.token"), "cannot be asked"),
    ],
)
def test_a_scan_that_cannot_be_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: str,
) -> None:
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, err = osed(capsys, "scan", *arguments)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert words in err
