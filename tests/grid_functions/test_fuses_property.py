"""Fuses and amperes against a second, slow and obvious statement: whatever is silent, told or measured, no conductor is overloaded.

At 230 V throughout; the meter and all that is measured are of one moment.
"""

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grid_functions.allocate.step import AllocateState, step
from grid_functions.arbiter import rule
from grid_functions.guard import clamp
from grid_functions.model.claim import Claim, Devices
from grid_functions.model.device import Fallback, Role, Seen, Vehicle
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, FuseGroup, SiteTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Phase, Quantity
from grid_functions.site.local_safety import claims
from tests.grid_functions.house import at, bound, charger, on, snapshot, terms

ORDINARY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = ("a", "b", "c", "d")
VOLTS = 230.0
ROTATIONS: list[tuple[Phase, ...]] = [(Phase.A, Phase.B, Phase.C), (Phase.B, Phase.C, Phase.A), (Phase.C,), (Phase.A,)]


@dataclass(frozen=True, slots=True)
class Scene:
    """Four chargers on three conductors, what they draw, and what the house draws on each conductor, A."""

    site: SiteTerms
    picture: Snapshot
    claims: tuple[Claim, ...]
    house_a: tuple[float, float, float]
    drawn_a: dict[str, float]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Chargers that answer or not, draw something or nothing, fall back to something or to nobody knows what."""
    placed = {name: draw(st.sampled_from(ROTATIONS)) for name in NAMES}
    devices: list[Seen] = []
    drawn: dict[str, float] = {}
    for name in NAMES:
        conductors = len(placed[name])
        holds_a = draw(st.sampled_from([None, 0.0, 6.0, 10.0, 16.0]))
        amps = draw(st.sampled_from([0.0, 6.0, 10.0]))
        amps = min(amps, 16.0 if holds_a is None else holds_a)
        drawn[name] = amps
        devices.append(
            charger(
                name,
                power_w=amps * VOLTS * conductors,
                amps=(amps,) * conductors,
                holds_a=holds_a,
                phases=conductors,
                online=draw(st.booleans() | st.just(True)),
                vehicle=draw(st.sampled_from([Vehicle.CHARGING, Vehicle.CONNECTED, None])),
                fallback=draw(st.sampled_from([None, Fallback(6.0, 60.0), Fallback(13.0, 60.0)])),
            )
        )
    house = draw(st.tuples(*[st.sampled_from([0.0, 3.0, 11.0, 19.0, 30.0])] * 3))
    flows = [
        house[index] + sum(drawn[name] for name in NAMES if phase in placed[name]) for index, phase in enumerate(Phase)
    ]
    meter: dict[MeterKey, Reading] = {
        (Quantity.CURRENT, phase): Reading(amps, Quality.GOOD, 0.0, 0.0)
        for phase, amps in zip(Phase, flows, strict=True)
    }
    fuse_a = draw(st.sampled_from([None, 20.0, 25.0, 40.0]))
    plain = terms(dict.fromkeys(NAMES, Role.EVSE), connection=Connection(phases=3, fuse_a=fuse_a))
    groups = (FuseGroup("g", draw(st.sampled_from([10.0, 16.0, 32.0])), frozenset({"a", "b"})),)
    site = replace(
        plain,
        devices={name: replace(one, phases=placed[name]) for name, one in plain.devices.items()},
        groups=groups if draw(st.booleans()) else (),
    )
    picture = snapshot(devices, sum(flows) * VOLTS)
    watts = st.integers(0, 40_000).map(float)
    scopes = st.sampled_from([None, on("a"), on("b", "c"), on("a", "b", "c", "d")])
    asked = draw(st.lists(st.builds(lambda w, scope: bound(w, scope, Quantity.CONSUMED), watts, scopes), max_size=4))
    return Scene(site, replace(picture, meter={**picture.meter, **meter}), tuple(asked), house, drawn)


def told(scene: Scene, asked: tuple[Claim, ...]) -> dict[str, float | None]:
    """Amperes as they leave; the guard finds nothing to cut."""
    ruling = rule([*asked, *claims(scene.site, scene.picture)], DEFAULT_PRECEDENCE)
    done = step(AllocateState(), ruling, scene.picture, scene.site, at(0.0))
    final, clamps = clamp(done.setpoints, ruling, scene.picture, scene.site, at(0.0))
    assert clamps == ()
    return {one.device: one.current_max_a for one in final}


def worst_a(scene: Scene, name: str, amps: float | None) -> float:
    """The most one charger may draw from now on: what it is told; silent, what it holds or falls back to, or all it can."""
    one = scene.picture.devices[name]
    currents = one.capability.currents
    assert currents is not None
    if one.condition.online:
        return 16.0 if amps is None else amps
    if currents.fallback is None:
        return 16.0
    held_a = one.condition.holds.current_max_a if one.condition.holds is not None else None
    return max(16.0 if held_a is None else held_a, currents.fallback.current_a)


def all_holds(scene: Scene, asked: tuple[Claim, ...]) -> None:
    """Rule 1 and rule 2, said slowly: add up each conductor and each bound; it holds, or all that can be told are at 0."""
    sent = told(scene, asked)
    online = [name for name in NAMES if scene.picture.devices[name].condition.online]
    for name in online:
        amps = sent[name]
        assert amps is None or amps == 0 or (6.0 <= amps <= 16.0 and amps == int(amps))

    def quiet(names: frozenset[str] | set[str]) -> bool:
        return all(sent[name] == 0 for name in names if name in online)

    placed = {name: scene.site.devices[name].phases for name in NAMES}
    for index, phase in enumerate(Phase):
        there = {name for name in NAMES if phase in placed[name]}
        # what a silent one draws now is part of what the meter tells, and stays in what may come
        amps = scene.house_a[index] + sum(worst_a(scene, name, sent[name]) for name in there)
        fuse_a = scene.site.connection.fuse_a
        assert fuse_a is None or amps <= fuse_a + 1e-6 or quiet(there), (phase, amps, sent)
        for group in scene.site.groups:
            mine = there & group.devices
            amps = sum(worst_a(scene, name, sent[name]) for name in mine)
            assert amps <= group.fuse_a + 1e-6 or quiet(mine), (group, phase, amps, sent)
    for claim in asked:
        names = set(claim.scope.names) if isinstance(claim.scope, Devices) else set(NAMES)
        limit_w = getattr(claim.want, "limit", 0.0)
        house_w = 0.0 if isinstance(claim.scope, Devices) else sum(scene.house_a) * VOLTS
        total_w = house_w + sum(worst_a(scene, name, sent[name]) * VOLTS * len(placed[name]) for name in names)
        assert total_w <= limit_w + 1e-3 or quiet(names), (claim.scope, limit_w, total_w, sent)


@given(scenes())
@ORDINARY
def test_no_conductor_and_no_bound_is_exceeded_whoever_is_silent(scene: Scene) -> None:
    all_holds(scene, scene.claims)


@given(scenes(), st.integers(0, 40_000).map(float), st.sampled_from([None, on("a"), on("c", "d")]))
@ORDINARY
def test_no_source_loosens_another(scene: Scene, limit_w: float, scope: Devices | None) -> None:
    """One voice more: whatever held still holds."""
    all_holds(scene, (*scene.claims, bound(limit_w, scope, Quantity.CONSUMED, name="another")))


@pytest.mark.long
@given(scenes())
@MANY
def test_no_conductor_and_no_bound_is_exceeded_in_thousands_of_cases(scene: Scene) -> None:
    all_holds(scene, scene.claims)
