"""The session's reads through the timeline: what is in force as a VTN writes, changes, spoils and deletes. It is nine in the evening."""

from collections.abc import Sequence
from typing import Any

import pytest

from grid_functions.model.control import Control, ImportLimit, ShedLevel
from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import OutcomeKind
from grid_functions.timeline.step import empty, step
from protocols.openadr3.desk.shelf import Put, Record
from tests.protocols.openadr3.lab import policy
from tests.protocols.openadr3.rig import Rig, interval

NOW = {"start": "2026-11-29T21:00:00Z", "duration": "PT2H"}


class House:
    """A rig and the timeline of its one respondent."""

    def __init__(self, rig: Rig | None = None) -> None:
        self.rig = rig or Rig()
        self.state = empty(self.rig.terms.respondent(""))
        self.facts: list[tuple[str, OutcomeKind]] = []
        self._taken = 0

    def live(self, seconds: float) -> set[Control]:
        """Let time pass, five seconds at a time; what is in force then."""
        found: set[Control] = set()
        for _ in range(max(1, int(seconds // 5))):
            self.rig.run(5.0)
            reads = self.rig.reads[self._taken :]
            self._taken = len(self.rig.reads)
            found = self._step(reads)
        return found

    def _step(self, reads: Sequence[Read]) -> set[Control]:
        now = Instants(self.rig.mono, self.rig.utc)
        done = step(self.state, policy(), reads, (), frozenset(), now, seed=b"house")
        self.state = done.state
        self.facts += [(fact.event.id, fact.what) for fact in done.facts]
        return {one.control for one in done.in_force}

    def change(self, name: str, **body: Any) -> None:
        record = self.rig.store.get("EVENT", name)
        assert record is not None
        self.rig.write("PUT", f"/events/{name}", {**record.json, **body})


def limit(kilowatts: float, number: int = 0) -> dict[str, Any]:
    return interval(number, IMPORT_CAPACITY_LIMIT=[kilowatts])


def test_an_event_holds_and_ends() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod={"start": "2026-11-29T21:01:00Z", "duration": "PT1M"})
    assert house.live(30.0) == set()
    assert house.live(60.0) == {ImportLimit(5000.0)}
    assert house.live(60.0) == set()
    assert [kind for one, kind in house.facts if one == name] == [
        OutcomeKind.RECEIVED,
        OutcomeKind.STARTED,
        OutcomeKind.COMPLETED,
    ]


def test_a_vanished_event_is_cancelled() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod=NOW)
    assert house.live(30.0) == {ImportLimit(5000.0)}
    house.rig.write("DELETE", f"/events/{name}")
    assert house.live(80.0) == set()
    assert (name, OutcomeKind.CANCELLED) in house.facts


def test_a_list_that_is_empty_once_by_mistake_cancels_nothing() -> None:
    house = House()
    house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.rig.trick("empty", "/events", times=1)
    assert house.live(200.0) == {ImportLimit(5000.0)}
    assert [kind for _, kind in house.facts] == [OutcomeKind.RECEIVED, OutcomeKind.STARTED]


def test_an_event_called_off_by_now_and_nothing_is_cancelled() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.change(name, intervalPeriod={"start": "0001-01-01T00:00:00Z", "duration": "PT0S"})
    assert house.live(80.0) == set()
    assert (name, OutcomeKind.CANCELLED) in house.facts


def test_a_change_takes_the_place_of_what_held() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.change(name, intervals=[limit(3.0)])
    assert house.live(80.0) == {ImportLimit(3000.0)}


@pytest.mark.parametrize(
    "body",
    [
        {"intervals": [interval(0, IMPORT_CAPACITY_LIMIT=["NaN"])]},
        {"intervals": [interval(0, IMPORT_CAPACITY_LIMIT=[1e308])]},
        {"intervals": [limit(3.0), interval(1, IMPORT_CAPACITY_LIMIT=[True])]},
        {"intervals": [interval(0, X_NOBODY_KNOWS=[1])]},
        {"intervals": [interval(0, DISPATCH_INSTRUCTION=["off"])]},
        {"intervals": [limit(3.0), limit(3.0, 1)], "intervalPeriod": {"start": "2026-11-29T21:00:00Z"}},
    ],
)
def test_a_broken_change_unseats_no_good_limit(body: dict[str, Any]) -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.change(name, **body)
    assert house.live(200.0) == {ImportLimit(5000.0)}
    assert f"event {name}" in house.rig.alarms


def test_a_change_that_breaks_the_schema_unseats_no_good_limit() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    record = house.rig.store.get("EVENT", name)
    assert record is not None
    for spoilt in ({"intervals": "none"}, {"programID": 17}, {"intervalPeriod": {"start": "10000-01-01T00:00:00Z"}}):
        house.rig.store.apply([Put(Record("EVENT", name, record.client, {**record.json, **spoilt}))])
        assert house.live(200.0) == {ImportLimit(5000.0)}


@pytest.mark.parametrize("does", ["status", "html", "nothing", "deep", "large", "cut", "object", "void"])
def test_a_vtn_that_breaks_takes_no_limit_away(does: str) -> None:
    house = House()
    house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.rig.trick(does)
    assert house.live(800.0) == {ImportLimit(5000.0)}


def test_of_overlapping_events_the_better_priority_holds_and_the_other_resumes() -> None:
    """0 is the highest, none the lowest; loss is not final."""
    house = House()
    program = house.rig.program()
    house.rig.event(program, intervalPeriod=NOW, intervals=[limit(9.0)])
    house.rig.event(program, intervalPeriod=NOW, intervals=[limit(7.0)], priority=1)
    urgent = house.rig.event(
        program,
        intervalPeriod={"start": "2026-11-29T21:02:00Z", "duration": "PT1M"},
        intervals=[limit(5.0)],
        priority=0,
    )
    assert house.live(60.0) == {ImportLimit(7000.0)}
    assert house.live(90.0) == {ImportLimit(5000.0)}
    assert house.live(60.0) == {ImportLimit(7000.0)}
    assert (urgent, OutcomeKind.COMPLETED) in house.facts


def test_at_the_same_priority_the_newer_holds() -> None:
    house = House()
    program = house.rig.program()
    house.rig.event(program, intervalPeriod=NOW, intervals=[limit(3.0)], priority=1)
    house.rig.run(30.0)
    house.rig.event(program, intervalPeriod=NOW, intervals=[limit(9.0)], priority=1)
    assert house.live(80.0) == {ImportLimit(9000.0)}


def test_modes_of_several_events_stand_beside_each_other() -> None:
    house = House()
    program = house.rig.program()
    house.rig.event(program, intervalPeriod=NOW)
    house.rig.event(program, intervalPeriod=NOW, intervals=[interval(0, SIMPLE=[2])])
    assert house.live(30.0) == {ImportLimit(5000.0), ShedLevel(2)}


def test_a_late_read_begins_with_the_interval_of_now() -> None:
    house = House()
    period = {"start": "2026-11-29T20:30:00Z", "duration": "PT20M"}
    house.rig.event(house.rig.program(), intervalPeriod=period, intervals=[limit(1.0), limit(2.0, 1), limit(3.0, 2)])
    assert house.live(30.0) == {ImportLimit(2000.0)}
    assert house.live(700.0) == {ImportLimit(3000.0)}


def test_an_event_that_is_over_is_expired() -> None:
    house = House()
    name = house.rig.event(house.rig.program(), intervalPeriod={"start": "2026-11-29T19:00:00Z", "duration": "PT1H"})
    assert house.live(30.0) == set()
    assert house.facts == [(name, OutcomeKind.EXPIRED)]


def test_a_repeated_schedule_goes_on_while_the_vtn_is_away_for_days() -> None:
    """Half an hour at 5 kW, half an hour at 9, for ever; the VTN is silent for five days."""
    house = House()
    period = {"start": "2026-11-29T21:00:00Z", "duration": "PT30M"}
    house.rig.event(
        house.rig.program(), duration="P9999Y", intervalPeriod=period, intervals=[limit(5.0), limit(9.0, 1)]
    )
    assert house.live(60.0) == {ImportLimit(5000.0)}
    house.rig.down = True
    house.rig.mono += 5 * 86_400.0
    assert house.live(60.0) == {ImportLimit(5000.0)}
    assert house.live(1800.0) == {ImportLimit(9000.0)}


def test_a_drawn_start_stays_the_same_over_changes_and_polls() -> None:
    house = House()
    period = {"start": "2026-11-29T21:30:00Z", "duration": "PT1H", "randomizeStart": "PT5M"}
    name = house.rig.event(house.rig.program(), intervalPeriod=period)
    house.live(60.0)
    before = house.state.kept.events[name].start_draw_s
    house.change(name, intervals=[limit(4.0)])
    house.live(80.0)
    after = house.state.kept.events[name]
    assert (after.start_draw_s, after.event.intervals[0].controls) == (before, (ImportLimit(4000.0),))
    assert 0.0 < before < 600.0  # of a window that begins five minutes early


def test_a_refusal_ends_nothing_that_was_accepted() -> None:
    house = House()
    house.rig.event(house.rig.program(), intervalPeriod=NOW)
    house.live(30.0)
    house.rig.trick("status", "/[pe]*", status=403)
    assert house.live(300.0) == {ImportLimit(5000.0)}
    assert house.rig.read.refused
