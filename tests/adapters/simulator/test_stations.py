"""Charging stations of a simulated site: told through a central system, seen at the meter, on the conductors and in the record."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from adapters.simulator.fields import PlanError
from adapters.simulator.plan import parse_plan
from adapters.simulator.server import Simulator
from tests.adapters.simulator.situations import PLAN

CAR = {"most_a": 16, "phases": 1}
STATIONS = {**PLAN, "sun": {"fraction": 0}, "stations": [{"name": "CP-1", "car": CAR}]}


class Central:
    """Answers every call of 1.6 with what its schema demands at least, and tells one limit of 10 A."""

    def __init__(self) -> None:
        self.passwords: list[str | None] = []
        self.answered = asyncio.Event()
        self.connections = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Central"]:
        app = web.Application()
        app.router.add_get("/ocpp/CP-1", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        self.passwords.append(request.headers.get("Authorization"))
        socket = web.WebSocketResponse(protocols=("ocpp1.6",))
        await socket.prepare(request)
        period = {"startPeriod": 0, "limit": 10.0}
        schedule = {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingSchedulePeriod": [period],
        }
        profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile"}
        profile |= {"chargingProfileKind": "Absolute", "chargingSchedule": schedule}
        call = {"connectorId": 1, "csChargingProfiles": profile}
        await socket.send_str(json.dumps([2, "t-1", "SetChargingProfile", call]))
        async for message in socket:
            said = json.loads(message.data)
            if said[0] == 2:
                await socket.send_str(
                    json.dumps([3, said[1], {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}])
                )
            else:
                assert said == [3, "t-1", {"status": "Accepted"}]
                self.answered.set()
        return socket


async def test_a_station_is_told_through_its_central_system_and_shows_at_the_meter() -> None:
    """A car of 16 A on one phase draws 3680 W, and 2300 W once it is told 10 A, all of it on the first conductor."""
    async with Central().listening() as central, Simulator(parse_plan(STATIONS), time.time) as simulator:
        load_w = simulator.site.load_w
        assert simulator.site.meter_w == pytest.approx(load_w + 3680.0)
        told = {"device": "CP-1", "url": f"ws://127.0.0.1:{central.port}/ocpp", "password": "of-sixteen-bytes"}
        assert simulator.command({"do": "central", **told})["ok"]
        await simulator.attend()
        async with asyncio.timeout(20):
            await central.answered.wait()
        site = simulator.site
        assert site.meter_w == pytest.approx(load_w + 2300.0)
        assert site.phases_w[0] == pytest.approx(0.5 * load_w + 2300.0)
        assert central.passwords[0] is not None
        assert central.passwords[0].startswith("Basic ")
        state = simulator.command({"do": "state"})["devices"]["CP-1"]
        assert (state["limit_a"], state["drawn_a"], state["phases"], state["connected"]) == (10.0, 10.0, 1, True)
        rows = simulator.recorder.dump(-1.0)["writes"]
        assert [row[1:] for row in rows] == [["CP-1", 0, "SetChargingProfile", 10.0]]
        assert simulator.command({"do": "car", "device": "CP-1", "car": None})["ok"]
        await simulator.attend()
        assert simulator.site.meter_w == pytest.approx(load_w)


async def test_a_station_that_lost_its_connection_comes_back_when_it_may() -> None:
    async with Central().listening() as central, Simulator(parse_plan(STATIONS), time.time) as simulator:
        url = f"ws://127.0.0.1:{central.port}/ocpp"
        assert simulator.command({"do": "central", "device": "CP-1", "url": url})["ok"]
        await simulator.attend()
        async with asyncio.timeout(20):
            await central.answered.wait()
        central.answered.clear()
        assert simulator.command({"do": "cut", "device": "CP-1", "for_s": 3600})["ok"]
        await simulator.attend()
        assert not simulator.command({"do": "state"})["devices"]["CP-1"]["connected"]
        assert simulator.command({"do": "cut", "device": "CP-1"})["ok"]
        await simulator.attend()
        async with asyncio.timeout(20):
            await central.answered.wait()
        assert central.connections == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "central", "device": "CP-2", "url": "ws://x"},
        {"do": "central", "device": "CP-1"},
        {"do": "central", "device": "CP-1", "url": "ws://x", "password": 7},
        {"do": "cut", "device": "CP-1", "for_s": -1},
        {"do": "cut", "device": ["CP-1"]},
        {"do": "car", "device": "CP-1", "car": {"most_a": 3}},
        {"do": "car", "device": ["CP-1"], "car": None},
        {"do": ["cut"], "device": "CP-1"},
    ],
)
async def test_a_command_that_is_none_is_answered(wrong: dict[str, Any]) -> None:
    async with Simulator(parse_plan(STATIONS), lambda: 1000.0) as simulator:
        assert not simulator.command(wrong)["ok"]


@pytest.mark.parametrize(
    ("station", "words"),
    [
        ({"name": "CP-1", "version": "ocpp1.5"}, "version"),
        ({"name": "CP-1", "phases": 4}, "phases"),
        ({"name": "CP-1", "car": {"most_a": 3}}, "most_a"),
        ({"name": "meter"}, "share a name"),
        ({"name": "CP-1", "colour": "red"}, "unknown colour"),
        ({}, "name"),
    ],
)
def test_plans_that_are_none(station: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        parse_plan({**PLAN, "stations": [station]})
