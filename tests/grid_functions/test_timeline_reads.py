"""What a read changes: the same again, anew, by version, cancelled, vanished, back, refused. Seconds on the upstream's clock."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import ExportLimit, ImportLimit
from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Interval,
    Rank,
    Read,
    RefusalKind,
    Reject,
    Respondent,
    Standing,
)
from grid_functions.model.instants import OWN, ClockQuality, Instants, Moment, UpstreamTime
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.timeline import intake
from grid_functions.timeline.state import Opt, Phase, TimelineState, TimelineStep
from grid_functions.timeline.step import empty, restore, step

ME = Respondent("utility", "me")
P = {"p": Rank(1.0, 0.0, "p")}
A, B = "A", "B"
K = OutcomeKind
DAY_S, WEEK_S = 86_400.0, 604_800.0
KEEP = Policy("utility", Source(SourceKind.IEEE2030_5, "utility", ME), True, Vanished.KEEP, OptOut.NONE, (), 300.0)
CANCEL = replace(KEEP, vanished=Vanished.CANCEL)


def at(now_s: float) -> Instants:
    """Our own UTC is five million seconds ahead of the upstream's clock, which began with the run."""
    return Instants(now_s, 5e6 + now_s, {"utility": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})


def event(name: str = A, start_s: float = 100.0, duration_s: float | None = 100.0, **changes: Any) -> Event:
    key, interval = EventKey(ME, name), Interval(0.0, None, (ExportLimit(0.0),))
    plain = Event(key, 0, "p", Rank(1.0, 0.0, name), start_s, duration_s, (interval,))
    return replace(plain, **changes)


def read(*events: Event, **changes: Any) -> Read:
    plain = Read(ME, 0.0, True, programs=P, listed=frozenset(P), events=events)
    return replace(plain, **changes)


def go(
    state: TimelineState,
    now_s: float,
    *reads: Read,
    how: Policy = KEEP,
    opts: tuple[Opt, ...] = (),
    closed: frozenset[EventKey] = frozenset(),
) -> TimelineStep:
    return step(state, how, reads, opts, closed, at(now_s), seed=b"seed")


def told(done: TimelineStep) -> list[tuple[str, OutcomeKind, float]]:
    return [(fact.event.id, fact.what, fact.at.at_s) for fact in done.facts]


def after(now_s: float, *reads: Read, how: Policy = KEEP) -> TimelineState:
    return go(empty(ME), now_s, *reads, how=how).state


def test_reading_the_same_again_changes_nothing() -> None:
    first = after(0.0, read(event()))
    again = go(first, 1.0, read(event()))
    assert (again.entries, again.facts, again.notes) == ((), (), ())
    assert again.next_change == Moment("utility", 100.0)


def test_a_start_is_at_its_second_and_an_end_is_too() -> None:
    state = after(0.0, read(event()))
    assert go(state, 99.9).in_force == ()
    started = go(state, 100.0)
    assert told(started) == [(A, K.STARTED, 100.0)]
    assert len(started.in_force) == 1
    assert len(go(started.state, 199.9).in_force) == 1
    ended = go(started.state, 200.0)
    assert told(ended) == [(A, K.COMPLETED, 200.0)]
    assert (ended.in_force, ended.state.run.running if ended.state.run else None) == ((), ())


def test_what_is_found_late_takes_hold_when_found_and_ends_in_time() -> None:
    done = go(empty(ME), 150.0, read(event()))
    assert told(done) == [(A, K.RECEIVED, 150.0), (A, K.STARTED, 150.0)]
    (held,) = done.in_force
    assert (held.since, held.until) == (Moment("utility", 150.0), Moment("utility", 200.0))


@pytest.mark.parametrize(("now_s", "what"), [(199.9, K.RECEIVED), (200.0, K.EXPIRED), (500.0, K.EXPIRED)])
def test_what_is_over_when_first_seen_is_expired_and_nothing_else(now_s: float, what: OutcomeKind) -> None:
    done = go(empty(ME), now_s, read(event()))
    assert told(done)[0] == (A, what, now_s)
    assert (len(done.facts) == 1) is (what is K.EXPIRED)


def test_a_whole_window_slept_through_is_expired_at_its_end() -> None:
    assert told(go(after(0.0, read(event())), 900.0)) == [(A, K.EXPIRED, 200.0)]


@pytest.mark.parametrize(
    "changed",
    [
        event(start_s=500.0),
        event(duration_s=5.0),
        event(intervals=(Interval(0.0, None, (ExportLimit(9.0),)),)),
    ],
)
def test_other_content_under_the_same_version_is_noted_and_not_taken(changed: Event) -> None:
    done = go(after(0.0, read(event())), 1.0, read(changed))
    assert len(done.notes) == 1
    assert done.state.kept.events[A].event == event()
    assert done.next_change == Moment("utility", 100.0)


def test_a_level_may_change_and_a_creation_time_may_not() -> None:
    done = go(after(0.0, read(event())), 1.0, read(event(rank=Rank(7.0, 99.0, A))))
    assert done.state.kept.events[A].event.rank == Rank(7.0, 0.0, A)
    assert done.notes == ()


def test_a_higher_version_takes_the_place_of_a_waiting_event() -> None:
    newer = event(version=1, start_s=50.0, rank=Rank(1.0, 44.0, A))
    done = go(after(0.0, read(event())), 1.0, read(newer))
    assert done.next_change == Moment("utility", 50.0)
    assert done.state.kept.events[A].event == replace(newer, rank=Rank(1.0, 0.0, A))
    assert len(done.notes) == 1


def test_a_lower_version_is_an_old_copy() -> None:
    done = go(after(0.0, read(event(version=2))), 1.0, read(event(version=1, start_s=50.0)))
    assert done.next_change == Moment("utility", 100.0)


def test_a_running_event_runs_on_under_a_new_version_or_waits_if_moved() -> None:
    running = go(after(0.0, read(event())), 100.0).state
    longer = go(running, 110.0, read(event(version=1, start_s=105.0, duration_s=200.0)))
    assert (longer.facts, longer.state.kept.events[A].begin_s) == ((), 105.0)
    assert longer.next_change == Moment("utility", 305.0)
    moved = go(running, 110.0, read(event(version=1, start_s=400.0)))
    assert (moved.in_force, moved.next_change) == ((), Moment("utility", 400.0))
    assert moved.state.kept.events[A].phase is Phase.WAITING


def test_what_has_ended_stays_ended_under_any_version() -> None:
    over = go(go(after(0.0, read(event())), 100.0).state, 200.0).state
    again = go(over, 210.0, read(event(version=1, start_s=205.0, duration_s=500.0)))
    assert (again.in_force, again.facts) == ((), ())
    assert again.state.kept.events[A].phase is Phase.DONE
    assert again.state.kept.events[A].event.version == 1


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.CANCELLED_RANDOMISED])
def test_a_waiting_event_is_cancelled_at_once_either_way(status: EventStatus) -> None:
    done = go(after(0.0, read(event())), 10.0, read(event(status=status)))
    assert told(done) == [(A, K.CANCELLED, 10.0)]
    assert not done.facts[0].cause.had_started
    assert done.state.kept.events[A].phase is Phase.DONE


def test_a_running_event_stops_at_once_by_status_2() -> None:
    running = go(after(0.0, read(event())), 100.0).state
    done = go(running, 150.0, read(event(status=EventStatus.CANCELLED)))
    assert (told(done), done.in_force) == ([(A, K.CANCELLED, 150.0)], ())
    assert done.facts[0].cause.had_started
    assert go(done.state, 151.0, read(event(status=EventStatus.CANCELLED))).facts == ()


@pytest.mark.parametrize(("start_w", "duration_w"), [(30.0, 10.0), (10.0, -30.0), (-30.0, 0.0)])
def test_a_running_event_runs_out_within_the_larger_window_by_status_3(start_w: float, duration_w: float) -> None:
    drawn = event(duration_s=5000.0, random_start_s=start_w, random_duration_s=duration_w)
    running = go(after(0.0, read(drawn)), 140.0).state
    done = go(running, 150.0, read(replace(drawn, status=EventStatus.CANCELLED_RANDOMISED)))
    assert told(done) == [(A, K.CANCELLED, 150.0)]
    stop = done.state.kept.events[A].stop_s
    assert stop is not None
    assert 150.0 <= stop <= 180.0
    assert len(done.in_force) == 1
    ended = go(done.state, stop)
    assert (ended.facts, ended.in_force) == ((), ())  # it was told already
    # without any window it is over there and then
    plain = go(go(after(0.0, read(event())), 100.0).state, 150.0, read(event(status=EventStatus.CANCELLED_RANDOMISED)))
    assert plain.in_force == ()


def test_a_vanished_event_is_kept_or_cancelled_as_the_edition_says() -> None:
    both = (event(), event(B, 5000.0))
    for how, facts in ((KEEP, []), (CANCEL, [(A, K.CANCELLED, 10.0)])):
        assert told(go(after(0.0, read(*both), how=how), 10.0, read(event(B, 5000.0)), how=how)) == facts


def test_an_emptied_list_is_believed_the_second_time_only() -> None:
    state = after(0.0, read(event()), how=CANCEL)
    once = go(state, 10.0, read(), how=CANCEL)
    assert once.facts == ()
    assert once.state.kept.relation.lists_doubted == {"p"}
    assert told(go(once.state, 20.0, read(), how=CANCEL)) == [(A, K.CANCELLED, 20.0)]
    back = go(once.state, 20.0, read(event()), how=CANCEL).state
    assert go(back, 30.0, read(), how=CANCEL).facts == ()


@pytest.mark.parametrize("changes", [{"complete": False}, {"listed": frozenset()}])
def test_a_read_that_did_not_reach_the_end_of_the_list_cancels_nothing(changes: dict[str, object]) -> None:
    state = after(0.0, read(event(), event(B, 5000.0)), how=CANCEL)
    assert go(state, 10.0, read(event(B, 5000.0), **changes), how=CANCEL).facts == ()


def test_what_is_shown_in_a_form_we_refuse_has_not_vanished() -> None:
    state = after(0.0, read(event(), event(B, 5000.0)), how=CANCEL)
    reject = Reject(A, RefusalKind.INVALID, "unreadable")
    done = go(state, 10.0, read(event(B, 5000.0), rejects=(reject,)), how=CANCEL)
    assert (done.facts, len(done.notes)) == ((), 1)


@pytest.mark.parametrize(
    ("kind", "what"),
    [(RefusalKind.INVALID, K.REFUSED), (RefusalKind.NOT_APPLICABLE, K.REFUSED), (RefusalKind.EXPIRED, K.EXPIRED)],
)
def test_a_refused_item_is_told_once_while_it_is_shown(kind: RefusalKind, what: OutcomeKind) -> None:
    shown = read(rejects=(Reject("X", kind, "why"),))
    first = go(empty(ME), 0.0, shown)
    assert told(first) == [("X", what, 0.0)]
    assert go(first.state, 10.0, shown).facts == ()
    gone = go(first.state, 10.0, read()).state
    assert gone.kept.refusals == {}
    assert told(go(gone, 20.0, shown)) == [("X", what, 20.0)]
    assert told(go(empty(ME), 0.0, read(rejects=(Reject("", kind, "why"),)))) == []


def test_a_vanished_event_that_is_shown_again_holds_again_while_it_lasts() -> None:
    other = event(B, 5000.0)
    gone = go(after(0.0, read(event(), other), how=CANCEL), 10.0, read(other), how=CANCEL).state
    back = go(gone, 120.0, read(event(), other), how=CANCEL)
    assert [one.cause for one in back.in_force] == [EventKey(ME, A)]
    assert len(back.notes) == 1
    late = go(gone, 200.0, read(event(), other), how=CANCEL)
    assert (late.in_force, late.notes) == ((), ())


def test_an_event_cancelled_by_its_status_never_comes_back() -> None:
    other = event(B, 5000.0)
    off = go(
        after(0.0, read(event(), other), how=CANCEL), 10.0, read(event(status=EventStatus.CANCELLED), other), how=CANCEL
    ).state
    assert go(off, 120.0, read(event(), other), how=CANCEL).in_force == ()


def test_a_program_gone_takes_its_events_at_once_and_returns_them() -> None:
    q = {"q": Rank(1.0, 0.0, "q")}
    running = go(after(0.0, read(event())), 100.0).state
    gone = go(running, 110.0, read(programs=q, listed=frozenset(q)))
    assert (gone.in_force, gone.facts, len(gone.notes)) == ((), (), 1)
    assert gone.next_change == Moment(OWN, 5e6 + 110.0 + 300.0)
    back = go(gone.state, 120.0, read(event()))
    assert len(back.in_force) == 1
    assert back.state.kept.events[A].away_s is None


def test_no_program_at_all_is_believed_the_second_time() -> None:
    nothing = read(programs={}, listed=frozenset())
    for state in (after(0.0, read(event())), after(0.0, read(standings=(Standing("p", P["p"], (ImportLimit(5.0),)),)))):
        once = go(state, 10.0, nothing)
        assert (once.state.kept.relation.programs_doubted, len(once.notes)) == (True, 1)
        assert once.state.kept.events == state.kept.events
        assert once.in_force == go(state, 10.0).in_force
        twice = go(once.state, 20.0, nothing)
        assert twice.in_force == ()
    # who never had anything has nothing to doubt
    assert go(after(0.0, read()), 10.0, nothing).notes == ()


def test_a_standing_missing_once_stands_and_twice_is_gone() -> None:
    standing = Standing("p", P["p"], (ImportLimit(5.0),))
    state = after(0.0, read(standings=(standing,)))
    once = go(state, 10.0, read())
    assert len(once.in_force) == 1
    assert go(once.state, 20.0, read()).in_force == ()
    again = go(once.state, 20.0, read(standings=(standing,))).state
    assert len(go(again, 30.0, read()).in_force) == 1
    # of a program that is gone it goes at once
    q = {"q": Rank(1.0, 0.0, "q")}
    assert go(state, 10.0, read(programs=q, listed=frozenset(q))).in_force == ()


def test_a_new_value_of_a_standing_is_since_now() -> None:
    state = after(0.0, read(standings=(Standing("p", P["p"], (ImportLimit(5.0),)),)))
    (held,) = go(state, 40.0, read(standings=(Standing("p", P["p"], (ImportLimit(6.0),)),))).in_force
    assert (held.control, held.since) == (ImportLimit(6.0), Moment("utility", 40.0))


def test_the_fail_safe_stands_from_the_second_of_silence_on_until_a_complete_read() -> None:
    how = replace(KEEP, fail_safe=(ExportLimit(7.0),))
    state = after(10.0, read(), how=how)
    assert go(state, 309.9, how=how).in_force == ()
    silent = go(state, 310.0, how=how)
    assert [(one.control, one.since) for one in silent.in_force] == [(ExportLimit(7.0), Moment("utility", 310.0))]
    assert (silent.current, silent.reason, silent.next_change) == (False, "silent", None)
    half = go(silent.state, 320.0, read(complete=False), how=how)
    assert not half.current
    assert half.in_force[0].since == Moment("utility", 310.0)
    whole = go(half.state, 330.0, read(), how=how)
    assert (whole.current, whole.reason, whole.in_force) == (True, "", ())


def test_a_refusal_is_not_current_at_once_and_counts_nothing_else_of_the_read() -> None:
    how = replace(KEEP, fail_safe=(ExportLimit(7.0),))
    state = after(10.0, read(), how=how)
    done = go(state, 20.0, read(event(), refused="403"), how=how)
    assert (done.current, done.reason, done.state.kept.events) == (False, "refused: 403", {})
    again = go(done.state, 30.0, read(refused="PIN"), how=how)
    assert (again.reason, again.in_force[0].since) == ("refused: PIN", Moment("utility", 20.0))


def test_at_birth_an_upstream_is_not_current() -> None:
    how = replace(KEEP, fail_safe=(ExportLimit(7.0),))
    born = go(empty(ME), 5.0, how=how)
    assert (born.current, born.reason) == (False, "never read completely")
    assert born.in_force[0].since == Moment("utility", 5.0)
    assert go(born.state, 9.0, how=how).in_force[0].since == Moment("utility", 5.0)


@pytest.mark.parametrize(("now_s", "kept"), [(200.0 + DAY_S, True), (200.1 + DAY_S, False)])
def test_a_finished_event_is_remembered_a_day_after_its_nominal_end(now_s: float, kept: bool) -> None:
    cancelled = go(after(0.0, read(event())), 10.0, read(event(status=EventStatus.CANCELLED))).state
    assert (A in go(cancelled, now_s, read()).state.kept.events) is kept


@pytest.mark.parametrize(("now_s", "kept"), [(10.0 + DAY_S, True), (10.1 + DAY_S, False)])
def test_an_open_ended_one_a_day_after_it_was_over(now_s: float, kept: bool) -> None:
    cancelled = go(
        after(0.0, read(event(duration_s=None))), 10.0, read(event(duration_s=None, status=EventStatus.CANCELLED))
    ).state
    assert (A in go(cancelled, now_s, read()).state.kept.events) is kept


@pytest.mark.parametrize(("now_s", "kept"), [(10.0 + WEEK_S, True), (10.1 + WEEK_S, False)])
def test_one_whose_program_is_away_a_week(now_s: float, kept: bool) -> None:
    q = {"q": Rank(1.0, 0.0, "q")}
    gone = read(programs=q, listed=frozenset(q))
    state = go(after(0.0, read(event(duration_s=None))), 10.0, gone).state
    assert (A in go(state, now_s, gone).state.kept.events) is kept


def test_what_other_rooms_closed_is_over_without_a_word() -> None:
    running = go(after(0.0, read(event())), 100.0).state
    done = go(
        running, 110.0, closed=frozenset({EventKey(ME, A), EventKey(ME, "unknown"), EventKey(Respondent("x", "y"), A)})
    )
    assert (done.in_force, done.facts) == ((), ())
    assert done.state.kept.events[A].phase is Phase.DONE
    assert len(go(running, 110.0, closed=frozenset({EventKey(Respondent("x", "y"), A)})).in_force) == 1


def test_opts_are_told_where_they_count_and_once() -> None:
    how = replace(KEEP, opt_out=OptOut.ALL)
    out, back = (Opt(EventKey(ME, A), True),), (Opt(EventKey(ME, A), False),)
    running = go(after(0.0, read(event()), how=how), 100.0, how=how).state
    opted = go(running, 110.0, how=how, opts=out)
    assert (told(opted), opted.in_force) == ([(A, K.OPTED_OUT, 110.0)], ())
    assert go(opted.state, 111.0, how=how, opts=out).facts == ()
    for said in (back, ()):
        inside = go(opted.state, 120.0, how=how, opts=said)
        assert told(inside) == [(A, K.OPTED_IN, 120.0)]
        assert len(inside.in_force) == 1
    silent = go(running, 110.0, opts=out)  # the upstream allows none
    assert (silent.facts, len(silent.in_force)) == ((), 1)
    assert silent.state.kept.events[A].opted_out
    assert go(running, 110.0, how=how, opts=(Opt(EventKey(Respondent("x", "y"), A), True),)).facts == ()


def test_intervals_change_at_their_seconds() -> None:
    """0..30 s 1 W, 30..60 s nothing, from 60 s to the end 3 W."""
    parts = (
        Interval(0.0, 30.0, (ExportLimit(1.0),)),
        Interval(60.0, None, (ExportLimit(3.0),)),
    )
    state = go(after(0.0, read(event(intervals=parts))), 100.0).state

    def held(now_s: float) -> list[tuple[object, Moment | None]]:
        return [(one.control, one.until) for one in go(state, now_s).in_force]

    assert held(100.0) == [(ExportLimit(1.0), Moment("utility", 130.0))]
    assert held(129.9) == [(ExportLimit(1.0), Moment("utility", 130.0))]
    assert held(130.0) == []
    assert held(160.0) == [(ExportLimit(3.0), Moment("utility", 200.0))]
    edges = [go(state, now_s).next_change for now_s in (100.0, 130.0, 160.0)]
    assert edges == [Moment("utility", at_s) for at_s in (130.0, 160.0, 200.0)]


def test_the_next_change_may_be_the_silence() -> None:
    state = after(0.0, read(event(start_s=1000.0, duration_s=None)))
    assert go(state, 10.0).next_change == Moment(OWN, 5e6 + 300.0)


def test_a_restart_goes_on_from_the_entries() -> None:
    first = go(
        empty(ME),
        0.0,
        read(
            event(),
            standings=(Standing("p", P["p"], (ImportLimit(5.0),)),),
            rejects=(Reject("X", RefusalKind.INVALID, "why"),),
        ),
    )
    second = go(first.state, 100.0)
    again = restore(ME, [*first.entries, *second.entries])
    assert again.kept == second.state.kept
    assert go(again, 110.0).in_force == go(second.state, 110.0).in_force


def test_a_flood_of_events_unseats_none_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three fit. Of a flood the best-ranked and soonest come in; what is left out is neither told of nor forgotten while it is shown."""
    monkeypatch.setattr(intake, "MOST_EVENTS", 3)
    state = after(0.0, read(event()))
    worse = replace(event("C", start_s=5.0), rank=Rank(2.0, 0.0, "C"))
    flood = (worse, event("F", start_s=120.0), event("E", start_s=110.0), event("D", start_s=130.0))
    done = go(state, 1.0, read(event(), *flood))
    assert done.state.kept.events.keys() == {A, "E", "F"}
    assert [name for name, what, _ in told(done) if what is K.RECEIVED] == ["E", "F"]
    assert [note.text for note in done.notes] == ["more than 3 events: 2 are not taken"]
    assert go(done.state, 2.0, read(event(), *flood)).state.kept.events.keys() == {A, "E", "F"}


def test_an_upstream_that_renames_all_it_shows_finds_room_where_the_oldest_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is kept for a day, so that no jump of a clock brings it back; before there is no room the oldest of it goes."""
    monkeypatch.setattr(intake, "MOST_EVENTS", 3)
    state = empty(ME)
    for turn in range(20):
        done = go(state, float(turn), read(event(f"e{turn}", start_s=1000.0)), how=CANCEL)
        state = done.state
        assert (f"e{turn}", K.RECEIVED, float(turn)) in told(done)
        assert len(state.kept.events) <= 3
    assert state.kept.events["e19"].phase is Phase.WAITING
