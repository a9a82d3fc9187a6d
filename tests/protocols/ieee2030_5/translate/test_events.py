"""DERControl and DefaultDERControl as events and standings; outcomes as Response status."""

from typing import Any

import pytest

from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Ramp,
    Rank,
    RefusalKind,
    Reject,
    Respondent,
    Settings,
    Wanted,
)
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Cause, Outcome, OutcomeKind, Part
from protocols.ieee2030_5.translate.controls import Missing
from protocols.ieee2030_5.translate.events import event_of, reject_of, standing_of
from protocols.ieee2030_5.translate.outcomes import status_of
from protocols.ieee2030_5.wire.datatypes import ActivePower, DateTimeInterval
from protocols.ieee2030_5.wire.datatypes import EventStatus as Told
from protocols.ieee2030_5.wire.der import DefaultDERControl, DERControl, DERControlBase, DERProgram
from protocols.ieee2030_5.wire.reader import Reject as Unread

WHO = Respondent("utility", "AB")
PROGRAM = DERProgram(mRID="07", primacy=3)


def _none(href: str) -> Missing:
    return Missing(lasting=True)


def _control(**changes: Any) -> DERControl:
    given: dict[str, Any] = {
        "mRID": "0E",
        "creationTime": 500,
        "EventStatus": Told(currentStatus=0, dateTime=0, potentiallySuperseded=False),
        "interval": DateTimeInterval(600, 1000),
        "DERControlBase": DERControlBase(opModMaxLimW=5000),
    }
    return DERControl(**(given | changes))


def _event(category: int = 0, **changes: Any) -> Event | Reject | None:
    event, _remarks = event_of(_control(**changes), PROGRAM, WHO, category, _none, "0E")
    assert event is None or isinstance(event, Event | Reject)
    return event


def _taken(**changes: Any) -> Event:
    event = _event(**changes)
    assert isinstance(event, Event)
    return event


def test_what_an_event_carries() -> None:
    event = _taken(version=2, randomizeStart=-60, randomizeDuration=30, responseRequired=7)
    assert event.key == EventKey(WHO, "0E")
    assert (event.version, event.program) == (2, "07")
    assert event.rank == Rank(3.0, 500.0, "0E")
    assert (event.start_s, event.duration_s) == (1000.0, 600.0)
    assert (event.random_start_s, event.random_duration_s) == (-60.0, 30.0)
    assert event.wants == {Wanted.RECEIPT, Wanted.SPECIFIC, Wanted.USER}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (0, EventStatus.SCHEDULED),
        (1, EventStatus.ACTIVE),
        (2, EventStatus.CANCELLED),
        (3, EventStatus.CANCELLED_RANDOMISED),
        (4, EventStatus.SUPERSEDED),
        (5, EventStatus.COMPLETED),
        (6, EventStatus.UNKNOWN),
        (255, EventStatus.UNKNOWN),
    ],
)
def test_status_is_advice_and_an_unknown_one_keeps_the_event(code: int, status: EventStatus) -> None:
    told = Told(currentStatus=code, dateTime=0, potentiallySuperseded=False)
    assert _taken(EventStatus=told).status is status


@pytest.mark.parametrize(("hundredths", "ramp"), [(None, None), (0, Ramp(over_s=0.0)), (6000, Ramp(over_s=60.0))])
def test_ramp_tms_is_in_hundredths_of_a_second(hundredths: int | None, ramp: Ramp | None) -> None:
    assert _taken(DERControlBase=DERControlBase(opModConnect=True, rampTms=hundredths)).ramp == ramp


@pytest.mark.parametrize(
    ("asked", "ours", "answers"),
    [
        (None, 1 << 21, True),
        (0, 1 << 21, True),
        (1 << 21, 1 << 21, True),
        (1 << 25, 1 << 21, False),
        (1 << 25, 0, True),
    ],
)
def test_a_device_category_that_is_not_ours_is_not_for_us(asked: int | None, ours: int, answers: bool) -> None:
    assert (_event(ours, deviceCategory=asked) is not None) is answers


@pytest.mark.parametrize("until", [None, 700])
def test_a_hint_that_it_may_be_superseded_is_shown_and_changes_nothing(until: int | None) -> None:
    told = Told(currentStatus=0, dateTime=0, potentiallySuperseded=True, potentiallySupersededTime=until)
    event, remarks = event_of(_control(EventStatus=told), PROGRAM, WHO, 0, _none, "0E")
    assert event == _taken()
    assert remarks == ("control 0E: may be superseded in part",)


@pytest.mark.parametrize("base", [DERControlBase(), DERControlBase(rampTms=100)])
def test_a_control_without_a_mode_is_not_applicable(base: DERControlBase) -> None:
    reject = _event(DERControlBase=base, responseRequired=2)
    assert isinstance(reject, Reject)
    assert (reject.id, reject.kind) == ("0E", RefusalKind.NOT_APPLICABLE)
    assert reject.wants == {Wanted.SPECIFIC}


@pytest.mark.parametrize(
    "changes",
    [
        {"DERControlBase": DERControlBase(opModExpLimW=ActivePower(9, 32767))},
        {"interval": DateTimeInterval(600, 1_795_000_000_000)},
    ],
)
def test_absurd_limits_and_milliseconds_are_invalid(changes: dict[str, Any]) -> None:
    reject = _event(**changes)
    assert isinstance(reject, Reject)
    assert reject.kind is RefusalKind.INVALID


@pytest.mark.parametrize("interval", [DateTimeInterval(0, 1000), DateTimeInterval(2**32 - 1, 0)])
def test_no_duration_and_a_huge_one_are_kept_as_they_are(interval: DateTimeInterval) -> None:
    assert _taken(interval=interval).duration_s == interval.duration


def test_an_unreadable_item_is_invalid_and_keeps_what_it_wants() -> None:
    reject = reject_of(Unread(0, "opModMaxLimW: 10001", mRID="0E", responseRequired=3))
    assert reject == Reject(
        "0E", RefusalKind.INVALID, "opModMaxLimW: 10001", frozenset({Wanted.RECEIPT, Wanted.SPECIFIC})
    )


def test_a_default_carries_controls_and_settings_in_their_units() -> None:
    default = DefaultDERControl(
        mRID="0D",
        DERControlBase=DERControlBase(),
        setGradW=27,
        setSoftGradW=100,
        setESDelay=30_000,
        setESHighFreq=5015,
        setESLowFreq=4985,
        setESHighVolt=10_600,
        setESLowVolt=8800,
        setESRampTms=36_000,
        setESRandomDelay=500,
    )
    standing, remarks = standing_of(default, PROGRAM, _none)
    assert standing is not None
    assert (standing.program, standing.rank, standing.controls, remarks) == ("07", Rank(3.0, 0.0, "07"), (), ())
    assert standing.settings == Settings(0.27, 1.0, 300.0, 5.0, 360.0, 50.15, 49.85, 106.0, 88.0)


OTHER = EventKey(WHO, "0F")
STATUSES: list[tuple[OutcomeKind, Cause, RefusalKind | None, int | None]] = [
    (OutcomeKind.RECEIVED, Cause(), None, 1),
    (OutcomeKind.STARTED, Cause(), None, 2),
    (OutcomeKind.COMPLETED, Cause(), None, 3),
    (OutcomeKind.COMPLETED, Cause(part=Part.LEFT), None, 8),
    (OutcomeKind.COMPLETED, Cause(part=Part.JOINED), None, 9),
    (OutcomeKind.COMPLETED, Cause(part=Part.NONE), None, 10),
    (OutcomeKind.OPTED_OUT, Cause(), None, 4),
    (OutcomeKind.OPTED_IN, Cause(), None, 5),
    (OutcomeKind.CANCELLED, Cause(), None, 6),
    (OutcomeKind.SUPERSEDED, Cause(OTHER, same_program=True, had_started=False), None, 7),
    (OutcomeKind.SUPERSEDED, Cause(OTHER, same_program=True, had_started=True), None, 7),
    (OutcomeKind.SUPERSEDED, Cause(OTHER, same_program=False, had_started=True), None, 7),
    (OutcomeKind.SUPERSEDED, Cause(OTHER, same_program=False, had_started=False), None, 14),
    (OutcomeKind.SUPERSEDED, Cause(), None, 7),
    (OutcomeKind.DISPLACED, Cause(), None, 13),
    (OutcomeKind.REFUSED, Cause(), None, 252),
    (OutcomeKind.REFUSED, Cause(), RefusalKind.NOT_APPLICABLE, 252),
    (OutcomeKind.REFUSED, Cause(), RefusalKind.INVALID, 253),
    (OutcomeKind.EXPIRED, Cause(), None, 254),
    (OutcomeKind.APPLIED, Cause(), None, None),
    (OutcomeKind.EFFECTIVE, Cause(), None, None),
    (OutcomeKind.NOT_EFFECTIVE, Cause(), None, None),
    (OutcomeKind.NOT_OBSERVABLE, Cause(), None, None),
    (OutcomeKind.MISMATCHED, Cause(), None, None),
    (OutcomeKind.PARTIALLY_SERVED, Cause(), None, None),
    (OutcomeKind.RESTORED, Cause(), None, None),
]


@pytest.mark.parametrize(("kind", "cause", "refusal", "status"), STATUSES)
def test_outcome_as_response_status(
    kind: OutcomeKind, cause: Cause, refusal: RefusalKind | None, status: int | None
) -> None:
    outcome = Outcome(EventKey(WHO, "0E"), kind, Moment("utility", 0.0), cause)
    assert status_of(outcome, refusal) == status
