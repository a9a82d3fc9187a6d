"""One area's coordinator: what functions grant becomes leases, which are renewed at a third of their life and taken back at the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from grid_functions.coordinator import AreaState, AreaStep, AreaTerms, farewell, renewed, step, unsent, without
from grid_functions.model.claim import LeaseId, Source, SourceKind
from grid_functions.model.control import ExportLimit, ImportLimit
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey, Interval, Rank, Respondent
from grid_functions.model.function import AreaInputs, Ask, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Lease, Message, Origin

NOTHING = AreaInputs((), {}, {})
FEEDER = AreaTerms("feeder", ("a", "b"), epoch=7)
HALF = (ImportLimit(5000.0),)
SERIES = (Interval(0.0, 900.0, (ExportLimit(0.0),)),)
ORIGIN = Origin(EventKey(Respondent("utility", "me"), "e"), Source(SourceKind.OPENADR, "utility"), Rank(1.0), 5.0)


@dataclass(frozen=True)
class Saying:
    """A function that says this."""

    says: tuple[Output, ...] = ()
    options: None = field(default=None)

    def empty(self) -> None:
        return None

    def step(self, state: None, inputs: AreaInputs, now: Instants) -> Step[None]:
        return Step(None, self.says)


def at(mono_s: float) -> Instants:
    return Instants(mono_s, 1_000_000.0 + mono_s)


def go(state: AreaState, now_s: float, *says: Output, terms: AreaTerms = FEEDER, **others: Any) -> AreaStep:
    """A step in which the function `share` says this."""
    functions: Mapping[str, Any] = {"share": Saying(says), **others}
    return step(state, terms, functions, NOTHING, at(now_s))


def ids(leases: Iterable[tuple[str, Lease]]) -> list[tuple[str, str, float]]:
    return [(member, lease.id.subject, lease.ttl_s) for member, lease in leases]


def test_a_grant_is_a_lease_of_the_function_and_subject_under_the_areas_epoch() -> None:
    done = go(AreaState(), 0.0, Grant("a", "half", HALF, 50.0, SERIES, ORIGIN))
    assert done.leases == (("a", Lease(LeaseId("feeder", "share/half", 7), 300.0, HALF, 50.0, SERIES, ORIGIN)),)
    assert (done.alarms, done.messages, done.asks) == ((), (), ())


@pytest.mark.parametrize(
    ("grant", "holds"),
    [(Grant("a", "x", HALF), True), (Grant("a", "x", series=SERIES), True), (Grant("a", "x"), False)],
)
def test_either_controls_or_a_series_are_something_to_hold(grant: Grant, holds: bool) -> None:
    assert bool(go(AreaState(), 0.0, grant).leases) is holds


def test_a_lease_is_renewed_at_a_third_of_its_life_without_its_series() -> None:
    first = go(AreaState(), 10.0, Grant("a", "half", HALF, 50.0, SERIES, ORIGIN))
    assert first.wake == (Moment(OWN, 1_000_110.0),)
    early = go(first.state, 109.5)
    assert (early.leases, early.wake) == ((), (Moment(OWN, 1_000_110.0),))
    due = go(early.state, 110.0)
    assert due.leases == (("a", Lease(LeaseId("feeder", "share/half", 7), 300.0, HALF, 50.0, None, ORIGIN)),)
    assert due.wake == (Moment(OWN, 1_000_210.0),)
    assert go(due.state, 209.9).leases == ()
    assert ids(go(due.state, 210.0).leases) == [("a", "share/half", 300.0)]


@pytest.mark.parametrize("began_s", [0.1, 0.3, 1e6 + 0.7])
def test_who_is_woken_at_its_moment_renews_whatever_the_last_digit(began_s: float) -> None:
    terms = replace(FEEDER, ttl_s=30.0)
    first = go(AreaState(), began_s, Grant("a", "half", HALF), terms=terms)
    assert len(go(first.state, began_s + 10.0, terms=terms).leases) == 1


def test_the_earliest_of_all_renewals_and_wishes_wakes() -> None:
    """a is due at 100 s, b, granted at 40 s, at 140 s."""
    first = go(AreaState(), 0.0, Grant("a", "half", HALF))
    second = go(first.state, 40.0, Grant("b", "half", HALF), WakeAt(Moment(OWN, 5.0)))
    assert second.wake == (Moment(OWN, 5.0), Moment(OWN, 1_000_100.0))
    assert go(AreaState(), 0.0).wake == ()


def test_the_same_again_is_no_news_and_another_value_goes_at_once_and_whole() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF, series=SERIES))
    assert go(first.state, 1.0, Grant("a", "half", HALF, series=SERIES)).leases == ()
    changed = go(first.state, 1.0, Grant("a", "half", (ImportLimit(4000.0),), series=SERIES))
    ((_, lease),) = changed.leases
    assert (lease.controls, lease.series) == ((ImportLimit(4000.0),), SERIES)
    assert changed.wake == (Moment(OWN, 1_000_101.0),)


def test_nothing_takes_back_what_was_granted_and_only_that() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF), Grant("a", "other", HALF), Grant("b", "half", HALF))
    ended = go(first.state, 1.0, Grant("a", "half"))
    assert ended.leases == (("a", Lease(LeaseId("feeder", "share/half", 7), 0.0)),)
    assert set(ended.state.grants) == {("share", "a", "other"), ("share", "b", "half")}
    assert go(ended.state, 2.0, Grant("a", "half")).leases == ()


def test_who_is_no_member_is_granted_nothing_and_people_hear_of_it() -> None:
    done = go(AreaState(), 0.0, Grant("z", "half", HALF), Grant("b", "half", HALF))
    assert ids(done.leases) == [("b", "share/half", 300.0)]
    (alarm,) = done.alarms
    assert (alarm.room, alarm.subject) == ("area", "share")
    assert "z, which is no member of feeder" in alarm.text


def test_what_a_function_or_member_that_left_was_granted_ends() -> None:
    first = go(
        AreaState(), 0.0, Grant("a", "half", HALF), Grant("b", "half", HALF), gone=Saying((Grant("a", "x", HALF),))
    )
    assert len(first.leases) == 3
    without = go(first.state, 1.0, terms=replace(FEEDER, members=("b",)))
    assert sorted(ids(without.leases)) == [("a", "gone/x", 0.0), ("a", "share/half", 0.0)]
    assert set(without.state.grants) == {("share", "b", "half")}


def test_letters_are_signed_by_the_area_and_problems_bear_their_function() -> None:
    letter = Message("share", "a", "", "news", "1", b"{}")
    ask = Ask("p", "problem", Moment(OWN, 9.0))
    done = go(AreaState(), 0.0, letter, ask)
    assert done.messages == (replace(letter, sender="feeder"),)
    assert done.asks == (("share", ask),)


def test_what_was_not_received_is_sent_whole_again_to_those_alone() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF, series=SERIES), Grant("b", "half", HALF, series=SERIES))
    again = go(unsent(first.state, ["b", "z"]), 1.0)
    assert [(member, lease.series) for member, lease in again.leases] == [("b", SERIES)]
    assert again.wake == (Moment(OWN, 1_000_100.0),)


def test_a_farewell_takes_back_everything() -> None:
    first = go(AreaState(), 0.0, Grant("b", "half", HALF), Grant("a", "half", HALF))
    ends = tuple((member, Lease(LeaseId("feeder", "share/half", 7), 0.0)) for member in ("a", "b"))
    assert farewell(first.state, FEEDER) == ends
    assert farewell(AreaState(), FEEDER) == ()


def test_a_renewal_that_is_late_goes_whole_since_its_member_may_have_let_go() -> None:
    """Of 300 s the member counts none after 300: whoever renews then without the series would lease nothing at all."""
    first = go(AreaState(), 0.0, Grant("a", "half", HALF, 50.0, SERIES))
    for late_s in (300.0, 1000.0):
        ((_, lease),) = go(first.state, late_s).leases
        assert (lease.start_utc_s, lease.series) == (50.0, SERIES)
    ((_, lease),) = go(first.state, 120.0).leases
    assert lease.series is None


def test_what_stands_is_renewed_without_asking_any_function() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF))
    state, leases, wake = renewed(first.state, FEEDER, at(99.9))
    assert (state, leases, wake) == (first.state, (), (Moment(OWN, 1_000_100.0),))
    state, leases, wake = renewed(first.state, FEEDER, at(100.0))
    assert ids(leases) == [("a", "share/half", 300.0)]
    assert wake == (Moment(OWN, 1_000_200.0),)
    assert renewed(state, FEEDER, at(101.0))[1] == ()


@dataclass(frozen=True)
class Counted:
    """A function that keeps how often it ran, and grants the member b as many watts."""

    options: None = field(default=None)

    @dataclass(frozen=True)
    class State:
        durable: int = 0

    def empty(self) -> State:
        return self.State()

    def step(self, state: State, inputs: AreaInputs, now: Instants) -> Step[State]:
        ran = state.durable + 1
        letter = Message("count", "b", "", "news", "1", b"{}")
        says = (Grant("b", "count", (ImportLimit(float(ran)),)), letter, Ask("p", "problem", Moment(OWN, 9.0)))
        return Step(self.State(ran), says)


def test_a_function_whose_entry_is_not_kept_has_not_run_and_the_others_go_on() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF), count=Counted())
    assert first.entries == (Entry(("function", "count"), 1),)
    second = go(first.state, 150.0, Grant("a", "half", (ImportLimit(1000.0),)), count=Counted())
    left = without(frozenset({"count"}), first.state, second, FEEDER, at(150.0))
    assert [(member, lease.controls) for member, lease in left.leases] == [
        ("a", (ImportLimit(1000.0),)),
        ("b", (ImportLimit(1.0),)),
    ]
    assert (left.messages, left.asks, left.entries) == ((), (), ())
    assert left.state.kept["count"] == first.state.kept["count"]
    assert go(left.state, 151.0, count=Counted()).entries == (Entry(("function", "count"), 2),)


def test_a_function_that_never_was_kept_leases_nothing() -> None:
    first = go(AreaState(), 0.0, Grant("a", "half", HALF), count=Counted())
    left = without(frozenset({"count"}), AreaState(), first, FEEDER, at(0.0))
    assert ids(left.leases) == [("a", "share/half", 300.0)]
    assert set(left.state.kept) == {"share"}
