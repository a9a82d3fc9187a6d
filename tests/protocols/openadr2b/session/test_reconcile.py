"""Events that broke a rule of the schema: answered where they can be, and always told of."""

import pytest

from protocols.openadr2b.session.book import Book, Gone, Known, due_answers, pruned
from protocols.openadr2b.session.reconcile import reconcile
from protocols.openadr2b.wire.events import OadrDistributeEvent
from protocols.openadr2b.wire.reader import Unread
from tests.protocols.openadr2b.samples import event
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
