"""Points -> as few reads as the device takes, and what they bring; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from adapters.family import Conversation
from adapters.modbus.frames import ACKNOWLEDGE, BUSY, Read, Refusal, Registers
from adapters.registers.map import Manners
from adapters.registers.points import READING, Point, Table, Value

Values = dict[str, Value | None]


@dataclass(frozen=True, slots=True)
class Span:
    """One read: registers side by side, and the points in them, each with the bytes it takes.

    ``numbers``: those that are numbers with the high word first and side by side, taken apart in one go by ``layout``.
    """

    table: Table
    address: int
    count: int
    points: tuple[tuple[Point, int, int], ...]
    numbers: tuple[Point, ...]
    others: tuple[tuple[Point, int, int], ...]
    layout: Struct

    def request(self, unit: int) -> Read:
        """To ask for it."""
        return Read(unit, self.address, self.count, READING[self.table])

    def decode(self, data: bytes) -> Values:
        """Its points by name."""
        values = {
            point.name: point.meaning(raw)
            for point, raw in zip(self.numbers, self.layout.unpack_from(data), strict=True)
        }
        for point, start, end in self.others:
            values[point.name] = point.decode(data[start:end])
        return values

    def untold(self) -> Values:
        """Its points when it is refused."""
        return {point.name: None for point, _, _ in self.points}


def spans(points: Iterable[Point], manners: Manners) -> tuple[Span, ...]:
    """The reads for these points: a point is never torn, and no register is read along that the manners do not allow."""
    found: list[list[Point]] = []
    for point in sorted(points, key=lambda one: (one.table, one.address, one.size)):
        if found and _joins(found[-1], point, manners):
            found[-1].append(point)
        else:
            found.append([point])
    return tuple(_span(group) for group in found)


def read(unit: int, asked: Iterable[Span]) -> Conversation[Values | None]:
    """All of these; None when the device leaves one unanswered. What it refuses has no value."""
    return (yield from Heard(tuple(asked)).again(unit))


class Heard:
    """What a device answers to the same reads again and again: the same bytes are the same values, one object, not to be changed."""

    __slots__ = ("_data", "_values", "spans")

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self.spans = spans
        self._data: list[bytes | None] | None = None
        self._values: Values = {}

    def again(self, unit: int) -> Conversation[Values | None]:
        """As :func:`read`."""
        data: list[bytes | None] = []
        for span in self.spans:
            reply = yield span.request(unit)
            if isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY):
                reply = yield span.request(unit)
            if not isinstance(reply, Registers | Refusal):
                return None
            data.append(reply.data if isinstance(reply, Registers) else None)
        if data != self._data:
            values: Values = {}
            for span, told in zip(self.spans, data, strict=True):
                values |= span.untold() if told is None else span.decode(told)
            self._data, self._values = data, values
        return self._values


def _joins(group: list[Point], point: Point, manners: Manners) -> bool:
    first, end = group[0], max(one.address + one.size for one in group)
    if point.table != first.table or manners.one_value_per_read:
        same = (point.address, point.size) == (first.address, first.size)
        return point.table == first.table and same
    return point.address - end <= manners.join_gaps and point.address + point.size - first.address <= manners.max_read


def _span(group: list[Point]) -> Span:
    start = group[0].address
    count = max(one.address + one.size for one in group) - start
    placed = tuple((one, 2 * (one.address - start), 2 * (one.address - start + one.size)) for one in group)
    numbers, others, code, at = [], [], ">", 0
    for one, begin, end in placed:
        if one.code and begin >= at:
            numbers.append(one)
            code, at = f"{code}{begin - at}x{one.code}", end
        else:
            others.append((one, begin, end))
    return Span(group[0].table, start, count, placed, tuple(numbers), tuple(others), Struct(code))
