"""Pages turned one by one, and what a reply makes of a poll. Pages of two; the dice gives the lowest number."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from protocols.ieee2030_5.session import pages, polls
from protocols.ieee2030_5.session.exchange import Reply
from protocols.ieee2030_5.session.pages import Listing, Walk, key_of, paged, turn
from protocols.ieee2030_5.session.polls import Verdict, failed, hasten, take
from protocols.ieee2030_5.session.tree import Kind, Look, Node, Place, Tree, resolve
from protocols.ieee2030_5.wire.datatypes import ListLink
from protocols.ieee2030_5.wire.der import DERControlList
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import Decoded, Reject
from protocols.ieee2030_5.wire.resources import EndDevice, FunctionSetAssignments, Registration
from tests.protocols.ieee2030_5.session.rig import TERMS, control, default, mrid


@dataclass(frozen=True)
class Low:
    def jitter(self, low_s: float, high_s: float) -> float:
        return low_s


DICE = Low()
ITEMS = tuple(control(number, start=0) for number in range(9))


def page(*numbers: int, told: int, rejects: int = 0) -> Decoded[Message]:
    items = tuple(ITEMS[number] for number in numbers)
    lost = tuple(Reject(at, "bad") for at in range(rejects))
    return Decoded(DERControlList(all=told, results=len(items), items=items), lost)


def walked(*given: Decoded[Message] | None, before: frozenset[str] | None = None) -> Walk | Listing:
    """Pages of two until the list is there."""
    found: Walk | Listing = Walk()
    for one in given:
        assert isinstance(found, Walk), "the list was there already"
        found = turn(found, one, 2, before)
    return found


def ended(found: Walk | Listing) -> tuple[int, bool]:
    """How many items, and whether to its end."""
    assert isinstance(found, Listing)
    return len(found.items), found.ended


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u.example/derc", "https://u.example/derc?s=0&l=50"),
        ("https://u.example/derc?x=1", "https://u.example/derc?x=1&s=0&l=50"),
    ],
)
def test_a_page_is_asked_for_by_start_and_length(url: str, expected: str) -> None:
    assert paged(url, 0, 50) == expected


def test_an_empty_list_is_there_at_once() -> None:
    assert ended(walked(page(told=0))) == (0, True)
    assert ended(walked(None)) == (0, True)


def test_a_full_page_may_have_a_successor_whatever_all_says() -> None:
    one = walked(page(0, 1, told=2))
    assert isinstance(one, Walk)
    assert (one.start, one.pages, one.told, one.restarts) == (2, 1, 2, 0)
    assert ended(turn(one, page(told=2), 2, None)) == (2, True)
    assert ended(turn(one, None, 2, None)) == (2, False)  # an answer without a body ends no walk


def test_a_short_page_is_the_last_unless_all_promises_more() -> None:
    assert ended(walked(page(0, told=1))) == (1, True)
    assert isinstance(walked(page(0, told=3)), Walk)
    assert ended(walked(page(0, 1, told=3), page(2, told=3))) == (3, True)


def test_a_list_short_of_its_own_count_is_not_at_its_end_but_the_same_lie_twice_is_believed() -> None:
    assert ended(walked(page(0, 1, told=5), page(told=5))) == (2, False)
    same, other = frozenset({mrid(0), mrid(1)}), frozenset({mrid(0)})
    assert ended(walked(page(0, 1, told=5), page(told=5), before=same)) == (2, True)
    assert ended(walked(page(0, 1, told=5), page(told=5), before=other)) == (2, False)


def test_a_page_repeated_is_the_end() -> None:
    assert ended(walked(page(0, 1, told=2), page(0, 1, told=2))) == (2, True)
    assert ended(walked(page(0, 1, told=4), page(0, 1, told=4))) == (2, False)


def test_an_item_repeated_counts_once() -> None:
    assert ended(walked(page(0, 0, told=3), page(1, told=3))) == (2, True)
    assert ended(walked(page(0, 1, told=4), page(1, 2, told=4), page(told=4))) == (3, True)


def test_rejected_items_are_on_the_page_too() -> None:
    found = walked(page(0, told=3, rejects=1), page(1, told=3))
    assert ended(found) == (2, True)
    assert isinstance(found, Listing)
    assert len(found.rejects) == 1
    assert ended(walked(page(told=2, rejects=2), page(told=2))) == (0, True)


def test_a_count_that_changes_on_the_way_begins_anew_once() -> None:
    again = walked(page(0, 1, told=4), page(2, 3, told=5))
    assert again == Walk(restarts=1)
    assert isinstance(again, Walk)
    third = turn(again, page(0, 1, told=5), 2, None)
    assert isinstance(third, Walk)
    second = turn(third, page(2, told=3), 2, None)
    assert ended(second) == (3, False)


def test_a_walk_is_left_after_a_hundred_pages_or_two_thousand_items(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (pages.MOST_PAGES, pages.MOST_ITEMS) == (100, 2000)
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    assert ended(walked(page(0, 1, told=9), page(2, 3, told=9))) == (4, False)
    monkeypatch.setattr(pages, "MOST_PAGES", 99)
    monkeypatch.setattr(pages, "MOST_ITEMS", 4)
    assert ended(walked(page(0, 1, told=9), page(2, 3, told=9))) == (4, False)


def test_an_item_is_itself_by_mrid_else_lfdi_else_sfdi_else_address() -> None:
    assert key_of(ITEMS[3]) == mrid(3)
    assert key_of(EndDevice(href="/e", lFDI="AB", sFDI=7, changedTime=0)) == "AB"
    assert key_of(EndDevice(href="/e", lFDI=None, sFDI=7, changedTime=0)) == "7"


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/a", "https://u.example/a"),
        (" /a ", "https://u.example/a"),
        ("a", "https://u.example/x/a"),
        ("/a/b-1/c_2", "https://u.example/a/b-1/c_2"),
        ("/a/", "https://u.example/a/"),
        ("/a/../b", "https://u.example/b"),
        ("/./a", "https://u.example/a"),
        ("/a?s=1", "https://u.example/a?s=1"),
        ("https://u.example/b", "https://u.example/b"),
        ("https://u.example:8443/b", ""),
        ("http://u.example/b", ""),
        ("//other.example/b", ""),
        ("https://[bad/b", ""),
    ],
)
def test_links_stay_on_the_configured_server(href: str, url: str) -> None:
    assert resolve("https://u.example/x/dcap", href) == url


@pytest.mark.parametrize("base", ["https://u.example:port/dcap", "https://u.example:99999/dcap"])
def test_no_link_is_followed_from_an_address_without_a_proper_port(base: str) -> None:
    assert resolve(base, "/a") == ""


def node(kind: Kind = Kind.CONTROLS, **changes: Any) -> Node:
    plain = Node(Place(kind, "https://u.example/x"), 100.0, due_s=0.0, started_s=1000.0, asked=7)
    return replace(plain, **changes)


def reply(status: int, body: Decoded[Message] | None = None, fault: str = "") -> Reply:
    return Reply(id=7, status=status, sent_s=1000.0, received_s=1001.0, body=body, fault=fault)


def taken(one: Node, given: Reply, now_s: float = 1001.0) -> polls.Taken:
    return take(one, given, TERMS, now_s, DICE)


@pytest.mark.parametrize(
    ("status", "verdict", "look"),
    [
        (401, Verdict.FORBIDDEN, Look.FAILED),
        (403, Verdict.FORBIDDEN, Look.FAILED),
        (404, Verdict.GONE, Look.GONE),
        (410, Verdict.GONE, Look.GONE),
        (199, Verdict.FAILED, Look.FAILED),
        (300, Verdict.FAILED, Look.FAILED),
        (402, Verdict.FAILED, Look.FAILED),
        (500, Verdict.FAILED, Look.FAILED),
        (200, Verdict.READ, Look.READ),
        (299, Verdict.READ, Look.READ),
    ],
)
def test_what_a_status_means_for_a_list(status: int, verdict: Verdict, look: Look) -> None:
    done = taken(node(), reply(status, page(0, told=1)))
    assert (done.verdict, done.node.look, done.node.asked, done.node.walk) == (verdict, look, None, None)
    assert done.node.failures == (0 if verdict is Verdict.READ else 1)


def test_a_good_read_is_followed_after_the_window_and_a_failure_sooner() -> None:
    assert taken(node(), reply(200, page(0, told=1))).node.due_s == pytest.approx(1097.0)
    assert taken(node(), reply(200, page(0, told=1)), now_s=1500.0).node.due_s == 1500.0
    assert taken(node(), reply(500)).node.due_s == pytest.approx(1030.0)
    assert taken(node(failures=1), reply(500)).node.due_s == pytest.approx(1060.0)


def test_a_failure_keeps_what_was_read() -> None:
    before = taken(node(), reply(200, page(0, told=1))).node
    for given in (reply(500), reply(404), reply(403), reply(200, fault="not XML")):
        done = taken(replace(before, asked=7), given)
        assert done.node.items == (ITEMS[0],)
        assert done.changed
        assert not taken(replace(done.node, asked=7), given).changed


def test_a_body_of_another_kind_is_a_failure_in_words() -> None:
    registration: Decoded[Message] = Decoded(Registration(dateTimeRegistered=0, pIN=1))
    done = taken(node(), reply(200, registration))
    assert (done.verdict, done.why) == (Verdict.FAILED, "a Registration where a DERControlList is due")


@pytest.mark.parametrize(
    ("kind", "status", "verdict", "look"),
    [
        (Kind.DEFAULT, 404, Verdict.READ, Look.GONE),
        (Kind.DEFAULT, 204, Verdict.READ, Look.GONE),
        (Kind.REGISTRATION, 404, Verdict.READ, Look.GONE),
        (Kind.TIME, 204, Verdict.FAILED, Look.FAILED),
        (Kind.TIME, 404, Verdict.GONE, Look.GONE),
        (Kind.CONTROLS, 204, Verdict.READ, Look.READ),
    ],
)
def test_what_no_body_means(kind: Kind, status: int, verdict: Verdict, look: Look) -> None:
    done = taken(node(kind), reply(status))
    assert (done.verdict, done.node.look) == (verdict, look)


def test_an_optional_resource_that_went_is_read_as_none_with_its_usual_pace() -> None:
    before = taken(node(Kind.DEFAULT), reply(200, Decoded(default(1)))).node
    assert before.message == default(1)
    gone = taken(replace(before, asked=7), reply(404))
    assert (gone.node.message, gone.node.fresh, gone.node.failures, gone.changed) == (None, True, 0, True)
    assert gone.node.due_s == pytest.approx(1097.0)
    assert not taken(replace(gone.node, asked=7), reply(404)).changed


def test_a_list_suddenly_empty_is_believed_the_second_time() -> None:
    full = taken(node(), reply(200, page(0, told=1))).node
    once = taken(replace(full, asked=7), reply(200, page(told=0))).node
    assert once.items == (ITEMS[0],)
    assert once.listing is not None
    assert not once.listing.ended
    twice = taken(replace(once, asked=7), reply(200, page(told=0))).node
    assert twice.items == ()
    assert twice.listing is not None
    assert twice.listing.ended


def test_a_list_cut_short_holds_what_it_held() -> None:
    full = taken(node(), reply(200, page(0, 1, 2, told=3))).node
    small = replace(TERMS, page=2)
    walk = take(replace(full, asked=7), reply(200, page(1, 3, told=9)), small, 1001.0, DICE)
    assert (walk.verdict, walk.node.due_s, walk.node.asked) == (Verdict.MORE, 1001.0, None)
    cut = take(replace(walk.node, asked=7), reply(200, page(told=9)), small, 1001.0, DICE).node
    assert cut.items == (ITEMS[1], ITEMS[3], ITEMS[0], ITEMS[2])
    assert cut.short == frozenset({mrid(1), mrid(3)})


def test_the_same_again_is_no_change() -> None:
    first = taken(node(), reply(200, page(0, told=1)))
    assert first.changed
    assert first.node.fresh
    assert not taken(replace(first.node, asked=7), reply(200, page(0, told=1))).changed
    assert taken(replace(first.node, asked=7), reply(200, page(1, told=1))).changed


def test_haste_is_no_sooner_than_six_tenths_of_the_window_and_never_later_than_before() -> None:
    def due_s(one: Node, now_s: float) -> float:
        return hasten(Tree(TERMS, {one.place: one}), (one.place,), now_s).nodes[one.place].due_s

    waiting = node(asked=None, due_s=1097.0)
    assert due_s(waiting, 1010.0) == 1060.0
    assert due_s(waiting, 1070.0) == 1070.0
    assert due_s(replace(waiting, due_s=1020.0), 1010.0) == 1020.0
    assert due_s(node(due_s=1097.0), 1010.0) == 1097.0  # it is being asked


def test_a_failure_is_a_change_the_first_time() -> None:
    once = failed(node(look=Look.READ), Verdict.FAILED, "why", 1001.0, DICE)
    assert (once.changed, once.why, once.node.failures) == (True, "why", 1)
    assert not failed(once.node, Verdict.FAILED, "why", 1001.0, DICE).changed


def test_what_has_only_an_address_goes_by_it() -> None:
    bare = FunctionSetAssignments(href="/fsa/1", DERProgramListLink=ListLink("/derp", 1), mRID=mrid(5))
    assert key_of(bare) == mrid(5)


def test_a_page_of_which_nothing_could_be_read_is_neither_an_end_nor_a_repetition() -> None:
    # Clause 6.6: the list goes on at s=4 as long as all of them (5) were not given.
    under_way = walked(page(0, 1, told=5), page(told=5, rejects=2))
    assert isinstance(under_way, Walk)
    assert under_way.start == 4
    assert ended(turn(under_way, page(2, told=5), 2, None)) == (3, True)
    first = walked(page(told=5, rejects=2))
    assert isinstance(first, Walk)
    assert first.start == 2


def test_of_a_page_without_measure_no_more_faults_are_kept_than_a_list_has_items() -> None:
    """A megabyte of <DERControl/> are 87,000 of them, and all would go into every record of what was read."""
    found = walked(page(1, told=2, rejects=3 * pages.MOST_ITEMS))
    assert isinstance(found, Listing)
    assert (len(found.items), len(found.rejects), found.ended) == (1, pages.MOST_ITEMS, False)
