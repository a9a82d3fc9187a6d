"""Rule 9: a changed value moves as a trajectory. Figures by hand; inverters of 5 kW, so 1 % of setMaxW a second is 50 W for one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from grid_functions.model.claim import Bound, Claim, Switch, Target
from grid_functions.model.control import Energize, ExportLimit, GenerationLimit, Mode, TargetPower
from grid_functions.model.device import Role
from grid_functions.model.event import EventKey, EventStatus, Ramp, Rank, Respondent, Settings, Standing
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import Connection, SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.trajectory import TrajectoryState, TrajectoryStep, step
from grid_functions.words import Release
from tests.grid_functions.house import UTILITY, at, bound, in_force, on, seen, snapshot, terms
from tests.scenarios.decide.site import Site, event, override, policy, produce

ONE = {"a": Role.PV}
MINUTE, SLOW = Ramp(over_s=60.0), Ramp(pct_per_s=1.0)


@dataclass
class Way:
    """Trajectory steps one after the other, each seen as values by mode."""

    site: SiteTerms
    state: TrajectoryState = TrajectoryState(begun=True)  # noqa: RUF009  # frozen
    out: Ramp | None = None
    last: TrajectoryStep | None = None

    def step(self, now_s: float, picture: Snapshot, *claims: Claim) -> list[float]:
        """Where the claims are, in W."""
        sources = {claim.cause.source: self.out for claim in claims} | {key[0]: self.out for key in self.state.tracks}
        self.last = step(self.state, claims, sources, picture, self.site, at(now_s))
        self.state = self.last.state
        return [watts(claim) for claim in self.last.claims]

    def wake_s(self) -> float | None:
        """Seconds since boot of the next step."""
        assert self.last is not None
        return self.last.wake[0].at_s - 1_000_000.0 if self.last.wake else None


def watts(claim: Claim) -> float:
    """Its value now."""
    assert isinstance(claim.want, Bound | Target)
    return claim.want.limit if isinstance(claim.want, Bound) else claim.want.value


def ramped(claim: Claim, ramp: Ramp | None, since_s: float = 0.0) -> Claim:
    """The claim with a way to go."""
    since = replace(claim.cause.since, at_s=1_000_000.0 + since_s)
    return replace(claim, cause=replace(claim.cause, ramp=ramp, since=since))


def target(watts_: float, ramp: Ramp | None, *names: str) -> Claim:
    """A target of these devices."""
    want = Target(watts_)
    cause = replace(in_force(TargetPower(watts_)), ramp=ramp)
    return Claim(on(*names), Quantity.NET, want, want, Mode.TARGET_POWER, cause)


def producing(watts_: float | None, holds_w: float | None = None, now_s: float = 0.0) -> Snapshot:
    """One inverter; the meter sees it and a house of 200 W."""
    holds = None if holds_w is None else Setpoint("a", produce_max_w=holds_w)
    power_w = None if watts_ is None else -watts_
    meter_w = None if watts_ is None else 200.0 - watts_
    return snapshot([seen("a", power_w=power_w, at_s=now_s, holds=holds)], meter_w, now_s)


def test_without_a_ramp_a_claim_is_at_its_goal_at_once() -> None:
    halfway = replace(bound(1000.0), want=Bound(3000.0))
    way = Way(terms(ONE))
    assert way.step(5.0, producing(4000.0), halfway) == [1000.0]
    assert way.wake_s() is None


def test_a_tightening_bound_starts_from_the_power_measured_now() -> None:
    """docs/rules.md, rule 9, at half the size: from 5 kW to 2 kW in 60 s while 3.5 kW are measured: 25 W a second from 3500 W."""
    way = Way(terms(ONE))
    way.step(0.0, producing(3500.0), ramped(bound(5000.0, on("a")), MINUTE))
    tight = ramped(bound(2000.0, on("a")), MINUTE)
    assert way.step(100.0, producing(3500.0, now_s=100.0), tight) == [3500.0]
    assert way.wake_s() == 101.0
    assert way.step(101.0, producing(3480.0, now_s=101.0), tight) == [3475.0]
    assert way.step(130.0, producing(2800.0, now_s=130.0), tight) == [2750.0]
    assert way.step(159.5, producing(2100.0, now_s=159.5), tight) == [2025.0]
    assert way.wake_s() == 160.0
    assert way.step(160.0, producing(2000.0, now_s=160.0), tight) == [2000.0]
    assert way.wake_s() is None


def test_a_tightening_bound_above_the_present_power_holds_at_once() -> None:
    assert Way(terms(ONE)).step(0.0, producing(1500.0), ramped(bound(2000.0, on("a")), MINUTE)) == [2000.0]


def test_a_tightening_bound_never_starts_above_the_last_value() -> None:
    """A device that exceeds its limit of 3000 W does not buy a higher start."""
    way = Way(terms(ONE))
    way.step(0.0, producing(4000.0), bound(3000.0, on("a")))
    assert way.step(1.0, producing(4000.0, now_s=1.0), ramped(bound(1000.0, on("a")), MINUTE)) == [3000.0]


def test_a_tightening_bound_does_not_wait_for_a_meter_that_is_dark() -> None:
    """Rule 6: what flows is unknown, so the goal holds at once."""
    assert Way(terms(ONE)).step(0.0, producing(None), ramped(bound(1000.0), MINUTE)) == [1000.0]
    stale = replace(producing(4000.0), at=at(6.0))
    assert Way(terms(ONE)).step(6.0, stale, ramped(bound(1000.0), MINUTE)) == [1000.0]


def test_a_loosening_bound_starts_from_the_last_value() -> None:
    """From 1000 W to 4000 W at 50 W a second: 60 s. What is measured does not matter."""
    way = Way(terms(ONE))
    way.step(0.0, producing(200.0), bound(1000.0, on("a")))
    loose = ramped(bound(4000.0, on("a")), SLOW)
    assert way.step(10.0, producing(200.0, now_s=10.0), loose) == [1000.0]
    assert way.step(40.0, producing(200.0, now_s=40.0), loose) == [2500.0]
    assert way.step(70.0, producing(200.0, now_s=70.0), loose) == [4000.0]


def test_at_the_connection_point_it_is_the_export_that_counts() -> None:
    """4 kW produced, 200 W used: 3.8 kW flow out. Down to 800 W in 60 s: 50 W a second."""
    way = Way(terms(ONE))
    tight = ramped(bound(800.0), MINUTE)
    assert way.step(0.0, producing(4000.0), tight) == [3800.0]
    assert way.step(30.0, producing(2500.0, now_s=30.0), tight) == [2300.0]


def test_a_percent_gradient_is_of_the_summed_rating() -> None:
    """Two inverters of 5 kW: 0.27 % of 10 kW are 27 W a second (ALL-13: setGradW 27)."""
    picture = snapshot([seen("a", power_w=-5000.0), seen("b", power_w=-5000.0)], -10_000.0)
    way = Way(terms())
    tight = ramped(bound(1000.0, on("a", "b")), Ramp(pct_per_s=0.27))
    assert way.step(0.0, picture, tight) == [10_000.0]
    assert way.step(100.0, picture, tight) == pytest.approx([7300.0])


def test_a_gradient_of_zero_is_no_limit() -> None:
    assert Way(terms(ONE)).step(0.0, producing(4000.0), ramped(bound(1000.0), Ramp(pct_per_s=0.0))) == [1000.0]


def test_a_goal_that_changes_half_way_is_gone_to_from_there() -> None:
    """2500 W after 30 s of 60 from 4000 W to 1000 W; then back up to 4000 W at 50 W a second."""
    way = Way(terms(ONE))
    tight = ramped(bound(1000.0, on("a")), MINUTE)
    way.step(0.0, producing(4000.0), tight)
    loose = ramped(bound(4000.0, on("a")), SLOW)
    assert way.step(30.0, producing(2500.0, now_s=30.0), loose) == [2500.0]
    assert way.step(60.0, producing(4000.0, now_s=60.0), loose) == [4000.0]


def test_a_new_gradient_bends_the_way_of_what_moves() -> None:
    """ALL-28. From 4000 W down at 50 W a second for 20 s, then at 100 W a second."""
    way = Way(terms(ONE))
    way.step(0.0, producing(4000.0), ramped(bound(1000.0, on("a")), SLOW))
    quick = ramped(bound(1000.0, on("a")), Ramp(pct_per_s=2.0))
    assert way.step(20.0, producing(3000.0, now_s=20.0), quick) == [3000.0]
    assert way.step(40.0, producing(1000.0, now_s=40.0), quick) == [1000.0]


def test_an_unlimited_limit_does_not_rush_through_the_part_that_binds() -> None:
    """Conformance tests send 200 % for "no limit": in 60 s from 0 to what binds, 5 kW, and then the rest at once."""
    way = Way(terms(ONE))
    way.step(0.0, producing(0.0), bound(0.0, on("a")))
    loose = ramped(bound(10_000.0, on("a")), MINUTE)
    assert way.step(0.0, producing(0.0), loose) == [0.0]
    assert way.step(30.0, producing(2500.0, now_s=30.0), loose) == [2500.0]
    assert way.step(60.0, producing(5000.0, now_s=60.0), loose) == [10_000.0]


def test_what_is_withdrawn_ramps_out_before_it_goes() -> None:
    """From 1000 W at 50 W a second to the 5 kW that the inverter can do: 80 s."""
    way = Way(terms(ONE), out=SLOW)
    way.step(0.0, producing(1000.0), of_event(bound(1000.0, on("a"))))
    assert way.step(10.0, producing(1000.0, now_s=10.0)) == [1000.0]
    assert way.wake_s() == 11.0
    assert way.last is not None
    assert [(one.goal, one.cause.cause, one.valid_until) for one in way.last.claims] == [(Bound(5000.0), None, None)]
    assert way.step(50.0, producing(3000.0, now_s=50.0)) == [3000.0]
    assert way.step(89.0, producing(4900.0, now_s=89.0)) == [4950.0]
    assert way.step(90.0, producing(5000.0, now_s=90.0)) == []
    assert way.wake_s() is None
    assert dict(way.state.tracks) == {}


def test_what_returns_while_it_ramps_out_goes_on_from_there() -> None:
    way = Way(terms(ONE), out=SLOW)
    way.step(0.0, producing(1000.0), bound(1000.0, on("a")))
    way.step(10.0, producing(1000.0, now_s=10.0))
    again = ramped(bound(1000.0, on("a")), SLOW)
    assert way.step(20.0, producing(1500.0, now_s=20.0), again) == [1500.0]
    assert way.step(30.0, producing(1000.0, now_s=30.0), again) == [1000.0]


def test_a_source_without_a_gradient_leaves_at_once() -> None:
    way = Way(terms(ONE))
    way.step(0.0, producing(1000.0), bound(1000.0, on("a")))
    assert way.step(10.0, producing(1000.0, now_s=10.0)) == []


def test_after_a_restart_a_loosening_bound_starts_from_what_is_read_back() -> None:
    way = Way(terms(ONE), TrajectoryState())
    loose = ramped(bound(4000.0, on("a")), SLOW)
    assert way.step(0.0, producing(200.0, holds_w=1000.0), loose) == [1000.0]
    assert way.step(30.0, producing(200.0, holds_w=1000.0, now_s=30.0), loose) == [2500.0]


def test_after_a_restart_the_house_makes_room_at_the_connection_point() -> None:
    """It holds 1000 W and gives 700 W, the house takes 200 W, so the old bound was 800 W of export."""
    way = Way(terms(ONE), TrajectoryState())
    assert way.step(0.0, producing(700.0, holds_w=1000.0), ramped(bound(4000.0), SLOW)) == [800.0]


def test_after_a_restart_an_events_ramp_goes_on_where_it_was() -> None:
    """It began 45 s ago: 15 s are left."""
    way = Way(terms(ONE), TrajectoryState())
    tight = ramped(bound(1000.0, on("a")), MINUTE, since_s=-45.0)
    assert way.step(0.0, producing(1750.0, holds_w=1750.0), tight) == [1750.0]
    assert way.step(5.0, producing(1750.0, holds_w=1750.0, now_s=5.0), tight) == [1500.0]
    assert way.step(15.0, producing(1750.0, holds_w=1750.0, now_s=15.0), tight) == [1000.0]


def test_a_target_moves_from_what_flows_and_then_from_its_last_value() -> None:
    """From -500 W to -2000 W in 60 s: 25 W a second; then to +1000 W at 50 W a second."""
    way = Way(terms({"a": Role.BATTERY}))
    battery = snapshot([seen("a", Role.BATTERY, power_w=-500.0)], -500.0)
    assert way.step(0.0, battery, target(-2000.0, MINUTE, "a")) == [-500.0]
    assert way.step(20.0, battery, target(-2000.0, MINUTE, "a")) == [-1000.0]
    assert way.step(60.0, battery, target(-2000.0, MINUTE, "a")) == [-2000.0]
    assert way.step(70.0, battery, target(1000.0, SLOW, "a")) == [-2000.0]
    assert way.step(130.0, battery, target(1000.0, SLOW, "a")) == [1000.0]


@pytest.mark.parametrize(("role", "rest_w"), [(Role.BATTERY, 0.0), (Role.PV, -5000.0), (Role.EVSE, 5000.0)])
def test_a_withdrawn_target_goes_where_its_device_goes_by_itself(role: Role, rest_w: float) -> None:
    way = Way(terms({"a": role}), out=SLOW)
    picture = snapshot([seen("a", role, power_w=-2000.0)], -2000.0)
    way.step(0.0, picture, target(-2000.0, None, "a"))
    way.step(10.0, picture)
    assert way.last is not None
    assert [one.goal for one in way.last.claims] == [Target(rest_w)]


def test_a_switch_never_ramps() -> None:
    want = Switch(False)
    cause = replace(in_force(Energize(False)), ramp=MINUTE)
    claim = Claim(on("a"), Quantity.CONNECT, want, want, Mode.ENERGIZE, cause)
    done = step(TrajectoryState(), [claim], {}, producing(4000.0), terms(ONE), at(0.0))
    assert (done.claims, done.wake) == ((claim,), ())


def test_two_modes_of_one_source_have_ways_of_their_own() -> None:
    one = ramped(bound(1000.0, on("a")), MINUTE)
    other = replace(ramped(bound(2000.0, on("a")), MINUTE), mode=Mode.MAX_POWER)
    way = Way(terms(ONE))
    way.step(0.0, producing(4000.0), one, other)
    assert way.step(30.0, producing(4000.0, now_s=30.0), one, other) == [2500.0, 3000.0]


def test_between_wake_moments_nothing_moves() -> None:
    way = Way(terms(ONE))
    tight = ramped(bound(1000.0, on("a")), MINUTE)
    last = way.step(0.0, producing(4000.0), tight)
    for tenth in range(1, 650):
        now_s = tenth / 10
        wake_s = way.wake_s()
        due = wake_s is not None and now_s >= wake_s
        value = way.step(now_s, producing(4000.0, now_s=now_s), tight)
        assert due or value == last
        last = value
    assert last == [1000.0]


def test_an_end_too_close_to_be_woken_for_has_come() -> None:
    """80 s from 1 kW to 5 kW at 50 W a second; a tenth of a microsecond before that no clock of 1,000,000 s can tell it from the end."""
    way = Way(terms(ONE), out=SLOW)
    way.step(0.0, producing(1000.0), bound(1000.0, on("a")))
    way.step(10.0, producing(1000.0, now_s=10.0))
    assert way.step(90.0 - 1e-11, producing(5000.0, now_s=90.0)) == []


def of_event(claim: Claim) -> Claim:
    """The claim as that of an event."""
    return replace(claim, cause=replace(claim.cause, cause=EventKey(UTILITY, "e")))


@dataclass(frozen=True, slots=True)
class Listening:
    """A function that only notes the settings it is handed."""

    heard: list[Mapping[Respondent, Settings]]
    options: None = None

    def empty(self) -> int:
        """Nothing."""
        return 0

    def step(self, state: int, inputs: SiteInputs, now: Instants) -> Step[int]:
        """No claim."""
        self.heard.append(dict(inputs.settings))
        return Step(state)


def test_functions_are_handed_the_settings_that_stand() -> None:
    settings = Settings(gradient_pct_per_s=0.27)
    listening = Listening([])
    site = Site([seen("a")], terms(ONE), functions={"listening": listening})
    site.tick(0.0, site.read(0.0, standings=(Standing("p1", Rank(1.0), (), settings),)))
    assert listening.heard == [{UTILITY: settings}]


def test_local_safety_takes_no_path() -> None:
    site = Site([seen("a")], terms(ONE, connection=Connection(export_limit_w=1000.0)))
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(2000.0))))
    assert {key[0].name for key in done.state.trajectory.tracks} == {"utility"}


def test_the_setpoint_follows_an_events_ramp_and_the_gradient_back() -> None:
    """ALL-25, ALL-28: 60 s down from 5 kW to 2 kW, 50 W a second; then out at the standing's 1 % of 5 kW, 50 W a second, for 60 s."""
    site = Site([seen("a", power_w=-5000.0)], terms(ONE))
    standing = Standing("p1", Rank(1.0), (), Settings(gradient_pct_per_s=1.0))
    site.tick(0.0, site.read(0.0, standings=(standing,)))
    limit = replace(event("e", GenerationLimit(2000.0), start_s=10.0, duration_s=90.0), ramp=MINUTE)
    site.tick(1.0, site.read(1.0, limit, standings=(standing,)))
    found = {second: produce(site.tick(second))["a"] for second in (10.0, 40.0, 70.0, 99.0, 100.0, 130.0, 160.0)}
    assert found == {10.0: 5000.0, 40.0: 3500.0, 70.0: 2000.0, 99.0: 2000.0, 100.0: 2000.0, 130.0: 3500.0, 160.0: None}


def test_an_event_with_a_recovery_of_its_own_ramps_out_over_it_and_not_over_its_ramp_up() -> None:
    """In over 60 s from 5 kW to 2 kW; out over 120 s, 25 W a second, though the upstream has a gradient of 50 W a second."""
    site = Site([seen("a", power_w=-5000.0)], terms(ONE), {UTILITY: policy(gradient_pct_per_s=1.0)})
    limit = event("e", GenerationLimit(2000.0), start_s=10.0, duration_s=90.0)
    site.tick(1.0, site.read(1.0, replace(limit, ramp=MINUTE, recovery=Ramp(over_s=120.0))))
    seconds = (10.0, 40.0, 70.0, 99.0, 100.0, 160.0, 219.0, 220.0)
    found = [produce(site.tick(second))["a"] for second in seconds]
    assert found == [5000.0, 3500.0, 2000.0, 2000.0, 2000.0, 3500.0, 4975.0, None]


def test_a_recovery_follows_a_cancellation_too_and_another_events_limit_at_once() -> None:
    site = Site([seen("a", power_w=-5000.0)], terms(ONE))
    limit = replace(event("e", GenerationLimit(2000.0), duration_s=600.0), recovery=Ramp(over_s=100.0))
    assert produce(site.tick(0.0, site.read(0.0, limit))) == {"a": 2000.0}
    site.tick(10.0, site.read(10.0, replace(limit, status=EventStatus.CANCELLED)))
    assert produce(site.tick(60.0)) == {"a": 3500.0}
    other = event("f", GenerationLimit(1000.0), start_s=60.0, duration_s=60.0)
    assert produce(site.tick(61.0, site.read(61.0, other))) == {"a": 1000.0}


def test_a_profile_may_have_a_gradient_of_its_own() -> None:
    site = Site([seen("a", power_w=-5000.0)], terms(ONE), {UTILITY: policy(gradient_pct_per_s=2.0)})
    assert produce(site.tick(0.0, site.read(0.0, event("e", GenerationLimit(0.0))))) == {"a": 5000.0}
    assert produce(site.tick(25.0)) == {"a": 2500.0}


@pytest.mark.parametrize(("hold_over_s", "between"), [(0.0, {"a": None}), (5.0, {"a": 1000.0})])
def test_a_hold_over_keeps_the_setpoint_between_two_controls(
    hold_over_s: float, between: dict[str, float | None]
) -> None:
    """Schedules in the field leave gaps: 4 s here. A setpoint that rises and falls within them wears the inverter for nothing."""
    site = Site([seen("a", power_w=-1000.0)], terms(ONE), {UTILITY: policy(hold_over_s=hold_over_s)})
    first = event("e", GenerationLimit(1000.0), duration_s=96.0)
    second = event("f", GenerationLimit(2000.0), start_s=100.0, duration_s=60.0)
    assert produce(site.tick(0.0, site.read(0.0, first, second))) == {"a": 1000.0}
    assert produce(site.tick(96.0)) == between
    assert produce(site.tick(100.0)) == {"a": 2000.0}


def test_an_operators_word_takes_no_path() -> None:
    site = Site([seen("a", power_w=-5000.0)], terms(ONE), {UTILITY: policy(gradient_pct_per_s=1.0)})
    assert produce(site.tick(0.0, words=(override(GenerationLimit(100.0)),))) == {"a": 100.0}
    assert produce(site.tick(1.0, words=(Release("operator/generation_limit"),))) == {"a": None}


def test_a_decision_wakes_for_the_next_step_of_a_value_that_moves() -> None:
    site = Site([seen("a", power_w=-5000.0)], terms(ONE), {UTILITY: policy(gradient_pct_per_s=1.0)})
    done = site.tick(0.0, site.read(0.0, event("e", GenerationLimit(0.0))))
    assert [moment.at_s for moment in done.wake] == [1_000_001.0]
