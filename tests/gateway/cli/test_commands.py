"""The command line: help with examples, exit codes, one JSON document, errors in one line that say what to do."""

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from certs import dev_ca
from gateway.cli.app import app
from gateway.config.schema import Configuration
from tests.gateway.command import osed
from tests.gateway.config.test_load import GOOD

ROOT = Path(__file__).parents[3]


def commands() -> list[list[str]]:
    def walk(command: Any, path: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            return [path]
        return [found for name, one in inner.items() for found in walk(one, [*path, name])]

    return walk(typer.main.get_command(app), [])


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_shows_an_example_that_it_takes(path: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, *path, "--help")
    assert code == 0
    example = " ".join(out.split()).partition("Example: ")[2]
    assert example.startswith(f"osed {' '.join(path)}")
    options = {word for word in example.partition("Options")[0].split() if word.startswith("--")}
    assert all(option in out.partition("Options")[2] for option in options)


def test_the_whole_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "--help")
    assert code == 0
    for name in ("run", "check", "scan", "demo", "status", "devices", "why", "stop", "certs", "utility-server"):
        assert f"  {name}" in out or f" {name} " in out


def test_the_module_is_the_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "gateway", "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert told.returncode == 0
    assert "utility-server" in told.stdout


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["check", "--nonsense"], ["scan"], ["scan", "h", "--unit", "900"], ["run", "--loop", "x"]],
)
def test_used_wrongly_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = osed(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err


def test_a_bad_configuration_is_one_and_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "osed.yaml"
    path.write_text(GOOD.replace("unit: 240", "unit: 999").replace("fuse_a: 63", "fuse: 63"))
    for command in ("check", "run"):
        code, out, err = osed(capsys, command, "--config", path)
        assert (code, out) == (1, "")
        assert f"{path}:12: sites[0].connection.fuse" in err
        assert f"{path}:15: sites[0].devices[0].unit" in err
        assert err.splitlines()[-1] == "osed: 2 mistake(s) in the configuration"


def test_a_gateway_is_found_while_its_file_is_being_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "osed.yaml"
    path.write_text(GOOD.replace("unit: 240", "unit: 999"))
    code, _, err = osed(capsys, "stop", "--config", path)
    assert code == 1
    assert "start it with 'osed run'" in err
    code, _, err = osed(capsys, "stop", "--config", tmp_path / "none.yaml")
    assert code == 1
    assert "name the file with --config" in err


@pytest.mark.parametrize("arguments", [["status"], ["devices"], ["upstreams"], ["events"], ["why", "pv"], ["stop"]])
def test_without_a_gateway_one_line_says_how_to_start_it(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = lab(tmp_path)
    code, out, err = osed(capsys, *arguments, "--config", config, "--json")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "start it with 'osed run'" in err


def lab(folder: Path) -> Path:
    """A configuration with certificates that can be used."""
    issuer = dev_ca.authority("lab", datetime.now(UTC))
    paths = dev_ca.write(dev_ca.issue(issuer, "gateway", datetime.now(UTC)), folder, "gateway")
    text = GOOD.replace("certificate: device.pem", f"certificate: {paths.chain}")
    text = text.replace("key: device.key", f"key: {paths.key}").replace("ca: ca.pem", f"ca: {paths.root}")
    (folder / "osed.yaml").write_text(text)
    return folder / "osed.yaml"


def test_check_of_a_sound_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = lab(tmp_path)
    code, out, err = osed(capsys, "check", "--config", config)
    assert (code, out, err) == (0, f"{config} is sound: 1 upstream(s), 1 site(s)\n", "")
    code, out, err = osed(capsys, "check", "--config", config, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "ok": True,
        "gateway": "depot-7",
        "upstreams": ["utility"],
        "sites": {"house-1": ["grid-meter", "pv"]},
    }


def test_check_tries_the_credentials_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = lab(tmp_path)
    (tmp_path / "gateway.key").write_text("no key")
    code, out, err = osed(capsys, "check", "--config", config)
    assert (code, out) == (1, "")
    assert "upstream utility" in err
    assert "gateway.key" in err


def test_the_schema_is_json_schema_and_knows_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "check", "--schema")
    schema = json.loads(out)
    assert code == 0
    assert schema["type"] == "object"
    assert set(schema["properties"]) == set(Configuration.model_fields)
    assert schema["additionalProperties"] is False


def test_certificates_are_made_shown_checked_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert osed(capsys, "certs", "ca", "--folder", tmp_path)[0] == 0
    code, out, _ = osed(capsys, "certs", "device", "gateway-1", "--folder", tmp_path, "--json")
    made = json.loads(out)
    assert code == 0
    assert len(made["lfdi"].replace("-", "")) == 40  # 20 bytes, IEEE 2030.5-2018 6.3.4
    code, out, _ = osed(capsys, "certs", "show", made["chain"], "--json")
    assert json.loads(out)["lfdi"] == made["lfdi"]
    assert json.loads(out)["openadr"] == json.loads(out)["fingerprint"][-29:]  # the last ten of its bytes
    code, out, err = osed(capsys, "certs", "check", made["chain"], made["key"], made["root"], "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["suites"] == ["ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-GCM-SHA256"]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for again in (["certs", "ca", "--folder", tmp_path], ["certs", "device", "gateway-1", "--folder", tmp_path]):
        code, out, err = osed(capsys, *again)
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_certs_check_finds_what_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    ours, theirs = dev_ca.authority("ours", now), dev_ca.authority("theirs", now)
    good = dev_ca.write(dev_ca.issue(ours, "good", now), tmp_path, "good")
    foreign = dev_ca.write(dev_ca.issue(theirs, "foreign", now), tmp_path, "foreign")
    code, _, err = osed(capsys, "certs", "check", good.chain, foreign.key, good.root)
    assert code == 1
    assert "does not belong to" in err
    old = now - timedelta(days=900)
    expired = dev_ca.issue(dev_ca.authority("old", old), "old", old, not_after=old + timedelta(days=1))
    paths = dev_ca.write(expired, tmp_path, "old")
    code, _, err = osed(capsys, "certs", "check", paths.chain, paths.key, paths.root)
    assert code == 1
    assert "get a new one" in err
    (tmp_path / "broken.key").write_text("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
    code, _, err = osed(capsys, "certs", "check", good.chain, tmp_path / "broken.key", good.root)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "broken.key" in err
    code, _, err = osed(capsys, "certs", "show", tmp_path / "lost.pem")
    assert (code, len(err.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.0/8", "at most 1024"),
        ("10.0.0.0/99", "no subnet"),
        ("a b", "no address"),
        ("h:99999", "not in 1..65535"),
    ],
)
def test_scan_refuses_addresses_that_are_none(address: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = osed(capsys, "scan", address)
    assert (code, out) == (1, "")
    assert words in err
    assert len(err.splitlines()) == 1


def shell(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own; ``how``: of its streams and limits."""
    words = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(words, **{"stderr": subprocess.PIPE, "text": True, "check": False} | how)  # noqa: S603  # our own command


def test_a_full_disk_behind_stdout_is_told_in_one_line() -> None:
    """It was a traceback of forty lines."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = shell("check", "--schema", stdout=full)
    assert (done.returncode, done.stderr) == (1, "osed: [Errno 28] No space left on device\n")


def test_a_reader_that_has_gone_is_no_fault_to_talk_about() -> None:
    read, write = os.pipe()
    os.close(read)
    done = shell("check", "--schema", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_stdout_is_one_that_nobody_reads(tmp_path: Path) -> None:
    """No command could be begun so."""
    done = shell("check", "--schema", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")
    done = shell("check", "-c", str(tmp_path / "none.yaml"), stderr=None, preexec_fn=lambda: os.close(2))
    assert done.returncode == 1


@pytest.mark.parametrize("command", [["status"], ["stop"], ["check"]])
def test_a_folder_of_no_possible_name_is_a_mistake_of_the_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "osed.yaml"
    site = "{name: s, connection: {import_limit_w: 1, export_limit_w: 1, phases: 1, fuse_a: 16}, devices: [%s]}"
    device = '{name: pv, family: sunspec, address: "tcp://127.0.0.1:1", unit: 1, role: pv}'
    file.write_text(f'gateway: {{data: "a\\0b"}}\nsites: [{site % device}]\n')
    code, _, told = osed(capsys, *command, "-c", file)
    assert (code, told.splitlines()[-1]) == (1, "osed: 1 mistake(s) in the configuration")
    assert "gateway.data" in told


def test_a_configuration_without_an_end_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "status"):
        code, _, told = osed(capsys, command, "-c", "/dev/zero")
        assert (code, len(told.splitlines())) == (1, 2)


def test_a_file_of_an_impossible_name_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = osed(capsys, "replay", "a" * 300)
    assert (code, len(told.splitlines())) == (1, 1)


@pytest.mark.parametrize(("serial", "host"), [("\udcff", "h"), ("a\nb", "h"), ("ok", "é.example"), ("ok", "\udcff")])
def test_names_that_no_certificate_can_hold(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, serial: str, host: str
) -> None:
    assert osed(capsys, "certs", "ca", "--folder", tmp_path)[0] == 0
    code, _, told = osed(capsys, "certs", "device", serial, "--host", host, "--folder", tmp_path)
    assert (code, len(told.splitlines())) == (1, 1)
    assert not list(tmp_path.glob(f"{serial}*"))


def test_half_a_key_is_not_left_in_the_way(tmp_path: Path) -> None:
    """A disk full once, and every later attempt said that the file exists."""
    limit = (10, resource.RLIM_INFINITY)
    done = shell(
        "certs", "ca", "--folder", str(tmp_path), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert list(tmp_path.iterdir()) == []
