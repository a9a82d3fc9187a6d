"""Stretches of time, and what of one others leave."""

from collections.abc import Iterable, Iterator

Span = tuple[float, float]
"""From the first second up to the second; the end may be infinite."""


def left(span: Span, taken: Iterable[Span]) -> Iterator[Span]:
    """What of a span others leave; ``taken`` is sorted and apart, as :func:`joined` makes it."""
    at, end = span
    for start, stop in taken:
        if start >= end:
            break
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same seconds, sorted and apart."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
