"""Addresses as a configuration writes them."""

import pytest

from adapters.modbus.address import Address, parse_address
from adapters.modbus.lines import line_to
from adapters.modbus.rtu import asked_of, character_s, intact, request_size, sealed, silence_s
from grid_functions.model.errors import OperatorFault

TTY = "/dev/ttyUSB0"

WRITTEN = {
    "tcp://192.168.1.20": Address("tcp", "192.168.1.20", 502),
    "tcp://192.168.1.20:1": Address("tcp", "192.168.1.20", 1),
    "tcp://meter.local:65535": Address("tcp", "meter.local", 65535),
    "tcp://[fe80::1]:1502": Address("tcp", "[fe80::1]", 1502),
    "tls://192.168.1.20": Address("tls", "192.168.1.20", 802),
    "tls://192.168.1.20:8020": Address("tls", "192.168.1.20", 8020),
    "rtu+tcp://192.168.1.30:4001": Address("rtu+tcp", "192.168.1.30", 4001),
    # Modbus over Serial Line 1.02, 2.5.1: 19200 baud, even parity; two stop bits where there is none
    f"serial://{TTY}": Address("serial", device=TTY, baud=19200, parity="E", stop=1),
    f"serial://{TTY}?parity=n": Address("serial", device=TTY, baud=19200, parity="N", stop=2),
    f"serial://{TTY}?parity=N&stop=1": Address("serial", device=TTY, baud=19200, parity="N", stop=1),
    f"serial://{TTY}?parity=O&stop=2&echo=1": Address("serial", device=TTY, parity="O", stop=2, echo=True),
    f"serial://{TTY}?echo=0": Address("serial", device=TTY),
} | {
    f"serial://{TTY}?baud={baud}": Address("serial", device=TTY, baud=baud)
    for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}


@pytest.mark.parametrize(("text", "address"), WRITTEN.items())
def test_an_address_is_read_and_says_itself_again(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://192.168.1.20:0", "port missing"),
        ("tcp://192.168.1.20:65536", "port 65536 is not in 1..65535"),
        ("rtu+tcp://192.168.1.30", "port missing"),
        ("192.168.1.20:502", "is no address"),
        ("udp://192.168.1.20:502", "is no address"),
        ("", "is no address"),
        ("tcp://", "is no address"),
        ("tcp://a:502/x", "is no address"),
        ("tcp://a b:502", "is no address"),
        ("tcp://a:b", "is no address"),
        ("serial://ttyUSB0", "is no address"),
        (f"serial://{TTY}?baud=300", "baud '300' is none of 1200, 2400"),
        (f"serial://{TTY}?baud=9601", "baud '9601' is none of"),
        (f"serial://{TTY}?parity=M", "parity 'M' is none of N, E, O"),
        (f"serial://{TTY}?stop=3", "stop '3' is none of 1, 2"),
        (f"serial://{TTY}?echo=yes", "echo 'yes' is none of 0, 1"),
        (f"serial://{TTY}?speed=9600", "unknown speed"),
    ],
)
def test_what_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(OperatorFault, match=why):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "bits"),
    [("parity=E", 11), ("parity=O&stop=2", 12), ("parity=N", 11), ("parity=N&stop=1", 10)],
)
def test_a_character_is_start_eight_bits_parity_and_stop(text: str, bits: int) -> None:
    assert parse_address(f"serial://{TTY}?{text}").bits == bits


@pytest.mark.parametrize(
    ("baud", "silence"),
    [(9600, 3.5 * 11 / 9600), (19200, 3.5 * 11 / 19200), (38400, 0.00175), (115200, 0.00175)],
)
def test_a_line_is_silent_for_three_and_a_half_characters_and_beyond_19200_baud_for_a_fixed_time(
    baud: int, silence: float
) -> None:
    """Modbus over Serial Line 1.02, 2.5.1.1."""
    line = line_to(parse_address(f"serial://{TTY}?baud={baud}"))
    assert line.silence_s == silence_s(baud, 11) == pytest.approx(silence)
    assert line.character_s == character_s(baud, 11) == pytest.approx(11 / baud)
    assert (line.name, line.rtu, line.echo) == (TTY, True, False)


def test_a_server_before_a_line_paces_itself() -> None:
    line = line_to(parse_address("rtu+tcp://192.168.1.30:4001"))
    assert (line.name, line.rtu, line.silence_s, line.character_s) == ("192.168.1.30:4001", True, 0.004, 0.0)
    plain = line_to(parse_address("tcp://192.168.1.20"))
    assert (plain.name, plain.rtu, plain.silence_s, plain.echo) == ("192.168.1.20:502", False, 0.0, False)


@pytest.mark.parametrize(
    ("text", "bus"), [("tcp://a:1", False), ("tls://a:1", False), ("rtu+tcp://a:1", True), (f"serial://{TTY}", True)]
)
def test_a_bus_has_one_conversation_at_a_time(text: str, bus: bool) -> None:
    assert parse_address(text).is_bus is bus


READ = bytes.fromhex("01 04 00 00 00 0A")
READ_CRC = bytes.fromhex("70 0D")
"""Read ten input registers of unit 1; its CRC as any calculator of the field has it, low byte first."""


def test_a_frame_is_sealed_with_its_crc() -> None:
    assert sealed(READ) == READ + READ_CRC
    assert intact(READ + READ_CRC)
    for spoilt in (READ, READ + READ_CRC[::-1], READ[:-1] + READ_CRC, b"", READ_CRC, b"\x01"):
        assert not intact(spoilt), spoilt.hex()


def test_a_server_reads_a_whole_request_and_nothing_else() -> None:
    frame = asked_of(READ + READ_CRC)
    assert frame is not None
    assert (frame.unit, frame.pdu) == (1, READ[1:])
    assert asked_of(READ + b"\0\0") is None
    assert asked_of(sealed(b"\x01")) is None
    least = asked_of(sealed(b"\x01\x03"))
    assert least is not None
    assert least.pdu == b"\x03"


@pytest.mark.parametrize(
    ("begun", "size"),
    [
        ("01 03 0000 0001", 0),  # a byte short of telling
        ("01 03 0000 0001 84", 8),
        ("01 06 0000 0001 84", 8),
        ("01 10 0000 0002 04", 13),  # unit, function, address, count, byte count, four bytes, CRC
        ("01 10 0000 007B F6", 255),
    ],
)
def test_how_long_a_request_is_shows_in_its_seventh_byte(begun: str, size: int) -> None:
    assert request_size(bytes.fromhex(begun)) == size
