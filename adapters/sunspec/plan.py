"""Which registers to read together; pure."""

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """``size`` registers from ``offset`` on, for one read."""

    offset: int
    size: int

    def holds(self, offset: int, size: int) -> bool:
        """Whether these registers are all inside."""
        return self.offset <= offset and offset + size <= self.offset + self.size


class Item(NamedTuple):
    """Registers ``start`` to before ``end`` that one read must hold, and where the scale factors stand that they need."""

    start: int
    end: int
    factors: tuple[int, ...] = ()


def spans(items: Sequence[Item], max_read: int) -> tuple[Span, ...]:
    """The reads that cover all items (in order of their start), none longer than ``max_read``.

    Fewest reads first; among those, the fewest values that arrive apart from their scale factor, which a device may
    change in between; then the fewest registers; then the longest read first. Items wider than ``max_read`` are left out.
    """
    fitting = [item for item in items if item.end - item.start <= max_read]
    best: list[tuple[_Cost, int]] = [((0, 0, 0), 0)] * (len(fitting) + 1)
    for first in range(len(fitting) - 1, -1, -1):
        start = fitting[first].start
        behind = 0
        ahead: list[int] = []
        found: tuple[_Cost, int] | None = None
        for last in range(first, len(fitting)):
            item = fitting[last]
            if item.end - start > max_read:
                break
            behind += sum(factor < start for factor in item.factors)
            ahead = [factor for factor in (*ahead, *item.factors) if factor >= item.end]
            reads, apart, registers = best[last + 1][0]
            cost = (1 + reads, behind + len(ahead) + apart, item.end - start + registers)
            if found is None or cost <= found[0]:
                found = (cost, last + 1)
        assert found is not None
        best[first] = found
    planned, at = [], 0
    while at < len(fitting):
        after = best[at][1]
        planned.append(Span(fitting[at].start, fitting[after - 1].end - fitting[at].start))
        at = after
    return tuple(planned)


_Cost = tuple[int, int, int]
