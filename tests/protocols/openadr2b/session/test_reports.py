"""Reports: metadata, requests of every kind, values and their quality, cancels, outages. Expectations are sums by hand."""

import json
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.event import Respondent
from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from protocols.exchange import Tick, WakeAt
from protocols.openadr2b.session import requests
from protocols.openadr2b.session.exchange import Picture
from protocols.openadr2b.session.machine import step
from protocols.openadr2b.session.requests import Asked
from protocols.openadr2b.session.state import keys
from protocols.openadr2b.wire.events import EiResponse
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reports import (
    OadrCanceledReport,
    OadrCancelReport,
    OadrCreatedReport,
    OadrCreateReport,
    OadrRegisteredReport,
    OadrRegisterReport,
    OadrUpdatedReport,
    OadrUpdateReport,
    Report,
    ReportRequest,
    SpecifierPayload,
)
from tests.protocols.openadr2b.samples import START_S
from tests.protocols.openadr2b.session.rig import OK, TERMS, Low, Talk, Vtn

ME = Respondent("vtn", "depot")
ZERO_S = START_S - 3600.0
"""When a talk begins, UTC: a whole hour."""


def request(
    name: str, specifier: str, *points: str, granularity: float = 60.0, back: float = 60.0, **more: Any
) -> ReportRequest:
    payloads = tuple(SpecifierPayload(rID=f"depot/{point}", readingType="Direct Read") for point in points)
    return ReportRequest(
        reportRequestID=name,
        reportSpecifierID=specifier,
        granularity=granularity,
        reportBackDuration=back,
        payloads=payloads,
        **more,
    )


def begun(*requests: ReportRequest, **more: Any) -> Talk:
    """Registered; these requests come with the answer to our metadata, as VTNs do."""
    answer = OadrRegisteredReport(eiResponse=OK, requests=requests)
    vtn = Vtn(
        meddle=lambda message: (
            answer if isinstance(message, OadrRegisterReport) and not message.reportRequestID else None
        )
    )
    return Talk(vtn, **more).run(0.0)


def minutes(talk: Talk, *watts: float | None, of: Metered = Metered.CONNECTION, coverage: float = 1.0) -> None:
    """These minutes pass, each ending with its mean; None = nothing was measured."""
    for value in watts:
        start = talk.utc_s
        talk.run(60.0)
        averages = () if value is None else (Average(Quantity.NET, None, start, 60.0, value, coverage, of),)
        talk.take(Picture(ME, (), averages))


def values(report: Report) -> list[tuple[float, float, str, float | None, str | None]]:
    """begin (s after the talk began), length, point, value, quality."""
    return [
        (
            (interval.dtstart or 0.0) - ZERO_S,
            interval.duration or 0.0,
            interval.payloads[0].rID.rpartition("/")[2],
            interval.payloads[0].value,
            interval.payloads[0].dataQuality,
        )
        for interval in report.intervals
    ]


def told(talk: Talk) -> list[Report]:
    return [report for update in talk.vtn.of(OadrUpdateReport) for report in update.reports]


GOOD = "Quality Good - Non Specific"
BAD = "Quality Bad - Non Specific"


def test_metadata_say_what_can_be_told() -> None:
    talk = Talk(terms=replace(TERMS, respondents={"": frozenset(), "r1": frozenset()})).run()
    (message,) = talk.vtn.of(OadrRegisterReport)
    assert [report.reportName for report in message.reports] == [
        "METADATA_TELEMETRY_USAGE",
        "METADATA_HISTORY_USAGE",
        "METADATA_TELEMETRY_STATUS",
    ]
    assert all(report.reportRequestID == "0" for report in message.reports)
    for report in message.reports:
        rids = [one.rID for one in report.descriptions]
        assert len(rids) == len(set(rids))
        assert all(one.samplingRate is not None and one.samplingRate.minPeriod == 60.0 for one in report.descriptions)
    usage, _, status = message.reports
    assert [(one.rID, one.reportType, one.readingType) for one in usage.descriptions] == [
        ("depot/power", "usage", "Direct Read"),
        ("depot/energy", "usage", "Direct Read"),
        ("r1/power", "usage", "Direct Read"),
        ("r1/energy", "usage", "Direct Read"),
    ]
    assert [one.unit and (one.unit.kind, one.unit.units) for one in usage.descriptions[:2]] == [
        ("powerReal", "W"),
        ("energyReal", "Wh"),
    ]
    assert [(one.rID, one.reportType) for one in status.descriptions] == [
        ("depot/status", "x-resourceStatus"),
        ("r1/status", "x-resourceStatus"),
    ]
    assert usage.descriptions[2].reportDataSource is not None
    assert usage.descriptions[2].reportDataSource.resourceID == ("r1",)


def test_a_periodic_report_of_power_and_energy() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power", "energy", granularity=60.0, back=120.0))
    minutes(talk, 1000.0, 3000.0)
    talk.run(30.0)
    (report,) = told(talk)
    assert (report.reportRequestID, report.reportSpecifierID, report.reportName) == (
        "q1",
        "TELEMETRY_USAGE",
        "TELEMETRY_USAGE",
    )
    assert report.dtstart == ZERO_S
    assert values(report) == [
        (0.0, 60.0, "power", 1000.0, GOOD),
        (0.0, 60.0, "energy", pytest.approx(1000.0 / 60.0), GOOD),
        (60.0, 60.0, "power", 3000.0, GOOD),
        (60.0, 60.0, "energy", 50.0, GOOD),
    ]
    talk.run(30.0)
    minutes(talk, -600.0)
    talk.run(30.0)
    assert [one for one in values(told(talk)[1]) if one[2] == "power"] == [
        (120.0, 60.0, "power", 0.0, BAD),
        (180.0, 60.0, "power", -600.0, GOOD),
    ]


def test_created_report_lists_all_that_is_scheduled() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"), request("q2", "TELEMETRY_STATUS", "status"))
    (created,) = talk.vtn.of(OadrCreatedReport)
    assert created.pending == ("q1", "q2")
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(request("q3", "TELEMETRY_USAGE", "power"),)))
    talk.run(11.0)
    created = talk.vtn.of(OadrCreatedReport)[-1]
    assert (created.eiResponse.requestID, created.pending) == ("c", ("q1", "q2", "q3"))


def test_once_is_now_and_one_interval() -> None:
    talk = begun()
    minutes(talk, 500.0)
    talk.vtn.outbox.append(
        OadrCreateReport(
            requestID="c", requests=(request("now", "TELEMETRY_USAGE", "power", granularity=900.0, back=0.0),)
        )
    )
    talk.run(11.0)
    (report,) = told(talk)
    assert len(report.intervals) == 1
    assert report.intervals[0].payloads[0].value == 500.0
    assert talk.vtn.of(OadrCreatedReport)[-1].pending == ("now",)
    talk.run(300.0)
    assert len(told(talk)) == 1
    assert talk.state.requests.pending == ()


def test_what_is_missing_is_there_and_marked() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power", back=180.0))
    minutes(talk, 100.0, None)
    minutes(talk, 300.0, coverage=0.5)
    talk.run(30.0)
    assert [(value, quality) for *_, value, quality in values(told(talk)[0])] == [
        (100.0, GOOD),
        (0.0, BAD),
        (300.0, "Quality Uncertain - Non Specific"),
    ]


def test_on_change() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power", granularity=0.0, back=240.0))
    minutes(talk, 100.0, 100.0, 900.0, 900.0, 900.0, 900.0, 900.0, 900.0)
    talk.run(30.0)
    assert values(told(talk)[0]) == [(0.0, 120.0, "power", 100.0, GOOD), (120.0, 120.0, "power", 900.0, GOOD)]
    assert values(told(talk)[1]) == [(240.0, 240.0, "power", 900.0, "No New Value - Previous Value Used")]


def look(online: bool) -> Seen:
    return Seen("pv", Role.PV, Nameplate("m", "m", "s"), Capability(), Condition(online=online))


def test_status_of_the_resource() -> None:
    talk = begun(request("q1", "TELEMETRY_STATUS", "status", back=60.0))
    talk.take(Picture(ME, (look(True),)))
    talk.run(75.0)
    status = told(talk)[0].intervals[0].payloads[0]
    assert status.status is not None
    assert (status.status.online, status.status.manualOverride, status.dataQuality) == (True, False, GOOD)
    talk.take(Picture(ME, (look(False),)))
    talk.run(60.0)
    after = told(talk)[1].intervals[0].payloads[0].status
    assert after is not None
    assert not after.online


def test_status_never_seen_is_marked() -> None:
    talk = begun(request("q1", "TELEMETRY_STATUS", "status"))
    talk.run(75.0)
    assert told(talk)[0].intervals[0].payloads[0].dataQuality == BAD


def test_history() -> None:
    talk = begun()
    minutes(talk, *(float(100 * n) for n in range(10)))
    asked = request("h", "HISTORY_USAGE", "power", granularity=300.0, back=0.0, dtstart=ZERO_S, duration=600.0)
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(asked,)))
    talk.run(11.0)
    assert values(told(talk)[0]) == [(0.0, 300.0, "power", 200.0, GOOD), (300.0, 300.0, "power", 700.0, GOOD)]


def _history(talk: Talk, minutes_back: int) -> list[tuple[float, str | None]]:
    """Values and quality of the power of that many minutes before now, as the VTN gets them when it asks."""
    begin_s = talk.utc_s - 60.0 * minutes_back
    more = {"dtstart": begin_s, "duration": 60.0 * minutes_back}
    asked = request(f"h{talk.utc_s}", "HISTORY_USAGE", "power", granularity=60.0, back=0.0, **more)
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(asked,)))
    talk.run(11.0)
    return [(value or 0.0, quality) for _, _, _, value, quality in values(told(talk)[-1])]


def test_history_outlives_a_restart() -> None:
    talk = begun()
    minutes(talk, 100.0, 200.0, None, 400.0)
    after = Talk(terms=TERMS, memory=talk.memory)
    after.mono_s, after.utc_s = talk.mono_s, talk.utc_s
    after.run(0.0)
    minutes(after, 500.0)
    assert _history(after, 5) == [(100.0, GOOD), (200.0, GOOD), (0.0, BAD), (400.0, GOOD), (500.0, GOOD)]


def test_a_minute_writes_its_hour_alone_and_three_days_are_all_that_is_kept() -> None:
    talk = begun()
    minutes(talk, *(float(n) for n in range(90)))  # from a whole hour on
    (first, second) = sorted(key for key in talk.memory if key.startswith("minutes"))
    before = talk.memory[first]
    minutes(talk, 90.0)
    assert talk.memory[first] is before
    assert [len(json.loads(talk.memory[key][1])) for key in (first, second)] == [60, 31]
    talk.utc_s += 5 * 86_400.0
    for hour in range(4 * 24):
        starts = (ZERO_S + 86_400.0 + 3_600.0 * hour + 60.0 * n for n in range(60))
        talk.take(Picture(ME, (), tuple(Average(Quantity.NET, None, start_s, 60.0, 1.0, 1.0) for start_s in starts)))
    kept = [key for key in talk.memory if key.startswith("minutes")]
    assert set(kept) <= set(keys(TERMS))
    assert len(kept) == 72
    # An hour from before the gap of a day shares its place with the one three days later, until that is too old.
    assert max(len(json.loads(talk.memory[key][1])) for key in kept) <= 120
    newest = Talk(terms=TERMS, memory=talk.memory).state.stock.series["depot"].minutes
    assert (min(newest), max(newest)) == (ZERO_S + 2 * 86_400.0, ZERO_S + 5 * 86_400.0 - 60.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"x": [1, 2]}', b'{"60": [1]}', b"\xff", b'{"60": null}'])
def test_an_hour_that_cannot_be_read_costs_that_hour_alone(body: bytes) -> None:
    talk = begun()
    minutes(talk, *(float(n) for n in range(61)))
    (first, _) = sorted(key for key in talk.memory if key.startswith("minutes"))
    talk.memory[first] = (1, body)
    left = Talk(terms=TERMS, memory=talk.memory).state.stock.series["depot"].minutes
    assert [minute.power_w for minute in left.values()] == [60.0]


def test_each_resource_has_its_own_history() -> None:
    terms = replace(TERMS, respondents={"": frozenset(), "r1": frozenset({"pv"})})
    talk = Talk(terms=terms).run()
    for who, watts in ((ME, 100.0), (Respondent("vtn", "r1"), -50.0)):
        talk.take(Picture(who, (), (Average(Quantity.NET, None, ZERO_S, 60.0, watts, 1.0, Metered.DEVICES),)))
    series = Talk(terms=terms, memory=talk.memory).state.stock.series
    assert {name: one.minutes[int(ZERO_S)].power_w for name, one in series.items()} == {"depot": 100.0, "r1": -50.0}


def test_a_hundred_points_and_more_are_kept() -> None:
    talk = begun()
    for n in range(200):
        talk.take(Picture(ME, (), (Average(Quantity.NET, None, ZERO_S - 60.0 * n, 60.0, float(n), 1.0),)))
    assert len(talk.state.stock.series["depot"].minutes) == 200


def test_an_interval_bounds_the_request() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power", dtstart=ZERO_S + 120.0, duration=120.0))
    minutes(talk, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert [values(report)[0][:4] for report in told(talk)] == [
        (120.0, 60.0, "power", 3.0),
        (180.0, 60.0, "power", 4.0),
    ]
    assert talk.state.requests.pending == ()


REFUSED = {
    "no such report": (request("x", "NOTHING", "power"), 461),
    "no such point": (request("x", "TELEMETRY_USAGE", "warp"), 452),
    "a point of another report": (request("x", "TELEMETRY_STATUS", "power"), 452),
    "green button": (request("x", "HISTORY_GREENBUTTON", "power"), 461),
    "negative": (request("x", "TELEMETRY_USAGE", "power", back=-60.0), 454),
}


@pytest.mark.parametrize(("asked", "code"), REFUSED.values(), ids=REFUSED)
def test_requests_that_cannot_be_met(asked: ReportRequest, code: int) -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(asked,)))
    talk.run(11.0)
    created = talk.vtn.of(OadrCreatedReport)[-1]
    assert (created.eiResponse.responseCode, created.pending) == (code, ("q1",))


def test_requests_for_another_ven_are_452() -> None:
    talk = begun()
    asked = OadrCreateReport(requestID="c", requests=(request("q1", "TELEMETRY_USAGE", "power"),), venID="42")
    talk.vtn.outbox.append(asked)
    talk.run(11.0)
    created = talk.vtn.of(OadrCreatedReport)[-1]
    assert (created.eiResponse.responseCode, created.pending) == (452, ())


def test_a_cancel_with_and_without_a_last_report() -> None:
    talk = begun(
        request("q1", "TELEMETRY_USAGE", "power", back=600.0), request("q2", "TELEMETRY_USAGE", "power", back=600.0)
    )
    minutes(talk, 100.0, 200.0)
    talk.vtn.outbox.append(OadrCancelReport(requestID="c1", reportRequestID=("q1",), reportToFollow=False))
    talk.run(11.0)
    canceled = talk.vtn.of(OadrCanceledReport)[-1]
    assert (canceled.eiResponse.responseCode, canceled.pending) == (200, ("q2",))
    assert told(talk) == []
    talk.vtn.outbox.append(OadrCancelReport(requestID="c2", reportRequestID=("q2",), reportToFollow=True))
    talk.run(11.0)
    assert talk.vtn.of(OadrCanceledReport)[-1].pending == ()
    assert [value for *_, value, _ in values(told(talk)[0])][:2] == [100.0, 200.0]


def test_a_cancel_of_an_unknown_request_is_452() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    talk.vtn.outbox.append(OadrCancelReport(requestID="c", reportRequestID=("q9",), reportToFollow=False))
    talk.run(11.0)
    canceled = talk.vtn.of(OadrCanceledReport)[-1]
    assert (canceled.eiResponse.responseCode, canceled.pending) == (452, ("q1",))


def test_a_cancel_that_comes_with_the_receipt_of_a_report() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    stop = OadrCancelReport(requestID="c", reportRequestID=("q1",), reportToFollow=False)
    talk.vtn.meddle = lambda message: (
        OadrUpdatedReport(eiResponse=OK, cancel=stop) if isinstance(message, OadrUpdateReport) else None
    )
    talk.run(200.0)
    assert len(told(talk)) == 1
    assert talk.state.requests.pending == ()


def test_metadata_are_told_again_when_asked_for() -> None:
    talk = begun()
    wanted = ReportRequest(
        reportRequestID="m",
        reportSpecifierID="METADATA",
        granularity=0.0,
        reportBackDuration=0.0,
        payloads=(SpecifierPayload(rID="0", readingType="x-notApplicable"),),
    )
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(wanted,)))
    talk.run(11.0)
    again = talk.vtn.of(OadrRegisterReport)[-1]
    assert again.reportRequestID == "m"
    assert len(again.reports) == 3


def test_new_metadata_end_what_was_asked_before() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    assert list(talk.state.requests.asked) == ["q1"]
    wanted = replace(request("m", "METADATA", "power"), granularity=0.0, reportBackDuration=0.0)
    talk.vtn.meddle = lambda message: None
    talk.vtn.outbox.append(OadrCreateReport(requestID="c", requests=(wanted,)))
    talk.run(11.0)
    assert not talk.state.requests.asked


def test_an_outage_loses_no_report_and_a_restart_neither() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    minutes(talk, 1.0)
    talk.run(60.0)
    first = [values(report)[0][3] for report in told(talk)]

    def deaf(message: Message) -> int | None:
        return 503 if isinstance(message, OadrUpdateReport) else None

    talk.vtn.meddle = deaf
    talk.vtn.asked.clear()
    minutes(talk, 2.0, 3.0)
    talk.run(40.0)
    assert first == [1.0]
    again = Talk(memory=talk.memory)
    again.mono_s, again.utc_s = talk.mono_s, talk.utc_s
    again.run(5.0)
    assert [values(report)[0][2:4] for report in told(again)][:2] == [("power", 2.0), ("power", 3.0)] or len(
        told(again)
    ) >= 2
    assert again.state.stock.unsent == ()
    assert again.state.requests.pending == ("q1",)


def test_after_a_long_sleep_only_so_many_stretches_are_told() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    talk.mono_s += 1_000 * 60.0
    talk.utc_s += 1_000 * 60.0
    talk.run(20.0)
    begins = [(report.dtstart or 0.0) - ZERO_S for report in told(talk)]
    assert begins == [60.0 * n for n in range(899, 1000)]  # a hundred behind, and the one that has just ended
    assert talk.state.requests.pending == ("q1",)


def test_a_report_the_vtn_refuses_is_told_of_and_holds_up_no_other() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    talk.vtn.meddle = lambda message: (
        OadrUpdatedReport(eiResponse=EiResponse(responseCode=452)) if isinstance(message, OadrUpdateReport) else None
    )
    talk.run(200.0)
    assert len(told(talk)) == 3
    assert "452" in talk.alarms["report"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_vtn_that_denies_us_a_report_is_sent_it_again_after_nine_minutes(status: int) -> None:
    """The first minute ends at 60 s, is told ten seconds later, and again after 9/10 of ten minutes; nothing is lost."""
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    denied: list[float] = []

    def meddle(message: Message) -> int | None:
        if isinstance(message, OadrUpdateReport) and not denied:
            denied.append(talk.mono_s)
            return status
        return None

    talk.vtn.meddle = meddle
    talk.run(540.0)
    assert "access" in talk.alarms
    assert [read.refused for read in talk.reads if read.refused] != []
    assert len(talk.vtn.of(OadrUpdateReport)) == 1
    talk.run(120.0)
    again = [at_s for at_s, message in talk.sent if isinstance(message, OadrUpdateReport)][1]
    assert again - denied[0] == pytest.approx(540.0, abs=0.5)
    assert "access" not in talk.alarms


def test_a_report_request_that_is_refused_is_told_to_people_too() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "nothing"))
    (created,) = talk.vtn.of(OadrCreatedReport)
    assert not created.eiResponse.good
    assert ["report request refused" in text for text in talk.remarks] == [True]


def test_a_long_upload_holds_up_no_event() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power"))
    talk.vtn.meddle = lambda message: 503 if isinstance(message, OadrUpdateReport) else None
    talk.run(300.0)
    assert talk.reads[-1].at_s > talk.utc_s - 11.0
    assert "reach" not in talk.alarms


def test_reports_of_the_vtn_are_taken_politely() -> None:
    talk = begun()
    talk.vtn.outbox += [OadrRegisterReport(requestID="v1"), OadrUpdateReport(requestID="v2")]
    talk.run(11.0)
    assert talk.vtn.of(OadrRegisteredReport)[-1].eiResponse.requestID == "v1"
    assert talk.vtn.of(OadrUpdatedReport)[-1].eiResponse.requestID == "v2"
    assert Service.REPORT in talk.vtn.services


def test_the_site_is_the_whole_vens_and_the_devices_are_a_resources() -> None:
    talk = begun(terms=replace(TERMS, respondents={"": frozenset(), "r1": frozenset()}))
    both = [
        Average(Quantity.NET, None, ZERO_S, 60.0, 10.0, 1.0, Metered.CONNECTION),
        Average(Quantity.NET, None, ZERO_S, 60.0, -5.0, 1.0, Metered.DEVICES),
    ]
    for respondent in (ME, Respondent("vtn", "r1")):
        talk.take(Picture(respondent, (), tuple(both)))
    series = talk.state.stock.series
    assert [series[name].minutes[int(ZERO_S)].power_w for name in ("depot", "r1")] == [10.0, -5.0]


@pytest.mark.parametrize(
    ("begins_s", "length_s", "told_s", "next_s", "end_s"),
    [
        # it is 1000 s; every 60 s
        (None, 0.0, 1000.0, 1060.0, float("inf")),
        (None, 300.0, 1000.0, 1060.0, 1300.0),
        (None, 30.0, 1000.0, 1030.0, 1030.0),
        (1500.0, 300.0, 1500.0, 1560.0, 1800.0),
        (900.0, 300.0, 1000.0, 1060.0, 1200.0),  # begun in the past: from now on, and to the end that was asked for
    ],
)
def test_a_request_is_from_its_start_or_from_now_on(
    begins_s: float | None, length_s: float, told_s: float, next_s: float, end_s: float
) -> None:
    wanted = replace(request("q1", "TELEMETRY_USAGE", "power"), dtstart=begins_s, duration=length_s)
    found, _, refusals = requests.taken(requests.Requests(), (wanted,), TERMS, 1000.0)
    one = found.asked["q1"]
    assert (one.told_s, one.next_s, one.end_s, refusals) == (told_s, next_s, end_s, ())


@pytest.mark.parametrize(
    ("end_s", "ripe_s"),
    [(60_000.0, 60_010.0), (60_020.0, 60_030.0), (60_040.0, 60_070.0), (60_059.0, 60_070.0)],
)
def test_a_stretch_waits_for_the_minute_that_lies_in_it_for_the_most_part(end_s: float, ripe_s: float) -> None:
    """Which may end up to half a minute after it; ten seconds later it is averaged."""
    asked = Asked(request("q1", "TELEMETRY_USAGE", "power", granularity=60.0, back=60.0), end_s - 60.0, end_s)
    assert asked.ripe_s == ripe_s


def asked(talk: Talk, *wanted: ReportRequest) -> Talk:
    """These requests come with the next poll, among nothing else."""
    talk.vtn.asked.clear()
    talk.vtn.outbox.append(OadrCreateReport(requestID="q", requests=wanted))
    return talk.run(11.0)


def test_history_from_the_beginning_of_time_is_the_newest_of_it() -> None:
    """From year 1 on in minutes it would be a billion intervals; kept are three days, which are 4320."""
    talk = asked(begun(), request("h", "HISTORY_USAGE", "power", back=0.0, dtstart=-62_135_596_800.0))
    (report,) = told(talk)
    assert len(report.intervals) == 4320
    assert report.dtstart == report.intervals[0].dtstart
    assert (report.dtstart or 0.0) + (report.duration or 0.0) == pytest.approx(talk.utc_s, abs=12.0)
    assert any("newest part" in one for one in talk.remarks)
    assert not talk.state.requests.asked


def test_a_stretch_as_long_as_what_is_kept_is_told_whole_and_a_longer_one_of_longer_intervals_too() -> None:
    talk = begun()
    start_s = talk.utc_s - 30 * 86_400.0
    wanted = request(
        "h", "HISTORY_USAGE", "power", granularity=3600.0, back=0.0, dtstart=start_s, duration=30 * 86_400.0
    )
    (report,) = told(asked(talk, wanted))
    assert (report.dtstart, len(report.intervals)) == (start_s, 720)


def test_a_data_point_asked_for_many_times_is_told_once() -> None:
    talk = asked(
        begun(), request("h", "HISTORY_USAGE", *["power"] * 1000, back=0.0, dtstart=ZERO_S - 120.0, duration=120.0)
    )
    (report,) = told(talk)
    assert len(report.intervals) == 2


def test_no_step_writes_reports_without_end() -> None:
    """Two hundred requests for three days of minutes are 1.7 million values: their step took minutes."""
    talk = begun()
    one = request("h", "HISTORY_USAGE", "power", back=0.0, dtstart=0.0)
    asked = {name: Asked(replace(one, reportRequestID=name), talk.utc_s - 3 * 86_400.0, talk.utc_s) for name in "abc"}
    state = replace(talk.state, requests=requests.Requests(asked))
    for left in (2, 1, 0):
        done = step(state, Tick(), talk.now, Low())
        state = done.state
        assert (len(state.requests.asked), len(state.stock.unsent)) == (left, 3 - left)
        (wake,) = (output.mono_s for output in done.outputs if isinstance(output, WakeAt))
        assert (wake == talk.mono_s) is (left > 0)


def test_a_request_cancelled_many_times_in_one_message_is_told_once_more() -> None:
    talk = begun(request("q1", "TELEMETRY_USAGE", "power", back=3600.0))
    minutes(talk, 1000.0)
    talk.vtn.outbox.append(OadrCancelReport(requestID="c", reportRequestID=("q1",) * 50, reportToFollow=True))
    talk.run(11.0)
    assert len(told(talk)) == 1


def test_metadata_asked_for_very_often_in_one_message_are_refused() -> None:
    """Ten times are honest; each asks for a message of its own, hundreds of times as long."""
    talk = asked(begun(), *(request(f"m{number}", "METADATA", "x") for number in range(12)))
    assert len(talk.vtn.of(OadrRegisterReport)) == 10
    (created,) = talk.vtn.of(OadrCreatedReport)
    assert created.eiResponse.responseCode == 461


def test_reports_go_on_when_the_vtns_clock_is_set_back() -> None:
    """It was a year ahead and then was not: what was told of that year held back all reports until it had passed."""
    year_s = 365 * 86_400.0
    one = request("q1", "TELEMETRY_USAGE", "power", back=60.0)
    held = requests.Requests({"q1": Asked(one, year_s, year_s + 60.0)})
    assert requests.caught_up(held, 600.0).asked["q1"] == Asked(one, 600.0, 660.0)
    later = replace(one, dtstart=year_s)
    waits = requests.Requests({"q1": Asked(later, year_s, year_s + 60.0)})
    assert requests.caught_up(waits, 600.0) is waits
