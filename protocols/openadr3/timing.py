"""When an event's intervals hold: the timing rules of OpenADR 3 (3.1.0, intervalPeriod, event.duration; User Guide, "intervals").

- An interval's own period overrides the event's, field by field; a later interval without a start follows the one before it.
- A start in the year 1, or none at all, is now (the first) or follows the one before (the others); P9999Y is for ever.
- event.duration longer than the intervals repeats them, shorter cuts them.
- n values of one payload are n equal parts of its interval.
- randomizeStart moves the first start by as much as the range either way, and all that follows by the same; an interval with a
  range of its own begins a stretch of its own.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.wire.moments import FOREVER, NOW
from protocols.openadr3.wire.objects import Event, Interval, Period, Point, Value, Values

MOST_PIECES: Final = 2_000
"""A repeated schedule is laid out only so far ahead; see :func:`block`."""

HORIZON_S: Final = 14 * 86_400.0
"""How far ahead, if the pieces allow."""

WIDEST_S: Final = 1_800.0
"""Randomisation either way. The timeline draws from windows of an hour at most, so this is half of one."""

SHORTEST_LOOP_S: Final = 1.0

MOST_VALUES: Final = 20_000
"""Of an event's intervals together."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which one set of values holds.

    ``id``: of the interval it is of; ``offset_s``: after the schedule's start; ``duration_s``: None = without end.
    """

    id: int
    offset_s: float
    duration_s: float | None
    values: tuple[tuple[str, Value | tuple[Value, ...]], ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What holds when, with one drawn shift. ``random_s``: the start moves by as much either way."""

    start_s: float
    duration_s: float | None
    random_s: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """One interval as it will be: its number in the event's order, from 0 and on through every repetition."""

    number: int
    id: int
    start_s: float
    end_s: float


def is_cancelled(event: Event) -> bool:
    """A start of now and a duration of nothing, both spelled out: the event is called off.

    Interpretation: a duration that is left out is without end, though the schema's default is PT0S as well: a VTN that means "now,
    for ever" and leaves out what it may leave out must not be read as one that calls off.
    """
    periods = [one.period for one in event.intervals if one.period is not None and one.period.start_s is not None]
    if not periods:
        return event.period is not None and event.period.start_s == NOW and event.period.duration_s == 0.0
    base = event.period or Period()
    return all(
        one.start_s == NOW and (one.duration_s if one.duration_s is not None else base.duration_s) == 0.0
        for one in periods
    ) and len(periods) == len(event.intervals)


def is_now(event: Event) -> bool:
    """Whether the event starts when it is first seen."""
    first = event.intervals[0].period if event.intervals else None
    start = first.start_s if first is not None and first.start_s is not None else None
    start = start if start is not None else (event.period or Period()).start_s
    return start is None or start == NOW


def block(event: Event, now_s: float, anchor_s: float) -> int:
    """Which part of an endless repetition is laid out now: 0, and one more each time half of what lies ahead has passed.

    MalformedMessage as :func:`schedules`.
    """
    if not event.duration_s:
        return 0
    stretches = _stretches(event, anchor_s)
    _, period_s, loops = _repetition(event, stretches)
    if loops <= 1 or not stretches:
        return 0
    done = math.floor((now_s - stretches[0].start_s) / period_s)
    return max(0, done) // _stride(stretches, period_s)


def schedules(event: Event, now_s: float, anchor_s: float) -> tuple[Schedule, ...]:
    """The event's intervals in time. ``anchor_s``: when it was first seen, which is what "now" means.

    Repetitions are laid out from the block before the present one to the one after it. Raises MalformedMessage for intervals that
    cannot be laid out.
    """
    stretches = _stretches(event, anchor_s)
    if not stretches:
        return ()
    total_s, period_s, loops = _repetition(event, stretches)
    begin_s = stretches[0].start_s
    stop_s = begin_s + total_s
    first, last = 0, 1
    if loops > 1:
        stride = _stride(stretches, period_s)
        here = block(event, now_s, anchor_s)
        first, last = max(0, (here - 1) * stride), int(min(loops, (here + 2) * stride))
    laid: dict[int, list[tuple[float, float, Interval]]] = {}
    for loop in range(first, last):
        shift_s = loop * period_s if loop else 0.0
        for one in stretches:
            start_s = one.start_s + shift_s
            end_s = min(one.end_s + shift_s, stop_s)
            if end_s > start_s:
                laid.setdefault(one.part, []).append((start_s, end_s, one.interval))
    parts: dict[int, _Stretch] = {}
    for one in stretches:
        parts.setdefault(one.part, one)
    return tuple(_schedule(parts[part], found, stop_s, alone=len(parts) == 1) for part, found in sorted(laid.items()))


class Laid:
    """An event's intervals in their places, worked out once for all that is asked of them. Raises as :func:`schedules`.

    ``last``: the number of the last interval, None when there is none or no last one; ``endless``: the one that never ends.
    """

    __slots__ = ("_loops", "_period_s", "_stop_s", "_stretches", "endless", "last")

    def __init__(self, event: Event, anchor_s: float) -> None:
        self._stretches = _stretches(event, anchor_s)
        total_s, self._period_s, self._loops = _repetition(event, self._stretches)
        self._stop_s = self._stretches[0].start_s + total_s if self._stretches else 0.0
        first = map(self.span, reversed(range(len(self._stretches))))
        self.endless: Span | None = next((one for one in first if one is not None and one.end_s == FOREVER), None)
        self.last: int | None = self._last(total_s) if self._stretches and self.endless is None else None

    def span(self, number: int) -> Span | None:
        """The interval of that number, repetitions counted on; None beyond the last."""
        if not self._stretches or number < 0:
            return None
        loop, index = divmod(number, len(self._stretches))
        if loop >= self._loops:
            return None
        one = self._stretches[index]
        shift_s = loop * self._period_s if loop else 0.0
        end_s = min(one.end_s + shift_s, self._stop_s)
        return Span(number, one.interval.id, one.start_s + shift_s, end_s) if end_s > one.start_s + shift_s else None

    def _last(self, total_s: float) -> int | None:
        if math.isinf(self._loops) or math.isinf(total_s):
            return None
        shift_s = (self._loops - 1) * self._period_s if self._loops > 1 else 0.0
        ends = [index for index, one in enumerate(self._stretches) if one.start_s + shift_s < self._stop_s]
        return int(self._loops - 1) * len(self._stretches) + max(ends, default=0)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One interval in its place. ``part``: how many randomised starts came before it."""

    start_s: float
    end_s: float
    interval: Interval
    part: int
    random_s: float


def _stretches(event: Event, anchor_s: float) -> list[_Stretch]:
    if sum(len(payload.values) for interval in event.intervals for payload in interval.payloads) > MOST_VALUES:
        raise MalformedMessage(f"more than {MOST_VALUES} values")
    if sum(_parts(interval) * len(interval.payloads) for interval in event.intervals) > MOST_VALUES:
        raise MalformedMessage(f"parted among their values, the intervals have more than {MOST_VALUES} of them")
    base = event.period or Period()
    found: list[_Stretch] = []
    part, random_s = 0, _range(base.randomize_s)
    end_s = anchor_s
    for index, interval in enumerate(event.intervals):
        own = interval.period or Period()
        start_s = own.start_s if own.start_s is not None else (base.start_s if not found else None)
        if start_s is None or start_s == NOW:
            if end_s == FOREVER:
                raise MalformedMessage(f"interval {interval.id} follows one that never ends")
            start_s = end_s if found else anchor_s
        span_s = own.duration_s if own.duration_s is not None else base.duration_s
        if not span_s:
            span_s = _open_s(event.intervals, index, start_s)
        if own.randomize_s is not None:
            part, random_s = part + bool(found), _range(own.randomize_s)
        end_s = start_s + span_s
        found.append(_Stretch(start_s, end_s, interval, part, random_s))
    return sorted(found, key=lambda one: one.start_s)


def _open_s(intervals: Sequence[Interval], index: int, start_s: float) -> float:
    """How long an interval without a duration lasts: to the next one's start, else without end."""
    if index + 1 == len(intervals):
        return FOREVER
    following = intervals[index + 1].period
    if following is None or following.start_s is None or following.start_s == NOW:
        raise MalformedMessage(f"interval {intervals[index].id} has no duration, and another follows it")
    return max(0.0, following.start_s - start_s)


def _range(randomize_s: float | None) -> float:
    return min(randomize_s or 0.0, WIDEST_S)


def _repetition(event: Event, stretches: Sequence[_Stretch]) -> tuple[float, float, float]:
    """How long all of it lasts, how long the intervals last once, and how often they come."""
    if not stretches:
        return 0.0, 0.0, 1.0
    once_s = max(one.end_s for one in stretches) - stretches[0].start_s
    wanted_s = event.duration_s
    if not wanted_s or once_s == FOREVER:
        return (wanted_s or once_s), once_s, 1.0
    if wanted_s <= once_s:
        return wanted_s, once_s, 1.0
    if once_s < SHORTEST_LOOP_S:
        raise MalformedMessage(f"intervals of {once_s} s cannot be repeated")
    return wanted_s, once_s, wanted_s if wanted_s == FOREVER else float(math.ceil(wanted_s / once_s))


def _stride(stretches: Sequence[_Stretch], period_s: float) -> int:
    """How many repetitions make a block."""
    pieces = sum(_parts(one.interval) for one in stretches)
    return max(1, min(MOST_PIECES // pieces // 3, math.ceil(HORIZON_S / period_s)))


def _schedule(
    first: _Stretch, laid: Sequence[tuple[float, float, Interval]], stop_s: float, *, alone: bool
) -> Schedule:
    """``first``: of the stretches that move together; ``alone``: there are no others."""
    begin_s = first.start_s
    end_s = stop_s if alone or stop_s == FOREVER else max(end for _, end, _ in laid)
    pieces = [piece for start_s, end, interval in laid for piece in _pieces(interval, start_s - begin_s, end - start_s)]
    return Schedule(
        start_s=begin_s,
        duration_s=None if end_s == FOREVER else end_s - begin_s,
        random_s=first.random_s,
        pieces=tuple(sorted(pieces, key=lambda one: one.offset_s)),
    )


def _pieces(interval: Interval, offset_s: float, span_s: float) -> Iterator[Piece]:
    """An interval, cut wherever one of its payloads has its next value."""
    counts = set(map(_count, interval.payloads)) or {1}
    if span_s == FOREVER:
        if counts != {1}:
            raise MalformedMessage(f"interval {interval.id} never ends and cannot be parted among several values")
        values = tuple((payload.type, _at(payload, 0.0)) for payload in interval.payloads)
        yield Piece(interval.id, offset_s, None, values)
        return
    cuts = sorted({index / count for count in counts for index in range(count + 1)})
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        values = tuple((payload.type, _at(payload, middle)) for payload in interval.payloads)
        yield Piece(interval.id, offset_s + low * span_s, (high - low) * span_s, values)


def _parts(interval: Interval) -> int:
    """Into how many pieces an interval is cut, at most."""
    return sum({_count(payload) for payload in interval.payloads}) or 1


def _count(payload: Values) -> int:
    return 1 if _is_whole(payload) else max(1, len(payload.values))


def _is_whole(payload: Values) -> bool:
    """Whether all the values are one: the points of a curve, the words of an alert."""
    return payload.type.startswith("ALERT_") or any(isinstance(one, Point) for one in payload.values)


def _at(payload: Values, share: float) -> Value | tuple[Value, ...]:
    """What holds at this share of the interval."""
    if _is_whole(payload) or not payload.values:
        return payload.values
    return payload.values[min(int(share * len(payload.values)), len(payload.values) - 1)]
