"""The whole decision over stories: nothing that is decided changes between two wake moments, and a story told twice is the same."""

from dataclasses import replace
from random import Random

import pytest

from grid_functions.decide import Decision
from grid_functions.model.control import Control, ExportLimit, FixedPower, GenerationLimit, ImportLimit, TargetPower
from grid_functions.model.device import Role
from grid_functions.model.event import Event, EventStatus, Ramp, Rank, Settings, Standing
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import Connection
from grid_functions.model.units import PercentBase
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import BOOT_S, Site, event, policy

PV, BATTERY = Role.PV, Role.BATTERY


def drawn(chance: Random, name: str, now_s: float) -> Event:
    """An event of the next minute, with a ramp now and then."""
    control: Control = chance.choice(
        (
            GenerationLimit(float(chance.randrange(0, 6000, 500))),
            ExportLimit(float(chance.randrange(0, 6000, 500))),
            ImportLimit(float(chance.randrange(0, 6000, 500))),
            TargetPower(float(chance.randrange(-4000, 4000, 500))),
            FixedPower(float(chance.randrange(-100, 100, 20)), PercentBase.MAX_POWER),
        )
    )
    one = event(
        name,
        control,
        start_s=now_s + chance.randint(0, 60),
        duration_s=float(chance.choice((0, 1, 10, 60, 300))),
        level=float(chance.randint(1, 2)),
        program=f"p{chance.randint(1, 2)}",
    )
    return replace(one, ramp=chance.choice((None, None, Ramp(over_s=10.0))))


def born(chance: Random) -> Site:
    """A roof and a battery, or a roof alone, behind a connection that may be rated."""
    roles = chance.choice(({"a": PV}, {"a": PV, "b": BATTERY}))
    devices = [seen(name, role, power_w=-float(chance.randrange(0, 5000, 100))) for name, role in roles.items()]
    connection = Connection(export_limit_w=chance.choice((None, 3000.0)), import_limit_w=chance.choice((None, 4000.0)))
    how = policy(hold_over_s=chance.choice((0.0, 5.0)), gradient_pct_per_s=chance.choice((None, 1.0)))
    meter_w = float(chance.randrange(-5000, 5000, 250))
    return Site(devices, terms(roles, connection=connection), {UTILITY: how}, meter_w=meter_w)


def told(one: Decision) -> tuple[object, ...]:
    """What is decided, for devices and upstream."""
    return one.setpoints, one.outcomes, one.ruling, one.in_force, one.clamps, one.alarms


_FRESH_S = 4.0

EVIDENCE = {
    OutcomeKind.APPLIED,
    OutcomeKind.EFFECTIVE,
    OutcomeKind.NOT_EFFECTIVE,
    OutcomeKind.NOT_OBSERVABLE,
    OutcomeKind.MISMATCHED,
}
"""Found by looking, at the pace of the polls, and not decided."""


def play(seed: int, site: Site, *, between: bool) -> list[Decision]:
    """Reads at random moments, decisions at these and at every wake moment; ``between``: also look at a moment in between."""
    chance, looks = Random(seed), Random(seed + 1)  # noqa: S311 - no secret
    shown: list[Event] = []
    standing = Standing("p1", Rank(1.0), (ExportLimit(4500.0),), Settings(gradient_pct_per_s=2.0))
    now_s, read_s, made = 0.0, 0.0, list[Decision]()
    for turn in range(60):
        reads = []
        if now_s >= read_s:
            read_s = now_s + chance.randint(1, 40)
            if shown and chance.random() < 0.3:
                index = chance.randrange(len(shown))
                shown[index] = replace(shown[index], status=EventStatus.CANCELLED)
            shown.append(drawn(chance, f"e{turn}", now_s))
            reads.append(site.read(now_s, *shown, standings=(standing,) if chance.random() < 0.7 else ()))
        done = site.tick(now_s, *reads)
        made.append(done)
        wake_s = min([read_s, *(moment.at_s - BOOT_S for moment in done.wake)])
        if between and wake_s - now_s > 0.01:
            # the same picture, before its readings are stale (rule 6)
            later_s = now_s + min(_FRESH_S, wake_s - now_s) * looks.uniform(0.01, 0.99)
            still = replace(site, decisions=[]).tick(later_s, snapshot=site.snapshot(now_s))
            assert still.setpoints == done.setpoints, (seed, turn)
            assert {one.kind for one in still.outcomes} <= EVIDENCE, (seed, turn)
            assert still.ruling.bounds == done.ruling.bounds, (seed, turn)
        now_s = max(wake_s, now_s + 0.001)
    return made


SETTLING = (25, 40, 182, 279, 434, 509)
"""Stories in which a device leaves part of its share and the wait for it to settle ends between two other wake moments, or in which an
idle device is told zero, on which it presses at once."""


@pytest.mark.parametrize("seed", [*range(20), *SETTLING])
def test_between_two_wake_moments_nothing_that_is_decided_changes(seed: int) -> None:
    play(seed, born(Random(seed)), between=True)  # noqa: S311 - no secret


@pytest.mark.long
def test_between_two_wake_moments_nothing_changes_in_a_thousand_stories() -> None:
    for seed in range(1000):
        play(seed, born(Random(seed)), between=True)  # noqa: S311 - no secret


@pytest.mark.parametrize("seed", range(25))
def test_a_story_told_twice_is_decided_twice_the_same(seed: int) -> None:
    """The second time in another process's stead: nothing is carried over but the story."""
    stories = [play(seed, born(Random(seed)), between=False) for _ in range(2)]  # noqa: S311 - no secret
    assert [told(one) for one in stories[0]] == [told(one) for one in stories[1]]
    assert stories[0][-1].state == stories[1][-1].state
