"""An event of direct load control: shared out by what members said they could move, judged by what they were measured to take."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.area import survey
from grid_functions.area.delivery import Measured, Meter, Verdict, verdict
from grid_functions.area.survey import Survey
from grid_functions.letters import MoveLoad
from grid_functions.model.control import DispatchKind, LoadDispatch
from grid_functions.model.event import Interval


@dataclass(frozen=True, slots=True)
class Moved:
    """An event. ``shares_kw`` by member, > 0 = shed; ``verdicts`` once it is over."""

    name: str
    start_utc_s: float
    end_utc_s: float
    kw: float
    shares_kw: Mapping[str, float]
    base_w: Mapping[str, float]
    meter: Meter
    verdicts: tuple[Verdict, ...] = ()
    settled: bool = False

    @property
    def length_s(self) -> float:
        """Its duration."""
        return self.end_utc_s - self.start_utc_s

    @property
    def short_kw(self) -> float:
        """What of it nobody could move."""
        short_kw = abs(self.kw) - abs(sum(self.shares_kw.values()))
        return short_kw if short_kw > 1e-6 else 0.0

    def series(self, member: str) -> tuple[Interval, ...]:
        """What a member is told: to change by its share, against the baseline its own site keeps."""
        dispatch = LoadDispatch(DispatchKind.DELTA_W, -self.shares_kw[member] * 1000.0)
        return (Interval(0.0, self.length_s, (dispatch,)),)


def begun(order: MoveLoad, found: Survey, utc_s: float) -> Moved | None:
    """The event that is ordered; None where nobody said that it could move so, for that long."""
    movable = found.movable_kw(order.duration_s, down=order.kw > 0)
    if not movable:
        return None
    start_s = order.start_utc_s or utc_s
    end_s = start_s + order.duration_s
    sign = math.copysign(1.0, order.kw)
    parts = {member: sign * kw for member, kw in survey.shares(movable, abs(order.kw)).items()}
    base_w = {member: found.base_w[member] for member in parts}
    return Moved(f"event-{utc_s:.0f}", start_s, end_s, order.kw, parts, base_w, Meter(start_s, end_s))


def verdicts(moved: Moved, enrolled: tuple[str, ...], tolerance: float) -> tuple[Verdict, ...]:
    """One for each member, who delivered nothing if it was revoked. Where load was to be added, baseline and energy are turned."""
    told = []
    for member, kw in sorted(moved.shares_kw.items()):
        sign, sums = math.copysign(1.0, kw), moved.meter.sums.get(member, Measured())
        wanted_wh = abs(kw) * 1000.0 * moved.length_s / 3600.0
        turned = replace(sums, energy_wh=sign * sums.energy_wh)
        found = verdict(member, wanted_wh, sign * moved.base_w[member], turned, moved.length_s, tolerance)
        told.append(found if member in enrolled else replace(found, delivered=False))
    return tuple(told)
