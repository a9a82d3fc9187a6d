"""Frames byte by byte. Every frame is written out by hand from the MBAP layout: tid tid 00 00 len len unit, PDU."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from adapters.modbus.frames import (
    BUSY,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_INPUT,
    WRITE_ONE,
    Deframer,
    Frame,
    FrameError,
    Read,
    Refusal,
    Registers,
    Reply,
    Request,
    Write,
    Written,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    good_reply,
)
from grid_functions.model.errors import DeviceFault, OurFault

READING: Any = 3
"""What no caller that is checked would write with."""

READ_TWO = Read(unit=1, address=40000, count=2)  # 40000 = 0x9C40
SUNS = bytes.fromhex("0007 0000 0007 01 03 04 53756E53")  # unit + function + byte count + 4 bytes = 7


def frames(*chunks: bytes) -> list[Frame]:
    """Everything a fresh deframer makes of these chunks."""
    deframer, found = Deframer(), []
    for chunk in chunks:
        deframer.feed(chunk)
        while (frame := deframer.next_frame()) is not None:
            found.append(frame)
    return found


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (READ_TWO, "0007 0000 0006 01 03 9C40 0002"),
        (Read(126, 40000, 125, READ_INPUT), "0007 0000 0006 7E 04 9C40 007D"),
        (Write(1, 0x9D00, (0x0385,), WRITE_ONE), "0007 0000 0006 01 06 9D00 0385"),
        (Write(1, 0x9D00, (1, 0xFFFF)), "0007 0000 000B 01 10 9D00 0002 04 0001FFFF"),
    ],
)
def test_requests_on_the_wire(request_: Request, wire: str) -> None:
    assert encode_request(request_, 7) == bytes.fromhex(wire)
    [frame] = frames(bytes.fromhex(wire))
    assert frame.transaction == 7
    assert decode_request(frame) == request_


@pytest.mark.parametrize("request_", [READ_TWO, Write(9, 3, (4,), WRITE_ONE), Write(9, 3, (4, 5, 65535))])
def test_pymodbus_reads_the_same_request(request_: Request) -> None:
    used, pdu = FramerSocket(DecodePDU(True)).handleFrame(wire := encode_request(request_, 513), 0, 0)
    assert used == len(wire)
    assert pdu is not None
    assert (pdu.transaction_id, pdu.dev_id, pdu.address) == (513, request_.unit, request_.address)
    assert pdu.function_code == request_.function
    if isinstance(request_, Read):
        assert pdu.count == request_.count
    else:
        assert tuple(pdu.registers) == request_.values


@pytest.mark.parametrize(
    ("request_", "wire", "reply"),
    [
        (READ_TWO, SUNS.hex(), Registers(b"SunS")),
        (Read(1, 0, 3), "0007 0000 0009 01 03 06 000100020003", Registers(b"\0\1\0\2\0\3")),
        (Read(1, 0, 1, READ_INPUT), "0007 0000 0005 01 04 02 0001", Registers(b"\0\1")),
        (Write(1, 0x9D00, (0x0385,), WRITE_ONE), "0007 0000 0006 01 06 9D00 0385", Written()),
        (Write(1, 0x9D00, (1, 2)), "0007 0000 0006 01 10 9D00 0002", Written()),
        (READ_TWO, "0007 0000 0003 01 83 02", Refusal(ILLEGAL_ADDRESS)),
        (Write(1, 1, (1,)), "0007 0000 0003 01 90 06", Refusal(BUSY)),
    ],
)
def test_replies_on_the_wire(request_: Request, wire: str, reply: Reply) -> None:
    [frame] = frames(bytes.fromhex(wire))
    assert decode_reply(request_, frame) == reply
    [asked] = frames(encode_request(request_, 7))
    assert encode_reply(asked, reply) == bytes.fromhex(wire)


def test_registers_are_high_byte_first() -> None:
    assert Registers(bytes.fromhex("0102 FFFE")).values == (258, 65534)


def test_split_frame_at_every_byte() -> None:
    for cut in range(1, len(SUNS)):
        assert frames(SUNS[:cut], SUNS[cut:]) == [Frame(7, 1, SUNS[7:])]


def test_two_frames_in_one_segment_and_the_head_of_a_third() -> None:
    third = bytes.fromhex("0009 0000 0003 01 83 02")
    assert [f.transaction for f in frames(SUNS + SUNS + third[:8])] == [7, 7]
    assert [f.transaction for f in frames(SUNS + SUNS + third[:8], third[8:])] == [7, 7, 9]


def test_frames_before_garbage_are_not_lost() -> None:
    deframer = Deframer()
    deframer.feed(SUNS + b"HTTP/1.1 400 Bad Request\r\n")
    assert deframer.next_frame() == Frame(7, 1, SUNS[7:])
    with pytest.raises(FrameError, match="protocol id"):
        deframer.next_frame()


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ("0007 0001 0007 01 03 04 00000000", "protocol id 1"),
        ("0007 0000 0000 01", "length 0"),
        ("0007 0000 0001 01", "length 1"),
        ("0007 0000 00FF 01", "length 255"),
        ("0007 0000 FFFF 01", "length 65535"),
    ],
)
def test_no_frame_at_all(wire: str, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        frames(bytes.fromhex(wire))


def test_length_bounds_are_inside() -> None:
    shortest = bytes.fromhex("0001 0000 0002 01 03")
    longest = bytes.fromhex("0001 0000 00FE 01 03") + bytes(252)  # 254 = unit + function + 252
    assert [len(f.pdu) for f in frames(shortest, longest)] == [1, 253]


@pytest.mark.parametrize(
    ("request_", "wire", "why"),
    [
        (READ_TWO, "0007 0000 0007 02 03 04 53756E53", "unit 2"),
        (READ_TWO, "0007 0000 0007 01 04 04 53756E53", "function 4"),
        (READ_TWO, "0007 0000 0003 01 84 02", "function 132"),
        (READ_TWO, "0007 0000 0002 01 83", "exception reply of 1 bytes"),
        (READ_TWO, "0007 0000 0004 01 83 02 02", "exception reply of 3 bytes"),
        (READ_TWO, "0007 0000 0002 01 03", "read of 4 bytes"),
        (READ_TWO, "0007 0000 0003 01 03 04", "read of 4 bytes"),
        (READ_TWO, "0007 0000 0005 01 03 02 5375", "read of 4 bytes"),
        (READ_TWO, "0007 0000 0007 01 03 06 53756E53", "read of 4 bytes"),
        (READ_TWO, "0007 0000 0009 01 03 04 53756E530000", "read of 4 bytes"),
        (Write(1, 5, (6,), WRITE_ONE), "0007 0000 0006 01 06 0004 0006", "echoed"),
        (Write(1, 5, (6,), WRITE_ONE), "0007 0000 0006 01 06 0005 0007", "echoed"),
        (Write(1, 5, (6, 7)), "0007 0000 0006 01 10 0005 0001", "echoed"),
        (Write(1, 5, (6, 7)), "0007 0000 0006 01 10 0006 0002", "echoed"),
        (Write(1, 5, (6, 7)), "0007 0000 0005 01 10 0005 00", "echoed"),
        (Write(1, 5, (6, 7)), "0007 0000 0002 01 10", "echoed"),
    ],
)
def test_an_answer_to_another_question(request_: Request, wire: str, why: str) -> None:
    [frame] = frames(bytes.fromhex(wire))
    with pytest.raises(FrameError, match=why):
        decode_reply(request_, frame)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ("0001 0000 0006 01 07 0000 0001", ILLEGAL_FUNCTION),
        ("0001 0000 0006 01 05 0000 0001", ILLEGAL_VALUE),  # a coil is FF00 or 0000
        ("0001 0000 0002 01 03", ILLEGAL_VALUE),
        ("0001 0000 0005 01 03 0000 00", ILLEGAL_VALUE),
        ("0001 0000 0007 01 03 0000 0001 00", ILLEGAL_VALUE),
        ("0001 0000 0006 01 03 0000 0000", ILLEGAL_VALUE),
        ("0001 0000 0006 01 03 0000 007E", ILLEGAL_VALUE),  # 126
        ("0001 0000 0006 01 03 FFFF 0002", ILLEGAL_ADDRESS),
        ("0001 0000 0009 01 10 FFFF 0001 02 0000", None),
        ("0001 0000 000B 01 10 FFFF 0002 04 00000000", ILLEGAL_ADDRESS),
        ("0001 0000 0009 01 10 0000 0001 04 0000", ILLEGAL_VALUE),
        ("0001 0000 0009 01 10 0000 0001 01 0000", ILLEGAL_VALUE),
        ("0001 0000 0008 01 10 0000 0001 02 00", ILLEGAL_VALUE),
        ("0001 0000 000A 01 10 0000 0001 02 0000 00", ILLEGAL_VALUE),
        ("0001 0000 0006 01 10 0000 0001", ILLEGAL_VALUE),
        ("0001 0000 00FD 01 10 0000 007B F6" + "00" * 246, None),  # 123
        ("0001 0000 00FE 01 10 0000 007C F8" + "00" * 247, ILLEGAL_VALUE),  # 124
        ("0001 0000 0006 01 03 FFFF 0001", None),
        ("0001 0000 0006 01 03 FF83 007D", None),  # 125, the last of them 65535
        ("0001 0000 0006 01 03 FF84 007D", ILLEGAL_ADDRESS),
        ("0001 0000 0006 01 06 FFFF FFFF", None),
        ("0001 0000 0006 01 05 00AC 0000", None),
        ("0001 0000 0006 01 05 00AC FF00", None),
        ("0001 0000 0006 01 05 00AC FFFF", ILLEGAL_VALUE),
        ("0001 0000 0006 01 05 00AC FE00", ILLEGAL_VALUE),
        ("0001 0000 0006 01 0F 0000 0001", ILLEGAL_FUNCTION),
        ("0001 0000 0006 01 00 0000 0001", ILLEGAL_FUNCTION),
        ("0001 0000 0009 01 10 0000 0002 04 0000", ILLEGAL_VALUE),
        ("0001 0000 0007 01 10 0000 0000 00", ILLEGAL_VALUE),
    ],
)
def test_what_a_server_refuses(wire: str, code: int | None) -> None:
    [frame] = frames(bytes.fromhex(wire))
    asked = decode_request(frame)
    assert (asked.code if isinstance(asked, Refusal) else None) == code


@pytest.mark.parametrize(
    "build",
    [
        lambda: Read(1, 0, 126),
        lambda: Read(1, 0, 0),
        lambda: Read(1, 65535, 2),
        lambda: Read(1, -1, 2),
        lambda: Read(256, 0, 1),
        lambda: Read(-1, 0, 1),
        lambda: Read(1, 65536, 1),
        lambda: Write(1, 0, (2,), 5),
        lambda: Write(1, 65535, (0, 0)),
        lambda: Write(1, 0, (0,), READING),
        lambda: Read(1, 0, 1, 6),  # type: ignore[arg-type]  # the check at run time is what is tested
        lambda: Write(1, 0, ()),
        lambda: Write(1, 0, (0,) * 124),
        lambda: Write(1, 0, (65536,)),
        lambda: Write(1, 0, (-1,)),
        lambda: Write(1, 0, (1, 2), WRITE_ONE),
    ],
)
def test_impossible_requests_cannot_be_built(build: Callable[[], Request]) -> None:
    with pytest.raises(OurFault):
        build()


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (Read(0, 0, 1), "0007 0000 0006 00 03 0000 0001"),
        (Read(255, 65535, 1), "0007 0000 0006 FF 03 FFFF 0001"),
        (Read(1, 65411, 125), "0007 0000 0006 01 03 FF83 007D"),
        (Write(1, 65535, (65535,), WRITE_ONE), "0007 0000 0006 01 06 FFFF FFFF"),
        (Write(1, 0, (0,), 5), "0007 0000 0006 01 05 0000 0000"),
        (Write(1, 65413, (0,) * 123), "0007 0000 00FD 01 10 FF85 007B F6" + "0000" * 123),
    ],
)
def test_the_edges_of_what_can_be_asked(request_: Request, wire: str) -> None:
    assert encode_request(request_, 7) == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("request_", "asked", "answered", "values"),
    [
        # The examples of clauses 6.1 and 6.2: coils 20 to 38 are CD 6B 05, inputs 197 to 218 are AC DB 35, the lowest bit first.
        (
            Read(1, 0x13, 19, 1),
            "0007 0000 0006 01 01 0013 0013",
            "0007 0000 0006 01 01 03 CD6B05",
            "1011 0011 1101 0110 101",
        ),
        (
            Read(1, 0xC4, 22, 2),
            "0007 0000 0006 01 02 00C4 0016",
            "0007 0000 0006 01 02 03 ACDB35",
            "0011 0101 1101 1011 101011",
        ),
        (Read(1, 0, 1, 1), "0007 0000 0006 01 01 0000 0001", "0007 0000 0004 01 01 01 01", "1"),
        (Read(1, 0, 7, 1), "0007 0000 0006 01 01 0000 0007", "0007 0000 0004 01 01 01 40", "0000001"),
        (Read(1, 0, 8, 1), "0007 0000 0006 01 01 0000 0008", "0007 0000 0004 01 01 01 81", "10000001"),
        (Read(1, 0, 9, 1), "0007 0000 0006 01 01 0000 0009", "0007 0000 0005 01 01 02 8101", "100000011"),
        (Read(1, 0, 16, 1), "0007 0000 0006 01 01 0000 0010", "0007 0000 0005 01 01 02 0180", "1000000000000001"),
    ],
)
def test_bits_are_packed_from_the_lowest_on(request_: Request, asked: str, answered: str, values: str) -> None:
    assert encode_request(request_, 7) == bytes.fromhex(asked)
    bits = tuple(map(int, values.replace(" ", "")))
    (question,), (answer,) = frames(bytes.fromhex(asked)), frames(bytes.fromhex(answered))
    assert decode_request(question) == request_
    reply = decode_reply(request_, answer)
    assert isinstance(reply, Registers)
    assert reply.values == bits
    assert encode_reply(question, reply) == bytes.fromhex(answered)


@pytest.mark.parametrize(
    "wire", ["0007 0000 0004 01 01 01 FF", "0007 0000 0006 01 01 03 FFFFFF", "0007 0000 0005 01 01 01 FFFF"]
)
def test_nine_bits_are_two_bytes(wire: str) -> None:
    (frame,) = frames(bytes.fromhex(wire))
    with pytest.raises(FrameError, match="answered a read of 2 bytes"):
        decode_reply(Read(1, 0, 9, 1), frame)


def test_a_wrong_answer_is_quoted_from_behind_its_function() -> None:
    (read,) = frames(bytes.fromhex("0007 0000 0005 01 03 02 5375"))
    with pytest.raises(FrameError, match=r"^025375 answered a read of 4 bytes$"):
        decode_reply(READ_TWO, read)
    (write,) = frames(bytes.fromhex("0007 0000 0006 01 06 0004 0006"))
    with pytest.raises(FrameError, match=r"^write to 5 echoed as 00040006$"):
        decode_reply(Write(1, 5, (6,), WRITE_ONE), write)


def test_a_request_is_its_question_not_its_bytes() -> None:
    assert repr(READ_TWO) == "Read(unit=1, address=40000, count=2, function=3)"
    assert repr(Write(1, 5, (6,))) == "Write(unit=1, address=5, values=(6,), function=16)"


def test_a_deframer_has_begun_while_part_of_a_frame_is_here() -> None:
    deframer = Deframer()
    begun = [deframer.begun]
    for part in (SUNS[:1], SUNS[1:] + SUNS[:3], SUNS[3:]):
        deframer.feed(part)
        deframer.next_frame()
        begun.append(deframer.begun)
    assert begun == [False, True, True, False]


def test_frame_error_is_the_devices() -> None:
    assert issubclass(FrameError, DeviceFault)


@pytest.mark.parametrize(
    ("code", "name"),
    [  # Modbus Application Protocol 1.1b3, clause 7
        (1, "illegal function"),
        (2, "illegal data address"),
        (3, "illegal data value"),
        (4, "server device failure"),
        (5, "acknowledge"),
        (6, "server device busy"),
        (8, "memory parity error"),
        (10, "gateway path unavailable"),
        (11, "gateway target device failed to respond"),
        (7, "not in the standard"),
    ],
)
def test_exceptions_are_named(code: int, name: str) -> None:
    assert str(Refusal(code)).startswith(f"exception {code} ({name}")


def test_impossible_span_names_its_registers() -> None:
    with pytest.raises(OurFault, match=r"registers 65535\.\.65536 outside"):
        Read(1, 65535, 2)


any_request = st.one_of(
    st.builds(Read, st.integers(0, 255), st.integers(0, 65000), st.integers(1, 125), st.sampled_from([3, 4])),
    st.builds(Write, st.integers(0, 255), st.integers(0, 65000), st.tuples(st.integers(0, 65535)), st.just(6)),
    st.builds(
        Write,
        st.integers(0, 255),
        st.integers(0, 65000),
        st.lists(st.integers(0, 65535), min_size=1, max_size=123).map(tuple),
    ),
)


@given(st.lists(any_request, min_size=1, max_size=6), st.data())
def test_valid_frames_split_anywhere_never_lose_sync(requests: list[Request], data: st.DataObject) -> None:
    wire = b"".join(encode_request(request, i) for i, request in enumerate(requests))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=8)))
    chunks = [wire[a:b] for a, b in pairwise([0, *cuts, len(wire)])]
    assert [decode_request(frame) for frame in frames(*chunks)] == requests
    assert [frame.transaction for frame in frames(*chunks)] == list(range(len(requests)))


@given(st.lists(st.binary(max_size=40)), any_request)
def test_no_bytes_raise_anything_but_the_one_error(chunks: list[bytes], request: Request) -> None:
    try:
        for frame in frames(*chunks):
            decode_request(frame)
            decode_reply(request, frame)
    except FrameError:
        pass


@given(st.integers(0, 255), st.binary(min_size=1, max_size=253), any_request)
def test_no_pdu_raises_anything_but_the_one_error(unit: int, pdu: bytes, request: Request) -> None:
    for frame in (Frame(1, unit, pdu), Frame(1, request.unit, bytes((request.function,)) + pdu[1:])):
        decode_request(frame)
        try:
            decode_reply(request, frame)
        except FrameError:
            continue


@pytest.mark.parametrize(
    ("request_", "asked", "answer", "size"),
    [
        # Clauses 6.3, 6.6 and 6.12 of the protocol; before each function code protocol 0, length and unit.
        (Read(1, 100, 2), "0000 0006 01 03 0064 0002", "0000 0007 01 03 04", 13),
        (Read(7, 0, 125, 4), "0000 0006 07 04 0000 007D", "0000 00FD 07 04 FA", 259),
        (Write(1, 101, (500,), 6), "0000 0006 01 06 0065 01F4", "0000 0006 01 06 0065 01F4", 12),
        (Write(1, 7, (1,), 5), "0000 0006 01 05 0007 FF00", "0000 0006 01 05 0007 FF00", 12),
        (Write(1, 100, (1, 2)), "0000 000B 01 10 0064 0002 04 0001 0002", "0000 0006 01 10 0064 0002", 12),
        # Bits come packed: such an answer is always taken apart.
        (Read(1, 0, 9, 1), "0000 0006 01 01 0000 0009", "", 0),
    ],
)
def test_a_request_knows_its_frame_and_how_a_good_answer_begins(
    request_: Request, asked: str, answer: str, size: int
) -> None:
    assert request_.wording == (bytes.fromhex(asked), bytes.fromhex(answer), size)
    assert encode_request(request_, 0xABCD) == b"\xab\xcd" + bytes.fromhex(asked)


def test_a_good_reply_is_what_stands_behind_its_beginning() -> None:
    assert good_reply(Read(1, 100, 2), bytes.fromhex("0001 0000 0007 01 03 04 002A FFFF")) == Registers(
        b"\x00*\xff\xff"
    )
    assert good_reply(Write(1, 101, (500,), 6), bytes.fromhex("0001 0000 0006 01 06 0065 01F4")) == Written()
