"""The reading plan against every plan there is."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.sunspec.plan import Item, Span, spans


@st.composite
def blocks(draw: st.DrawFn) -> list[Item]:
    items, at = [], 0
    for size, gap in draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=8)):
        items.append((at + gap, at + gap + size))
        at += gap + size
    return [
        Item(start, end, tuple(draw(st.sets(st.sampled_from([s for s, _ in items]), max_size=1))))
        for start, end in items
    ]


def cost(items: list[Item], plan: list[Span]) -> tuple[int, int, int]:
    apart = 0
    for item in items:
        [home] = [span for span in plan if span.holds(item.start, item.end - item.start)]
        apart += sum(not home.holds(factor, 1) for factor in item.factors)
    return len(plan), apart, sum(span.size for span in plan)


@given(blocks(), st.integers(4, 12))
def test_no_plan_is_better(items: list[Item], max_read: int) -> None:
    ours = list(spans(items, max_read))
    assert all(span.size <= max_read for span in ours)
    everything = []
    for n in range(len(items)):
        for cuts in combinations(range(1, len(items)), n):
            edges = [0, *cuts, len(items)]
            parts = [items[a:b] for a, b in pairwise(edges)]
            plan = [Span(part[0].start, part[-1].end - part[0].start) for part in parts]
            if all(span.size <= max_read for span in plan):
                everything.append(cost(items, plan))
    assert cost(items, ours) == min(everything, default=(0, 0, 0))


def test_what_is_wider_than_a_read_is_left_out() -> None:
    assert spans([Item(0, 2), Item(2, 34), Item(34, 35)], 25) == (Span(0, 2), Span(34, 1))
    assert spans([], 125) == ()
