"""osed scan and osed devices --families: what is known, and what answers, as a program and a person are told."""

import asyncio
import json
from typing import Any

import pytest
import yaml

from adapters.catalogue import CALLING, FAMILIES, HEATERS
from adapters.modbus.frames import encode_reply
from adapters.modbus.rtu import asked_of, request_size, sealed
from adapters.simulator.car import Car
from adapters.simulator.twin import Twin
from adapters.simulator.twins import Twins
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
    assert told.keys() == FAMILIES.keys() | CALLING.keys() | HEATERS.keys()
    for one in told.values():
        assert one["kind"] in ("charger", "meter", "battery", "inverter", "load", "heater")
        assert one["source"]
        assert one["transport"]
        assert one["simulated"] is (one["name"] not in ("homeassistant", "edgex"))
        assert one["verified"] is (one["unverified"] == [])
        assert one["kind"] == "meter" or one["controls"]
    assert (told["keba-p30"]["verified"], told["vestel-evc04"]["verified"]) == (False, True)
    assert told["alfen-eve"]["controls"] == ["current", "pause", "phases", "fallback"]


def test_families_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = osed(capsys, "devices", "--families")
    assert code == 0
    assert any(line.split()[:2] == ["heidelberg-energy-control", "charger"] for line in out.splitlines())


async def test_a_bus_is_scanned_unit_by_unit(capsys: pytest.CaptureFixture[str]) -> None:
    """A charger and a meter behind a serial device server; nobody answers as unit 3."""
    twins = Twins(
        {
            1: Twin(PROFILES["heidelberg-energy-control"], car=Car()),
            2: Twin(PROFILES["eastron-sdm630"], net_w=900.0),
        },
        lambda: UTC_S,
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while chunk := await reader.read(256):
            data += chunk
            while (size := request_size(data)) and len(data) >= size:
                frame = asked_of(data[:size])
                assert frame is not None
                reply = twins.reply(frame) if frame.unit != 3 else None
                if reply is not None:
                    writer.write(sealed(encode_reply(frame, reply)[6:]))
                data = data[size:]
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = f"rtu+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        units = [word for unit in (1, 2, 3) for word in ("--unit", str(unit))]
        code, out, _ = await asyncio.to_thread(osed, capsys, "scan", address, "--timeout", "0.5", "--json", *units)
    assert code == 0
    hits = json.loads(out)
    assert {hit["address"] for hit in hits} == {address}
    met = [(hit["unit"], name) for hit in hits for name in (hit["family"], *hit["others"])]
    assert (1, "heidelberg-energy-control") in met
    assert (2, "eastron-sdm630") in met
    assert 3 not in {unit for unit, _ in met}
