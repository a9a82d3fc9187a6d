"""Reports asked for by events: made when due, stored, forwarded."""

import sys
from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import BaselineKind, BaselineTerms
from grid_functions.model.usual import Hours, Usual
from protocols.exchange import Tell, Told
from protocols.openadr3.report import outbox
from protocols.openadr3.session.exchange import Picture
from tests.protocols.openadr3.report.site import battery, charger, minute, picture
from tests.protocols.openadr3.rig import MONO_S, TERMS, UTC_S, Rig, gaps, in_3_0_1, interval

EACH = {"startInterval": 0, "numIntervals": 1, "frequency": 1, "repeat": -1}
QUARTERS = {"start": "2026-11-29T21:15:00Z", "duration": "PT15M"}
ME = Respondent("aggregator", "depot-7")


def quarters(*kinds: str, count: int = 3, **more: Any) -> dict[str, Any]:
    """An event of quarters of an hour from 21:15, and reports after each."""
    return {
        "intervalPeriod": QUARTERS,
        "intervals": [interval(5 + number, SIMPLE=[1]) for number in range(count)],
        "reportDescriptors": [{"payloadType": kind, **EACH} for kind in kinds],
        **more,
    }


def live(rig: Rig, minutes: int, watts: float = 4000.0, who: Respondent = ME, usual: Usual | None = None) -> None:
    """Let the site live, minute by minute."""
    for _ in range(minutes):
        rig.run(60.0)
        start_s = (rig.utc // 60.0 - 1) * 60.0
        rig.give(Picture(who, picture([battery(), charger()]), (minute(start_s, watts),), usual))


def told(rig: Rig) -> list[dict[str, Any]]:
    return [dict(one.json) for one in rig.store.all("REPORT")]


def values(report: dict[str, Any], resource: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (
            one["id"],
            one["intervalPeriod"]["start"],
            {payload["type"]: payload["values"][0] for payload in one["payloads"]},
        )
        for one in report["resources"][resource]["intervals"]
    ]


@pytest.fixture(params=["3.1", "3.0.1"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(TERMS if request.param == "3.1" else in_3_0_1())


def test_each_interval_is_reported_under_its_id(rig: Rig) -> None:
    name = rig.event(rig.program(), **quarters("USAGE", "DEMAND"))
    rig.settle()
    live(rig, 62)
    reports = told(rig)
    assert [values(one) for one in reports] == [
        [(5, "2026-11-29T21:15:00Z", {"USAGE": 1.0, "DEMAND": 4.0})],
        [(6, "2026-11-29T21:30:00Z", {"USAGE": 1.0, "DEMAND": 4.0})],
        [(7, "2026-11-29T21:45:00Z", {"USAGE": 1.0, "DEMAND": 4.0})],
    ]
    assert {one["eventID"] for one in reports} == {name}
    assert {one["clientName"] for one in reports} == {"depot-7"}
    assert {one["resources"][0]["resourceName"] for one in reports} == {"depot-7"}
    assert [one["units"] for one in reports[0]["payloadDescriptors"]] == ["KWH", "KW"]


@pytest.mark.parametrize(
    ("kind", "reading", "value"), [(BaselineKind.LIKE_HOURS, "MEAN", 0.5), (BaselineKind.PRESENT, "DIRECT_READ", 1.0)]
)
def test_a_baseline_is_the_sites_and_says_which_it_is(rig: Rig, kind: BaselineKind, reading: str, value: float) -> None:
    """Of a quarter of an hour at 4 kW: 2 kW in like hours, or the 4 kW when the event began."""
    name = rig.event(rig.program(), **quarters("BASELINE", count=1))
    rig.settle()
    today = int(UTC_S // 86_400)
    usual = Usual({("", 21): Hours(((today - 7, 2000.0), (today - 1, 2000.0)))}, BaselineTerms(kind=kind))
    live(rig, 15, usual=usual)
    began = Outcome(EventKey(ME, name), OutcomeKind.STARTED, Moment("aggregator", rig.utc))
    rig.give(Tell(began))
    live(rig, 17, usual=usual)
    (report,) = told(rig)
    assert [one["readingType"] for one in report["payloadDescriptors"]] == [reading]
    assert values(report)[0][2]["BASELINE"] == value


def test_by_default_all_is_told_once_after_the_last(rig: Rig) -> None:
    rig.event(rig.program(), **quarters(reportDescriptors=[{"payloadType": "USAGE"}]))
    rig.settle()
    live(rig, 90)
    (report,) = told(rig)
    assert [one[:2] for one in values(report)] == [
        (5, "2026-11-29T21:15:00Z"),
        (6, "2026-11-29T21:30:00Z"),
        (7, "2026-11-29T21:45:00Z"),
    ]


def test_an_event_seen_late_is_reported_from_then_on(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE"))
    rig.mono += 2000.0  # 21:33
    rig.settle()
    live(rig, 30)
    assert [values(one)[0][0] for one in told(rig)] == [6, 7]


def test_of_a_long_event_seen_late_too(rig: Rig) -> None:
    """The interval that ends at 02:00 is the 19th, number 18; it is 01:59:50."""
    rig.event(rig.program(), **quarters("USAGE", count=40))
    rig.mono += 17_990.0
    rig.settle()
    live(rig, 30)
    assert [values(one)[0][0] for one in told(rig)] == [5 + 18, 5 + 19]


def test_a_report_leaves_a_quarter_of_a_minute_after_its_end_and_again_with_doubling_patience(rig: Rig) -> None:
    """Due at 21:30:15, 1815 s after our birth; the waits are 7/8 of 5, 10, 20 s, and 0.05 s for the answer."""
    rig.event(rig.program(), **quarters("USAGE", count=1))
    trick = rig.trick("status", "/reports", status=500)
    rig.settle().run(1850.0)
    times = rig.sent("/reports", "POST")
    assert times[0] - MONO_S == pytest.approx(1815.0, abs=0.01)
    assert gaps(times) == pytest.approx([4.425, 8.8, 17.55])
    rig.desk.tricks.remove(trick)
    rig.run(60.0)
    assert len(told(rig)) == 1


def test_the_next_that_waits_follows_at_once(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE", count=1))
    rig.event(rig.program("other"), **quarters("DEMAND", count=1))
    rig.settle().run(1830.0)
    assert gaps(rig.sent("/reports", "POST")) == pytest.approx([0.05], abs=0.01)


def test_only_a_demand_has_a_peak(rig: Rig) -> None:
    """2 kW, but 4 kW in the last minute: the mean of the quarter of an hour is 32/15 kW."""
    asked = [
        {"payloadType": "DEMAND", "readingType": "PEAK", **EACH},
        {"payloadType": "USAGE", "readingType": "PEAK", **EACH},
        {"payloadType": "DEMAND", **EACH},
    ]
    rig.event(rig.program(), **quarters(count=1, reportDescriptors=asked[:2]))
    rig.event(rig.program("other"), **quarters(count=1, reportDescriptors=asked[2:]))
    rig.settle()
    live(rig, 29, 2000.0)
    live(rig, 3, 4000.0)
    told_of = {
        (one["type"], one["values"][0])
        for report in told(rig)
        for one in report["resources"][0]["intervals"][0]["payloads"]
    }
    assert ("DEMAND", 4.0) in told_of
    assert any(kind == "DEMAND" and value == pytest.approx(32 / 15, abs=1e-3) for kind, value in told_of)
    types = sorted(
        (one["payloadType"], one["readingType"]) for report in told(rig) for one in report["payloadDescriptors"]
    )
    assert types == [("DEMAND", "MEAN"), ("DEMAND", "PEAK"), ("USAGE", "SUMMED")]


def test_what_was_not_measured_is_missing_and_said_so(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE", "STORAGE_CHARGE_LEVEL", count=1))
    rig.settle().run(3600.0)
    (report,) = told(rig)
    assert values(report)[0][2] == {"DATA_QUALITY": "MISSING"}


def test_a_forecast_comes_before(rig: Rig) -> None:
    descriptor = {"payloadType": "USAGE_FORECAST", "historical": False, "startInterval": 0}
    rig.event(rig.program(), **quarters(reportDescriptors=[descriptor]))
    rig.settle()
    live(rig, 17)
    (report,) = told(rig)
    assert values(report) == [
        (5, "2026-11-29T21:15:00Z", {"USAGE_FORECAST": 1.0}),
        (6, "2026-11-29T21:30:00Z", {"USAGE_FORECAST": 1.0}),
        (7, "2026-11-29T21:45:00Z", {"USAGE_FORECAST": 1.0}),
    ]


def test_a_forecast_of_an_event_seen_late_is_made_at_once(rig: Rig) -> None:
    descriptor = {
        "payloadType": "USAGE_FORECAST",
        "historical": False,
        "startInterval": 0,
        "numIntervals": 1,
        "repeat": -1,
    }
    rig.event(rig.program(), **quarters(reportDescriptors=[descriptor]))
    rig.mono += 2000.0  # 21:33, in the second interval
    rig.settle()
    live(rig, 2)
    assert [values(one)[0][0] for one in told(rig)] == [6]


def outcome(event: str, kind: OutcomeKind, at_s: float) -> Tell:
    return Tell(Outcome(EventKey(ME, event), kind, Moment("aggregator", at_s)))


def test_the_operating_state_tells_how_an_event_is_followed(rig: Rig) -> None:
    """No answer to an event exists in OpenADR 3; this is where acceptance shows."""
    name = rig.event(rig.program(), **quarters("OPERATING_STATE", "SIMPLE_LEVEL"))
    rig.settle()
    rig.give(outcome(name, OutcomeKind.RECEIVED, UTC_S))
    rig.give(outcome(name, OutcomeKind.STARTED, UTC_S + 900.0))
    live(rig, 32)
    rig.give(outcome(name, OutcomeKind.OPTED_OUT, rig.utc))
    live(rig, 16)
    rig.give(outcome(name, OutcomeKind.OPTED_IN, rig.utc))
    live(rig, 16)
    assert [one[2] for report in told(rig) for one in values(report)] == [
        {"OPERATING_STATE": "RUNNING_CURTAILED", "SIMPLE_LEVEL": 1.0},
        {"OPERATING_STATE": "RUNNING_OPTED_OUT", "SIMPLE_LEVEL": 0.0},
        {"OPERATING_STATE": "RUNNING_CURTAILED", "SIMPLE_LEVEL": 1.0},  # as it was at the interval's end
    ]


def test_how_an_event_is_followed_outlives_a_restart(rig: Rig) -> None:
    name = rig.event(rig.program(), **quarters("OPERATING_STATE", count=1))
    rig.settle()
    rig.give(outcome(name, OutcomeKind.STARTED, UTC_S + 900.0))
    again = rig.again()
    again.settle()
    live(again, 32)
    assert [one[2] for report in told(again) for one in values(report)] == [{"OPERATING_STATE": "RUNNING_CURTAILED"}]


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        ({"SIMPLE": [2]}, "CURTAILED"),
        ({"SIMPLE": [0]}, "NORMAL"),
        ({"PRICE": [0.3]}, "NORMAL"),
        ({"DISPATCH_SETPOINT_RELATIVE": [2.0]}, "HEIGHTENED"),
        ({"DISPATCH_SETPOINT_RELATIVE": [0.5]}, "HEIGHTENED"),
        ({"DISPATCH_SETPOINT_RELATIVE": [0.0]}, "NORMAL"),
        ({"DISPATCH_SETPOINT_RELATIVE": [-0.5]}, "CURTAILED"),
        ({"CONTROL_LEVEL_OFFSET": [-2]}, "CURTAILED"),
        ({"IMPORT_CAPACITY_LIMIT": [5.0]}, "CURTAILED"),
    ],
)
def test_what_following_means(payload: dict[str, list[Any]], state: str) -> None:
    rig = Rig()
    given = quarters("OPERATING_STATE", count=1) | {"intervals": [interval(5, **payload)]}
    name = rig.event(rig.program(), **given)
    rig.settle()
    rig.give(outcome(name, OutcomeKind.STARTED, UTC_S + 900.0))
    live(rig, 35)
    (report,) = told(rig)
    assert values(report)[0][2] == {"OPERATING_STATE": f"RUNNING_{state}"}


def test_an_outcome_is_settled_at_once(rig: Rig) -> None:
    given = outcome("e", OutcomeKind.DISPLACED, UTC_S)
    rig.give(given)
    assert rig.told == [Told(given.outcome, "told by reports")]


def test_each_resource_tells_of_itself_and_together_if_asked() -> None:
    rig = Rig(replace(TERMS, serves={"evse-1": frozenset({"evse"}), "evse-2": frozenset({"battery"})}))
    kinds = [
        {"payloadType": "LOAD_SHED_DELTA_AVAILABLE", **EACH},
        {"payloadType": "LOAD_SHED_DELTA_AVAILABLE", "aggregate": True, **EACH},
    ]
    rig.event(rig.program(), **quarters(count=1, reportDescriptors=kinds))
    rig.settle()
    for _ in range(32):
        live(rig, 1, who=Respondent("aggregator", "evse-1"))
        rig.give(Picture(Respondent("aggregator", "evse-2"), picture([battery(), charger()]), ()))
    each, whole = told(rig)
    assert [one["resourceName"] for one in each["resources"]] == ["evse-1", "evse-2"]
    assert [values(each, number)[0][2] for number in (0, 1)] == [
        {"LOAD_SHED_DELTA_AVAILABLE": 7.0},
        {"LOAD_SHED_DELTA_AVAILABLE": 0.0},
    ]
    assert [one["resourceName"] for one in whole["resources"]] == ["AGGREGATED_REPORT"]
    assert values(whole)[0][2] == {"LOAD_SHED_DELTA_AVAILABLE": 7.0}


@pytest.mark.parametrize("kind", ["X_MOOD", "IMPORT_RESERVATION_CAPACITY", "EXPORT_RESERVATION_FEE"])
def test_what_a_site_cannot_know_is_said_and_the_rest_told(kind: str) -> None:
    rig = Rig()
    rig.event(rig.program(), **quarters(kind, "USAGE", count=1))
    rig.settle()
    assert kind in rig.alarms["report types"]
    live(rig, 32)
    assert [values(one)[0][2] for one in told(rig)] == [{"USAGE": 1.0}]


# Stored and forwarded


def test_an_outage_loses_no_report(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE"))
    rig.settle()
    live(rig, 5)
    rig.down = True
    live(rig, 60)
    assert told(rig) == []
    rig.down = False
    live(rig, 10)
    assert [values(one)[0][0] for one in told(rig)] == [5, 6, 7]


def test_a_restart_loses_none_and_repeats_none(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE"))
    rig.settle()
    live(rig, 32)
    assert len(told(rig)) == 1
    trick = rig.trick("status", "/reports", status=503)
    live(rig, 15)
    again = rig.again()
    assert trick.met
    again.settle()
    live(again, 20)
    assert [values(one)[0][0] for one in told(again)] == [5, 6, 7]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_report_refused_for_good_holds_up_no_other(rig: Rig, status: int) -> None:
    rig.event(rig.program(), **quarters("USAGE"))
    rig.settle()
    rig.trick("status", "/reports", status=status, times=1)
    live(rig, 32)
    assert "report" in rig.alarms
    live(rig, 30)
    assert [values(one)[0][0] for one in told(rig)] == [6, 7]
    assert "report" not in rig.alarms


def test_409_says_it_is_there_already(rig: Rig) -> None:
    rig.event(rig.program(), **quarters("USAGE", count=1))
    rig.settle()
    rig.trick("status", "/reports", status=409)
    live(rig, 40)
    assert len(rig.posted("/reports")) == 1
    assert "report" not in rig.alarms


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_anything_else_is_tried_again_with_the_same_bytes(rig: Rig, status: int) -> None:
    rig.event(rig.program(), **quarters("USAGE", count=1))
    rig.settle()
    trick = rig.trick("status", "/reports", status=status)
    live(rig, 40)
    rig.desk.tricks.remove(trick)
    live(rig, 10)
    posted = rig.posted("/reports")
    assert 3 <= len(posted) <= 25
    assert all(one == posted[0] for one in posted)
    assert len(told(rig)) == 1


def test_reports_that_nobody_takes_are_bounded() -> None:
    rig = Rig(replace(TERMS, floor_s=3600.0))
    period = {"start": "2026-11-29T21:00:00Z", "duration": "PT1M"}
    given = quarters("USAGE", count=1) | {"intervalPeriod": period, "duration": "P9999Y"}
    rig.event(rig.program(), **given)
    rig.settle()
    rig.trick("status", "/reports", status=503)
    rig.run(8.6 * 3600.0)
    assert len(rig.state.reporting.outbox.letters) == 500
    assert "reports lost" in rig.alarms


def test_an_event_that_is_gone_is_reported_no_more(rig: Rig) -> None:
    program = rig.program()
    name = rig.event(program, **quarters("USAGE"))
    rig.settle()
    live(rig, 32)
    rig.write("DELETE", f"/events/{name}")
    live(rig, 40)
    assert len(told(rig)) == 1


def test_a_report_is_all_an_event_may_ask_for() -> None:
    rig = Rig()
    given = quarters("STORAGE_CHARGE_LEVEL", count=1) | {"intervals": [{"id": 0, "payloads": []}]}
    rig.event(rig.program(), **given)
    rig.settle()
    assert (rig.read.events, rig.read.rejects) == ((), ())
    live(rig, 35)
    assert values(told(rig)[0])[0][2] == {"STORAGE_CHARGE_LEVEL": 0.6}


def steps_for(minutes: int) -> int:
    """How many functions the session calls for an event of so many minutes, from its first sight to its report."""
    rig = Rig(replace(TERMS, floor_s=3600.0))
    period = {"start": "2026-11-29T21:00:00Z", "duration": "PT1M"}
    intervals = [interval(number, SIMPLE=[1]) for number in range(minutes)]
    rig.event(rig.program(), intervalPeriod=period, intervals=intervals, reportDescriptors=[{"payloadType": "USAGE"}])
    calls = 0

    def counted(frame: object, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(counted)
    try:
        rig.settle().run(60.0 * minutes + 60.0)
    finally:
        sys.setprofile(None)
    assert len(told(rig)) == 1
    return calls


def test_twice_the_intervals_are_twice_the_work() -> None:
    """A day of five minutes, as VTNs send it, is read and reported between two decisions: nothing may grow with its square."""
    assert steps_for(120) < 3 * steps_for(60)


def test_after_a_month_of_rest_no_more_reports_are_made_up_for_than_would_be_kept(rig: Rig) -> None:
    """One a minute, 43,200 were made one after the other, each with all that waited written down anew, and 500 kept."""
    period = {"start": "2026-10-01T12:00:00Z", "duration": "PT1M"}
    rig.event(rig.program(), **quarters("USAGE", count=1) | {"intervalPeriod": period, "duration": "P9999Y"})
    rig.settle()
    live(rig, 5)
    (index,) = rig.state.reporting.next.values()
    reporting = rig.state.reporting
    month = 30 * 1440
    rig.state = replace(rig.state, reporting=replace(reporting, next=dict.fromkeys(reporting.next, index - month)))
    before = len(rig.posted("/reports"))
    live(rig, 20)
    assert 495 <= len(rig.posted("/reports")) - before <= 530
    assert "reports lost" in rig.alarms


def test_reports_that_wait_are_bounded_in_bytes_too_and_the_newest_stays() -> None:
    """A day of minutes of many values is megabytes: five hundred of them were kept, and all written down with each."""
    box = outbox.Outbox()
    for number in range(5):
        box = outbox.put(box, outbox.Letter.of(str(number), {"text": "x" * 1_000_000}))
    assert ([one.about for one in box.letters], box.lost) == (["1", "2", "3", "4"], 1)
    box = outbox.put(box, outbox.Letter.of("5", {"text": "x" * 5_000_000}))
    assert ([one.about for one in box.letters], box.lost) == (["5"], 5)
    assert [one.length for one in outbox.restored(outbox.plain(box)).letters] == [one.length for one in box.letters]


def test_a_forecast_reaches_to_the_end_of_the_calendar_and_ends_no_session(rig: Rig) -> None:
    """A hundred intervals of 99 years: what begins in the year 10,000 can be told in no date, and every step of the session raised."""
    ask = {
        "payloadType": "USAGE_FORECAST",
        "historical": False,
        "startInterval": 0,
        "numIntervals": -1,
        "frequency": -1,
    }
    given = {
        "intervalPeriod": {"start": "2026-11-29T21:01:00Z", "duration": "P99Y"},
        "intervals": [interval(number, SIMPLE=[1]) for number in range(100)],
        "reportDescriptors": [ask],
    }
    rig.event(rig.program(), **given)
    live(rig, 3)
    (report,) = told(rig)
    # 99 years of 365 days are 36,135 days; 2,912,110 are left of the calendar, which is 80.6 times as much: 0 to 80 begin in it
    assert [one["id"] for one in report["resources"][0]["intervals"]] == list(range(81))
    reads = len(rig.reads)
    rig.run(600.0)
    assert len(rig.reads) > reads
