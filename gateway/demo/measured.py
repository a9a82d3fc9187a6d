"""Arithmetic over what was measured: export at the meter, limits that changed, disturbances, Responses. Pure.

Times are UTC seconds. A meter sample is (t_s, w) with w positive = import; export is its negative.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Sample = tuple[float, float]

TOLERANCE_SHARE = 0.04
TOLERANCE_W = 100.0
SETTLE_S = 10.0
"""Back within 4 % of the limit or 100 W, whichever is more, at most 10 s after a step."""


@dataclass(frozen=True, slots=True)
class Held:
    """How an export limit was held.

    ``settle_s``: the longest time from a step to the last sample above the band, one per step. ``worst_inside_w``/``worst_outside_w``:
    the most above the limit inside and outside the windows that steps open. ``used_pct``: the mean export outside the windows in
    percent of what limit and sun allowed.
    """

    ok: bool
    settle_s: tuple[float, ...]
    worst_inside_w: float
    worst_outside_w: float
    used_pct: float


@dataclass(frozen=True, slots=True)
class Possible:
    """What the site could have exported at a moment, W: full production less load."""

    at_s: float
    export_w: float


def tolerance_w(limit_w: float) -> float:
    """How far above a limit still counts as held, W."""
    return max(TOLERANCE_SHARE * limit_w, TOLERANCE_W)


def held(
    samples: Sequence[Sample],
    limit_w: float,
    steps_s: Sequence[float],
    end_s: float,
    possible: Sequence[Possible] = (),
    least_used_pct: float = 85.0,
) -> Held:
    """How ``limit_w`` was held from the first step to ``end_s``. Every step opens a window of 10 s.

    Not ok without samples, when any step takes longer to settle, when a sample outside all windows lies above the band, or when less than
    ``least_used_pct`` of the possible was used (switching everything off is no way to hold a limit).
    """
    band_w = limit_w + tolerance_w(limit_w)
    seen = [(t_s, -w) for t_s, w in samples if steps_s[0] <= t_s < end_s]
    settle: list[float] = []
    for start_s, next_s in zip(steps_s, [*steps_s[1:], end_s], strict=True):
        above = [t_s for t_s, export_w in seen if start_s <= t_s < next_s and export_w > band_w]
        settle.append(max(above) - start_s if above else 0.0)
    inside = [export_w for t_s, export_w in seen if any(s <= t_s <= s + SETTLE_S for s in steps_s)]
    outside = [(t_s, export_w) for t_s, export_w in seen if not any(s <= t_s <= s + SETTLE_S for s in steps_s)]
    worst_outside_w = max((export_w - limit_w for _, export_w in outside), default=0.0)
    used_pct = _used_pct(outside, limit_w, possible)
    return Held(
        ok=bool(seen and outside)
        and max(settle) <= SETTLE_S
        and worst_outside_w <= band_w - limit_w
        and used_pct >= least_used_pct,
        settle_s=tuple(round(each, 1) for each in settle),
        worst_inside_w=round(max((export_w - limit_w for export_w in inside), default=0.0), 1),
        worst_outside_w=round(worst_outside_w, 1),
        used_pct=round(used_pct, 1),
    )


def _used_pct(outside: Sequence[Sample], limit_w: float, possible: Sequence[Possible]) -> float:
    if not possible or not outside:
        return 100.0
    allowed = used = 0.0
    for t_s, export_w in outside:
        now = [each for each in possible if each.at_s <= t_s]
        top_w = min(limit_w, now[-1].export_w if now else limit_w)
        if top_w > 0:
            allowed += top_w
            used += min(max(export_w, 0.0), top_w)
    return 100.0 if allowed == 0 else 100.0 * used / allowed


def overshoot_w(rating_w: float) -> float:
    """How far above a limit still counts as held once all has settled: the lower of 4 % of the connection's rating and 100 W up to
    30 kVA, above it 1 %."""
    return min(TOLERANCE_SHARE * rating_w, TOLERANCE_W) if rating_w <= 30_000 else 0.01 * rating_w


def below(series: Sequence[Sample], top: float, start_s: float, end_s: float) -> float | None:
    """Seconds from ``start_s`` until a value stays at or under ``top`` until ``end_s``; None when it does not, or nothing was measured."""
    seen = [(t_s, value) for t_s, value in series if start_s <= t_s < end_s]
    above = [t_s for t_s, value in seen if value > top]
    if not seen or (above and above[-1] == seen[-1][0]):
        return None
    return round(above[-1] - start_s, 1) if above else 0.0


def most(series: Sequence[Sample], start_s: float, end_s: float) -> float:
    """The highest value in a span; minus infinity when nothing was measured."""
    return max((value for t_s, value in series if start_s <= t_s < end_s), default=float("-inf"))


def reversals(series: Sequence[Sample], band: float) -> int:
    """The most turns of a value within a minute; what moves by no more than ``band`` turns nothing."""
    turns: list[float] = []
    way, extreme = 0, series[0] if series else (0.0, 0.0)
    for t_s, value in series:
        moved = value - extreme[1]
        if way * moved >= 0 and (way or abs(moved) > band):
            way, extreme = way or (1 if moved > 0 else -1), (t_s, value)
        elif way and abs(moved) > band:
            turns.append(t_s)
            way, extreme = -way, (t_s, value)
    return max((sum(at <= other < at + 60.0 for other in turns) for at in turns), default=0)


@dataclass(frozen=True, slots=True)
class Told:
    """A Response as the server holds it."""

    subject: str
    lfdi: str
    status: int
    t_s: float


def story(responses: Sequence[Told], subject: str) -> tuple[int, ...]:
    """The statuses told of one event, in the order of their arrival."""
    return tuple(r.status for r in responses if r.subject.upper() == subject.upper())


def duplicates(responses: Sequence[Told]) -> int:
    """How many Responses were told more than once."""
    return sum(
        count - 1 for count in Counter((r.subject.upper(), r.lfdi.upper(), r.status) for r in responses).values()
    )


def most_w(samples: Sequence[Sample], start_s: float, end_s: float) -> float:
    """The highest export in a span, W; minus infinity when nothing was measured."""
    return most([(t_s, -w) for t_s, w in samples], start_s, end_s)


def first_within(samples: Sequence[Sample], limit_w: float, start_s: float, end_s: float) -> float | None:
    """Seconds from ``start_s`` until export stays within the band until ``end_s``; None when it does not."""
    return below([(t_s, -w) for t_s, w in samples], limit_w + tolerance_w(limit_w), start_s, end_s)


def reached(series: Sequence[Sample], goal: float, tolerance: float, start_s: float, end_s: float) -> float | None:
    """Seconds from ``start_s`` until a value stays within the tolerance around its goal until ``end_s``; None when it does not."""
    seen = [(t_s, value) for t_s, value in series if start_s <= t_s < end_s]
    away = [t_s for t_s, value in seen if abs(value - goal) > tolerance]
    if not seen or (away and away[-1] == seen[-1][0]):
        return None
    return round(min(t_s for t_s, _ in seen if not away or t_s > away[-1]) - start_s, 1)


def lowered_again(
    written: Sequence[Sample], lift: float, lifted_s: Sequence[float], end_s: float
) -> list[float | None]:
    """Seconds from each write of ``lift`` until less was written for good; None where there was no lift, or nothing after it.

    ``written``: a device's own record of (t_s, value). ``lifted_s``: just before each lift; its span ends where the next begins. From
    readings alone this could not be told: between two of them the whole affair may be over.
    """
    found: list[float | None] = []
    for from_s, to_s in pairwise((*lifted_s, end_s)):
        lift_s = next((t_s for t_s, value in written if from_s <= t_s < to_s and value == lift), None)
        found.append(None if lift_s is None else reached(written, 0.0, lift - 1.0, lift_s, to_s))
    return found


def worst_w(samples: Sequence[Sample], limit_w: float, start_s: float, end_s: float) -> float:
    """The most that the export lay above a limit in a span, W, 0 when never; plus infinity when nothing was measured."""
    highest_w = most_w(samples, start_s, end_s)
    return float("inf") if highest_w == float("-inf") else round(max(0.0, highest_w - limit_w), 1)


def at_curve(points: Sequence[tuple[float, float]], x: float) -> float:
    """What a curve demands: straight lines between its points, level outside them (IEEE 2030.5, DERCurve)."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
