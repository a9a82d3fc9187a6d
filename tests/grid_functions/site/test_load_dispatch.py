"""A relative dispatch refers to what was so when it began, however it changes the power itself, also over a restart."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from grid_functions.baseline import Baseline
from grid_functions.decide import restore
from grid_functions.model.claim import LeaseId, SourceKind, Target
from grid_functions.model.control import DispatchKind, LoadDispatch, Mode
from grid_functions.model.device import Ability, Capability, How, Role
from grid_functions.model.entry import Entry
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import EventKey
from grid_functions.model.lease import Lease
from grid_functions.model.usual import Hours
from grid_functions.site.load_dispatch import LoadDispatchOptions
from grid_functions.site.measure import Measure
from tests.grid_functions.house import seen, terms
from tests.scenarios.decide.site import AGGREGATOR, Site, event, policy

STEERED = Capability({Mode.TARGET_POWER: Ability(How.NATIVE)})


def make(kind: Callable[..., object], **told: object) -> object:
    """What no caller that is checked would write."""
    return kind(**told)


def house(power_w: float) -> Site:
    """A battery that does ``power_w``."""
    site = replace(terms({"battery": Role.BATTERY}), respondents={AGGREGATOR: frozenset({"battery"})})
    battery = seen("battery", Role.BATTERY, power_w=power_w, capability=STEERED)
    return Site([battery], site, {AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)})


def doing(site: Site, power_w: float) -> None:
    """The battery does something else now."""
    site.devices = [seen("battery", Role.BATTERY, power_w=power_w, capability=STEERED)]


def target_w(site: Site, now_s: float) -> float | None:
    """What the battery is told then."""
    return site.tick(now_s).setpoints[0].target_w


def test_a_change_stays_a_change_of_what_was_drawn_when_it_began() -> None:
    """1 kW less 3 kW are -2 kW; when the battery does so it is not asked for 3 kW less again."""
    site = house(1000.0)
    change = event("e", LoadDispatch(DispatchKind.DELTA_W, -3000.0), respondent=AGGREGATOR)
    entries: list[Entry] = list(site.tick(0.0, site.read(0.0, change, respondent=AGGREGATOR)).entries)
    doing(site, -2000.0)
    assert target_w(site, 60.0) == -2000.0
    site.state = restore(entries)
    assert target_w(site, 61.0) == -2000.0


def test_the_next_event_has_its_own_beginning() -> None:
    site = house(1000.0)
    first = event("e", LoadDispatch(DispatchKind.DELTA_W, -3000.0), respondent=AGGREGATOR, duration_s=60.0)
    second = event("f", LoadDispatch(DispatchKind.DELTA_W, 500.0), respondent=AGGREGATOR, start_s=120.0)
    site.tick(0.0, site.read(0.0, first, second, respondent=AGGREGATOR))
    doing(site, 400.0)
    site.tick(61.0)
    assert target_w(site, 120.0) == 900.0


def test_the_like_hours_mean_is_the_base_where_it_is_known() -> None:
    """2 kW is what the battery does at this hour; half of it is 1 kW, whatever it does now."""
    site = house(300.0)
    # 1,000,000 s after 1970 it is 13:46 of day 11, a Monday; days 7 and 8 were a Thursday and a Friday
    hours = {("battery", 13): Hours(((7, 1000.0), (8, 3000.0)))}
    site.state = replace(site.state, baseline=Baseline(hours))
    multiple = event("e", LoadDispatch(DispatchKind.MULTIPLIER, 0.5), respondent=AGGREGATOR)
    done = site.tick(0.0, site.read(0.0, multiple, respondent=AGGREGATOR))
    assert done.setpoints[0].target_w == 1000.0


@pytest.mark.parametrize(
    "told",
    [
        {"levels": {11: ()}},
        {"levels": {0: ()}},
        {"levels": {-11: ()}},
        {"levels": {1: (), 11: ()}},
        {"absurd_factor": 0.5},
        {"absurd_factor": 1000.5},
        {"absurd_factor": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(ConfigurationFault, match="load_dispatch"):
        make(LoadDispatchOptions, **told)


def test_the_edges_of_options_are_taken() -> None:
    for factor in (1.0, 1000.0):
        assert LoadDispatchOptions({-10: (), -1: (), 1: (), 10: ()}, factor).absurd_factor == factor


@pytest.mark.parametrize(
    ("asked_w", "target"),
    [
        (50_000.0, 50_000.0),
        (50_001.0, None),
        (-50_000.0, -50_000.0),
        (-50_001.0, None),
        (float("nan"), None),
        (float("inf"), None),
        (0.0, 0.0),
    ],
)
def test_more_than_ten_times_what_the_devices_can_do_is_no_target(asked_w: float, target: float | None) -> None:
    """The battery can do 5 kW. What it is told is bounded by that."""
    site = house(0.0)
    done = site.tick(0.0, leases=(lease_of(LoadDispatch(DispatchKind.SETPOINT_W, asked_w)),))
    told = [claim.want for claim in done.ruling.winners if claim.mode is Mode.TARGET_POWER]
    assert told == ([] if target is None else [Target(target)])
    assert [alarm.text for alarm in done.alarms if "is no target" in alarm.text] == (
        [] if target is not None else [f"load_dispatch of {asked_w:g} W is no target"]
    )


@pytest.mark.parametrize(
    ("kind", "value", "target_w"),
    [
        (DispatchKind.SETPOINT_W, 700.0, 700.0),
        (DispatchKind.DELTA_W, 700.0, 1700.0),
        (DispatchKind.DELTA_W, -1700.0, -700.0),
        (DispatchKind.MULTIPLIER, 0.5, 500.0),
        (DispatchKind.MULTIPLIER, 0.0, 0.0),
    ],
)
def test_a_power_a_change_and_a_multiple_of_one_kilowatt(kind: DispatchKind, value: float, target_w: float) -> None:
    assert house(1000.0).tick(0.0, leases=(lease_of(LoadDispatch(kind, value)),)).setpoints[
        0
    ].target_w == pytest.approx(target_w)


@pytest.mark.parametrize("kind", [DispatchKind.DELTA_W, DispatchKind.MULTIPLIER])
def test_what_is_relative_to_something_unknown_is_no_target(kind: DispatchKind) -> None:
    site = house(1000.0)
    site.devices = [seen("battery", Role.BATTERY, power_w=None, capability=STEERED)]
    done = site.tick(0.0, leases=(lease_of(LoadDispatch(kind, 0.5)),))
    assert not [claim for claim in done.ruling.winners if claim.mode is Mode.TARGET_POWER]
    assert any("no baseline" in alarm.text for alarm in done.alarms)


def lease_of(control: LoadDispatch) -> Lease:
    """What direct load control of an area asks of its member."""
    return Lease(LeaseId("feeder", "direct_load_control/event", 1), 600.0, (control,))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"limit_w": 1.0, "switch_off": True},
        {"switch_off": False},
        {"limit_pct": 100.1},
        {"limit_w": -1.0},
        {"power_w": float("nan")},
        {"thermostat_offset_k": 21.0},
    ],
)
def test_a_measure_is_exactly_one_thing_in_its_range(told: dict[str, object]) -> None:
    with pytest.raises(ConfigurationFault, match="evse"):
        make(Measure, device="evse", **told)


def test_what_is_noted_belongs_to_the_event() -> None:
    site = house(1000.0)
    change = event("e", LoadDispatch(DispatchKind.DELTA_W, -3000.0), respondent=AGGREGATOR, duration_s=60.0)
    site.tick(0.0, site.read(0.0, change, respondent=AGGREGATOR))
    assert [one.event for one in site.state.kept["load_dispatch"].state.durable.noted] == [EventKey(AGGREGATOR, "e")]
    site.tick(61.0)
    assert site.state.kept["load_dispatch"].state.durable.noted == ()


def test_a_plan_of_the_whole_home_is_no_dispatch_of_its_battery() -> None:
    """An area leases the 5 kW a home agreed to take: its steward sees to it. The same from direct load control is a dispatch."""
    for function, expected in (
        ("day_ahead/plan", None),
        ("xor_market/award", None),
        ("direct_load_control/event", 5000.0),
    ):
        site = house(0.0)
        lease = replace(lease_of(LoadDispatch(DispatchKind.SETPOINT_W, 5000.0)), id=LeaseId("feeder", function, 1))
        assert site.tick(0.0, leases=(lease,)).setpoints[0].target_w == expected
