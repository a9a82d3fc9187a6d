"""What members really take while a plan runs, beside what was agreed, and in the two hours after: what it pushes over its end shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grid_functions.area.delivery import LONGEST_GAP_S, Measured, Meter
from grid_functions.model.lease import MemberReport

AFTER_S = 7200.0
"""So long beyond its end a plan is looked after."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Two meters, one ``after`` the other. Durable: a plan outlives a restart."""

    during: Meter
    after: Meter

    @classmethod
    def of(cls, start_utc_s: float, end_utc_s: float) -> "Delivery":
        """Of a plan between two UTC seconds: nothing yet."""
        return cls(Meter(start_utc_s, end_utc_s), Meter(end_utc_s, end_utc_s + AFTER_S))

    def fed(self, reports: Mapping[str, MemberReport], utc_s: float) -> "Delivery":
        """With what members reported since."""
        during = self.during.fed(reports) if _feeds(self.during, utc_s) else self.during
        after = self.after.fed(reports) if _feeds(self.after, utc_s) else self.after
        return self if (during, after) == (self.during, self.after) else replace(self, during=during, after=after)

    def over(self, utc_s: float) -> bool:
        """Whether nothing that comes can add to it."""
        return utc_s > self.after.end_utc_s + LONGEST_GAP_S

    def told(self, step_s: float, profiles: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
        """By member, Wh, positive = consumed: planned and taken until it was heard last, taken after the end; and the seconds measured."""
        return {
            member: {
                "planned_wh": round(self._planned_wh(member, step_s, profile), 1),
                "taken_wh": round(self.during.sums.get(member, _NOTHING).energy_wh, 1),
                "measured_s": round(self.during.sums.get(member, _NOTHING).covered_s),
                "after_wh": round(self.after.sums.get(member, _NOTHING).energy_wh, 1),
                "after_measured_s": round(self.after.sums.get(member, _NOTHING).covered_s),
            }
            for member, profile in profiles.items()
        }

    def _planned_wh(self, member: str, step_s: float, profile: Sequence[float]) -> float:
        heard = self.during.last.get(member)
        steps = 0.0 if heard is None else (heard.utc_s - self.during.start_utc_s) / step_s
        steps = min(max(0.0, steps), float(len(profile)))
        whole = int(steps)
        begun_kw = profile[whole] * (steps - whole) if whole < len(profile) else 0.0
        return (sum(profile[:whole]) + begun_kw) * 1000.0 * step_s / 3600.0


_NOTHING = Measured()


def _feeds(meter: Meter, utc_s: float) -> bool:
    """Whether a report of now can add to it, or begin a stretch that does."""
    return meter.start_utc_s - LONGEST_GAP_S <= utc_s <= meter.end_utc_s + LONGEST_GAP_S
