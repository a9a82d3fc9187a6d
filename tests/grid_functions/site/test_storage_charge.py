"""A charge is reached by the end of its event, and rests there."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Control, Mode, StorageCharge, StorageEnergy
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.entry import Entry
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.units import Quantity
from tests.grid_functions.house import NET, terms
from tests.scenarios.decide.site import AGGREGATOR, Site, event, policy

CAPACITY_WH = 10_000.0


def battery(charge_pct: float, power_w: float = 0.0) -> Seen:
    """10 kWh, 5 kW either way."""
    readings = {
        NET: Reading(power_w, Quality.GOOD, 0.0, 0.0),
        (Quantity.STATE_OF_CHARGE, None): Reading(charge_pct, Quality.GOOD, 0.0, 0.0),
    }
    plate = Nameplate(rated_w=5000.0, capacity_wh=CAPACITY_WH)
    able = Capability({Mode.STORAGE_POWER: Ability(How.NATIVE)})
    return Seen("battery", Role.BATTERY, plate, able, Condition(online=True, readings=readings))


def house(charge_pct: float) -> Site:
    """A battery alone."""
    site = replace(terms({"battery": Role.BATTERY}), respondents={AGGREGATOR: frozenset({"battery"})})
    return Site([battery(charge_pct)], site, {AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)})


def run(site: Site, control: Control, *, minutes: int) -> float:
    """The event of an hour, lived through in minutes by a battery that does what it is told; its charge in the end, percent."""
    charge_pct = site.devices[0].condition.readings[(Quantity.STATE_OF_CHARGE, None)].value
    site.tick(0.0, site.read(0.0, event("e", control, respondent=AGGREGATOR), respondent=AGGREGATOR))
    for minute in range(1, minutes + 1):
        target_w = site.decisions[-1].setpoints[0].target_w
        charge_pct += (target_w or 0.0) / 60.0 / CAPACITY_WH * 100.0
        site.devices = [battery(charge_pct, target_w or 0.0)]
        site.tick(60.0 * minute)
    return charge_pct


@settings(max_examples=25)
@given(begin_pct=st.floats(5.0, 95.0), change_pct=st.floats(-45.0, 45.0))
def test_a_charge_within_reach_is_reached_at_the_end(begin_pct: float, change_pct: float) -> None:
    """5 kW move 50 % of 10 kWh in an hour; a tenth of a percent is as near as a charge is told."""
    goal_pct = min(100.0, max(0.0, begin_pct + change_pct))
    assert abs(run(house(begin_pct), StorageCharge(goal_pct), minutes=59) - goal_pct) < 1.0


def test_what_is_out_of_reach_is_approached_at_full_power() -> None:
    """From 0 to 100 % in an hour with 5 kW: half of it, 50 %, less the last minute."""
    assert abs(run(house(0.0), StorageCharge(100.0), minutes=59) - 59 * 5000 / 60 / 100) < 0.1


def test_a_change_is_of_what_was_stored_when_it_began() -> None:
    """3 kWh less than 6 kWh."""
    assert abs(run(house(60.0), StorageEnergy(-3000.0, relative=True), minutes=59) - 30.0) < 1.0


def test_what_was_stored_at_the_beginning_is_known_after_a_restart() -> None:
    """1 kWh less than 5 kWh; half an hour later 4.5 kWh are stored, and 0.5 kWh are left for another half hour: 1 kW."""
    site = house(50.0)
    entries: list[Entry] = []
    drop = event("e", StorageEnergy(-1000.0, relative=True), respondent=AGGREGATOR)
    entries += site.tick(0.0, site.read(0.0, drop, respondent=AGGREGATOR)).entries
    site.devices, site.state = [battery(45.0)], restore(entries)
    assert site.tick(1800.0).setpoints[0].target_w == -1000.0


def test_more_than_it_holds_is_full_and_less_than_nothing_is_empty() -> None:
    for energy_wh, target_w in ((1e6, 5000.0), (-1e6, -5000.0)):
        site = house(50.0)
        wide = event("e", StorageEnergy(energy_wh, relative=True), respondent=AGGREGATOR)
        done = site.tick(0.0, site.read(0.0, wide, respondent=AGGREGATOR))
        assert done.setpoints[0].target_w == target_w


@pytest.mark.parametrize("charge_pct", [-0.5, 100.5, math.nan])
def test_a_charge_that_no_battery_can_hold_asks_for_nothing(charge_pct: float) -> None:
    site = house(50.0)
    broken = event("e", StorageCharge(charge_pct), respondent=AGGREGATOR)
    done = site.tick(0.0, site.read(0.0, broken, respondent=AGGREGATOR))
    assert [one.target_w for one in done.setpoints if one.target_w is not None] == []
