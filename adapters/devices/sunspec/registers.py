"""The blocks of one SunSpec device that are polled, in as few reads as it allows; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from adapters.family import Conversation
from adapters.modbus.frames import (
    ACKNOWLEDGE,
    BUSY,
    PATH_UNAVAILABLE,
    TARGET_SILENT,
    Read,
    Refusal,
    Registers,
    Reply,
)
from adapters.sunspec.discover import Block
from adapters.sunspec.layouts import Layout, View
from adapters.sunspec.models import model
from adapters.sunspec.plan import Span
from adapters.sunspec.points import Value

T = TypeVar("T")

Chunks = tuple[bytes | None, ...]
"""What the planned spans of a poll brought; None where the device refused one."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a unit may be read: registers per read, whether one read may cover several models, or only one value."""

    unit: int
    function: Literal[3, 4] = 3
    max_read: int = 125
    together: bool = True
    one_value: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """One block of ``unit`` and how some of its points are read."""

    unit: int
    block: Block
    layout: Layout
    view: View


@dataclass(frozen=True, slots=True)
class Joint:
    """One request over the block spans ``inside`` it. ``single``: a request for each of these alone."""

    request: Read
    inside: tuple[Span, ...]
    single: tuple[Read, ...]

    @classmethod
    def over(cls, access: Access, inside: tuple[Span, ...]) -> "Joint":
        """Spans in absolute registers, in order."""
        single = tuple(Read(access.unit, span.offset, span.size, access.function) for span in inside)
        first, last = inside[0], inside[-1]
        size = last.offset + last.size - first.offset
        return cls(Read(access.unit, first.offset, size, access.function), inside, single)

    def cut(self, data: bytes) -> list[bytes]:
        """What it brought, span by span."""
        if len(self.inside) == 1:
            return [data]
        start = self.request.address
        return [data[2 * (at - start) : 2 * (at - start + size)] for at, size in self.inside]


@dataclass(frozen=True, slots=True)
class Reads:
    """Which registers to read."""

    access: Access
    areas: Mapping[int, Area]
    joints: tuple[Joint, ...]
    _last: dict[int, tuple[Chunks, Mapping[str, Value | None]]] = field(default_factory=dict, compare=False, repr=False)

    def read(self) -> Conversation[Chunks | None]:
        """One poll; None when the unit did not answer, or refused everything.

        A joint read that is refused is made again span by span: what one model refuses is not to hide its neighbour.
        """
        chunks: list[bytes | None] = []
        for joint in self.joints:
            reply = yield from _ask(joint.request)
            if reply is None:
                return None
            if isinstance(reply, Registers):
                chunks += joint.cut(reply.data)
                continue
            for request in joint.single:
                single = (yield from _ask(request)) if len(joint.single) > 1 else reply
                if single is None:
                    return None
                chunks.append(single.data if isinstance(single, Registers) else None)
        return tuple(chunks) if any(chunk is not None for chunk in chunks) else None

    def decode(self, raw: Chunks) -> dict[int, Mapping[str, Value | None]]:
        """What a poll says, by model. Registers that read as the last time are the values of the last time, the very same object."""
        values: dict[int, Mapping[str, Value | None]] = {}
        at, last = 0, self._last
        for model_id, area in self.areas.items():
            until = at + len(area.view.spans)
            chunks = raw[at:until]
            known = last.get(model_id)
            if known is None or known[0] != chunks:
                known = last[model_id] = chunks, _decoded(area.view, chunks)
            values[model_id] = known[1]
            at = until
        return values


def reads(
    access: Access,
    blocks: Iterable[Block],
    names: Mapping[int, Iterable[str] | None],
    counts: Mapping[int, Mapping[str, Value | None]] | None = None,
) -> Reads:
    """How to poll the ``names`` of these blocks (None: all points). ``counts``: what their count points say, by model."""
    chosen: dict[int, tuple[Block, Layout, tuple[str, ...] | None]] = {}
    for block in sorted(blocks, key=lambda block: block.address):
        known = model(block.id)
        if known is not None and block.id in names and block.id not in chosen:
            wanted = names[block.id]
            layout = known.counted(block.length, (counts or {}).get(block.id, {}))
            chosen[block.id] = block, layout, None if wanted is None else tuple(wanted)
    return Reads(access, *_planned(access, tuple(chosen.values())))


@lru_cache(maxsize=256)
def _decoded(view: View, chunks: Chunks) -> Mapping[str, Value | None]:
    """Devices of a kind mostly read the same but for what they measure: such values are kept once for all of them."""
    return view.decode(chunks)


@lru_cache(maxsize=256)
def _planned(
    access: Access, chosen: tuple[tuple[Block, Layout, tuple[str, ...] | None], ...]
) -> tuple[Mapping[int, Area], tuple[Joint, ...]]:
    """Made once for all devices with the same map."""
    areas = {
        block.id: Area(
            access.unit, block, layout, layout.view(names, max_read=access.max_read, singly=access.one_value)
        )
        for block, layout, names in chosen
    }
    singles = [Span(area.block.address + span.offset, span.size) for area in areas.values() for span in area.view.spans]
    joints: list[tuple[Span, ...]] = []
    for single in singles:
        if joints and access.together and not access.one_value:
            start = joints[-1][0].offset
            if single.offset + single.size - start <= access.max_read:
                joints[-1] = (*joints[-1], single)
                continue
        joints.append((single,))
    return MappingProxyType(areas), tuple(Joint.over(access, inside) for inside in joints)


def _ask(request: Read) -> Conversation[Registers | Refusal | None]:
    """One read, asked again while the unit is busy. A gateway that cannot reach the unit is silence."""
    reply: Reply | None = None
    for _ in range(_BUSY_TRIES):
        reply = yield request
        if isinstance(reply, Registers):
            return reply
        if not (isinstance(reply, Refusal) and reply.code in (ACKNOWLEDGE, BUSY)):
            break
    if isinstance(reply, Refusal):
        return None if reply.code in (PATH_UNAVAILABLE, TARGET_SILENT) else reply
    return None


def recalled(conversation: Conversation[T], registers: Iterable[tuple[int, bytes]]) -> Conversation[T]:
    """The conversation, with reads answered from ``registers`` (address, bytes) where these hold all that is asked."""
    newest_first = tuple(registers)[::-1]
    try:
        request = next(conversation)
        while True:
            known = _known(newest_first, request) if isinstance(request, Read) else None
            request = conversation.send((yield request) if known is None else Registers(known))
    except StopIteration as end:
        result: T = end.value
        return result


def _known(newest_first: Iterable[tuple[int, bytes]], request: Read) -> bytes | None:
    """All that is asked, joined from what was read. Register by register it would be a hundred times its size, for all devices at once."""
    data, at, end = b"", request.address, request.address + request.count
    while at < end:
        held = next((one for one in newest_first if one[0] <= at < one[0] + len(one[1]) // 2), None)
        if held is None:
            return None
        start, read = held
        data += read[2 * (at - start) : 2 * (end - start)]
        at = min(end, start + len(read) // 2)
    return data


_BUSY_TRIES: Final = 3
