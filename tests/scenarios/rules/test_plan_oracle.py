"""The plan that is revised by what changed, against the one that looks at everything: after every change of a long story."""

from dataclasses import replace
from random import Random

import pytest

from grid_functions.model.control import Control, ExportLimit, ImportLimit
from grid_functions.model.event import Event, EventKey, Interval, Rank, Respondent
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut
from grid_functions.timeline.plan import Plan
from grid_functions.timeline.revision import revised
from grid_functions.timeline.state import Phase, Tracked
from grid_functions.timeline.windows import end_s
from tests.scenarios.rules import plainly

ME = Respondent("utility", "me")
EXPORT, IMPORT = ExportLimit(0.0), ImportLimit(0.0)


def drawn(chance: Random, name: str, now_s: float) -> Tracked:
    """An event that likely meets others: whole tens of seconds, few levels, draws now and then."""
    controls: tuple[Control, ...] = chance.choice(((EXPORT,), (IMPORT,), (EXPORT, IMPORT)))
    level = float(chance.randint(1, 3))
    one = Event(
        key=EventKey(ME, name),
        version=0,
        program=f"p{level:g}" if chance.random() < 0.8 else "p0",
        rank=Rank(level, float(chance.randint(0, 3)), name),
        start_s=now_s + 10.0 * chance.randint(1, 40),
        duration_s=chance.choice((None, 0.0, 10.0, 10.0, 20.0, 30.0, 100.0)),
        intervals=(Interval(0.0, None, controls),),
        addressees=frozenset({"pv"}) if chance.random() < 0.1 else frozenset(),
        test=chance.random() < 0.1,
    )
    draws = [chance.choice((0.0, 0.0, 0.0, -7.0, 3.0, 12.0, 45.0)) for _ in range(2)]
    return Tracked(one, now_s, now_s, start_draw_s=draws[0], duration_draw_s=draws[1])


def turned(chance: Random, one: Tracked, now_s: float) -> Tracked | None:
    """What may become of an event: over, cancelled, away, back, of another rank or begun; None = forgotten."""
    match chance.randint(0, 6):
        case 0:
            return replace(one, phase=Phase.DONE, told=OutcomeKind.CANCELLED)
        case 1:
            return replace(one, away_s=now_s if one.away_s is None else None)
        case 2:
            rank = replace(one.event.rank, level=float(chance.randint(1, 3)))
            return replace(one, event=replace(one.event, rank=rank))
        case 3 if one.phase is Phase.RUNNING:
            return replace(one, phase=Phase.DONE, told=OutcomeKind.COMPLETED)
        case 4 if one.phase is Phase.DONE:
            return None
        case 5 if one.phase is Phase.WAITING:
            start_s = max(now_s + 10.0, one.event.start_s + chance.choice((-10.0, 10.0, 100.0)))
            return replace(one, event=replace(one.event, start_s=start_s))
        case _:
            return replace(one, opted_out=not one.opted_out)


def play(seed: int) -> None:
    """Two hundred changes, one or a few at a time; time goes on, and what is due begins."""
    chance = Random(seed)  # noqa: S311 - no secret
    plan, events, now_s = Plan(), dict[str, Tracked](), 0.0
    for turn in range(200):
        behind: set[str] = set()
        for number in range(chance.choice((1, 1, 1, 5))):
            if not events or chance.random() < 0.5:
                name = f"{turn}-{number}"
                events[name] = drawn(chance, name, now_s)
            else:
                name = chance.choice(sorted(events))
                became = turned(chance, events[name], now_s)
                if became is None:
                    del events[name]
                else:
                    events[name] = became
            behind.add(name)
        lost, windows = plainly.settled(events, now_s)
        plan = committed(plan, events, behind, now_s)
        assert {name: one.lost for name, one in events.items()} == lost, (seed, turn)
        assert plan.agenda == tuple(sorted(windows.values())), (seed, turn)
        again, _ = revised(Plan(), events, events, OptOut.NONE, now_s, final=True)
        assert dict(again.rows) == dict(plan.rows), (seed, turn)
        # the next start comes, and unseats whoever is weaker there
        if plan.agenda and chance.random() < 0.3:
            now_s = max(now_s, plan.agenda[0].start_s)
            plan = committed(plan, events, begun(plan, events, now_s), now_s)


def committed(plan: Plan, events: dict[str, Tracked], behind: set[str], now_s: float) -> Plan:
    """The plan once nothing more is lost through these."""
    while behind:
        plan, defeats = revised(plan, events, behind, OptOut.NONE, now_s, final=True)
        behind = {one.loser for one in defeats}
        for one in defeats:
            events[one.loser] = plainly.beaten(events[one.loser], one.mode)
    return plan


def begun(plan: Plan, events: dict[str, Tracked], now_s: float) -> set[str]:
    """What is due begins, what is over ends, and of those that run together the strongest keeps each mode."""
    touched = set()
    for start in plan.agenda:
        if start.start_s <= now_s:
            events[start.id] = replace(events[start.id], phase=Phase.RUNNING, begin_s=start.start_s)
            touched.add(start.id)
    for name, one in events.items():
        if one.phase is Phase.RUNNING and one.begin_s is not None and end_s(one, one.begin_s) <= now_s:
            events[name] = replace(one, phase=Phase.DONE, told=one.told or OutcomeKind.COMPLETED)
            touched.add(name)
    for defeat in plainly.present(
        [one for one in events.values() if one.phase is Phase.RUNNING and one.away_s is None]
    ):
        events[defeat.loser] = plainly.beaten(events[defeat.loser], defeat.mode)
        touched.add(defeat.loser)
    return touched


@pytest.mark.parametrize("seed", range(30))
def test_a_revised_plan_is_the_plan_of_everything(seed: int) -> None:
    play(seed)


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(20))
def test_a_revised_plan_is_the_plan_of_everything_in_two_thousand_stories(hundred: int) -> None:
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        play(seed)
