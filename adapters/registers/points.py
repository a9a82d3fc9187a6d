"""One value in a register map: where it stands, and how its registers are read and written; pure."""

import math
from dataclasses import dataclass
from struct import Struct
from typing import Final, Literal

from adapters.modbus.frames import (
    READ_COILS,
    READ_DISCRETE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_COIL,
    WRITE_MANY,
    WRITE_ONE,
)

Value = int | float | str
Table = Literal["holding", "input", "coil", "discrete"]
Kind = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "text"]
WriteFunction = Literal[5, 6, 16]

READING: Final[dict[Table, Literal[1, 2, 3, 4]]] = {
    "holding": READ_HOLDING,
    "input": READ_INPUT,
    "coil": READ_COILS,
    "discrete": READ_DISCRETE,
}
SIZES: Final[dict[Kind, int]] = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "i64": 4, "f32": 2, "f64": 4}
_CODES: Final[dict[Kind, Struct]] = {
    "u16": Struct(">H"),
    "i16": Struct(">h"),
    "u32": Struct(">I"),
    "i32": Struct(">i"),
    "u64": Struct(">Q"),
    "i64": Struct(">q"),
    "f32": Struct(">f"),
    "f64": Struct(">d"),
}
_CRUMB: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Point:
    """``size`` registers from ``address`` of ``table``, as on the wire; engineering value = raw * ``scale``.

    ``swapped``: low word first. ``bits``: (lowest bit, how many) of the raw value, else all. ``absent``: raw values that mean "no
    value now". ``low``, ``high``: what the engineering value can be at all. ``read_back``: the name of the point at which a
    written value shows, where that is another; ``readable`` False: it cannot be read itself. ``function``: to write it with.
    """

    name: str
    table: Table
    address: int
    kind: Kind = "u16"
    size: int = 1
    scale: float = 1.0
    swapped: bool = False
    bits: tuple[int, int] | None = None
    absent: frozenset[int] = frozenset()
    low: float = -math.inf
    high: float = math.inf
    readable: bool = True
    writable: bool = False
    function: WriteFunction = WRITE_MANY
    read_back: str = ""

    @property
    def shown_by(self) -> str:
        """The name of the point at which what is written here can be read; empty when nowhere."""
        return self.read_back or (self.name if self.readable else "")

    def decode(self, data: bytes) -> Value | None:
        """The value in these registers; None when they say there is none, or hold what cannot be."""
        if self.kind == "text":
            return data.strip(b"\0 \xff").decode("ascii", "replace")
        if self.swapped:
            data = turned(data)
        return self.meaning(_CODES[self.kind].unpack(data)[0])

    @property
    def most(self) -> float:
        """The greatest value that its registers, and what it can be at all, have room for."""
        most = self.high if self.kind in ("f32", "f64") else self._bounds[1] * self.scale
        return min(most, self.high)

    @property
    def _bounds(self) -> tuple[int, int]:
        bits = 1 if self.table == "coil" else 16 * self.size
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if self.kind[0] == "i" else (0, (1 << bits) - 1)

    @property
    def code(self) -> str:
        """How it is packed, in the letters of :mod:`struct`; empty when it cannot be taken as it stands."""
        return "" if self.swapped or self.kind == "text" else _CODES[self.kind].format[1:]

    def meaning(self, raw: int | float) -> Value | None:
        """The value that a raw number stands for; None as in :meth:`decode`."""
        if self.absent and raw in self.absent:
            return None
        if self.bits is not None and isinstance(raw, int):
            raw = raw >> self.bits[0] & (1 << self.bits[1]) - 1
        value = raw if self.scale == 1.0 else raw * self.scale
        # No number compares with NaN, so that it is refused here too.
        return value if self.low <= value <= self.high else None

    def encode(self, value: float, *, up: bool = False) -> tuple[int, ...] | None:
        """The registers of a value, rounded down (or ``up``) to what they can hold; None when they cannot."""
        if not math.isfinite(value) or self.kind == "text":
            return None
        raw: int | float = value / self.scale
        if self.kind not in ("f32", "f64"):
            raw = math.ceil(raw - _CRUMB) if up else math.floor(raw + _CRUMB)
            least, most = self._bounds
            if not least <= raw <= most or raw in self.absent:
                return None
        data = _CODES[self.kind].pack(raw)
        if self.swapped:
            data = turned(data)
        return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def turned(data: bytes) -> bytes:
    """Registers in the opposite order; bytes inside a register stay."""
    return b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))


def write_function(table: Table, size: int, asked: WriteFunction | None) -> WriteFunction:
    """What a point is written with: as asked, else 5 for a coil, 6 for one register, 16 for several."""
    if table == "coil":
        return WRITE_COIL
    return asked or (WRITE_ONE if size == 1 else WRITE_MANY)
