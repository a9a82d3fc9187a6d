"""Whole looks at a VTN: enrolment, programs, events, targets; what fails, and what holds meanwhile."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.control import ImportLimit
from grid_functions.model.event import RefusalKind, Respondent
from protocols.openadr3.desk.shelf import Put
from tests.protocols.openadr3.rig import TERMS, UTC_S, Rig, gaps, in_3_0_1, interval


@pytest.fixture(params=["3.1", "3.0.1"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(TERMS if request.param == "3.1" else in_3_0_1())


def stored(rig: Rig, kind: str) -> list[dict[str, Any]]:
    return [dict(one.json) for one in rig.store.all(kind)]


# Who we are


def test_our_ven_is_made_where_it_is_not(rig: Rig) -> None:
    rig.run(600.0)
    (ven,) = stored(rig, "VEN")
    assert ven["venName"] == "depot-7"
    assert len(rig.posted("/vens")) == 1


def test_a_ven_that_is_there_is_adopted(rig: Rig) -> None:
    kind = {} if rig.terms.edition == "3.0.1" else {"objectType": "BL_VEN_REQUEST", "clientID": "ven-7"}
    rig.write("POST", "/vens", {"venName": "depot-7", **kind})
    mine = rig.store.all("VEN")[0]
    rig.store.apply([Put(replace(mine, client="ven-7"))])
    rig.settle()
    assert rig.posted("/vens") == []
    assert rig.read.complete


def test_409_is_looked_for_once_more_and_adopted(rig: Rig) -> None:
    """Between our search and our POST another run of ours made it."""

    def meanwhile(request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/vens") and not rig.store.all("VEN"):
            rig.write("POST", "/vens", {"venName": "depot-7", "objectType": "BL_VEN_REQUEST", "clientID": "ven-7"})
            mine = rig.store.all("VEN")[0]
            rig.store.apply([Put(replace(mine, client="ven-7"))])

    rig.meanwhile = meanwhile
    rig.settle()
    assert len(rig.posted("/vens")) == 1
    assert len(rig.sent("/vens")) == 2
    assert rig.read.complete
    assert rig.state.enrolment.ven is not None


def test_a_name_that_is_taken_by_another_is_said_and_events_are_read_all_the_same() -> None:
    rig = Rig()
    rig.write("POST", "/vens", {"venName": "depot-7", "objectType": "BL_VEN_REQUEST", "clientID": "bl"})
    rig.program()
    rig.settle()
    assert "does not take our ven" in rig.alarms["ven"]
    assert rig.read.complete


def test_resources_are_made_and_answer_for_themselves(rig: Rig) -> None:
    rig = Rig(replace(rig.terms, serves={"evse-1": frozenset({"a"}), "evse-2": frozenset({"b"})}))
    rig.run(600.0)
    assert sorted(one["resourceName"] for one in stored(rig, "RESOURCE")) == ["evse-1", "evse-2"]
    assert {read.respondent for read in rig.reads} == {
        Respondent("aggregator", "evse-1"),
        Respondent("aggregator", "evse-2"),
    }


def test_a_restart_makes_nothing_anew(rig: Rig) -> None:
    rig = Rig(replace(rig.terms, serves={"": frozenset(), "evse-1": frozenset()}))
    rig.settle()
    again = rig.again().settle()
    assert again.posted("/vens") == []
    assert not any(one.method == "POST" and "resources" in one.url for _, one in again.asked)
    assert again.read.complete


@pytest.mark.parametrize("status", [403, 404, 501])
def test_a_vtn_that_shows_no_vens_is_read_without_one(rig: Rig, status: int) -> None:
    rig.trick("status", "/vens", status=status)
    rig.event(rig.program())
    rig.settle()
    assert rig.read.complete
    assert len(rig.events) == 1
    assert "ven" in rig.alarms


def test_nothing_is_told_while_a_broken_vtn_hides_who_we_are(rig: Rig) -> None:
    """Without our ven, what was granted to it would seem to have vanished."""
    trick = rig.trick("status", "/vens", status=500)
    rig.run(120.0)
    assert rig.reads == []
    rig.desk.tricks.remove(trick)
    assert rig.run(200.0).read.complete


def test_a_known_ven_outlives_a_broken_look() -> None:
    rig = Rig().settle()
    rig.trick("status", "/vens", status=500)
    rig.run(4000.0)
    assert rig.read.complete
    assert rig.state.enrolment.ven is not None


# Programs, events, targets


def test_events_come_with_their_programs(rig: Rig) -> None:
    program = rig.program()
    name = rig.event(program)
    rig.settle()
    assert rig.read.complete
    assert set(rig.read.programs) == rig.read.listed == {program}
    assert rig.events[name].intervals[0].controls == (ImportLimit(5000.0),)


def test_only_configured_programs_are_followed(rig: Rig) -> None:
    rig = Rig(replace(rig.terms, programs=("capacity",)))
    mine, other = rig.program("capacity"), rig.program("other")
    name = rig.event(mine)
    rig.event(other)
    rig.settle()
    assert set(rig.read.programs) == {mine}
    assert set(rig.events) == {name}
    assert rig.read.complete


def test_a_configured_program_that_is_not_there_is_said() -> None:
    rig = Rig(replace(TERMS, programs=("capacity", "prices")))
    rig.program("capacity")
    rig.settle()
    assert "prices" in rig.alarms["programs"]
    rig.program("prices")
    rig.run(120.0)
    assert "programs" not in rig.alarms


def test_in_3_1_targeted_events_are_shown_to_those_who_ask_with_what_was_granted() -> None:
    rig = Rig(replace(TERMS, serves={"": frozenset(), "evse-1": frozenset()})).settle()
    program = rig.program()
    ven, resource = rig.store.all("VEN")[0], rig.store.all("RESOURCE")[0]
    for_ven = rig.event(program, targets=["feeder-12"])
    for_resource = rig.event(program, targets=["fast"])
    foreign = rig.event(program, targets=["elsewhere"])
    rig.run(120.0)
    assert rig.events == {}
    rig.store.apply([Put(replace(ven, json={**ven.json, "targets": ["feeder-12"]}))])
    rig.store.apply([Put(replace(resource, json={**resource.json, "targets": ["fast"]}))])
    rig.run(3700.0)
    mine = {read.respondent.id: {one.key.id for one in read.events} for read in rig.reads[-2:]}
    assert mine == {"depot-7": {for_ven}, "evse-1": {for_ven, for_resource}}
    assert foreign not in {name for names in mine.values() for name in names}


def test_configured_targets_are_asked_with() -> None:
    rig = Rig(replace(TERMS, targets=("group-1",)))
    program = rig.program()
    name, plain = rig.event(program, targets=["group-1"]), rig.event(program)
    rig.settle()
    assert set(rig.events) == {name, plain}


def test_in_3_0_1_typed_targets_choose_whom_an_event_means() -> None:
    rig = Rig(in_3_0_1(targets=("GROUP:north",), serves={"": frozenset(), "evse-1": frozenset()}))
    program = rig.program()
    wanted = {
        rig.event(program, targets=[{"type": "GROUP", "values": ["south", "north"]}]): {"depot-7", "evse-1"},
        rig.event(program, targets=[{"type": "RESOURCE_NAME", "values": ["evse-1"]}]): {"evse-1"},
        rig.event(program, targets=[{"type": "VEN_NAME", "values": ["depot-8"]}]): set(),
        rig.event(program, targets=[{"type": "GROUP", "values": ["south"]}]): set(),
    }
    rig.settle()
    shown: dict[str, set[str]] = {name: set() for name in wanted}
    for read in rig.reads[-2:]:
        for one in read.events:
            shown[one.key.id].add(read.respondent.id)
    assert shown == wanted
    assert rig.state.foreign == 2


def test_a_programs_own_period_is_no_default_for_its_events(rig: Rig) -> None:
    program = rig.program(intervalPeriod={"start": "2026-12-24T00:00:00Z", "duration": "PT5M"})
    name = rig.event(program, intervalPeriod=None, intervals=[interval(0, IMPORT_CAPACITY_LIMIT=[5.0])])
    rig.settle()
    found = rig.events[name]
    assert abs(found.start_s - rig.utc) < 60.0
    assert found.duration_s is None


def test_in_3_0_1_no_search_hides_what_has_no_targets() -> None:
    rig = Rig(in_3_0_1(targets=("GROUP:north",)))
    program = rig.program()
    plain = rig.event(program)
    ours = rig.event(program, targets=[{"type": "GROUP", "values": ["north"]}])
    rig.settle()
    assert set(rig.events) == {plain, ours}


def test_an_event_that_vanished_is_gone_from_the_next_complete_read(rig: Rig) -> None:
    program = rig.program()
    name = rig.event(program)
    rig.settle()
    rig.write("DELETE", f"/events/{name}")
    rig.run(70.0)
    assert rig.events == {}
    assert rig.read.complete
    assert rig.read.listed == frozenset({program})


def test_an_emptied_list_is_read_once_more_soon(rig: Rig) -> None:
    name = rig.event(rig.program())
    rig.settle()
    rig.write("DELETE", f"/events/{name}")
    rig.run(90.0)
    assert [len(read.events) for read in rig.reads] == [1, 0, 0]
    assert rig.reads[2].at_s - rig.reads[1].at_s <= 6.0


def test_a_changed_event_has_a_higher_version_and_an_unchanged_one_is_the_very_same(rig: Rig) -> None:
    program = rig.program()
    name = rig.event(program)
    rig.run(130.0)
    first, second = rig.reads[-2].events[0], rig.reads[-1].events[0]
    assert first is second
    record = rig.store.get("EVENT", name)
    assert record is not None
    rig.write("PUT", f"/events/{name}", {**record.json, "intervals": [interval(0, IMPORT_CAPACITY_LIMIT=[3.0])]})
    rig.run(70.0)
    changed = rig.events[name]
    assert changed.version > first.version
    assert changed.intervals[0].controls == (ImportLimit(3000.0),)


def test_a_change_under_the_same_modification_time_is_seen(rig: Rig) -> None:
    name = rig.event(rig.program())
    rig.settle()
    record = rig.store.get("EVENT", name)
    assert record is not None
    rig.store.apply([Put(replace(record, json={**record.json, "priority": 1}))])
    before = rig.events[name].version
    rig.run(70.0)
    assert (rig.events[name].rank.level, rig.events[name].version > before) == (1.0, True)


def test_now_is_when_first_seen_and_stays_over_polls_and_restarts(rig: Rig) -> None:
    name = rig.event(rig.program(), intervalPeriod={"start": "0001-01-01T00:00:00Z", "duration": "PT30M"})
    rig.settle()
    start = rig.events[name].start_s
    assert UTC_S <= start <= UTC_S + 2.0
    rig.run(600.0)
    assert rig.events[name].start_s == start
    again = rig.again()
    again.run(60.0)
    assert (again.events[name].start_s, again.events[name].version) == (start, rig.events[name].version)


def test_a_repeated_schedule_is_laid_out_anew_as_time_goes() -> None:
    rig = Rig(replace(TERMS, floor_s=3600.0, ceiling_s=7200.0))
    period = {"start": "2026-11-29T22:00:00Z", "duration": "PT1H"}
    name = rig.event(
        rig.program(),
        duration="P9999Y",
        intervalPeriod=period,
        intervals=[interval(0, SIMPLE=[1]), interval(1, SIMPLE=[0])],
    )
    rig.settle()
    first = rig.events[name]
    rig.run(20 * 86_400.0)
    later = rig.events[name]
    assert later.version > first.version
    assert (later.start_s, later.duration_s) == (first.start_s, None)
    offset = rig.utc - later.start_s
    assert any(one.offset_s <= offset < one.offset_s + (one.duration_s or 0.0) for one in later.intervals)
    assert later.intervals[-1].offset_s - offset > 6 * 86_400.0


# What fails


def test_one_bad_event_touches_no_other(rig: Rig) -> None:
    program = rig.program()
    good = rig.event(program)
    bad = rig.event(program, intervals=[interval(0, IMPORT_CAPACITY_LIMIT=["NaN"])])
    odd = rig.event(program, intervals=[interval(0, DISPATCH_INSTRUCTION=["x"])])
    rig.settle()
    assert set(rig.events) == {good}
    assert {(one.id, one.kind) for one in rig.read.rejects} == {
        (bad, RefusalKind.INVALID),
        (odd, RefusalKind.NOT_APPLICABLE),
    }
    assert rig.read.complete
    assert f"event {bad}" in rig.alarms
    rig.write("DELETE", f"/events/{bad}")
    rig.run(70.0)
    assert f"event {bad}" not in rig.alarms


@pytest.mark.parametrize("does", ["alien", "year", "unknown"])
def test_a_spoiled_item_spoils_no_list(rig: Rig, does: str) -> None:
    program = rig.program()
    first, second = rig.event(program), rig.event(program)
    rig.trick(does, "/events")
    rig.settle()
    assert rig.read.complete
    assert set(rig.events) == ({second} if does == "year" else {first, second})
    assert [one.kind for one in rig.read.rejects] == ([] if does == "unknown" else [RefusalKind.INVALID])


@pytest.mark.parametrize(
    "does", ["html", "nothing", "truncated", "deep", "huge", "nan", "object", "large", "status", "cut"]
)
def test_a_list_that_cannot_be_read_releases_nothing(rig: Rig, does: str) -> None:
    name = rig.event(rig.program())
    rig.settle()
    reads = len(rig.reads)
    trick = rig.trick(does, "/events")
    rig.run(300.0)
    assert all(not read.complete for read in rig.reads[reads:])
    assert "vtn" in rig.alarms
    rig.desk.tricks.remove(trick)
    rig.run(400.0)
    assert set(rig.events) == {name}
    assert "vtn" not in rig.alarms


@pytest.mark.parametrize("does", ["html", "status", "object"])
def test_programs_that_cannot_be_read_leave_those_known(rig: Rig, does: str) -> None:
    program = rig.program()
    name = rig.event(program)
    rig.settle()
    rig.trick(does, "/programs")
    rig.run(70.0)
    assert (set(rig.read.programs), set(rig.events), rig.read.complete) == ({program}, {name}, False)
    assert "incomplete" in rig.alarms


def test_one_program_whose_events_fail_holds_up_no_other() -> None:
    rig = Rig(replace(TERMS, programs=("a", "b")))
    first, second = rig.program("a"), rig.program("b")
    rig.event(first)
    name = rig.event(second)
    trick = rig.trick("status", "/events", status=500, times=1)
    rig.settle()
    assert trick.met == 1
    assert not rig.read.complete
    assert rig.read.listed == frozenset({second})
    assert set(rig.events) == {name}


def test_a_vtn_that_is_down_is_asked_with_growing_patience(rig: Rig) -> None:
    rig.settle()
    rig.down = True
    asked = len(rig.asked)
    rig.run(2400.0)
    waits = gaps([at for at, _ in rig.asked[asked:]])
    assert [round(one, 3) for one in waits] == sorted(round(one, 3) for one in waits)
    assert 10 <= len(waits) <= 20
    assert max(waits) <= 300.0
    rig.down = False
    reads = len(rig.reads)
    rig.run(301.0)
    assert len(rig.reads) > reads


def test_too_many_requests_waits_as_long_as_told(rig: Rig) -> None:
    rig.settle()
    rig.trick("status", "/events", status=429, times=1, by_s=40.0)
    before = len(rig.sent("/events"))
    rig.run(95.0)
    assert len(rig.sent("/events")) == before + 1
    rig.run(10.0)
    assert len(rig.sent("/events")) == before + 2


def test_a_redirect_is_not_followed(rig: Rig) -> None:
    rig.trick("redirect")
    rig.run(60.0)
    assert rig.reads == []
    assert all("elsewhere" not in one.url for _, one in rig.asked)


def test_403_for_everything_refuses_the_relation_and_its_end_ends_that() -> None:
    rig = Rig()
    trick = rig.trick("status", "/[pe]*", status=403)
    rig.run(60.0)
    assert rig.read.refused
    rig.desk.tricks.remove(trick)
    rig.run(700.0)
    assert (rig.read.refused, rig.read.complete) == ("", True)
    assert "access" not in rig.alarms


# The clock


@pytest.mark.parametrize("apart_s", [3600.0, -3600.0, 31.0])
def test_a_clock_that_is_not_ours_is_an_alarm_and_moves_nothing(rig: Rig, apart_s: float) -> None:
    name = rig.event(rig.program())
    rig.date_ahead_s = apart_s
    rig.settle()
    assert "clock" in rig.alarms
    assert rig.events[name].start_s == 1_795_989_600.0
    assert abs(rig.read.at_s - rig.utc) < 6.0
    rig.date_ahead_s = 0.0
    rig.run(70.0)
    assert "clock" not in rig.alarms


def test_times_without_t_and_zone_are_read(rig: Rig) -> None:
    name = rig.event(rig.program())
    rig.trick("naive")
    rig.settle()
    assert rig.events[name].start_s == 1_795_989_600.0
    assert "without a zone" in rig.alarms[f"event {name}"]


def test_polls_of_many_vens_do_not_fall_into_step() -> None:
    class Spread:
        def __init__(self, share: float) -> None:
            self._share = share

        def jitter(self, low_s: float, high_s: float) -> float:
            return low_s + self._share * (high_s - low_s)

    seconds = set()
    for number in range(10):
        rig = Rig()
        rig.dice = Spread(number / 9)
        rig.run(130.0)
        seconds.add(round(rig.sent("/events")[2], 1))
    assert len(seconds) == 10
