"""What members took in the time just past: the baseline of whoever is asked next, and the averages people read.

Of this run alone: after a restart, and where the clock was set back, it begins anew, and until enough has been measured nobody has a
baseline (rule 6).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from grid_functions.area.delivery import Measured, Meter
from grid_functions.model.lease import MemberReport

_MARK_S = 60.0
_LEAST_SHARE = 0.5
"""Of the time that must have been measured, for a mean to count."""


@dataclass(frozen=True, slots=True)
class History:
    """``marks``: what had been summed up at each minute of the last ``length_s``, oldest first."""

    length_s: float
    meter: Meter = field(default_factory=lambda: Meter(-math.inf, math.inf))
    marks: tuple[tuple[float, Mapping[str, Measured]], ...] = ()

    def fed(self, reports: Mapping[str, MemberReport], utc_s: float) -> "History":
        """With what members reported since."""
        if self.marks and utc_s < self.marks[-1][0]:
            return History(self.length_s).fed(reports, utc_s)
        meter = self.meter.fed(reports)
        marks = self.marks
        if not marks or utc_s - marks[-1][0] >= _MARK_S:
            marks = (*marks, (utc_s, meter.sums))
            while len(marks) > 1 and marks[1][0] <= utc_s - self.length_s:
                marks = marks[1:]
        return replace(self, meter=meter, marks=marks)

    def mean_w(self, member: str) -> float | None:
        """Mean power of the last ``length_s`` (a minute more at most), W; None where less than half of it was measured."""
        now = self.meter.sums.get(member)
        if now is None or not self.marks:
            return None
        then = self.marks[0][1].get(member, Measured())
        past = Measured(now.energy_wh - then.energy_wh, now.covered_s - then.covered_s)
        return past.mean_w if past.covered_s >= _LEAST_SHARE * self.length_s else None

    def told(self) -> Mapping[str, Any]:
        """Everyone's power at its last report, and on average."""
        last = sorted(self.meter.last.items())
        members = {
            member: {"power_w": one.power_w, "at_utc_s": one.utc_s, "mean_w": self.mean_w(member)}
            for member, one in last
        }
        return {"total_w": sum(one.power_w for _, one in last), "members": members}


def sound(reports: Mapping[str, MemberReport]) -> Mapping[str, MemberReport]:
    """The reports that can be meant: finite powers of a finite time."""
    return {
        name: one
        for name, one in reports.items()
        if all(map(math.isfinite, (one.utc_s, one.power_w, one.least_w, one.most_w)))
    }
