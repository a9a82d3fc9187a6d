"""A gateway whose charger connects to it: configured, run, limited by its operator, released."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.ocpp.frames import Version
from adapters.simulator.car import Car
from adapters.simulator.charge_point import ChargePoint, PointPlan
from adapters.simulator.charging import ChargingStation
from gateway.appliance import Appliance
from gateway.cli.charging import hash_
from gateway.config.load import load
from gateway.wiring import FAMILIES
from grid_functions.model.errors import ConfigurationFault, OperatorFault
from tests.ports import kept_port

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"


def plain(port: int = 8887, ocpp: dict[str, Any] | None = None, **device: Any) -> dict[str, Any]:
    evse = {"name": "evse", "family": "ocpp", "address": "ocpp://CP-1/1", "role": "evse", **device}
    section = {"host": "127.0.0.1", "port": port, "profile": 0} if ocpp is None else ocpp
    house = {"name": "house", "connection": {"import_limit_w": 6900, "phases": 3}, "devices": [evse]}
    return {"gateway": {"ocpp": section}, "sites": [house]}


def written(folder: Path, of: dict[str, Any]) -> Path:
    path = folder / "osed.yaml"
    path.write_text(json.dumps(of))
    return path


class Told(ChargePoint):
    """Says when a message has come."""

    def __init__(self, plan: PointPlan, utc_s: float) -> None:
        super().__init__(plan, utc_s)
        self.news = asyncio.Event()

    def received(self, text: str, utc_s: float) -> tuple[str, ...]:
        self.news.set()
        return super().received(text, utc_s)

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            self.news.clear()
            await self.news.wait()


@pytest.mark.parametrize("version", list(Version))
async def test_a_charger_is_found_decided_on_and_released(tmp_path: Path, version: Version) -> None:
    port = kept_port()
    appliance = Appliance(load(written(tmp_path, plain(port, options={"sample_s": 1})), FAMILIES))
    point = Told(PointPlan(version), time.time())
    station = ChargingStation(point, f"ws://127.0.0.1:{port}/ocpp", "CP-1", time.time)
    point.plug(Car(most_a=32.0), time.time())

    def held() -> int | None:
        holds = appliance.sites["house"].seen["evse"].condition.holds
        return None if holds is None or holds.current_max_a != 0.0 else holds.decision

    running = [asyncio.create_task(appliance.run()), asyncio.create_task(station.run())]
    try:
        async with asyncio.timeout(30):
            # Without a meter nobody knows what else the house draws, so that the charger pauses (rule 6).
            await point.until(lambda: point.offered_a(time.time()) == 0.0)
            await point.until(lambda: held() is not None and held() != 0)
            appliance.stop(release=True)
            await running[0]
            assert point.offered_a(time.time()) == 32.0
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def mistakes(folder: Path, of: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationFault) as caught:
        load(written(folder, of), FAMILIES)
    assert len(caught.value.mistakes) == 1, caught.value.mistakes
    return caught.value.mistakes[0]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (plain(address="ocpp://"), "address"),
        (plain(address="ocpp://CP-1/0"), "write ocpp://STATION"),
        (plain(address="ocpp://CP 1"), "address"),
        (plain(address="ocpp://CP-1/1/1"), "write ocpp://STATION"),
        (plain(address="tcp://192.0.2.1:502"), "belong together"),
        (plain(family="sunspec"), "belong together"),
        (plain(role="pv"), "is an evse"),
        (plain(options={"maximum_a": 4}), "below minimum_a"),
        (plain(options={"fallback_a": 3}), "neither 0 nor"),
        (plain(options={"timeout_s": 5}), "timeout_s"),
        (plain(options={"phases": "aab"}), "no order"),
        (plain(options={"purpose": "tx"}), "none of"),
        (plain(options={"sample_s": 1.5}), "whole number"),
        (plain(ocpp={"profile": 1}), "no password"),
        (plain(ocpp={"profile": 1, "users": {"CP-1": "secret"}}), "osed ocpp hash"),
        (plain(ocpp={"profile": 2, "users": {"CP-1": HASH}}), "need tls"),
        (plain(ocpp={"profile": 0, "tags": [""]}), "tags"),
        (plain(ocpp={"profile": 4}), "profile"),
        (plain(ocpp={"profile": 0, "port": 0}), "port"),
    ],
)
def test_every_mistake_is_told(tmp_path: Path, of: dict[str, Any], said: str) -> None:
    assert said in mistakes(tmp_path, of)


def test_chargers_need_somewhere_to_connect_to(tmp_path: Path) -> None:
    of = plain()
    del of["gateway"]["ocpp"]
    assert "gateway: {ocpp: ...}" in mistakes(tmp_path, of)


def test_a_connector_is_one_device(tmp_path: Path) -> None:
    of = plain()
    first = of["sites"][0]
    of["sites"] = [first, {**first, "name": "barn"}]
    assert "another device is ocpp://CP-1/1" in mistakes(tmp_path, of)


def test_a_hash_is_of_the_password_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from argon2 import PasswordHasher

    hash_("CP-1", json_=True)
    told = json.loads(capsys.readouterr().out)
    assert PasswordHasher().verify(told["hash"], told["password"])
    assert 16 <= len(told["password"]) <= 20, "an AuthorizationKey of 1.6 has 16 to 20 bytes"


def test_a_short_password_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "short")
    with pytest.raises(OperatorFault, match="16 to 40 bytes"):
        hash_("CP-1", ask=True)
