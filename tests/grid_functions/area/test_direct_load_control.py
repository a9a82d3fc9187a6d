"""Direct load control as a machine: surveys, events and their delivery, setpoints that revert, limits by priority, consumption."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.ledger.codec import Codec
from grid_functions import catalogue, letters
from grid_functions.area import precedence
from grid_functions.area.direct_load_control import NAME, DirectLoadControl, DirectLoadControlOptions
from grid_functions.letters import Asked, Flexibility, Way
from grid_functions.model.control import DispatchKind, ImportLimit, LoadDispatch, StorageCharge, Thermostat
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Interval
from grid_functions.model.lease import Grant, Message
from tests.grid_functions.area.machine import MIDNIGHT, Bench

HOUR = 3600.0
MEMBERS = ("a", "b", "c")
OPTIONS = DirectLoadControlOptions(average_s=600.0, most_kw=20.0)


def bench(options: DirectLoadControlOptions = OPTIONS) -> Bench:
    """Every member took 3 kW for ten minutes."""
    made = Bench(DirectLoadControl(options), NAME, MEMBERS)
    made.powers_w = dict.fromkeys(MEMBERS, 3000.0)
    made.step()
    made.run(600.0)
    return made


def says(made: Bench, member: str, down_kw: float = 1.0, **other: Any) -> Message:
    letter = replace(Flexibility(made.state.durable.asking, 1.0, down_kw, 3.0, HOUR), **other)
    return letters.write(letter, NAME, "feeder", member, f"{member}/1")


def surveyed() -> Bench:
    """a could shed 2 kW, b 1 kW; c says nothing."""
    made = bench()
    made.order("flexibility", duration_s=HOUR)
    made.hear(says(made, "a", 2.0), says(made, "b", 1.0))
    made.run(60.0)
    return made


def moved() -> Bench:
    """1.5 kW for half an hour: 1 kW of a, 0.5 kW of b."""
    made = surveyed()
    made.order("event", kw=1.5, duration_s=1800.0)
    return made


def test_all_are_asked_and_what_they_could_move_is_added_up() -> None:
    made = surveyed()
    asked = {one.to: letters.read(one, Way.DOWN) for one in made.letters}
    request = f"flexibility-{MIDNIGHT + 600.0:.0f}"
    assert asked == dict.fromkeys(MEMBERS, Asked(request, MIDNIGHT + 660.0, HOUR))
    told = made.function.told(made.state)["flexibility"]
    assert (told["down_kw"], told["up_kw"], told["silent"]) == (3.0, 2.0, ["c"])
    assert told["answers"]["a"]["base_kw"] == 3.0


def test_it_ends_as_soon_as_everyone_has_answered() -> None:
    made = bench()
    made.order("flexibility", duration_s=HOUR)
    assert min(made.wake_s) == made.utc_s + 60.0
    made.hear(*(says(made, member, 1.0) for member in MEMBERS))
    assert made.state.survey is None
    assert made.state.durable.surveyed.silent == ()


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"down_kw": -1.0}, "less than nothing"),
        ({"up_kw": 20.1}, "connected"),
        ({"base_kw": 1e6}, "baseline"),
        ({"duration_s": -1.0}, "duration"),
        ({"request": "flexibility-1"}, "not asked"),
    ],
)
def test_an_answer_that_cannot_be_meant_does_not_count(other: dict[str, Any], fault: str) -> None:
    made = bench()
    made.order("flexibility", duration_s=HOUR)
    made.hear(says(made, "a", **other), says(made, "b", 1.0))
    assert set(made.state.survey.answers) == {"b"}
    assert any(told.startswith("a: ") and fault in told for told in made.alarms)
    made.hear(says(made, "a", 2.0))
    assert made.state.survey.answers["a"].down_kw == 2.0, "what did not count has not used up the first answer"


def test_twice_for_another_never_asked_and_no_letter_at_all() -> None:
    made = bench()
    made.order("flexibility", duration_s=HOUR)
    made.hear(says(made, "a", 1.0), says(made, "a", 9.0), says(made, "stranger", 5.0))
    made.hear(replace(says(made, "b", 1.0), body=b"[" * 500), replace(says(made, "b", 1.0), kind="bids"))
    assert {member: one.down_kw for member, one in made.state.survey.answers.items()} == {"a": 1.0}
    assert [told.split(":")[0] for told in made.alarms] == ["a", "stranger", "b", "b"]
    made.run(60.0)
    made.hear(says(made, "c", 1.0))
    assert made.state.durable.surveyed.silent == ("b", "c")
    assert "too late" in made.alarms[-1]


def test_an_event_is_shared_by_what_each_said_it_could_move() -> None:
    made = moved()
    assert set(made.granted) == {("a", "event"), ("b", "event")}
    assert made.granted["a", "event"] == Grant(
        "a",
        "event",
        (),
        MIDNIGHT + 660.0,
        (Interval(0.0, 1800.0, (LoadDispatch(DispatchKind.DELTA_W, -1000.0),)),),
    )
    (dispatch,) = made.granted["b", "event"].series[0].controls
    assert dispatch == LoadDispatch(DispatchKind.DELTA_W, -500.0)


def test_its_delivery_is_judged_by_the_meter_and_the_baseline_of_before_the_question() -> None:
    """a goes from 3 to 2 kW as told; b stays at 3. Half an hour at 1 kW less is 500 Wh."""
    made = surveyed()
    made.powers_w["a"] = 2000.0
    made.run(1.0, 1.0)
    made.order("event", kw=1.5, duration_s=1800.0)
    made.run(1800.0 + 180.0)
    assert made.granted == {}
    a, b = made.state.durable.moved.verdicts
    assert (a.delivered, a.awarded_wh, a.delivered_wh) == (True, 500.0, pytest.approx(500.0))
    assert (b.delivered, b.awarded_wh, b.delivered_wh) == (False, 250.0, pytest.approx(0.0))
    assert [told.partition(" in ")[0] for told in made.alarms] == ["b: did not deliver"]


def test_what_is_to_be_added_is_judged_the_other_way_round() -> None:
    """Both could add 1 kW; 2 kW are wanted, a takes 4 kW, b 3."""
    made = surveyed()
    made.powers_w["a"] = 4000.0
    made.run(1.0, 1.0)
    made.order("event", kw=-2.0, duration_s=1800.0)
    (dispatch,) = made.granted["a", "event"].series[0].controls
    assert dispatch == LoadDispatch(DispatchKind.DELTA_W, 1000.0)
    made.run(1980.0)
    assert [one.delivered for one in made.state.durable.moved.verdicts] == [True, False]


def test_more_than_all_could_move_is_said_and_all_of_it_is_asked() -> None:
    made = surveyed()
    made.order("event", kw=5.0, duration_s=HOUR)
    assert any("2 kW of it can nobody move" in told for told in made.alarms)
    assert made.state.durable.moved.shares_kw == {"a": 2.0, "b": 1.0}


def test_nobody_is_asked_for_longer_than_it_said_or_without_a_survey_or_baseline() -> None:
    for made, duration_s in ((surveyed(), 2 * HOUR), (bench(), HOUR)):
        made.order("event", kw=1.0, duration_s=duration_s)
        assert made.granted == {}
        assert "order flexibility first" in made.alarms[-1]
    unmeasured = Bench(DirectLoadControl(OPTIONS), NAME, MEMBERS)
    unmeasured.order("flexibility", duration_s=HOUR)
    unmeasured.hear(*(says(unmeasured, member, 1.0) for member in MEMBERS))
    unmeasured.order("event", kw=1.0, duration_s=HOUR)
    assert unmeasured.granted == {}


def test_an_event_ends_early_and_is_judged_by_what_was_left_of_it() -> None:
    made = moved()
    made.powers_w["a"] = 2000.0
    made.step()
    made.run(600.0)
    made.order("restore", what="event")
    assert made.granted == {}
    made.run(180.0)
    assert made.state.durable.moved.verdicts[0].awarded_wh == pytest.approx(1000.0 * 600.0 / HOUR)


def test_of_an_event_that_is_withdrawn_before_it_begins_nobody_is_judged() -> None:
    made = surveyed()
    made.order("event", kw=1.5, duration_s=1800.0, start_utc_s=made.utc_s + HOUR)
    assert set(made.granted) == {("a", "event"), ("b", "event")}
    made.order("restore", what="event")
    assert (made.granted, made.state.durable.moved) == ({}, None)
    made.run(3 * HOUR)
    assert made.alarms == []
    made.order("event", kw=1.0, duration_s=1800.0)
    assert made.granted


def test_what_was_ended_early_is_measured_no_further_after_a_restart() -> None:
    """a sheds 1 kW for ten minutes, which are 167 Wh, and is free to take 20 kW from then on."""
    made = moved()
    made.powers_w["a"] = 2000.0
    made.step()
    made.run(600.0)
    made.order("restore", what="event")
    made.reborn()
    made.powers_w["a"] = 20_000.0
    made.run(180.0, 1.0)
    (a, _) = made.state.durable.moved.verdicts
    assert a.delivered_wh == pytest.approx(1000.0 * 600.0 / HOUR, rel=0.1)


def test_one_event_at_a_time_and_a_revoked_member_is_let_go() -> None:
    made = moved()
    made.order("event", kw=1.0, duration_s=1800.0)
    assert "not settled yet" in made.alarms[-1]
    made.members = ("b", "c")
    made.step()
    assert set(made.granted) == {("b", "event")}
    made.powers_w["a"] = 0.0
    made.run(1980.0)
    assert [one.delivered for one in made.state.durable.moved.verdicts] == [False, False]


def test_the_same_setpoint_to_all_reverts_at_its_end() -> None:
    made = bench()
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    held = (Interval(0.0, HOUR, (Thermostat(18.0, offset=False),)),)
    assert made.granted == {
        (member, "thermostat"): Grant(member, "thermostat", (), made.utc_s, held) for member in MEMBERS
    }
    made.order("charge", charge_pct=80.0, duration_s=2 * HOUR)
    assert made.granted["a", "charge"].series[0].controls == (StorageCharge(80.0),)
    made.utc_s += HOUR
    made.step()
    assert {subject for _, subject in made.granted} == {"charge"}
    made.order("restore", what="charge")
    assert made.granted == {}


def test_a_new_setpoint_replaces_the_one_before() -> None:
    made = bench()
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    made.order("thermostat", value_c=16.0, duration_s=HOUR)
    assert len(made.granted) == 3
    assert made.granted["a", "thermostat"].series[0].controls == (Thermostat(16.0, offset=False),)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("thermostat", {"value_c": 40.0, "duration_s": HOUR}),
        ("thermostat", {"value_c": 18.0, "duration_s": 1e6}),
        ("thermostat", {"value_c": 18.0}),
        ("charge", {"charge_pct": 101.0, "duration_s": HOUR}),
        ("charge", {"charge_pct": True, "duration_s": HOUR}),
        ("limit", {"limit_kw": -1.0}),
        ("limit", {"limit_kw": 10.0, "duration_s": 1.0}),
        ("flexibility", {"duration_s": 0.0}),
        ("flexibility", {"duration_s": HOUR, "start_utc_s": 1.0}),
        ("restore", {"what": "everything"}),
        ("event", {"kw": "much", "duration_s": HOUR}),
        ("explode", {}),
    ],
)
def test_an_order_that_cannot_be_meant_changes_nothing_and_says_why(kind: str, options: dict[str, object]) -> None:
    made = bench()
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    before = dict(made.granted)
    made.order(kind, **options)
    assert (made.granted, len(made.alarms), made.state.survey) == (before, 1, None)


def test_a_limit_serves_the_better_priority_first() -> None:
    """12 kW: a takes its 10, b and c share 2 by what each could take, 10 and 5: 1.33 and 0.67."""
    made = bench(replace(OPTIONS, priorities={"a": 1}))
    made.reach_w = {"c": (0.0, 5000.0)}
    made.order("limit", limit_kw=12.0)
    limits = made.controls("limit")
    assert limits["a"] == (ImportLimit(10_000.0),)
    for member, limit_w in (("b", 4000.0 / 3.0), ("c", 2000.0 / 3.0)):
        (limit,) = limits[member]
        assert isinstance(limit, ImportLimit)
        assert limit.limit_w == pytest.approx(limit_w)


def test_of_whom_nothing_is_known_the_limit_counts_the_highest() -> None:
    """a reports nothing: 20 kW are kept for it, nothing is left of 20 for the others."""
    made = bench(replace(OPTIONS, priorities={"a": 1}))
    del made.powers_w["a"]
    made.powers_w["b"] = float("nan")
    made.order("limit", limit_kw=20.0)
    assert made.controls("limit") == {
        "a": (ImportLimit(20_000.0),),
        "b": (ImportLimit(0.0),),
        "c": (ImportLimit(0.0),),
    }


def test_a_limit_is_restored_priority_by_priority() -> None:
    made = bench(replace(OPTIONS, priorities={"a": 1, "b": 2}, restore_s=120.0))
    made.order("limit", limit_kw=9.0)
    made.order("restore", what="limit")
    assert set(made.controls("limit")) == {"b", "c"}
    made.run(120.0)
    assert set(made.controls("limit")) == {"c"}
    made.run(120.0)
    assert made.granted == {}
    assert made.state.durable.limited is None


def test_a_limit_with_an_end_ends_by_itself_even_over_a_restart() -> None:
    made = bench(replace(OPTIONS, restore_s=0.0))
    made.order("limit", limit_kw=9.0, duration_s=HOUR)
    made.reborn()
    made.step()
    assert set(made.controls("limit")) == set(MEMBERS)
    made.utc_s += HOUR
    made.step()
    assert made.granted == {}


def test_a_restart_forgets_no_setpoint_or_event_and_says_which_survey_it_broke() -> None:
    made = moved()
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    made.order("flexibility", duration_s=HOUR)
    granted = dict(made.granted)
    made.powers_w["a"] = 2000.0
    made.reborn()
    made.step()
    assert made.granted == granted
    assert "ask again" in made.alarms[-1]
    made.run(1980.0)
    assert made.state.durable.moved.verdicts[0].delivered


def test_a_clock_that_leaps_ahead_ends_what_is_over_and_pays_nothing_unmeasured() -> None:
    made = moved()
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    made.utc_s += 5 * HOUR
    made.step()
    assert made.granted == {}
    assert [one.delivered for one in made.state.durable.moved.verdicts] == [False, False]


def test_consumption_is_told_as_it_is_and_on_average() -> None:
    """Ten minutes at 3 kW, then five at 6: of the last ten, half each: 4.5 kW."""
    made = bench()
    made.powers_w = dict.fromkeys(MEMBERS, 6000.0)
    made.utc_s += 1.0
    made.step()
    made.run(299.0)
    told = made.function.told(made.state)["consumption"]
    assert told["total_w"] == 18_000.0
    assert told["members"]["a"]["power_w"] == 6000.0
    assert told["members"]["a"]["mean_w"] == pytest.approx(4500.0, rel=0.1)


def test_parts_never_exceed_the_limit_and_classes_are_the_priorities() -> None:
    classes = precedence.classes_of(("a", "b", "c"), {"c": 1, "a": 200})
    assert classes == (("c",), ("b",), ("a",))
    assert precedence.parts(5.0, classes, {"a": 4.0, "b": 4.0, "c": 4.0}) == {"c": 4.0, "b": 1.0, "a": 0.0}
    assert precedence.returned(classes, 0.0, 60.0) == {"c"}
    assert precedence.returned(classes, 60.0, 60.0) == {"b", "c"}


def test_what_is_durable_survives_the_ledger() -> None:
    made = moved()
    made.order("limit", limit_kw=9.0)
    made.order("thermostat", value_c=18.0, duration_s=HOUR)
    codec = Codec(catalogue.durable())
    assert codec.decode(*codec.encode(made.state.durable)) == made.state.durable


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        DirectLoadControlOptions(answer_s=0.0, tolerance=0.6, priorities={"a": -1})
    assert len(found.value.mistakes) == 3
