"""Applied = read back; effective = seen in measured power. Limit 1500 W: 4 % are 60 W, so 100 W of tolerance."""

from dataclasses import replace

import pytest

from grid_functions.arbiter import limit_of, rule
from grid_functions.evidence import Trial, step
from grid_functions.model.claim import Bound, Claim, Switch
from grid_functions.model.control import Connect, Mode
from grid_functions.model.device import Role
from grid_functions.model.event import EventKey
from grid_functions.model.instants import OWN
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from grid_functions.trajectory import Track, TrajectoryState
from tests.grid_functions.house import UTILITY, able, at, bound, charger, in_force, on, seen, snapshot, terms

EVENT = EventKey(UTILITY, "e1")
A = OutcomeKind


def of_event(claim: Claim) -> Claim:
    """The claim as that of an event."""
    return replace(claim, cause=replace(claim.cause, cause=EVENT))


def told(
    claim: Claim,
    *,
    power_w: float | None = 0.0,
    meter_w: float | None = 0.0,
    want: Setpoint | None = None,
    holds: Setpoint | None = None,
    online: bool = True,
    trials: dict[EventKey, Trial] | None = None,
    now_s: float = 0.0,
    changed_s: float = 0.0,
    paths: TrajectoryState | None = None,
) -> tuple[dict[EventKey, Trial], list[OutcomeKind]]:
    """One look at one inverter of 5 kW that settles in 5 s and steps by 10 W."""
    device = seen(
        "a", power_w=power_w, at_s=now_s, online=online, holds=holds, capability=able(settle_s=5.0, resolution_w=10.0)
    )
    looked = step(
        trials or {},
        rule([claim], DEFAULT_PRECEDENCE),
        [want or Setpoint("a", 3, produce_max_w=1500.0)],
        snapshot([device], meter_w, now_s),
        terms({"a": device.role}),
        {"a": changed_s},
        paths or TrajectoryState(),
        at(now_s),
    )
    facts = looked.facts
    assert all(fact.event == EVENT and fact.at.clock == OWN and fact.at.at_s == 1_000_000.0 + now_s for fact in facts)
    return looked.trials, [fact.what for fact in facts]


@pytest.mark.parametrize(
    ("held_w", "applied"), [(1500.0, True), (1505.0, True), (1495.0, True), (1505.1, False), (None, False)]
)
def test_applied_is_read_back_within_half_a_step(held_w: float | None, applied: bool) -> None:
    _, facts = told(of_event(bound(1500.0)), holds=Setpoint("a", produce_max_w=held_w))
    assert facts == ([A.APPLIED] if applied else [])


def test_applied_is_not_believed_of_a_device_that_does_not_answer() -> None:
    assert told(of_event(bound(1500.0)), holds=Setpoint("a", produce_max_w=1500.0), online=False)[1] == []


@pytest.mark.parametrize(
    ("held_a", "applied"), [(10.0, True), (10.5, True), (9.5, True), (10.6, False), (16.0, False), (None, False)]
)
def test_amperes_are_applied_when_read_back_within_half_a_step(held_a: float | None, applied: bool) -> None:
    """A charger steps by 1 A."""
    looked = step(
        {},
        rule([of_event(bound(2300.0, on("a"), Quantity.CONSUMED))], DEFAULT_PRECEDENCE),
        [Setpoint("a", 3, current_max_a=10.0)],
        snapshot([charger("a", holds_a=held_a)], None),
        terms({"a": Role.EVSE}),
        {"a": 0.0},
        TrajectoryState(),
        at(0.0),
    )
    assert [fact.what for fact in looked.facts] == ([A.APPLIED] if applied else [])


@pytest.mark.parametrize(
    ("meter_w", "verdict"),
    [(-1500.0, A.EFFECTIVE), (-1599.0, A.EFFECTIVE), (-1601.0, A.NOT_EFFECTIVE), (None, A.NOT_OBSERVABLE)],
)
def test_effective_is_judged_once_the_device_has_settled(meter_w: float | None, verdict: OutcomeKind) -> None:
    held = Setpoint("a", produce_max_w=1500.0)
    trials, first = told(of_event(bound(1500.0)), holds=held, meter_w=meter_w)
    trials, early = told(of_event(bound(1500.0)), holds=held, meter_w=meter_w, trials=trials, now_s=4.9)
    trials, due = told(of_event(bound(1500.0)), holds=held, meter_w=meter_w, trials=trials, now_s=5.0)
    assert (first, early, due) == ([A.APPLIED], [], [verdict])


def test_a_device_set_is_judged_by_its_devices() -> None:
    held, trials = Setpoint("a", produce_max_w=1500.0), {EVENT: Trial(0.0, applied_s=0.0)}
    claim = of_event(bound(1500.0, on("a")))
    for power_w, verdict in ((-1550.0, A.EFFECTIVE), (-1700.0, A.NOT_EFFECTIVE), (None, A.NOT_OBSERVABLE)):
        assert told(claim, holds=held, power_w=power_w, meter_w=None, trials=trials, now_s=6.0)[1] == [verdict]


def test_a_device_that_keeps_something_else_is_mismatched_once() -> None:
    """Ten seconds to follow, five to settle."""
    held = Setpoint("a", produce_max_w=5000.0)
    trials, facts = told(of_event(bound(1500.0)), holds=held, now_s=10.0)
    assert facts == []
    trials, facts = told(of_event(bound(1500.0)), holds=held, trials=trials, now_s=14.9)
    assert facts == []
    trials, facts = told(of_event(bound(1500.0)), holds=held, trials=trials, now_s=15.0)
    assert facts == [A.MISMATCHED]
    assert told(of_event(bound(1500.0)), holds=held, trials=trials, now_s=60.0)[1] == []


def test_a_device_that_follows_after_all_is_applied_again() -> None:
    trials = {EVENT: Trial(0.0, applied_s=0.0, verdict=A.EFFECTIVE, astray_s=5.0, mismatched=True)}
    trials, facts = told(of_event(bound(1500.0)), holds=Setpoint("a", produce_max_w=1500.0), trials=trials, now_s=60.0)
    assert facts == [A.APPLIED]
    assert told(of_event(bound(1500.0)), holds=Setpoint("a", produce_max_w=1500.0), trials=trials, now_s=61.0)[1] == []


def test_a_limit_that_moves_every_second_is_no_mismatch() -> None:
    held, trials = Setpoint("a", produce_max_w=1400.0), dict[EventKey, Trial]()
    for second in range(60):
        trials, facts = told(
            of_event(bound(1500.0)), holds=held, trials=trials, now_s=float(second), changed_s=second - 1.0
        )
        assert facts == []


def test_power_that_leaves_the_limit_later_is_a_mismatch() -> None:
    held, claim = Setpoint("a", produce_max_w=1500.0), of_event(bound(1500.0))
    trials = {EVENT: Trial(0.0, applied_s=0.0, verdict=A.EFFECTIVE)}
    trials, _ = told(claim, holds=held, meter_w=-4000.0, trials=trials, now_s=100.0)
    assert told(claim, holds=held, meter_w=-4000.0, trials=trials, now_s=105.0)[1] == [A.MISMATCHED]
    trials, _ = told(claim, holds=held, meter_w=-1500.0, trials=trials, now_s=104.0)
    assert told(claim, holds=held, meter_w=-4000.0, trials=trials, now_s=105.0)[1] == []


def test_an_off_is_effective_when_nothing_flows() -> None:
    want = Switch(False)
    claim = of_event(Claim(on("a"), Quantity.CONNECT, want, want, Mode.CONNECT, in_force(Connect(False))))
    held, trials = Setpoint("a", on=False), {EVENT: Trial(0.0, applied_s=0.0)}
    for power_w, verdict in ((-20.0, A.EFFECTIVE), (-900.0, A.NOT_EFFECTIVE), (None, A.NOT_OBSERVABLE)):
        assert told(claim, want=held, holds=held, power_w=power_w, trials=trials, now_s=6.0)[1] == [verdict]


def test_what_no_event_asked_for_is_nobodys_evidence() -> None:
    held = Setpoint("a", produce_max_w=1500.0)
    looked = step(
        {},
        rule([bound(1500.0)], DEFAULT_PRECEDENCE),
        [held],
        snapshot([seen("a", holds=held)], 0.0),
        terms(),
        {},
        TrajectoryState(),
        at(0.0),
    )
    assert looked.facts == ()


def test_an_event_that_is_over_leaves_no_trial() -> None:
    trials, _ = told(of_event(bound(1500.0)))
    looked = step(trials, rule([], DEFAULT_PRECEDENCE), [], snapshot((), 0.0), terms(), {}, TrajectoryState(), at(1.0))
    assert looked.trials == {}


def on_its_way(claim: Claim, start_w: float, since_s: float, until_s: float) -> TrajectoryState:
    """A bound that moves in a straight line."""
    key = (claim.cause.source, claim.scope, claim.quantity, claim.phase, claim.mode)
    goal_w = limit_of(replace(claim, want=claim.goal))
    return TrajectoryState({key: Track(claim, start_w, goal_w, goal_w, since_s, until_s)}, begun=True)


def test_what_moves_is_judged_against_where_it_was_a_settling_time_ago() -> None:
    """From 5000 W at 0 s to 1500 W at 100 s: 35 W a second. At 50 s the bound is 3250 W, and 5 s ago it was 3425 W: with 4 % 3562 W."""
    claim = of_event(replace(bound(1500.0), want=Bound(3250.0)))
    paths = on_its_way(claim, 5000.0, 0.0, 100.0)
    for meter_w, mismatched in ((-3561.0, []), (-3563.0, [A.MISMATCHED])):
        trials = {EVENT: Trial(0.0, astray_s=45.0)}
        told_now = told(claim, meter_w=meter_w, trials=trials, now_s=50.0, changed_s=49.5, paths=paths)
        assert told_now[1] == mismatched


def test_what_moves_is_effective_only_once_it_has_arrived_and_settled() -> None:
    claim, held = of_event(bound(1500.0)), Setpoint("a", produce_max_w=1500.0)
    paths = on_its_way(claim, 5000.0, 0.0, 100.0)
    trials = {EVENT: Trial(0.0, applied_s=10.0)}
    for second, facts in ((99.0, []), (104.9, []), (105.0, [A.EFFECTIVE])):
        trials, found = told(claim, holds=held, meter_w=-1500.0, trials=trials, now_s=second, paths=paths)
        assert found == facts


def test_a_device_that_does_not_follow_a_ramp_is_found_out_before_the_end() -> None:
    """Ten seconds to follow, five to settle; it stays at 5000 W while the bound falls by 35 W a second: found when 340 W are gone."""
    claim = of_event(bound(1500.0))
    paths = on_its_way(claim, 5000.0, 0.0, 100.0)
    trials, heard = dict[EventKey, Trial](), dict[int, list[OutcomeKind]]()
    for second in range(40):
        moving = replace(claim, want=Bound(5000.0 - 35.0 * second))
        trials, found = told(
            moving, meter_w=-5000.0, trials=trials, now_s=float(second), changed_s=float(second), paths=paths
        )
        heard |= {second: found} if found else {}
    assert heard == {20: [A.MISMATCHED]}
