"""Quirks on the wire: as bytes, worked out by hand, and as pysunspec2's and pymodbus's clients meet them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from adapters.modbus.frames import Frame, Read, Refusal, Registers, Write
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import BASE
from adapters.simulator.server import Simulator
from adapters.simulator.wire import PIECE_GAP_S, Chunk, Told, lost, refused, sent
from tests.adapters.simulator.situations import Hand, plan, raw, site
from tests.adapters.stage import peer

ASKED = Frame(0x0102, 7, bytes.fromhex("03 9c40 0002"))
SUNS = Registers(b"SunS")
HONEST = "0102 0000 0007 07 03 04 53756e53"


@pytest.mark.parametrize(
    ("quirks", "after_s", "frame"),
    [
        (Quirks(), 0.0, HONEST),
        (Quirks(slow_s=1.5), 1.5, HONEST),
        (Quirks(wrong="transaction"), 0.0, "0103 0000 0007 07 03 04 53756e53"),
        (Quirks(wrong="unit"), 0.0, "0102 0000 0007 08 03 04 53756e53"),
        (Quirks(wrong="function"), 0.0, "0102 0000 0007 07 04 04 53756e53"),
    ],
)
def test_one_answer(quirks: Quirks, after_s: float, frame: str) -> None:
    assert sent(ASKED, SUNS, quirks) == (Chunk(after_s, bytes.fromhex(frame)),)


def test_a_frame_in_pieces() -> None:
    pieces = sent(ASKED, SUNS, Quirks(split=5, slow_s=2.0))
    assert [piece.data.hex() for piece in pieces] == ["0102000000", "0707030453", "756e53"]
    assert [piece.after_s for piece in pieces] == [2.0, PIECE_GAP_S, PIECE_GAP_S]


@pytest.mark.parametrize(
    ("quirks", "told", "gone"),
    [
        (Quirks(silent_s=30), Told(129.9, since_s=100), True),
        (Quirks(silent_s=30), Told(130, since_s=100), False),
        (Quirks(min_gap_s=0.5), Told(10.4, answered_s=10), True),
        (Quirks(min_gap_s=0.5), Told(10.5, answered_s=10), False),
        (Quirks(min_gap_s=0.5), Told(10.4), False),
    ],
)
def test_what_comes_at_the_wrong_time_is_lost(quirks: Quirks, told: Told, gone: bool) -> None:
    assert lost(quirks, told) is gone


# `new`: 2 of marker, 68 of model 1 (2 + 66), so model 701 begins at 70.
@pytest.mark.parametrize(
    ("quirks", "start", "count", "code"),
    [
        (Quirks(busy=True), 0, 2, 6),
        (Quirks(max_read=25), 0, 25, None),
        (Quirks(max_read=25), 0, 26, 3),
        (Quirks(no_spans=True), 2, 68, None),
        (Quirks(no_spans=True), 2, 69, 2),
        (Quirks(no_spans=True), 69, 2, 2),
        (Quirks(no_spans=True), 70, 2, None),
        (Quirks(bad_end=True), -2, 2, 2),
        (Quirks(bad_end=True), -2, 1, None),
        (Quirks(bad_end=True), -1, 1, None),
    ],
)
def test_refused_reads(quirks: Quirks, start: int, count: int, code: int | None) -> None:
    image = site().image("new")
    at = start if start >= 0 else image.size + start
    assert refused(Read(1, BASE + at, count), quirks, image) == (None if code is None else Refusal(code))


LIMIT = frozenset({(704, "WMaxLimPct")})


@pytest.mark.parametrize(
    ("quirks", "six", "sixteen"), [(Quirks(only_6=LIMIT), None, 2), (Quirks(only_16=LIMIT), 2, None)]
)
def test_one_function_only_by_point(quirks: Quirks, six: int | None, sixteen: int | None) -> None:
    image = site().image("new")
    at = BASE + next(p.offset for p in image.points if p.key == (704, "WMaxLimPct"))
    both = [Write(1, at, (5000,), 6), Write(1, at, (5000,), 16)]
    assert [refused(write, quirks, image) for write in both] == [
        None if code is None else Refusal(code) for code in (six, sixteen)
    ]
    # Beside it, all is well; across it, it counts.
    assert refused(Write(1, at + 1, (0,), 6), quirks, image) is None
    assert refused(Write(1, at + 1, (0,), 16), quirks, image) is None
    assert refused(Write(1, at - 1, (1, 5000), 16), quirks, image) == (None if sixteen is None else Refusal(2))


@pytest.fixture
def hand() -> Hand:
    return Hand(1_800_000_000.0)


@pytest.fixture
async def simulator(hand: Hand) -> AsyncIterator[Simulator]:
    async with Simulator(plan(), hand) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[AsyncModbusTcpClient]:
    modbus = AsyncModbusTcpClient("127.0.0.1", port=simulator.ports["b"], retries=0, timeout=0.3, reconnect_delay=0)
    await modbus.connect()
    yield modbus
    modbus.close()


def _quirk(simulator: Simulator, device: str = "new", **quirks: Any) -> None:
    assert simulator.command({"do": "quirk", "device": device, "set": quirks})["ok"]


@pytest.mark.parametrize(
    "quirks", [{"split": 40}, {"slow_s": 0.001}, {"bad_end": True}, {"night": "gone"}, {"no_spans": True}]
)
async def test_the_peer_still_scans_and_reads(simulator: Simulator, quirks: dict[str, Any]) -> None:
    _quirk(simulator, **quirks)
    found = await peer(
        simulator, "new", lambda p: ([m for m in p.models if isinstance(m, int)], p.models[701][0].W.cvalue)
    )
    assert found == ([1, 701, 702, 703, 704], 8000)


async def test_the_peer_finds_a_meter_behind_a_second_model_1(simulator: Simulator) -> None:
    _quirk(simulator, nested=True)
    serials, watts = await peer(
        simulator, "new", lambda p: ([one.SN.cvalue for one in p.models[1]], p.models[203][0].W.cvalue)
    )
    # 1000 W of house less 5000 and 8000 W.
    assert (serials, watts) == (["D-1", "M-1"], -12000)


@pytest.mark.parametrize("wrong", ["transaction", "unit"])
async def test_a_client_that_checks_drops_a_wrong_answer(
    simulator: Simulator, client: AsyncModbusTcpClient, wrong: str
) -> None:
    _quirk(simulator, wrong=wrong)
    with pytest.raises(ModbusIOException, match="No response"):
        await client.read_holding_registers(BASE, count=2)
    _quirk(simulator, wrong="")
    assert (await client.read_holding_registers(BASE, count=2)).registers == [0x5375, 0x6E53]


async def test_silent_for_a_while_and_never_catching_up(
    simulator: Simulator, client: AsyncModbusTcpClient, hand: Hand
) -> None:
    _quirk(simulator, silent_s=30)
    with pytest.raises(ModbusIOException, match="No response"):
        await client.read_holding_registers(BASE, count=2)
    hand.t_s += 30
    assert (await client.read_holding_registers(BASE + 2, count=2)).registers == [1, 66]


async def test_a_second_session_is_hung_up_on(simulator: Simulator, client: AsyncModbusTcpClient) -> None:
    _quirk(simulator, one_session=True)
    assert (await client.read_holding_registers(BASE, count=2)).registers == [0x5375, 0x6E53]
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.ports["b"])
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert (await client.read_holding_registers(BASE, count=2)).registers == [0x5375, 0x6E53]


async def test_without_sun_there_is_no_port(simulator: Simulator, client: AsyncModbusTcpClient, hand: Hand) -> None:
    _quirk(simulator, night="gone")
    simulator.command({"do": "sun", "fraction": 0})
    await simulator.attend()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", simulator.ports["b"])
    # Behind the other port the meter is awake.
    _, other = await asyncio.open_connection("127.0.0.1", simulator.ports["a"])
    other.close()
    simulator.command({"do": "sun", "fraction": 1})
    await simulator.attend()
    assert await peer(simulator, "new", lambda p: p.models[701][0].W.cvalue) == 8000


async def test_who_shares_a_port_falls_silent_alone(simulator: Simulator) -> None:
    _quirk(simulator, "old", night="gone")
    simulator.command({"do": "sun", "fraction": 0})
    await simulator.attend()
    modbus = AsyncModbusTcpClient("127.0.0.1", port=simulator.ports["a"], retries=0, timeout=0.3)
    await modbus.connect()
    try:
        with pytest.raises(ModbusIOException, match="No response"):
            await modbus.read_holding_registers(BASE, count=2, device_id=1)
        assert (await modbus.read_holding_registers(BASE, count=1, device_id=240)).registers == [0x5375]
    finally:
        modbus.close()


async def test_two_requests_in_one_segment_are_both_answered(simulator: Simulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.ports["b"])
    writer.write(bytes.fromhex("0001 0000 0006 01 03 9c40 0001" + "0002 0000 0006 01 03 9c41 0001"))
    answers = await reader.readexactly(22)
    assert answers.hex() == "000100000005010302" + "5375" + "000200000005010302" + "6e53"
    # What is no Modbus ends the connection, and nothing else.
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    assert await peer(simulator, "new", lambda p: p.models[701][0].W.cvalue) == 8000


async def test_a_refused_function_writes_nothing(simulator: Simulator, client: AsyncModbusTcpClient) -> None:
    _quirk(simulator, only_6=["704.WMaxLimPct"])
    at = BASE + next(p.offset for p in simulator.site.image("new").points if p.key == (704, "WMaxLimPct"))
    assert (await client.write_registers(at, [3000])).exception_code == 2
    assert raw(simulator.site, "new", 704, "WMaxLimPct") == 10000
    assert not (await client.write_register(at, 3000)).isError()
    assert raw(simulator.site, "new", 704, "WMaxLimPct") == 3000
