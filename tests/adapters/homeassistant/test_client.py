"""The connection at its port: a server of the test's own that hangs up, raves, falls silent and refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from adapters.homeassistant import client
from adapters.homeassistant.client import Home, HomeGadget, Place, look_once
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.thing import ThingSettings
from adapters.knobs import hand
from adapters.knobs.hand import Hand
from gateway.clock import SystemClock
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Role, Seen, Trouble
from grid_functions.model.errors import CredentialFault, Unreachable
from grid_functions.model.setpoint import Setpoint
from tests.adapters.homeassistant.stage import US, changed, hall, state
from tests.adapters.knobs.rig import Rig, Shelf

TOKEN = "a-long-lived-token"  # noqa: S105 - of no server


@dataclass
class Server:
    """``misdeeds``: what it does at each connection in turn instead of its duty; ``calls``: what it was asked to do."""

    misdeeds: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)
    setpoint: float = 20.5
    connections: int = 0
    port: int = 0
    obeys: bool = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        misdeed = self.misdeeds.pop(0) if self.misdeeds else ""
        if misdeed == "no websocket":
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if misdeed == "hang up":
            await socket.close()
            return socket
        await socket.send_str('{"type": "auth_required", "ha_version": "2025.4.4"}')
        said = await socket.receive_json()
        if misdeed == "refuse" or said.get("access_token") != TOKEN:
            await socket.send_str('{"type": "auth_invalid", "message": "Invalid access token or password"}')
            await socket.close()
            return socket
        await socket.send_str('{"type": "auth_ok", "ha_version": "2025.4.4"}')
        self.ids.append([])
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = json.loads(message.data)
            self.ids[-1].append(asked["id"])
            if misdeed == "rave":
                for text in ("nonsense", "[" * 2000, '{"type": "result", "id": 9999, "success": true}', '{"type": 7}'):
                    await socket.send_str(text)
                misdeed = ""
            if misdeed == "binary":
                await socket.send_bytes(b"\x00\x01")
            if misdeed == "too much":
                await socket.send_str("x" * 5000)
            if misdeed == "lose" and asked["type"] == "call_service":
                break
            await self._answer(socket, asked)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: Mapping[str, Any]) -> None:
        told: dict[str, Any] = {
            "auth/current_user": {"id": US},
            "get_config": {"unit_system": {"temperature": "°C"}},
            "get_states": [hall(self.setpoint), state("sensor.p", "100", unit_of_measurement="W")],
        }
        if asked["type"] == "ping":
            await socket.send_json({"id": asked["id"], "type": "pong"})
            return
        if asked["type"] == "call_service":
            self.calls.append(dict(asked))
            if self.obeys:
                self.setpoint = asked["service_data"]["temperature"]
                await socket.send_str(changed(hall(self.setpoint, user=US)))
        await socket.send_json(
            {"id": asked["id"], "type": "result", "success": True, "result": told.get(asked["type"], [])}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(*misdeeds: str) -> AsyncIterator[Server]:
    made = Server(list(misdeeds))
    app = web.Application()
    app.router.add_get("/api/websocket", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


class HomeRig(Rig[HomeGadget]):
    """One thermostat behind a server."""

    def __init__(self, server: Server, shelf: Shelf | None = None, token: Callable[[], str] = lambda: TOKEN) -> None:
        super().__init__(shelf)
        self.server = self.home = Home(Place("home", server.url, token), SystemClock(), self.dice)
        settings = ThingSettings("hall", "climate.hall", Role.LOAD, HomeOptions(power="sensor.p"))
        self.gadget = HomeGadget(settings, self.home, self.shelf, SystemClock(), self.note)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said again, or looked at again, is so fifty times sooner."""
    for room, name in ((hand, "GRACE_S"), (Hand, "again_s"), (HomeGadget, "look_s")):
        monkeypatch.setattr(room, name, getattr(room, name) / 50)


def holding(value: float) -> Callable[[Seen], bool]:
    return lambda seen: (
        seen.condition.holds is not None
        and seen.condition.holds.decision > 0
        and seen.condition.holds.thermostat == Thermostat(value, offset=False)
    )


def wanted(value: float) -> Setpoint:
    return Setpoint("hall", 1, thermostat=Thermostat(value, offset=False))


async def test_it_connects_tells_reads_back_and_gives_back() -> None:
    async with serving() as server, HomeRig(server).running() as rig:
        rig.gadget.want(wanted(18.0))
        seen = await rig.until(holding(18.0))
        assert seen.nameplate.rated_w is None
        assert len(server.calls) == 1
        assert await rig.gadget.release()
        assert server.setpoint == 20.5
        assert all(sorted(one) == one and len(set(one)) == len(one) for one in server.ids)
        assert TOKEN not in repr(rig.notes) + repr(rig.looks)


@pytest.mark.parametrize("misdeed", ["no websocket", "hang up", "rave", "binary", "lose", "too much"])
async def test_whatever_a_server_does_the_next_connection_makes_it_good(
    misdeed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr(client, "MOST_BYTES", 4000)
    async with serving(misdeed) as server, HomeRig(server).running() as rig:
        rig.gadget.want(wanted(18.0))
        await rig.until(holding(18.0))
        assert server.connections == (1 if misdeed == "rave" else 2)


async def test_a_server_that_is_not_there_is_a_look_and_tried_ever_more_slowly() -> None:
    async with serving() as server:
        pass
    async with HomeRig(server).running() as rig:
        seen = await rig.until(lambda one: len(rig.dice.waits) >= 8)
        assert Trouble.SILENT in seen.condition.troubles
        assert "cannot be reached" in seen.condition.text
        assert rig.dice.waits[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


async def test_a_token_that_is_refused_waits_for_minutes_and_a_new_one_is_taken() -> None:
    tokens = ["old", "old", TOKEN]
    async with (
        serving() as server,
        HomeRig(server, token=lambda: tokens.pop(0) if len(tokens) > 1 else tokens[0]).running() as rig,
    ):
        await rig.until(lambda one: "refuses the token: Invalid" in one.condition.text)
        await rig.until(lambda one: one.condition.online)
        assert rig.dice.waits[:2] == [client.REFUSED_S, client.REFUSED_S]


async def test_a_token_that_cannot_be_read_is_said() -> None:
    def token() -> str:
        raise CredentialFault("ha.token cannot be read", "put a long-lived access token into it")

    async with serving() as server, HomeRig(server, token=token).running() as rig:
        await rig.until(lambda one: "ha.token cannot be read" in one.condition.text)
        assert server.connections == 0


async def test_nothing_is_told_before_what_was_there_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    shelf = Shelf()
    shelf.broken = True
    async with serving() as server, HomeRig(server, shelf).running() as rig:
        await rig.until(lambda one: one.condition.online)
        rig.gadget.want(wanted(18.0))
        before = len(rig.looks)
        await rig.until(lambda one: len(rig.looks) >= before + 2)
        assert server.calls == []
        shelf.broken = False
        await rig.until(holding(18.0))
        assert json.loads(shelf.puts[0]) == {
            "before": {"temperature": 20.5},
            "told": {"temperature": 18.0},
            "touch": None,
        }


async def test_a_second_device_has_its_entities_asked_for() -> None:
    async with serving() as server, HomeRig(server).running() as rig:
        await rig.until(lambda one: one.condition.online)
        settings = ThingSettings("p", "sensor.p", Role.METER, read_only=True)
        other = HomeGadget(settings, rig.home, Shelf(), SystemClock(), lambda *_: None)
        looks: list[Seen] = []
        news = asyncio.Event()

        def intake(seen: Seen) -> None:
            looks.append(seen)
            news.set()

        task = asyncio.create_task(other.run(intake))
        while not (looks and looks[-1].condition.online):
            news.clear()
            await news.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_look_at_all_there_is() -> None:
    async with serving() as server:
        session = await look_once(Place("home", server.url, lambda: TOKEN), SystemClock())
        assert set(session.states) == {"climate.hall", "sensor.p"}
        with pytest.raises(CredentialFault, match="refuses the token"):
            await look_once(Place("home", server.url, lambda: "other"), SystemClock())
        server.misdeeds = ["hang up"]
        with pytest.raises(Unreachable, match="no Home Assistant"):
            await look_once(Place("home", server.url, lambda: TOKEN), SystemClock())
    with pytest.raises(Unreachable, match="cannot be asked"):
        await look_once(Place("home", server.url, lambda: TOKEN), SystemClock())
