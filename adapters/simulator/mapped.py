"""A register map as a device answers from it: values by the table of a profile alone. Pure.

Nothing here knows the codec that reads real devices, but for how one value is packed.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from struct import pack
from typing import Final

from adapters.modbus.frames import Read, Refusal, Registers, Reply, Write
from adapters.registers.map import Manners
from adapters.registers.points import READING, Point, Table

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3


def told(points: Iterable[Point], request: Write) -> tuple[Point, float] | Refusal:
    """The point that is written, and its value; or why not."""
    tables: tuple[Table, ...] = ("coil",) if request.function == 5 else ("holding",)
    met = [p for p in points if p.writable and p.table in tables and p.address == request.address]
    point = next((p for p in met if p.size == len(request.values)), None)
    if point is None:
        return Refusal(ILLEGAL_ADDRESS)
    if point.function != request.function:
        return Refusal(ILLEGAL_FUNCTION)
    value = point.decode(pack(f">{len(request.values)}H", *request.values))
    if not isinstance(value, int | float):
        return Refusal(ILLEGAL_VALUE)
    return point, float(value)


def shown(
    points: Iterable[Point], manners: Manners, request: Read, registers: Callable[[Point], tuple[int, ...]]
) -> Reply:
    """What a read brings: ``registers`` of each point in it; refused where the map has none, or the manners are broken."""
    if request.count > manners.max_read:
        return Refusal(ILLEGAL_VALUE)
    inside = [
        p
        for p in points
        if p.readable
        and READING[p.table] == request.function
        and request.address <= p.address
        and p.address + p.size <= request.address + request.count
    ]
    if manners.one_value_per_read and {(p.address, p.size) for p in inside} != {(request.address, request.count)}:
        return Refusal(ILLEGAL_ADDRESS)
    image: dict[int, int] = {}
    for point in inside:
        image |= dict(enumerate(registers(point), start=point.address))
    asked = range(request.address, request.address + request.count)
    gap = longest = 0
    for address in asked:
        gap = 0 if address in image else gap + 1
        longest = max(longest, gap)
    if not inside or longest > manners.join_gaps or asked[0] not in image or asked[-1] not in image:
        return Refusal(ILLEGAL_ADDRESS)
    return Registers(pack(f">{request.count}H", *(image.get(address, 0) for address in asked)))


def registers(point: Point, value: float | str) -> tuple[int, ...]:
    """A value as it stands in the map; 0 where it has no room there."""
    if isinstance(value, str):
        data = value.encode()[: 2 * point.size].ljust(2 * point.size, b"\0")
        return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    whole = replace(point, bits=None)
    raw = value * 2 ** point.bits[0] if point.bits is not None else value
    nearest = raw if point.kind in ("f32", "f64") else round(raw / point.scale) * point.scale
    return whole.encode(nearest) or (0,) * point.size
