"""Rules 2, 5 and 6 against a second, slow and obvious statement of them: whatever is claimed, every bound holds by itself."""

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid_functions.allocate.step import AllocateState, step
from grid_functions.arbiter import rule
from grid_functions.guard import clamp
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, Devices, Scope, SourceKind, Switch
from grid_functions.model.control import Connect, Mode
from grid_functions.model.device import Capability, Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE, SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from tests.grid_functions.house import able, at, bound, in_force, on, seen, snapshot, terms

ORDINARY = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = ("a", "b", "c", "d")
NESTED: list[Scope] = [ConnectionPoint(), on("a", "b", "c"), on("a", "b"), on("a"), on("b"), on("c"), on("d")]
CROSSED: list[Scope] = [*NESTED, on("b", "c"), on("c", "d"), on("a", "d")]
watts = st.integers(min_value=0, max_value=25_000).map(float)


def bounds(scopes: list[Scope]) -> st.SearchStrategy[Claim]:
    """A bound of any of four sources."""
    return st.builds(bound, watts, st.sampled_from(scopes), name=st.sampled_from(["u", "v", "operator", "local"]))


def switches() -> st.SearchStrategy[Claim]:
    """A switch of any of three sources."""

    def switch(names: frozenset[str], yes: bool, kind: SourceKind) -> Claim:
        want = Switch(yes)
        cause = in_force(Connect(yes), kind, kind.value, respondent=None)
        return Claim(Devices(names), Quantity.CONNECT, want, want, Mode.CONNECT, cause)

    kinds = st.sampled_from([SourceKind.OPERATOR, SourceKind.IEEE2030_5, SourceKind.OPENADR])
    return st.builds(switch, st.frozensets(st.sampled_from(NAMES), min_size=1), st.booleans(), kinds)


def look(drawn: tuple[float, int | None, int | None, bool, Capability]) -> Seen:
    """A device, online or not, measured or not, that holds something or nothing."""
    rated_w, made_w, held_w, online, capability = drawn
    return seen(
        "x",
        rated_w=rated_w,
        power_w=None if made_w is None else -min(float(made_w), rated_w),
        online=online,
        holds=None if held_w is None else Setpoint("x", produce_max_w=float(held_w)),
        capability=capability,
    )


# Made once: most of a case's cost was strategies that were made while drawing.
LOOKS = st.tuples(
    st.sampled_from([1000.0, 3000.0, 5000.0]),
    st.none() | st.integers(0, 5000),
    st.none() | st.integers(0, 5000),
    st.booleans(),
    st.sampled_from([able(minimum_w=least_w, watchdog=yes) for least_w in (0.0, 0.0, 700.0) for yes in (False, True)]),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A house of four, its picture and what is claimed."""

    site: SiteTerms
    picture: Snapshot
    claims: tuple[Claim, ...]


def scenes(scopes: list[Scope], meter: st.SearchStrategy[float | None]) -> st.SearchStrategy[Scene]:
    """Any house of four producers."""

    def scene(drawn: tuple[tuple[Any, ...], list[Claim], float | None]) -> Scene:
        looks, claims, meter_w = drawn
        devices = []
        for name, one in zip(NAMES, map(look, looks), strict=True):
            holds = one.condition.holds and replace(one.condition.holds, device=name)
            devices.append(replace(one, device=name, condition=replace(one.condition, holds=holds)))
        return Scene(terms(dict.fromkeys(NAMES, Role.PV)), snapshot(devices, meter_w), tuple(claims))

    claimed = st.lists(bounds(scopes) | switches(), max_size=6)
    return st.tuples(st.tuples(*(LOOKS for _ in NAMES)), claimed, meter).map(scene)


def sent(scene: Scene, claims: tuple[Claim, ...] | None = None) -> dict[str, Setpoint]:
    """What is sent in one first decision."""
    ruling = rule(scene.claims if claims is None else claims, DEFAULT_PRECEDENCE)
    done = step(AllocateState(), ruling, scene.picture, scene.site, at(0.0))
    final, clamps = clamp(done.setpoints, ruling, scene.picture, scene.site, at(0.0))
    # two statements of the same rules: the guard finds nothing that allocate let through
    assert [one for one in clamps if one.quantity is not Quantity.CONNECT] == []
    return {one.device: one for one in final}


def worst_w(scene: Scene, name: str, setpoint: Setpoint) -> float:
    """The most one device may do: told while it answers, else what it holds or could do."""
    one = scene.picture.devices[name]
    limits = [one.nameplate.rated_w or 0.0]
    told = setpoint if one.condition.online else one.condition.holds
    if told is not None and told.produce_max_w is not None:
        limits.append(told.produce_max_w)
    return 0.0 if told is not None and told.on is False else min(limits)


def every_bound_holds(scene: Scene, setpoints: dict[str, Setpoint], dark: bool) -> None:
    """Rule 2, said slowly: take any bound alone, add up its devices, and it holds; or all it reaches are at 0."""
    for claim in scene.claims:
        if not isinstance(claim.want, Bound) or (isinstance(claim.scope, ConnectionPoint) and not dark):
            continue
        names = claim.scope.names if isinstance(claim.scope, Devices) else frozenset(NAMES)
        total_w = sum(worst_w(scene, name, setpoints[name]) for name in names)
        reached = [name for name in names if scene.picture.devices[name].condition.online]
        silenced = all(worst_w(scene, name, setpoints[name]) == 0 for name in reached)
        assert total_w <= claim.want.limit + 1e-3 or silenced, (claim.scope, claim.want, total_w)


def switches_hold(scene: Scene, setpoints: dict[str, Setpoint]) -> None:
    """Rule 5, said slowly."""
    for name in NAMES:
        said = [c.want.on for c in scene.claims if isinstance(c.want, Switch) and name in getattr(c.scope, "names", ())]
        assert setpoints[name].connect is (None if not said else all(said))


def none_is_loosened(scene: Scene, extra: Claim) -> None:
    """One more source: whatever held still holds, and with nested scopes not a watt more flows in all."""
    before, after = sent(scene), sent(scene, (*scene.claims, extra))
    every_bound_holds(scene, after, dark=True)
    reached = [name for name in NAMES if scene.picture.devices[name].condition.online]
    total_before, total_after = (
        sum(worst_w(scene, name, setpoints[name]) for name in reached) for setpoints in (before, after)
    )
    steps_w = float(len(NAMES))  # each device is rounded down to its own step of 1 W
    assert total_after <= total_before + steps_w


dark = st.none()
any_meter: st.SearchStrategy[float | None] = st.none() | st.integers(-20_000, 20_000).map(float)


@given(scenes(CROSSED, dark))
@ORDINARY
def test_every_bound_holds_by_itself_when_the_meter_is_dark(scene: Scene) -> None:
    every_bound_holds(scene, sent(scene), dark=True)


@given(scenes(CROSSED, any_meter))
@ORDINARY
def test_bounds_of_device_sets_and_switches_hold_whatever_the_meter_says(scene: Scene) -> None:
    setpoints = sent(scene)
    every_bound_holds(scene, setpoints, dark=False)
    switches_hold(scene, setpoints)


def unswitched(scene: Scene) -> Scene:
    """Without minima and switches, and without limits that are still to rise in their turn: these leave room that another picks up."""
    devices = {
        name: replace(
            one,
            capability=replace(one.capability, minimum_w=0.0),
            condition=replace(one.condition, holds=None if one.condition.online else one.condition.holds),
        )
        for name, one in scene.picture.devices.items()
    }
    claims = tuple(claim for claim in scene.claims if isinstance(claim.want, Bound))
    return Scene(scene.site, replace(scene.picture, devices=devices), claims)


@given(scenes(NESTED, dark), bounds(NESTED))
@MANY
def test_no_source_loosens_another(scene: Scene, extra: Claim) -> None:
    none_is_loosened(unswitched(scene), extra)


def drawn(random: Random) -> tuple[Scene, Claim]:
    """A scene and one more claim, drawn by hand: a hundred thousand of them are too many for Hypothesis."""

    def bounded() -> Claim:
        name = random.choice(["u", "v", "operator", "local"])
        return bound(float(random.randrange(0, 25_000)), random.choice(NESTED), name=name)

    devices = []
    for name in NAMES:
        held_w = random.choice([None, float(random.randrange(0, 5001))])
        rated_w = random.choice([1000.0, 3000.0, 5000.0])
        devices.append(
            seen(
                name,
                rated_w=rated_w,
                power_w=random.choice([None, -float(random.randrange(0, int(rated_w) + 1))]),
                online=random.random() < 0.7,
                holds=None if held_w is None else Setpoint(name, produce_max_w=held_w),
                capability=able(watchdog=random.random() < 0.5),
            )
        )
    claims = tuple(bounded() for _ in range(random.randrange(0, 7)))
    return Scene(terms(dict.fromkeys(NAMES, Role.PV)), snapshot(devices, None), claims), bounded()


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(100))
def test_no_source_loosens_another_in_a_hundred_thousand_cases(hundred: int) -> None:
    for case in range(1000):
        scene, extra = drawn(Random(1000 * hundred + case))  # noqa: S311  # a test, no secret
        none_is_loosened(unswitched(scene), extra)


@given(st.lists(bounds([ConnectionPoint(), on("a")]), max_size=6), watts, watts, st.integers(-5000, 5000))
@ORDINARY
def test_one_device_alone_follows_the_tightest_bound(
    claims: list[Claim], set_w: float, point_w: float, meter_w: int
) -> None:
    """By hand: min(rating, set limits, connection limits + import + own production), at least 0, rounded down to 1 W."""
    own_w = 2000.0
    site = terms({"a": Role.PV})
    picture = snapshot([seen("a", power_w=-own_w)], float(meter_w))
    asked = [*claims, bound(set_w, on("a")), bound(point_w)]
    limits = [
        claim.want.limit + (meter_w + own_w if isinstance(claim.scope, ConnectionPoint) else 0.0)
        for claim in asked
        if isinstance(claim.want, Bound)
    ]
    done = step(AllocateState(), rule(asked, DEFAULT_PRECEDENCE), picture, site, at(0.0))
    assert done.setpoints[0].produce_max_w == math.floor(max(0.0, min(5000.0, *limits)))


@given(
    st.lists(bounds(CROSSED) | switches(), max_size=6).flatmap(
        lambda told: st.tuples(st.just(told), st.permutations(told))
    )
)
@ORDINARY
def test_the_order_of_claims_never_matters(told: tuple[list[Claim], list[Claim]]) -> None:
    claims, shuffled = told
    assert rule(claims, DEFAULT_PRECEDENCE) == rule(shuffled, DEFAULT_PRECEDENCE)
