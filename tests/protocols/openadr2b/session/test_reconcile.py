"""Events that broke a rule of the schema: answered where they can be, and always told of."""

from dataclasses import replace

import pytest

from protocols.openadr2b.session.book import VERSION, Book, Gone, Known, due_answers, loaded, pruned, saved
from protocols.openadr2b.session.reconcile import reconcile
from protocols.openadr2b.wire.events import OadrDistributeEvent, OadrEvent
from protocols.openadr2b.wire.reader import Unread
from tests.protocols.openadr2b.samples import event, signal
from tests.protocols.openadr2b.session.rig import TERMS


@pytest.mark.parametrize(
    ("unread", "answers", "remark"),
    [
        (Unread("odd", "e", 7, True), [("e", 7, 454, "optOut")], "event e: odd"),
        # ten digits are a number of the schema like any other
        (Unread("odd", "e", 4_000_000_000, True), [("e", 4_000_000_000, 454, "optOut")], "event e: odd"),
        (Unread("odd", "e", 0, True), [("e", 0, 454, "optOut")], "event e: odd"),
        (Unread("odd", "e", 7, False), [], "event e: odd"),
        (Unread("odd", "e", None, True), [], "event e: odd"),
        (Unread("odd", None, 7, True), [], "event without an id: odd"),
        (Unread("odd", "", 7, True), [("", 7, 454, "optOut")], "event without an id: odd"),
    ],
)
def test_what_could_not_be_read_is_refused_under_its_own_number_where_it_has_one(
    unread: Unread, answers: list[tuple[str, int, int, str]], remark: str
) -> None:
    """454: invalid data (profile specification 1.1, table of response codes)."""
    shown = OadrDistributeEvent(requestID="r1", vtnID="VTN")
    done = reconcile(Book(), shown, (unread,), TERMS, "0042", 1000.0)
    found = [(one.eventID, one.modificationNumber, one.responseCode, one.optType) for one in due_answers(done.book)]
    assert found == answers
    assert all(one.requestID == "r1" for one in due_answers(done.book))
    assert done.remarks == (remark,)


def gone(name: str, at_s: float, *, owed: bool = False) -> Known:
    """Over since then."""
    return Known(event(name), "r1", gone=Gone(at_s, False, True), wants_answer=owed)


def test_what_is_over_is_known_for_a_day_or_as_long_as_something_is_owed_for_it() -> None:
    held = (
        gone("old", 0.0),
        gone("later", 1.0),
        gone("owed", 0.0, owed=True),
        gone("told", 0.0),
        Known(event("on"), "r1"),
    )
    book = Book({one.name: one for one in held}, waiting={"told": ()})
    assert pruned(book, 86_400.0) is book
    assert list(pruned(book, 86_401.0).known) == ["later", "owed", "told", "on"]
    assert list(pruned(book, 86_402.0).known) == ["owed", "told", "on"]


def taken(book: Book, *events: OadrEvent, request: str = "r1") -> Book:
    return reconcile(book, OadrDistributeEvent(requestID=request, vtnID="VTN", events=events), (), TERMS, "v", 0.0).book


def long(name: str, intervals: int = 288) -> OadrEvent:
    """A day of prices in five minutes; some 100 KB."""
    return event(name, signal("ELECTRICITY_PRICE", "price", *[0.25] * intervals, length_s=86_400.0))


def test_a_book_longer_than_what_a_vtn_may_send_is_still_there_after_a_restart() -> None:
    """Fifty such days, the most part of them over: read with a stranger's bound, every event was lost."""
    held = Book({name: Known(long(name), "r1") for name in (f"e{n}" for n in range(50))})
    body = saved(held)
    assert len(body) > 3 * 1_048_576
    body = saved(Book({**held.known} | {name: Known(long(name), "r1") for name in (f"f{n}" for n in range(50))}))
    assert len(body) > 4 * 1_048_576
    assert len(loaded(VERSION, body, TERMS, "v").known) == 100


def test_an_id_with_a_carriage_return_is_the_same_after_a_restart() -> None:
    held = Book({"a\rb": Known(event("a\rb"), "r1")})
    assert list(loaded(VERSION, saved(held), TERMS, "v").known) == ["a\rb"]


def test_events_that_are_over_are_forgotten_before_they_fill_memory_and_what_is_shown_stays() -> None:
    """288 intervals are about 86 KB: sixteen megabytes hold less than 200 of them, and a new set came with every poll."""
    book = Book()
    for number in range(20):
        book = taken(book, *(long(f"{number}-{place}") for place in range(20)))
    assert sum(one.length for one in book.known.values()) <= 16 * 1_048_576
    assert {f"19-{place}" for place in range(20)} <= {name for name, one in book.known.items() if one.gone is None}
    assert 100 < len(book.known) < 200


def test_what_is_shown_is_bounded_too_and_what_has_no_room_is_refused_and_unseats_nothing() -> None:
    """A VTN may show what it showed before in few bytes, beside four megabytes more of them each time."""
    book = Book()
    for number in range(20):
        told = [event(f"{one}-{place}") for one in range(number) for place in range(20)]
        book = taken(book, *told, *(long(f"{number}-{place}") for place in range(20)), request=f"r{number}")
    shown = [one for one in book.known.values() if one.gone is None]
    assert 100 < len(shown) < 400
    assert sum(one.length for one in shown) <= 16 * 1_048_576
    assert all(f"0-{place}" in book.known for place in range(20))
    refused = {one.eventID: (one.responseCode, one.optType) for one in book.extra}
    assert refused["19-19"] == (469, "optOut")
    grown = replace(long("0-0", 60_000), descriptor=replace(event("0-0").descriptor, modificationNumber=1))
    again = taken(book, *(one.event for one in shown[1:]), grown)
    assert again.known["0-0"].event == book.known["0-0"].event


def test_no_more_than_two_thousand_events_are_shown_at_once() -> None:
    book = taken(Book(), *(event(f"e{number}") for number in range(2001)))
    assert len(book.known) == 2000
    assert [(one.eventID, one.responseCode) for one in book.extra] == [("e2000", 469)]


def test_answers_that_nobody_takes_are_bounded() -> None:
    """Pushed, a set that repeats a lower number is refused each time under another requestID."""
    book = taken(Book(), *(event(f"e{number}", modificationNumber=1) for number in range(1500)))
    for request in ("r2", "r3"):
        book = taken(book, *(event(f"e{number}") for number in range(1500)), request=request)
    assert len(book.extra) == 2000
    assert sum(one.requestID == "r3" for one in book.extra) == 1500


def test_where_there_is_too_much_what_is_owed_for_is_forgotten_last() -> None:
    held = [gone(f"o{number}", 0.0, owed=True) for number in range(1999)] + [gone("a", 5.0), gone("b", 6.0)]
    left = pruned(Book({one.name: one for one in held}), 10.0).known
    assert (len(left), "a" in left, "b" in left) == (2000, False, True)
    held = [gone(f"o{number}", float(number), owed=True) for number in range(2001)]
    left = pruned(Book({one.name: one for one in held}), 10.0).known
    assert (len(left), "o0" in left) == (2000, False)
