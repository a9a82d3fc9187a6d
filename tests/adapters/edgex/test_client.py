"""One EdgeX at its port: core-command over real HTTP, brokers over real MQTT, and what goes wrong between."""

import json
import ssl
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import cbor2
import pytest
from aiohttp import web

from adapters.edgex import bus as bus_module
from adapters.edgex import client
from adapters.edgex.bus import Broker
from adapters.edgex.client import EdgexGadget, Foundry, Place, imported
from adapters.edgex.options import EdgexOptions
from adapters.edgex.unit import UnitSettings
from gateway.clock import SystemClock
from grid_functions.model.device import Role, Seen, Trouble
from grid_functions.model.errors import CredentialFault, Unreachable
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.edgex.foundry import Edgex, Machine, Resource, enveloped
from tests.adapters.knobs.rig import Rig
from tests.mosquitto import mosquitto, passwords, with_mosquitto
from tests.ports import kept_port
from tests.protocols.ieee2030_5.lab import Authority

NET: MeterKey = (Quantity.NET, None)
OPTIONS = EdgexOptions(limit_production="Limit W", power="Power W", rated_w=5000.0, every_s=1.0, stale_s=30.0)
TOKEN = "header.payload.signature"  # noqa: S105 - of no server


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at twenty times as often."""
    monkeypatch.setattr(EdgexGadget, "look_s", EdgexGadget.look_s / 20)


def edgex() -> Edgex:
    machine = Machine({"Limit": Resource("Uint16", 5000), "Power": Resource("Float32", -3000.0, "R", "W")})
    machine.resources["Power"].follows = lambda: -min(3000.0, float(machine.resources["Limit"].value))
    return Edgex(Inv_1=machine)


class EdgexRig(Rig[EdgexGadget]):
    """One inverter behind an EdgeX."""

    def __init__(self, place: Place, options: EdgexOptions = OPTIONS) -> None:
        super().__init__()
        self.server = self.foundry = Foundry(place, SystemClock(), self.dice)
        settings = UnitSettings("inv", "Inv-1", Role.PV, options)
        self.gadget = EdgexGadget(settings, self.foundry, self.shelf, SystemClock(), self.note)


def rest(server: Edgex, **more: Any) -> Place:
    return Place("plant", server.url, **more)


def broker(port: int, **more: Any) -> Broker:
    return Broker("127.0.0.1", port, events=("edgex/events/device/#",), **more)


def commanding(port: int, **more: Any) -> Place:
    topics = {"request": "edgex/command/request", "response": "edgex/command/response"}
    return Place("plant", broker=broker(port, **topics, **more))


def holding(limit_w: float) -> Callable[[Seen], bool]:
    return lambda seen: (
        seen.condition.holds is not None
        and seen.condition.holds.decision > 0
        and seen.condition.holds.produce_max_w == limit_w
    )


def watts(value: float) -> Callable[[Seen], bool]:
    def measured(seen: Seen) -> bool:
        one = seen.condition.readings.get(NET)
        return one is not None and one.quality is Quality.GOOD and one.value == value

    return measured


def wanted(limit_w: float, decision: int = 1) -> Setpoint:
    return Setpoint("inv", decision, produce_max_w=limit_w)


async def test_it_is_read_set_read_back_measured_and_given_back_over_rest() -> None:
    async with edgex().serving() as server, EdgexRig(rest(server)).running() as rig:
        await rig.until(watts(-3000.0))
        rig.gadget.want(wanted(1200.0))
        await rig.until(holding(1200.0))
        await rig.until(watts(-1200.0))
        assert server.puts == [("Inv-1", "Limit", {"Limit": "1200"})]
        assert await rig.gadget.release()
        assert server.machines["Inv-1"].resources["Limit"].value == 5000
        assert all(str(uuid.UUID(one)) == one for one in server.correlations)
        assert len(set(server.correlations)) == len(server.correlations)
        assert [kind for kind, _, _ in rig.notes] == ["call", "answer", "call", "answer"]


async def test_nothing_is_set_before_what_was_there_is_kept() -> None:
    async with edgex().serving() as server, EdgexRig(rest(server)).running() as rig:
        rig.shelf.broken = True
        rig.gadget.want(wanted(1200.0))
        seen = await rig.until(watts(-3000.0))
        await rig.until(lambda one: one is not seen)
        assert server.puts == []
        rig.shelf.broken = False
        await rig.until(holding(1200.0))


def plain(status: int, body: Any = None, **more: Any) -> Callable[[], web.Response]:
    if body is None:
        return lambda: web.Response(status=status, **more)
    return lambda: web.json_response(body, status=status)


FAILURES = {
    "500": plain(500, {"apiVersion": "v3", "statusCode": 500, "message": "boom"}),
    "503": plain(503, {"apiVersion": "v3", "statusCode": 503, "message": "HTTP request timeout"}),
    "failure inside 200": plain(200, {"apiVersion": "v3", "statusCode": 500, "message": "inside"}),
    "multi-status": plain(207, [{"apiVersion": "v3", "statusCode": 200}, {"apiVersion": "v3", "statusCode": 400}]),
    "another version": plain(200, {"apiVersion": "v1", "statusCode": 200}),
    "no json": plain(200, text="<html>hello</html>"),
    "redirect": plain(302, headers={"Location": "http://127.0.0.1:1/"}),
    "too much": plain(200, body=None, text="x" * 5000),
}


@pytest.mark.parametrize("method", ["get", "set"])
@pytest.mark.parametrize("misdeed", FAILURES)
async def test_whatever_core_command_answers_the_next_one_makes_it_good(
    misdeed: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 4000)
    monkeypatch.setattr("adapters.obedience.RETRY_S", 0.1)
    async with edgex().serving() as server:
        server.mischief.append((method, FAILURES[misdeed]))
        async with EdgexRig(rest(server)).running() as rig:
            rig.gadget.want(wanted(1200.0))
            await rig.until(holding(1200.0))
            assert server.mischief == []
            assert any(
                trouble is Trouble.WRITE_REFUSED for seen in rig.looks for trouble in seen.condition.troubles
            ) is (method == "set")


async def test_a_locked_device_is_told_and_served_again_when_it_is_unlocked() -> None:
    async with edgex().serving() as server, EdgexRig(rest(server)).running() as rig:
        await rig.until(watts(-3000.0))
        server.machines["Inv-1"].admin = "LOCKED"
        seen = await rig.until(lambda one: not one.condition.online)
        assert seen.condition.alarms == {"LOCKED"}
        assert "423 device Inv-1 locked" in seen.condition.text
        rig.gadget.want(wanted(1200.0))
        server.machines["Inv-1"].admin = "UNLOCKED"
        await rig.until(holding(1200.0))
        alarms = [body["text"] for kind, _, body in rig.notes if kind == "alarm"]
        assert alarms == ["EdgeX has locked Inv-1: 423 device Inv-1 locked", "EdgeX lets us at Inv-1 again"]


async def test_a_server_that_goes_and_comes_back_is_found_again() -> None:
    made = edgex()
    made.port = kept_port()
    async with EdgexRig(Place("plant", made.url)).running() as rig:
        seen = await rig.until(lambda one: len(rig.dice.waits) >= 14)
        assert "cannot be reached" in seen.condition.text
        assert Trouble.SILENT in seen.condition.troubles
        # two resources, each ever more slowly
        assert sorted(rig.dice.waits[:14]) == sorted([2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] * 2)
        async with made.serving():
            await rig.until(watts(-3000.0))
            rig.gadget.want(wanted(1200.0))
            await rig.until(holding(1200.0))
        await rig.until(lambda one: "cannot be reached" in one.condition.text)
        async with made.serving():
            made.machines["Inv-1"].resources["Limit"].value = 5000  # a restart of the device lost it
            await rig.until(lambda one: one.condition.holds is not None and one.condition.holds.produce_max_w == 5000)
            await rig.until(holding(1200.0))


async def test_the_api_gateway_gets_its_token_and_a_renewed_one_is_taken() -> None:
    tokens = ["old"]
    async with edgex().serving() as server:
        server.token = TOKEN
        async with EdgexRig(rest(server, token=lambda: tokens[0])).running() as rig:
            seen = await rig.until(lambda one: one.condition.alarms == {"REFUSED"})
            assert "old" not in seen.condition.text
            tokens[0] = TOKEN
            await rig.until(watts(-3000.0))
            assert TOKEN not in repr(rig.notes) + repr(rig.looks)


async def test_a_token_that_cannot_be_read_is_the_operators() -> None:
    def none() -> str:
        raise CredentialFault("edgex.jwt can be read by others", "chmod 600 edgex.jwt")

    async with edgex().serving() as server, EdgexRig(rest(server, token=none)).running() as rig:
        await rig.until(lambda one: "chmod 600 edgex.jwt" in one.condition.text)
        assert server.asked == []


async def test_edgex_2_speaks_v2() -> None:
    made = edgex()
    made.version = "v2"
    async with made.serving() as server, EdgexRig(rest(server, version="v2")).running() as rig:
        await rig.until(watts(-3000.0))


async def test_the_servers_clock_is_learnt_from_its_answers() -> None:
    made = edgex()
    async with made.serving() as server:
        foundry = EdgexRig(rest(server)).foundry
        foundry._told_time("Fri, 31 Dec 1999 23:59:59 GMT", SystemClock().now().mono_s)
        assert foundry.offset_s < -8e8
        foundry._told_time("nonsense", 0.0)
        await foundry.close()


async def test_what_there_is_is_imported_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAGE", 1)
    made = Edgex(
        Inv=Machine(
            {
                "PowerLimit": Resource("Uint16", 5000, "RW", "W", 0, 5000),
                "ActivePower": Resource("Float32", -1.0, "R", "kW"),
                "TotalEnergyExported": Resource("Float64", 1.0, "R", "kWh"),
                "VoltageL2N": Resource("Float32", 230.0, "R", "V"),
                "Image": Resource("Binary", None, "R"),
            },
            profile="Sunny",
        ),
        Charger=Machine({"MaxCurrent": Resource("Uint8", 16, "RW", "Amps", 0, 32)}, profile="Wall", operating="DOWN"),
        Room=Machine(
            {"Setpoint": Resource("Float32", 20.0, "RW", "degreesFarenheit"), "Relay": Resource("Bool", True)},
            profile="Stat",
        ),
        Battery=Machine(
            {"SetPower": Resource("Int16", 0, "RW", "W"), "BatterySoC": Resource("Uint8", 5, "R", "%")}, profile="Bat"
        ),
        Camera=Machine({"Image": Resource("Binary", None, "R")}, profile="Cam"),
    )
    async with made.serving() as server:
        found = {one.device: one for one in await imported(Place("x", server.url))}
    assert {name: (one.role, dict(one.options)) for name, one in found.items()} == {
        "Inv": (
            Role.PV,
            {
                "limit_production": "PowerLimit W",
                "rated_w": 5000.0,
                "power": "ActivePower kW",
                "energy_produced": "TotalEnergyExported kWh",
                "voltage_b": "VoltageL2N V",
            },
        ),
        "Charger": (Role.EVSE, {"limit_current": "MaxCurrent A", "maximum_a": 32.0}),
        "Room": (Role.LOAD, {"set_temperature": "Setpoint °F", "switch": "Relay"}),
        "Battery": (Role.BATTERY, {"target_power": "SetPower W", "state_of_charge": "BatterySoC %"}),
    }
    assert found["Charger"].state == "UNLOCKED DOWN"
    assert any("rated_w" in question for question in found["Battery"].open)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (plain(200, {"apiVersion": "v1"}), Unreachable),
        (plain(200, {"apiVersion": "v3", "statusCode": 500, "message": "no"}), Unreachable),
        (plain(200, {"apiVersion": "v3", "devices": 5, "totalCount": 1}), Unreachable),
        (plain(200, text="hello"), Unreachable),
        (plain(401), CredentialFault),
    ],
)
async def test_what_is_no_core_metadata_is_one_error(body: Callable[[], web.Response], kind: type[Exception]) -> None:
    made = edgex()
    made.metadata = body
    async with made.serving() as server:
        with pytest.raises(kind):
            await imported(Place("x", server.url))


@with_mosquitto
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda event: json.dumps(enveloped(event)).encode(),
        lambda event: json.dumps({**enveloped(event), "payload": {"apiVersion": "v3", "event": event}}).encode(),
        lambda event: cbor2.dumps({**enveloped(event), "payload": cbor2.dumps({"event": event})}),
    ],
    ids=["base64", "object", "cbor"],
)
async def test_an_event_is_a_reading_at_once(tmp_path: Path, wrapped: Callable[[dict[str, Any]], bytes]) -> None:
    made = edgex()
    topic = "edgex/events/device/device-virtual/Profile/Inv-1/Power"
    async with mosquitto(tmp_path, "allow_anonymous true") as running, made.serving() as server:
        place = rest(server, broker=broker(running.port))
        async with EdgexRig(place, EdgexOptions(power="Power W", every_s=3600)).running() as rig:
            await rig.until(watts(-3000.0))
            await running.said(b"Sending SUBACK")
            async with aiomqtt.Client("127.0.0.1", running.port) as publisher:
                strange = json.dumps({"apiVersion": ["v3"], "payload": ""}).encode()
                for bad in (b"", b"nonsense", b"\xff", b"[" * 5000, b"{}", b"x" * 100_000, strange):
                    await publisher.publish(topic, bad)
                event = server.event("Inv-1", "Power")
                event["readings"][0]["value"] = "-1.500000e+03"
                await publisher.publish(topic, wrapped(event))
                await rig.until(watts(-1500.0))
                # the same again, and one that is older, change nothing
                older = server.event("Inv-1", "Power", origin_s=SystemClock().now().utc_s - 20)
                newer = server.event("Inv-1", "Power")
                newer["readings"][0]["value"] = "-7.000000e+02"
                for one in (event, older, newer):
                    await publisher.publish(topic, wrapped(one))
                await rig.until(watts(-700.0))
                assert all(seen.condition.readings[NET].value != -3000.0 for seen in rig.looks[-2:])


@with_mosquitto
async def test_a_defect_over_one_message_does_not_end_the_listening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = edgex()
    topic = "edgex/events/device/device-virtual/Profile/Inv-1/Power"
    heard = EdgexGadget.heard

    def broken(gadget: EdgexGadget, event: Any, *, live: bool) -> None:
        if event.profile == "broken":
            raise RuntimeError("a defect")
        heard(gadget, event, live=live)

    monkeypatch.setattr(EdgexGadget, "heard", broken)
    async with mosquitto(tmp_path, "allow_anonymous true") as running, made.serving() as server:
        place = rest(server, broker=broker(running.port))
        async with EdgexRig(place, EdgexOptions(power="Power W", every_s=3600)).running() as rig:
            await rig.until(watts(-3000.0))
            await running.said(b"Sending SUBACK")
            async with aiomqtt.Client("127.0.0.1", running.port) as publisher:
                event = server.event("Inv-1", "Power")
                await publisher.publish(topic, json.dumps({**event, "profileName": "broken"}))
                event["readings"][0]["value"] = "-1.500000e+03"
                await publisher.publish(topic, json.dumps(event))
                await rig.until(watts(-1500.0))


@with_mosquitto
async def test_commands_over_external_mqtt(tmp_path: Path) -> None:
    made = edgex()
    async with (
        mosquitto(tmp_path, "allow_anonymous true") as running,
        made.bridging(running.port) as bridge,
        EdgexRig(commanding(running.port)).running() as rig,
    ):
        # answers to others, and what is none, are left alone
        for body in (b"", b"[]", json.dumps({"requestID": str(uuid.uuid4()), "errorCode": 0, "payload": ""}).encode()):
            await bridge.publish("edgex/command/response/Inv-1/Limit/get", body, retain=True)
        await rig.until(watts(-3000.0))
        rig.gadget.want(wanted(1200.0))
        await rig.until(holding(1200.0))
        assert made.puts == [("Inv-1", "Limit", {"Limit": "1200"})]
        made.machines["Inv-1"].operating = "DOWN"
        seen = await rig.until(lambda one: not one.condition.online)
        assert seen.condition.alarms == {"LOCKED"}
        made.machines["Inv-1"].operating = "UP"
        await rig.until(lambda one: one.condition.online)


@with_mosquitto
async def test_a_command_that_nobody_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "ANSWER_S", 0.2)
    async with (
        mosquitto(tmp_path, "allow_anonymous true") as running,
        EdgexRig(commanding(running.port)).running() as rig,
    ):
        await rig.until(lambda one: "no answer on edgex/command/response" in one.condition.text)
        async with edgex().bridging(running.port):
            await rig.until(watts(-3000.0))


@with_mosquitto
async def test_a_broker_that_goes_and_comes_back_is_found_again(tmp_path: Path) -> None:
    made, port = edgex(), kept_port()
    async with EdgexRig(commanding(port)).running() as rig:
        seen = await rig.until(lambda one: bool(rig.dice.waits))
        assert not seen.condition.online
        for limit_w in (1200.0, 900.0):
            async with mosquitto(tmp_path, "allow_anonymous true", port=port) as running, made.bridging(running.port):
                rig.gadget.want(wanted(limit_w))
                await rig.until(holding(limit_w))


@with_mosquitto
@pytest.mark.parametrize("password", ["s3cret", "wr0ng"])
async def test_a_broker_with_user_and_password(tmp_path: Path, password: str) -> None:
    file = passwords(tmp_path, "osed", "s3cret")
    made = edgex()
    async with mosquitto(tmp_path, "allow_anonymous false", f"password_file {file}") as running:
        place = commanding(running.port, username="osed", password=lambda: password)
        bridge = made.bridging(running.port, username="osed", password="s3cret")  # noqa: S106 - of this test
        async with bridge, EdgexRig(place).running() as rig:
            bus = rig.foundry.bus
            assert bus is not None
            if password == "s3cret":  # noqa: S105 - of this test
                await rig.until(watts(-3000.0))
            else:
                await rig.until(lambda _: "uthor" in bus.why)
                assert made.asked == []


@with_mosquitto
async def test_a_broker_with_certificates_on_both_sides(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, ours = authority.files("broker"), authority.files("osed")
    lines = ("allow_anonymous true", f"cafile {server.ca}", f"certfile {server.certificate}", f"keyfile {server.key}")
    context = ssl.create_default_context(cafile=server.ca)
    context.load_cert_chain(ours.certificate, ours.key)
    made = edgex()
    async with mosquitto(tmp_path, *lines, "require_certificate true") as running:
        place = commanding(running.port, context=context)
        async with made.bridging(running.port, tls_context=context), EdgexRig(place).running() as rig:
            await rig.until(watts(-3000.0))
