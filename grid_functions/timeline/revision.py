"""Revises the plan of starts: a change costs what it moves, not what there is.

Two relations bind events, and both are local. A window leans on the ends of earlier events of its program and mode. A mode is held at a
start by the last stronger event that began by then, if it still lasts (rule 0): whoever began before that one was unseated by it, and
whoever comes later is not there yet.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
        self._longest_s: dict[Field, float] = {}
        self._beaten: set[tuple[str, Field]] = set()

    def move(self, behind: Iterable[str]) -> None:
        """Place these anew, and whoever leans on them: in the order of starts, for an event leans on earlier ones only."""
        # Nearly all of a large queue is known before, and to sort that once takes half of what a heap of it does.
        queue, later = sorted(((self._first_s(name), name) for name in behind), reverse=True), list[tuple[float, str]]()
        while queue or later:
            _, name = heappop(later) if later and (not queue or later[0] < queue[-1]) else queue.pop()
            old, new = self._row(name), self._made(name)
            if new == old:
                continue
            self._put(name, old, new)
            for row in (old, new):
                if row is not None and row.pushes and (old is None or new is None or _push(old) != _push(new)):
                    for each in self._leaning(row):
                        heappush(later, each)

    def defeats(self) -> list[Defeat]:
        """Waiting events whose mode another will hold, or holds, at their own start. Strongest first, so what is beaten beats nobody."""
        asked: dict[Field, dict[str, Strength]] = {}
        for name, new in self._rows.items():
            old = self._plan.rows.get(name)
            if _stretch(old) != _stretch(new):
                for row in (one for one in (old, new) if one is not None):
                    for place in row.fields:
                        asked.setdefault(place, {}).update(self._ask(place, row))
        found = []
        for place, strengths in asked.items():
            queue, later = sorted((strength, name) for name, strength in strengths.items()), list[_Weaker]()
            seen, awaited = set[str](), set(strengths)
            while queue or later:
                sooner = later and (not queue or later[0].strength > queue[-1][0])
                name = heappop(later).name if sooner else queue.pop()[1]
                mine = self._row(name)
                if name in seen or mine is None or not mine.waits or mine.end_s <= self._now_s:
                    continue
                seen.add(name)
                winner = self._holder(place, mine)
                if winner is not None:
                    found.append(Defeat(name, place[0], winner))
                    self._beaten.add((name, place))
                    for other, strength in self._ask(place, mine):
                        if other not in awaited:
                            awaited.add(other)
                            heappush(later, _Weaker(strength, other))
        return found

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
            longest_s={**before.longest_s, **self._longest_s},
        )

    def _row(self, name: str) -> Row | None:
        return self._rows[name] if name in self._rows else self._plan.rows.get(name)

    def _first_s(self, name: str) -> float:
        tracked, row = self._events.get(name), self._plan.rows.get(name)
        return min(
            FOREVER if tracked is None else tracked.event.start_s,
            FOREVER if row is None else row.start_s,
        )

    def _made(self, name: str) -> Row | None:
        """Its row, None where it has no part in what is to come: neither waiting, nor running, nor an end to lean on."""
        tracked = self._events.get(name)
        if tracked is None or tracked.away_s is not None:
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
            ends = _seen(self._ends, self._plan.ends, place)
            late_s = self._late_s.get(place, self._plan.late_s.get(place, 0.0))
            for index in range(bisect_right(ends, (start_s, FOREVER, "")) - 1, -1, -1):
                nominal, effective, _ = ends[index]
                if nominal == start_s:
                    touching = max(touching, effective)
                elif nominal + late_s <= own_s:
                    break
                latest = max(latest, effective)
        if touching > -FOREVER:
            return touching, True
        return latest, latest != own_s

    def _leaning(self, row: Row) -> Iterator[tuple[float, str]]:
        """Who may begin otherwise because of this row's end."""
        for place in row.places:
            starts = _seen(self._starts, self._plan.starts, place)
            for index in range(bisect_left(starts, (row.nominal_s, "")), len(starts)):
                start, name = starts[index]
                if start > max(row.nominal_s, row.end_s + MOST_RANDOM_S):
                    break
                other = self._row(name)
                if other is not None and (start == row.nominal_s or other.own_s < row.end_s):
                    yield start, name

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
            for one in row.fields:
                edit(_mine(self._stretches, self._plan.stretches, one), (row.begin_s, name))
                longest = self._longest_s.get(one, self._plan.longest_s.get(one, 0.0))
                self._longest_s[one] = max(longest, row.end_s - row.begin_s)

    def _ask(self, place: Field, row: Row) -> Iterator[tuple[str, Strength]]:
        """Whose start may be held by another now that this row came, went or moved: those that begin while it lasts, or while one lasts
        that it unseated or would have."""
        until, best = row.end_s, row.strength
        for other in self._before(place, row.begin_s):
            if other.end_s > row.begin_s:
                until, best = max(until, other.end_s), max(best, other.strength)
        stretches = _seen(self._stretches, self._plan.stretches, place)
        first = 0 if row.begin_s <= self._now_s else bisect_left(stretches, (row.begin_s, ""))
        for index in range(first, len(stretches)):
            begin, name = stretches[index]
            if begin > max(until, self._now_s):
                break
            other_row = self._row(name)
            if other_row is not None and other_row.waits and other_row.strength <= best:
                yield name, other_row.strength

    def _before(self, place: Field, at_s: float) -> Iterator[Row]:
        """Those that began by then and may last beyond it, the latest first."""
        stretches = _seen(self._stretches, self._plan.stretches, place)
        longest = self._longest_s.get(place, self._plan.longest_s.get(place, 0.0))
        for index in range(bisect_right(stretches, (at_s, _LAST)) - 1, -1, -1):
            begin, name = stretches[index]
            if begin + longest < at_s and begin > self._now_s:
                return
            row = self._row(name)
            if row is not None:
                yield row

    def _holder(self, place: Field, mine: Row) -> str | None:
        """Who holds that at its start: the last stronger one that began by then, if it lasts. What began by now begins now."""
        probe = max(mine.begin_s, self._now_s)
        stretches = _seen(self._stretches, self._plan.stretches, place)
        longest = self._longest_s.get(place, self._plan.longest_s.get(place, 0.0))
        strongest: tuple[Strength, float, str] | None = None
        for index in range(bisect_right(stretches, (probe, _LAST)) - 1, -1, -1):
            begin, name = stretches[index]
            row = self._row(name)
            if row is None or row.strength <= mine.strength or (name, place) in self._beaten:
                pass
            elif row.end_s <= max(begin, self._now_s):
                pass  # it never holds
            elif begin > self._now_s:
                return name if row.end_s > probe else None
            elif strongest is None or row.strength > strongest[0]:
                strongest = (row.strength, row.end_s, name)
            if begin + longest <= probe and begin > self._now_s:
                return None
        return strongest[2] if strongest is not None and strongest[1] > probe else None


class _Weaker:
    """Turns the order: the stronger comes first."""

    __slots__ = ("name", "strength")

    def __init__(self, of: Strength, name: str) -> None:
        self.strength = of
        self.name = name

    def __lt__(self, other: "_Weaker") -> bool:
        return self.strength > other.strength


_LAST: Final = chr(0x10FFFF)


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
