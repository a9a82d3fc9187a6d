"""The blocks of one SunSpec device that are polled and written: few reads, small writes; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from adapters.family import Conversation
from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    PATH_UNAVAILABLE,
    TARGET_SILENT,
    WRITE_MANY,
    WRITE_ONE,
    Read,
    Refusal,
    Registers,
    Reply,
    Write,
    Written,
)
from adapters.sunspec.discover import Block
from adapters.sunspec.layouts import Layout, View
from adapters.sunspec.models import model
from adapters.sunspec.plan import Span
from adapters.sunspec.points import Rounding, Value, agrees, exponent, quantised, scaled

Raw = tuple[bytes | None, ...]
"""What the planned spans of a poll brought; None where the device refused one."""

Values = Mapping[int, Mapping[str, Value | None]]
"""Model -> point -> value; None: not implemented, not read, or its scale factor is unusable."""

WriteFunction = Literal[6, 16]


@dataclass(frozen=True, slots=True)
class Area:
    """One block and how some of its points are read."""

    block: Block
    layout: Layout
    view: View


@dataclass(frozen=True, slots=True)
class Reads:
    """Which registers to read. Each joint holds an absolute span and the block spans inside it, absolute too."""

    unit: int
    function: Literal[3, 4]
    areas: Mapping[int, Area]
    joints: tuple[tuple[Span, tuple[Span, ...]], ...]

    def read(self) -> Conversation[Raw | None]:
        """One poll; None when the unit did not answer, or refused everything.

        A joint read that is refused is made again span by span: what one model refuses is not to hide its neighbour.
        """
        chunks: list[bytes | None] = []
        for joint, inside in self.joints:
            reply = yield from self._ask(joint)
            if reply is None:
                return None
            if isinstance(reply, Registers):
                starts = [2 * (span.offset - joint.offset) for span in inside]
                chunks += [reply.data[at : at + 2 * span.size] for at, span in zip(starts, inside, strict=True)]
                continue
            for span in inside:
                single = (yield from self._ask(span)) if len(inside) > 1 else reply
                if single is None:
                    return None
                chunks.append(single.data if isinstance(single, Registers) else None)
        return tuple(chunks) if any(chunk is not None for chunk in chunks) else None

    def decode(self, raw: Raw) -> Values:
        """What a poll says, by model."""
        values, at = {}, 0
        for model_id, area in self.areas.items():
            until = at + len(area.view.spans)
            values[model_id] = area.view.decode(raw[at:until])
            at = until
        return values

    def _ask(self, span: Span) -> Conversation[Registers | Refusal | None]:
        """One read, asked again while the unit is busy. A gateway that cannot reach the unit is silence."""
        reply: Reply | None = None
        for _ in range(_BUSY_TRIES):
            reply = yield Read(self.unit, span.offset, span.size, self.function)
            if not (isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY)):
                break
        if isinstance(reply, Refusal):
            return None if reply.code in (PATH_UNAVAILABLE, TARGET_SILENT) else reply
        return reply if isinstance(reply, Registers) else None


def reads(
    unit: int,
    blocks: Iterable[Block],
    names: Mapping[int, Iterable[str]],
    *,
    max_read: int,
    together: bool,
    function: Literal[3, 4],
) -> Reads:
    """How to poll the ``names`` of these blocks. ``together``: the unit lets one read cover several models."""
    areas = {}
    for block in sorted(blocks, key=lambda block: block.address):
        known = model(block.id)
        if known is not None and block.id in names and block.id not in areas:
            layout = known.layout(block.length)
            areas[block.id] = Area(block, layout, layout.view(names[block.id], max_read=max_read))
    singles = [Span(area.block.address + span.offset, span.size) for area in areas.values() for span in area.view.spans]
    joints: list[tuple[Span, tuple[Span, ...]]] = []
    for single in singles:
        if joints and together:
            start = joints[-1][0].offset
            joint = Span(start, single.offset + single.size - start)
            if joint.size <= max_read:
                joints[-1] = (joint, (*joints[-1][1], single))
                continue
        joints.append((single, (single,)))
    return Reads(unit, function, areas, tuple(joints))


@dataclass(slots=True)
class Pen:
    """Writes points of one device, remembering what was sent and how the device takes writes.

    ``function``: 16, until the device refused it with exception 1 or 2 and took function 6 instead, or the reverse.
    """

    reads: Reads
    values: Values
    function: WriteFunction
    points: dict[str, int | float | str] = field(default_factory=dict)
    refused: str = ""

    def floored(self, model_id: int, point: str, value: float) -> Value | None:
        """The value as the device will read it back, rounded down; None when its scale factor is unusable."""
        scale = self._scale(model_id, point)
        return None if scale is None else scaled(quantised(value, scale, Rounding.FLOOR), scale)

    def differs(self, model_id: int, wanted: Mapping[str, Value]) -> bool:
        """Whether an implemented point reads otherwise by more than half a step of its scale."""
        return any(self._off(model_id, name, value) for name, value in wanted.items())

    def put(self, model_id: int, wanted: Mapping[str, Value]) -> Conversation[bool]:
        """Write these points in register order, neighbours in one request; True when the device took them all.

        Points that the device does not implement are left out. Values between two steps are rounded down.
        """
        area, read = self.reads.areas[model_id], self.values[model_id]
        there = sorted(
            (name for name in wanted if read.get(name) is not None), key=lambda name: area.layout.points[name].offset
        )
        for run in _runs(area.layout, there):
            if not (yield from self._send(area, read, {name: wanted[name] for name in run})):
                return False
        return True

    def settle(self, model_id: int, steps: Iterable[Mapping[str, Value]]) -> Conversation[bool]:
        """Step after step, write what differs; True when the device took it all."""
        for step in steps:
            wanted = {name: value for name, value in step.items() if self._off(model_id, name, value)}
            if wanted and not (yield from self.put(model_id, wanted)):
                return False
        return True

    def _off(self, model_id: int, name: str, value: Value) -> bool:
        read = self.values[model_id].get(name)
        if read is None:
            return False
        scale = self._scale(model_id, name)
        if isinstance(read, str) or isinstance(value, str) or scale is None:
            return read != value
        return not agrees(value, read, scale)

    def _scale(self, model_id: int, name: str) -> int | None:
        placed = self.reads.areas[model_id].layout.points.get(name)
        if placed is None:
            return None
        if isinstance(placed.scale, int):
            return placed.scale
        found = self.values[model_id].get(placed.scale)
        return exponent(found) if isinstance(found, int) else None

    def _send(self, area: Area, read: Mapping[str, Value | None], values: Mapping[str, Value]) -> Conversation[bool]:
        """One run of neighbours; with the other function when this one is refused and the other may be known to it."""
        reply = yield from self._try(area, read, values, self.function)
        other: WriteFunction = WRITE_ONE if self.function == WRITE_MANY else WRITE_MANY
        narrow = all(area.layout.points[name].point.size == 1 for name in values)
        if isinstance(reply, Refusal) and reply.code in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS) and narrow:
            first, reply = reply, (yield from self._try(area, read, values, other))
            if isinstance(reply, Written):
                self.function = other
            elif isinstance(reply, Refusal):
                reply = first
        if isinstance(reply, Refusal):
            self.refused = f"{area.block.id}.{'/'.join(values)}: {reply}"
        return isinstance(reply, Written)

    def _try(
        self, area: Area, read: Mapping[str, Value | None], values: Mapping[str, Value], function: WriteFunction
    ) -> Conversation[Reply | None]:
        narrow = all(area.layout.points[name].point.size == 1 for name in values)
        # Function 6 carries one register: points wider than that always go with function 16.
        parts = [{name: value} for name, value in values.items()] if function == WRITE_ONE and narrow else [values]
        reply: Reply | None = None
        for part in parts:
            chunk = area.layout.write(part, read, Rounding.FLOOR)
            how: WriteFunction = function if len(chunk.registers) == 1 else WRITE_MANY
            for _ in range(_BUSY_TRIES):
                reply = yield Write(self.reads.unit, area.block.address + chunk.offset, chunk.registers, how)
                if not (isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY)):
                    break
            if not isinstance(reply, Refusal):
                self.points |= {f"{area.block.id}.{name}": value for name, value in part.items()}
            if not isinstance(reply, Written):
                break
        return reply


def _runs(layout: Layout, names: list[str]) -> list[list[str]]:
    runs: list[list[str]] = [names[:1]] if names else []
    for before, name in pairwise(names):
        placed = layout.points[before]
        if placed.offset + placed.point.size == layout.points[name].offset:
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs


_BUSY_TRIES: Final = 3
