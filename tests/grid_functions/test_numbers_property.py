"""Numbers that devices, meters and upstreams should not say but do: whatever they are, bounds and ratings hold and nothing raises."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid_functions.allocate.step import AllocateState, step
from grid_functions.arbiter import limit_of, rule
from grid_functions.guard import clamp
from grid_functions.model.claim import Bound, Claim, Devices, Target
from grid_functions.model.control import Mode, TargetPower
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, obeys
from tests.grid_functions.house import NET, at, bound, in_force, snapshot, terms

ORDINARY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PRODUCED, CONSUMED = Quantity.PRODUCED, Quantity.CONSUMED
NAMES = tuple(f"d{number}" for number in range(6))
CHARGE = (Quantity.STATE_OF_CHARGE, None)

_ABILITIES = {
    mode: Ability(How.NATIVE)
    for mode in (Mode.TARGET_POWER, Mode.STORAGE_POWER, Mode.MAX_POWER, Mode.LOAD_LIMIT, Mode.CONNECT, Mode.ENERGIZE)
}
asked_w = st.sampled_from([0.0, -0.0, 5e-324, 1e-9, 1e-3, 0.1, 7.0, 99.9, 1000.0, 4999.999999, 5000.0, 6.5535e14, 1e15])
ratings_w = st.sampled_from([None, 0.0, 1e-10, 1e-3, 1.0, 3000.0, 5000.0, 6.5535e14, math.nan, math.inf, -5.0])
measured = st.floats(-9000, 9000) | st.sampled_from(
    [0.0, -0.0, -1e-12, 1e9, -1e9, math.nan, math.inf, -math.inf, 1e300]
)
capabilities = st.builds(
    Capability,
    st.sampled_from([_ABILITIES, _ABILITIES, {}]),
    settle_s=st.sampled_from([0.0, 5.0, 75.0]),
    resolution_w=st.sampled_from([0.0, 1e-9, 0.8, 1.0, 655.35, 1e12]),
    minimum_w=st.sampled_from([0.0, 0.0, 500.0, 1e9]),
    watchdog=st.booleans(),
)
plates = st.builds(Nameplate, rated_w=ratings_w, max_w=ratings_w, rated_charge_w=ratings_w, rated_discharge_w=ratings_w)
scopes = st.none() | st.frozensets(st.sampled_from(NAMES), min_size=1).map(Devices)
bounds = st.builds(bound, asked_w.map(abs), scopes, st.sampled_from([PRODUCED, CONSUMED]), st.sampled_from(["u", "v"]))


def target(value_w: float, names: frozenset[str]) -> Claim:
    want = Target(value_w)
    return Claim(Devices(names), Quantity.NET, want, want, Mode.TARGET_POWER, in_force(TargetPower(value_w)))


targets = st.builds(target, asked_w | asked_w.map(lambda one: -one), st.frozensets(st.sampled_from(NAMES), min_size=1))


@dataclass(frozen=True, slots=True)
class Look:
    """What one device shows: power, its quality and age, charge, whether it answers, and whether it holds what it was told."""

    power_w: float
    quality: Quality
    age_s: float
    charge_pct: float
    online: bool
    holds: bool


looks = st.builds(
    Look,
    measured,
    st.sampled_from([Quality.GOOD, Quality.GOOD, *Quality]),
    st.sampled_from([0.0, 1.0, 1000.0]),
    st.sampled_from([50.0, 0.0, 100.0, -5.0, 101.0, math.nan]),
    st.sampled_from([True, True, True, False]),
    st.booleans(),
)
devices = st.tuples(st.sampled_from([Role.PV, Role.PV, Role.BATTERY, Role.HYBRID]), plates, capabilities)
moments = st.tuples(
    st.sampled_from([0.0, 1.0, 5.0, 100.0]), st.none() | measured, st.lists(looks, min_size=6, max_size=6)
)


def shown(
    name: str, device: tuple[Role, Nameplate, Capability], look: Look, told: Setpoint | None, now_s: float
) -> Seen:
    role, plate, capability = device
    readings = {
        NET: Reading(look.power_w, look.quality, now_s - look.age_s, 0.0),
        CHARGE: Reading(look.charge_pct, Quality.GOOD, now_s, 0.0),
    }
    condition = Condition(look.online, told if look.holds else None, readings)
    return Seen(name, role, replace(plate, serial=name), capability, condition)


def most(one: Seen, quantity: Quantity, told: Setpoint | None) -> float:
    """The most that it may do: what it is told where it obeys, else what it holds, and never more than it can."""
    said = told if obeys(one, quantity) else one.condition.holds
    limit_w = None if said is None else (said.produce_max_w if quantity is PRODUCED else said.consume_max_w)
    able_w = most_w(one, quantity)
    return able_w if limit_w is None else min(able_w, limit_w)


def all_is_kept(claims: list[Claim], seen: Mapping[str, Seen], told: Mapping[str, Setpoint]) -> None:
    for name, one in told.items():
        for limit_w, quantity in ((one.produce_max_w, PRODUCED), (one.consume_max_w, CONSUMED)):
            assert limit_w is None or 0.0 <= limit_w <= most_w(seen[name], quantity) * (1 + 1e-9) + 1e-3
        assert one.target_w is None or math.isfinite(one.target_w)
    for claim in claims:
        if not isinstance(claim.want, Bound) or not isinstance(claim.scope, Devices):
            continue
        does = {name: most(seen[name], claim.quantity, told.get(name)) for name in sorted(claim.scope.names)}
        reached = [does[name] for name in does if obeys(seen[name], claim.quantity)]
        fits = sum(does.values()) <= limit_of(claim) * (1 + 1e-9) + 1e-2
        assert fits or all(one <= 1e-3 for one in reached), (claim.want, does)


@given(
    st.lists(devices, min_size=6, max_size=6),
    st.lists(bounds, min_size=1, max_size=6),
    st.lists(targets, max_size=2),
    st.lists(moments, min_size=1, max_size=4),
    st.tuples(st.none() | asked_w, st.none() | asked_w),
)
@ORDINARY
def test_no_number_makes_a_bound_or_a_rating_give_way(
    site: list[tuple[Role, Nameplate, Capability]],
    limits: list[Claim],
    aims: list[Claim],
    story: list[tuple[float, float | None, list[Look]]],
    connection: tuple[float | None, float | None],
) -> None:
    """The guard, a second statement of the same rules, finds nothing to cut, and so nothing is an alarm."""
    roles = {name: device[0] for name, device in zip(NAMES, site, strict=True)}
    where = terms(roles, connection=Connection(import_limit_w=connection[0], export_limit_w=connection[1]))
    ruling, state, told, now_s = rule([*limits, *aims], DEFAULT_PRECEDENCE), AllocateState(), dict[str, Setpoint](), 0.0
    for later_s, meter_w, seen in story:
        now_s += later_s
        parts = zip(NAMES, site, seen, strict=True)
        picture = snapshot(
            [shown(name, device, one, told.get(name), now_s) for name, device, one in parts], meter_w, now_s
        )
        done = step(state, ruling, picture, where, at(now_s))
        final, clamps = clamp(done.setpoints, ruling, picture, where, at(now_s))
        assert clamps == ()
        state, told = done.state, {one.device: one for one in final}
        all_is_kept(limits, picture.devices, told)
