"""Lists of many pages, and lists that change while they are read."""

from typing import Any

import pytest

from grid_functions.model.errors import MalformedMessage
from protocols.openadr3.session import rounds
from protocols.openadr3.session.machine import MOST_REMARKED
from protocols.openadr3.session.walk import MOST_AT_ONCE, MOST_ITEMS, Kind, Search, Walk, Walked, leaf, turned
from tests.protocols.openadr3.rig import Rig, in_3_0_1, interval


def crowded(count: int, rig: Rig | None = None) -> tuple[Rig, str, list[str]]:
    rig = rig or Rig()
    program = rig.program()
    return rig, program, [rig.event(program) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100, 120])
def test_every_page_is_read(count: int) -> None:
    rig, _, names = crowded(count)
    rig.settle()
    assert set(rig.events) == set(names)
    assert rig.read.complete


def test_pages_of_3_0_1() -> None:
    rig, _, names = crowded(75, Rig(in_3_0_1()))
    rig.settle()
    assert set(rig.events) == set(names)


def once(rig: Rig, on_page: int, act: Any) -> None:
    pages = 0

    def meanwhile(request: Any) -> None:
        nonlocal pages
        if "/events" in request.url and request.method == "GET":
            pages += 1
            if pages == on_page:
                act()

    rig.meanwhile = meanwhile


def test_an_event_deleted_behind_us_hides_no_other() -> None:
    """50 were read; the first goes before page 2 is asked for, so that number 51 moves to the place of number 50."""
    rig, _, names = crowded(80)
    once(rig, 2, lambda: rig.write("DELETE", f"/events/{names[0]}"))
    rig.settle()
    assert set(rig.events) == set(names[1:])
    assert rig.read.complete


def test_an_event_that_comes_while_we_page_is_seen() -> None:
    rig, program, names = crowded(80)
    once(rig, 2, lambda: names.append(rig.event(program)))
    rig.settle()
    assert set(rig.events) == set(names)


def test_a_list_that_never_holds_still_is_not_read_to_its_end() -> None:
    rig, _, _ = crowded(80)
    rig.settle()
    assert rig.read.complete

    def meanwhile(request: Any) -> None:
        if "/events" in request.url and "skip=49" in request.url:
            oldest = rig.store.all("EVENT")[0]
            rig.write("DELETE", f"/events/{oldest.id}")
            rig.event(str(oldest.json["programID"]))

    rig.meanwhile = meanwhile
    rig.run(70.0)
    last = rig.reads[-1]
    assert (last.complete, last.listed) == (False, frozenset())
    assert len(rig.sent("/events")) <= 2 + 2 * 4
    assert "incomplete" in rig.alarms


def test_a_vtn_that_ignores_skip_is_no_endless_list() -> None:
    rig, _, _ = crowded(50)
    rig.trick("repeated", "/events")
    rig.run(30.0)
    assert len(rig.sent("/events")) <= 20
    assert rig.reads
    assert not rig.read.complete


def test_an_item_shown_twice_is_one() -> None:
    rig, _, names = crowded(60)
    rig.settle()
    assert len(rig.read.events) == len(names)


@pytest.mark.parametrize("record", [{"programID": "p"}, {}], ids=["events", "of which none is one"])
def test_a_list_without_end_is_left_at_its_20000th_record(record: dict[str, str]) -> None:
    """50 to a page, of which one was there before: the 409th page brings the 20,000th."""
    after: Walk | Walked = Walk(Search(Kind.EVENTS, "/events"))
    pages = 0
    while isinstance(after, Walk):
        json = [{"id": f"e{after.skip + number}"} | record for number in range(50)]
        after = turned(after, leaf(Kind.EVENTS, json, None), 50)
        pages += 1
        assert pages <= 409, "it does not end"
    assert not after.ended
    assert MOST_ITEMS <= len(after.items) + len(after.unread) < MOST_ITEMS + 50


def test_a_page_that_is_a_flood_is_no_page() -> None:
    """Whatever was asked for: four megabytes hold a hundred thousand records, and all would be read between two decisions."""
    records = [{"id": str(number), "programID": "p"} for number in range(MOST_AT_ONCE + 1)]
    assert len(leaf(Kind.EVENTS, records[1:], None).page.items) == MOST_AT_ONCE
    with pytest.raises(MalformedMessage):
        leaf(Kind.EVENTS, records, None)


def test_events_that_are_not_taken_have_so_many_alarms_and_no_more() -> None:
    """A shed level of 9 is none: each such event is refused and said so, the last of them together."""
    rig = Rig()
    program = rig.program()
    names = [rig.event(program, intervals=[interval(0, SIMPLE=[9])]) for _ in range(MOST_REMARKED + 20)]
    rig.settle()
    assert rig.alarms["events"] == "events: 20 more were not taken as they are"
    assert len(rig.alarms) == MOST_REMARKED + 1
    for name in names[1:]:
        rig.write("DELETE", f"/events/{name}")
    rig.run(300.0)
    assert set(rig.alarms) == {f"event {names[0]}"}


def test_lists_are_read_no_further_than_memory_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of four megabytes without end: what was read stands, nothing is taken for vanished, and the next look is not tried at once."""
    rig, program, names = crowded(120)
    rig.settle()
    assert set(rig.events) == set(names)
    monkeypatch.setattr(rounds, "MOST_BYTES", 40_000)
    more = [rig.event(program, eventName="x" * 100) for _ in range(120)]
    rig.run(120.0)
    assert [one.complete for one in rig.reads[-1:]] == [False]
    assert set(names) & set(rig.events)
    asked = len(rig.asked)
    monkeypatch.setattr(rounds, "MOST_BYTES", 10_000_000)
    rig.run(120.0)
    assert len(rig.asked) - asked < 100
    assert [one.complete for one in rig.reads[-1:]] == [True]
    assert set(rig.events) == {*names, *more}


def test_pages_are_kept_by_their_length_too() -> None:
    kept: dict[tuple[Search, int], Any] = {}
    for place in range(5):
        read = leaf(Kind.EVENTS, [], None, 4 * 1024 * 1024)
        kept = dict(rounds._kept(kept, (Search(Kind.EVENTS, "/events"), place), read))  # its bound
    assert [place for _, place in kept] == [1, 2, 3, 4]
