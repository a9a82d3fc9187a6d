"""What a timeline keeps, what it forgets, and what its steps cost."""

from dataclasses import replace
from typing import Any

import pytest

from grid_functions.model.claim import Basis, Source, SourceKind
from grid_functions.model.control import ExportLimit, ImportLimit
from grid_functions.model.entry import Entry
from grid_functions.model.event import Event, EventKey, Interval, Ramp, Rank, Read, Respondent, Standing
from grid_functions.model.instants import OWN, ClockQuality, Instants, Moment, UpstreamTime
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.timeline import contest, windows
from grid_functions.timeline import step as timeline_step
from grid_functions.timeline.plan import Plan
from grid_functions.timeline.state import Phase, TimelineState, TimelineStep, Tracked
from grid_functions.timeline.step import empty, restore, step

ME = Respondent("utility", "me")
P = {"p": Rank(1.0, 0.0, "p")}


def policy(**changes: Any) -> Policy:
    plain = Policy("utility", Source(SourceKind.IEEE2030_5, "utility", ME), True, Vanished.KEEP, OptOut.NONE, (), 1e12)
    return replace(plain, **changes)


def at(now_s: float, utc_s: float = 5e6) -> Instants:
    return Instants(now_s, utc_s + now_s, {"utility": UpstreamTime(now_s, ClockQuality.SYNCHRONISED)})


def event(name: str, start_s: float, duration_s: float | None = 100.0, limit_w: float = 0.0) -> Event:
    return Event(
        key=EventKey(ME, name),
        version=0,
        program="p",
        rank=Rank(1.0, 0.0, name),
        start_s=start_s,
        duration_s=duration_s,
        intervals=(Interval(0.0, None, (ExportLimit(limit_w),)),),
    )


def read(*events: Event, **changes: Any) -> Read:
    plain = Read(ME, 0.0, True, programs=P, listed=frozenset(P), events=events)
    return replace(plain, **changes)


def go(
    state: TimelineState, now_s: float, *reads: Read, seed: bytes = b"seed", how: Policy | None = None
) -> TimelineStep:
    return step(state, how or policy(), reads, (), frozenset(), at(now_s), seed=seed)


def test_in_force_tells_all_about_its_event() -> None:
    one = replace(event("A", 50.0), ramp=Ramp(over_s=6.0), addressees=frozenset({"pv"}))
    first = go(empty(ME), 20.0, read(one))
    (held,) = go(first.state, 50.0).in_force
    assert (held.control, held.basis, held.cause, held.program, held.rank) == (
        ExportLimit(0.0),
        Basis.EVENT,
        one.key,
        "p",
        one.rank,
    )
    assert (held.since, held.until) == (Moment("utility", 50.0), Moment("utility", 150.0))
    # received 20 s into the run by our own UTC, which began at 5e6
    assert (held.received_utc_s, held.ramp, held.addressees) == (5e6 + 20.0, Ramp(over_s=6.0), frozenset({"pv"}))


def test_the_draw_is_kept_and_survives_another_seed() -> None:
    """The evidence is in the entry; a seed changed between two runs moves nothing that was drawn."""
    one = replace(event("A", 1000.0), random_start_s=600.0, random_duration_s=-50.0)
    first = go(empty(ME), 0.0, read(one))
    (entry,) = (entry for entry in first.entries if entry.key == ("timeline", "utility", "me", "event", "A"))
    assert isinstance(entry.value, Tracked)
    start, duration = entry.value.start_draw_s, entry.value.duration_draw_s
    assert start == windows.draw_s(b"seed", one.key, "start", 600.0)
    assert duration == windows.draw_s(b"seed", one.key, "duration", -50.0)
    assert first.next_change == Moment("utility", 1000.0 + start)
    again = go(restore(ME, first.entries), 0.0, read(one), seed=b"another")
    assert again.next_change == Moment("utility", 1000.0 + start)
    running = go(again.state, 1000.0 + start)
    assert running.next_change is not None
    assert running.next_change.at_s == pytest.approx(1000.0 + start + 100.0 + duration)


def test_an_absurd_window_is_clamped_and_noted() -> None:
    one = replace(event("A", 1e6), random_start_s=1e5)
    done = go(empty(ME), 0.0, read(one))
    assert len(done.notes) == 1
    assert done.next_change is not None
    assert 1e6 <= done.next_change.at_s <= 1e6 + 3600.0


def test_a_negative_duration_draw_never_ends_before_the_start() -> None:
    one = replace(event("A", 100.0, 1.0), random_duration_s=-3600.0)
    state = go(empty(ME), 0.0, read(one)).state
    done = go(state, 100.0)
    assert [fact.what for fact in done.facts] in ([OutcomeKind.STARTED], [OutcomeKind.STARTED, OutcomeKind.COMPLETED])
    assert all(fact.at.at_s >= 100.0 for fact in done.facts)


def test_reads_of_others_are_passed_over() -> None:
    other = Respondent("utility", "you")
    foreign = replace(event("A", 0.0), key=EventKey(other, "A"))
    assert go(empty(ME), 0.0, replace(read(foreign), respondent=other)).entries == ()
    assert go(empty(ME), 0.0, read(foreign)).in_force == ()


def test_entries_of_others_are_passed_over() -> None:
    mine = go(empty(ME), 0.0, read(event("A", 0.0))).entries
    theirs = [Entry(("timeline", "utility", "you", *entry.key[3:]), entry.value) for entry in mine]
    assert restore(ME, [*theirs, Entry(("outcomes", "utility", "me", "A"), None)]) == empty(ME)
    assert restore(ME, [*mine, *theirs]).kept == restore(ME, mine).kept


def test_a_finished_event_is_forgotten_a_day_after_its_end_once_no_longer_shown() -> None:
    one = event("A", 0.0, 100.0)
    state = go(go(empty(ME), 0.0, read(one)).state, 100.0).state
    assert state.kept.events["A"].phase is Phase.DONE
    shown = go(state, 100.0 + 86_400.0 + 1, read(one)).state
    assert "A" in shown.kept.events
    early = go(state, 100.0 + 86_400.0 - 1, read()).state
    assert "A" in early.kept.events
    late = go(state, 100.0 + 86_400.0 + 1, read())
    assert late.state.kept.events == {}
    assert Entry(("timeline", "utility", "me", "event", "A"), None) in late.entries


def test_an_event_whose_program_went_is_forgotten_after_a_week() -> None:
    q = {"q": Rank(1.0, 0.0, "q")}
    gone = read(programs=q, listed=frozenset(q))
    state = go(go(empty(ME), 0.0, read(event("A", 0.0, None))).state, 10.0, gone).state
    assert state.kept.events["A"].away_s == 10.0
    assert "A" in go(state, 604_800.0, gone).state.kept.events
    assert go(state, 604_800.0 + 11.0, gone).state.kept.events == {}


def test_silence_is_measured_in_the_run_whatever_the_clocks_do() -> None:
    """UTC and the upstream's clock leap a day; only 100 of 300 monotonic seconds have passed."""
    how = policy(fail_safe=(ExportLimit(7.0),), fail_safe_after_s=300.0)
    state = go(empty(ME), 0.0, read(), how=how).state
    leap = Instants(100.0, 9e6, {"utility": UpstreamTime(86_400.0, ClockQuality.SYNCHRONISED)})
    done = step(state, how, (), (), frozenset(), leap, seed=b"")
    assert done.in_force == ()
    assert done.next_change == Moment(OWN, 9e6 + 200.0)


@pytest.mark.parametrize(("now_s", "holds"), [(299.9, False), (300.0, True), (300.1, True), (4000.0, True)])
def test_the_fail_safe_holds_from_the_end_of_the_silence_on(now_s: float, holds: bool) -> None:
    how = policy(fail_safe=(ExportLimit(7.0),), fail_safe_after_s=300.0)
    state = go(empty(ME), 0.0, read(), how=how).state
    assert [one.control for one in go(state, now_s, how=how).in_force] == ([ExportLimit(7.0)] if holds else [])


def test_addressees_share_a_mode() -> None:
    """Where loss is not final, a stronger event for some leaves the weaker one to the others, and the standing to the rest."""
    how = policy(final=False)
    standing = Standing("p", P["p"], (ExportLimit(5.0),))
    weak = replace(event("A", 0.0, limit_w=1.0), addressees=frozenset({"pv", "bess"}))
    strong = replace(event("B", 0.0, limit_w=2.0), addressees=frozenset({"pv"}))
    done = go(empty(ME), 0.0, read(weak, strong, standings=(standing,)), how=how)
    held = {(one.control, one.addressees) for one in done.in_force}
    assert held == {
        (ExportLimit(1.0), frozenset({"bess"})),
        (ExportLimit(2.0), frozenset({"pv"})),
        (ExportLimit(5.0), frozenset()),
    }


def test_standing_since_and_reception() -> None:
    standing = Standing("p", P["p"], (ImportLimit(5.0),))
    state = go(empty(ME), 30.0, read(standings=(standing,))).state
    (held,) = go(state, 90.0, read(standings=(replace(standing, rank=Rank(4.0)),))).in_force
    assert (held.since, held.received_utc_s, held.rank) == (Moment("utility", 30.0), 5e6 + 30.0, Rank(4.0))


def test_planning_is_made_anew_only_by_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand events back to back: reading the same list again and running through it plan nothing anew."""
    events = tuple(event(f"{n:04}", 100.0 * n + 100.0) for n in range(1000))
    state = go(empty(ME), 0.0, read(*events)).state
    plans = []

    def planned_anew(plan: Plan, *args: object, **told: Any) -> tuple[Plan, list[contest.Defeat]]:
        plans.append(args)
        return plan, []

    monkeypatch.setattr(timeline_step, "revised", planned_anew)
    for n in range(50):
        done = go(state, 100.0 * n + 100.0, read(*events))
        state = done.state
        assert [one.cause for one in done.in_force] == [EventKey(ME, f"{n:04}")]
    assert plans == []
