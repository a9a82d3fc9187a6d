"""The whole gateway, as configured, in front of a real Home Assistant. Run by ``make test-homeassistant``; needs its environment."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grid_functions.model.control import ImportLimit, ShedLevel, Thermostat
from grid_functions.model.device import Trouble
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from tests.gateway.command import osed
from tests.gateway.whole import gateway, until
from tests.homeassistant.house import IMPERIAL, METRIC, HomeAssistant, Occupant

PYTHON = os.environ.get("OSED_HOMEASSISTANT", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="run by make test-homeassistant, which installs a Home Assistant")

DEVICES: list[dict[str, Any]] = [
    {"name": "hall", "role": "load", "at": "climate.hall", "options": {"power": "sensor.heater_power"}},
    {"name": "tank", "role": "load", "at": "water_heater.demo_water_heater_celsius"},
    {"name": "pump", "role": "load", "at": "input_boolean.pump", "options": {"power": "sensor.pump_power"}},
    {
        "name": "evse",
        "role": "evse",
        "at": "input_number.amps",
        "options": {"switch": "input_boolean.evse", "maximum_a": 16},
    },
    {"name": "grid", "role": "meter", "at": "sensor.grid_power", "options": {"every_s": 5}},
]
SHED = {1: [{"device": "pump", "switch_off": True}], 2: [{"device": "hall", "thermostat_offset_k": -2}]}


class House:
    """A Home Assistant with a token; started once for the tests of this file."""

    def __init__(self, folder: Path, told: dict[str, Any]) -> None:
        self.folder = folder
        self.server = HomeAssistant(Path(PYTHON), folder / "homeassistant", told)
        self.token = ""

    def start(self) -> None:
        async def begin() -> None:
            await self.server.start()
            self.token = await self.server.token()

        asyncio.run(begin())

    def occupant(self) -> Occupant:
        return Occupant(self.server.url, self.token)

    def configuration(self, folder: Path, *names: str, **more: Any) -> Path:
        """These devices at one site."""
        (folder / "ha.token").write_text(self.token + "\n")
        devices = [
            {
                **{k: v for k, v in one.items() if k != "at"},
                "family": "homeassistant",
                "address": f"homeassistant://home/{one['at']}",
            }
            for one in DEVICES
            if one["name"] in names
        ]
        site = {
            "name": "house",
            "devices": devices,
            "meter_stale_s": 15,
            **more,
        }
        home = {"name": "home", "url": self.server.url, "token_file": "ha.token"}
        areas = [{"name": "feeder", "sites": ["house"], "functions": {"direct_load_control": {}}}]
        plain = {"gateway": {"homeassistant": [home]}, "sites": [site], "areas": areas}
        (folder / "osed.yaml").write_text(yaml.safe_dump(plain))
        return folder / "osed.yaml"


async def shows(occupant: Occupant, entity: str, what: Callable[[dict[str, Any]], bool]) -> None:
    while not what(await occupant.state(entity)):  # noqa: ASYNC110 - nor has a peer
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), METRIC)
    try:
        made.start()
        yield made
    finally:
        made.server.stop()


async def test_a_setpoint_is_read_back_and_what_was_there_before_is_given_back(house: House, tmp_path: Path) -> None:
    """The thermostat's owner set 20.5; at 18 the heater is off, for the room has 19."""
    async with house.occupant() as occupant, gateway(house.configuration(tmp_path, "hall", "tank")) as running:
        await until(lambda: running.watts("hall") == 2000.0)
        assert running.condition("hall").readings[Quantity.TEMPERATURE, None].value == 19.0
        await running.want(Thermostat(18.0, offset=False), "hall")
        await running.want(Thermostat(50.0, offset=False), "tank")
        await until(lambda: running.holds("hall") == Thermostat(18.0, offset=False))
        await until(lambda: running.holds("tank") == Thermostat(50.0, offset=False))
        assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 18.0
        assert (await occupant.state("water_heater.demo_water_heater_celsius"))["attributes"]["temperature"] == 50
        await until(lambda: running.watts("hall") == 0.0)
        assert Trouble.NO_WATCHDOG in running.condition("hall").troubles
        await running.take_back("operator/thermostat/hall")
        await running.take_back("operator/thermostat/tank")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 20.5)
        await shows(
            occupant, "water_heater.demo_water_heater_celsius", lambda one: one["attributes"]["temperature"] == 45
        )


async def test_a_temperature_out_of_its_range_ends_at_its_range(house: House, tmp_path: Path) -> None:
    async with house.occupant() as occupant, gateway(house.configuration(tmp_path, "hall")) as running:
        await until(lambda: running.watts("hall") is not None)
        await running.want(Thermostat(45.0, offset=False), "hall")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 30.0)
        await running.take_back("operator/thermostat/hall")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 20.5)


async def test_a_load_is_switched_off_and_on_by_a_level_of_the_sites_table(house: House, tmp_path: Path) -> None:
    async with (
        house.occupant() as occupant,
        gateway(house.configuration(tmp_path, "pump", "hall", functions={"shed": {"levels": SHED}})) as running,
    ):
        await until(lambda: running.watts("pump") == 900.0)
        await running.want(ShedLevel(1))
        await shows(occupant, "input_boolean.pump", lambda one: one["state"] == "off")
        await until(lambda: running.watts("pump") == 0.0)
        held = running.condition("pump").holds
        assert held is not None
        assert held.on is False
        await running.want(ShedLevel(2))
        await shows(occupant, "input_boolean.pump", lambda one: one["state"] == "on")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 18.5)
        await running.take_back("operator/shed_level")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 20.5)


async def test_an_area_sets_a_thermostat_and_its_occupant_has_the_last_word(house: House, tmp_path: Path) -> None:
    """Precedence puts the occupant before areas (rule 3); what the occupant chose is there after the area has gone."""
    async with house.occupant() as occupant, gateway(house.configuration(tmp_path, "hall")) as running:
        await until(lambda: running.watts("hall") is not None)
        order = running.appliance.areas.order
        await order("feeder", "direct_load_control", "thermostat", {"value_c": 17.0, "duration_s": 3600.0})
        await until(lambda: running.holds("hall") == Thermostat(17.0, offset=False))
        await occupant.call("climate.set_temperature", "climate.hall", temperature=21.5)
        await until(lambda: running.holds("hall") == Thermostat(21.5, offset=False))
        touch = running.condition("hall").touch
        assert touch is not None
        assert touch.thermostat == Thermostat(21.5, offset=False)
        assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 21.5
        await order("feeder", "direct_load_control", "restore", {"what": "thermostat"})
        await running.want(Thermostat(18.0, offset=False), "hall")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 18.0)
        await running.take_back("operator/thermostat/hall")
        await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 21.5)
        await occupant.call("climate.set_temperature", "climate.hall", temperature=20.5)


async def test_a_meter_in_kilowatts_limits_a_charger_in_amperes(house: House, tmp_path: Path) -> None:
    """1.5 kW at the meter, of which the charger says nothing. At most 3 kW: 1.5 kW are left, 6 A at 230 V; at most 2 kW: it pauses."""
    config = house.configuration(tmp_path, "evse", "grid", meter="grid", connection={"phases": 1})
    async with house.occupant() as occupant, gateway(config) as running:
        await until(lambda: running.watts("grid") == 1500.0)
        await running.want(ImportLimit(1000.0))
        await shows(occupant, "input_boolean.evse", lambda one: one["state"] == "off")
        await running.take_back("operator/import_limit")
        await shows(occupant, "input_boolean.evse", lambda one: one["state"] == "on")
        await shows(occupant, "input_number.amps", lambda one: float(one["state"]) == 16.0)


async def test_a_stop_with_release_gives_everything_back(house: House, tmp_path: Path) -> None:
    async with house.occupant() as occupant:
        async with gateway(house.configuration(tmp_path, "hall", "pump")) as running:
            await until(lambda: running.watts("hall") is not None)
            await running.want(Thermostat(16.0, offset=False), "hall")
            await until(lambda: running.holds("hall") is not None)
            running.appliance.stop(release=True)
        assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 20.5


async def test_a_gateway_that_is_begun_again_knows_what_was_there_before(house: House, tmp_path: Path) -> None:
    config = house.configuration(tmp_path, "hall")
    async with house.occupant() as occupant:
        async with gateway(config) as running:
            await running.want(Thermostat(16.0, offset=False), "hall")
            await until(lambda: running.holds("hall") is not None)
        assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 16.0
        async with gateway(config) as running:
            await until(lambda: running.holds("hall") == Thermostat(16.0, offset=False))
            await running.take_back("operator/thermostat/hall")
            await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 20.5)


def test_a_scan_lists_what_is_there_and_prints_a_sound_configuration(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "ha.token"
    token.write_text(house.token)
    address = house.server.url.replace("http", "homeassistant")
    code, out, err = osed(capsys, "scan", address, "--token-file", token, "--json")
    assert (code, err) == (0, "")
    told = {one["entity"]: one for one in json.loads(out)}
    assert told["climate.hall"]["role"] == "load"
    assert told["input_boolean.pump"]["role"] == "load"
    assert told["sensor.grid_power"]["role"] == "meter"
    assert told["input_number.amps"]["role"] == "evse"
    assert "light.bed_light" not in told
    assert house.token not in out
    code, out, _ = osed(capsys, "scan", address, "--token-file", token)
    assert code == 0
    pasted = yaml.safe_load(out.partition("that you want:")[2])
    site = {"name": "house", "devices": pasted["devices"]}
    (tmp_path / "osed.yaml").write_text(yaml.safe_dump({"gateway": pasted["gateway"], "sites": [site]}))
    assert osed(capsys, "check", "--config", tmp_path / "osed.yaml")[0] == 0


async def test_a_token_that_is_refused_is_the_operators_to_mend(house: House, tmp_path: Path) -> None:
    config = house.configuration(tmp_path, "hall")
    (tmp_path / "ha.token").write_text("no-such-token")
    async with gateway(config) as running:
        await until(lambda: running.seen("hall") is not None and "refuses the token" in running.condition("hall").text)
        assert running.condition("hall").online is False
        assert "no-such-token" not in str(running.seen("hall"))


async def test_a_restart_of_home_assistant_is_lived_through_and_what_it_lost_is_set_again(
    house: House, tmp_path: Path
) -> None:
    """Killed, it forgets what it was told and comes back with 20.5, the setpoint of its configuration."""
    async with gateway(house.configuration(tmp_path, "hall", "pump")) as running:
        await until(lambda: running.watts("hall") is not None)
        await running.want(Thermostat(18.0, offset=False), "hall")
        await until(lambda: running.holds("hall") == Thermostat(18.0, offset=False))
        house.server.stop(signal.SIGKILL)
        await until(lambda: not running.condition("hall").online)
        assert running.condition("hall").readings[Quantity.NET, None].quality is Quality.STALE
        await house.server.start()
        await until(lambda: running.condition("hall").online)
        await until(lambda: running.holds("hall") == Thermostat(18.0, offset=False))
        assert running.condition("hall").touch is None
        async with house.occupant() as occupant:
            assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 18.0
            await running.take_back("operator/thermostat/hall")
            await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 20.5)


async def test_an_entity_that_is_removed_is_a_device_that_is_gone(house: House, tmp_path: Path) -> None:
    async with house.occupant() as occupant, gateway(house.configuration(tmp_path, "hall", "pump")) as running:
        await until(lambda: running.watts("hall") is not None and running.watts("pump") is not None)
        await occupant.ask("config/entity_registry/remove", entity_id="climate.hall")
        await until(lambda: not running.condition("hall").online)
        assert "climate.hall is not there" in running.condition("hall").text
        assert running.condition("pump").online


async def test_a_house_in_fahrenheit_is_told_degrees_fahrenheit(tmp_path: Path) -> None:
    """18 degrees Celsius are 64.4 Fahrenheit, 64.5 in the thermostat's steps of a half; the room's 66 are 18.9 Celsius."""
    other = House(tmp_path, IMPERIAL)
    try:
        await other.server.start()
        other.token = await other.server.token()
        async with other.occupant() as occupant, gateway(other.configuration(tmp_path, "hall")) as running:
            await until(lambda: running.watts("hall") is not None)
            assert running.condition("hall").readings[Quantity.TEMPERATURE, None].value == pytest.approx(18.9, abs=0.1)
            await running.want(Thermostat(18.0, offset=False), "hall")
            await until(lambda: running.holds("hall") == Thermostat(18.0, offset=False))
            assert (await occupant.state("climate.hall"))["attributes"]["temperature"] == 64.5
            await running.want(Thermostat(-2.0, offset=True), "hall")
            await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 65.5)
            await running.take_back("operator/thermostat/hall")
            await shows(occupant, "climate.hall", lambda one: one["attributes"]["temperature"] == 69)
    finally:
        other.server.stop()
