"""osed scan and osed devices --families: what is known, and what answers, as a program and a person are told."""

import asyncio
import json
from typing import Any

import pytest
import yaml

from adapters.catalogue import FAMILIES
from adapters.simulator.car import Car
from gateway.config.schema import DeviceSettings
from tests.adapters.registers.bench import PROFILES, bench
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, simulated
from tests.gateway.command import osed


async def scanned(capsys: pytest.CaptureFixture[str], port: int, *more: str) -> tuple[int, str]:
    code, out, _ = await asyncio.to_thread(osed, capsys, "scan", f"127.0.0.1:{port}", "--timeout", "2", *more)
    return code, out


@pytest.mark.parametrize("name", [name for name in PROFILES if "tcp" in PROFILES[name].transport])
async def test_a_known_device_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with bench(name, Hand(UTC_S), Car(), net_w=1200.0) as at:
        if name == "victron-multi":
            # At rest it reads 0 everywhere, and so does much else.
            at.twins.change(at.unit, memory={("holding", 37): 500.0})
        before = at.twin.memory
        code, out = await scanned(capsys, at.port, "--json")
        assert code == 0
        hits: list[dict[str, Any]] = json.loads(out)
        (hit,) = [one for one in hits if name in (one["family"], *one["others"])]
        assert {hit["family"], *hit["others"]} >= {name}
        assert hit["unit"] == PROFILES[name].unit
        assert hit["certain"] or hit["warnings"]
        assert at.twin.memory == before, "a scan only reads"


async def test_what_is_printed_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    async with bench("alfen-eve", Hand(UTC_S), Car()) as at:
        _, out = await scanned(capsys, at.port)
        (device,) = yaml.safe_load(out.partition("to paste below a site's devices:")[2])
        settings = DeviceSettings.model_validate(device)
        assert (settings.family, settings.role, settings.unit) == ("alfen-eve", "evse", 1)
        assert settings.address == f"tcp://127.0.0.1:{at.port}"


async def test_sunspec_is_what_it_says_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand) as site:
        port = next(one["port"] for one in site.announcement["devices"] if one["name"] == "new")
        _, out = await scanned(capsys, port, "--json", "--unit", "1")
        (hit,) = json.loads(out)
        assert (hit["family"], hit["serial"], hit["certain"]) == ("sunspec", "D-1", True)


async def test_nothing_known(capsys: pytest.CaptureFixture[str]) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        code, out = await scanned(capsys, server.sockets[0].getsockname()[1])
    assert (code, out) == (1, "")


def test_families(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "devices", "--families", "--json", "--config", "no-such-file.yaml")
    assert code == 0
    told = {one["name"]: one for one in json.loads(out)}
    assert told.keys() == FAMILIES.keys()
    for one in told.values():
        assert one["kind"] in ("charger", "meter", "battery", "inverter")
        assert one["source"]
        assert one["transport"]
        assert one["simulated"] is True
        assert one["verified"] is (one["unverified"] == [])
        assert one["kind"] == "meter" or one["controls"]
    assert (told["keba-p30"]["verified"], told["vestel-evc04"]["verified"]) == (False, True)
    assert told["alfen-eve"]["controls"] == ["current", "pause", "phases", "fallback"]


def test_families_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "devices", "--families")
    assert code == 0
    assert any(line.split()[:2] == ["heidelberg-energy-control", "charger"] for line in out.splitlines())
