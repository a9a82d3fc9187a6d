"""SunSpec point types: registers <-> values, scale factors, and the values that mean "not implemented"; pure.

Source: SunSpec Device Information Model Specification 1.1, clause 6 (point types, scale factors, unimplemented values).
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from struct import error as StructError
from struct import pack, unpack
from typing import Final

from grid_functions.model.errors import OurFault

Value = int | float | str
SF_LIMIT: Final = 10
"""A scale factor outside -10..10 is unusable, and so is every value that needs it."""


class Rounding(Enum):
    """Which way a value goes that lies between two register values; the caller knows which is tighter."""

    FLOOR = "floor"
    CEIL = "ceil"
    NEAREST = "nearest"


class Shape(Enum):
    """What a point's registers hold."""

    INTEGER = "integer"
    FLOAT = "float"
    STRING = "string"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    EUI48 = "eui48"
    PAD = "pad"


@dataclass(frozen=True, slots=True)
class PointType:
    """One row of the table: ``registers`` (0: given by the point), struct ``code``, the integer that means absent."""

    name: str
    shape: Shape
    registers: int
    code: str
    absent: int | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and greatest integer that can be written; the absent value is not one of them."""
        bits = 16 * self.registers
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.code.islower() else (0, (1 << bits) - 1)
        return low + (self.absent == low), high - (self.absent == high)


TYPES: Final = {
    row.name: row
    for row in (
        PointType("int16", Shape.INTEGER, 1, "h", -0x8000),
        PointType("int32", Shape.INTEGER, 2, "i", -0x8000_0000),
        PointType("int64", Shape.INTEGER, 4, "q", -0x8000_0000_0000_0000),
        PointType("uint16", Shape.INTEGER, 1, "H", 0xFFFF),
        PointType("uint32", Shape.INTEGER, 2, "I", 0xFFFF_FFFF),
        PointType("uint64", Shape.INTEGER, 4, "Q", 0xFFFF_FFFF_FFFF_FFFF),
        PointType("count", Shape.INTEGER, 1, "H", 0xFFFF),
        PointType("acc16", Shape.INTEGER, 1, "H", 0),
        PointType("acc32", Shape.INTEGER, 2, "I", 0),
        PointType("acc64", Shape.INTEGER, 4, "Q", 0),
        PointType("enum16", Shape.INTEGER, 1, "H", 0xFFFF),
        PointType("enum32", Shape.INTEGER, 2, "I", 0xFFFF_FFFF),
        PointType("bitfield16", Shape.INTEGER, 1, "H", 0xFFFF),
        PointType("bitfield32", Shape.INTEGER, 2, "I", 0xFFFF_FFFF),
        PointType("sunssf", Shape.INTEGER, 1, "h", -0x8000),
        PointType("float32", Shape.FLOAT, 2, "f"),
        PointType("float64", Shape.FLOAT, 4, "d"),
        PointType("string", Shape.STRING, 0, "s"),
        PointType("ipaddr", Shape.IPV4, 2, "4s"),
        PointType("ipv6addr", Shape.IPV6, 8, "16s"),
        PointType("eui48", Shape.EUI48, 4, "8s"),
        PointType("pad", Shape.PAD, 1, "2x"),
    )
}
"""Interpretation: an accumulator of 0 is absent, as the table says, although a counter that has not yet counted shows
the same: an energy nobody can vouch for is reported as unknown."""


def decode(kind: PointType, data: bytes, scale: int | None = 0) -> Value | None:
    """The value in these registers, or None when not implemented.

    ``scale`` is the exponent as :func:`exponent` gives it; with None the value is None: its magnitude is not known.
    Floats and strings are never scaled.
    """
    if kind.shape is Shape.INTEGER:
        [raw] = unpack(f">{kind.code}", data)
        return None if raw == kind.absent or scale is None else scaled(raw, scale)
    if kind.shape is Shape.FLOAT:
        return finite(unpack(f">{kind.code}", data)[0])
    return None if kind.shape is Shape.PAD else text(kind.shape, data)


def encode(
    kind: PointType, value: Value, scale: int = 0, rounding: Rounding = Rounding.NEAREST, size: int = 0
) -> bytes:
    """The registers that say ``value``, rounded as told to the scale's step (``size``: registers of a string).

    A value within a millionth of a step of a register value is that register value: 0.3 is three tenths whatever binary
    floating point makes of it. Raises OurFault for a value that does not fit, is not a number, or would read as
    "not implemented".
    """
    if kind.shape is Shape.INTEGER and not isinstance(value, str):
        raw = quantised(value, scale, rounding)
        low, high = kind.bounds
        if not low <= raw <= high:
            raise OurFault(f"{value} at scale {scale} is {raw}, outside the {low}..{high} of {kind.name}")
        return pack(f">{kind.code}", raw)
    if kind.shape is Shape.FLOAT and not isinstance(value, str):
        try:
            data = pack(f">{kind.code}", value)
        except (OverflowError, StructError) as error:
            raise OurFault(f"{value} does not fit in {kind.name}") from error
        if finite(unpack(f">{kind.code}", data)[0]) is None:
            raise OurFault(f"{value} is no number to write")
        return data
    if kind.shape is Shape.STRING and isinstance(value, str):
        data = value.encode()
        if not 0 < len(data) <= 2 * size:
            raise OurFault(f"{value!r} does not fit in {size} registers")
        return data.ljust(2 * size, b"\0")
    raise OurFault(f"{value!r} cannot be written to a point of type {kind.name}")


def blank(kind: PointType, size: int = 0) -> bytes:
    """The registers that say "not implemented" (``size``: registers of a string)."""
    if kind.absent is not None:
        return pack(f">{kind.code}", kind.absent)
    if kind.shape is Shape.FLOAT:
        return pack(f">{kind.code}", math.nan)
    if kind.shape is Shape.EUI48:
        return b"\0\0" + b"\xff" * 6
    if kind.shape is Shape.PAD:
        return b"\x80\0"
    return bytes(2 * (size or kind.registers))


def exponent(raw: int | None) -> int | None:
    """A scale factor as read, or None when it is not implemented or outside -10..10."""
    return raw if raw is not None and -SF_LIMIT <= raw <= SF_LIMIT else None


def scaled(raw: int, scale: int) -> int | float:
    """``raw`` times ten to ``scale``; exact for positive exponents, correctly rounded for negative ones."""
    if scale >= 0:
        return raw * _POWERS[scale]
    return raw / _POWERS[-scale]


def quantised(value: float, scale: int, rounding: Rounding) -> int:
    """The register value for ``value`` at this scale, range unchecked; raises OurFault for what is no number."""
    if exponent(scale) is None:
        raise OurFault(f"scale factor {scale} outside -{SF_LIMIT}..{SF_LIMIT}")
    if not math.isfinite(value):
        raise OurFault(f"{value} is no number to write")
    if isinstance(value, int):
        steps, step = (value * _POWERS[-scale], 1) if scale <= 0 else (value, _POWERS[scale])
        below, rest = divmod(steps, step)
        if rest == 0 or rounding is Rounding.FLOOR:
            return below
        return below + 1 if rounding is Rounding.CEIL or 2 * rest > step else below
    # In decimals, as the value would be printed: binary multiplication may step over a register value.
    exact = Decimal(repr(float(value))).scaleb(-scale)
    nearest = exact.to_integral_value(ROUND_HALF_EVEN)
    if rounding is Rounding.NEAREST or abs(exact - nearest) <= _SAME_STEP:
        return int(nearest)
    return math.floor(exact) if rounding is Rounding.FLOOR else math.ceil(exact)


def resolution(scale: int) -> float:
    """The step between neighbouring register values: ten to ``scale``."""
    return 10.0**scale


def agrees(wanted: float, read: float, scale: int) -> bool:
    """Whether a read-back equals what was written: within half a step."""
    return abs(wanted - read) <= 0.5 * resolution(scale) * (1 + float(_SAME_STEP))


def finite(value: float) -> float | None:
    """A float as read; any NaN is "not implemented". Interpretation: so is an infinity, which no meter measures."""
    return value if math.isfinite(value) else None


def text(shape: Shape, data: bytes) -> str | None:
    """A string or address as read, or None when not implemented.

    Interpretation: a string ends at its first NUL and loses the blanks some makers pad with; one that is then empty is
    not implemented; what is no UTF-8 shows as U+FFFD. The unset EUI-48 is all ones; all zeros is no station either.
    """
    if shape is Shape.STRING:
        return data.split(b"\0", 1)[0].decode(errors="replace").strip() or None
    if shape is Shape.EUI48:
        return None if data[2:] in (b"\xff" * 6, bytes(6)) else data[2:].hex(":").upper()
    if not any(data):
        return None
    return ".".join(map(str, data)) if shape is Shape.IPV4 else data.hex(":", 4).upper()


_POWERS: Final[tuple[int, ...]] = tuple(10**power for power in range(SF_LIMIT + 1))
_SAME_STEP: Final = Decimal("1e-6")
