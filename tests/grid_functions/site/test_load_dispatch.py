"""A relative dispatch refers to what was so when it began, however it changes the power itself, also over a restart."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from grid_functions.baseline import Baseline
from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import DispatchKind, LoadDispatch, Mode
from grid_functions.model.device import Ability, Capability, How, Role
from grid_functions.model.entry import Entry
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import EventKey
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
        {"absurd_factor": 0.5},
        {"absurd_factor": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(ConfigurationFault, match="load_dispatch"):
        make(LoadDispatchOptions, **told)


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
