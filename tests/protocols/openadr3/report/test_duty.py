"""When reports are due and what about; every expectation counted by hand. Second 0 is noon of 2026-11-29, UTC."""

from typing import Any

import pytest

from protocols.openadr3.report import duty
from protocols.openadr3.timing import Laid
from protocols.openadr3.wire import reader
from protocols.openadr3.wire.objects import Event

NOON_S = 1_795_953_600.0
HOURS = {"start": "2026-11-29T12:00:00Z", "duration": "PT1H"}


def asked(hours: int = 4, period: dict[str, str] | None = None, duration: str = "PT0S", **descriptor: Any) -> Event:
    return reader.event(
        {
            "id": "e",
            "programID": "p",
            "duration": duration,
            "intervalPeriod": HOURS if period is None else period,
            "intervals": [{"id": 10 + number, "payloads": []} for number in range(hours)],
            "reportDescriptors": [{"payloadType": "USAGE", **descriptor}],
        }
    )


def plan(event: Event, most: int = 8) -> list[tuple[float, int, int]]:
    """(due in hours after noon, first and last interval) of each report."""
    found = []
    for index in range(most):
        one = duty.due(Laid(event, NOON_S), event.reports[0], index, 900.0)
        if one is None:
            break
        found.append(((one.at_s - NOON_S) / 3600.0, one.first, one.last))
    return found


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        ({}, [(4.0, 0, 3)]),
        ({"repeat": -1}, [(4.0, 0, 3)]),
        (
            {"startInterval": 0, "numIntervals": 1, "frequency": 1, "repeat": -1},
            [(1.0, 0, 0), (2.0, 1, 1), (3.0, 2, 2), (4.0, 3, 3)],
        ),
        ({"startInterval": 0, "numIntervals": 1, "repeat": 3}, [(1.0, 0, 0), (2.0, 1, 1), (3.0, 2, 2)]),
        ({"startInterval": 1, "numIntervals": 2, "repeat": -1}, [(2.0, 0, 1), (4.0, 2, 3)]),
        (
            {"startInterval": 0, "numIntervals": 2, "frequency": 1, "repeat": -1},
            [(1.0, 0, 0), (2.0, 0, 1), (3.0, 1, 2), (4.0, 2, 3)],
        ),
        ({"startInterval": 2}, [(3.0, 0, 2)]),
        ({"startInterval": 9}, []),
        ({"frequency": 0}, [(4.0, 0, 3)]),
        ({"numIntervals": 1}, [(4.0, 3, 3)]),
        ({"historical": False, "startInterval": 0}, [(0.0, 0, 3)]),
        ({"historical": False, "startInterval": 0, "numIntervals": 2, "repeat": -1}, [(0.0, 0, 1), (2.0, 2, 3)]),
        ({"historical": False, "startInterval": 3, "numIntervals": 2}, [(3.0, 3, 3)]),
        ({"repeat": 0}, [(4.0, 0, 3)]),
    ],
)
def test_reports_are_due(descriptor: dict[str, Any], expected: list[tuple[float, int, int]]) -> None:
    assert plan(asked(**descriptor)) == expected


def test_a_schedule_that_repeats_for_ever_is_reported_interval_by_interval() -> None:
    event = asked(2, duration="P9999Y", startInterval=0, numIntervals=1, frequency=1, repeat=-1)
    assert plan(event, 3) == [(1.0, 0, 0), (2.0, 1, 1), (3.0, 2, 2)]
    far = duty.due(Laid(event, NOON_S), event.reports[0], 1_000_000, 900.0)
    assert far is not None
    assert far.at_s == NOON_S + 3600.0 * 1_000_001
    (span,) = duty.spans(Laid(event, NOON_S), event.reports[0], far, 900.0)
    assert (span.id, span.end_s - span.start_s) == (10, 3600.0)


def test_an_interval_without_end_is_told_in_pieces() -> None:
    event = asked(
        1, {"start": HOURS["start"], "duration": "P9999Y"}, startInterval=0, numIntervals=1, frequency=1, repeat=-1
    )
    assert plan(event, 3) == [(0.25, 0, 0), (0.5, 1, 1), (0.75, 2, 2)]
    one = duty.due(Laid(event, NOON_S), event.reports[0], 2, 900.0)
    assert one is not None
    (span,) = duty.spans(Laid(event, NOON_S), event.reports[0], one, 900.0)
    assert (span.id, span.start_s - NOON_S, span.end_s - NOON_S) == (10, 1800.0, 2700.0)


def test_an_event_without_end_asked_for_one_report_gives_one() -> None:
    event = asked(1, {"start": HOURS["start"], "duration": "P9999Y"})
    assert plan(event) == [(0.25, 0, 0)]


@pytest.mark.parametrize("kind", ["SUB_INTERVALS", "OPEN_INTERVALS"])
def test_sub_intervals_are_ours_to_choose_and_keep_the_id(kind: str) -> None:
    event = asked(2, reportIntervals=kind)
    one = duty.due(Laid(event, NOON_S), event.reports[0], 0, 900.0)
    assert one is not None
    spans = duty.spans(Laid(event, NOON_S), event.reports[0], one, 900.0)
    assert [span.id for span in spans] == [10] * 12 + [11] * 12
    assert {span.end_s - span.start_s for span in spans} == {300.0}


def test_no_report_is_without_measure() -> None:
    event = asked(4, startInterval=0, numIntervals=2**30, historical=False, duration="P9999Y")
    one = duty.due(Laid(event, NOON_S), event.reports[0], 0, 900.0)
    assert one is not None
    assert len(duty.spans(Laid(event, NOON_S), event.reports[0], one, 900.0)) <= duty.MOST_SPANS


def test_an_event_without_intervals_is_reported_never() -> None:
    assert plan(asked(0)) == []
