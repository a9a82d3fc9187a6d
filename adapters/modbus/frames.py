"""Modbus/TCP frames: requests and replies <-> bytes, both ends; pure.

Sources: Modbus Application Protocol 1.1b3 (clauses 4, 6 and 7) and Modbus Messaging on TCP/IP 1.0b (clause 3.1.3, the
MBAP header). Only what inverters, meters and chargers need: functions 1 to 6 and 16. A coil is a register that holds 0
or 1: that spares everything above a second kind of value. Framing (:class:`Deframer`) is apart from the meaning of a PDU,
which is the same on a serial line (:mod:`.rtu`).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct, pack, unpack, unpack_from
from typing import Final, Literal, NamedTuple

from grid_functions.model.errors import DeviceFault, OurFault

READ_COILS: Final = 1
READ_DISCRETE: Final = 2
READ_HOLDING: Final = 3
READ_INPUT: Final = 4
WRITE_COIL: Final = 5
WRITE_ONE: Final = 6
WRITE_MANY: Final = 16
MAX_READ: Final = 125
MAX_WRITE: Final = 123

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
DEVICE_FAILURE: Final = 4
ACKNOWLEDGE: Final = 5
BUSY: Final = 6
PATH_UNAVAILABLE: Final = 10
TARGET_SILENT: Final = 11

_EXCEPTIONS: Final = {
    ILLEGAL_FUNCTION: "illegal function",
    ILLEGAL_ADDRESS: "illegal data address",
    ILLEGAL_VALUE: "illegal data value",
    DEVICE_FAILURE: "server device failure",
    ACKNOWLEDGE: "acknowledge, still working",
    BUSY: "server device busy",
    8: "memory parity error",
    PATH_UNAVAILABLE: "gateway path unavailable",
    TARGET_SILENT: "gateway target device failed to respond",
}


class FrameError(DeviceFault):
    """Bytes that are no Modbus frame, or a frame that does not answer its request."""


class Frame(NamedTuple):
    """One MBAP frame: transaction id, unit id, and the PDU from its function code on."""

    transaction: int
    unit: int
    pdu: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Read ``count`` (1..125) registers, coils or inputs from ``address`` (0-based, as on the wire); raises OurFault out of range.

    A request is asked again and again, so its frames are made with it: see :class:`Wording`.
    """

    unit: int
    address: int
    count: int
    function: Literal[1, 2, 3, 4] = READ_HOLDING
    wording: "Wording" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wording", _reading(self.unit, self.address, self.count, self.function))


@dataclass(frozen=True, slots=True)
class Write:
    """Write 1..123 registers of 0..65535 each (exactly one with function 6, one coil of 0 or 1 with 5); raises OurFault out of range."""

    unit: int
    address: int
    values: tuple[int, ...]
    function: Literal[5, 6, 16] = WRITE_MANY
    wording: "Wording" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.function not in (WRITE_COIL, WRITE_ONE, WRITE_MANY):
            raise OurFault(f"function {self.function} does not write registers")
        _check_span(self.unit, self.address, len(self.values), MAX_WRITE if self.function == WRITE_MANY else 1)
        most = 1 if self.function == WRITE_COIL else 0xFFFF
        if min(self.values) < 0 or max(self.values) > most:
            raise OurFault(f"a register holds 0 to 65535 and a coil 0 or 1, asked to write {self.values}")
        count = len(self.values)
        argument = count if self.function == WRITE_MANY else _single(self)
        answer = asked = _FIVE_BYTE_PDU.pack(0, 6, self.unit, self.function, self.address, argument)
        if self.function == WRITE_MANY:
            head = _WRITE_MANY.pack(0, 7 + 2 * count, self.unit, WRITE_MANY, self.address, count, 2 * count)
            asked = head + pack(f">{count}H", *self.values)
        object.__setattr__(self, "wording", Wording(asked, answer, _WRITTEN_SIZE))


class Wording(NamedTuple):
    """A request's frame, and how the frame begins that does what was ``asked``, both from behind the transaction id; ``size``: of that
    frame, whole; 0: it is not known by its beginning."""

    asked: bytes
    answer: bytes
    size: int


Request = Read | Write


@dataclass(frozen=True, slots=True)
class Registers:
    """What was read: two bytes per register, high byte first; a coil as a register of 0 or 1."""

    data: bytes

    @property
    def values(self) -> tuple[int, ...]:
        """The registers as unsigned numbers."""
        return unpack(f">{len(self.data) // 2}H", self.data)


@dataclass(frozen=True, slots=True)
class Written:
    """The device took the write."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception reply (clause 7). Whether it is final is the caller's to know."""

    code: int

    def __str__(self) -> str:
        return f"exception {self.code} ({_EXCEPTIONS.get(self.code, 'not in the standard')})"


Reply = Registers | Written | Refusal


class Deframer:
    """The bytes of one connection, split anywhere -> whole frames, in order."""

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0

    @property
    def begun(self) -> bool:
        """Whether part of a frame is here."""
        return self._at < len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer = self._buffer[self._at :] + data if self._at < len(self._buffer) else data
        self._at = 0

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None until more arrives.

        Raises FrameError when what follows is no frame: where the next one starts is then unknown, so the connection
        must be dropped.
        """
        if len(self._buffer) - self._at < _MBAP.size:
            return None
        transaction, protocol, length, unit = _MBAP.unpack_from(self._buffer, self._at)
        if protocol:
            raise FrameError(f"protocol id {protocol} where Modbus has 0")
        if not _MIN_LENGTH <= length <= _MAX_LENGTH:
            raise FrameError(f"MBAP length {length} outside {_MIN_LENGTH}..{_MAX_LENGTH}")
        end = self._at + _PREFIX + length
        if len(self._buffer) < end:
            return None
        pdu = self._buffer[self._at + _MBAP.size : end]
        self._at = end
        return Frame(transaction, unit, pdu)


def encode_request(request: Request, transaction: int) -> bytes:
    """The frame of a request."""
    return transaction.to_bytes(2, "big") + request.wording.asked


def good_reply(request: Request, frame: bytes) -> Registers | Written:
    """What a whole frame answers that begins as the request's wording says and has its size."""
    return Registers(frame[_DATA_AT:]) if isinstance(request, Read) else _WRITTEN


def decode_reply(request: Request, frame: Frame) -> Reply:
    """What a frame with this request's transaction id answers; raises FrameError when it answers something else."""
    pdu = frame.pdu
    if frame.unit != request.unit:
        raise FrameError(f"unit {frame.unit} answered a request to unit {request.unit}")
    function = pdu[0]
    if function == request.function | _EXCEPTION_BIT:
        if len(pdu) != 2:
            raise FrameError(f"exception reply of {len(pdu)} bytes instead of 2")
        return Refusal(pdu[1])
    if function != request.function:
        raise FrameError(f"function {function} answered a request of function {request.function}")
    if isinstance(request, Read):
        bits = request.function in _READING_BITS
        size = (request.count + 7) // 8 if bits else 2 * request.count
        if len(pdu) != 2 + size or pdu[1] != size:
            raise FrameError(f"{pdu[1:].hex()} answered a read of {size} bytes")
        return Registers(_unpacked(pdu[2:], request.count) if bits else pdu[2:])
    expected = len(request.values) if request.function == WRITE_MANY else _single(request)
    if len(pdu) != _ECHO.size or _ECHO.unpack_from(pdu) != (request.address, expected):
        raise FrameError(f"write to {request.address} echoed as {pdu[1:].hex()}")
    return _WRITTEN


def decode_request(frame: Frame) -> Request | Refusal:
    """What a frame asks of a server, or the refusal it earns (clause 6): 1 unknown function, 3 bad count, 2 address."""
    pdu = frame.pdu
    function = pdu[0]
    if function not in (*_READING, WRITE_COIL, WRITE_ONE, WRITE_MANY):
        return Refusal(ILLEGAL_FUNCTION)
    if len(pdu) < _ECHO.size or (function != WRITE_MANY and len(pdu) != _ECHO.size):
        return Refusal(ILLEGAL_VALUE)
    address, argument = _ECHO.unpack_from(pdu)
    if function == WRITE_ONE:
        return Write(frame.unit, address, (argument,), WRITE_ONE)
    if function == WRITE_COIL:
        if argument not in (0, _COIL_ON):
            return Refusal(ILLEGAL_VALUE)
        return Write(frame.unit, address, (argument // _COIL_ON,), WRITE_COIL)
    if not 1 <= argument <= (MAX_WRITE if function == WRITE_MANY else MAX_READ):
        return Refusal(ILLEGAL_VALUE)
    if function == WRITE_MANY and (len(pdu) != 6 + 2 * argument or pdu[5] != 2 * argument):
        return Refusal(ILLEGAL_VALUE)
    if address + argument > _REGISTERS:
        return Refusal(ILLEGAL_ADDRESS)
    if function == WRITE_MANY:
        return Write(frame.unit, address, unpack_from(f">{argument}H", pdu, 6))
    return Read(frame.unit, address, argument, _READING[function])


def encode_reply(asked: Frame, reply: Reply) -> bytes:
    """The frame that answers ``asked``. ``Written`` echoes the address and value or count of the request."""
    function = asked.pdu[0]
    if isinstance(reply, Refusal):
        pdu = bytes((function | _EXCEPTION_BIT, reply.code))
    elif isinstance(reply, Registers):
        data = _packed(reply.values) if function in _READING_BITS else reply.data
        pdu = bytes((function, len(data))) + data
    else:
        pdu = asked.pdu[: _ECHO.size]
    return _MBAP.pack(asked.transaction, 0, 1 + len(pdu), asked.unit) + pdu


# The length field counts the unit id and the PDU; six bytes stand before them.
_MBAP: Final = Struct(">HHHB")
_PREFIX: Final = 6
_MIN_LENGTH: Final = 2
_MAX_LENGTH: Final = 254
_FIVE_BYTE_PDU: Final = Struct(">HHBBHH")
_WRITE_MANY: Final = Struct(">HHBBHHB")
_DATA: Final = Struct(">HHBBB")
_DATA_AT: Final = 9
_WRITTEN_SIZE: Final = 12
_WRITTEN: Final = Written()
_EXCEPTION_BIT: Final = 0x80
_COIL_ON: Final = 0xFF00
_READING_BITS: Final = (READ_COILS, READ_DISCRETE)
_READING: Final[dict[int, Literal[1, 2, 3, 4]]] = {1: READ_COILS, 2: READ_DISCRETE, 3: READ_HOLDING, 4: READ_INPUT}
_REGISTERS: Final = 0x10000
_ECHO: Final = Struct(">xHH")  # function code, address, value or count


@lru_cache(maxsize=4096)
def _reading(unit: int, address: int, count: int, function: int) -> Wording:
    """Checked and made once for all devices that are asked so."""
    if function not in _READING:
        raise OurFault(f"function {function} does not read registers")
    _check_span(unit, address, count, MAX_READ)
    asked, data = _FIVE_BYTE_PDU.pack(0, 6, unit, function, address, count), 2 * count
    if function in _READING_BITS:
        return Wording(asked, b"", 0)
    return Wording(asked, _DATA.pack(0, 3 + data, unit, function, data), _DATA_AT + data)


def _single(request: Write) -> int:
    """What stands for the value in a write of one register or coil (clauses 6.5 and 6.6)."""
    return request.values[0] * _COIL_ON if request.function == WRITE_COIL else request.values[0]


def _unpacked(data: bytes, count: int) -> bytes:
    """Coils as registers: the lowest bit of the first byte is the first coil (clause 6.1)."""
    return pack(f">{count}H", *(data[at // 8] >> at % 8 & 1 for at in range(count)))


def _packed(bits: tuple[int, ...]) -> bytes:
    return bytes(sum(bit << at for at, bit in enumerate(bits[start : start + 8])) for start in range(0, len(bits), 8))


def _check_span(unit: int, address: int, count: int, most: int) -> None:
    if not 0 <= unit <= 255:
        raise OurFault(f"unit {unit} outside 0..255")
    if not 1 <= count <= most:
        raise OurFault(f"{count} registers where one request holds 1..{most}")
    if address < 0 or address + count > _REGISTERS:
        raise OurFault(f"registers {address}..{address + count - 1} outside 0..65535")
