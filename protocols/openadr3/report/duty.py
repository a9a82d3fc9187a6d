"""When a report is due and which intervals it is about (reportDescriptor of an event).

Report k = 0, 1, ... is made on interval e(k) = startInterval + k * frequency (startInterval -1: the last; frequency -1: as numIntervals):
a historical one at that interval's end about the numIntervals up to it, a forecast at its start about the numIntervals from it.
``repeat`` is how many there are, -1 without end. Interpretations, where the standard is silent: numIntervals -1 is all there are, so
that frequency -1 is then one report; frequency 0, "ad hoc", is one report as well; a schedule without a last interval counts from its
first; an interval without end is told in pieces of a fixed length under its id.
"""

from dataclasses import dataclass
from typing import Final

from protocols.openadr3.timing import Laid, Span
from protocols.openadr3.wire.moments import LAST_S
from protocols.openadr3.wire.objects import ReportDescriptor

MOST_SPANS: Final = 1_500
"""Of one report: a day of minutes."""

SUB_S: Final = 300.0
"""Sub-intervals, where the VTN leaves their length to us (reportIntervals, 3.1)."""


@dataclass(frozen=True, slots=True)
class Due:
    """One report: the ``index``-th of its descriptor, due at ``at_s`` (UTC), about the intervals ``first`` to ``last`` by number."""

    index: int
    at_s: float
    first: int
    last: int


def due(laid: Laid, descriptor: ReportDescriptor, index: int, piece_s: float) -> Due | None:
    """The descriptor's report of that index; None when there is none."""
    if descriptor.repeat != -1 and index >= max(1, descriptor.repeat):
        return None
    last = laid.last
    count = descriptor.num_intervals if descriptor.num_intervals > 0 else None
    start = descriptor.start_interval
    if start < 0:
        start = last if last is not None else 0
    every = descriptor.frequency if descriptor.frequency > 0 else count
    if last is None and every is None:
        every = 1
    if every is None and index > 0:
        return None
    on = start + index * (every or 0)
    if last is not None and on > last:
        return None
    here = span_at(laid, on, piece_s)
    if here is None:
        return None
    if descriptor.historical:
        first = 0 if count is None and last is not None else on - (count or 1) + 1
        return Due(index, here.end_s, max(0, first), on)
    through = on + (count or MOST_SPANS) - 1
    return Due(index, here.start_s, on, through if last is None else min(through, last))


def span_at(laid: Laid, number: int, piece_s: float) -> Span | None:
    """The interval of that number; beyond one without end its pieces, counted on."""
    final = laid.endless
    if final is None or number < final.number:
        return laid.span(number)
    start_s = final.start_s + (number - final.number) * piece_s
    return Span(number, final.id, start_s, start_s + piece_s)


def spans(laid: Laid, descriptor: ReportDescriptor, one: Due, piece_s: float) -> tuple[Span, ...]:
    """What the report is about, in order, sub-intervals where the VTN asks for them; nothing that no calendar can tell."""
    found: list[Span] = []
    for number in range(max(one.first, one.last - MOST_SPANS + 1), one.last + 1):
        span = span_at(laid, number, piece_s)
        if span is None or span.start_s >= LAST_S:
            break
        if descriptor.report_intervals == "INTERVALS":
            found.append(span)
        else:
            start_s = span.start_s
            while start_s < span.end_s and len(found) < MOST_SPANS:
                end_s = min(start_s + SUB_S, span.end_s)
                found.append(Span(number, span.id, start_s, end_s))
                start_s = end_s
    return tuple(found[-MOST_SPANS:] if descriptor.historical else found[:MOST_SPANS])
