"""What is owed, what settles it and when it is tried again. The dice here gives the lowest or the highest number."""

import sys
from dataclasses import dataclass, replace
from math import inf

import pytest

from grid_functions.model.event import EventKey, RefusalKind, Respondent, Wanted
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.ieee2030_5.session import responses
from protocols.ieee2030_5.session.reads import Letter
from protocols.ieee2030_5.session.responses import Book, Queue, Settled
from protocols.ieee2030_5.session.terms import Terms

ME = Respondent("utility", "3E4F")
TERMS = Terms(name="utility", url="https://utility.example/dcap", lfdi="3e4f", sfdi=1)


@dataclass(frozen=True)
class Fixed:
    """Dice that always give one end."""

    high: bool

    def jitter(self, low_s: float, high_s: float) -> float:
        return high_s if self.high else low_s


LOW, HIGH = Fixed(False), Fixed(True)


ALL = frozenset(Wanted)


def outcome(name: str = "A", kind: OutcomeKind = OutcomeKind.RECEIVED, at_s: float = 5000.0) -> Outcome:
    return Outcome(EventKey(ME, name), kind, Moment("utility", at_s))


def letter(name: str = "A", reply_to: str = "https://utility.example/rsp", wants: frozenset[Wanted] = ALL) -> Letter:
    return Letter(name, "p", reply_to, wants)


FIRST, SECOND = outcome(), outcome(kind=OutcomeKind.STARTED)


def owing(*outcomes: Outcome) -> Book:
    book = Book({"A": letter()})
    for one in outcomes:
        book = responses.tell(book, one, 100.0)
    return book


def test_what_is_owed_goes_one_after_the_other_and_is_owed_once() -> None:
    book = owing(FIRST, SECOND)
    assert responses.tell(book, FIRST, 200.0) is book
    assert [one for _, _, one in responses.due(book, 100.0)] == [FIRST]
    assert list(responses.due(book, 99.9)) == []
    assert responses.next_due(book) == 100.0
    away = responses.sent(book, "A", 7)
    assert list(responses.due(away, 1e9)) == []
    assert responses.next_due(away) == inf
    after, done = responses.answered(away, "A", 201, 150.0, LOW)
    assert done == Settled(FIRST, "acknowledged")
    assert after.queues["A"] == Queue((SECOND,), due_s=150.0)
    assert responses.answered(after, "A", 204, 151.0, LOW)[0].queues == {}


def test_nothing_is_due_before_it_is_known_where_to() -> None:
    book = responses.tell(Book(), FIRST, 100.0)
    assert list(responses.due(book, 100.0)) == []
    assert responses.next_due(book) == inf


@pytest.mark.parametrize("status", [400, 402, 405, 410, 415, 499])
def test_a_final_word_settles_with_an_alarm(status: int) -> None:
    after, done = responses.answered(owing(FIRST), "A", status, 150.0, LOW)
    assert done == Settled(FIRST, f"refused with {status}", alarm=True)
    assert after.queues == {}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_acknowledges(status: int) -> None:
    assert responses.answered(owing(FIRST), "A", status, 150.0, LOW)[1] == Settled(FIRST, "acknowledged")


@pytest.mark.parametrize(
    ("status", "most_s"),
    [
        (None, 300.0),
        (199, 300.0),
        (300, 300.0),
        (401, 900.0),
        (403, 900.0),
        (404, 900.0),
        (408, 300.0),
        (429, 300.0),
        (500, 300.0),
    ],
)
def test_anything_else_is_repeated_with_back_off(status: int | None, most_s: float) -> None:
    book, done = responses.answered(responses.sent(owing(FIRST), "A", 7), "A", status, 150.0, HIGH)
    assert done is None
    assert book.queues["A"] == Queue((FIRST,), due_s=155.0, failures=1, asked=None)
    for _ in range(10):
        book, _ = responses.answered(book, "A", status, 0.0, HIGH)
    assert book.queues["A"].due_s == most_s


@pytest.mark.parametrize(
    ("told", "one", "fate"),
    [
        (letter(), outcome(kind=OutcomeKind.APPLIED), "no word for it"),
        (letter(wants=frozenset()), FIRST, "not asked for"),
        (letter(wants=frozenset({Wanted.SPECIFIC})), FIRST, "not asked for"),
        (letter(wants=frozenset({Wanted.RECEIPT})), SECOND, "not asked for"),
        (letter(reply_to=""), FIRST, "no replyTo"),
    ],
)
def test_what_needs_no_sending_is_settled_without_alarm(told: Letter, one: Outcome, fate: str) -> None:
    book = responses.tell(Book({"A": told}), one, 100.0)
    after, done = responses.settled(book, 5000.0)
    assert done == (Settled(one, fate),)
    assert after.queues == {}


def test_a_week_is_enough() -> None:
    week_s = 7 * 86_400.0
    assert responses.settled(owing(FIRST), 5000.0 + week_s)[1] == ()
    after, done = responses.settled(owing(FIRST, replace(SECOND, at=Moment("utility", 5000.5))), 5000.0 + week_s + 0.2)
    assert done == (Settled(FIRST, "given up after a week", alarm=True),)
    assert len(after.queues["A"].owed) == 1
    # one that is on its way is not given up
    assert responses.settled(responses.sent(owing(FIRST), "A", 7), 1e9)[1] == ()
    # without a letter it waits for one, but not for ever
    unknown = responses.tell(Book(), FIRST, 0.0)
    assert responses.settled(unknown, 5000.0)[1] == ()
    assert len(responses.settled(unknown, 1e9)[1]) == 1


def test_a_server_that_answers_again_gets_what_failed_within_two_seconds() -> None:
    failed = responses.answered(responses.sent(owing(FIRST), "A", 7), "A", None, 150.0, HIGH)[0]
    late = replace(failed, queues={"A": replace(failed.queues["A"], due_s=400.0)})
    assert responses.hastened(late, 200.0, HIGH).queues["A"].due_s == 202.0
    assert responses.hastened(late, 200.0, LOW).queues["A"].due_s == 200.0
    assert responses.hastened(late, 399.0, HIGH).queues["A"].due_s == 400.0
    fresh = owing(FIRST)
    assert responses.hastened(fresh, 10.0, LOW).queues == fresh.queues


def test_a_response_says_whom_what_and_when_it_happened() -> None:
    message = responses.message_of(letter("0a"), outcome(at_s=5000.9), TERMS)
    assert (message.createdDateTime, message.endDeviceLFDI, message.status, message.subject) == (5000, "3E4F", 1, "0a")


def test_letters_are_kept_and_come_back() -> None:
    known = {"A": replace(letter(), refusal=RefusalKind.INVALID), "B": letter("B", "", frozenset())}
    kept = remembered(Book(), responses.noted(Book(), known))
    assert responses.loaded(kept) == Book(known)
    assert responses.loaded({key: (2, body) for key, (_, body) in kept.items()}) == Book()
    for broken in (b"", b"{", b"[]", b"[1]", b'{"A": 1}', b'{"A": ["s","p","r",["shout"],null]}', b"\xff"):
        first = next(key for key, (_, body) in kept.items() if b"refus" not in body and b"invalid" in body)
        assert "A" not in responses.loaded({**kept, first: (1, broken)}).letters
        assert "B" in responses.loaded({**kept, first: (1, broken)}).letters
        again = responses.noted(responses.loaded({**kept, first: (1, broken)}), known)
        assert responses.loaded(remembered(Book(), again)).letters == known


def test_a_letter_that_is_new_or_changed_writes_nothing_but_its_own_sixteenth() -> None:
    before = responses.noted(Book(), {str(number): letter(str(number)) for number in range(100)})
    whole = remembered(Book(), before)
    assert len(whole) == 16
    for start in (before, responses.loaded(whole)):
        for fresh in ({"new": letter("new")}, {"7": letter("another")}):
            after = responses.noted(start, fresh)
            anew = remembered(start, after)
            assert len(anew) == 1
            assert responses.loaded({**whole, **anew}).letters == {**before.letters, **fresh}
    assert remembered(before, before) == {}


def remembered(before: Book, after: Book) -> dict[str, tuple[int, bytes]]:
    """What is to be remembered anew, as a memory gives it back."""
    return {one.key: (one.version, one.body) for one in responses.changed(before, after)}


def test_the_thousand_and_first_letter_pushes_out_the_oldest_that_is_not_owed() -> None:
    many = {str(number): letter(str(number)) for number in range(1000)}
    book = responses.tell(responses.noted(Book(), many), outcome("0"), 0.0)
    assert responses.noted(book, {"0": letter("0")}) is book
    more = responses.noted(book, {"x": letter("x"), "y": letter("y")})
    # two too many: 0 is owed and stays, 1 goes
    assert "0" in more.letters
    assert "1" not in more.letters
    assert "2" in more.letters
    assert len(more.letters) == 1001
    assert responses.loaded(remembered(Book(), more)).letters == more.letters


def test_of_what_is_due_at_once_who_was_told_first_goes_first() -> None:
    book = Book({name: letter(name) for name in "ABC"})
    for name in "CAB":
        book = responses.tell(book, outcome(name), 100.0)
    book, _ = responses.answered(responses.sent(book, "C", 7), "C", 500, 100.0, LOW)
    assert [name for name, _, _ in responses.due(book, 100.0)] == ["A", "B"]
    assert [name for name, _, _ in responses.due(book, 1e3)] == ["A", "B", "C"]


def test_a_letter_that_comes_late_takes_its_answers_along() -> None:
    book = responses.tell(Book(), FIRST, 100.0)
    book, done = responses.settled(book, 5000.0)
    assert done == ()
    book = responses.noted(book, {"A": letter()})
    assert [one for _, _, one in responses.due(book, 100.0)] == [FIRST]
    unasked = responses.noted(responses.tell(Book(), FIRST, 100.0), {"A": letter(wants=frozenset())})
    assert responses.settled(unasked, 5000.0)[1] == (Settled(FIRST, "not asked for"),)


def test_more_than_a_timeline_holds_is_not_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that shows other events at each poll and takes no answer: the oldest are given up, aloud."""
    monkeypatch.setattr(responses, "MOST_OWED", 2)
    book = Book({name: letter(name) for name in "ABC"})
    for name in "ABC":
        book = responses.tell(book, outcome(name), 100.0)
    book, done = responses.settled(book, 5000.0)
    assert done == (Settled(FIRST, "given up: too many are owed", alarm=True),)
    assert sorted(book.queues) == ["B", "C"]
    assert [name for name, _, _ in responses.due(book, 100.0)] == ["B", "C"]


def calls_for(number: int) -> int:
    """Calls that telling so many answers takes, and trying each once at a server that takes none."""
    names = [f"{index:08X}" for index in range(number)]
    book, calls = Book({name: letter(name) for name in names}), 0

    def counted(frame: object, what: str, about: object) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    sys.setprofile(counted)
    try:
        for name in names:
            book, _ = responses.settled(responses.tell(book, outcome(name), 100.0), 5000.0)
        for name, _, _ in list(responses.due(book, 100.0)):
            book = responses.sent(book, name, 7)
        for name in names:
            book, _ = responses.answered(book, name, 500, 150.0, LOW)
            book, _ = responses.settled(book, 5000.0)
            assert responses.next_due(book) == 153.75  # 150 and three quarters of five seconds
    finally:
        sys.setprofile(None)
    return calls


def test_twice_as_many_owed_answers_are_twice_the_work() -> None:
    assert calls_for(600) < 2.6 * calls_for(300)
