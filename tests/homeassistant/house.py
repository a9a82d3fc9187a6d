"""A real Home Assistant in a process of its own: a house of templates, helpers and a thermostat that heats by a rule of its own."""

import asyncio
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.ports import kept_port

CONFIGURATION = """
homeassistant: {{name: test, unit_system: {units}, time_zone: UTC, latitude: 0, longitude: 0, elevation: 0, country: AU}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
api:
websocket_api:
config:
onboarding:
input_boolean:
  heater: {{name: Heater}}
  pump: {{name: Pump, initial: true}}
  evse: {{name: Evse, initial: true}}
input_number:
  room: {{name: Room, min: 0, max: 100, step: 0.1, initial: {room}, unit_of_measurement: "{degree}"}}
  grid: {{name: Grid, min: -20, max: 20, step: 0.1, initial: 1.5, unit_of_measurement: kW}}
  amps: {{name: Amps, min: 6, max: 32, step: 1, initial: 16, unit_of_measurement: A}}
template:
  - sensor:
      - {{name: Heater power, unit_of_measurement: kW, device_class: power,
         state: "{{{{ 2.0 if is_state('input_boolean.heater', 'on') else 0.0 }}}}"}}
      - {{name: Pump power, unit_of_measurement: W, device_class: power,
         state: "{{{{ 900 if is_state('input_boolean.pump', 'on') else 0 }}}}"}}
      - {{name: Room temperature, unit_of_measurement: "{degree}", device_class: temperature,
         state: "{{{{ states('input_number.room') }}}}"}}
      - {{name: Grid power, unit_of_measurement: kW, device_class: power, state: "{{{{ states('input_number.grid') }}}}"}}
climate:
  - {{platform: generic_thermostat, name: Hall, unique_id: hall, heater: input_boolean.heater, target_sensor: sensor.room_temperature,
     min_temp: {least}, max_temp: {most}, target_temp: {target}, initial_hvac_mode: heat, target_temp_step: 0.5, precision: 0.1}}
water_heater:
  - {{platform: demo}}
"""
METRIC = {"units": "metric", "degree": "°C", "room": 19, "least": 7, "most": 30, "target": 20.5}
IMPERIAL = {"units": "us_customary", "degree": "°F", "room": 66, "least": 45, "most": 86, "target": 69}


class HomeAssistant:
    """``python``: of the environment it is installed in."""

    def __init__(self, python: Path, folder: Path, told: Mapping[str, Any]) -> None:
        self.port = kept_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._python, self._folder = python, folder
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port, **told))

    async def start(self) -> None:
        """Returns once it answers."""
        with (self._folder / "run.log").open("ab") as log:
            command = [str(self._python), "-m", "homeassistant", "-c", str(self._folder), "--skip-pip"]
            self._child = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603, ASYNC220 - a peer's, fixed arguments
        async with asyncio.timeout(120), aiohttp.ClientSession() as http:
            while True:
                with suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"{self.url}/api/onboarding") as answer:
                        if answer.status == 200:
                            return
                assert self._child.poll() is None, (self._folder / "run.log").read_text()[-2000:]
                await asyncio.sleep(0.2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Returns once it is gone."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(how)
            try:
                self._child.wait(30)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    async def token(self) -> str:
        """A long-lived access token of its first user, whom it is told of here. The rest of its onboarding stays undone."""
        client = f"{self.url}/"
        user = {"client_id": client, "name": "T", "username": "t", "password": "not-a-secret", "language": "en"}
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{self.url}/api/onboarding/users", json=user) as answer:
                code = (await answer.json())["auth_code"]
            grant = {"client_id": client, "grant_type": "authorization_code", "code": code}
            async with http.post(f"{self.url}/auth/token", data=grant) as answer:
                access = (await answer.json())["access_token"]
        async with Occupant(self.url, access) as one:
            return str(await one.ask("auth/long_lived_access_token", client_name="test", lifespan=1))


class Occupant:
    """Somebody else at the house, with a connection of their own."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._ids = count(1)

    async def __aenter__(self) -> "Occupant":
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(f"{self._url}/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        assert (await self._socket.receive_json())["type"] == "auth_ok"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._http.close()

    async def ask(self, kind: str, **fields: Any) -> Any:
        """One command and its result."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "type": kind, **fields})
        while True:
            told = await self._socket.receive_json()
            if told.get("id") == number:
                assert told["success"], told
                return told.get("result")

    async def call(self, service: str, entity: str, **data: Any) -> None:
        """Have something done."""
        domain, _, name = service.partition(".")
        await self.ask("call_service", domain=domain, service=name, service_data=data, target={"entity_id": entity})

    async def state(self, entity: str) -> dict[str, Any]:
        """How it is, as Home Assistant itself says."""
        found = [one for one in await self.ask("get_states") if one["entity_id"] == entity]
        assert found, f"{entity} is not there"
        return dict(found[0])
