"""Heaters over real sockets: twins made from profiles, pymodbus as somebody else's device, and peers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.budget import decode_budget
from adapters.heaters import client
from adapters.heaters.client import HeaterGadget
from adapters.heaters.options import HeaterOptions
from adapters.heaters.profile import HeaterProfile, heater, read_heater
from adapters.heaters.unit import HeaterSettings
from adapters.knobs import hand
from adapters.knobs.hand import Hand
from adapters.knobs.keeping import decoded
from adapters.knobs.knob import Aspect
from adapters.modbus.link import Link
from adapters.registers.library import shipped
from adapters.settings import Pinned
from adapters.simulator.door import Door
from adapters.simulator.heater import HeaterTwin
from adapters.simulator.twins import Twins
from gateway.clock import SystemClock
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Seen, Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.heaters.stage import BLUEPRINT
from tests.adapters.knobs.rig import Rig, Shelf
from tests.adapters.modbus.test_link import pymodbus_server
from tests.adapters.stage import Stumbling

HEAT: MeterKey = (Quantity.TEMPERATURE, None)
NET: MeterKey = (Quantity.NET, None)
C18 = Thermostat(18.0, offset=False)
SHIPPED = [name for name, _ in shipped(("adapters.devices.heaters",))]
ROOM = "stiebel-isg-room-1"


def profiled(name: str) -> HeaterProfile:
    return read_heater(BLUEPRINT, "mine.yaml") if name == "mine" else heater(name)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is looked at, and may be told again, twenty times as often."""
    for room, name in ((hand, "GRACE_S"), (Hand, "again_s"), (HeaterGadget, "look_s"), (client, "_READ_BACK_S")):
        monkeypatch.setattr(room, name, getattr(room, name) / 20)


class HeaterRig(Rig[HeaterGadget]):
    """One heater at a port, called x."""

    def __init__(
        self, port: int, name: str = ROOM, shelf: Shelf | None = None, link: Link | None = None, **settings: Any
    ) -> None:
        super().__init__(shelf)
        self.server = self.link = link or Link(
            "127.0.0.1", port, jitter=lambda low_s, high_s: 0.0, timeout_s=0.5, pause_max_s=0.1
        )
        profile = profiled(name)
        told = replace(HeaterSettings("x", name, profile, profile.unit), **settings)
        self.gadget = HeaterGadget(told, self.link, self.shelf, SystemClock(), self.note, poll_s=0.05)


@asynccontextmanager
async def twin(name: str = ROOM, **state: Any) -> AsyncIterator[tuple[Twins, Door[Twins]]]:
    profile = profiled(name)
    twins = Twins({profile.unit: HeaterTwin(profile, **state)}, _seconds)
    door = Door("127.0.0.1", twins)
    await door.open()
    try:
        yield twins, door
    finally:
        door.close()


def _seconds() -> float:
    return SystemClock().now().mono_s


def holding(value_c: float) -> Callable[[Seen], bool]:
    wanted = Thermostat(value_c, offset=False)
    return lambda seen: (
        seen.condition.holds is not None
        and seen.condition.holds.decision > 0
        and seen.condition.holds.thermostat == wanted
    )


def measured(value: float, key: MeterKey = HEAT) -> Callable[[Seen], bool]:
    def shows(seen: Seen) -> bool:
        one = seen.condition.readings.get(key)
        return one is not None and one.quality is Quality.GOOD and abs(one.value - value) < 0.01

    return shows


def wanted(value_c: float, decision: int = 1) -> Setpoint:
    return Setpoint("x", decision, thermostat=Thermostat(value_c, offset=False))


@pytest.mark.parametrize("name", [*SHIPPED, "mine"])
async def test_every_heater_is_read_told_read_back_and_given_back(name: str) -> None:
    """Its twin is at 19.5 degrees, set at the device; water is warmer."""
    set_c, told_c = (50.0, 45.0) if name.endswith("water") else (25.0, 22.0)
    async with twin(name, temperature_c=19.5, setpoint_c=set_c, power_w=800.0) as (twins, door):
        unit = profiled(name).unit
        async with HeaterRig(door.port, name).running() as rig:
            await rig.until(measured(19.5))
            twins.change(unit, temperature_c=20.5)
            await rig.until(measured(20.5))
            rig.gadget.want(wanted(told_c))
            await rig.until(holding(told_c))
            assert twins.heater(unit).setpoint_c == told_c
            assert await rig.gadget.release()
            assert twins.heater(unit).setpoint_c == set_c
            assert [kind for kind, _, _ in rig.notes] == ["call", "answer", "call", "answer"]


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        (ROOM, {"I502": (195,), "H1501": (250,)}),
        ("stiebel-isg-room-2", {"I587": (195,), "H1504": (250,)}),
        ("stiebel-isg-water", {"I521": (195,), "H1509": (250,)}),
        # 19.50 degrees in hundredths, 800 W in tens, on.
        ("daikin-homehub-room", {"I49": (1950, 80), "H5": (25,), "H3": (1,)}),
        ("daikin-homehub-water", {"I42": (1950,), "H9": (25,), "H11": (1,)}),
        # 2001 in two registers: "20" is 3230, "01" is 3031.
        ("mypv-elwa-2", {"H1000": (800, 195, 250), "H1014": (3500,), "H1018": (0x3230, 0x3031, 0, 0, 0, 0, 0, 0)}),
    ],
)
async def test_the_twins_as_pymodbus_reads_them(name: str, reads: dict[str, tuple[int, ...]]) -> None:
    """19.5 degrees, set to 25.0, 800 W, 3,500 W at most: at register numbers written down by hand."""
    state = {"temperature_c": 19.5, "setpoint_c": 25.0, "power_w": 800.0, "rated_w": 3500.0, "serial": "2001"}
    async with twin(name, **state) as (_, door):
        peer = AsyncModbusTcpClient("127.0.0.1", port=door.port, retries=0)
        assert await peer.connect()
        try:
            for place, expected in reads.items():
                read = peer.read_input_registers if place[0] == "I" else peer.read_holding_registers
                got = await read(int(place[1:]), count=len(expected), device_id=1)
                assert (place, tuple(got.registers)) == (place, expected)
        finally:
            peer.close()


def elwa(target: int = 600) -> SimDevice:
    """52.3 degrees and 1,500 W; serial number 2001240601010012."""
    serial = [0x3230, 0x3031, 0x3234, 0x3036, 0x3031, 0x3031, 0x3030, 0x3132]
    values = [1500, 523, target, 2, *[0] * 10, 3500, 0, 210, 0, *serial]
    return SimDevice(1, [SimData(1000, values=list(values), datatype=DataType.REGISTERS)])


async def test_pymodbus_as_the_device() -> None:
    """Its registers are laid out by hand; what is told is read there by pymodbus's own client."""
    async with pymodbus_server(elwa()) as port:
        peer = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
        assert await peer.connect()
        try:
            async with HeaterRig(port, "mypv-elwa-2", pinned=Pinned(serial="2001240601010012")).running() as rig:
                seen = await rig.until(measured(52.3))
                assert seen.condition.readings[NET].value == 1500.0
                rig.gadget.want(wanted(45.0))
                await rig.until(holding(45.0))
                assert (await peer.read_holding_registers(1002, count=1, device_id=1)).registers == [450]
                # Somebody turns it to 55.5 degrees at the device: 555.
                await peer.write_register(1002, 555, device_id=1)
                seen = await rig.until(lambda one: one.condition.touch is not None)
                assert seen.condition.touch is not None
                assert seen.condition.touch.thermostat == Thermostat(55.5, offset=False)
                assert ("touched", "", {"text": "target: temperature set to 55.5 by somebody else"}) in rig.notes
                assert await rig.gadget.release()
                assert (await peer.read_holding_registers(1002, count=1, device_id=1)).registers == [555]
        finally:
            peer.close()


async def test_nothing_is_told_before_what_it_held_is_kept() -> None:
    async with twin(setpoint_c=25.0) as (twins, door), HeaterRig(door.port).running() as rig:
        rig.shelf.broken = True
        rig.gadget.want(wanted(18.0))
        seen = await rig.until(measured(20.0))
        await rig.until(lambda one: one is not seen)
        assert twins.heater(1).setpoint_c == 25.0
        rig.shelf.broken = False
        await rig.until(holding(18.0))


async def test_a_gateway_killed_between_keeping_and_telling_gives_back_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with twin(setpoint_c=25.0) as (twins, door):
        first = HeaterRig(door.port)

        async def killed(*_: Any) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(first.gadget, "_write", killed)
        first.gadget.want(wanted(18.0))
        with pytest.raises(asyncio.CancelledError):
            await first.gadget.run(first.intake)
        await first.link.close()
        assert twins.heater(1).setpoint_c == 25.0
        assert first.shelf.kept.keys() == {"heaters/stiebel-isg-room-1/x"}
        async with HeaterRig(door.port, shelf=first.shelf).running() as again:
            again.gadget.want(wanted(18.0))
            await again.until(holding(18.0))
            assert await again.gadget.release()
            assert twins.heater(1).setpoint_c == 25.0
            assert not any(kind == "touched" for kind, _, _ in again.notes)


async def test_one_that_is_silent_is_offline_and_comes_back() -> None:
    async with twin(setpoint_c=25.0) as (twins, door), HeaterRig(door.port).running() as rig:
        await rig.until(measured(20.0))
        twins.mute.add(1)
        seen = await rig.until(lambda one: not one.condition.online)
        assert Trouble.SILENT in seen.condition.troubles
        assert seen.condition.readings[HEAT].quality is Quality.STALE
        assert "did not answer" in seen.condition.text or "unanswered" in seen.condition.text
        rig.gadget.want(wanted(18.0))
        twins.mute.clear()
        await rig.until(holding(18.0))


async def test_a_hand_in_a_silence_that_broke_no_connection_is_the_occupants() -> None:
    async with twin(setpoint_c=25.0) as (twins, door), HeaterRig(door.port).running() as rig:
        rig.gadget.want(wanted(18.0))
        await rig.until(holding(18.0))
        twins.mute.add(1)
        await rig.until(lambda one: not one.condition.online)
        twins.change(1, setpoint_c=22.0)
        twins.mute.clear()
        seen = await rig.until(lambda one: one.condition.touch is not None)
        assert seen.condition.touch is not None
        assert seen.condition.touch.thermostat == Thermostat(22.0, offset=False)
        assert rig.link.connections == 1


async def test_who_is_there_is_asked_over_one_connection_from_begin_to_end() -> None:
    """The first is lost after the first answer: what the second brings is not put together with that."""
    async with twin(temperature_c=21.5) as (_, door):
        link = Stumbling("127.0.0.1", door.port, jitter=lambda low_s, high_s: 0.0)
        asked: list[Any] = []

        async def lost(request: Any) -> None:
            asked.append(request)
            if len(asked) == 2:
                door.close()
                await link.until_lost()
                await door.open()

        link.before = lost
        async with HeaterRig(door.port, link=link).running() as rig:
            await rig.until(measured(21.5))
            assert not rig.looks[0].condition.online
            assert rig.looks[0].condition.text.endswith("connection lost while looking who is there")


async def test_another_device_that_answers_after_a_silence_is_only_read_too() -> None:
    """A unit behind a serial device server is changed: the connection to the server stands."""
    async with (
        twin("mypv-elwa-2", setpoint_c=60.0, serial="A1") as (twins, door),
        HeaterRig(door.port, "mypv-elwa-2", pinned=Pinned(serial="A1")).running() as rig,
    ):
        await rig.until(measured(20.0))
        twins.mute.add(1)
        await rig.until(lambda one: not one.condition.online)
        twins.change(1, serial="B2")
        twins.mute.clear()
        seen = await rig.until(lambda one: one.condition.online)
        assert Trouble.WRONG_DEVICE in seen.condition.troubles
        assert rig.link.connections == 1


class Slow(HeaterRig):
    """It is polled once a minute, waits for news only, and its clock is moved by hand. ``rests``: how long it would have waited."""

    def __init__(self, port: int, **settings: Any) -> None:
        super().__init__(port, **settings)
        self.now_s = 1000.0
        self.rests: list[float] = []
        told = self.gadget.thing.settings
        self.gadget = HeaterGadget(told, self.link, self.shelf, self, self.note, self.rest, poll_s=60.0)

    def now(self) -> Instants:
        return Instants(self.now_s, 1_700_000_000.0 + self.now_s)

    async def rest(self, news: asyncio.Event, seconds: float) -> None:
        self.rests.append(seconds)
        await news.wait()


async def test_what_is_set_is_looked_at_just_before() -> None:
    async with twin(setpoint_c=25.0) as (twins, door), Slow(door.port).running() as rig:
        await rig.until(measured(20.0))
        assert rig.rests == [60.0]
        twins.change(1, setpoint_c=23.0)
        rig.now_s += 30.0
        rig.gadget.want(wanted(18.0))
        await rig.until(holding(18.0))
        assert decoded(*rig.shelf.kept["heaters/stiebel-isg-room-1/x"]).before == {Aspect.TEMPERATURE: 23.0}


async def test_it_is_looked_at_sooner_while_it_is_to_show_or_be_told_something() -> None:
    """In tests a twentieth: of 2 s while something is owed; read back after a tenth of the 90 s that it may take, as it stands."""
    async with twin(setpoint_c=25.0, obeys=False) as (_, door), Slow(door.port, settle_s=90.0).running() as rig:
        await rig.until(measured(20.0))
        rig.shelf.broken = True
        rig.gadget.want(wanted(18.0))
        before = len(rig.rests)
        while len(rig.rests) == before:  # noqa: ASYNC110 - a rest tells nobody
            await asyncio.sleep(0.001)
        assert rig.rests[-1] == pytest.approx(0.1)
        rig.shelf.broken = False
        rig.now_s += 1.0
        rig.gadget.want(wanted(18.0))
        while rig.rests[-1] != 9.0:  # noqa: ASYNC110 - a rest tells nobody
            await asyncio.sleep(0.001)
        assert rig.gadget.thing.awaits


async def test_another_device_at_the_same_address_after_a_reconnect_is_only_read() -> None:
    async with (
        twin("mypv-elwa-2", setpoint_c=60.0, serial="A1") as (twins, door),
        HeaterRig(door.port, "mypv-elwa-2", pinned=Pinned(serial="A1")).running() as rig,
    ):
        await rig.until(measured(20.0))
        door.close()
        await rig.until(lambda one: not one.condition.online)
        twins.change(1, serial="B2")
        await door.open()
        seen = await rig.until(lambda one: one.condition.online)
        assert Trouble.WRONG_DEVICE in seen.condition.troubles
        assert seen.nameplate.serial == "B2"
        rig.gadget.want(wanted(45.0))
        before = len(rig.looks)
        await rig.until(lambda _: len(rig.looks) > before + 3)
        assert twins.heater(1).setpoint_c == 60.0


async def test_one_that_does_not_keep_what_it_is_told() -> None:
    async with (
        twin(setpoint_c=25.0, obeys=False) as (twins, door),
        HeaterRig(door.port, settle_s=0.2).running() as rig,
    ):
        rig.gadget.want(wanted(18.0))
        seen = await rig.until(lambda one: Trouble.NOT_HELD in one.condition.troubles)
        assert seen.condition.text == "told temperature 18.0, but it shows 25.0"
        assert twins.heater(1).setpoint_c == 25.0


async def test_what_is_not_available_is_missing_and_not_set() -> None:
    async with (
        twin(temperature_c=None, setpoint_c=None) as (twins, door),
        HeaterRig(door.port).running() as rig,
    ):
        rig.gadget.want(wanted(18.0))
        seen = await rig.until(lambda one: one.condition.online and HEAT in one.condition.readings)
        assert seen.condition.readings[HEAT].quality is Quality.MISSING
        assert seen.condition.text == "it shows no setpoint in its present mode"
        twins.change(1, setpoint_c=25.0)
        await rig.until(holding(18.0))


async def test_the_days_writes_are_counted_in_the_ledger() -> None:
    async with twin("mypv-elwa-2", setpoint_c=60.0) as (_, door), HeaterRig(door.port, "mypv-elwa-2").running() as rig:
        rig.gadget.want(wanted(45.0))
        await rig.until(holding(45.0))
        kept = rig.shelf.kept["driver/x/writes/my-PV/AC ELWA 2/4711"]
        assert decode_budget(*kept).spent == {"target": 1}
        rig.gadget.want(wanted(50.0, 2))
        await rig.until(lambda one: Trouble.WRITES_SPENT in one.condition.troubles)
        async with HeaterRig(door.port, "mypv-elwa-2", rig.shelf).running() as again:
            again.gadget.want(wanted(50.0, 2))
            await again.until(lambda one: Trouble.WRITES_SPENT in one.condition.troubles)


async def test_rooms_and_tank_share_one_link() -> None:
    """Three units behind one port, one connection: what one is told is not the others'."""
    names = {1: ROOM, 2: "stiebel-isg-room-2", 3: "stiebel-isg-water"}
    twins = Twins({unit: HeaterTwin(heater(name), setpoint_c=25.0) for unit, name in names.items()}, _seconds)
    door = Door("127.0.0.1", twins)
    await door.open()
    link = Link("127.0.0.1", door.port, jitter=lambda low_s, high_s: 0.0)
    rigs = [HeaterRig(0, name, link=link, unit=unit) for unit, name in names.items()]
    tasks = [asyncio.create_task(rig.gadget.run(rig.intake)) for rig in rigs]
    try:
        async with asyncio.timeout(30):
            for rig in rigs:
                await rig.until(measured(20.0))
            rigs[2].gadget.want(wanted(55.0))
            await rigs[2].until(holding(55.0))
        assert [twins.heater(unit).setpoint_c for unit in names] == [25.0, 25.0, 55.0]
        assert link.connections == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await link.close()
        door.close()


async def test_read_only_writes_nothing() -> None:
    async with twin(setpoint_c=25.0) as (twins, door), HeaterRig(door.port, read_only=True).running() as rig:
        rig.gadget.want(wanted(18.0))
        await rig.until(measured(20.0))
        before = len(rig.looks)
        await rig.until(lambda _: len(rig.looks) > before + 3)
        assert twins.heater(1).setpoint_c == 25.0
        assert await rig.gadget.release()


async def test_an_installers_range_holds() -> None:
    async with (
        twin(setpoint_c=20.0) as (twins, door),
        HeaterRig(door.port, options=HeaterOptions(least_c=19.0)).running() as rig,
    ):
        rig.gadget.want(wanted(10.0))
        await rig.until(lambda one: one.condition.holds is not None and one.condition.holds.decision == 1)
        assert twins.heater(1).setpoint_c == 19.0
