"""Discovery as a conversation with units of every habit; then over TCP against pymodbus's server and pysunspec2's scan."""

import asyncio
import struct
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
import sunspec2.modbus.client
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.modbus.frames import BUSY, ILLEGAL_ADDRESS, Read, Refusal, Registers, Reply
from adapters.modbus.link import Link
from adapters.sunspec.discover import Block, Found, Identity, Missing, discover
from tests.adapters.sunspec import oracle

NOTHING: dict[str, int] = {}
CURVES = {"NPt": 4, "NCrv": 3, "NCrvSet": 3, "NCtl": 3, "NPrt": 1}
SERIES_700 = (1, *range(701, 716))


def common(serial: str, length: int = 66) -> bytes:
    texts = ("Maker", 32), ("Model X", 32), ("opt", 16), ("1.2.3", 16), (serial, 32)
    body = b"".join(text.encode().ljust(size, b"\0") for text, size in texts) + struct.pack(">HH", 7, 0x8000)
    return struct.pack(">HH", 1, length) + body[: 2 * length]


def chain(*blocks: bytes, end: bytes = b"\xff\xff\0\0") -> bytes:
    return b"SunS" + b"".join(blocks) + end


def series_700() -> bytes:
    return chain(common("SN-7"), *(oracle.block(model_id, 1, CURVES) for model_id in SERIES_700[1:]))


def block(model_id: int, length: int) -> bytes:
    return struct.pack(">HH", model_id, length) + bytes(2 * length)


MAKER = Identity("Maker", "Model X", "opt", "1.2.3", "SN-7", 7)


@dataclass
class Unit:
    """A unit with a map of registers and habits; answers reads and keeps them."""

    image: bytes
    base: int = 40000
    most: int = 125
    borders: frozenset[int] | None = None  # reads must not cross these addresses
    silent: bool = False  # says nothing where others refuse
    unreadable: frozenset[int] = frozenset()
    reads: list[Read] = field(default_factory=list)

    def answer(self, read: Read) -> Reply | None:
        self.reads.append(read)
        first, last = read.address - self.base, read.address - self.base + read.count
        wrong = None if self.silent else Refusal(ILLEGAL_ADDRESS)
        if first < 0 or 2 * last > len(self.image) or read.count > self.most:
            return wrong
        if self.borders and any(read.address < border < read.address + read.count for border in self.borders):
            return wrong
        if any(read.address <= address < read.address + read.count for address in self.unreadable):
            return wrong
        return Registers(self.image[2 * first : 2 * last])


def play(
    talk: Generator[Read, Reply | None, Found | Missing], answer: Callable[[Read], Reply | None]
) -> Found | Missing:
    try:
        read = next(talk)
        while True:
            read = talk.send(answer(read))
    except StopIteration as end:
        result: Found | Missing = end.value
        return result


def found(unit: Unit, **options: Any) -> Found:
    result = play(discover(1, **options), unit.answer)
    assert isinstance(result, Found)
    return result


def expected(image: bytes, base: int = 40000) -> tuple[Block, ...]:
    """Walk a good image by hand: marker 2, then ID, L, body of L."""
    blocks, at = [], 2
    while (head := struct.unpack_from(">HH", image, 2 * at))[0] != 0xFFFF:
        blocks.append(Block(head[0], base + at, head[1]))
        at += 2 + head[1]
    return tuple(blocks)


def edges(image: bytes, base: int = 40000) -> frozenset[int]:
    blocks = expected(image, base)
    return frozenset({base + 2, *(b.address for b in blocks), blocks[-1].address + 2 + blocks[-1].length})


def test_700_series_in_few_reads_where_models_may_be_read_together() -> None:
    unit = Unit(series_700())
    result = found(unit)
    assert [part.identity for part in result.parts] == [MAKER]
    assert result.parts[0].blocks == expected(unit.image)
    assert [b.id for b in result.parts[0].blocks] == list(SERIES_700)
    assert (result.base, result.ended, result.spans, result.warnings) == (40000, True, True, ())
    assert len(unit.reads) <= 16


def test_map_followed_by_other_registers_needs_no_refusal_at_all() -> None:
    unit = Unit(series_700() + bytes(400))
    assert found(unit).parts[0].blocks == expected(unit.image)
    assert len(unit.reads) <= 12


def test_unit_that_lets_no_read_cross_a_model() -> None:
    image = series_700()
    unit = Unit(image, borders=edges(image))
    result = found(unit)
    assert result.parts[0].blocks == expected(image)
    assert result.parts[0].identity == MAKER
    assert not result.spans
    assert [read.count for read in unit.reads].count(125) == 1  # found out by one try
    assert len(unit.reads) <= 40


@pytest.mark.parametrize("most", [2, 16, 25, 68, 100])
def test_unit_with_a_smaller_limit_than_it_was_given(most: int) -> None:
    unit = Unit(series_700(), most=most)
    result = found(unit)
    assert result.parts[0].blocks == expected(unit.image)
    assert len(unit.reads) <= 40


@pytest.mark.parametrize("most", [16, 25, 60])
def test_configured_limit_is_kept_and_the_identity_still_read(most: int) -> None:
    unit = Unit(series_700(), most=most)
    result = found(unit, max_read=most)
    assert result.parts[0].identity == MAKER
    assert max(read.count for read in unit.reads) <= most


@pytest.mark.parametrize("base", [40000, 0, 50000])
@pytest.mark.parametrize("silent", [False, True])
def test_each_base(base: int, silent: bool) -> None:
    image = chain(common("SN-7"), block(103, 50))
    unit = Unit(image, base=base, silent=silent)
    result = found(unit)
    assert (result.base, result.parts[0].blocks) == (base, expected(image, base))


def test_known_base_is_asked_first_and_alone() -> None:
    unit = Unit(chain(common("SN-7"), block(103, 50)), base=50000)
    assert found(unit, bases=(50000,)).base == 50000
    assert {read.address >= 50000 for read in unit.reads} == {True}


def test_other_registers_at_the_first_base() -> None:
    image = bytes(1000)
    low = chain(common("SN-7"), block(103, 50))
    whole = low + bytes(80000 - len(low)) + image
    result = found(Unit(whole, base=0))
    assert result.base == 0
    assert result.spans


def test_mute_unit_is_given_up_after_four_questions() -> None:
    asked: list[Read] = []
    result = play(discover(1), lambda read: asked.append(read))
    assert result == Missing(1, "no answer at 40000, 0, 50000")
    assert [(read.address, read.count) for read in asked] == [(40000, 125), (40000, 2), (0, 2), (50000, 2)]


@pytest.mark.parametrize("code", [10, 11])
def test_gateway_that_knows_no_such_unit_ends_it_at_once(code: int) -> None:
    asked: list[Read] = []

    def answer(read: Read) -> Reply:
        asked.append(read)
        return Refusal(code)

    result = play(discover(9), answer)
    assert isinstance(result, Missing)
    assert f"exception {code}" in result.why
    assert len(asked) == 2


def test_no_sunspec_here() -> None:
    assert play(discover(1), Unit(bytes(400)).answer) == Missing(
        1, "exception 2 (illegal data address) at 40000, 0, 50000"
    )
    assert play(discover(1, bases=(40000,)), Unit(bytes(400)).answer) == Missing(
        1, "registers without the SunS marker at 40000"
    )


def test_common_model_without_its_pad() -> None:
    image = chain(common("SN-7", length=65), block(103, 50))
    for unit in (Unit(image), Unit(image, borders=edges(image))):
        result = found(unit)
        assert result.parts[0].blocks == (Block(1, 40002, 65), Block(103, 40069, 50))  # 40002 + 2 + 65
        assert result.parts[0].identity == MAKER


def test_second_common_model_starts_a_part() -> None:
    image = chain(common("SN-7"), block(103, 50), common("METER"), block(203, 105), common("BATT"), block(802, 62))
    for unit in (Unit(image), Unit(image, borders=edges(image))):
        result = found(unit)
        assert [part.identity.serial for part in result.parts if part.identity] == ["SN-7", "METER", "BATT"]
        assert [[b.id for b in part.blocks] for part in result.parts] == [[1, 103], [1, 203], [1, 802]]
        assert result.parts[1].block(202, 203) == Block(203, 40000 + 2 + 68 + 52 + 68, 105)
        assert result.parts[1].block(701) is None


def test_preferred_model_first() -> None:
    image = chain(common("SN-7"), block(123, 24), block(704, 65))
    part = found(Unit(image)).parts[0]
    assert part.block(704, 123) == part.blocks[2]
    assert part.block(123, 704) == part.blocks[1]


def test_end_model_that_is_not_readable_as_two_registers() -> None:
    image = chain(common("SN-7"), block(103, 50))
    end = 40000 + len(image) // 2 - 2
    unit = Unit(image, unreadable=frozenset({end + 1}))
    assert found(unit).ended
    assert unit.reads[-1] == Read(1, end, 1)


@pytest.mark.parametrize("tail", [b"", b"\xff\xff"])
def test_end_model_that_is_missing_or_half(tail: bytes) -> None:
    unit = Unit(chain(common("SN-7"), block(103, 50), end=tail))
    result = found(unit)
    assert [b.id for b in result.parts[0].blocks] == [1, 103]
    assert (result.ended, result.warnings) == (True, ())


def test_registers_after_the_end_are_left_alone() -> None:
    image = chain(common("SN-7"), block(103, 50)) + block(120, 26)
    assert [b.id for b in found(Unit(image)).parts[0].blocks] == [1, 103]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (block(103, 50) + struct.pack(">HH", 0, 0) + bytes(300), "model 0 of length 0 at 40122"),
        (block(103, 50) + struct.pack(">HH", 64001, 0) + bytes(300), "model 64001 of length 0 at 40122"),
        (
            block(103, 50) + struct.pack(">HH", 0x5341, 44126) + bytes(300),
            "model 21313 claims 44126 registers at 40122",
        ),
        (block(103, 50) + struct.pack(">HH", 103, 1001) + bytes(300), "claims 1001 registers at 40122"),
    ],
)
def test_broken_model_chain_keeps_what_stood_before(broken: bytes, why: str) -> None:
    result = found(Unit(chain(common("SN-7"), broken)))  # 40002 + 68 + 52 = 40122
    assert [b.id for b in result.parts[0].blocks] == [1, 103]
    assert not result.ended
    assert len(result.warnings) == 1
    assert why in result.warnings[0]


def test_thousand_registers_are_still_a_model() -> None:
    result = found(Unit(chain(common("SN-7"), block(64001, 1000))))
    assert result.ended
    assert result.parts[0].blocks[1] == Block(64001, 40070, 1000)


def test_common_model_that_lies_about_its_length() -> None:
    unit = Unit(chain(common("SN-7")[:2] + b"\0\x0f" + common("SN-7")[4:], block(802, 62)))
    result = found(unit)
    assert result.parts[0].blocks[0] == Block(1, 40002, 15)
    assert not result.ended
    assert result.warnings


def test_chain_without_end_is_cut_at_sixty_models() -> None:
    result = found(Unit(chain(common("SN-7"), *(block(64001, 3) for _ in range(100)))))
    assert sum(len(part.blocks) for part in result.parts) == 60
    assert "more than 60 models" in result.warnings[0]


def test_chain_that_runs_out_of_addresses() -> None:
    tail = block(64001, 1000) * 15
    image = chain(common("SN-7"), tail, block(64002, 600))
    result = found(Unit(image, base=50000))  # 50000 + 70 + 15 * 1002 = 65100; + 602 > 65536
    assert "reaches beyond 65535" in result.warnings[0]
    assert len(result.parts[0].blocks) == 16


@pytest.mark.parametrize("spare", [0, 1, 2])
@pytest.mark.parametrize("crossing", [True, False])
def test_chain_that_fills_the_addresses_to_the_last(spare: int, crossing: bool) -> None:
    # 50000 + 2 + 68 + 15 * 1002 = 65100; the last block leaves 0, 1 or 2 registers for the end model.
    image = chain(common("SN-7"), block(64001, 1000) * 15, block(64002, 434 - spare), end=b"\xff\xff\0\0"[: 2 * spare])
    assert 50000 + len(image) // 2 == 65536
    borders = None if crossing else frozenset({50070, *(50070 + 1002 * k for k in range(1, 16)), 65536 - spare})
    result = found(Unit(image, base=50000, borders=borders))
    assert [b.id for b in result.parts[0].blocks] == [1, *[64001] * 15, 64002]
    assert (result.ended, result.warnings) == (True, ())


def test_map_of_input_registers() -> None:
    unit = Unit(chain(common("SN-7"), block(103, 50)))
    assert found(unit, function=4).ended
    assert {read.function for read in unit.reads} == {4}


def test_map_that_starts_with_another_model() -> None:
    result = found(Unit(chain(block(103, 50))))
    assert result.parts[0].identity is None
    assert result.warnings == ("the map starts with model 103 instead of 1",)


def test_empty_map() -> None:
    result = found(Unit(chain()))
    assert (result.parts, result.ended) == ((), True)


def test_lost_answer_in_the_middle_is_asked_again() -> None:
    image = series_700()
    unit, lost = Unit(image, borders=edges(image)), [9]

    def answer(read: Read) -> Reply | None:
        reply = unit.answer(read)
        return None if len(unit.reads) in lost else reply

    result = play(discover(1), answer)
    assert isinstance(result, Found)
    assert result.parts[0].blocks == expected(image)


def test_unit_that_falls_silent_in_the_middle_keeps_what_was_found() -> None:
    image = series_700()
    unit, unanswered = Unit(image, borders=edges(image)), list[Read]()
    result = play(discover(1), lambda read: unanswered.append(read) if len(unit.reads) > 8 else unit.answer(read))
    assert isinstance(result, Found)
    assert not result.ended
    assert 0 < len(result.parts[0].blocks) < 16
    assert "no answer at" in result.warnings[0]
    assert len(unanswered) == 2  # asked once more, then left in peace


def test_busy_unit_is_asked_again() -> None:
    unit, busy = Unit(series_700()), [True, True]
    result = play(discover(1), lambda read: Refusal(BUSY) if busy and busy.pop() else unit.answer(read))
    assert isinstance(result, Found)
    assert result.spans


def test_unit_that_stays_busy_is_given_up() -> None:
    asked: list[Read] = []

    def answer(read: Read) -> Reply:
        asked.append(read)
        return Refusal(BUSY)

    assert isinstance(play(discover(1), answer), Missing)
    assert len(asked) <= 18


def test_unreadable_identity_is_told_and_the_chain_goes_on() -> None:
    image = chain(common("SN-7"), block(103, 50))
    result = found(Unit(image, borders=edges(image), unreadable=frozenset({40060})))
    assert [b.id for b in result.parts[0].blocks] == [1, 103]
    assert result.parts[0].identity == Identity("Maker", "Model X", "opt", "1.2.3", None, 7)
    assert "not readable in full" in result.warnings[0]


@given(st.lists(st.tuples(st.integers(1, 65534), st.integers(1, 200)), max_size=20), st.booleans(), st.integers(2, 125))
def test_every_good_chain_is_walked(models: list[tuple[int, int]], crossing: bool, most: int) -> None:
    image = chain(common("SN-7"), *(block(model_id, length) for model_id, length in models if model_id != 1))
    unit = Unit(image, borders=None if crossing else edges(image), most=most)
    result = found(unit)
    assert result.parts[0].blocks == expected(image)
    assert result.ended


@given(st.binary(max_size=1200), st.integers(2, 125))
def test_no_registers_lead_astray(junk: bytes, most: int) -> None:
    unit = Unit(b"SunS" + junk + bytes(len(junk) % 2), most=most)
    result = found(unit)
    assert len(unit.reads) < 200
    assert all(read.address + read.count <= 65536 for read in unit.reads)
    assert result.warnings or result.ended


def simulated(image: bytes, unit: int, **options: Any) -> SimDevice:
    values = list(struct.unpack(f">{len(image) // 2}H", image))
    return SimDevice(unit, [SimData(40000, values=values, datatype=DataType.REGISTERS)], **options)


async def over_tcp(devices: Iterable[SimDevice], unit: int) -> tuple[Found | Missing, list[tuple[int, int, int]]]:
    """Our map of a unit behind pymodbus's server, and the (id, address, length) that pysunspec2's own scan finds."""
    server: Any = ModbusTcpServer(list(devices), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port: int = server.transport.sockets[0].getsockname()[1]
    link = Link("127.0.0.1", port, jitter=lambda low, _high: low)
    try:
        ours = await link.converse(discover(unit))
        client = sunspec2.modbus.client.SunSpecModbusClientDeviceTCP(unit, "127.0.0.1", port, timeout=10)
        await asyncio.to_thread(client.scan)
        theirs = [(int(m.model_id), m.model_addr, m.model_len) for m in client.model_list]
        await asyncio.to_thread(client.close)
        return ours, theirs
    finally:
        await link.close()
        await server.shutdown()


async def test_same_map_as_pysunspec2_scans_over_tcp() -> None:
    ours, theirs = await over_tcp([simulated(series_700(), 1), simulated(chain(), 2)], 1)
    assert isinstance(ours, Found)
    assert [(b.id, b.address, b.length) for b in ours.parts[0].blocks] == theirs
    assert ours.parts[0].identity == MAKER


async def test_same_map_over_tcp_where_reads_may_not_cross_models() -> None:
    image = series_700()
    # The first border, after the marker, stays open: pysunspec2 asks for marker and first ID at once.
    borders, counts = edges(image) - {40002}, list[int]()

    async def strict(
        _fc: int, _start: int, address: int, count: int, _regs: list[int], _set: object
    ) -> ExcCodes | None:
        counts.append(count)
        crossing = any(address < border < address + count for border in borders)
        return ExcCodes.ILLEGAL_ADDRESS if crossing else None

    ours, theirs = await over_tcp([simulated(image, 1, action=strict)], 1)
    assert isinstance(ours, Found)
    assert [(b.id, b.address, b.length) for b in ours.parts[0].blocks] == theirs
    assert counts[0] == 125
