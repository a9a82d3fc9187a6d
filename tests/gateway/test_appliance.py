"""The gateway as a process, in front of a simulated site and a utility that does not answer."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest
import yaml
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from certs import dev_ca
from tests.gateway.command import osed
from tests.ports import kept_port

ROOT = Path(__file__).parents[2]
PLAN = {
    "inverters": [{"name": "pv", "kind": "der700", "rated_w": 6000, "serial": "M-1", "models": [714]}],
    "meter": {"name": "grid-meter", "serial": "G-1"},
    "house": {"base_w": 800},
    "sun": {"fraction": 0.9},
}


@contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m module``, gone at the end whatever happens."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(  # noqa: S603  # our own modules, fixed arguments
        command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def line_with(stream: IO[str] | None, words: str) -> dict[str, Any]:
    """The first log line of that event; what came before it is in the failure when the process ends without."""
    assert stream is not None
    before = []
    for line in stream:
        before.append(line)
        if line.startswith("{"):
            told: dict[str, Any] = json.loads(line)
            if told.get("event") == words:
                return told
    raise AssertionError("".join(before))


def configuration(folder: Path, devices: list[dict[str, Any]]) -> Path:
    """A site of these devices; its utility is a port where nobody listens, its fail-safe 1,500 W of export."""
    issuer = dev_ca.authority("lab", datetime.now(UTC))
    paths = dev_ca.write(dev_ca.issue(issuer, "gateway", datetime.now(UTC)), folder, "gateway")
    tls = {"certificate": str(paths.chain), "key": str(paths.key), "ca": str(paths.root)}
    upstream = {
        "name": "utility",
        "protocol": "ieee2030_5",
        "url": f"https://127.0.0.1:{kept_port()}/dcap",
        "tls": tls,
        "serves": [{"site": "house"}],
        "fail_safe": {"export_limit_w": 1500},
    }
    site = {"name": "house", "meter": "grid-meter", "devices": devices}
    plain = {"gateway": {"name": "lab", "data": "data"}, "upstreams": [upstream], "sites": [site]}
    (folder / "osed.yaml").write_text(yaml.safe_dump(plain))
    return folder / "osed.yaml"


def answer(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> Any:
    """The one JSON document of a command that succeeds."""
    code, out, err = osed(capsys, *arguments, "--config", config, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def site() -> Iterator[list[dict[str, Any]]]:
    """A simulated site's devices, as its process announces them; one for each test: a gateway that is gone leaves its timers running."""
    with process("adapters.simulator", "--plan", json.dumps(PLAN), "--until-eof") as child:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())["devices"]


def settings(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The devices as a configuration names them."""
    return [
        {
            "name": one["name"],
            "family": "sunspec",
            "address": f"tcp://{one['host']}:{one['port']}",
            "unit": one["unit"],
            "role": "meter" if one["name"] == "grid-meter" else "pv",
            "serial": one["serial"],
        }
        for one in found
    ]


def test_scan_finds_the_site_and_what_it_prints_to_paste_is_a_sound_configuration(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, settings(site))
    for where in sorted({(one["host"], one["port"]) for one in site}):
        here = [one for one in site if (one["host"], one["port"]) == where]
        units = [word for one in here for word in ("--unit", str(one["unit"]))]
        address = f"{where[0]}:{where[1]}"
        code, out, err = osed(capsys, "scan", address, *units, "--json")
        assert (code, err) == (0, "")
        assert {one["serial"] for one in json.loads(out)} == {one["serial"] for one in here}
        code, out, _ = osed(capsys, "scan", address, *units)
        assert code == 0
        pasted = yaml.safe_load(out.partition("devices:\n")[2])
        plain = yaml.safe_load(config.read_text())
        plain["sites"][0] |= {"devices": pasted, "meter": None}
        (tmp_path / "pasted.yaml").write_text(yaml.safe_dump(plain))
        code, out, err = osed(capsys, "check", "--config", tmp_path / "pasted.yaml")
        assert (code, err) == (0, "")


def test_a_running_gateway_answers_refuses_a_second_and_leaves_what_is_held_when_it_ends(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, settings(site))
    with process("gateway", "run", "--config", str(config)) as gateway:
        line_with(gateway.stderr, "running")
        code, out, err = osed(capsys, "run", "--config", config)
        assert (code, out) == (1, "")
        assert "another gateway runs on" in err
        status = answer(capsys, config, "status")
        assert status["gateway"] == "lab"
        assert status["sites"][0]["mode"] == "active"
        assert {one["name"] for one in answer(capsys, config, "devices")} == {"pv", "grid-meter"}
        assert answer(capsys, config, "upstreams")[0]["name"] == "utility"
        (pv,) = answer(capsys, config, "devices", "pv")
        assert [port["kind"] for port in pv["ports"]] == ["PV"]
        code, out, err = osed(capsys, "devices", "roof", "--config", config)
        assert (code, out) == (1, "")
        assert "devices: grid-meter, pv" in err
        held = _until_held(capsys, config)
        # Never read completely: the fail-safe stands (rule 7), so no more than 1,500 W beside the load may be produced.
        assert held["produce_max_w"] <= 2500.0  # 1,500 W beside a load of 800 W, and some ripple
        (event,) = [one for one in answer(capsys, config, "events") if one["basis"] == "fail_safe"]
        assert event["source"] == "ieee2030_5/utility"
        why = answer(capsys, config, "why", "pv")
        assert why["device"]["name"] == "pv"
        assert any(one["want"] == "<= 1500" for one in why["holds"])
        code, _, err = osed(capsys, "why", "no/such%", "--config", config)
        assert code == 1
        assert "'no/such%'" in err
        assert "devices: grid-meter, pv" in err
        for command in ("status", "devices", "upstreams", "events"):
            code, out, _ = osed(capsys, command, "--config", config)
            assert code == 0
            assert out
        gateway.send_signal(signal.SIGTERM)
        line_with(gateway.stderr, "stopped")
        assert gateway.wait(30) == 0
    code, _, err = osed(capsys, "status", "--config", config)
    assert code == 1
    with process("gateway", "run", "--config", str(config), "--observe") as gateway:
        line_with(gateway.stderr, "running")
        assert answer(capsys, config, "status")["sites"][0]["mode"] == "observe"
        # What the first gateway wrote is still held: a graceful end releases nothing.
        assert _until_held(capsys, config)["produce_max_w"] <= 2500.0
        assert answer(capsys, config, "stop") == {"stopping": True}
        assert gateway.wait(30) == 0


def test_a_reload_applies_a_difference_and_nothing_else(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, settings(site))
    sound = config.read_text()
    plain = yaml.safe_load(sound)

    def edited(**changes: Any) -> None:
        config.write_text(yaml.safe_dump(plain | changes))

    with process("gateway", "run", "--config", str(config)) as gateway:
        line_with(gateway.stderr, "running")
        held = _until_held(capsys, config)
        told = answer(capsys, config, "reload")
        assert told["kept"] == ["device house/grid-meter", "device house/pv", "site house", "upstream utility"]
        assert not told["added"] + told["changed"] + told["removed"]

        empty = {"name": "shed", "devices": [plain["sites"][0]["devices"][0] | {"name": "twin"}]}
        edited(sites=[*plain["sites"], empty])
        told = answer(capsys, config, "reload")
        assert (told["added"], told["changed"], told["removed"]) == (["device shed/twin", "site shed"], [], [])
        assert [one["site"] for one in answer(capsys, config, "status")["sites"]] == ["house", "shed"]

        poorer = plain["upstreams"][0] | {"fail_safe": {"export_limit_w": 900}}
        edited(upstreams=[poorer])
        told = answer(capsys, config, "reload")
        assert (told["added"], told["changed"]) == ([], ["site house", "upstream utility"])
        assert told["removed"] == ["device shed/twin", "site shed"]
        assert told["kept"] == ["device house/grid-meter", "device house/pv"]
        # The new fail-safe holds: 900 W beside a load of 800 W, and some ripple; without a bump, for what was held is looser.
        assert held["produce_max_w"] > 2000.0
        while _until_held(capsys, config)["produce_max_w"] > 1900.0:
            pass

        config.write_text(sound.replace("role: pv", "role: sun"))
        code, out, err = osed(capsys, "reload", "--config", config)
        assert (code, out) == (1, "")
        assert "sites[0].devices" in err
        edited(gateway={"name": "lab", "data": "data", "log_days": 3})
        code, out, err = osed(capsys, "reload", "--config", config)
        assert (code, out) == (1, "")
        assert "only a restart applies it" in err
        assert _until_held(capsys, config)["produce_max_w"] <= 1900.0


def test_a_certificate_near_its_end_is_an_alarm_of_its_upstream_until_a_new_one_is_there(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, settings(site))
    now = datetime.now(UTC)
    short = dev_ca.issue(dev_ca.authority("lab", now), "short", now, not_after=now + timedelta(days=20))
    sound = {path: path.read_bytes() for path in (tmp_path / "gateway.chain.pem", tmp_path / "gateway.key")}
    (tmp_path / "gateway.chain.pem").write_bytes(short.chain_pem())
    (tmp_path / "gateway.key").write_bytes(short.key_pem())
    with process("gateway", "run", "--config", str(config), "--observe") as gateway:
        alarm = line_with(gateway.stderr, "alarm")
        assert "upstream utility" in alarm["what"]
        assert "in less than 30 days" in alarm["what"]
        (told,) = answer(capsys, config, "upstreams")
        assert "in less than 30 days" in told["alarms"]["certificate gateway.chain.pem"]
        code, out, _ = osed(capsys, "status", "--config", config)
        assert code == 0
        assert "30 days" in " ".join(out.split())
        for path, content in sound.items():
            path.write_bytes(content)
        assert "upstream utility" in answer(capsys, config, "reload")["changed"]
        (told,) = answer(capsys, config, "upstreams")
        assert "certificate gateway.chain.pem" not in told["alarms"]
        answer(capsys, config, "stop")
        assert gateway.wait(30) == 0


def test_commissioning_refuses_beside_a_gateway_and_prints_lines_that_check_accepts(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.commission.REVERT_S", 5.0)
    config = configuration(tmp_path, settings(site))
    with process("gateway", "run", "--config", str(config), "--observe") as gateway:
        line_with(gateway.stderr, "running")
        code, out, err = osed(capsys, "test", "pv", "--yes", "--config", config)
        assert (code, out) == (1, "")
        assert "stop it first" in err
        answer(capsys, config, "stop")
        assert gateway.wait(30) == 0
    code, out, err = osed(capsys, "test", "roof", "--yes", "--config", config)
    assert (code, out) == (1, "")
    assert "house/grid-meter, house/pv" in err
    told = answer(capsys, config, "test", "house/pv", "--yes")
    assert (told["obeys"], told["restored"]) == (True, True)
    assert re.fullmatch(r"falls to its value after \d+\.\d s of 5 s", told["revert"])
    plain = yaml.safe_load(config.read_text())
    pv = next(one for one in plain["sites"][0]["devices"] if one["name"] == "pv")
    pv |= yaml.safe_load("\n".join(told["lines"]))
    assert pv["serial"] == "M-1"
    config.write_text(yaml.safe_dump(plain))
    assert osed(capsys, "check", "--config", config)[0] == 0


def test_stop_with_release_gives_the_values_from_before_us_back(
    site: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The installer had set 80 % of 6 kW; a third party's client sets and reads it."""
    pv = next(one for one in site if one["name"] == "pv")
    device = SunSpecModbusClientDeviceTCP(pv["unit"], pv["host"], pv["port"], timeout=5)
    try:
        device.scan()
        limit = device.models[704][0]
        limit.read()
        limit.WMaxLimPct.cvalue, limit.WMaxLimPctEna.value = 80.0, 1
        limit.write()
        config = configuration(tmp_path, settings(site))
        with process("gateway", "run", "--config", str(config)) as gateway:
            line_with(gateway.stderr, "running")
            while _until_held(capsys, config)["produce_max_w"] > 2500.0:
                pass
            limit.read()
            assert limit.WMaxLimPct.cvalue < 42.0
            assert answer(capsys, config, "stop", "--release") == {"stopping": True}
            line_with(gateway.stderr, "stopped")
            assert gateway.wait(30) == 0
        limit.read()
        assert (limit.WMaxLimPct.cvalue, limit.WMaxLimPctEna.value) == (80.0, 1)
        limit.WMaxLimPctEna.value = 0
        limit.write()
    finally:
        device.close()


def _until_held(capsys: pytest.CaptureFixture[str], config: Path) -> dict[str, Any]:
    """What the inverter holds, once it was read back; the process is asked again until it says so."""
    for _ in range(600):
        for one in answer(capsys, config, "devices"):
            if one["name"] == "pv" and (one.get("holds") or {}).get("produce_max_w") is not None:
                found: dict[str, Any] = one["holds"]
                return found
    raise AssertionError("the inverter never held a limit")


def test_a_corrupt_ledger_is_set_aside_and_the_gateway_runs(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{kept_port()}"
    meter = {"name": "grid-meter", "family": "sunspec", "address": address, "role": "meter"}
    config = configuration(tmp_path, [meter])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.db").write_bytes(b"no database" * 1000)
    with process("gateway", "run", "--config", str(config), "--loop", "asyncio") as gateway:
        told = line_with(gateway.stderr, "ledger was corrupt; a new one is begun and upstreams are read again")
        line_with(gateway.stderr, "running")
        os.kill(gateway.pid, signal.SIGINT)
        assert gateway.wait(30) == 0
    assert Path(told["set_aside"]).read_bytes() == b"no database" * 1000


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(
        tmp_path, [{"name": "grid-meter", "family": "sunspec", "address": "tcp://127.0.0.1:1", "role": "meter"}]
    )
    (tmp_path / "data").write_text("a file")
    code, out, err = osed(capsys, "run", "--config", config)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "choose another data folder" in err
