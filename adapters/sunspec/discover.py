"""What a unit offers: a pure conversation that finds its SunSpec map.

Source: SunSpec Device Information Model Specification 1.1, clause 6 (marker, chain of models, end model). Where devices
differ from it, the comment says which habit is met.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Literal

from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    ILLEGAL_ADDRESS,
    MAX_READ,
    PATH_UNAVAILABLE,
    READ_HOLDING,
    TARGET_SILENT,
    Read,
    Refusal,
    Registers,
    Reply,
)
from adapters.sunspec.definitions import HEADER
from adapters.sunspec.layouts import View
from adapters.sunspec.models import model
from adapters.sunspec.points import Value

BASES: Final = (40000, 0, 50000)
COMMON: Final = 1
END: Final = 0xFFFF
MAX_LENGTH: Final = 1000
MAX_MODELS: Final = 60


@dataclass(frozen=True, slots=True)
class Block:
    """One model in a unit's map. ``address``: of its ID register, 0-based; ``length``: its L, which leaves out ID and L."""

    id: int
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Model 1. None: not implemented or not readable. ``unit``: the unit id the device believes to have."""

    maker: str | None
    model: str | None
    options: str | None
    version: str | None
    serial: str | None
    unit: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """The blocks from one model 1 to the next: a device, or a meter or battery that shares its map."""

    identity: Identity | None
    blocks: tuple[Block, ...]

    def block(self, *ids: int) -> Block | None:
        """The first block of the first of these models that the part has: name the preferred model first."""
        return next((block for wanted in ids for block in self.blocks if block.id == wanted), None)


@dataclass(frozen=True, slots=True)
class Found:
    """A map. ``ended``: its end was seen; otherwise ``warnings`` say where it broke and ``parts`` is what stood before.

    ``doubtful``: something was not answered, which may be another time.

    ``spans``: the unit lets one read cover several models. ``registers``: what was read on the way, by address, for
    whoever would ask for it at once again.
    """

    unit: int
    base: int
    parts: tuple[Part, ...]
    ended: bool
    spans: bool
    warnings: tuple[str, ...]
    registers: tuple[tuple[int, bytes], ...] = ()
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """No map, and why."""

    unit: int
    why: str


Answer = Reply | None


def discover(
    unit: int, *, bases: tuple[int, ...] = BASES, max_read: int = MAX_READ, function: Literal[3, 4] = READ_HOLDING
) -> Generator[Read, Answer, Found | Missing]:
    """Yield the reads to make, be sent each reply (None: no usable one in time), return the map or why there is none.

    Reads ahead over model borders until the unit refuses that once; from then on reads headers only. Pass the one known
    base first once it is known.
    """
    survey = _Survey(unit, max_read, function)
    base = yield from survey.find(bases)
    if isinstance(base, Missing):
        return base
    return (yield from survey.walk(base))


class _Survey:
    """The registers already read, and what the unit has shown to allow."""

    def __init__(self, unit: int, max_read: int, function: Literal[3, 4]) -> None:
        self._unit = unit
        self._max_read = max_read
        self._function: Literal[3, 4] = function
        self._ahead = True
        self._start = 0
        self._data = b""
        self._warnings: list[str] = []
        self._kept: list[tuple[int, bytes]] = []
        self._doubtful = False

    def find(self, bases: tuple[int, ...]) -> Generator[Read, Answer, int | Missing]:
        """The base address whose registers say SunS."""
        seen = "no answer"
        for base in bases:
            reply: Answer = None
            if self._ahead:
                reply = yield from self._ask(base, min(self._max_read, _REGISTERS - base), patience=0)
            long = isinstance(reply, Registers)
            if not long:
                reply = yield from self._ask(base, _MARKER_SIZE, patience=0)
            if isinstance(reply, Registers):
                self._start, self._data = base, reply.data
                if reply.data.startswith(_MARKER):
                    self._ahead = self._ahead and long
                    return base
                seen = "registers without the SunS marker"
            elif isinstance(reply, Refusal):
                if reply.code in (PATH_UNAVAILABLE, TARGET_SILENT):
                    return Missing(self._unit, f"{reply}: the gateway knows no such unit, or it is off")
                seen = str(reply)
            else:
                # A unit that answers nothing gets one short question at each other base, to keep the wait short.
                self._ahead = self._ahead and seen != "no answer"
        return Missing(self._unit, f"{seen} at {', '.join(map(str, bases))}")

    def walk(self, base: int) -> Generator[Read, Answer, Found]:
        """Follow the chain by each block's own length, never by the defined one."""
        parts: list[Part] = []
        identity: Identity | None = None
        blocks: list[Block] = []
        spans = self._ahead
        cursor = base + _MARKER_SIZE
        while True:
            header = yield from self._header(cursor)
            if header is None or header[0] == END:
                ended = header is not None
                break
            block = Block(header[0], cursor, header[1])
            known = len(blocks) + sum(len(part.blocks) for part in parts)
            if (broken := _broken(block, known)) is not None:
                self._warnings.append(f"{broken} at {cursor}: the rest of the map is not used")
                ended = False
                break
            if known == 0 and block.id != COMMON:
                self._warnings.append(f"the map starts with model {block.id} instead of 1")
            if block.id == COMMON:
                if blocks:
                    parts.append(Part(identity, tuple(blocks)))
                    blocks = []
                identity = yield from self._identity(block)
            blocks.append(block)
            cursor += HEADER + block.length
        if blocks:
            parts.append(Part(identity, tuple(blocks)))
        told = tuple(self._warnings), tuple(self._kept)
        return Found(self._unit, base, tuple(parts), ended, spans, *told, self._doubtful)

    def _header(self, address: int) -> Generator[Read, Answer, tuple[int, int] | None]:
        """ID and L at this address; (END, 0) at the end; None, with a warning, where nothing can be learnt."""
        if address > _REGISTERS - 1:
            return END, 0
        held = self._held(address, 1)
        if held == _END:
            return END, 0
        reply = yield from self._get(address, HEADER) if address < _REGISTERS - 1 else self._get(address, 1)
        if isinstance(reply, bytes):
            return int.from_bytes(reply[:2], "big"), int.from_bytes(reply[2:], "big")
        # SMA: the end model cannot be read as two registers, or not at all.
        if isinstance(reply, Refusal) and reply.code == ILLEGAL_ADDRESS:
            last = yield from self._get(address, 1)
            if not isinstance(last, bytes) or last == _END:
                return END, 0
        why = "no answer" if reply is None else str(reply)
        self._warnings.append(f"{why} at {address}: the rest of the map is not used")
        self._doubtful = True
        return None

    def _identity(self, block: Block) -> Generator[Read, Answer, Identity]:
        common = model(COMMON)
        assert common is not None
        layout = common.layout(block.length)
        view = layout.view(_IDENTITY, max_read=self._max_read)
        chunks = yield from self._chunks(block, view)
        if None in chunks:
            # A bridge that reads fewer registers than it was asked for: who it is has to be known to treat it well.
            view = layout.view(_IDENTITY, max_read=self._max_read, singly=True)
            chunks = yield from self._chunks(block, view)
        if None in chunks:
            self._warnings.append(f"model 1 at {block.address} is not readable in full")
            self._doubtful = True
        read = view.decode(chunks)
        maker, name, options, version, serial, _ = (_text(read.get(point)) for point in _IDENTITY)
        unit = read.get("DA")
        return Identity(maker, name, options, version, serial, unit if isinstance(unit, int) else None)

    def _chunks(self, block: Block, view: View) -> Generator[Read, Answer, list[bytes | None]]:
        chunks: list[bytes | None] = []
        for span in view.spans:
            reply = yield from self._get(block.address + span.offset, span.size)
            chunks.append(reply if isinstance(reply, bytes) else None)
        return chunks

    def _get(self, address: int, count: int) -> Generator[Read, Answer, bytes | Refusal | None]:
        """Registers from what was read ahead, else from the unit."""
        held = self._held(address, count)
        if held is not None:
            return held
        if self._ahead:
            reply = yield from self._ask(address, min(self._max_read, _REGISTERS - address), patience=0)
            if isinstance(reply, Registers):
                self._start, self._data = address, reply.data
                return reply.data[: 2 * count]
            # Models cannot be read together, or the map ends before so many registers: headers will do for the rest.
            self._ahead = False
        reply = yield from self._ask(address, count, patience=1)
        return reply.data if isinstance(reply, Registers) else reply if isinstance(reply, Refusal) else None

    def _held(self, address: int, count: int) -> bytes | None:
        at = 2 * (address - self._start)
        return self._data[at : at + 2 * count] if 0 <= at <= len(self._data) - 2 * count else None

    def _ask(self, address: int, count: int, patience: int) -> Generator[Read, Answer, Registers | Refusal | None]:
        """One read; silence is asked again ``patience`` times, a busy unit twice."""
        busy = 2
        while True:
            reply = yield Read(self._unit, address, count, self._function)
            if isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY) and busy > 0:
                busy -= 1
            elif isinstance(reply, Registers | Refusal):
                if isinstance(reply, Registers):
                    self._kept.append((address, reply.data))
                return reply
            elif patience > 0:
                patience -= 1
            else:
                return None


def _broken(block: Block, known: int) -> str | None:
    """Some firmware counts its own lengths wrong; following them ends in garbage, so implausible blocks end the walk."""
    if block.id == 0 or block.length == 0:
        return f"model {block.id} of length {block.length}"
    if block.length > MAX_LENGTH:
        return f"model {block.id} claims {block.length} registers"
    if block.address + HEADER + block.length > _REGISTERS:
        return f"model {block.id} of length {block.length} reaches beyond 65535"
    if known >= MAX_MODELS:
        return f"more than {MAX_MODELS} models"
    return None


def _text(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None


_MARKER: Final = b"SunS"
_MARKER_SIZE: Final = 2
_END: Final = b"\xff\xff"
_REGISTERS: Final = 0x10000
_IDENTITY: Final = ("Mn", "Md", "Opt", "Vr", "SN", "DA")
