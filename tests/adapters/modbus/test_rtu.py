"""RTU frames, byte by byte, and the buses that carry them: a pseudo terminal, a TCP socket, and neighbours that fall silent."""

import asyncio
import os
import tracemalloc
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from adapters.modbus.address import Address
from adapters.modbus.frames import (
    Frame,
    Read,
    Refusal,
    Registers,
    Request,
    Write,
    Written,
    decode_request,
    encode_reply,
)
from adapters.modbus.lines import Line, line_to
from adapters.modbus.link import MOST_QUARANTINE_S, Link
from adapters.modbus.rtu import RtuDeframer, asked_of, encode_rtu, request_size, sealed
from adapters.modbus.wire import NoAnswer
from grid_functions.model.errors import Unreachable
from tests.adapters.modbus.peers import StillTimer, until

READ = Read(1, 0x6B, 3)


def test_frames_of_the_standard() -> None:
    """Read holding registers 108 to 110 of unit 17: the well-known example, CRC 8776."""
    assert encode_rtu(Read(0x11, 0x6B, 3)) == bytes.fromhex("11 03 006B 0003 7687")
    assert encode_rtu(Write(0x11, 1, (3,), 6)) == bytes.fromhex("11 06 0001 0003 9A9B")
    assert encode_rtu(Write(0x11, 0xAC, (1,), 5)) == bytes.fromhex("11 05 00AC FF00 4E8B")


def answered(asked: Request, *chunks: bytes, echo: bool = False) -> Frame | None:
    deframer = RtuDeframer(echo=echo)
    deframer.expect(asked, 7)
    for chunk in chunks:
        deframer.feed(chunk)
    return deframer.next_frame()


ANSWER = sealed(bytes.fromhex("01 03 06 022B 0000 0064"))


@pytest.mark.parametrize("echo", [False, True])
def test_noise_without_end_fills_no_memory_and_hides_no_answer(echo: bool) -> None:
    """A frame has 256 bytes at most (clause 2.5.1); of 4 MiB of noise before it no more need be kept."""
    deframer = RtuDeframer(echo=echo)
    deframer.expect(READ, 7)
    if echo:
        deframer.feed(encode_rtu(READ))
    noise = b"\x01\x03" * 2048
    tracemalloc.start()
    try:
        for _ in range(1024):
            deframer.feed(noise)
            assert deframer.next_frame() is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 65_536
    deframer.feed(ANSWER)
    assert deframer.next_frame() == Frame(7, 1, ANSWER[1:-2])
    assert deframer.stray() == 1


def test_noise_instead_of_the_echo_fills_no_memory() -> None:
    deframer = RtuDeframer(echo=True)
    deframer.expect(READ, 7)
    tracemalloc.start()
    try:
        for _ in range(1024):
            deframer.feed(b"\xff" * 4096)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 65_536
    assert deframer.next_frame() is None


def test_an_answer_in_pieces() -> None:
    assert answered(READ, *(ANSWER[at : at + 1] for at in range(len(ANSWER)))) == Frame(7, 1, ANSWER[1:-2])


@pytest.mark.parametrize("size", range(len(ANSWER)))
def test_a_short_answer_is_none(size: int) -> None:
    assert answered(READ, ANSWER[:size]) is None


@pytest.mark.parametrize("at", range(8 * len(ANSWER)))
def test_one_wrong_bit_and_it_is_no_answer(at: int) -> None:
    broken = bytearray(ANSWER)
    broken[at // 8] ^= 1 << at % 8
    assert answered(READ, bytes(broken)) is None


@pytest.mark.parametrize(
    "stranger",
    [
        "02 03 06 022B 0000 0064",  # another unit
        "01 04 06 022B 0000 0064",  # another function
        "01 03 04 022B 0000",  # fewer registers
        "01 03 08 022B 0000 0064 0000",  # more
        "01 84 02",  # an exception to another function
        "01 06 006B 0003",
    ],
)
def test_what_answers_something_else_is_no_answer(stranger: str) -> None:
    assert answered(READ, sealed(bytes.fromhex(stranger))) is None


def test_noise_and_a_late_neighbour_before_the_answer() -> None:
    late = sealed(bytes.fromhex("05 03 02 0001"))
    assert answered(READ, b"\x00" + late + ANSWER) == Frame(7, 1, ANSWER[1:-2])


def test_an_exception() -> None:
    assert answered(READ, sealed(b"\x01\x83\x02")) == Frame(7, 1, b"\x83\x02")


def test_the_echo_of_a_write_is_not_its_answer() -> None:
    """The answer to a write of one register looks like the request; on a line with echo only the second one counts."""
    asked = Write(1, 100, (5,), 6)
    frame = encode_rtu(asked)
    assert answered(asked, frame, echo=True) is None
    assert answered(asked, frame, frame, echo=True) == Frame(7, 1, frame[1:-2])
    assert answered(asked, frame[:3], frame[3:] + frame[:4], frame[4:], echo=True) is not None


def test_what_comes_unasked_is_never_taken() -> None:
    deframer = RtuDeframer()
    deframer.feed(ANSWER)
    deframer.expect(READ, 1)
    assert deframer.next_frame() is None
    assert deframer.stray() == 1


FUNCTIONS: tuple[Literal[1, 2, 3, 4], ...] = (1, 2, 3, 4)


@given(st.binary(max_size=64), st.integers(1, 247), st.sampled_from(FUNCTIONS), st.integers(1, 20))
def test_no_bytes_crash_it_and_only_a_whole_answer_is_one(
    data: bytes, unit: int, function: Literal[1, 2, 3, 4], count: int
) -> None:
    asked = Read(unit, 0, count, function)
    frame = answered(asked, data)
    assert frame is None or (frame.unit == unit and frame.pdu[0] & 0x7F == function)


@dataclass
class Bus:
    """Devices on one line: each answers reads of address n with its unit and n; ``dead`` ones say nothing.

    ``asked``: the unit of every request; ``mangle``: what becomes of an answer on its way.
    """

    units: tuple[int, ...] = (1,)
    dead: set[int] = field(default_factory=set)
    echo: bool = False
    asked: list[int] = field(default_factory=list)
    mangle: Callable[[bytes], bytes] = lambda data: data
    held: list[bytes] = field(default_factory=list)

    def heard(self, data: bytes) -> bytes:
        """What the line says to a request frame."""
        frame = asked_of(data)
        assert frame is not None, data.hex()
        self.asked.append(frame.unit)
        out = data if self.echo else b""
        if frame.unit in self.dead or frame.unit not in self.units:
            return out
        request = decode_request(frame)
        assert not isinstance(request, Refusal)
        reply = Written() if isinstance(request, Write) else Registers(self.registers(request))
        return out + self.mangle(sealed(encode_reply(frame, reply)[6:]))

    @staticmethod
    def registers(request: Read) -> bytes:
        return b"".join((request.unit << 8 | request.address + at).to_bytes(2, "big") for at in range(request.count))


@asynccontextmanager
async def on_tcp(bus: Bus) -> AsyncIterator[Address]:
    """The bus behind a server that passes bytes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        try:
            while chunk := await reader.read(256):
                data += chunk
                while (size := request_size(data)) and len(data) >= size:
                    writer.write(bus.heard(data[:size]))
                    data = data[size:]
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Address("rtu+tcp", "127.0.0.1", server.sockets[0].getsockname()[1])


@asynccontextmanager
async def on_pty(bus: Bus) -> AsyncIterator[Address]:
    """The bus at the far end of a pseudo terminal."""
    near, far = os.openpty()
    tty.setraw(far)  # a pseudo terminal has no parity to set
    loop, pending = asyncio.get_running_loop(), bytearray()

    def readable() -> None:
        pending.extend(os.read(near, 256))
        while (size := request_size(bytes(pending))) and len(pending) >= size:
            os.write(near, bus.heard(bytes(pending[:size])))
            del pending[:size]

    loop.add_reader(near, readable)
    try:
        yield Address("serial", device=os.ttyname(far), baud=115200, parity="N", stop=1, echo=bus.echo)
    finally:
        loop.remove_reader(near)
        os.close(near)
        os.close(far)


def link_along(address: Address, timer: StillTimer | None = None, timeout_s: float = 3.0) -> Link:
    line = line_to(address)
    if timer is not None:
        # Time stands still: the silence between frames would never end.
        line = Line(line.name, line.open, rtu=True, echo=line.echo)
    return Link(line=line, jitter=lambda low, high: high, timer=timer, timeout_s=timeout_s)


@pytest.mark.parametrize("way", [on_tcp, on_pty])
async def test_several_units_on_one_line(way: Callable[[Bus], AbstractAsyncContextManager[Address]]) -> None:
    bus = Bus((1, 2, 3))
    async with way(bus) as address:
        link = link_along(address)
        replies = await asyncio.gather(
            link.transact(Read(1, 5, 2)), link.transact(Write(2, 9, (1,), 6)), link.transact(Read(3, 7, 1))
        )
        assert list(replies) == [Registers(b"\x01\x05\x01\x06"), Written(), Registers(b"\x03\x07")]
        await link.close()


async def test_a_line_that_repeats_what_is_sent() -> None:
    bus = Bus((1,), echo=True)
    async with on_pty(bus) as address:
        link = link_along(address)
        assert await link.transact(Write(1, 9, (1,), 6)) == Written()
        assert await link.transact(Read(1, 5, 1)) == Registers(b"\x01\x05")
        await link.close()


async def test_a_line_that_is_not_there() -> None:
    link = link_along(Address("serial", device="/dev/no-such-line"))
    with pytest.raises(Unreachable, match="cannot open the line"):
        await link.transact(READ)


async def test_a_line_that_is_pulled_out() -> None:
    bus = Bus((1,))
    async with on_pty(bus) as address:
        link = link_along(address)
        assert isinstance(await link.transact(Read(1, 5, 1)), Registers)
    await until(lambda: not link.connected)
    with pytest.raises(Unreachable):
        await link.transact(Read(1, 5, 1))
    await link.close()


async def test_a_late_answer_is_never_taken_for_another() -> None:
    """Unit 1 is slow: its answer to the first read comes when the second one, of as many registers, could be waiting for it."""
    bus, timer = Bus((1, 2)), StillTimer()

    def slow(data: bytes) -> bytes:
        if data[0] != 1:
            return data
        bus.held.append(data)
        return b""

    bus.mangle = slow
    async with on_pty(bus) as address:
        link = link_along(address, timer, timeout_s=1.0)
        first = asyncio.create_task(link.transact(Read(1, 5, 1)))
        await until(lambda: bus.held != [])
        timer.advance(1.1)
        with pytest.raises(NoAnswer):
            await first
        # The neighbour is asked meanwhile; unit 1 is not.
        assert await link.transact(Read(2, 5, 1)) == Registers(b"\x02\x05")
        with pytest.raises(NoAnswer, match="asked again"):
            await link.transact(Read(1, 6, 1))
        assert bus.asked == [1, 2]
        await link.close()


async def test_an_answer_with_a_wrong_crc_is_none() -> None:
    bus, timer = Bus((1,)), StillTimer()
    bus.mangle = lambda data: data[:-1] + bytes((data[-1] ^ 1,))
    async with on_tcp(bus) as address:
        link = link_along(address, timer, timeout_s=1.0)
        asked = asyncio.create_task(link.transact(Read(1, 5, 1)))
        await until(lambda: bus.asked == [1])
        await asyncio.sleep(0)
        timer.advance(1.1)
        with pytest.raises(NoAnswer):
            await asked
        await link.close()


async def test_ten_devices_and_a_dead_one_meet_their_cycle() -> None:
    """A cycle is a second, and an answer is waited for half a second. In a minute the dead one may cost its neighbours a tenth of it."""
    units = tuple(range(1, 12))
    bus, timer = Bus(units, dead={6}), StillTimer()
    async with on_tcp(bus) as address:
        link = link_along(address, timer, timeout_s=0.5)
        spent_s, answered_by = 0.0, dict.fromkeys(units, 0)
        for _ in range(60):
            for unit in units:
                answered, waited_s = await _asked(link, bus, timer, unit)
                answered_by[unit] += answered
                spent_s += waited_s
            timer.advance(1.0)
        assert {unit: answered_by[unit] for unit in units if unit != 6} == dict.fromkeys(set(units) - {6}, 60)
        # Asked at once, then after 0.5, 1, 2, 4 and 8 s, and each 8 s from there.
        assert bus.asked.count(6) <= 5 + 60 / MOST_QUARANTINE_S + 1
        assert spent_s <= 6.0
        await link.close()


async def _asked(link: Link, bus: Bus, timer: StillTimer, unit: int) -> tuple[bool, float]:
    """Whether a unit answers, and how long the bus was kept waiting for it."""
    before, waited_s = len(bus.asked), 0.0
    reply = asyncio.create_task(link.transact(Read(unit, 0, 2)))
    await until(lambda: reply.done() or len(bus.asked) > before)
    if unit in bus.dead and len(bus.asked) > before:
        timer.advance(0.5)
        waited_s = 0.5
    (result,) = await asyncio.gather(reply, return_exceptions=True)
    return isinstance(result, Registers), waited_s


async def test_a_slow_line_is_given_its_time() -> None:
    """At 2400 baud of 11 bits, 8 bytes out and 165 back take 0.793 s, beside the half second that a device may think."""
    bus, timer = Bus((1,), dead={1}), StillTimer()
    async with on_tcp(bus) as address:
        opened = line_to(address)
        line = Line(opened.name, opened.open, rtu=True, character_s=11 / 2400)
        link = Link(line=line, jitter=lambda low, high: high, timer=timer, timeout_s=0.5)
        asked = asyncio.create_task(link.transact(Read(1, 0, 80)))
        await until(lambda: bus.asked == [1])
        assert timer.due == [pytest.approx(0.5 + 0.793, abs=1e-3)]
        timer.advance(2.0)
        await asyncio.gather(asked, return_exceptions=True)
        await link.close()


async def test_a_device_that_comes_back_is_asked_as_before() -> None:
    bus, timer = Bus((1,), dead={1}), StillTimer()
    async with on_tcp(bus) as address:
        link = link_along(address, timer, timeout_s=0.5)
        asked = asyncio.create_task(link.transact(Read(1, 0, 1)))
        await until(lambda: bus.asked == [1])
        timer.advance(0.6)
        await asyncio.gather(asked, return_exceptions=True)
        bus.dead.clear()
        timer.advance(0.6)
        for _ in range(3):
            assert isinstance(await link.transact(Read(1, 0, 1)), Registers)
        await link.close()


async def test_a_third_party_hears_what_we_would_say() -> None:
    """pymodbus's RTU client reads our bus, so our frames are those of the standard and not only ours."""
    bus = Bus((1,))
    async with on_tcp(bus) as address:
        client = AsyncModbusTcpClient(address.host, port=address.port, framer=FramerType.RTU, retries=0)
        assert await client.connect()
        assert (await client.read_holding_registers(5, count=2, device_id=1)).registers == [0x0105, 0x0106]
        client.close()
