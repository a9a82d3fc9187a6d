"""Targets over time: shared, corrected by what devices are seen to do, never beyond a limit. Arithmetic by hand."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.allocate.share import Fence, Part, serve
from grid_functions.allocate.step import AllocateState, AllocateStep, step
from grid_functions.arbiter import limit_of, rule
from grid_functions.guard import clamp
from grid_functions.model.claim import Claim, ConnectionPoint, Devices, Target
from grid_functions.model.control import Mode, TargetPower
from grid_functions.model.device import Ability, Capability, How, Role, Seen, Trouble
from grid_functions.model.event import Settings
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Yield
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Quantity
from grid_functions.rating import roles_of
from grid_functions.site.local_safety import claims as safety
from tests.grid_functions.house import at, bound, in_force, on, seen, snapshot, terms

ALL = {mode: Ability(How.NATIVE) for mode in Mode}


def target(value_w: float, *names: str) -> Claim:
    """A target of these devices together, W positive = consume."""
    want = Target(value_w)
    cause = in_force(TargetPower(value_w))
    return Claim(Devices(frozenset(names)), Quantity.NET, want, want, Mode.TARGET_POWER, cause)


def steered(name: str, role: Role, power_w: float | None, at_s: float = 0.0, **told: Any) -> Seen:
    """A device of 5 kW that can do everything and settles in 3 s."""
    one = seen(name, role, power_w=power_w, at_s=at_s, capability=Capability(ALL, settle_s=3.0, watchdog=True))
    return replace(one, condition=replace(one.condition, **told))


def decide(
    claims: list[Claim],
    devices: list[Seen],
    *,
    now_s: float = 0.0,
    state: AllocateState | None = None,
    meter_w: float | None = 0.0,
    fail_safe: tuple[Claim, ...] = (),
) -> AllocateStep:
    """One decision."""
    where, shown = terms({one.device: one.role for one in devices}), snapshot(devices, meter_w, now_s)
    ruling = rule([*claims, *safety(where, shown)], DEFAULT_PRECEDENCE)
    return step(state or AllocateState(), ruling, shown, where, at(now_s), fail_safe)


def aimed(done: AllocateStep) -> dict[str, float | None]:
    """Targets by device."""
    return {one.device: one.target_w for one in done.setpoints}


def settled(claims: list[Claim], pv_w: float, seconds: int) -> AllocateStep:
    """A PV that never gives more than ``pv_w`` and a battery that does what it is told, a decision a second."""
    state, battery_w = AllocateState(), 0.0
    for second in range(seconds):
        devices = [steered("pv", Role.PV, -pv_w, second), steered("battery", Role.BATTERY, battery_w, second)]
        done = decide(claims, devices, now_s=float(second), state=state, meter_w=-pv_w + battery_w)
        state, battery_w = done.state, aimed(done)["battery"] or 0.0
    return done


def test_what_the_sun_does_not_give_the_battery_does() -> None:
    """4 kW wanted, 2 kW each at first; the PV gives 500 W, so the battery is to give 3500 W, on the spot."""
    done = settled([target(-4000.0, "pv", "battery")], 500.0, 20)
    assert aimed(done)["battery"] == pytest.approx(-3500.0, abs=1.0)


def test_the_battery_never_stands_in_beyond_a_limit() -> None:
    """Both together may produce 4 kW at worst. The PV may return to what it is told, so the battery has the rest of 4 kW."""
    done = settled([target(-4000.0, "pv", "battery"), bound(4000.0, on("pv", "battery"))], 500.0, 20)
    limits = {one.device: one.produce_max_w or 0.0 for one in done.setpoints}
    assert sum(limits.values()) <= 4000.0
    told = aimed(done)
    assert -(told["battery"] or 0.0) <= limits["battery"]


def test_a_meters_noise_moves_no_target() -> None:
    """The PV beside wavers by 20 W: within the deadband of 25 W nothing is written; at 40 W the battery follows."""
    old = seen("old", power_w=-1000.0)
    first = decide([target(-3000.0, "old", "battery")], [old, steered("battery", Role.BATTERY, 0.0)])
    assert aimed(first)["battery"] == -2000.0
    for power_w, expected_w in ((-1020.0, -2000.0), (-1040.0, -1960.0)):
        devices = [seen("old", power_w=power_w), steered("battery", Role.BATTERY, -2000.0)]
        done = decide([target(-3000.0, "old", "battery")], devices, state=first.state)
        assert aimed(done)["battery"] == expected_w


def test_a_small_change_of_the_target_itself_is_no_noise() -> None:
    first = decide([target(-3000.0, "battery")], [steered("battery", Role.BATTERY, 0.0)])
    done = decide([target(-3010.0, "battery")], [steered("battery", Role.BATTERY, -3000.0)], state=first.state)
    assert aimed(done)["battery"] == -3010.0


def test_the_deadband_never_holds_a_target_beyond_a_new_limit() -> None:
    first = decide([target(-3000.0, "battery")], [steered("battery", Role.BATTERY, 0.0)])
    done = decide(
        [target(-3000.0, "battery"), bound(2990.0, on("battery"))],
        [steered("battery", Role.BATTERY, -3000.0)],
        state=first.state,
    )
    assert aimed(done)["battery"] == -2990.0


def test_a_device_that_falls_silent_keeps_its_target_and_the_other_does_the_whole() -> None:
    devices = [steered(name, Role.BATTERY, 0.0) for name in ("a", "b")]
    first = decide([target(-3000.0, "a", "b")], devices)
    silent = [steered("a", Role.BATTERY, None, online=False), steered("b", Role.BATTERY, -1500.0)]
    done = decide([target(-3000.0, "a", "b")], silent, state=first.state)
    assert aimed(done) == {"a": -1500.0, "b": -3000.0}


@pytest.mark.parametrize("trouble", [Trouble.FOREIGN_WRITER, Trouble.WRONG_DEVICE])
def test_a_device_with_another_master_is_not_steered(trouble: Trouble) -> None:
    """Another master writes a; it gives 1 kW, so b gives the other 2 kW."""
    devices = [
        steered("a", Role.BATTERY, -1000.0, troubles=frozenset({trouble})),
        steered("b", Role.BATTERY, 0.0),
    ]
    assert aimed(decide([target(-3000.0, "a", "b")], devices)) == {"a": None, "b": -2000.0}


def test_a_stale_reading_of_a_device_is_not_credited() -> None:
    old = seen("old", power_w=-1000.0, at_s=-60.0)
    done = decide([target(-3000.0, "old", "battery")], [old, steered("battery", Role.BATTERY, 0.0)])
    assert aimed(done)["battery"] == -3000.0


def test_a_suspect_reading_of_a_device_is_not_credited() -> None:
    old = seen("old", power_w=None)
    reading = Reading(-1000.0, Quality.SUSPECT, 0.0, 0.0)
    old = replace(old, condition=replace(old.condition, readings={(Quantity.NET, None): reading}))
    done = decide([target(-3000.0, "old", "battery")], [old, steered("battery", Role.BATTERY, 0.0)])
    assert aimed(done)["battery"] == -3000.0


def test_a_device_that_cannot_be_limited_keeps_a_bound_by_its_target() -> None:
    """A battery without a limit of its own: 2 kW wanted, 1 kW allowed; charging 3 kW wanted beside 1 kW of house under 2.5 kW."""
    battery = seen("battery", Role.BATTERY, capability=Capability({Mode.TARGET_POWER: Ability(How.NATIVE)}))
    assert aimed(decide([target(-2000.0, "battery")], [battery])) == {"battery": -2000.0}
    assert aimed(decide([target(-2000.0, "battery"), bound(1000.0)], [battery])) == {"battery": -1000.0}
    load_limit = bound(1500.0, on("battery"), Quantity.CONSUMED)
    assert decide([target(3000.0, "battery"), load_limit], [battery]).setpoints == (
        Setpoint("battery", target_w=1500.0),
    )
    import_limit = bound(2500.0, quantity=Quantity.CONSUMED)
    done = decide([target(3000.0, "battery"), import_limit], [battery], meter_w=1000.0)
    assert done.setpoints == (Setpoint("battery", target_w=1500.0),)


def test_consumption_that_a_target_ends_makes_no_room() -> None:
    """The battery takes 3 kW and is to rest; export limit 1 kW at a meter of 0: of the 4 kW of room 3 kW are going."""
    devices = [seen("pv", power_w=-3000.0), steered("battery", Role.BATTERY, 3000.0)]
    done = decide([target(0.0, "battery"), bound(1000.0)], devices, meter_w=0.0)
    assert {one.device: one.produce_max_w for one in done.setpoints}["pv"] == 1000.0


def test_what_a_target_came_to_is_told_with_the_bound_that_kept_it() -> None:
    limit = bound(1500.0)
    done = decide([target(-4000.0, "battery"), limit], [steered("battery", Role.BATTERY, 0.0)])
    (told,) = [one for one in done.served if one.claim.mode is Mode.TARGET_POWER]
    assert (told.asked_w, told.given_w, told.by) == (-4000.0, -1500.0, limit)


def test_a_target_that_is_met_is_told_without_a_bound() -> None:
    done = decide([target(-4000.0, "battery"), bound(4500.0)], [steered("battery", Role.BATTERY, 0.0)])
    (told,) = [one for one in done.served if one.claim.mode is Mode.TARGET_POWER]
    assert (told.given_w, told.by) == (-4000.0, None)


def test_a_target_that_lapses_without_us_ends_in_the_fail_safe() -> None:
    """Nothing limits the battery now, but its fail-safe is 1 kW at no load: the limit that carries this stands at its rating."""
    done = decide([target(-4000.0, "battery")], [steered("battery", Role.BATTERY, 0.0)], fail_safe=(bound(1000.0),))
    assert done.setpoints == (
        Setpoint("battery", produce_max_w=5000.0, target_w=-4000.0, revert=Revert(60.0, produce_max_w=1000.0)),
    )


def test_settings_reach_their_device_alone() -> None:
    devices = [seen("a"), seen("b")]
    where, shown = terms({"a": Role.PV, "b": Role.PV}), snapshot(devices, 0.0)
    wanted = {"a": Settings(gradient_pct_per_s=0.27)}
    done = step(AllocateState(), rule((), DEFAULT_PRECEDENCE), shown, where, at(0.0), settings=wanted)
    assert done.setpoints == (Setpoint("a", settings=wanted["a"]), Setpoint("b"))


# how an aim is served beside fences


def fence(room_w: float, *names: str) -> Fence:
    """At most so much over these."""
    return Fence(frozenset(names), room_w)


def test_an_aim_is_served_first_and_the_rest_shares_what_is_left() -> None:
    parts = {name: Part(5000.0) for name in "abc"}
    done = serve(parts, [fence(6000.0, "a", "b", "c")], [fence(3000.0, "a", "b")])
    assert done.aimed == {"a": 1500.0, "b": 1500.0}
    assert done.limits == {"a": 1500.0, "b": 1500.0, "c": 3000.0}


def test_an_aim_that_yields_is_served_last() -> None:
    parts = {name: Part(5000.0) for name in "abc"}
    done = serve(parts, [fence(6000.0, "a", "b", "c")], [fence(3000.0, "a", "b")], free_first=True)
    assert done.aimed == {"a": 500.0, "b": 500.0}
    assert done.limits["c"] == 5000.0


def test_within_an_aim_what_one_may_not_the_other_does() -> None:
    done = serve({"a": Part(5000.0), "b": Part(5000.0)}, [fence(500.0, "a")], [fence(4000.0, "a", "b")])
    assert done.aimed == {"a": 500.0, "b": 3500.0}


def test_two_aims_do_not_touch_each_other() -> None:
    done = serve({"a": Part(5000.0), "b": Part(5000.0)}, [], [fence(4000.0, "a"), fence(1000.0, "b")])
    assert done.aimed == {"a": 4000.0, "b": 1000.0}


def test_what_one_is_seen_to_leave_those_that_press_do() -> None:
    """3000 W: a is given 1000 W and uses 400 W, so b does 2000 + 600 W."""
    parts = {"a": Part(5000.0, wish_w=1000.0, uses_w=400.0), "b": Part(5000.0)}
    done = serve(parts, [], [fence(3000.0, "a", "b")])
    assert done.aimed == {"a": 1000.0, "b": 2600.0}


def test_a_target_at_the_connection_point_steers_nothing_yet() -> None:
    claim = replace(target(-1000.0, "battery"), scope=ConnectionPoint())
    assert aimed(decide([claim], [steered("battery", Role.BATTERY, 0.0)])) == {"battery": None}


# whatever is asked, every bound holds and the guard finds nothing to cut

ROLES = {"pv": Role.PV, "a": Role.BATTERY, "b": Role.BATTERY, "evse": Role.EVSE}
SETS = [on("pv", "a"), on("a", "b"), on("a", "b", "evse"), on("pv", "a", "b"), on("b")]
watts = st.integers(0, 12_000).map(float)
limits_of_sets = st.builds(
    bound, watts, st.sampled_from(SETS), st.sampled_from([Quantity.PRODUCED, Quantity.CONSUMED]), st.sampled_from("uv")
)
limits_at_connection = st.builds(bound, watts)
wishes = st.builds(
    lambda value_w, names: target(float(value_w), *names),
    st.integers(-15_000, 15_000),
    st.frozensets(st.sampled_from(sorted(ROLES)), min_size=1),
)


@given(
    st.lists(limits_of_sets | limits_at_connection, max_size=4),
    st.lists(wishes, min_size=1, max_size=2),
    st.fixed_dictionaries({name: st.none() | st.integers(-4000, 4000).map(float) for name in ROLES}),
    st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_targets_never_break_a_bound(
    bounds: list[Claim], asked: list[Claim], doing: dict[str, float | None], yields: bool
) -> None:
    devices = [steered(name, role, doing[name]) for name, role in ROLES.items()]
    site = replace(terms(ROLES), yields=Yield.TARGET if yields else Yield.PV)
    picture = snapshot(devices, None)
    ruling = rule([*bounds, *asked, *safety(site, picture)], DEFAULT_PRECEDENCE)
    done = step(AllocateState(), ruling, picture, site, at(0.0))
    kept, clamps = clamp(done.setpoints, ruling, picture, site, at(0.0))
    assert (kept, clamps) == (done.setpoints, ())
    told = {one.device: one for one in done.setpoints}
    for claim in bounds:
        produced = claim.quantity is Quantity.PRODUCED
        names = claim.scope.names if isinstance(claim.scope, Devices) else frozenset(ROLES)
        names = names & {name for name, role in ROLES.items() if role in roles_of(claim.quantity)}
        caps = [told[name].produce_max_w if produced else told[name].consume_max_w for name in sorted(names)]
        assert sum(5000.0 if cap is None else cap for cap in caps) <= limit_of(claim) + 1e-3
    for one in done.setpoints:
        if one.target_w is not None:
            assert -one.target_w <= (5000.0 if one.produce_max_w is None else one.produce_max_w) + 1e-6
            assert one.target_w <= (5000.0 if one.consume_max_w is None else one.consume_max_w) + 1e-6
