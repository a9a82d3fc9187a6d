"""Outcomes: each once, in order, one final per event and respondent; owed until acknowledged."""

import pytest

from grid_functions import outcomes
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.outcome import FINAL, Cause, Fact, OutcomeKind
from grid_functions.outcomes import KEEP_OPEN_S, KEEP_S, Book

K = OutcomeKind
A = EventKey(Respondent("utility", "one"), "A")
A_OF_OTHER = EventKey(Respondent("utility", "two"), "A")
B = EventKey(Respondent("utility", "one"), "B")


def fact(what: OutcomeKind, at_s: float = 0.0, event: EventKey = A, started: bool = False) -> Fact:
    return Fact(event, what, Moment("utility", at_s), Cause(had_started=started))


def at(utc_s: float) -> Instants:
    return Instants(0.0, utc_s)


def tell(
    *facts: Fact, book: Book | None = None, ends: frozenset[str] = frozenset()
) -> tuple[Book, list[tuple[str, OutcomeKind]]]:
    done = outcomes.step(book or Book(), facts, at(0), displaced_ends=ends)
    return done.book, [(one.event.id, one.kind) for one in done.outcomes]


def test_each_once_however_often_it_is_noticed() -> None:
    book, told = tell(fact(K.RECEIVED), fact(K.RECEIVED, 1))
    assert told == [("A", K.RECEIVED)]
    book, told = tell(fact(K.RECEIVED, 2), fact(K.STARTED, 3), book=book)
    assert told == [("A", K.STARTED)]
    assert tell(fact(K.STARTED, 4), book=book)[1] == []


def test_two_respondents_answer_the_same_event_each_for_itself() -> None:
    # P-01: an aggregator's two EndDevices share a control of equal mRID
    _, told = tell(fact(K.RECEIVED), fact(K.RECEIVED, event=A_OF_OTHER))
    assert told == [("A", K.RECEIVED), ("A", K.RECEIVED)]


def test_one_events_facts_are_put_in_order_and_others_keep_their_place() -> None:
    _, told = tell(fact(K.COMPLETED, 9), fact(K.RECEIVED, 1, B), fact(K.STARTED, 5), fact(K.RECEIVED, 1))
    assert told == [("A", K.RECEIVED), ("B", K.RECEIVED), ("A", K.STARTED), ("A", K.COMPLETED)]


def test_a_start_noticed_after_the_end_is_told_with_its_own_moment() -> None:
    done = outcomes.step(Book(), [fact(K.COMPLETED, 70), fact(K.STARTED, 30), fact(K.RECEIVED, 10)], at(0))
    assert [(one.kind, one.at.at_s) for one in done.outcomes] == [(K.RECEIVED, 10), (K.STARTED, 30), (K.COMPLETED, 70)]


@pytest.mark.parametrize("final", sorted(FINAL))
def test_nothing_comes_after_a_final(final: OutcomeKind) -> None:
    book, _ = tell(fact(K.RECEIVED), fact(final))
    for what in K:
        assert tell(fact(what), book=book)[1] == [], what


def test_who_completed_had_started() -> None:
    done = outcomes.step(Book(), [fact(K.COMPLETED, 70)], at(0))
    assert [(one.kind, one.at.at_s) for one in done.outcomes] == [(K.RECEIVED, 70), (K.STARTED, 70), (K.COMPLETED, 70)]


@pytest.mark.parametrize("final", [K.CANCELLED, K.SUPERSEDED])
def test_who_ran_when_it_ended_had_started(final: OutcomeKind) -> None:
    assert tell(fact(K.RECEIVED), fact(final, started=True))[1] == [("A", K.RECEIVED), ("A", K.STARTED), ("A", final)]
    assert tell(fact(K.RECEIVED), fact(final))[1] == [("A", K.RECEIVED), ("A", final)]


@pytest.mark.parametrize("final", [K.EXPIRED, K.REFUSED])
def test_254_and_252_stand_alone(final: OutcomeKind) -> None:
    assert tell(fact(final))[1] == [("A", final)]


def test_a_displacement_ends_only_where_it_is_final() -> None:
    # 2030.5 Response 13 is final; OpenADR 2.0b takes it back with optIn
    book, told = tell(
        fact(K.RECEIVED), fact(K.DISPLACED), fact(K.RESTORED), fact(K.COMPLETED), ends=frozenset({"utility"})
    )
    assert told == [("A", K.RECEIVED), ("A", K.DISPLACED)]
    assert book.closed == {A}
    book, told = tell(
        fact(K.RECEIVED), fact(K.STARTED), fact(K.DISPLACED), fact(K.RESTORED), fact(K.DISPLACED), fact(K.COMPLETED)
    )
    assert [kind for _, kind in told] == [K.RECEIVED, K.STARTED, K.DISPLACED, K.RESTORED, K.DISPLACED, K.COMPLETED]
    assert book.closed == frozenset()


def test_opts_alternate_and_an_opt_in_answers_an_opt_out() -> None:
    _, told = tell(
        fact(K.OPTED_IN), fact(K.OPTED_OUT), fact(K.OPTED_OUT), fact(K.OPTED_IN), fact(K.OPTED_IN), fact(K.OPTED_OUT)
    )
    assert [kind for _, kind in told] == [K.OPTED_OUT, K.OPTED_IN, K.OPTED_OUT]


def test_a_refused_event_is_closed_for_the_timeline() -> None:
    assert tell(fact(K.REFUSED))[0].closed == {A}
    assert tell(fact(K.EXPIRED))[0].closed == frozenset()


def test_owed_until_acknowledged_also_over_a_restart() -> None:
    first = outcomes.step(Book(), [fact(K.RECEIVED, 1), fact(K.STARTED, 2), fact(K.RECEIVED, 1, B)], at(0))
    ledger: list[Entry] = list(first.entries)
    book = outcomes.restore(ledger)
    assert book.pages == first.book.pages
    received, started, of_b = first.outcomes
    assert outcomes.owed(book) == (received, started, of_b)
    book, entries = outcomes.acknowledged(book, received)
    ledger += entries
    assert outcomes.owed(outcomes.restore(ledger)) == (started, of_b)
    # said already: neither owed nor told again
    again = outcomes.step(outcomes.restore(ledger), [fact(K.RECEIVED, 1), fact(K.STARTED, 2)], at(1))
    assert (again.outcomes, again.entries) == ((), ())


def test_an_acknowledgement_of_what_is_not_owed_changes_nothing() -> None:
    first = outcomes.step(Book(), [fact(K.RECEIVED)], at(0))
    book, _ = outcomes.acknowledged(first.book, first.outcomes[0])
    assert outcomes.acknowledged(book, first.outcomes[0]) == (book, ())
    assert outcomes.acknowledged(Book(), first.outcomes[0]) == (Book(), ())


def test_pages_go_a_week_after_their_final_but_never_while_something_is_owed() -> None:
    first = outcomes.step(Book(), [fact(K.RECEIVED), fact(K.CANCELLED), fact(K.RECEIVED, event=B)], at(0))
    book, ledger = first.book, list(first.entries)
    for one in first.outcomes:
        late = outcomes.step(book, [], at(KEEP_S + 1))
        assert (A in late.book.pages) == (one.event == A)
        book, entries = outcomes.acknowledged(book, one)
        ledger += entries
    assert outcomes.step(book, [], at(KEEP_S - 1)).book.pages.keys() == {A, B}
    late = outcomes.step(book, [], at(KEEP_S + 1))
    assert late.book.pages.keys() == {B}  # B has no final yet
    assert outcomes.restore([*ledger, *late.entries]).pages == late.book.pages
    assert outcomes.step(late.book, [], at(KEEP_S + KEEP_OPEN_S)).book.pages == {}


def closed_book(*facts: Fact) -> Book:
    """The book after these facts at 0 s, nothing owed any more."""
    done = outcomes.step(Book(), facts, at(0))
    book = done.book
    for one in done.outcomes:
        book, _ = outcomes.acknowledged(book, one)
    return book


@pytest.mark.parametrize(
    ("facts", "days"), [((fact(K.RECEIVED), fact(K.COMPLETED)), 7), ((fact(K.REFUSED),), 7), ((fact(K.STARTED),), 400)]
)
def test_a_page_goes_a_week_after_its_end_and_400_days_after_its_last_word_without_one(
    facts: tuple[Fact, ...], days: int
) -> None:
    book = closed_book(*facts)
    assert A in outcomes.step(book, [], at(days * 86_400)).book.pages
    gone = outcomes.step(book, [], at(days * 86_400 + 1))
    assert (gone.book.pages, gone.book.closed) == ({}, frozenset())
    assert [(entry.key, entry.value) for entry in gone.entries] == [(("outcomes", "utility", "one", "A"), None)]


def test_old_pages_are_looked_for_every_hour_whichever_way_the_clock_went() -> None:
    book = outcomes.step(closed_book(fact(K.REFUSED)), [], at(604_800)).book
    assert outcomes.step(book, [], at(604_800 + 3599)).book is book
    assert outcomes.step(book, [], at(604_800 + 3600)).book.pages == {}
    assert outcomes.step(book, [], at(604_800 - 3599)).book is book
    assert outcomes.step(book, [], at(604_800 - 3600)).book.swept_utc_s == 601_200


def test_a_last_word_is_dated_by_our_own_clock() -> None:
    first = outcomes.step(Book(), [fact(K.RECEIVED, 5)], at(100)).book
    later = outcomes.step(first, [fact(K.STARTED, 6)], at(200)).book
    assert (first.pages[A].utc_s, later.pages[A].utc_s) == (100, 200)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ((K.STARTED,), (K.RECEIVED, K.STARTED)),
        ((K.RESTORED, K.OPTED_IN), ()),
        ((K.APPLIED, K.MISMATCHED, K.MISMATCHED, K.APPLIED), (K.APPLIED, K.MISMATCHED, K.APPLIED)),
        (
            (K.EFFECTIVE, K.NOT_EFFECTIVE, K.NOT_OBSERVABLE, K.NOT_OBSERVABLE, K.EFFECTIVE),
            (K.EFFECTIVE, K.NOT_EFFECTIVE, K.NOT_OBSERVABLE, K.EFFECTIVE),
        ),
        # what is of another group is not undone
        ((K.APPLIED, K.EFFECTIVE, K.APPLIED), (K.APPLIED, K.EFFECTIVE)),
        ((K.PARTIALLY_SERVED, K.PARTIALLY_SERVED), (K.PARTIALLY_SERVED,)),
    ],
)
def test_what_undoes_another_is_told_again(facts: tuple[OutcomeKind, ...], told: tuple[OutcomeKind, ...]) -> None:
    assert [kind for _, kind in tell(*map(fact, facts))[1]] == list(told)


def test_who_ran_and_was_told_so_is_not_told_so_again() -> None:
    book, _ = tell(fact(K.RECEIVED), fact(K.STARTED))
    assert tell(fact(K.COMPLETED), book=book)[1] == [("A", K.COMPLETED)]
    assert tell(fact(K.CANCELLED, started=True), book=book)[1] == [("A", K.CANCELLED)]


def test_a_step_without_news_leaves_the_book_as_it_is() -> None:
    first = outcomes.step(Book(), [fact(K.RECEIVED)], at(0))
    again = outcomes.step(first.book, [], at(10))
    assert again.book is first.book
    assert (again.outcomes, again.entries) == ((), ())


def test_entries_of_other_rooms_are_passed_over() -> None:
    assert (
        outcomes.restore(
            [Entry(("timeline", "utility", "one", "event", "A"), None), Entry(("outcomes", "u", "r", "e"), None)]
        )
        == Book()
    )
