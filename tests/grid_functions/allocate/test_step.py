"""One decision at a time: rule 1, rule 6, what is ours to write, switches, revert values. Arithmetic by hand."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from grid_functions.allocate.step import AllocateState, AllocateStep, step
from grid_functions.arbiter import rule
from grid_functions.model.claim import Claim, ConnectionPoint, Scope, SourceKind, Switch
from grid_functions.model.control import Connect, Energize, Mode
from grid_functions.model.device import Ability, Capability, How, Role, Seen, Trouble
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, LoadCredit, SiteTerms
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.site.local_safety import claims as safety
from tests.grid_functions.house import NET, able, at, bound, in_force, on, seen, snapshot, terms

CONSUMED = Quantity.CONSUMED
EVSE = {"evse": Role.EVSE}


def decide(
    claims: list[Claim],
    devices: list[Seen],
    meter_w: float | None,
    site: SiteTerms | None = None,
    *,
    state: AllocateState | None = None,
    now_s: float = 0.0,
    fail_safe: tuple[Claim, ...] = (),
    picture: Snapshot | None = None,
) -> AllocateStep:
    """A decision of a site of these devices."""
    where = site or terms({one.device: one.role for one in devices})
    shown = picture or snapshot(devices, meter_w, now_s)
    ruling = rule([*claims, *safety(where, shown)], DEFAULT_PRECEDENCE)
    return step(state or AllocateState(), ruling, shown, where, at(now_s), fail_safe)


def limits(done: AllocateStep) -> dict[str, float | None]:
    """Production limits."""
    return {one.device: one.produce_max_w for one in done.setpoints}


def charges(done: AllocateStep) -> dict[str, float | None]:
    """Consumption limits."""
    return {one.device: one.consume_max_w for one in done.setpoints}


def switch(yes: bool, scope: Scope, mode: Mode = Mode.CONNECT) -> Claim:
    """A switch."""
    want, control = Switch(yes), Connect(yes) if mode is Mode.CONNECT else Energize(yes)
    return Claim(scope, Quantity.CONNECT, want, want, mode, in_force(control))


def two(**told: float) -> list[Seen]:
    """Two inverters of 5 kW, producing what is told."""
    return [seen(name, power_w=-told.get(name, 0.0)) for name in ("a", "b")]


# what is ours to write


def test_nothing_is_written_where_nobody_asks() -> None:
    done = decide([], two(a=3000.0), -3000.0)
    assert done.setpoints == (Setpoint("a"), Setpoint("b"))


def test_a_connection_that_cannot_be_exceeded_writes_nothing() -> None:
    """5 + 5 kW behind 10 kW."""
    done = decide([], two(), 0.0, terms(connection=Connection(export_limit_w=10_000.0)))
    assert limits(done) == {"a": None, "b": None}


def test_a_connection_that_can_be_exceeded_is_held() -> None:
    """5 + 5 kW behind 6 kW, the house takes 1 kW: 3.5 kW each."""
    done = decide([], two(), 1000.0, terms(connection=Connection(export_limit_w=6_000.0)))
    assert limits(done) == {"a": 3500.0, "b": 3500.0}


def test_a_device_that_has_not_told_its_rating_can_exceed_any_connection() -> None:
    done = decide([], [seen("a", rated_w=None)], 0.0, terms({"a": Role.PV}, connection=Connection(export_limit_w=6e4)))
    assert limits(done) == {"a": 60_000.0}


def test_a_limit_beyond_the_devices_is_theirs_and_still_ours() -> None:
    assert limits(decide([bound(20_000.0)], two(), 0.0)) == {"a": 5000.0, "b": 5000.0}


def test_a_limit_on_one_device_leaves_the_other_alone() -> None:
    assert limits(decide([bound(1000.0, on("a"))], two(), 0.0)) == {"a": 1000.0, "b": None}


# rules 1 and 2: limits intersect, local safety binds everyone


def test_house_load_makes_room_that_is_shared_by_capability() -> None:
    """Import 500 W while 1500 + 1000 W are produced: the house takes 3000 W. 1500 + 3000 = 4500 W, halves."""
    assert limits(decide([bound(1500.0)], two(a=1500.0, b=1000.0), 500.0)) == {"a": 2250.0, "b": 2250.0}


def test_the_connection_rating_is_tighter_than_a_loose_event() -> None:
    site = terms(connection=Connection(export_limit_w=2000.0))
    done = decide([bound(8000.0)], two(), 0.0, site)
    assert limits(done) == {"a": 1000.0, "b": 1000.0}
    served = {one.claim.cause.source.kind: one for one in done.served if one.claim.scope == ConnectionPoint()}
    assert served[SourceKind.IEEE2030_5].by == served[SourceKind.SAFETY].claim
    assert served[SourceKind.IEEE2030_5].given_w == 2000.0


def test_a_locked_device_is_at_zero_and_leaves_its_share() -> None:
    site = terms()
    site = replace(site, devices={**site.devices, "a": replace(site.devices["a"], locked=True)})
    assert limits(decide([bound(1500.0)], two(), 0.0, site)) == {"a": 0.0, "b": 1500.0}


def test_generation_export_and_max_power_all_hold() -> None:
    """a <= 500, a+b <= 2000, at the connection 3000 + 1000 W of load: b gets 1500 W."""
    done = decide([bound(500.0, on("a")), bound(2000.0, on("a", "b")), bound(3000.0)], two(), 1000.0)
    assert limits(done) == {"a": 500.0, "b": 1500.0}


def test_below_its_minimum_an_inverter_stops() -> None:
    one = seen("a", capability=able(minimum_w=300.0))
    assert limits(decide([bound(299.0)], [one], 0.0)) == {"a": 0.0}
    assert limits(decide([bound(300.0)], [one], 0.0)) == {"a": 300.0}


def test_a_paused_charger_takes_its_room_from_producers_in_the_same_step() -> None:
    """The house imports 0 with 3 kW of sun and a charger at 3 kW. The charger must pause: of 1000 + 3000 W the 3000 W are going."""
    devices = [seen("pv", power_w=-3000.0), seen("evse", Role.EVSE, power_w=3000.0)]
    done = decide([bound(1000.0), bound(0.0, on("evse"), CONSUMED)], devices, 0.0)
    assert charges(done)["evse"] == 0.0
    assert limits(done)["pv"] == 1000.0


# rule 6: unknown, stale, missing


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.SUSPECT, Quality.MISSING])
def test_a_meter_that_is_not_good_means_a_house_that_consumes_nothing(quality: Quality) -> None:
    picture = snapshot(two(), 4000.0)
    picture = replace(picture, meter={NET: replace(picture.meter[NET], quality=quality)})
    assert limits(decide([bound(1500.0)], two(), None, picture=picture)) == {"a": 750.0, "b": 750.0}


@pytest.mark.parametrize("value_w", [float("nan"), float("inf"), -float("inf")])
def test_a_meter_that_says_no_number_is_no_meter(value_w: float) -> None:
    assert limits(decide([bound(1500.0)], two(), value_w)) == {"a": 750.0, "b": 750.0}


def test_a_meter_goes_stale_by_age_and_room_is_taken_back_at_once() -> None:
    first = decide([bound(1500.0)], two(), 4000.0)
    assert limits(first) == {"a": 2750.0, "b": 2750.0}
    old = snapshot(two(), 4000.0, 5.1, meter_at_s=0.0)
    assert limits(decide([bound(1500.0)], two(), None, state=first.state, now_s=5.1, picture=old)) == {
        "a": 750.0,
        "b": 750.0,
    }


def test_power_that_others_fed_in_is_remembered_when_the_meter_goes_dark() -> None:
    """Something unknown exports 600 W: 1500 - 600 = 900 W are left, and stay left."""
    first = decide([bound(1500.0)], two(), -600.0)
    assert limits(first) == {"a": 450.0, "b": 450.0}
    assert limits(decide([bound(1500.0)], two(), None, state=first.state)) == {"a": 450.0, "b": 450.0}


def test_without_a_meter_chargers_under_an_import_bound_pause() -> None:
    devices = [seen("evse", Role.EVSE, power_w=0.0)]
    assert charges(decide([bound(9000.0, quantity=CONSUMED)], devices, None)) == {"evse": 0.0}


def test_an_import_bound_leaves_chargers_what_the_house_does_not_take() -> None:
    """Import 4000 W of which the charger takes 3000 W: 6000 - 1000 = 5000 W for the charger."""
    devices = [seen("evse", Role.EVSE, power_w=3000.0, rated_w=11_000.0)]
    assert charges(decide([bound(6000.0, quantity=CONSUMED)], devices, 4000.0)) == {"evse": 5000.0}


def test_an_offline_device_keeps_what_it_last_held() -> None:
    """a holds 700 W and may do it: of 1500 W with nothing else known b gets 800 W."""
    devices = [seen("a", online=False, power_w=None, holds=Setpoint("a", produce_max_w=700.0)), seen("b")]
    assert limits(decide([bound(1500.0)], devices, 0.0))["b"] == 800.0


def test_an_offline_device_that_held_nothing_may_do_all_it_can() -> None:
    devices = [seen("a", rated_w=1000.0, online=False, power_w=None), seen("b")]
    assert limits(decide([bound(1500.0)], devices, 0.0))["b"] == 500.0


def test_an_offline_device_of_unknown_size_leaves_nothing_to_the_others() -> None:
    devices = [seen("a", rated_w=None, online=False, power_w=None), seen("b")]
    assert limits(decide([bound(1500.0)], devices, 0.0))["b"] == 0.0


def test_going_offline_changes_nothing_for_the_others() -> None:
    """Both at 750 W, no load: a falls silent but goes on, and b keeps its 750 W."""
    devices = [seen(name, power_w=-750.0, holds=Setpoint(name, produce_max_w=750.0)) for name in "ab"]
    first = decide([bound(1500.0)], devices, -1500.0)
    gone = replace(devices[0], condition=replace(devices[0].condition, online=False))
    later = decide([bound(1500.0)], [gone, devices[1]], -1500.0, state=first.state, now_s=1.0)
    assert limits(first) == {"a": 750.0, "b": 750.0}
    assert limits(later)["b"] == 750.0


def test_a_device_that_returns_is_told_its_share_at_once() -> None:
    """Absent, holding 4000 W: for its return it is told half of 1500 W; b gets nothing as long as 4000 W are possible."""
    devices = [seen("a", online=False, power_w=None, holds=Setpoint("a", produce_max_w=4000.0)), seen("b")]
    assert limits(decide([bound(1500.0)], devices, 0.0)) == {"a": 750.0, "b": 0.0}


def test_the_wrong_device_is_not_written_and_counts_for_all_it_can_do() -> None:
    wrong = seen("a", rated_w=1000.0, power_w=None)
    wrong = replace(wrong, condition=replace(wrong.condition, troubles=frozenset({Trouble.WRONG_DEVICE})))
    assert limits(decide([bound(1500.0)], [wrong, seen("b")], 0.0)) == {"a": None, "b": 500.0}


def test_a_device_that_cannot_be_limited_is_part_of_the_house_while_the_meter_tells() -> None:
    """c makes 1000 W and obeys nothing. Export 1000 W: 1500 - 1000 = 500 W for the others; in the dark 1500 - 1200."""
    free = seen("c", rated_w=1200.0, power_w=-1000.0, capability=Capability())
    assert limits(decide([bound(1500.0)], [seen("a"), free], -1000.0)) == {"a": 500.0, "c": None}
    assert limits(decide([bound(1500.0)], [seen("a"), free], None)) == {"a": 300.0, "c": None}


def test_a_bound_that_cannot_be_kept_says_so() -> None:
    """c may do 1200 W against 1000 W, meter dark: 200 W too much, whatever a does."""
    free = seen("c", rated_w=1200.0, power_w=None, capability=Capability())
    done = decide([bound(1000.0)], [seen("a"), free], None)
    assert limits(done)["a"] == 0.0
    (served,) = [one for one in done.served if one.claim.scope == ConnectionPoint()]
    assert (served.asked_w, served.given_w) == (1000.0, 1200.0)


# rule 5: switches


def test_off_reaches_its_devices_only_and_leaves_their_share_to_others() -> None:
    done = decide([switch(False, on("a")), bound(1500.0)], two(), 0.0)
    assert [(one.device, one.connect) for one in done.setpoints] == [("a", False), ("b", None)]
    assert limits(done) == {"a": 0.0, "b": 1500.0}


def test_a_device_that_cannot_be_switched_off_is_limited_to_zero() -> None:
    one = seen("a", capability=replace(able(), off_capable=False))
    (setpoint,) = decide([switch(False, on("a"))], [one], 0.0).setpoints
    assert (setpoint.connect, setpoint.produce_max_w, setpoint.consume_max_w) == (False, 0.0, 0.0)


def test_on_withdraws_our_off_and_asks_for_nothing_else() -> None:
    (setpoint,) = decide([switch(True, on("a"))], [seen("a")], 0.0).setpoints
    assert setpoint == Setpoint("a", connect=True)


@pytest.mark.parametrize(("asked", "lacked"), [(Mode.CONNECT, Mode.ENERGIZE), (Mode.ENERGIZE, Mode.CONNECT)])
@pytest.mark.parametrize("yes", [True, False])
def test_what_is_asked_of_a_switch_that_a_device_lacks_goes_to_the_other(asked: Mode, lacked: Mode, yes: bool) -> None:
    """And to the one that is asked for where it has both; an off of either is not undone by an on of the other."""
    plain = able()
    both = dict.fromkeys((asked, lacked), Ability(How.NATIVE))

    def told(abilities: Mapping[Mode, Ability], *claims: Claim) -> dict[Mode, bool | None]:
        (setpoint,) = decide([*claims], [seen("a", capability=replace(plain, abilities=abilities))], 0.0).setpoints
        return {Mode.CONNECT: setpoint.connect, Mode.ENERGIZE: setpoint.on}

    assert told(both, switch(yes, on("a"), asked)) == {asked: yes, lacked: None}
    other = {lacked: both[lacked]}
    assert told(other, switch(yes, on("a"), asked)) == {asked: None, lacked: yes}
    assert told(other, switch(yes, on("a"), asked), switch(not yes, on("a"), lacked)) == {asked: None, lacked: False}


# revert values (DESIGN section 4)


def test_a_timer_ends_in_the_share_of_the_fail_safe_less_what_others_keep() -> None:
    """Limit 1500 W + load 4000 W = 5500 W: 2750 W each. Fail-safe 3000 W at no load: b without timer keeps 2750 W, a may 250 W."""
    devices = [seen("a"), seen("b", capability=able(watchdog=False), holds=Setpoint("b", produce_max_w=2750.0))]
    done = decide([bound(1500.0)], devices, 4000.0, fail_safe=(bound(3000.0),))
    assert [(one.produce_max_w, one.revert) for one in done.setpoints] == [
        (2750.0, Revert(60.0, produce_max_w=250.0)),
        (2750.0, None),
    ]


def test_a_timer_never_ends_in_more_than_is_set_now() -> None:
    done = decide([bound(1000.0)], [seen("a")], 0.0, fail_safe=(bound(3000.0),))
    assert done.setpoints[0].revert == Revert(60.0, produce_max_w=1000.0)


def test_a_timer_ends_within_the_connection_even_without_fail_safe() -> None:
    """4000 W of load lift the limit to 5000 W of 5000 W; alone it falls back to the 2000 W the connection stands."""
    site = terms({"a": Role.PV}, connection=Connection(export_limit_w=2000.0))
    done = decide([], [seen("a")], 4000.0, site)
    assert done.setpoints[0].produce_max_w == 5000.0
    assert done.setpoints[0].revert == Revert(60.0, produce_max_w=2000.0)


def test_without_a_limit_no_timer_is_armed() -> None:
    assert decide([], [seen("a")], 0.0, fail_safe=(bound(0.0),)).setpoints == (Setpoint("a"),)


def test_a_charger_without_us_takes_nothing_under_an_import_fail_safe() -> None:
    devices = [seen("evse", Role.EVSE, power_w=0.0)]
    done = decide([bound(4000.0, quantity=CONSUMED)], devices, 0.0, fail_safe=(bound(3000.0, quantity=CONSUMED),))
    assert done.setpoints[0].revert == Revert(60.0, consume_max_w=0.0)


def test_load_credit_for_watchdogs_gives_the_room_of_others_to_them_alone() -> None:
    """1500 W at no load are 750 W each; the 4000 W of load go to a, up to its 5000 W: 750 + 4000 = 4750 W."""
    devices = [seen("a"), seen("b", capability=able(watchdog=False))]
    site = replace(terms(), load_credit=LoadCredit.WATCHDOG)
    assert limits(decide([bound(1500.0)], devices, 4000.0, site)) == {"a": 4750.0, "b": 750.0}


def test_after_a_restart_one_device_rises_only_once_the_other_is_seen_to_have_fallen() -> None:
    """The timer left b at 0 W, a still makes 2600 W; the house takes 600 W, so 1800 + 600 = 2400 W may be made: 1200 W each.

    a has 1400 W to give up and b 1200 W to gain: until a is seen lower, b gains nothing.
    """
    found = [
        seen("a", power_w=-2600.0, holds=Setpoint("a", produce_max_w=2600.0)),
        seen("b", power_w=0.0, holds=Setpoint("b", produce_max_w=0.0)),
    ]
    first = decide([bound(1800.0)], found, -2000.0)
    assert limits(first) == {"a": 1200.0, "b": 0.0}
    fallen = [
        seen("a", power_w=-1200.0, holds=Setpoint("a", produce_max_w=1200.0), at_s=1.0),
        seen("b", power_w=0.0, holds=Setpoint("b", produce_max_w=0.0), at_s=1.0),
    ]
    then = decide([bound(1800.0)], fallen, -600.0, state=first.state, now_s=1.0)
    assert limits(then) == {"a": 1200.0, "b": 1200.0}
