"""What will be in force of the modes that only tell: prices are worth something before they hold.

By rule 0, as :mod:`grid_functions.timeline.force` does for now: of events that overlap the strongest tells, the others before and after it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from grid_functions.model.claim import InForce
from grid_functions.model.control import Control, Mode, mode_of
from grid_functions.model.instants import Moment
from grid_functions.model.modes import PRICE_MODES
from grid_functions.spans import Span, joined, left
from grid_functions.timeline.contest import contends, strength
from grid_functions.timeline.draft import Draft
from grid_functions.timeline.force import of_event
from grid_functions.timeline.state import Phase, Tracked
from grid_functions.timeline.windows import FOREVER, end_s, modes_of


def foresee(draft: Draft) -> None:
    """Keep what is told ahead up to date, at the price of the events that changed."""
    first = draft.state.run is None
    changed = frozenset(draft.events) if first else draft.touched
    tells = frozenset(name for name in changed if name in draft.events and _tells(draft.events[name]))
    telling = (draft.run.telling - changed) | tells
    if first or changed & (draft.run.telling | tells):
        ahead = sorted(_ahead(draft, telling), key=lambda one: (mode_of(one.control), one.since.at_s))
        draft.run = replace(draft.run, telling=telling, ahead=tuple(ahead))


def _tells(tracked: Tracked) -> bool:
    return tracked.phase is not Phase.DONE and not PRICE_MODES.isdisjoint(modes_of(tracked.event))


def _ahead(draft: Draft, names: Iterable[str]) -> Iterator[InForce]:
    taken: dict[Mode, list[Span]] = {}
    live = [one for one in map(draft.events.__getitem__, names) if one.away_s is None and not one.event.test]
    for tracked in sorted(live, key=strength, reverse=True):
        allowed = contends(tracked, draft.policy.opt_out) & PRICE_MODES
        mine: dict[Mode, list[Span]] = {}
        for span, control in _stretches(tracked):
            mode = mode_of(control)
            if mode not in allowed:
                continue
            mine.setdefault(mode, []).append(span)
            for start, end in left(span, taken.get(mode, [])):
                clock = draft.policy.clock
                told = of_event(draft, tracked, control, tracked.event.addressees, end, None)
                yield replace(told, since=Moment(clock, start))
        for mode, spans in mine.items():
            taken[mode] = joined([*taken.get(mode, []), *spans])


def _stretches(tracked: Tracked) -> Iterator[tuple[Span, Control]]:
    event = tracked.event
    begin = event.start_s + tracked.start_draw_s if tracked.begin_s is None else tracked.begin_s
    end = end_s(tracked, begin)
    for interval in event.intervals:
        start = begin + interval.offset_s
        last = FOREVER if interval.duration_s is None or len(event.intervals) == 1 else start + interval.duration_s
        if start < min(last, end):
            for control in interval.controls:
                yield (start, min(last, end)), control
