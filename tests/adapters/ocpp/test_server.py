"""The central system over real sockets, with a third party's charge points behind them."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from adapters.ocpp.access import Access, SecurityProfile
from adapters.ocpp.outlet import OutletSettings
from adapters.ocpp.server import CentralSystem, Charger, Listening
from adapters.ocpp.session import Session
from grid_functions.model.device import Vehicle
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.ocpp.house import OPEN, QUICK, Clock, Site, site
from tests.adapters.ocpp.peers import socket_to, station_at

BOTH = pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])


@BOTH
async def test_a_third_partys_station_is_limited_read_back_measured_and_released(protocol: str) -> None:
    async with site() as house, station_at(house.central.port, protocol) as station:
        answer = await station.introduce()
        assert answer.status == "Accepted"
        await house.sees(lambda seen: seen.condition.vehicle is Vehicle.CONNECTED)
        house.charger.want(Setpoint("evse-1", 3, current_max_a=16.0))
        seen = await house.shows(16.0, 3)
        assert (seen.nameplate.maker, seen.nameplate.serial) == ("Acme", "S-1")
        assert seen.capability.watchdog, "the station shows its fallback"
        house.charger.want(Setpoint("evse-1", 4, current_max_a=0.0))
        await house.shows(0.0, 4)
        await station.measure(0.0)
        await house.sees(lambda seen: (Quantity.NET, None) in seen.condition.readings)
        assert station.profile is not None
        assert await house.charger.release()
        assert station.profile is None


@BOTH
async def test_a_station_that_comes_back_is_told_anew(protocol: str) -> None:
    async with site() as house:
        house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
        async with station_at(house.central.port, protocol) as station:
            await station.introduce()
            await house.shows(10.0, 3)
        gone = await house.sees(lambda seen: not seen.condition.online)
        assert gone.condition.holds is not None, "it may still hold it"
        async with station_at(house.central.port, protocol) as station:
            await house.sees(lambda seen: seen.condition.online)
            await house.shows(10.0, 3)


async def test_a_second_connection_of_a_station_takes_the_place_of_the_first() -> None:
    async with site() as house, socket_to(house.central.port) as first:
        house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
        async with station_at(house.central.port, "ocpp1.6") as station:
            await station.introduce()
            await house.shows(10.0, 3)
            while (message := await first.receive()).type is WSMsgType.TEXT:
                pass
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
            # The end of the first harms nothing of the second.
            house.charger.want(Setpoint("evse-1", 4, current_max_a=8.0))
            await house.shows(8.0, 4)


async def test_an_unknown_station_is_refused() -> None:
    async with site() as house:
        for name in ("CP-2", "cp-1", "CP-1%2F", "", "x" * 500):
            with pytest.raises(WSServerHandshakeError) as refused:
                async with socket_to(house.central.port, name):
                    pass
            assert refused.value.status == 404


async def test_who_speaks_no_version_of_ours_is_hung_up_on() -> None:
    async with site() as house:
        for protocol in ("ocpp1.5", ""):
            async with socket_to(house.central.port, protocol=protocol) as socket:
                message = await socket.receive()
                assert message.type is WSMsgType.CLOSE
                assert message.data == 1002


@pytest.mark.parametrize(
    ("hashed", "password", "status"),
    [
        (QUICK.hash(b"correct horse"), b"correct horse", 101),
        (QUICK.hash(b"correct horse"), b"wrong horse", 401),
        (QUICK.hash(b"correct horse"), b"", 401),
        (QUICK.hash(b"correct horse"), None, 401),
        (QUICK.hash(b"\xff\x00:\n"), b"\xff\x00:\n", 101),
        (None, b"correct horse", 401),
    ],
    ids=["right", "wrong", "empty", "none", "bytes of any kind", "nobody has one"],
)
async def test_profile_1_asks_for_a_password(hashed: str | None, password: bytes | None, status: int) -> None:
    users = {} if hashed is None else {"CP-1": hashed}
    async with site(Access(SecurityProfile.BASIC, users)) as house:
        for _ in range(2):
            if status == 101:
                async with socket_to(house.central.port, password=password) as socket:
                    assert socket.protocol == "ocpp1.6"
            else:
                with pytest.raises(WSServerHandshakeError) as refused:
                    async with socket_to(house.central.port, password=password):
                        pass
                assert refused.value.status == status


async def test_what_is_no_message_is_answered_and_the_station_goes_on() -> None:
    async with site() as house, socket_to(house.central.port) as socket:
        for nonsense in ("{", '[2,"1","Heartbeat",{"x":1}]', '[2,"2","../../etc/passwd",{}]', "[" * 100_000):
            await socket.send_str(nonsense)
            while (message := json.loads(await socket.receive_str()))[0] != 4:
                pass
        await socket.send_str('[2,"9","Heartbeat",{}]')
        while (message := json.loads(await socket.receive_str()))[0] != 3:
            pass
        assert message[1] == "9"


@pytest.mark.parametrize("harm", ["binary", "large"])
async def test_what_is_no_text_or_too_long_ends_the_connection_only(harm: str) -> None:
    async with site() as house, socket_to(house.central.port) as socket:
        if harm == "binary":
            await socket.send_bytes(b"\x00" * 10)
        else:
            await socket.send_str("x" * 300_000)
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            pass
        assert message.type is WSMsgType.CLOSE
        async with station_at(house.central.port, "ocpp1.6") as station:
            assert (await station.introduce()).status == "Accepted"


async def test_a_port_that_is_taken_is_a_look_and_not_an_error() -> None:
    async with site() as house:
        clock = Clock()
        other = CentralSystem(Listening("127.0.0.1", house.central.port, OPEN), clock)
        late = Site(other, Charger(OutletSettings("evse-9", "CP-9"), other, clock, lambda *_: None))
        seen = await late.sees(lambda seen: "cannot listen" in seen.condition.text)
        assert not seen.condition.online
        late.running.cancel()
        await asyncio.gather(late.running, return_exceptions=True)
        await other.close()


async def test_a_defect_in_one_session_ends_that_connection_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site() as house:
        house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
        async with socket_to(house.central.port) as socket:
            await house.sees(lambda seen: True)
            with monkeypatch.context() as broken:
                broken.setattr(Session, "due", _raise)
                while (message := await socket.receive()).type is WSMsgType.TEXT:
                    pass
            assert message.type is WSMsgType.CLOSE
        async with station_at(house.central.port, "ocpp1.6") as station:
            await station.introduce()
            await house.shows(10.0, 3)


def _raise(*_: object) -> tuple[str, ...]:
    raise RuntimeError("a defect")
