"""oadrEvent -> events: targets, times, ramps, randomisation, priority, tests, several signals."""

from dataclasses import replace

import pytest

from grid_functions.model.control import DispatchKind, LoadDispatch, ShedLevel
from grid_functions.model.event import Event, EventStatus, Interval, Ramp, Wanted
from grid_functions.model.tariff import Price, Priced, PriceKind
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.events import LOWEST, Translated, events_of, stopped
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.wire.events import OadrEvent, SignalInterval, Target
from tests.protocols.openadr2b.samples import HOUR_S, KW, START_S, event, signal

TERMS = Terms(
    name="vtn",
    url="http://vtn",
    ven_name="depot",
    respondents={"": frozenset(), "r1": frozenset({"pv", "evse"}), "r2": frozenset({"battery"})},
    groups=frozenset({"feeder-12"}),
    classes={"EVSE": frozenset({"evse"}), "Storage": frozenset({"battery"})},
)
WHOLE = Terms(name="vtn", url="http://vtn", ven_name="depot")
DISPATCH = signal("LOAD_DISPATCH", "setpoint", 5.0, unit=KW)


def events(told: OadrEvent, terms: Terms = WHOLE) -> tuple[Event, ...]:
    found = events_of(told, terms, "ven-1")
    assert isinstance(found, Translated), found
    return found.events


def one(told: OadrEvent, terms: Terms = WHOLE) -> Event:
    (found,) = events(told, terms)
    return found


def refused(told: OadrEvent, terms: Terms = WHOLE) -> Code:
    found = events_of(told, terms, "ven-1")
    assert isinstance(found, Refusal), found
    return found.code


def ids(told: OadrEvent) -> list[str]:
    return [made.key.respondent.id for made in events(told, TERMS)]


def test_a_plain_event() -> None:
    made = one(event("0042", signal("SIMPLE", "level", 1, 2, length_s=HOUR_S), modificationNumber=3))
    assert (made.key.id, made.version, made.program) == ("0042", 3, "http://market")
    assert (made.start_s, made.duration_s) == (START_S, HOUR_S)
    assert made.intervals == (
        Interval(0.0, 1800.0, (ShedLevel(1),)),
        Interval(1800.0, 1800.0, (ShedLevel(2),)),
    )
    assert made.wants == frozenset(Wanted)
    assert not made.test


def test_everyone_and_no_other() -> None:
    assert ids(event()) == ["depot", "r1", "r2"]
    assert ids(event(target=Target(venID=("ven-1",)))) == ["depot", "r1", "r2"]
    assert ids(event(target=Target(groupID=("feeder-12",)))) == ["depot", "r1", "r2"]
    assert ids(event(target=Target(resourceID=("r2",)))) == ["r2"]
    assert ids(event(target=Target(resourceID=("r1", "r2")))) == ["r1", "r2"]
    assert ids(event(target=Target(resourceID=("r1", "elsewhere")))) == ["r1"]
    assert ids(event(target=Target(resourceID=("elsewhere",), venID=("ven-1",)))) == ["depot", "r1", "r2"]


def test_a_target_that_names_nobody_here_is_never_applied_to_all() -> None:
    assert refused(event(target=Target(venID=("VEN-1",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event(target=Target(groupID=("feeder-13",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event(target=Target(partyID=("p",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event(target=Target(meterAsset=("m",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event(target=Target(endDeviceAsset=("EVSE",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event(target=Target(resourceID=("R1",))), TERMS) is Code.DEPLOYMENT


def test_market_contexts() -> None:
    terms = replace(WHOLE, market_contexts=frozenset({"http://ours"}))
    assert refused(event(), terms) is Code.TARGET_MISMATCH
    assert one(event(marketContext="http://ours"), terms).program == "http://ours"


def test_a_device_class_narrows_the_events_own_target() -> None:
    chargers = signal(eiTarget=Target(endDeviceAsset=("EVSE",)))
    made = events(event("e", chargers), TERMS)
    assert {each.key.respondent.id: each.addressees for each in made} == {
        "depot": frozenset({"evse"}),
        "r1": frozenset({"evse"}),
    }
    assert refused(event("e", chargers, target=Target(resourceID=("r2",))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event("e", signal(eiTarget=Target(endDeviceAsset=("Thermostat",)))), TERMS) is Code.TARGET_MISMATCH
    assert refused(event("e", signal(eiTarget=Target(resourceID=("r1",)))), TERMS) is Code.TARGET_MISMATCH


@pytest.mark.parametrize(("priority", "level"), [(1, 1.0), (7, 7.0), (0, LOWEST), (None, LOWEST)])
def test_priority_one_is_highest_and_none_is_lowest(priority: int | None, level: float) -> None:
    assert one(event(priority=priority)).rank.level == level


@pytest.mark.parametrize(
    ("text", "test"), [("false", False), (None, False), ("true", True), ("False", True), ("", False)]
)
def test_anything_but_false_is_a_test(text: str | None, test: bool) -> None:
    assert one(event(testEvent=text)).test is test


def test_zero_is_open_ended() -> None:
    open_ended = signal("SIMPLE", "level", 1.0, length_s=0.0)
    made = one(event("e", open_ended, duration=0.0))
    assert made.duration_s is None
    assert made.intervals == (Interval(0.0, None, (ShedLevel(1),)),)


def test_tolerance_is_the_start_window_and_makes_a_cancel_random() -> None:
    made = one(event(startafter=600.0))
    assert (made.random_start_s, made.duration_s) == (600.0, HOUR_S)
    assert stopped(made).status is EventStatus.CANCELLED_RANDOMISED
    assert stopped(one(event())).status is EventStatus.CANCELLED


def test_a_ramp_up_before_the_start_begins_early_and_is_over_at_the_start() -> None:
    made = one(event("e", DISPATCH, rampUp=300.0))
    assert (made.start_s, made.duration_s, made.ramp) == (START_S - 300.0, HOUR_S + 300.0, Ramp(over_s=300.0))
    assert made.intervals == (Interval(0.0, HOUR_S + 300.0, (LoadDispatch(DispatchKind.SETPOINT_W, 5000.0),)),)


def test_a_negative_ramp_up_is_inside_the_period() -> None:
    made = one(event("e", DISPATCH, rampUp=-300.0))
    assert (made.start_s, made.duration_s, made.ramp) == (START_S, HOUR_S, Ramp(over_s=300.0))


def test_a_negative_recovery_ends_the_power_inside_the_period() -> None:
    assert one(event("e", DISPATCH, recovery=-600.0)).duration_s == HOUR_S - 600.0
    assert one(event("e", DISPATCH, recovery=600.0)).duration_s == HOUR_S


@pytest.mark.parametrize("recovery_s", [600.0, -600.0])
def test_a_recovery_is_the_way_out_and_no_way_in(recovery_s: float) -> None:
    made = one(event("e", DISPATCH, recovery=recovery_s))
    assert (made.ramp, made.recovery) == (None, Ramp(over_s=600.0))
    both = one(event("e", DISPATCH, rampUp=-300.0, recovery=recovery_s))
    assert (both.ramp, both.recovery) == (Ramp(over_s=300.0), Ramp(over_s=600.0))
    assert one(event("e", signal("ELECTRICITY_PRICE", "price", 0.2), recovery=recovery_s)).recovery is None
    assert one(event("e", DISPATCH, rampUp=300.0)).recovery is None


def test_prices_do_not_ramp_and_begin_when_they_begin() -> None:
    price = signal("ELECTRICITY_PRICE", "price", 0.2, 0.4)
    made = one(event("e", price, rampUp=300.0))
    assert (made.start_s, made.ramp) == (START_S, None)
    assert [interval.offset_s for interval in made.intervals] == [0.0, 1800.0]
    both = one(event("e", DISPATCH, price, rampUp=300.0))
    assert both.start_s == START_S - 300.0
    assert [(each.offset_s, type(each.controls[0])) for each in both.intervals] == [
        (0.0, LoadDispatch),
        (300.0, Price),
        (2100.0, Price),
    ]


def test_simple_beside_a_signal_that_says_more_is_the_fallback() -> None:
    made = one(event("e", signal(), DISPATCH))
    assert [each.controls for each in made.intervals] == [(LoadDispatch(DispatchKind.SETPOINT_W, 5000.0),)]


def test_a_signal_nobody_understands_leaves_the_others() -> None:
    found = events_of(event("e", signal("x-ours", "level"), signal()), WHOLE, "ven-1")
    assert isinstance(found, Translated)
    assert found.events[0].intervals[0].controls == (ShedLevel(1),)
    assert "x-ours" in found.remarks[0]
    assert refused(event("e", signal("x-ours", "level"))) is Code.SIGNAL_NOT_SUPPORTED


def test_two_signals_of_one_mode() -> None:
    found = events_of(
        event("e", signal("ELECTRICITY_PRICE", "price", 0.2), signal("ENERGY_PRICE", "price", 0.9)), WHOLE, "ven-1"
    )
    assert isinstance(found, Translated)
    assert found.events[0].intervals[0].controls == (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.2),)
    assert found.remarks == ("a second signal ENERGY_PRICE",)


def test_intervals_go_by_their_number_and_a_start_of_their_own_is_passed_over() -> None:
    shuffled = signal(
        intervals=(
            SignalInterval(dtstart=0.0, duration=1800.0, uid="1", value=2.0),
            SignalInterval(dtstart=0.0, duration=1800.0, uid="0", value=1.0),
        )
    )
    made = one(event("e", shuffled))
    assert [(each.offset_s, each.controls) for each in made.intervals] == [
        (0.0, (ShedLevel(1),)),
        (1800.0, (ShedLevel(2),)),
    ]


def test_what_makes_no_sense_is_454() -> None:
    assert refused(event(duration=-60.0)) is Code.INVALID_DATA
    assert refused(event(startafter=-60.0)) is Code.INVALID_DATA
    assert refused(event("e", signal("SIMPLE", "level", 9.0))) is Code.INVALID_DATA
    endless = signal(intervals=(SignalInterval(uid="0", value=1.0), SignalInterval(uid="1", value=2.0)))
    assert refused(event("e", endless)) is Code.INVALID_DATA


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("none", EventStatus.UNKNOWN),
        ("far", EventStatus.SCHEDULED),
        ("near", EventStatus.SCHEDULED),
        ("active", EventStatus.ACTIVE),
        ("completed", EventStatus.COMPLETED),
    ],
)
def test_status_is_advice(told: str, status: EventStatus) -> None:
    assert one(event(eventStatus=told)).status is status


def test_never_wants_no_answer() -> None:
    assert one(event(responseRequired="never")).wants == frozenset()
