"""A VTN's event as events of the model."""

import dataclasses
from typing import Any

import pytest

from grid_functions.model.control import ExportLimit, ImportLimit, ShedLevel
from grid_functions.model.event import EventStatus, Interval, RefusalKind, Respondent
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.timeline.windows import draw_s
from protocols.openadr3.translate.events import NO_PRIORITY, Seen, events_of, rank_of
from protocols.openadr3.wire import reader
from protocols.openadr3.wire.objects import EventDescriptor, Program
from tests.protocols.openadr3.rig import event, interval

TEN_PM_S = 1_795_989_600.0  # 2026-11-29T22:00:00Z
ME = Respondent("aggregator", "depot-7")
PROGRAM = Program(
    "p", "capacity", (EventDescriptor("EXPORT_CAPACITY_LIMIT", "W"), EventDescriptor("IMPORT_CAPACITY_LIMIT", "W"))
)
SEEN = Seen(7, 1_795_986_000.0)


def translated(**more: Any) -> Any:
    return events_of(reader.event({"id": "e"} | event("p", **more)), PROGRAM, ME, SEEN, SEEN.anchor_s)


def test_an_event_is_one_event() -> None:
    (found,), reject, remarks = translated(priority=3, createdDateTime="2026-11-29T21:00:00Z")
    assert (reject, remarks) == (None, ())
    assert (found.key.respondent, found.key.id, found.version, found.program) == (ME, "e", 7, "p")
    assert (found.rank.level, found.rank.created_s) == (3.0, 1_795_986_000.0)
    assert (found.start_s, found.duration_s, found.random_start_s) == (TEN_PM_S, 3600.0, 0.0)
    assert found.intervals == (Interval(0.0, 3600.0, (ImportLimit(5000.0),)),)
    assert found.status is EventStatus.SCHEDULED
    assert not found.test


def test_units_are_the_events_and_else_the_programs() -> None:
    (found,), _, _ = translated(intervals=[interval(0, IMPORT_CAPACITY_LIMIT=[5.0], EXPORT_CAPACITY_LIMIT=[1500])])
    assert found.intervals[0].controls == (ImportLimit(5000.0), ExportLimit(1500.0))


def test_priority_0_is_the_highest_and_none_the_lowest() -> None:
    levels = [
        rank_of(reader.event({"id": "e", "programID": "p", "priority": number})).level
        for number in (0, 1, 10**30, None)
    ]
    assert levels == sorted(levels)
    assert levels[0] == 0.0
    assert levels[2] < levels[3] == NO_PRIORITY


def test_a_priority_beyond_all_numbers_is_the_lowest_that_was_given() -> None:
    """The schema sets no upper end; JSON writes 401 digits as easily as one."""
    told, none, last = (
        rank_of(reader.event({"id": "e", "programID": "p", "priority": number})).level
        for number in (10**400, None, 2**53 - 1)
    )
    assert told == last < none


def test_a_range_is_drawn_either_way() -> None:
    """The timeline draws in [0, window]: a window of 10 minutes that begins 5 before the start is 5 either way."""
    (found,), _, _ = translated(
        intervalPeriod={"start": "2026-11-29T22:00:00Z", "duration": "PT1H", "randomizeStart": "PT5M"}
    )
    assert (found.start_s, found.random_start_s) == (TEN_PM_S - 300.0, 600.0)
    draws = [
        found.start_s + draw_s(bytes([seed]), found.key, "start", found.random_start_s) - TEN_PM_S for seed in range(64)
    ]
    assert all(-300.0 <= one <= 300.0 for one in draws)
    assert min(draws) < 0 < max(draws)


def test_stretches_with_ranges_of_their_own_are_events_of_their_own() -> None:
    own = {"randomizeStart": "PT1M"}
    (first, second), _, _ = translated(
        intervals=[interval(0, IMPORT_CAPACITY_LIMIT=[5.0]), interval(1, own, IMPORT_CAPACITY_LIMIT=[6.0])]
    )
    assert (first.key.id, first.start_s, first.random_start_s) == ("e", TEN_PM_S, 0.0)
    assert (second.key.id, second.start_s, second.random_start_s) == ("e#1", TEN_PM_S + 3600.0 - 60.0, 120.0)
    assert second.intervals == (Interval(0.0, 3600.0, (ImportLimit(6000.0),)),)


def test_called_off_is_cancelled() -> None:
    (found,), reject, _ = translated(intervalPeriod={"start": "0001-01-01T00:00:00Z", "duration": "PT0S"})
    assert (found.status, found.key.id, reject) == (EventStatus.CANCELLED, "e", None)


def test_now_is_when_it_was_first_seen() -> None:
    (found,), _, _ = translated(intervalPeriod={"start": "0001-01-01", "duration": "P9999Y"})
    assert (found.start_s, found.duration_s, found.intervals[0].duration_s) == (SEEN.anchor_s, None, None)


def test_prices_are_a_series() -> None:
    found_, _, _ = translated(
        payloadDescriptors=[
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "units": "KWH", "currency": "EUR"}
        ],
        intervals=[interval(0, PRICE=[0.2, 0.3]), interval(1, PRICE=[0.1])],
    )
    (found,) = found_
    prices = [(one.offset_s, one.duration_s, one.controls) for one in found.intervals]
    assert prices == [
        (0.0, 1800.0, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.2, "EUR"),)),
        (1800.0, 1800.0, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.3, "EUR"),)),
        (3600.0, 3600.0, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.1, "EUR"),)),
    ]


def test_what_is_not_known_is_left_out_and_the_rest_taken() -> None:
    (found,), reject, remarks = translated(
        intervals=[interval(0, X_MINE=["?"], DISPATCH_INSTRUCTION=[1], SIMPLE=[2]), interval(1, CTA2045_REBOOT=[1])]
    )
    assert reject is None
    assert [one.controls for one in found.intervals] == [(ShedLevel(2),)]
    assert len(remarks) == 3


@pytest.mark.parametrize("kind", ["DISPATCH_INSTRUCTION", "CTA2045_REBOOT", "CTA2045_SET_OVERRIDE_STATUS", "X_MINE"])
def test_nothing_but_what_is_not_known_is_refused(kind: str) -> None:
    events, reject, _ = translated(intervals=[{"id": 0, "payloads": [{"type": kind, "values": [1]}]}])
    assert events == ()
    assert reject is not None
    assert (reject.id, reject.kind) == ("e", RefusalKind.NOT_APPLICABLE)
    assert kind in reject.text


@pytest.mark.parametrize(
    "intervals",
    [
        [interval(0, IMPORT_CAPACITY_LIMIT=["NaN"])],
        [interval(0, IMPORT_CAPACITY_LIMIT=[])],
        [interval(0, IMPORT_CAPACITY_LIMIT=[5.0]), interval(1, IMPORT_CAPACITY_LIMIT=["5"])],
        [interval(0, IMPORT_CAPACITY_LIMIT=[5.0], SIMPLE=[9])],
        [interval(0, {"start": "2026-11-29T22:00:00Z"}, SIMPLE=[1]), interval(1, {"duration": "PT1H"}, SIMPLE=[1])],
    ],
)
def test_a_broken_value_refuses_the_whole_event(intervals: list[dict[str, Any]]) -> None:
    given = reader.event({"id": "e"} | event("p", intervals=intervals))
    given = (
        given
        if len(intervals) != 2 or intervals[1].get("intervalPeriod") is None
        else dataclasses.replace(given, period=None)
    )
    events, reject, _ = events_of(given, PROGRAM, ME, SEEN, SEEN.anchor_s)
    assert events == ()
    assert reject is not None
    assert reject.kind is RefusalKind.INVALID


def test_a_start_without_a_zone_is_utc_and_said_so() -> None:
    (found,), _, remarks = translated(intervalPeriod={"start": "2026-11-29 22:00:00", "duration": "PT1H"})
    assert found.start_s == TEN_PM_S
    assert remarks == ("a start without a zone, taken as UTC",)


def test_an_event_that_only_asks_for_reports_asks_for_nothing_else() -> None:
    assert translated(intervals=[], reportDescriptors=[{"payloadType": "USAGE"}]) == ((), None, ())


def test_apparent_power_is_taken_as_active_and_said_so() -> None:
    descriptor = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KVA"}
    (found,), _, remarks = translated(payloadDescriptors=[descriptor])
    assert found.intervals[0].controls == (ImportLimit(5000.0),)
    assert remarks == ("IMPORT_CAPACITY_LIMIT in KVA, taken as active power",)
