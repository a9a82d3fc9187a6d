"""One mirror: the averages not yet told, where they go, and when (IEEE 2030.5-2018 clause 10.12.5).

Its intervals are the server's postRate in whole minutes, on whole multiples of it in server time. What an outage held back is told
afterwards; what is older than a day is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from grid_functions.model.ports import Dice
from grid_functions.model.reading import Average, Metered, MeterKey
from protocols.ieee2030_5.session import polling
from protocols.ieee2030_5.translate.mirror import Mean, Period, is_mirrored

MINUTE_S = 60
MOST_MINUTES = 1440
"""Minutes kept for a server that does not take them."""

MOST_PERIODS = 24
"""In one post; what is left follows."""

DEFAULT_S = 300
"""postRate where neither mirror nor EndDevice gives one: the rate of the Australian handbooks."""

_LATE_S = 15.0
_BUSY = frozenset({408, 429})
_DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Mirror:
    """``minutes``: averages by the minute's start in server time; ``url``: where they go, empty = not known or not made yet;
    ``every_s``: the adopted postRate; ``told_s``: everything before was told; ``until_s``: what the post under way tells up to,
    None = it makes the mirror; ``gone_s``: when its address was found deleted, monotonic."""

    part: Metered
    minutes: Mapping[int, tuple[Average, ...]] = field(default_factory=dict)
    url: str = ""
    every_s: int = DEFAULT_S
    told_s: int = 0
    until_s: int | None = None
    asked: int | None = None
    due_s: float | None = None
    failures: int = 0
    gone_s: float = float("-inf")

    @property
    def keys(self) -> frozenset[MeterKey]:
        """What is measured."""
        return frozenset((one.quantity, one.phase) for minute in self.minutes.values() for one in minute)


def heard(mirror: Mirror, averages: Iterable[Average], ahead_s: float) -> Mirror:
    """Keep these minutes. ``ahead_s``: server time less our UTC.

    Interpretation: where the server's minutes are not ours, a minute is told as the nearest of the server's.
    """
    minutes = dict(mirror.minutes)
    for one in averages:
        start = round((one.start_s + ahead_s) / MINUTE_S) * MINUTE_S
        if one.of is mirror.part and is_mirrored((one.quantity, one.phase)) and start >= mirror.told_s:
            minutes[start] = (*(kept for kept in minutes.get(start, ()) if _key(kept) != _key(one)), one)
    if minutes == mirror.minutes:
        return mirror
    return replace(mirror, minutes={start: minutes[start] for start in sorted(minutes)[-MOST_MINUTES:]})


def paced(
    mirror: Mirror, rate: int | None, floor_s: float, ceiling_s: float, server_s: float, mono_s: float, dice: Dice
) -> Mirror:
    """Adopt a postRate, as whole minutes within the floor and ceiling."""
    asked = min(max(DEFAULT_S if rate is None else rate, floor_s), max(ceiling_s, floor_s))
    every_s = max(MINUTE_S, -int(-asked // MINUTE_S) * MINUTE_S)
    if every_s == mirror.every_s and mirror.due_s is not None:
        return mirror
    due_s = mirror.due_s if mirror.failures and mirror.due_s is not None else _turn(every_s, server_s, mono_s, dice)
    return replace(mirror, every_s=every_s, due_s=due_s)


def periods(mirror: Mirror, server_s: float) -> tuple[Period, ...]:
    """What is to be told now, oldest first, at most :data:`MOST_PERIODS`."""
    every = mirror.every_s
    boundary = int(server_s // every) * every
    groups: dict[int, list[Average]] = {}
    for start, minute in mirror.minutes.items():
        if mirror.told_s <= start < boundary:
            groups.setdefault(start // every * every, []).extend(minute)
    return tuple(_period(mirror, begin, groups[begin]) for begin in sorted(groups)[:MOST_PERIODS])


def sent(mirror: Mirror, number: int, until_s: int | None) -> Mirror:
    """Its post is on its way."""
    return replace(mirror, asked=number, until_s=until_s)


def idle(mirror: Mirror, server_s: float, mono_s: float, dice: Dice) -> Mirror:
    """Nothing to tell now: at the next interval."""
    return replace(mirror, due_s=_turn(mirror.every_s, server_s, mono_s, dice))


def answered(
    mirror: Mirror, status: int | None, url: str, wait_s: float, server_s: float, mono_s: float, dice: Dice
) -> tuple[Mirror, bool]:
    """The server's status for its post, None when nobody answered; ``url``: the Location given; ``wait_s``: no sooner again.

    404 of its address: it was deleted, and is made again. Second: the server refused it for good.
    """
    made, until_s = mirror.until_s is None, mirror.until_s
    mirror = replace(mirror, asked=None, until_s=None)
    if status is not None and 200 <= status < 300:
        if made:  # without an address it is looked for in the list
            return replace(mirror, url=url, due_s=mono_s if url else mono_s + MINUTE_S), False
        return _told(mirror, until_s or 0, server_s, mono_s, dice), False
    failures = mirror.failures + 1
    if status in (404, 410) and not made:
        mirror = replace(mirror, url="", gone_s=mono_s)
    elif made and status is not None and 400 <= status < 500 and status not in _BUSY:
        return replace(mirror, failures=failures, due_s=mono_s + dice.jitter(0.9, 1.0) * polling.REFUSED_S), True
    elif status is not None and 400 <= status < 500 and status not in _BUSY | _DENIED:
        return _told(mirror, until_s or 0, server_s, mono_s, dice), True
    wait = max(polling.backoff(failures, dice), wait_s)
    return replace(mirror, failures=failures, due_s=mono_s + wait), False


def _told(mirror: Mirror, until_s: int, server_s: float, mono_s: float, dice: Dice) -> Mirror:
    minutes = {start: minute for start, minute in mirror.minutes.items() if start >= until_s}
    after = replace(mirror, minutes=minutes, told_s=until_s, failures=0)
    more = bool(periods(after, server_s))
    return replace(after, due_s=mono_s + 1.0 if more else _turn(mirror.every_s, server_s, mono_s, dice))


def _turn(every_s: int, server_s: float, mono_s: float, dice: Dice) -> float:
    """A little after the end of this interval, not all clients at once."""
    end_s = (server_s // every_s + 1) * every_s
    return mono_s + (end_s - server_s) + dice.jitter(2.0, _LATE_S)


def _period(mirror: Mirror, begin: int, averages: list[Average]) -> Period:
    start = max(begin, mirror.told_s or min(mirror.minutes))
    duration_s = begin + mirror.every_s - start
    found: dict[MeterKey, list[Average]] = {}
    for one in averages:
        found.setdefault(_key(one), []).append(one)
    return Period(start, duration_s, {key: _mean(some, duration_s) for key, some in found.items()})


def _mean(averages: list[Average], duration_s: int) -> Mean:
    seconds = sum(one.coverage * one.duration_s for one in averages)
    total = sum(one.value * one.coverage * one.duration_s for one in averages)
    return Mean(total / seconds, min(1.0, seconds / duration_s))


def _key(average: Average) -> MeterKey:
    return average.quantity, average.phase
