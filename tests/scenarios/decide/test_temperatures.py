"""Temperatures from whoever asks to what a thermostat is told: one contest, its range, its occupant, its evidence."""

from dataclasses import replace

import pytest

from grid_functions.catalogue import built_in
from grid_functions.decide import Decision
from grid_functions.model.claim import LeaseId, LossReason, SourceKind
from grid_functions.model.control import Energize, Mode, ShedLevel, Thermostat
from grid_functions.model.device import Ability, Capability, How, Role, Seen, Temperatures, Touch
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Lease
from grid_functions.model.setpoint import Setpoint, tightens
from grid_functions.site.measure import Measure
from grid_functions.site.shed import Shed, ShedOptions
from grid_functions.site.thermostat import HoldTemperature, ThermostatOptions
from grid_functions.words import Lock
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import BOOT_S, Site, by_name, event, override, policy

ABLE = Capability(
    {Mode.THERMOSTAT: Ability(How.NATIVE), Mode.ENERGIZE: Ability(How.NATIVE)},
    settle_s=10.0,
    temperatures=Temperatures(7.0, 30.0, 0.5),
)
C18, C16 = Thermostat(18.0, offset=False), Thermostat(16.0, offset=False)
MINUS_2 = Thermostat(-2.0, offset=True)
FEEDER = LeaseId("feeder", "direct_load_control/thermostat", 1)
TABLE = ShedOptions({1: (Measure("hall", thermostat_offset_k=-2.0), Measure("pump", switch_off=True))})


def load(name: str = "hall", power_w: float | None = 0.0, capability: Capability = ABLE) -> Seen:
    return seen(name, Role.LOAD, rated_w=None, power_w=power_w, capability=capability)


def house(*devices: Seen) -> Site:
    """Its upstream is an OpenADR one, whose resources stand for loads too."""
    found = devices or (load(),)
    site = terms({one.device: one.role for one in found})
    functions = {**built_in(), "shed": Shed(TABLE)}
    return Site(list(found), site, {UTILITY: policy(kind=SourceKind.OPENADR)}, functions)


def hall(done: Decision) -> Thermostat | None:
    return by_name(done.setpoints)["hall"].thermostat


def touched(site: Site, value: float, at_s: float) -> None:
    touch = Touch(Thermostat(value, offset=False), BOOT_S + at_s)
    site.devices = [replace(one, condition=replace(one.condition, touch=touch)) for one in site.devices]


def test_a_thermostat_setpoint_of_a_lease_acts_until_the_lease_ends() -> None:
    site = house()
    assert hall(site.tick(0.0, leases=(Lease(FEEDER, 60.0, (C18,)),))) == C18
    done = site.tick(60.0)
    assert by_name(done.setpoints)["hall"] == Setpoint("hall", done.serial)


def test_an_occupants_hand_goes_before_an_area_and_expires() -> None:
    """Rule 3: the occupant stands before areas; 7,200 s is the default."""
    site = house()
    site.tick(0.0, leases=(Lease(FEEDER, 80_000.0, (C18,)),))
    touched(site, 22.0, 100.0)
    done = site.tick(100.0)
    assert hall(done) == Thermostat(22.0, offset=False)
    assert Moment(OWN, BOOT_S + 7300.0) in done.wake
    assert [loss.why for loss in done.ruling.losses] == [LossReason.PRECEDENCE]
    assert hall(site.tick(7299.0)) == Thermostat(22.0, offset=False)
    assert hall(site.tick(7300.0)) == C18


def test_an_event_goes_before_the_occupants_hand() -> None:
    site = house()
    touched(site, 22.0, 0.0)
    done = site.tick(0.0, site.read(0.0, event("e", ShedLevel(1))))
    assert hall(done) == MINUS_2


def test_a_hand_of_the_future_is_one_of_a_clock_that_was_wrong() -> None:
    site = house()
    touched(site, 22.0, 50.0)
    assert hall(site.tick(0.0)) is None


def test_a_setpoint_and_an_offset_are_one_contest() -> None:
    site = house()
    done = site.tick(0.0, site.read(0.0, event("e", ShedLevel(1))), words=(override(C16),))
    assert hall(done) == C16
    assert len([one for one in done.ruling.winners if one.mode is Mode.THERMOSTAT]) == 1


@pytest.mark.parametrize(("asked", "given"), [(90.0, 30.0), (-10.0, 7.0)])
def test_beyond_its_range_it_is_told_the_end_of_it_and_that_is_an_alarm(asked: float, given: float) -> None:
    done = house().tick(0.0, words=(override(Thermostat(asked, offset=False)),))
    assert hall(done) == Thermostat(given, offset=False)
    assert [one.text for one in done.alarms] == [f"temperature cut from {asked:g} to {given:g}: the device's range"]


@pytest.mark.parametrize(
    "odd", [Thermostat(float("nan"), offset=False), Thermostat(400.0, offset=False), Thermostat(21.0, offset=True)]
)
def test_what_is_no_temperature_unseats_nothing(odd: Thermostat) -> None:
    site = house()
    site.tick(0.0, leases=(Lease(FEEDER, 600.0, (C18,)),))
    assert hall(site.tick(1.0, words=(override(odd),))) == C18


def test_a_device_that_takes_no_temperature_is_told_none_and_an_event_for_it_is_refused() -> None:
    site = house(load(capability=Capability({Mode.THERMOSTAT: Ability(How.NOT_POSSIBLE, "holds a range")})))
    done = site.tick(0.0, site.read(0.0, event("e", C18)))
    assert "hall" not in by_name(done.setpoints)
    assert ("e", "refused") in site.outcomes


def test_a_level_switches_a_load_off_and_its_end_withdraws_that() -> None:
    site = house(load(), load("pump", 900.0))
    done = site.tick(0.0, words=(override(ShedLevel(1)),))
    assert by_name(done.setpoints)["pump"].on is False
    assert hall(done) == MINUS_2


def test_no_off_of_anybody_but_the_sites_own_tables_reaches_a_load() -> None:
    """Rule 5."""
    done = house().tick(0.0, words=(override(Energize(False)),))
    assert by_name(done.setpoints)["hall"].on is None


def test_a_locked_load_is_off() -> None:
    done = house().tick(0.0, words=(Lock("hall", BOOT_S),))
    assert by_name(done.setpoints)["hall"].on is False


def test_read_back_is_applied_and_what_a_house_does_then_is_not_observable() -> None:
    site = house()
    site.tick(0.0, site.read(0.0, event("e", ShedLevel(1))))
    assert ("e", "applied") not in site.outcomes
    holds = Setpoint("hall", 1, thermostat=MINUS_2)
    site.devices = [replace(one, condition=replace(one.condition, holds=holds)) for one in site.devices]
    site.tick(2.0)
    assert ("e", "applied") in site.outcomes
    site.tick(12.0)
    assert ("e", "not_observable") in site.outcomes


def test_a_thermostat_that_holds_something_else_is_a_mismatch() -> None:
    """A driver has ten seconds, and the device its own ten to settle."""
    site = house()
    site.devices = [
        replace(one, condition=replace(one.condition, holds=Setpoint("hall", thermostat=C16))) for one in site.devices
    ]
    for second in range(25):
        site.tick(float(second), *([site.read(0.0, event("e", C18))] if second == 0 else []))
    assert ("e", "mismatched") in site.outcomes
    assert ("e", "applied") not in site.outcomes


def test_nobody_can_say_that_another_temperature_tightens() -> None:
    assert not tightens(Setpoint("x", thermostat=C16), Setpoint("x", thermostat=C18))
    assert not tightens(Setpoint("x", thermostat=C16), Setpoint("x"))
    assert tightens(Setpoint("x", on=False, thermostat=C16), Setpoint("x", thermostat=C18))


@pytest.mark.parametrize("seconds", [299.0, 86_401.0, float("nan")])
def test_how_long_an_occupants_hand_holds_has_a_range(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"thermostat\.occupant_s"):
        HoldTemperature(ThermostatOptions(seconds))


@pytest.mark.parametrize("seconds", [300.0, 86_400.0])
def test_an_occupants_hand_may_hold_as_long_as_either_end_of_the_range(seconds: float) -> None:
    assert ThermostatOptions(seconds).occupant_s == seconds
