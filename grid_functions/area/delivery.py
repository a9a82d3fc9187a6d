"""What members really delivered: their measured power against a baseline taken before, integrated over an event.

The baseline is the mean power that the meter showed in the ``base_s`` seconds before the event was known (or, where the area has a
plan, the plan): never what the member says of itself. Seconds without a reading are no delivery, and how many there were is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grid_functions.model.lease import MemberReport

LONGEST_GAP_S = 120.0
"""Between two readings of a member that are integrated as one stretch."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Energy over a stretch, Wh, positive = consumed, and the seconds of it that were measured."""

    energy_wh: float = 0.0
    covered_s: float = 0.0

    @property
    def mean_w(self) -> float | None:
        """Mean power; None when nothing was measured."""
        return self.energy_wh * 3600.0 / self.covered_s if self.covered_s > 0 else None


@dataclass(frozen=True, slots=True)
class Meter:
    """Integrates members' power between two UTC seconds. Durable: an event outlives a restart."""

    start_utc_s: float
    end_utc_s: float
    last: Mapping[str, MemberReport] = field(default_factory=dict)
    sums: Mapping[str, Measured] = field(default_factory=dict)

    def fed(self, reports: Mapping[str, MemberReport]) -> "Meter":
        """With what members reported since. The same report again, or one from the past, adds nothing."""
        last, sums = dict(self.last), dict(self.sums)
        for member, report in reports.items():
            before = last.get(member)
            if before is not None and report.utc_s <= before.utc_s:
                continue
            last[member] = report
            if before is not None and report.utc_s - before.utc_s <= LONGEST_GAP_S:
                sums[member] = _with(sums.get(member, Measured()), before, report, self.start_utc_s, self.end_utc_s)
        return replace(self, last=last, sums=sums)


def _with(held: Measured, before: MemberReport, after: MemberReport, start_s: float, end_s: float) -> Measured:
    """The trapezoid between two readings, cut at the ends of the stretch."""
    from_s, to_s = max(before.utc_s, start_s), min(after.utc_s, end_s)
    if to_s <= from_s:
        return held
    slope = (after.power_w - before.power_w) / (after.utc_s - before.utc_s)
    at_from = before.power_w + slope * (from_s - before.utc_s)
    at_to = before.power_w + slope * (to_s - before.utc_s)
    span_s = to_s - from_s
    return Measured(held.energy_wh + (at_from + at_to) / 2.0 * span_s / 3600.0, held.covered_s + span_s)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``delivered_wh`` of ``awarded_wh``, each as reduction >= 0, and whether it counts as delivered."""

    member: str
    awarded_wh: float
    delivered_wh: float
    coverage: float
    delivered: bool


def verdict(
    member: str, awarded_wh: float, base_w: float | None, measured: Measured, length_s: float, tolerance: float = 0.1
) -> Verdict:
    """Delivered = at least (1 - ``tolerance``) of what was awarded, and no less of the time measured."""
    coverage = min(1.0, measured.covered_s / length_s) if length_s > 0 else 0.0
    reduced_wh = 0.0 if base_w is None else base_w * measured.covered_s / 3600.0 - measured.energy_wh
    delivered_wh = max(0.0, reduced_wh)
    good = coverage >= 1.0 - tolerance and delivered_wh >= (1.0 - tolerance) * awarded_wh
    return Verdict(member, awarded_wh, delivered_wh, coverage, good)


def together(parts: Sequence[Verdict], tolerance: float = 0.1) -> Verdict:
    """One verdict over intervals of one length: what was delivered too much in one makes up for nothing in another."""
    awarded_wh = sum(one.awarded_wh for one in parts)
    delivered_wh = sum(min(one.awarded_wh, one.delivered_wh) for one in parts)
    coverage = sum(one.coverage for one in parts) / len(parts) if parts else 0.0
    good = coverage >= 1.0 - tolerance and delivered_wh >= (1.0 - tolerance) * awarded_wh
    return Verdict(parts[0].member if parts else "", awarded_wh, delivered_wh, coverage, good)
