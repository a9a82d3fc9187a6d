"""SunSpec models by number: the one way in; pure. Each definition is compiled once, each layout once per shape met."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from struct import unpack_from

from adapters.sunspec.definitions import HEADER, Group, definition
from adapters.sunspec.layouts import Layout, layout
from adapters.sunspec.points import Value
from grid_functions.model.errors import OurFault


@dataclass(frozen=True, slots=True)
class Model:
    """A definition."""

    id: int
    group: Group

    @property
    def head(self) -> int:
        """How many registers from ID on tell all repeat counts; 2 where L alone does."""
        end, counts = HEADER, set(_count_names(self.group))
        offset = 0
        for point in self.group.points:
            offset += point.size
            if point.name in counts:
                end = offset
        return end

    def layout(self, length: int, head: bytes = b"") -> Layout:
        """Where the points stand in a block whose L is ``length``, shorter or longer than defined as the device pleases.

        ``head``: the block's registers from ID on, at least ``self.head`` of them where there are count points.
        """
        return _layout(self.id, length, _counts(self.group, head))

    def counted(self, length: int, counts: Mapping[str, Value | None]) -> Layout:
        """The same, where the count points are already known by name."""
        told = ((name, counts.get(name)) for name in sorted(set(_count_names(self.group))))
        return _layout(self.id, length, tuple((name, value) for name, value in told if isinstance(value, int)))

    def decode(self, block: bytes) -> dict[str, Value | None]:
        """All points of a whole block, ID and L included; None where not implemented or not there."""
        length = min(unpack_from(">xxH", block)[0], len(block) // 2 - HEADER)
        view = self.layout(length, block).view(max_read=HEADER + length)
        return view.decode([block[2 * span.offset : 2 * (span.offset + span.size)] for span in view.spans])


@cache
def model(model_id: int) -> Model | None:
    """The definition of a model, or None when it is not a published one."""
    top = definition(model_id)
    return None if top is None else Model(model_id, top)


_Counts = tuple[tuple[str, int], ...]


def _count_names(group: Group) -> Iterator[str]:
    for inner in group.groups:
        if isinstance(inner.repeat, str):
            yield inner.repeat
        yield from _count_names(inner)


def _counts(group: Group, head: bytes) -> _Counts:
    """Interpretation: a count that is not implemented, or not in ``head``, is 0."""
    names, offset, counts = set(_count_names(group)), 0, []
    for point in group.points:
        end = offset + point.size
        if point.name in names and 2 * end <= len(head):
            value = int.from_bytes(head[2 * offset : 2 * end], "big")
            counts.append((point.name, 0 if value == point.type.absent else value))
        offset = end
    return tuple(counts)


@lru_cache(maxsize=512)
def _layout(model_id: int, length: int, counts: _Counts) -> Layout:
    known = model(model_id)
    if known is None:
        raise OurFault(f"model {model_id} has no published definition")
    return layout(model_id, known.group, length, dict(counts))
