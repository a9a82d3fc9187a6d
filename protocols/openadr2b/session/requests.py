"""What the VTN wants told, and when (OpenADR 2.0b profile, clause 8.3; rules 317, 324, 325, 327, 329, 336)."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.translate.reports import FINEST_S, HISTORY, METADATA, rids_of
from protocols.openadr2b.wire.reader import OURS, MalformedBody, decode
from protocols.openadr2b.wire.reports import OadrCreateReport, ReportRequest, SpecifierPayload
from protocols.openadr2b.wire.writer import encode

KEY = "requests"
VERSION = 1

MOST = 200
"""Requests kept; one more is refused (461)."""

MOST_METADATA = 10
"""Times that one message is told our metadata; more are refused (461)."""

MOST_BEHIND = 100
"""Stretches told late after a long sleep; older ones are passed over: what they held is not kept that long."""

FOREVER = float("inf")

LATE_S = 10.0
"""A stretch is told this long after the end of its last minute, which is averaged meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Times are seconds on the VTN's clock; ``told_s``: all before was told; ``next_s``: the end of the stretch told next."""

    request: ReportRequest
    told_s: float
    next_s: float
    end_s: float = FOREVER

    @property
    def once(self) -> bool:
        """Told one time, at once."""
        return self.request.reportBackDuration <= 0

    @property
    def on_change(self) -> bool:
        """Told by what changed."""
        return not self.once and self.request.granularity <= 0

    @property
    def back_s(self) -> float:
        """From telling to telling."""
        return max(self.request.reportBackDuration, self.granularity_s)

    @property
    def ripe_s(self) -> float:
        """When the next stretch can be told: the minute that lies in it for the most part may end up to half a minute after it."""
        if self.once or math.isinf(self.next_s):
            return self.next_s
        return max(self.next_s, round(self.next_s / FINEST_S) * FINEST_S) + LATE_S

    @property
    def granularity_s(self) -> float:
        """Length of an interval; never finer than averages are made."""
        return max(self.request.granularity, FINEST_S)


@dataclass(frozen=True, slots=True)
class Requests:
    """All that are scheduled, by reportRequestID, oldest first; ``closing``: those ended that are to be told once more, not remembered."""

    asked: Mapping[str, Asked] = field(default_factory=dict)
    closing: tuple[Asked, ...] = ()

    @property
    def pending(self) -> tuple[str, ...]:
        """For oadrPendingReports: every request still scheduled (rule 329)."""
        return tuple(self.asked)


def taken(
    requests: Requests, wanted: Iterable[ReportRequest], terms: Terms, now_s: float
) -> tuple[Requests, tuple[str, ...], tuple[Refusal, ...]]:
    """Take requests; those for metadata come back by id, those refused with their reasons. A known id is asked anew."""
    asked = dict(requests.asked)
    metadata: list[str] = []
    refusals: list[Refusal] = []
    for request in wanted:
        if request.reportSpecifierID == METADATA and len(metadata) < MOST_METADATA:
            metadata.append(request.reportRequestID)
            continue
        refusal = _refusal(request, terms)
        if refusal is None and len(asked) >= MOST and request.reportRequestID not in asked:
            refusal = Refusal(Code.REPORT_NOT_SUPPORTED, f"more than {MOST} report requests")
        if refusal is not None:
            refusals.append(refusal)
            continue
        asked.pop(request.reportRequestID, None)
        asked[request.reportRequestID] = _asked(_lean(request), now_s)
    changed = replace(requests, asked=asked) if asked != requests.asked else requests
    return changed, tuple(metadata), tuple(refusals)


def cancelled(
    requests: Requests, names: Iterable[str], now_s: float, *, follow: bool
) -> tuple[Requests, tuple[str, ...]]:
    """Without these, and which were not known (rule 336). ``follow``: what was not told yet is told once more."""
    named = dict.fromkeys(names)
    strange = tuple(name for name in named if name not in requests.asked)
    gone = [requests.asked[name] for name in named if name in requests.asked]
    if not gone:
        return requests, strange
    left = {name: one for name, one in requests.asked.items() if name not in named}
    closing = [
        replace(one, next_s=now_s, end_s=now_s) for one in gone if follow and now_s > one.told_s and not one.once
    ]
    return Requests(left, (*requests.closing, *closing)[-MOST:]), strange


def caught_up(requests: Requests, now_s: float) -> Requests:
    """Without the stretches that are too long over; the very same requests when there are none.

    What was told of a time that is not yet (the VTN's clock was wrong, and set back) is told anew.
    """
    moved: dict[str, Asked] = {}
    for name, one in requests.asked.items():
        if one.told_s > now_s + FINEST_S and (one.request.dtstart or 0.0) <= now_s:
            moved[name] = replace(one, told_s=now_s, next_s=min(now_s + one.back_s, one.end_s))
            continue
        behind = 0.0 if one.once else (now_s - one.next_s) // one.back_s
        if behind > MOST_BEHIND:
            begin_s = one.told_s + (behind - MOST_BEHIND) * one.back_s
            moved[name] = replace(one, told_s=begin_s, next_s=min(begin_s + one.back_s, one.end_s))
    return replace(requests, asked={**requests.asked, **moved}) if moved else requests


def due(requests: Requests, now_s: float) -> tuple[Asked, ...]:
    """Those whose stretch is over."""
    return (*requests.closing, *(one for one in requests.asked.values() if one.ripe_s <= now_s))


def next_due_s(requests: Requests) -> float:
    """When the next stretch may be told, on the VTN's clock."""
    return float("-inf") if requests.closing else min((one.ripe_s for one in requests.asked.values()), default=FOREVER)


def told(requests: Requests, one: Asked) -> Requests:
    """A stretch was told; what was asked once, or has come to its end, is done."""
    if any(other is one for other in requests.closing):
        return replace(requests, closing=tuple(other for other in requests.closing if other is not one))
    name, until_s = one.request.reportRequestID, one.next_s
    if one.once or until_s >= one.end_s:
        return replace(requests, asked={key: value for key, value in requests.asked.items() if key != name})
    after = replace(one, told_s=until_s, next_s=min(until_s + one.back_s, one.end_s))
    return replace(requests, asked={**requests.asked, name: after})


def saved(requests: Requests) -> bytes:
    """The requests as bytes of :data:`VERSION`."""
    wanted = tuple(one.request for one in requests.asked.values())
    document = encode(OadrCreateReport(requestID="", requests=wanted)).decode() if wanted else ""
    times = {
        name: [one.told_s, one.next_s, None if one.end_s == FOREVER else one.end_s]
        for name, one in requests.asked.items()
    }
    return json.dumps({"requests": document, "times": times}).encode()


def loaded(version: int, body: bytes) -> Requests:
    """The requests of an earlier run; none when they cannot be read."""
    if version != VERSION:
        return Requests()
    try:
        plain = json.loads(body)
        if not plain["requests"]:
            return Requests()
        message = decode(plain["requests"].encode(), limits=OURS).message
        if not isinstance(message, OadrCreateReport):
            return Requests()
        asked = {}
        for request in message.requests:
            told_s, next_s, end_s = plain["times"][request.reportRequestID]
            asked[request.reportRequestID] = Asked(
                _lean(request), float(told_s), float(next_s), FOREVER if end_s is None else float(end_s)
            )
        return Requests(asked)
    except (ValueError, TypeError, KeyError, AttributeError, MalformedBody):
        return Requests()


def _asked(request: ReportRequest, now_s: float) -> Asked:
    """Interpretation: a start that is past means from now on; of history the interval asked for is the whole of it."""
    length = request.duration or 0.0
    begins = request.dtstart
    if request.reportBackDuration <= 0:
        if request.reportSpecifierID == HISTORY and begins is not None:
            end = begins + length if length > 0 else now_s
            return Asked(request, begins, min(end, now_s), min(end, now_s))
        return Asked(request, now_s - FINEST_S, now_s)
    start = now_s if begins is None else max(begins, now_s)
    end = FOREVER if length <= 0 else (start if begins is None else begins) + length
    one = Asked(request, start, start, end)
    return replace(one, next_s=min(start + one.back_s, end))


def _lean(request: ReportRequest) -> ReportRequest:
    """Each data point once, without what is made no use of: it is kept."""
    points = dict.fromkeys(one.rID for one in request.payloads)
    return replace(
        request, payloads=tuple(SpecifierPayload(rID=name, readingType="x-notApplicable") for name in points)
    )


def _refusal(request: ReportRequest, terms: Terms) -> Refusal | None:
    if request.reportSpecifierID == METADATA:
        return Refusal(Code.REPORT_NOT_SUPPORTED, f"metadata more than {MOST_METADATA} times in one message")
    known = rids_of(request.reportSpecifierID, terms)
    if known is None:
        return Refusal(Code.REPORT_NOT_SUPPORTED, f"no report {request.reportSpecifierID!r} here")
    strange = [one.rID for one in request.payloads if one.rID not in known]
    if strange:
        return Refusal(Code.INVALID_ID, f"no data point {strange[0]!r} in {request.reportSpecifierID!r}")
    if request.granularity < 0 or request.reportBackDuration < 0 or (request.duration or 0.0) < 0:
        return Refusal(Code.INVALID_DATA, "a negative duration")
    return None
