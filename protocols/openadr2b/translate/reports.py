"""Readings -> reports: what this VEN can tell, and the telling (OpenADR 2.0b profile, clause 8.3; rules 301 to 334).

Power and energy are positive when consumed, on both sides.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from grid_functions.model.device import Role, Seen
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import Target, Unit
from protocols.openadr2b.wire.reports import (
    Report,
    ReportDescription,
    ReportInterval,
    ReportPayload,
    ReportRequest,
    ResourceStatus,
    SamplingRate,
)

METADATA = "METADATA"
"""The reportSpecifierID that asks for the metadata again (rule 327)."""

USAGE = "TELEMETRY_USAGE"
STATUS = "TELEMETRY_STATUS"
HISTORY = "HISTORY_USAGE"

FINEST_S = 60.0
"""Averages are made each minute."""

COARSEST_S = 86_400.0
KEPT_S = 3 * 86_400.0

MOST_VALUES = 40_000
"""In one report."""

GOOD = "Quality Good - Non Specific"
PARTIAL = "Quality Uncertain - Non Specific"
MISSING = "Quality Bad - Non Specific"
UNCHANGED = "No New Value - Previous Value Used"

_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")

POWER, ENERGY, STATE = "power", "energy", "status"

_W = Unit(kind="powerReal", description="RealPower", units="W", scale="none", hertz=50.0, voltage=230.0, ac=True)
_WH = Unit(kind="energyReal", description="RealEnergy", units="Wh", scale="none")

_POINTS: dict[str, tuple[tuple[str, str, Unit | None, str], ...]] = {
    USAGE: ((POWER, "usage", _W, "Direct Read"), (ENERGY, "usage", _WH, "Direct Read")),
    HISTORY: ((POWER, "usage", _W, "Direct Read"), (ENERGY, "usage", _WH, "Direct Read")),
    STATUS: ((STATE, "x-resourceStatus", None, "x-notApplicable"),),
}
"""Data points of each report: name, reportType, unit, readingType. Interpretation: a mean of direct reads is told as one, the only
reading type rule 331 has for telemetry."""


@dataclass(frozen=True, slots=True)
class Minute:
    """The mean net power of a minute, W, and the share of it that was measured."""

    power_w: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Status:
    """How a resource is: anything of it answers; a person or another master holds something of it."""

    online: bool
    overridden: bool


@dataclass(frozen=True, slots=True)
class Series:
    """What is known of one respondent, in our own UTC: means by the minute's start, and when its status changed to what."""

    minutes: Mapping[int, Minute] = field(default_factory=dict)
    changes: tuple[tuple[float, Status], ...] = ()


def status_of(looks: Iterable[Seen]) -> Status | None:
    """The status of a resource from the looks at its devices; None without any."""
    devices = [one for one in looks if one.role is not Role.METER]
    if not devices:
        return None
    return Status(
        online=any(one.condition.online for one in devices),
        overridden=any(one.condition.operating is False for one in devices),
    )


def rids_of(specifier: str, terms: Terms) -> frozenset[str] | None:
    """The data points of a report; None = there is no such report."""
    points = _POINTS.get(specifier)
    if points is None:
        return None
    return frozenset(rid(resource, name, terms) for resource in terms.respondents for name, *_ in points)


def rid(resource: str, point: str, terms: Terms) -> str:
    """A data point's name: unique within a report, the same over every restart, and of letters that no VTN trips over."""
    name = resource or terms.ven_name
    plain = _STRANGE.sub("-", name)
    return f"{plain}/{point}" if plain == name else f"{plain}-{crc32(name.encode()):08x}/{point}"


def metadata(terms: Terms, ven_id: str, now_s: float) -> tuple[Report, ...]:
    """All that can be told (rules 301, 331 and 334)."""
    return tuple(
        Report(
            duration=KEPT_S,
            descriptions=tuple(
                ReportDescription(
                    rID=rid(resource, name, terms),
                    reportDataSource=Target(resourceID=(resource,)) if resource else Target(venID=(ven_id,)),
                    reportType=kind,
                    unit=unit,
                    readingType=reading,
                    samplingRate=SamplingRate(minPeriod=FINEST_S, maxPeriod=COARSEST_S, onChange=specifier != HISTORY),
                )
                for resource in terms.respondents
                for name, kind, unit, reading in points
            ),
            reportRequestID="0",
            reportSpecifierID=specifier,
            reportName=f"METADATA_{specifier}",
            createdDateTime=now_s,
        )
        for specifier, points in _POINTS.items()
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one report covers, on the VTN's clock, s: from, until, and the length of its intervals (0 = what changed)."""

    from_s: float
    until_s: float
    granularity_s: float


def newest(stretch: Stretch, points: int) -> Stretch:
    """The stretch, or its newest part: no more intervals than there are minutes kept, no more values than a report may have."""
    most = min(KEPT_S // FINEST_S, MOST_VALUES // max(points, 1))
    if stretch.granularity_s <= 0 or stretch.until_s - stretch.from_s <= most * stretch.granularity_s:
        return stretch
    return Stretch(stretch.until_s - most * stretch.granularity_s, stretch.until_s, stretch.granularity_s)


def report_of(
    request: ReportRequest, stretch: Stretch, series: Mapping[str, Series], terms: Terms, ahead_s: float, now_s: float
) -> Report:
    """A report as asked. ``ahead_s``: the VTN's time less our UTC. What is missing is there, marked as missing (rule 318)."""
    points = [found for payload in request.payloads if (found := _point(payload.rID, terms)) is not None]
    cuts = _cuts(stretch, points, series, terms, ahead_s)
    told = [
        (begin, end, _payload(name, resource, begin - ahead_s, end - ahead_s, stale, series, terms))
        for begin, end, stale in cuts
        for resource, name in points
    ]
    # Interpretation: one value in each interval. The schema takes several; not every VTN does.
    intervals = [
        ReportInterval(dtstart=begin, duration=end - begin, uid=str(place), payloads=(payload,))
        for place, (begin, end, payload) in enumerate(told)
    ]
    return Report(
        dtstart=stretch.from_s,
        duration=stretch.until_s - stretch.from_s,
        intervals=tuple(intervals),
        eiReportID=f"{request.reportRequestID}-{int(stretch.until_s)}",
        reportRequestID=request.reportRequestID,
        reportSpecifierID=request.reportSpecifierID,
        reportName=request.reportSpecifierID,
        createdDateTime=now_s,
    )


def _point(name: str, terms: Terms) -> tuple[str, str] | None:
    for resource in terms.respondents:
        for point in (POWER, ENERGY, STATE):
            if rid(resource, point, terms) == name:
                return resource, point
    return None


def _cuts(
    stretch: Stretch, points: list[tuple[str, str]], series: Mapping[str, Series], terms: Terms, ahead_s: float
) -> list[tuple[float, float, bool]]:
    """Begin and end of each interval, and whether nothing changed in it."""
    if stretch.granularity_s > 0:
        cuts, at = [], stretch.from_s
        while at < stretch.until_s:
            end = min(at + stretch.granularity_s, stretch.until_s)
            cuts.append((at, end, False))
            at = end
        return cuts
    changed = sorted(
        {
            at + ahead_s
            for resource, point in points
            for at in _changes(series.get(terms.respondent(resource).id, Series()), point)
            if stretch.from_s <= at + ahead_s < stretch.until_s
        }
    )
    changed = changed[-(MOST_VALUES // max(len(points), 1)) :]
    if not changed:
        return [(stretch.from_s, stretch.until_s, True)]
    return list(zip(changed, [*changed[1:], stretch.until_s], [False] * len(changed), strict=True))


def _changes(series: Series, point: str) -> list[float]:
    if point == STATE:
        return [at for at, _ in series.changes]
    found: list[float] = []
    last: Minute | None = None
    for start, minute in sorted(series.minutes.items()):
        if last is None or abs(minute.power_w - last.power_w) >= max(1.0, 0.01 * abs(last.power_w)):
            found.append(float(start))
            last = minute
    return found


def _payload(
    point: str, resource: str, begin_s: float, end_s: float, stale: bool, series: Mapping[str, Series], terms: Terms
) -> ReportPayload:
    """One value over [begin_s, end_s) in our UTC."""
    known = series.get(terms.respondent(resource).id, Series())
    name = rid(resource, point, terms)
    if point == STATE:
        status = next((status for at, status in reversed(known.changes) if at < end_s), None)
        quality = MISSING if status is None else UNCHANGED if stale else GOOD
        told = ResourceStatus(
            online=status is not None and status.online, manualOverride=status is not None and status.overridden
        )
        return ReportPayload(rID=name, status=told, dataQuality=quality)
    # Interpretation: a minute is told in the interval it lies in for the most part, and in no other.
    first = round(begin_s / 60.0)
    whole = range(first, max(first + 1, round(end_s / 60.0)))
    found = [known.minutes[at * 60] for at in whole if at * 60 in known.minutes]
    measured = sum(minute.coverage for minute in found)
    if stale and not measured and (last := _before(known, end_s)) is not None:
        found, measured = [last], last.coverage
    if not measured:
        return ReportPayload(rID=name, value=0.0, dataQuality=MISSING)
    power_w = sum(minute.power_w * minute.coverage for minute in found) / measured
    quality = UNCHANGED if stale else GOOD if measured >= 0.99 * len(whole) else PARTIAL
    value = power_w if point == POWER else power_w * (end_s - begin_s) / 3600.0
    return ReportPayload(rID=name, value=value, dataQuality=quality)


def _before(series: Series, end_s: float) -> Minute | None:
    starts = [start for start in series.minutes if start < end_s]
    return series.minutes[max(starts)] if starts else None
