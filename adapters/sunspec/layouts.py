"""Where the points of one block stand, how to read them in few requests, and what their registers say; pure.

Offsets count registers from the block's ID register. A point in a repeated group is named by its path, counted from 1:
``Crv[2].Pt[3].V``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct, unpack
from struct import error as StructError
from typing import Any, Final

from adapters.sunspec.definitions import HEADER, Group, Point
from adapters.sunspec.plan import Item, Span, spans
from adapters.sunspec.points import Rounding, Shape, Value, blank, encode, exponent, finite, scaled, text
from grid_functions.model.errors import OurFault


@dataclass(frozen=True, slots=True)
class Placed:
    """A point where it stands in a block. ``scale``: the path of its scale factor, or a fixed exponent.

    ``group``: the path of the sync group it belongs to, or empty.
    """

    path: str
    offset: int
    point: Point
    scale: str | int
    group: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Registers for one write request, from ``offset`` on."""

    offset: int
    registers: tuple[int, ...]


class Layout:
    """Where each point stands in one block of one device."""

    __slots__ = ("_runs", "_views", "length", "model_id", "points")

    def __init__(self, model_id: int, length: int, placed: Iterable[Placed]) -> None:
        self.model_id: Final = model_id
        self.length: Final = length
        self.points: Final[Mapping[str, Placed]] = {point.path: point for point in placed}
        self._views: dict[tuple[frozenset[str] | None, int, bool], View] = {}
        self._runs: dict[tuple[str, ...], tuple[Placed, ...]] = {}

    def view(self, names: Iterable[str] | None = None, *, max_read: int = 125, singly: bool = False) -> "View":
        """How to read some points (default: all) with their scale factors, in requests of at most ``max_read`` registers.

        Names the block does not have are left out. Reads start and end at points; a point wider than ``max_read`` is not
        read at all. ``singly``: one point, or one sync group, per request.
        """
        key = (None if names is None else frozenset(names), max_read, singly)
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(self, key[0], max_read, singly)
        return view

    def write(
        self,
        values: Mapping[str, Value],
        scales: Mapping[str, Value | None],
        rounding: Rounding = Rounding.NEAREST,
    ) -> Chunk:
        """The registers that say ``values``, for one request; ``scales``: the scale factors as read from this device.

        Raises OurFault when a point is unknown or not writable, its scale factor unusable, its value out of range, when the
        points do not stand side by side, or when a sync group is torn.
        """
        names = tuple(values)
        placed = self._runs.get(names)
        if placed is None:
            placed = self._runs[names] = self._run(names)
        data = b""
        for item in placed:
            data += encode(item.point.type, values[item.path], _scale_of(item, scales), rounding, item.point.size)
        return Chunk(placed[0].offset, unpack(f">{len(data) // 2}H", data))

    def _run(self, names: tuple[str, ...]) -> tuple[Placed, ...]:
        """The points as one request takes them; once for all times that they are written together."""
        placed = sorted((self._writable(name) for name in names), key=lambda point: point.offset)
        if not placed:
            raise OurFault(f"model {self.model_id}: nothing to write")
        end = placed[0].offset
        for item in placed:
            if item.offset != end:
                raise OurFault(f"model {self.model_id}: {item.path} does not follow {placed[0].path} directly")
            end += item.point.size
        for group in {item.group for item in placed} - {""}:
            if any(path not in names for path, item in self.points.items() if item.group == group):
                raise OurFault(f"model {self.model_id}: {group} must be written in one request")
        return tuple(placed)

    def _writable(self, name: str) -> Placed:
        item = self.points.get(name)
        if item is None or not item.point.writable:
            raise OurFault(f"model {self.model_id} of length {self.length}: no point {name} that can be written")
        return item


class View:
    """A reading plan: ``spans`` to read, and the decoder of what they bring."""

    __slots__ = ("_blanks", "_fixed", "_floats", "_names", "_plain", "_scaled", "_structs", "_texts", "spans")

    def __init__(self, layout: Layout, names: frozenset[str] | None, max_read: int, singly: bool) -> None:
        wanted = [item for path, item in layout.points.items() if names is None or path in names]
        chosen = {item.path: item for item in wanted}
        for item in wanted:
            if isinstance(item.scale, str) and item.scale in layout.points:
                chosen[item.scale] = layout.points[item.scale]
            if item.group:
                chosen |= {path: other for path, other in layout.points.items() if other.group == item.group}
        ordered = sorted(chosen.values(), key=lambda item: item.offset)
        items = _items(ordered, layout.points)
        self.spans: Final[tuple[Span, ...]] = _apart(items, max_read) if singly else spans(items, max_read)
        self._names = tuple(item.path for item in ordered)
        self._structs: list[Struct] = []
        self._blanks: list[tuple[Any, ...]] = []
        read: list[Placed] = []
        for span in self.spans:
            inside = [item for item in ordered if span.holds(item.offset, item.point.size)]
            read += inside
            self._structs.append(_struct(span, inside))
            self._blanks.append(self._structs[-1].unpack(_blank(span, inside)))
        self._index(read)

    def decode(self, chunks: Sequence[bytes | None]) -> dict[str, Value | None]:
        """Point -> value, scaled; ``chunks``: what each of ``spans`` brought, None where the device refused it.

        None: not implemented, not read, or its scale factor is unusable.
        """
        raw: tuple[Any, ...] = ()
        try:
            for struct, nothing, chunk in zip(self._structs, self._blanks, chunks, strict=True):
                raw += nothing if chunk is None else struct.unpack(chunk)
        except (StructError, ValueError) as error:
            raise OurFault(f"chunks do not match the {len(self.spans)} spans planned") from error
        values: dict[str, Value | None] = dict.fromkeys(self._names)
        for name, i, absent in self._plain:
            if (number := raw[i]) != absent:
                values[name] = number
        for scale, rows in self._fixed:
            _fill(values, raw, scale, rows)
        for i, rows in self._scaled:
            if (exponent_read := exponent(raw[i])) is not None:
                _fill(values, raw, exponent_read, rows)
        for name, i in self._floats:
            values[name] = finite(raw[i])
        for name, i, shape in self._texts:
            values[name] = text(shape, raw[i])
        return values

    def _index(self, read: Sequence[Placed]) -> None:
        index = {item.path: i for i, item in enumerate(read)}
        by_factor: dict[int, list[_Row]] = {}
        by_exponent: dict[int, list[_Row]] = {}
        self._plain: list[_Row] = []
        self._floats: list[tuple[str, int]] = []
        self._texts: list[tuple[str, int, Shape]] = []
        for i, item in enumerate(read):
            kind = item.point.type
            if kind.shape is Shape.FLOAT:
                self._floats.append((item.path, i))
            elif kind.shape is not Shape.INTEGER:
                self._texts.append((item.path, i, kind.shape))
            elif item.scale == 0:
                self._plain.append((item.path, i, kind.absent))
            elif isinstance(item.scale, int):
                by_exponent.setdefault(item.scale, []).append((item.path, i, kind.absent))
            elif item.scale in index:
                by_factor.setdefault(index[item.scale], []).append((item.path, i, kind.absent))
        self._scaled = tuple(by_factor.items())
        self._fixed = tuple(by_exponent.items())


def layout(model_id: int, top: Group, length: int, counts: Mapping[str, int]) -> Layout:
    """Where the points stand in a block whose L is ``length``; ``counts``: what its count points say."""
    placed: list[Placed] = []
    _place(top, "", "", 0, HEADER + length, {}, counts, placed)
    return Layout(model_id, length, placed)


_Row = tuple[str, int, int | None]


def _place(
    group: Group,
    prefix: str,
    sync: str,
    offset: int,
    end: int,
    factors: Mapping[str, str],
    counts: Mapping[str, int],
    placed: list[Placed],
) -> int:
    own = {point.name: prefix + point.name for point in group.points if point.type.name == "sunssf"}
    factors = {**factors, **own}
    for point in group.points:
        if point.type.shape is not Shape.PAD and offset + point.size <= end:
            scale = point.scale if isinstance(point.scale, int) else factors.get(point.scale, point.scale)
            placed.append(Placed(prefix + point.name, offset, point, scale, sync))
        offset += point.size
    for inner in group.groups:
        if inner.repeat is None:
            path = prefix + inner.name
            offset = _place(inner, f"{path}.", path if inner.sync else sync, offset, end, factors, counts, placed)
            continue
        times = counts.get(inner.repeat, 0) if isinstance(inner.repeat, str) else inner.repeat
        if inner.repeat == 0 and inner.size:
            times = max(0, end - offset) // inner.size
        for k in range(1, times + 1):
            if offset >= end:
                break
            path = f"{prefix}{inner.name}[{k}]"
            offset = _place(inner, f"{path}.", path if inner.sync else sync, offset, end, factors, counts, placed)
    return offset


def _items(ordered: Sequence[Placed], points: Mapping[str, Placed]) -> list[Item]:
    """What may not be torn: a point each, or a sync group; with the offsets of the scale factors it needs."""
    items: list[Item] = []
    last = ""
    for placed in ordered:
        factors: tuple[int, ...] = ()
        if isinstance(placed.scale, str) and placed.scale in points:
            factors = (points[placed.scale].offset,)
        end = placed.offset + placed.point.size
        if placed.group and placed.group == last:
            start, _, before = items.pop()
            items.append(Item(start, end, before + factors))
        else:
            items.append(Item(placed.offset, end, factors))
        last = placed.group
    return items


def _apart(items: Sequence[Item], max_read: int) -> tuple[Span, ...]:
    return tuple(Span(item.start, item.end - item.start) for item in items if item.end - item.start <= max_read)


def _struct(span: Span, inside: Sequence[Placed]) -> Struct:
    code, offset = ">", span.offset
    for item in inside:
        if item.offset > offset:
            code += f"{2 * (item.offset - offset)}x"
        code += f"{2 * item.point.size}s" if item.point.type.shape is Shape.STRING else item.point.type.code
        offset = item.offset + item.point.size
    return Struct(code)


def _blank(span: Span, inside: Sequence[Placed]) -> bytes:
    data = bytearray(2 * span.size)
    for item in inside:
        at = 2 * (item.offset - span.offset)
        data[at : at + 2 * item.point.size] = blank(item.point.type, item.point.size)
    return bytes(data)


def _fill(values: dict[str, Value | None], raw: tuple[Any, ...], scale: int, rows: Sequence[_Row]) -> None:
    if scale >= 0:
        factor = scaled(1, scale)
        for name, i, absent in rows:
            if (number := raw[i]) != absent:
                values[name] = number * factor
        return
    divisor = scaled(1, -scale)
    for name, i, absent in rows:
        if (number := raw[i]) != absent:
            values[name] = number / divisor


def _scale_of(item: Placed, scales: Mapping[str, Value | None]) -> int:
    if isinstance(item.scale, int):
        return item.scale
    found = scales.get(item.scale)
    usable = exponent(found) if isinstance(found, int) else None
    if usable is None:
        raise OurFault(f"{item.path}: scale factor {item.scale} is {found}, so no value can be written")
    return usable
