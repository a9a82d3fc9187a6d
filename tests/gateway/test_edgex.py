"""Devices behind EdgeX in the configuration, as a scan finds them, and in a whole gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.doorway import Doorway
from certs import tls
from certs.identity import sfdi
from gateway.config.edgex import token_of
from gateway.config.load import load
from gateway.places import edgex_at
from gateway.specification import EdgexSpec, specify
from gateway.wiring import FAMILIES
from grid_functions.model.control import ImportLimit, ShedLevel, TargetPower, Thermostat
from grid_functions.model.device import Role
from grid_functions.model.errors import ConfigurationFault, CredentialFault
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.archive import FileStore
from protocols.ieee2030_5.server import UtilityServer, UtilityServerSettings, running
from tests.adapters.edgex.foundry import Edgex, Machine, Resource, enveloped
from tests.gateway.command import osed
from tests.gateway.whole import gateway, until
from tests.mosquitto import mosquitto, with_mosquitto
from tests.protocols.ieee2030_5.lab import TOKEN, Authority, lfdi_of

SERVER: dict[str, Any] = {"name": "plant", "url": "http://192.168.1.7:59882"}
OPTIONS = {"limit_production": "Limit W", "power": "Power W", "rated_w": 5000}
BROKER: dict[str, Any] = {"url": "mqtt://192.168.1.7"}


def private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def written(
    folder: Path, server: dict[str, Any] | None = None, site: dict[str, Any] | None = None, **device: Any
) -> Path:
    private(folder / "edgex.jwt", "abc.def.ghi\n")
    (folder / "open.jwt").write_text("abc.def.ghi\n")
    inverter = {
        "name": "inv",
        "family": "edgex",
        "address": "edgex://plant/Inverter-1",
        "role": "pv",
        "options": OPTIONS,
        **device,
    }
    house = {"name": "house", "devices": [inverter], **(site or {})}
    path = folder / "osed.yaml"
    plain = {"gateway": {"edgex": [{**SERVER, **(server or {})}]}, "sites": [house]}
    path.write_text(yaml.safe_dump(plain, sort_keys=False))
    return path


def mistakes(path: Path) -> str:
    with pytest.raises(ConfigurationFault) as caught:
        load(path, FAMILIES)
    return "\n".join(caught.value.mistakes)


def test_it_is_taken_and_a_renewed_token_is_another_server(tmp_path: Path) -> None:
    secure = {"url": "https://edge.example:8443/core-command", "token_file": "edgex.jwt"}
    loaded = load(written(tmp_path, secure), FAMILIES)
    (before,) = specify(loaded).links
    assert isinstance(before, EdgexSpec)
    assert specify(loaded).links == {before}
    place = edgex_at(before.settings, tmp_path)
    assert place.context is not None
    assert place.token is not None
    assert place.token() == "abc.def.ghi"
    private(tmp_path / "edgex.jwt", "another")
    assert specify(loaded).links != {before}


def test_a_broker_is_taken_with_its_topics(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    files = authority.files("osed")
    private(tmp_path / "mqtt.password", "s3cret\n")
    broker = {
        "url": "mqtts://edge.example",
        "commands": True,
        "username": "osed",
        "password_file": "mqtt.password",
        "certificate": str(files.certificate),
        "key": str(files.key),
        "ca": str(files.ca),
    }
    made = specify(load(written(tmp_path, {"url": None, "broker": broker}), FAMILIES))
    assert [one.whose for one in made.certificates] == ["gateway.edgex plant"]
    (link,) = made.links
    assert isinstance(link, EdgexSpec)
    place = edgex_at(link.settings, tmp_path)
    assert place.broker is not None
    assert (place.broker.host, place.broker.port, place.broker.username) == ("edge.example", 8883, "osed")
    assert place.broker.topics == ("edgex/events/device/#", "edgex/command/response/#")
    assert place.broker.password is not None
    assert place.broker.password() == "s3cret"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "edgex://other/Inverter-1"}, "no server of gateway.edgex is named 'other' (plant)"),
        ({"address": "edgex://plant"}, "write edgex://SERVER/DEVICE"),
        ({"address": "edgex://plant/a/b"}, "write edgex://SERVER/DEVICE"),
        ({"address": "tcp://192.168.1.5:502"}, "belong together"),
        ({"family": "sunspec", "options": {}}, "belong together"),
        ({"options": {**OPTIONS, "rated_w": 0}}, "rated_w: what is limited or set in watts needs its rating"),
        ({"options": {"power": "Power"}}, "write RESOURCE UNIT, such as 'ActivePower W'"),
        ({"options": {"power": "Power hp"}}, "'hp' is no unit of it: W, kW, MW, mW"),
        ({"options": {"power": "Power 0W"}}, "is no scale"),
        ({"options": {"power": "Po wer W"}}, "power: "),
        ({"options": {"energy": "E -1kWh"}}, "turns the sign of what has none"),
        ({"options": {**OPTIONS, "limit_production": "Limit -1W"}}, "turns the sign of what has none"),
        ({"options": {"power": 5}}, "power: 5 is no text"),
        ({"options": {"switch": "Relay on/ON"}}, "says the same for on and off"),
        ({"options": {"switch": "Relay on"}}, "is no switch"),
        ({"options": {"clock": "sundial"}}, "is neither origin nor arrival"),
        ({"options": {"every_s": 0}}, "every_s: 0 is no number from 1 to 3600"),
        ({"options": {"every_s": True}}, "every_s"),
        ({"options": {"every_s": 10, "stale_s": 5}}, "all would be stale"),
        ({"options": {"least_c": 30, "most_c": 20}}, "most_c"),
        ({"options": {"maximum_a": 5}}, "lies below minimum_a"),
        ({"options": {"wrong": 1}}, "wrong"),
        ({"role": "meter"}, "limit_production: is of battery, hybrid, pv; what is a meter is not set by it"),
        ({"role": "meter", "options": {"switch": "Relay"}}, "what is a meter is not set by it"),
        ({"role": "evse", "options": {"set_temperature": "T °C"}}, "set_temperature: is of load"),
        ({"serial": "12345"}, "EdgeX tells no serial: pin model"),
        ({"server": {"url": None}}, "commands go nowhere"),
        ({"server": {"url": "http://192.168.1.7:59882/"}}, "url"),
        ({"server": {"url": "http://user@192.168.1.7"}}, "url"),
        ({"server": {"ca": "edgex.jwt"}}, "ca and https belong together"),
        ({"server": {"url": "https://edge.example", "ca": "none.pem"}}, "no such file"),
        ({"server": {"token_file": "edgex.jwt"}}, "a token goes over https only"),
        ({"server": {"url": "https://edge.example", "token_file": "none.jwt"}}, "none.jwt cannot be read"),
        ({"server": {"url": "https://edge.example", "token_file": "open.jwt"}}, "chmod 600"),
        ({"server": {"api": "v1"}}, "api"),
        ({"server": {"broker": {**BROKER, "commands": True}}}, "commands go to url already"),
        ({"server": {"broker": {**BROKER, "events": []}}}, "nothing is heard and nothing sent there"),
        ({"server": {"broker": {**BROKER, "events": ["a/#/b"]}}}, "events"),
        ({"server": {"broker": {"url": "tcp://192.168.1.7"}}}, "url"),
        ({"server": {"broker": {**BROKER, "ca": "edgex.jwt"}}}, "ca and mqtts belong together"),
        ({"server": {"broker": {**BROKER, "username": "osed"}}}, "username and password_file belong together"),
        (
            {"server": {"broker": {**BROKER, "username": "osed", "password_file": "edgex.jwt"}}},
            "a password goes over mqtts only",
        ),
        ({"server": {"broker": {"url": "mqtts://x", "certificate": "edgex.jwt"}}}, "certificate and key belong"),
        (
            {"role": "meter", "options": {"power": "P W"}, "site": {"meter": "inv", "meter_stale_s": 10}},
            "as the site's meter it needs meter_stale_s of at least 12",
        ),
    ],
)
def test_every_mistake_is_told_with_its_line(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    told = mistakes(written(tmp_path, **change))
    assert words in told
    assert all(line.split(":")[1].isdigit() for line in told.splitlines())


def test_a_device_or_a_server_that_is_named_twice_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    plain = yaml.safe_load(path.read_text())
    plain["gateway"]["edgex"].append(SERVER)
    plain["sites"][0]["devices"].append({**plain["sites"][0]["devices"][0], "name": "again"})
    path.write_text(yaml.safe_dump(plain))
    told = mistakes(path)
    assert "the name 'plant' is taken" in told
    assert "another device is edgex://plant/Inverter-1" in told


def test_a_secret_over_clear_text_stays_on_this_machine(tmp_path: Path) -> None:
    private(tmp_path / "p", "s3cret")
    here = {"url": "mqtt://127.0.0.1", "username": "osed", "password_file": "p"}
    load(written(tmp_path, {"url": "http://localhost:59882", "token_file": "edgex.jwt", "broker": here}), FAMILIES)


@pytest.mark.parametrize("said", ["", "\n", "two words", "a\nb", "x" * 5000])
def test_what_is_no_token_is_refused_without_telling_it(tmp_path: Path, said: str) -> None:
    private(tmp_path / "t", said)
    with pytest.raises(CredentialFault) as caught:
        token_of(tmp_path / "t")
    assert said.strip() not in str(caught.value) or not said.strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("edgex://127.0.0.1:1/x",), "is no EdgeX"),
        (("edgex://127.0.0.1:1",), "cannot be asked"),
        (("edgexs://127.0.0.1:1", "--token-file", "no.jwt"), "no.jwt cannot be read"),
        (("edgexs://127.0.0.1:1", "--token-file", "open.jwt"), "chmod 600"),
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


def inverter() -> Edgex:
    limit = Resource("Uint16", 5000, "RW", "W", 0, 5000)
    power = Resource("Float32", 0.0, "R", "W", follows=lambda: -min(3000.0, float(limit.value)))
    return Edgex(Inverter_1=Machine({"Limit": limit, "Power": power}, profile="Sunny"))


async def test_what_a_scan_prints_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is pasted, but for the port of core-command, which a stand-in shares with core-metadata."""
    async with inverter().serving() as server:
        address = f"edgex://127.0.0.1:{server.port}"
        code, out, _ = await asyncio.to_thread(osed, capsys, "scan", address)
        assert code == 0
        printed = yaml.safe_load(out[out.index("gateway:") :])
        assert "power: positive must be consumption; else write -1 before its unit" in out
        site = {"name": "house", "devices": printed.pop("devices")}
        (tmp_path / "osed.yaml").write_text(yaml.safe_dump({**printed, "sites": [site]}))
        (device,) = load(tmp_path / "osed.yaml", FAMILIES).configuration.sites[0].devices
        assert (device.role, device.address) == (Role.PV, "edgex://edgex/Inverter-1")
        assert device.options == {"limit_production": "Limit W", "power": "Power W", "rated_w": 5000.0}
        code, out, _ = await asyncio.to_thread(osed, capsys, "scan", address, "--json")
        (told,) = json.loads(out)
        assert (told["maker"], told["model"], told["state"]) == ("Acme", "X1", "UNLOCKED UP")


@asynccontextmanager
async def utility(folder: Path, authority: Authority) -> AsyncIterator[UtilityServer]:
    context = tls.server_context(authority.files("server"))
    settings = UtilityServerSettings(admin_token=TOKEN)
    async with running(
        settings, tls=context, identify=lfdi_of, sfdi_of=sfdi, doorways=Doorway, store=FileStore(folder / "utility.db")
    ) as server:
        rates = {f"{name}_poll_s": 1 for name in ("dcap", "time", "edev", "fsa", "derp", "der")}
        await server.admin("PATCH", "/settings", rates)
        yield server


@pytest.mark.parametrize("way", ["rest", "mqtt"])
@with_mosquitto
async def test_an_event_reaches_the_resource_is_read_back_measured_and_answered(tmp_path: Path, way: str) -> None:
    """IEEE 2030.5 above, EdgeX below: a generation limit of 40 % of 5 kW; the inverter makes 3 kW of itself, then 2 kW."""
    authority = Authority(tmp_path / "pki")
    files = authority.files("gateway")
    made = inverter()
    async with (
        mosquitto(tmp_path, "allow_anonymous true") as mqtt,
        made.serving() as server,
        made.bridging(mqtt.port) as bus,
        utility(tmp_path, authority) as utility_server,
    ):
        lfdi = authority.identity(files).lfdi
        await utility_server.admin("POST", "/devices", {"lfdi": lfdi, "pin": 111115})
        program = await utility_server.admin("POST", "/programs", {"primacy": 1, "description": "feeder"})
        broker = {"url": f"mqtt://127.0.0.1:{mqtt.port}", "commands": way == "mqtt"}
        config = written(
            tmp_path,
            {"url": server.url if way == "rest" else None, "broker": broker},
            {"connection": {"export_limit_w": 11000}},
            options={**OPTIONS, "every_s": 2},
            settle_s=2,
        )
        plain = yaml.safe_load(config.read_text())
        plain["upstreams"] = [
            {
                "name": "utility",
                "protocol": "ieee2030_5",
                "url": f"https://127.0.0.1:{utility_server.port}/dcap",
                "profile": "csip-aus",
                "tls": {"certificate": str(files.certificate), "key": str(files.key), "ca": str(files.ca)},
                "serves": [{"site": "house", "pin": 111115}],
                "poll": {"floor_s": 1},
            }
        ]
        config.write_text(yaml.safe_dump(plain))
        async with asyncio.timeout(60), gateway(config) as house:
            await until(lambda: house.watts("inv") == -3000.0)
            body = {"modes": {"opModGenLimW": 2000}, "duration_s": 7}
            control = await utility_server.admin("POST", f"/programs/{program['number']}/controls", body)
            await until(lambda: made.machines["Inverter-1"].resources["Limit"].value == 2000)
            # an event tells the new power long before it would be asked for
            event = enveloped(made.event("Inverter-1", "Power"))
            await bus.publish("edgex/events/device/device-virtual/Sunny/Inverter-1/Power", json.dumps(event))
            await until(lambda: house.watts("inv") == -2000.0)

            def holding() -> bool:
                held = house.condition("inv").holds
                return held is not None and held.produce_max_w == 2000.0 and held.decision > 0

            await until(holding)

            async def statuses() -> list[int]:
                told = await utility_server.admin("GET", "/responses")
                return [one["status"] for one in told if one["subject"] == control["mRID"]]

            while await statuses() != [1, 2, 3]:  # noqa: ASYNC110 - a server has no event for a test
                await asyncio.sleep(0.1)
            await until(lambda: made.machines["Inverter-1"].resources["Limit"].value == 5000)
            reading = house.condition("inv").readings[Quantity.NET, None]
            assert reading.quality is Quality.GOOD
            # locked: an alarm in the status, and no limit is lost over it
            made.machines["Inverter-1"].admin = "LOCKED"
            await until(lambda: house.condition("inv").alarms == {"LOCKED"})
            assert not house.condition("inv").online


def home() -> Edgex:
    """A meter in kilowatts above a house of 500 W, a charger that takes all that it may, and a battery, positive = discharges."""
    amps = Resource("Uint8", 16, "RW", "A", 0, 16)
    target = Resource("Int16", 0, "RW", "W")
    stored = Resource("Int16", 0, "R", "W", follows=lambda: -target.value)
    charging = Resource("Float32", 0.0, "R", "W", follows=lambda: 230.0 * amps.value)
    net = Resource("Float64", 0.0, "R", "kW", follows=lambda: (500.0 + 230.0 * amps.value - target.value) / 1000)
    return Edgex(
        Meter=Machine({"Net": net}),
        Charger=Machine({"MaxCurrent": amps, "Power": charging}),
        Battery=Machine({"SetPower": target, "Power": stored, "Soc": Resource("Uint8", 50, "R", "%")}),
        Stat=Machine({"Setpoint": Resource("Float32", 68.0, "RW", "°F")}),
        Relay=Machine({"Relay": Resource("String", "ON")}),
    )


async def test_a_house_of_chargers_batteries_thermostats_and_switches(tmp_path: Path) -> None:
    """2.5 kW at the meter leave the charger 2 kW: 8.7 A of 230 V, of which it takes whole amperes, at most 8."""
    at = {"family": "edgex", "settle_s": 2}
    fast = {"every_s": 1, "stale_s": 10}
    devices = [
        {"name": "grid", "role": "meter", "address": "edgex://plant/Meter", "options": {"power": "Net kW", **fast}},
        {
            "name": "evse",
            "role": "evse",
            "address": "edgex://plant/Charger",
            "options": {"limit_current": "MaxCurrent A", "power": "Power W", **fast},
        },
        {
            "name": "battery",
            "role": "battery",
            "address": "edgex://plant/Battery",
            "options": {
                "target_power": "SetPower -1W",
                "power": "Power W",
                "state_of_charge": "Soc %",
                "rated_w": 3000,
                **fast,
            },
        },
        {
            "name": "hall",
            "role": "load",
            "address": "edgex://plant/Stat",
            "options": {"set_temperature": "Setpoint °F", **fast},
        },
        {
            "name": "pump",
            "role": "load",
            "address": "edgex://plant/Relay",
            "options": {"switch": "Relay ON/OFF", **fast},
        },
    ]
    made = home()

    def value(device: str, resource: str) -> Any:
        return made.machines[device].resources[resource].value

    async with made.serving() as server:
        site = {
            "devices": [{**at, **one} for one in devices],
            "meter": "grid",
            "meter_stale_s": 10,
            "connection": {"phases": 1},
            "functions": {"shed": {"levels": {1: [{"device": "pump", "switch_off": True}]}}},
        }
        config = written(tmp_path, {"url": server.url}, site)
        async with asyncio.timeout(90), gateway(config) as house:
            known = {"grid": 500.0 + 16 * 230.0, "evse": 16 * 230.0, "battery": 0.0}
            await until(lambda: {name: house.watts(name) for name in known} == known)
            await house.want(ImportLimit(2500.0))
            await until(lambda: value("Charger", "MaxCurrent") in (6, 7, 8))
            await until(lambda: (house.watts("grid") or 9999.0) <= 2500.0)
            await house.want(TargetPower(-1000.0), "battery")
            await until(lambda: value("Battery", "SetPower") == 1000)
            await house.want(Thermostat(18.0, offset=False), "hall")
            await until(lambda: abs(value("Stat", "Setpoint") - 64.4) < 0.01)
            await house.want(ShedLevel(1))
            await until(lambda: value("Relay", "Relay") == "OFF")
            house.appliance.stop(release=True)
        assert value("Charger", "MaxCurrent") == 16
        assert value("Battery", "SetPower") == 0
        assert value("Stat", "Setpoint") == 68.0
        assert value("Relay", "Relay") == "ON"
