"""Revises the plan of starts: a change costs what it moves, not what there is.

Two relations bind events, and both are local. A window leans on the ends of earlier events of its program and mode. A mode is held at a
start by the last stronger event that began by then, if it still lasts (rule 0): whoever began before that one was unseated by it, and
whoever comes later is not there yet.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any, Final, TypeVar

from grid_functions.model.control import Mode
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut
from grid_functions.timeline.contest import Defeat, dropped, field_of, strength
from grid_functions.timeline.layers import changed
from grid_functions.timeline.plan import Field, Place, Plan, Row, Start, Strength
from grid_functions.timeline.state import Phase, Tracked
from grid_functions.timeline.windows import FOREVER, MOST_RANDOM_S, end_s, modes_of, nominal_end_s

K = TypeVar("K")
V = TypeVar("V")


def revised(
    plan: Plan,
    events: Mapping[str, Tracked],
    behind: Iterable[str],
    opt_out: OptOut,
    now_s: float,
    *,
    final: bool,
) -> tuple[Plan, list[Defeat]]:
    """The plan once the events named ``behind`` are as they are now, and what is lost on discovery through that.

    ``final``: what is lost is lost for good; else nobody is beaten before it starts. Whoever is told a defeat commits it and revises again.
    """
    made = _Revision(plan, events, opt_out, now_s)
    made.move(behind)
    defeats = made.defeats() if final else []
    return made.plan(), defeats


def is_leant_on(plan: Plan, tracked: Tracked, modes: Iterable[Mode]) -> bool:
    """Whether a start to come waits for this event's end in one of these modes."""
    if tracked.begin_s is None:
        return True
    end, nominal = end_s(tracked, tracked.begin_s), nominal_end_s(tracked.event)
    for mode in modes:
        starts = plan.starts.get((tracked.event.program, mode), ())
        for index in range(bisect_left(starts, (nominal, "")), len(starts)):
            if starts[index][0] > max(nominal, end + MOST_RANDOM_S):
                break
            row = plan.rows[starts[index][1]]
            if row.leans and row.begin_s == end:
                return True
    return False


class _Revision:
    """A plan being revised; each index is copied when it is first touched."""

    def __init__(self, plan: Plan, events: Mapping[str, Tracked], opt_out: OptOut, now_s: float) -> None:
        self._plan = plan
        self._events = events
        self._opt_out = opt_out
        self._now_s = now_s
        self._rows: dict[str, Row | None] = {}
        self._agenda: list[Start] | None = None
        self._starts: dict[Place, list[tuple[float, str]]] = {}
        self._ends: dict[Place, list[tuple[float, float, str]]] = {}
        self._stretches: dict[Field, list[tuple[float, str]]] = {}
        self._late_s: dict[Place, float] = {}
        self._reaches: dict[Place, _Reach] = {}
        self._walks: dict[Place, _Walk] = {}
        self._walking: list[tuple[float, str, Place, float]] = []

    def move(self, behind: Iterable[str]) -> None:
        """Place these anew, and whoever leans on them: in the order of starts, for an event leans on earlier ones only."""
        # Nearly all of a large queue is known before, and to sort that once takes half of what a heap of it does.
        queue = sorted({(at_s, name) for name in behind for at_s in self._starts_of(name)}, reverse=True)
        while queue or self._walking:
            if self._walking and (not queue or self._walking[0][:2] < queue[-1]):
                at_s, name = self._walk()
                if not name:
                    continue
            else:
                at_s, name = queue.pop()
            old, new = self._row(name), self._made(name, at_s)
            if new == old:
                continue
            self._put(name, old, new)
            for row in (old, new):
                if row is not None and row.pushes and (old is None or new is None or _push(old) != _push(new)):
                    for place in row.places:
                        heappush(self._walking, (row.nominal_s, "", place, row.end_s))

    def defeats(self) -> list[Defeat]:
        """Waiting events whose mode another will hold, or holds, at their own start."""
        moved = {name for name, new in self._rows.items() if _stretch(self._plan.rows.get(name)) != _stretch(new)}
        touched: dict[Field, list[tuple[float, Strength]]] = {}
        for name in moved:
            for row in (self._plan.rows.get(name), self._rows[name]):
                if row is not None:
                    for place in row.fields:
                        touched.setdefault(place, []).append((row.takes_s, row.strength))
        return [one for place, at in touched.items() for one in self._swept(place, at, moved)]

    def plan(self) -> Plan:
        """The plan as it is now."""
        before = self._plan
        return replace(
            before,
            agenda=before.agenda if self._agenda is None else tuple(self._agenda),
            rows=changed(before.rows, self._rows),
            starts=_joined(before.starts, self._starts),
            ends=_joined(before.ends, self._ends),
            late_s={**before.late_s, **self._late_s},
            stretches=_joined(before.stretches, self._stretches),
        )

    def _row(self, name: str) -> Row | None:
        return self._rows[name] if name in self._rows else self._plan.rows.get(name)

    def _starts_of(self, name: str) -> Iterator[float]:
        tracked, row = self._events.get(name), self._plan.rows.get(name)
        if tracked is not None:
            yield tracked.event.start_s
        if row is not None:
            yield row.start_s

    def _made(self, name: str, at_s: float) -> Row | None:
        """Its row, None where it has no part in what is to come: neither waiting, nor running, nor an end to lean on.

        Nor while the walk through time is at ``at_s`` and it starts later.
        """
        tracked = self._events.get(name)
        if tracked is None or tracked.away_s is not None or tracked.event.start_s > at_s:
            return None
        event, begin, leans = tracked.event, tracked.begin_s, False
        waits = tracked.phase is Phase.WAITING
        # what is cancelled, superseded or expired moves nobody
        ran = begin is not None and tracked.told in (None, OutcomeKind.COMPLETED)
        runs = begin is not None and tracked.phase is Phase.RUNNING
        if not waits and not ran and not runs:
            return None
        modes = sorted(modes_of(event) - tracked.lost)
        places = tuple((event.program, mode) for mode in modes) if waits or ran else ()
        own = event.start_s + tracked.start_draw_s
        if waits or begin is None:
            begin, leans = self._begin(event.start_s, own, places)
        out = dropped(tracked, self._opt_out)
        return Row(
            start_s=event.start_s,
            own_s=own,
            begin_s=begin,
            end_s=end_s(tracked, begin),
            nominal_s=nominal_end_s(event),
            waits=waits,
            leans=leans,
            pushes=(event.duration_s or 0.0) > 0 and (waits or ran),
            places=places,
            fields=tuple(field_of(tracked, mode) for mode in modes if mode not in out) if waits or runs else (),
            strength=strength(tracked),
        )

    def _begin(self, start_s: float, own_s: float, places: Iterable[Place]) -> tuple[float, bool]:
        """The effective start, and whether it leans on an end.

        Randomisation makes neither gap nor overlap between events of one program and mode (IEEE 2030.5, randomisation of events): one
        that nominally starts where another ends starts at that one's effective end; one that nominally starts later starts no earlier
        than that end.
        """
        touching, latest = -FOREVER, own_s
        for place in places:
            reach = self._reach(place, start_s)
            touching, latest = max(touching, reach.touching_s), max(latest, reach.before_s)
        if touching > -FOREVER:
            return touching, True
        return latest, latest != own_s

    def _reach(self, place: Place, start_s: float) -> "_Reach":
        """How far the ends of a place reach that nominally lie at a start or before it. Each is looked at once: starts come in order."""
        known = self._reaches.get(place)
        if known is not None and known.at_s == start_s:
            return known
        ends = _seen(self._ends, self._plan.ends, place)
        # no draw begins an hour before its start, and no end is later behind its nominal one
        from_s = start_s - MOST_RANDOM_S - self._late_s.get(place, self._plan.late_s.get(place, 0.0))
        if known is not None and from_s <= known.at_s < start_s:
            before, first = max(known.before_s, known.touching_s), bisect_right(ends, (known.at_s, FOREVER, _LAST))
        else:
            before, first = -FOREVER, bisect_left(ends, (from_s, -FOREVER, ""))
        at = bisect_left(ends, (start_s, -FOREVER, ""), first)
        after = bisect_right(ends, (start_s, FOREVER, _LAST), at)
        reach = _Reach(start_s, max(before, _latest(ends[first:at])), _latest(ends[at:after]))
        self._reaches[place] = reach
        return reach

    def _walk(self) -> tuple[float, str]:
        """One pace of a walk along the starts that may begin otherwise because of an end: who is to be placed anew, "" = nobody.

        Ends that are met on the way are walked from together.
        """
        at_s, name, place, reach_s = heappop(self._walking)
        walk = self._walks.get(place)
        if name:
            assert walk is not None
            row = self._row(name)
            leans = row is not None and (row.own_s < walk.reach_s or at_s == walk.touch_s)
            self._go_on(place, walk, at_s, name)
            return at_s, name if leans else ""
        until_s = max(at_s, reach_s + MOST_RANDOM_S)
        if walk is not None and at_s <= walk.until_s:
            self._walks[place] = _Walk(max(walk.until_s, until_s), max(walk.reach_s, reach_s), at_s)
        else:
            walk = self._walks[place] = _Walk(until_s, reach_s, at_s)
            self._go_on(place, walk, at_s, "")
        return at_s, ""

    def _go_on(self, place: Place, walk: "_Walk", at_s: float, name: str) -> None:
        starts = _seen(self._starts, self._plan.starts, place)
        index = bisect_right(starts, (at_s, name))
        if index < len(starts) and starts[index][0] <= walk.until_s:
            heappush(self._walking, (*starts[index], place, 0.0))
        else:
            del self._walks[place]

    def _put(self, name: str, old: Row | None, new: Row | None) -> None:
        self._rows[name] = new
        if self._agenda is None:
            self._agenda = list(self._plan.agenda)
        for row, edit in ((old, _remove), (new, insort)):
            if row is None:
                continue
            if row.waits:
                edit(self._agenda, Start(row.begin_s, name, row.end_s))
            for place in row.places:
                if row.waits:
                    edit(_mine(self._starts, self._plan.starts, place), (row.start_s, name))
                if row.pushes:
                    edit(_mine(self._ends, self._plan.ends, place), (row.nominal_s, row.end_s, name))
                    known = self._late_s.get(place, self._plan.late_s.get(place, 0.0))
                    self._late_s[place] = max(known, row.end_s - row.nominal_s)
                    if place in self._reaches and row.nominal_s <= self._reaches[place].at_s:
                        del self._reaches[place]
            for one in row.fields:
                edit(_mine(self._stretches, self._plan.stretches, one), (row.takes_s, name))

    def _swept(
        self, place: Field, touched: Sequence[tuple[float, Strength]], moved: Collection[str]
    ) -> Iterator[Defeat]:
        """Who is beaten there, now that rows of that strength came, went or moved at these times.

        From each of them on whoever begins meets who holds, until one that did not move takes the field: it took it before, too, and from
        there on all is as it was. Nothing that is beaten holds, so nobody need be looked at twice.
        """
        stretches = _seen(self._stretches, self._plan.stretches, place)
        begun = bisect_right(stretches, (self._now_s, _LAST))
        beaten, index = set[str](), 0
        strongest = max((one for at_s, one in touched if at_s <= self._now_s), default=None)
        for at_s in sorted({at_s for at_s, _ in touched}):
            first = 0 if at_s <= self._now_s else bisect_left(stretches, (at_s, ""))
            if first < index:
                continue
            index, holder = first, self._holder(stretches, first, begun, beaten)
            while index < len(stretches):
                begin = self._now_s if index < begun else stretches[index][0]
                last = begun if index < begun else bisect_right(stretches, (begin, _LAST), index)
                beginning = [(row, name) for _, name in stretches[index:last] if (row := self._row(name)) is not None]
                lasting = [one for one in beginning if one[0].end_s > begin]
                if holder is not None and holder[0].end_s > begin:
                    lasting.append(holder)
                holder = max(lasting, key=_strength, default=None)
                if holder is None:
                    index = last
                    continue
                winner, by = holder
                for row, name in beginning:
                    # what is due already and met nothing new meets its winner when that starts
                    meets = index >= begun or (strongest is not None and row.strength <= strongest)
                    if row.waits and meets and row.end_s > self._now_s and row.strength < winner.strength:
                        beaten.add(name)
                        yield Defeat(name, place[0], by)
                stood = index >= begun and any(
                    name not in moved and name not in beaten for row, name in beginning if row.end_s > begin
                )
                index = last
                if stood:
                    break

    def _holder(
        self, stretches: Sequence[tuple[float, str]], before: int, begun: int, beaten: Collection[str]
    ) -> tuple[Row, str] | None:
        """Who took the field last of those that begin before that index: nobody holds it who is not the last to take it."""
        for index in range(before - 1, begun - 1, -1):
            begin, name = stretches[index]
            row = self._row(name)
            if row is not None and row.end_s > begin and name not in beaten:
                return row, name
        rows = [(row, name) for _, name in stretches[: min(before, begun)] if (row := self._row(name)) is not None]
        return max((one for one in rows if one[0].end_s > self._now_s), key=_strength, default=None)


@dataclass(frozen=True, slots=True)
class _Reach:
    """The latest effective end of those that nominally lie before a start, and of those that lie at it."""

    at_s: float
    before_s: float
    touching_s: float


@dataclass(frozen=True, slots=True)
class _Walk:
    """Along the starts of a place up to ``until_s``; the ends it began with reach to ``reach_s``, the last of them lies at ``touch_s``."""

    until_s: float
    reach_s: float
    touch_s: float


_LAST: Final = chr(0x10FFFF)


def _strength(one: tuple[Row, str]) -> Strength:
    return one[0].strength


def _latest(ends: Iterable[tuple[float, float, str]]) -> float:
    return max((end for _, end, _ in ends), default=-FOREVER)


def _push(row: Row) -> tuple[object, ...]:
    return row.nominal_s, row.end_s, row.places, row.pushes


def _stretch(row: Row | None) -> tuple[object, ...] | None:
    return None if row is None else (row.begin_s, row.end_s, row.waits, row.fields, row.strength)


def _remove(from_: list[Any], what: Any) -> None:
    del from_[bisect_left(from_, what)]


def _seen(own: Mapping[K, list[V]], before: Mapping[K, tuple[V, ...]], key: K) -> Sequence[V]:
    return own[key] if key in own else before.get(key, ())


def _mine(own: dict[K, list[V]], before: Mapping[K, tuple[V, ...]], key: K) -> list[V]:
    if key not in own:
        own[key] = list(before.get(key, ()))
    return own[key]


def _joined(before: Mapping[K, tuple[V, ...]], own: Mapping[K, list[V]]) -> Mapping[K, tuple[V, ...]]:
    merged = {**before, **{key: tuple(value) for key, value in own.items()}}
    return {key: value for key, value in merged.items() if value}
