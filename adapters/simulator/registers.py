"""The SunSpec register image: definitions laid out in a chain, values to registers, writes to values. Pure.

Layout and point types come from the `sunspec2` package's definitions; the codec here is a table of its own, so that
pysunspec2's client on the far side checks it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from sunspec2.device import get_model_def

BASE = 40000
SUNS = (0x5375, 0x6E53)

PointKey = tuple[int, str]
"""(model id, point name); a point of an inner group is `group.point`."""


class Refusal(IntEnum):
    """The Modbus exception code a device answers with."""

    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One point: where it lies (registers after the base), how it is coded, what scales it."""

    key: PointKey
    kind: str
    offset: int
    size: int
    scale: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """The registers of one unit from the marker to the end model, both included."""

    points: tuple[Point, ...]
    headers: Mapping[int, tuple[int, int]]
    size: int

    def encode(self, values: Mapping[PointKey, int | str]) -> list[int]:
        """Every register; a point without a value reads as not implemented. OverflowError: a value outside its type."""
        registers = [0] * self.size
        registers[0:2] = SUNS
        for offset, (model, length) in self.headers.items():
            registers[offset : offset + 2] = (model, length)
        for point in self.points:
            registers[point.offset : point.offset + point.size] = _encoded(point, values.get(point.key))
        return registers

    def split(self, address: int, registers: list[int]) -> dict[PointKey, int] | Refusal:
        """The points a write covers. A write that cuts a point, or touches a header or a string, is refused."""
        offset = address - BASE
        end = offset + len(registers)
        found = {}
        for point in self.points:
            if point.offset >= end or point.offset + point.size <= offset:
                continue
            if point.offset != offset or point.offset + point.size > end or point.kind == "string":
                return Refusal.ILLEGAL_ADDRESS
            data = b"".join(r.to_bytes(2, "big") for r in registers[: point.size])
            found[point.key] = int.from_bytes(data, "big", signed=point.kind in _SIGNED)
            registers, offset = registers[point.size :], offset + point.size
        return Refusal.ILLEGAL_ADDRESS if registers else found

    def engineering(self, key: PointKey, values: Mapping[PointKey, int | str]) -> float | None:
        """The scaled value of a point; None when it or its scale factor is not implemented, or it is text."""
        raw = values.get(key)
        point = next(p for p in self.points if p.key == key)
        exponent = 0 if point.scale is None else values.get((key[0], point.scale))
        if not isinstance(raw, int) or not isinstance(exponent, int):
            return None
        return raw * 10.0**exponent if exponent >= 0 else raw / 10.0**-exponent


@lru_cache(maxsize=32)
def layout(models: tuple[int, ...], unpadded: bool = False) -> Image:
    """Model definitions one after the other; `unpadded` leaves model 1's Pad out (L = 65, as some makers do)."""
    points: list[Point] = []
    headers: dict[int, tuple[int, int]] = {}
    offset = len(SUNS)
    for model in models:
        start = offset
        offset += 2
        for name, definition in _named(get_model_def(model)["group"]):
            if name in {"ID", "L"} or (unpadded and (model, name) == (1, "Pad")):
                continue
            points.append(
                Point((model, name), definition["type"], offset, int(definition["size"]), definition.get("sf"))
            )
            offset += int(definition["size"])
        headers[start] = (model, offset - start - 2)
    headers[offset] = (0xFFFF, 0)
    return Image(tuple(points), headers, offset + 2)


def refusal(points: Mapping[PointKey, int], ranges: Mapping[PointKey, tuple[int, int]]) -> Refusal | None:
    """Why a write cannot be taken: a point that is not writable here, then a value out of its range (low, high)."""
    if any(key not in ranges for key in points):
        return Refusal.ILLEGAL_ADDRESS
    if any(not ranges[key][0] <= raw <= ranges[key][1] for key, raw in points.items()):
        return Refusal.ILLEGAL_VALUE
    return None


def identity(maker: str, model: str, serial: str, unit: int) -> dict[PointKey, int | str]:
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
}


def _encoded(point: Point, value: int | str | None) -> list[int]:
    width = point.size * 2
    if value is None:
        data = _NOT_IMPLEMENTED[point.kind].to_bytes(width, "big")
    elif isinstance(value, str):
        data = value.encode("ascii")[:width].ljust(width, b"\0")
    else:
        data = value.to_bytes(width, "big", signed=point.kind in _SIGNED)
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, width, 2)]


def _named(group: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for definition in group["points"]:
        yield prefix + definition["name"], definition
    for inner in group.get("groups", ()):
        yield from _named(inner, f"{prefix}{inner['name']}.")
