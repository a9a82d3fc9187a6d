"""Modbus RTU frames: unit, PDU and CRC, and how silent a serial line must be between them; pure.

Source: Modbus over Serial Line 1.02 (clauses 2.5.1 and 6.2.2). An RTU frame carries neither a length nor a number: what
it answers is known only from what was asked last, so a frame is looked for with the request in hand.
"""

from typing import Final

from pymodbus.framer import FramerRTU

from adapters.modbus.frames import WRITE_MANY, Frame, Read, Request, encode_request

EXCEPTION_SIZE: Final = 5
_WRITE_SIZE: Final = 8
_MBAP_PREFIX: Final = 6
_CRC: Final = 2
_MOST_KEPT: Final = 257
"""Bytes of the longest frame (clause 2.5.1), and one to see that something stood before it."""


def encode_rtu(request: Request) -> bytes:
    """The frame of a request."""
    return sealed(encode_request(request, 0)[_MBAP_PREFIX:])


def sealed(data: bytes) -> bytes:
    """Unit and PDU with their CRC."""
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


def intact(data: bytes) -> bool:
    """Whether bytes end in the CRC of what stands before it."""
    return len(data) > _CRC and FramerRTU.compute_CRC(data[:-_CRC]) == int.from_bytes(data[-_CRC:], "big")


def silence_s(baud: int, bits: int) -> float:
    """The least silence between two frames: 3.5 characters of ``bits`` bits, 1.75 ms beyond 19200 baud (clause 2.5.1.1)."""
    return 1.75e-3 if baud > 19200 else 3.5 * bits / baud


def character_s(baud: int, bits: int) -> float:
    """How long one character of ``bits`` bits is on the line."""
    return bits / baud


class RtuDeframer:
    """The bytes of one line -> the answer to what was asked last, and nothing else.

    An answer is taken only as the end of what has arrived: with its CRC, of the unit, function and length that were asked for. What
    stands before it is counted as late or noise; what arrives when nothing is asked is never looked at again. ``echo``: the
    line repeats every request before the answer (two-wire adapters).
    """

    __slots__ = ("_asked", "_buffer", "_echo", "_sent", "_strays", "_transaction")

    def __init__(self, *, echo: bool = False) -> None:
        self._buffer = b""
        self._asked: Request | None = None
        self._sent = b""
        self._transaction = 0
        self._echo = echo
        self._strays = 0

    def expect(self, request: Request, transaction: int) -> None:
        """This is asked now; whatever came before can be no answer to it."""
        self._buffer, self._asked, self._transaction = b"", request, transaction
        self._sent = encode_rtu(request) if self._echo else b""

    def forget(self) -> bool:
        """Nothing is asked any more; whether something still was."""
        asked, self._buffer, self._asked = self._asked, b"", None
        return asked is not None

    def stray(self) -> int:
        """How often bytes came that answer nothing, since this was asked last."""
        strays, self._strays = self._strays, 0
        return strays

    @property
    def begun(self) -> bool:
        """Whether part of an answer is here."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._asked is None:
            self._strays += 1
            return
        self._buffer += data
        if self._sent and self._buffer.startswith(self._sent):
            self._buffer, self._sent = self._buffer[len(self._sent) :], b""
        if not self._sent:
            # Only the end can be an answer, and what stands before it says no more than that it was there.
            self._buffer = self._buffer[-_MOST_KEPT:]
        elif not self._sent.startswith(self._buffer):
            # No echo comes any more, and without one there is no answer.
            self._buffer = self._buffer[:_MOST_KEPT]

    def next_frame(self) -> Frame | None:
        """The answer, or None until it is whole."""
        asked = self._asked
        if asked is None or self._sent:
            return None
        for size in (reply_size(asked), EXCEPTION_SIZE):
            tail = self._buffer[-size:]
            if len(tail) < size or not _fits(tail, asked, size) or not intact(tail):
                continue
            if len(self._buffer) > size:
                self._strays += 1
            self.forget()
            return Frame(self._transaction, tail[0], tail[1:-_CRC])
        return None


def request_size(data: bytes) -> int:
    """How long the request frame is that begins so; 0 while that cannot be told."""
    if len(data) < 7:
        return 0
    return 9 + data[6] if data[1] == WRITE_MANY else _WRITE_SIZE


def reply_size(asked: Request) -> int:
    """How many bytes the frame has that answers this, when it is no exception."""
    if not isinstance(asked, Read):
        return _WRITE_SIZE
    return EXCEPTION_SIZE + ((asked.count + 7) // 8 if asked.function <= 2 else 2 * asked.count)


def asked_of(data: bytes) -> Frame | None:
    """A whole frame as a server reads it; None when its CRC is wrong or it has no function."""
    return Frame(0, data[0], data[1:-_CRC]) if intact(data) and len(data) >= _CRC + 2 else None


def _fits(tail: bytes, asked: Request, size: int) -> bool:
    if tail[0] != asked.unit:
        return False
    if tail[1] == asked.function | 0x80:
        return size == EXCEPTION_SIZE
    if tail[1] != asked.function or size == EXCEPTION_SIZE != reply_size(asked):
        return False
    return not isinstance(asked, Read) or tail[2] == size - EXCEPTION_SIZE
