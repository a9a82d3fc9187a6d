"""The last clamp: each slip of allocation is caught, cut and told."""

from dataclasses import replace

from grid_functions.arbiter import rule
from grid_functions.guard import Clamp, clamp
from grid_functions.model.claim import Claim, SourceKind, Switch
from grid_functions.model.control import Connect, Mode
from grid_functions.model.device import Ability, Capability, How, Role
from grid_functions.model.policy import DEFAULT_PRECEDENCE, SiteTerms
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import at, bound, in_force, on, seen, snapshot, terms

PRODUCED = Quantity.PRODUCED


def guarded(
    setpoints: list[Setpoint], claims: list[Claim], meter_w: float | None = 0.0, site: SiteTerms | None = None
) -> tuple[tuple[Setpoint, ...], tuple[Clamp, ...]]:
    """What passes of these setpoints for two inverters of 5 kW."""
    picture = snapshot([seen("a"), seen("b")], meter_w)
    return clamp(setpoints, rule(claims, DEFAULT_PRECEDENCE), picture, site or terms(), at(0.0))


def test_what_keeps_every_bound_passes_untouched() -> None:
    setpoints = [Setpoint("a", 7, produce_max_w=1000.0), Setpoint("b", 7, produce_max_w=500.0)]
    assert guarded(setpoints, [bound(1500.0, on("a", "b"))]) == (tuple(setpoints), ())


def test_the_full_value_given_to_each_is_cut_to_shares() -> None:
    """The classic slip: 1500 W to both. Worst case 3000 W, so both are halved."""
    setpoints = [Setpoint(name, produce_max_w=1500.0) for name in "ab"]
    kept, clamps = guarded(setpoints, [bound(1500.0, on("a", "b"))])
    assert [one.produce_max_w for one in kept] == [750.0, 750.0]
    assert [(one.device, one.asked, one.given) for one in clamps] == [("a", 1500.0, 750.0), ("b", 1500.0, 750.0)]


def test_a_forgotten_limit_is_set() -> None:
    kept, clamps = guarded([Setpoint("a"), Setpoint("b")], [bound(1000.0, on("a"))])
    assert [one.produce_max_w for one in kept] == [1000.0, None]
    assert clamps == (Clamp("a", PRODUCED, float("inf"), 1000.0, "generation_limit of utility"),)


def test_a_dark_meter_gives_no_credit() -> None:
    setpoints = [Setpoint(name, produce_max_w=2000.0) for name in "ab"]
    assert guarded(setpoints, [bound(1500.0)], 4000.0) == (tuple(setpoints), ())
    kept, clamps = guarded(setpoints, [bound(1500.0)], None)
    assert [one.produce_max_w for one in kept] == [750.0, 750.0]
    assert len(clamps) == 2


def test_more_than_the_nameplate_is_cut() -> None:
    kept, clamps = guarded([Setpoint("a", produce_max_w=9000.0)], [])
    assert kept[0].produce_max_w == 5000.0
    assert clamps[0].why == "nameplate"


def test_a_locked_device_is_cut_to_zero_and_so_is_its_revert() -> None:
    site = terms()
    site = replace(site, devices={**site.devices, "a": replace(site.devices["a"], locked=True)})
    kept, clamps = guarded(
        [Setpoint("a", produce_max_w=100.0, revert=Revert(60.0, produce_max_w=100.0))], [], site=site
    )
    assert kept[0] == Setpoint("a", produce_max_w=0.0, revert=Revert(60.0, produce_max_w=0.0))
    assert [one.why for one in clamps] == ["locked by the operator"]


def test_what_can_only_be_steered_is_cut_by_its_target() -> None:
    """a obeys a target and no limit, b a limit: 3000 + 1000 W under 2000 W, so both are halved."""
    only_target = Capability({Mode.TARGET_POWER: Ability(How.NATIVE)})
    picture = snapshot([seen("a", capability=only_target), seen("b")], 0.0)
    told = [Setpoint("a", target_w=-3000.0), Setpoint("b", produce_max_w=1000.0)]
    kept, clamps = clamp(told, rule([bound(2000.0, on("a", "b"))], DEFAULT_PRECEDENCE), picture, terms(), at(0.0))
    assert kept == (Setpoint("a", target_w=-1500.0), Setpoint("b", produce_max_w=500.0))
    assert sorted(one.device for one in clamps) == ["a", "b"]


def test_what_can_only_be_steered_and_is_told_to_do_nothing_counts_nothing() -> None:
    """a's target is 0 W: b has all of the 2000 W, to give or to take."""
    only_target = Capability({Mode.TARGET_POWER: Ability(How.NATIVE)})
    picture = snapshot([seen("a", Role.BATTERY, capability=only_target), seen("b", Role.BATTERY)], 0.0)
    told = (Setpoint("a", target_w=0.0), Setpoint("b", produce_max_w=2000.0, consume_max_w=2000.0))
    ruling = rule(
        [bound(2000.0, on("a", "b"), quantity) for quantity in (PRODUCED, Quantity.CONSUMED)], DEFAULT_PRECEDENCE
    )
    assert clamp(told, ruling, picture, terms(dict.fromkeys("ab", Role.BATTERY)), at(0.0)) == (told, ())


def test_a_forgotten_off_is_switched() -> None:
    want = Switch(False)
    cause = in_force(Connect(False), SourceKind.OPERATOR, "operator", respondent=None)
    off = Claim(on("a"), Quantity.CONNECT, want, want, Mode.CONNECT, cause)
    kept, clamps = guarded([Setpoint("a", on=True), Setpoint("b")], [off])
    assert [one.on for one in kept] == [False, None]
    assert [one.device for one in clamps] == ["a"]
