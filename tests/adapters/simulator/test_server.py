"""The servers, read and written by pysunspec2's own client and by pymodbus's, with time moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from pymodbus.client import AsyncModbusTcpClient
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
from sunspec2.modbus.modbus import ModbusClientException

from adapters.simulator.registers import BASE
from adapters.simulator.server import Simulator
from tests.adapters.simulator.situations import Hand, plan, raw

T = TypeVar("T")


@pytest.fixture
def hand() -> Hand:
    return Hand(1_800_000_000.0)


@pytest.fixture
async def simulator(hand: Hand) -> AsyncIterator[Simulator]:
    async with Simulator(plan(), hand) as running:
        yield running


async def _with_peer(simulator: Simulator, device: str, use: Callable[[Any], T]) -> T:
    """What `use` makes of a device scanned by pysunspec2's blocking client, in a thread."""
    found = next(d for d in simulator.announcement["devices"] if d["name"] == device)

    def run() -> T:
        peer = SunSpecModbusClientDeviceTCP(found["unit"], found["host"], found["port"], timeout=5)
        try:
            peer.scan()
            return use(peer)
        finally:
            peer.close()

    return await asyncio.to_thread(run)


@pytest.mark.parametrize(
    ("device", "models"),
    [("old", [1, 103, 120, 121, 122, 123]), ("new", [1, 701, 702, 703, 704]), ("meter", [1, 203])],
)
async def test_peer_finds_the_models(simulator: Simulator, device: str, models: list[int]) -> None:
    found, maker, errors = await _with_peer(
        simulator,
        device,
        lambda peer: (
            [m for m in peer.models if isinstance(m, int)],
            peer.common[0].Mn.value,
            [m.error_info for models in peer.models.values() for m in models if m.error_info],
        ),
    )
    assert (found, maker, errors) == (models, "OSED", [])


async def test_peer_reads_what_physics_says(simulator: Simulator) -> None:
    def read(peer: Any) -> list[Any]:
        ac = peer.models[103][0]
        control, plate = peer.models[123][0], peer.models[120][0]
        return [
            ac.W.cvalue,
            ac.PhVphA.cvalue,
            ac.Hz.cvalue,
            ac.A.cvalue,
            ac.PPVphAB.value,
            control.WMaxLimPct.cvalue,
            control.OutPFSet.cvalue,
            plate.WRtg.cvalue,
            plate.WHRtg.value,
            peer.common[0].SN.value,
            peer.common[0].L.value,
        ]

    # 5000 W on three phases of 230 V: 7.25 A each (7.246 rounded), 21.75 in all.
    assert await _with_peer(simulator, "old", read) == [
        5000, 230.0, 50.0, 21.75, None, 100.0, 1.0, 5000, None, "L-1", 65,
    ]  # fmt: skip


async def test_peer_reads_the_meter(simulator: Simulator) -> None:
    def read(peer: Any) -> tuple[float, list[float]]:
        meter = peer.models[203][0]
        return meter.W.cvalue, [meter.WphA.cvalue, meter.WphB.cvalue, meter.WphC.cvalue]

    total, phases = await _with_peer(simulator, "meter", read)
    assert total == 1000 - 5000 - 8000
    assert sum(phases) == total


async def test_peer_limits_and_reads_back_and_time_reverts(simulator: Simulator, hand: Hand) -> None:
    def limit(peer: Any) -> None:
        control = peer.models[704][0]
        control.WMaxLimPctRvrt.cvalue = 10.0
        control.WMaxLimPctEnaRvrt.value = 1
        control.WMaxLimPctRvrtTms.value = 60
        control.WMaxLimPct.cvalue = 50.0
        control.WMaxLimPctEna.value = 1
        control.write()

    def read(peer: Any) -> tuple[float, float, int]:
        control = peer.models[704][0]
        return peer.models[701][0].W.cvalue, control.WMaxLimPct.cvalue, control.WMaxLimPctRvrtRem.value

    await _with_peer(simulator, "new", limit)
    hand.t_s += 2.0
    assert await _with_peer(simulator, "new", read) == (4000, 50.0, 58)
    hand.t_s += 57.9
    assert await _with_peer(simulator, "new", read) == (4000, 50.0, 1)
    # 60.0 s after the write it falls to 10 %: 800 W, 3200 W away at 4000 W/s: 0.8 s.
    hand.t_s += 0.1 + 0.8
    assert await _with_peer(simulator, "new", read) == (800, 10.0, 0)


async def test_peer_limits_the_legacy_one(simulator: Simulator, hand: Hand) -> None:
    def limit(peer: Any) -> None:
        control = peer.models[123][0]
        control.WMaxLimPct.cvalue = 40.0
        control.WMaxLimPct_RvrtTms.value = 60
        control.WMaxLim_Ena.value = 1
        control.write()

    def read(peer: Any) -> tuple[float, int]:
        return peer.models[103][0].W.cvalue, peer.models[123][0].WMaxLim_Ena.value

    await _with_peer(simulator, "old", limit)
    hand.t_s += 59.0
    assert await _with_peer(simulator, "old", read) == (2000, 1)
    hand.t_s += 3.0
    assert await _with_peer(simulator, "old", read) == (5000, 0)


async def test_peer_is_told_no(simulator: Simulator) -> None:
    def overdo(peer: Any) -> None:
        peer.models[123][0].WMaxLimPct.cvalue = 120.0
        peer.models[123][0].write()

    with pytest.raises(ModbusClientException, match="3"):
        await _with_peer(simulator, "old", overdo)


async def test_quirks_as_seen_by_the_peer(simulator: Simulator, hand: Hand) -> None:
    simulator.command({"do": "quirk", "device": "new", "set": {"ignores": True}})
    simulator.command({"do": "quirk", "device": "meter", "set": {"meter_sign": True}})

    def limit(peer: Any) -> None:
        peer.models[704][0].WMaxLimPct.cvalue = 0.0
        peer.models[704][0].WMaxLimPctEna.value = 1
        peer.models[704][0].write()

    await _with_peer(simulator, "new", limit)
    hand.t_s += 10
    read = await _with_peer(simulator, "new", lambda p: (p.models[704][0].WMaxLimPct.cvalue, p.models[701][0].W.cvalue))
    assert read == (0.0, 8000)
    assert await _with_peer(simulator, "meter", lambda p: p.models[203][0].W.cvalue) == 12000


def _address(simulator: Simulator, device: str, model: int, name: str) -> int:
    return BASE + next(p.offset for p in simulator.site.image(device).points if p.key == (model, name))


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[AsyncModbusTcpClient]:
    peer = AsyncModbusTcpClient("127.0.0.1", port=simulator.ports["b"], retries=0)
    await peer.connect()
    yield peer
    peer.close()


async def test_single_and_multiple_writes(simulator: Simulator, client: AsyncModbusTcpClient) -> None:
    one = await client.write_register(_address(simulator, "new", 704, "WMaxLimPct"), 3000)
    many = await client.write_registers(_address(simulator, "new", 704, "WMaxLimPctRvrtTms"), [0, 90])
    assert not one.isError()
    assert not many.isError()
    assert raw(simulator.site, "new", 704, "WMaxLimPct") == 3000
    assert raw(simulator.site, "new", 704, "WMaxLimPctRvrtTms") == 90


@pytest.mark.parametrize(
    ("model", "point", "registers", "code"),
    [
        (704, "WMaxLimPct", [10001], 3),
        (704, "WMaxLimPctEna", [2], 3),
        (704, "WMaxLimPctRvrtTms", [60], 2),
        (704, "WMaxLimPctRvrtRem", [0, 60], 2),
        (701, "W", [0], 2),
        (702, "WMaxRtg", [1], 2),
        (704, "PFWInjEna", [2], 3),
    ],
)
async def test_refused_writes(
    simulator: Simulator, client: AsyncModbusTcpClient, model: int, point: str, registers: list[int], code: int
) -> None:
    before = simulator.site.registers("new")
    answer = await client.write_registers(_address(simulator, "new", model, point), registers)
    assert (answer.isError(), answer.exception_code) == (True, code)
    assert simulator.site.registers("new") == before


async def test_outside_the_map_and_other_functions(simulator: Simulator, client: AsyncModbusTcpClient) -> None:
    size = simulator.site.image("new").size
    assert (await client.read_holding_registers(BASE + size, count=1)).exception_code == 2
    assert (await client.read_holding_registers(BASE + size - 1, count=2)).exception_code == 2
    assert (await client.read_holding_registers(0, count=2)).exception_code == 2
    assert (await client.read_input_registers(BASE, count=2)).exception_code == 1
    assert (await client.read_coils(BASE, count=1)).exception_code == 1
    assert (await client.mask_write_register(address=BASE + 10, and_mask=0, or_mask=1)).exception_code == 1


async def test_unknown_unit_is_not_there(client: AsyncModbusTcpClient) -> None:
    assert (await client.read_holding_registers(BASE, count=2, device_id=9)).exception_code == 0x0B
    assert (await client.write_register(BASE, 1, device_id=9)).exception_code == 0x0B


async def test_two_units_behind_one_port(simulator: Simulator) -> None:
    peer = AsyncModbusTcpClient("127.0.0.1", port=simulator.ports["a"], retries=0)
    await peer.connect()
    try:
        old = await peer.read_holding_registers(BASE, count=125, device_id=1)
        meter = await peer.read_holding_registers(BASE, count=125, device_id=240)
    finally:
        peer.close()
    assert old.registers == simulator.site.registers("old")[:125]
    assert meter.registers == simulator.site.registers("meter")[:125]


async def test_one_answer_shows_one_instant(simulator: Simulator, client: AsyncModbusTcpClient, hand: Hand) -> None:
    await client.write_registers(_address(simulator, "new", 704, "WMaxLimPctEna"), [1, 5000])
    start = _address(simulator, "new", 701, "W")
    third = _address(simulator, "new", 701, "WL3")
    for _ in range(10):
        hand.t_s += 0.1
        answer = await client.read_holding_registers(start, count=third - start + 1)
        legs = [answer.registers[_address(simulator, "new", 701, f"WL{n}") - start] for n in (1, 2, 3)]
        assert sum(legs) == answer.registers[0]


async def test_the_record_holds_seconds_and_writes(
    simulator: Simulator, client: AsyncModbusTcpClient, hand: Hand
) -> None:
    await client.write_register(_address(simulator, "new", 704, "WMaxLimPct"), 3000)
    hand.t_s += 2.0
    dump = simulator.command({"do": "dump"})
    assert dump["meter"] == [[1_800_000_001.0, -12000.0], [1_800_000_002.0, -12000.0]]
    assert dump["writes"] == [[1_800_000_000.0, "new", 704, "WMaxLimPct", 30.0]]


async def test_control_channel_answers_line_by_line(simulator: Simulator) -> None:
    server = await asyncio.start_server(simulator.serve_control, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    answers = []
    for line in (b'{"do": "load", "w": 2000}', b"not json", b"[1]", b'{"do": "stop"}'):
        writer.write(line + b"\n")
        answers.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    assert [b'"ok": true' in a for a in answers] == [True, False, False, True]
    assert simulator.site.load_w == 2000
    assert simulator.stopping.is_set()


async def test_a_busy_device_refuses_everything(simulator: Simulator, client: AsyncModbusTcpClient) -> None:
    simulator.command({"do": "quirk", "device": "new", "set": {"busy": True}})
    assert (await client.read_holding_registers(BASE, count=2)).exception_code == 6
    simulator.command({"do": "quirk", "device": "new", "set": {"busy": False}})
    assert (await client.read_holding_registers(BASE, count=2)).registers == [0x5375, 0x6E53]


async def test_a_mute_device_answers_nothing_until_it_is_let_go(
    simulator: Simulator, client: AsyncModbusTcpClient
) -> None:
    simulator.command({"do": "quirk", "device": "new", "set": {"mute": True}})
    asked = asyncio.ensure_future(client.read_holding_registers(BASE, count=2))
    done, _ = await asyncio.wait({asked}, timeout=0.2)
    assert not done
    simulator.command({"do": "quirk", "device": "new", "set": {"mute": False}})
    assert (await asked).registers == [0x5375, 0x6E53]
