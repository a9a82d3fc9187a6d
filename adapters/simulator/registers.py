"""The SunSpec register image: definitions laid out in a chain, values to registers, writes to values. Pure.

Layout and point types come from the `sunspec2` package's definitions; the codec here is a table of its own, so that
pysunspec2's client on the far side checks it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from struct import pack
from typing import Any

from sunspec2.device import get_model_def

BASE = 40000
SUNS = (0x5375, 0x6E53)

PointKey = tuple[int, str]
"""(model id, point name); a point of an inner group is `group.point`, of a repeating one `group[1].point`."""

Value = int | float | str
"""Raw counts, the value of a float point, or text."""


class Refusal(IntEnum):
    """The Modbus exception code a device answers with."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    FAILURE = 4
    BUSY = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One point: where it lies (registers after the base), how it is coded, what scales it."""

    key: PointKey
    kind: str
    offset: int
    size: int
    scale: str | None
    atom: str = ""
    """The `sync` group it belongs to: such a group is only written whole."""
    writable: bool = False
    """As the definition has it; whether a device takes a write is the device's to say."""

    def registers(self, raw: int) -> list[int]:
        """A value of this point as registers; one beyond its type wraps."""
        data = (raw % 2 ** (16 * self.size)).to_bytes(2 * self.size, "big")
        return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


@dataclass(frozen=True, slots=True)
class Image:
    """The registers of one unit from the marker to the end model, both included."""

    points: tuple[Point, ...]
    headers: Mapping[int, tuple[int, int]]
    size: int

    def encode(self, values: Mapping[PointKey, Value]) -> list[int]:
        """Every register; a point without a value reads as not implemented. OverflowError: a value outside its type."""
        registers = [0] * self.size
        registers[0:2] = SUNS
        for offset, (model, length) in self.headers.items():
            registers[offset : offset + 2] = (model, length)
        for point in self.points:
            registers[point.offset : point.offset + point.size] = _encoded(point, values.get(point.key))
        return registers

    def split(self, address: int, registers: list[int]) -> dict[PointKey, int] | Refusal:
        """The points a write covers. A write that cuts a point, touches a header or a text, or leaves out part of a
        `sync` group is refused.
        """
        offset = address - BASE
        end = offset + len(registers)
        found = {}
        for point in self.points:
            if point.offset >= end or point.offset + point.size <= offset:
                continue
            if point.offset != offset or point.offset + point.size > end or point.kind in _UNWRITABLE:
                return Refusal.ILLEGAL_ADDRESS
            data = b"".join(r.to_bytes(2, "big") for r in registers[: point.size])
            found[point.key] = int.from_bytes(data, "big", signed=point.kind in _SIGNED)
            registers, offset = registers[point.size :], offset + point.size
        if registers:
            return Refusal.ILLEGAL_ADDRESS
        atoms = {(p.key[0], p.atom) for p in self.points if p.atom and p.key in found}
        halves = any(p.atom and (p.key[0], p.atom) in atoms and p.key not in found for p in self.points)
        return Refusal.ILLEGAL_VALUE if halves else found

    def engineering(self, key: PointKey, values: Mapping[PointKey, Value]) -> float | None:
        """The scaled value of a point; None when it or its scale factor is not implemented, or it is text."""
        raw = values.get(key)
        point = next(p for p in self.points if p.key == key)
        exponent = 0 if point.scale is None else values.get((key[0], point.scale))
        if raw is None or isinstance(raw, str) or not isinstance(exponent, int):
            return None
        return raw * 10.0**exponent if exponent >= 0 else raw / 10.0**-exponent


@lru_cache(maxsize=64)
def layout(models: tuple[int, ...], unpadded: bool = False, repeats: tuple[tuple[str, int], ...] = ()) -> Image:
    """Model definitions one after the other; `unpadded` leaves model 1's Pad out (L = 65, as some makers do).

    `repeats`: how often a repeating group comes, by the name of its count point (or of the group where the definition
    names none), or by `model.name` for one model alone; what is not given is as in REPEATS.
    """
    points: list[Point] = []
    headers: dict[int, tuple[int, int]] = {}
    offset = len(SUNS)
    for model in models:
        start = offset
        offset += 2
        for name, definition, atom in _named(get_model_def(model)["group"], _counts(model, repeats)):
            if name in {"ID", "L"} or (unpadded and (model, name) == (1, "Pad")):
                continue
            size, scale = int(definition["size"]), definition.get("sf")
            points.append(
                Point((model, name), definition["type"], offset, size, scale, atom, definition.get("access") == "RW")
            )
            offset += size
        headers[start] = (model, offset - start - 2)
    headers[offset] = (0xFFFF, 0)
    return Image(tuple(points), headers, offset + 2)


REPEATS = {"NPt": 4, "NCrv": 3, "NCrvSet": 3, "NCtl": 3, "NPrt": 1, "curve": 2, "module": 1, "712.NPt": 6}


def coarser(image: Image, values: Mapping[PointKey, Value], models: frozenset[int]) -> dict[PointKey, Value]:
    """The same measurements with every scale factor one higher; counters of energy keep theirs."""
    moved: dict[PointKey, Value] = {}
    for point in image.points:
        factor = (point.key[0], point.scale or "")
        raw, exponent = values.get(point.key), values.get(factor)
        if (
            point.key[0] in models
            and point.kind not in _COUNTERS
            and isinstance(raw, int)
            and isinstance(exponent, int)
        ):
            moved |= {point.key: round(raw / 10), factor: exponent + 1}
    return {**values, **moved}


def refusal(points: Mapping[PointKey, int], ranges: Mapping[PointKey, tuple[int, int]]) -> Refusal | None:
    """Why a write cannot be taken: a point that is not writable here, then a value out of its range (low, high)."""
    if any(key not in ranges for key in points):
        return Refusal.ILLEGAL_ADDRESS
    if any(not ranges[key][0] <= raw <= ranges[key][1] for key, raw in points.items()):
        return Refusal.ILLEGAL_VALUE
    return None


def identity(maker: str, model: str, serial: str, unit: int) -> dict[PointKey, Value]:
    """Model 1."""
    named = {"Mn": maker, "Md": model, "Vr": "1.0", "SN": serial}
    return {**{(1, name): text for name, text in named.items()}, (1, "DA"): unit}


_SIGNED = {"int16", "int32", "int64", "sunssf"}
_NOT_IMPLEMENTED = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "count": 0xFFFF,
    "acc16": 0,
    "enum16": 0xFFFF,
    "bitfield16": 0xFFFF,
    "pad": 0x8000,
    "sunssf": 0x8000,
    "int32": 0x8000_0000,
    "uint32": 0xFFFF_FFFF,
    "acc32": 0,
    "enum32": 0xFFFF_FFFF,
    "bitfield32": 0xFFFF_FFFF,
    "int64": 0x8000_0000_0000_0000,
    "uint64": 0xFFFF_FFFF_FFFF_FFFF,
    "acc64": 0,
    "string": 0,
    "float32": 0x7FC0_0000,
}
_COUNTERS = {"acc16", "acc32", "acc64", "uint64"}
_UNWRITABLE = {"string", "float32"}


def _encoded(point: Point, value: Value | None) -> list[int]:
    width = point.size * 2
    if value is None:
        data = _NOT_IMPLEMENTED[point.kind].to_bytes(width, "big")
    elif isinstance(value, str):
        data = value.encode("ascii")[:width].ljust(width, b"\0")
    elif point.kind == "float32":
        data = pack(">f", value)
    else:
        data = int(value).to_bytes(width, "big", signed=point.kind in _SIGNED)
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, width, 2)]


def _counts(model: int, repeats: tuple[tuple[str, int], ...]) -> dict[str, int]:
    stated = {**REPEATS, **dict(repeats)}
    own = {name.partition(".")[2]: n for name, n in stated.items() if name.startswith(f"{model}.")}
    return {**stated, **own}


def _named(
    group: Mapping[str, Any], repeats: Mapping[str, int], prefix: str = "", atom: str = ""
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for definition in group["points"]:
        yield prefix + definition["name"], definition, atom
    for inner in group.get("groups", ()):
        name, count = inner["name"], inner.get("count")
        inner_atom = prefix + name if inner.get("type") == "sync" else atom
        if count is None:
            yield from _named(inner, repeats, f"{prefix}{name}.", inner_atom)
            continue
        for index in range(1, repeats[count or name] + 1):
            yield from _named(inner, repeats, f"{prefix}{name}[{index}].", inner_atom)
