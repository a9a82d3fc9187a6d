"""A utility server, a VTN of 2.0b and a VTN of 3 ask the same site at once (rules 2, 3, 7, 8 and 10)."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from grid_functions.decide import Decision
from grid_functions.model.claim import Bound, LossReason, SourceKind, Target
from grid_functions.model.control import (
    Control,
    DispatchKind,
    ExportLimit,
    LoadControl,
    LoadControlKind,
    LoadDispatch,
    TargetPower,
)
from grid_functions.model.device import Role, Seen
from grid_functions.model.event import Event, EventKey, Read, Respondent
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut
from grid_functions.model.tariff import Capacity, CapacityKind, Direction
from grid_functions.timeline.state import Opt
from tests.grid_functions.allocate.test_targets import ALL
from tests.grid_functions.house import NET, UTILITY, able, seen, terms
from tests.scenarios.decide.site import Site, by_name, event, policy, produce

VTN_2B = Respondent("aggregator", "r1")
VTN_3 = Respondent("supplier", "depot-7")
NAMES = {"pv": Role.PV, "battery": Role.BATTERY}


def dispatch(power_w: float) -> Control:
    """A load dispatch of so many watts, negative = generation."""
    return LoadDispatch(DispatchKind.SETPOINT_W, power_w)


@dataclass
class House(Site):
    """PV in full sun and a battery, 5 kW each, that do what they are told at once, behind a meter that shows it."""

    def tick(self, now_s: float, *reads: Read, hand_over: bool = True, **told: Any) -> Decision:
        """A decision, and what it does."""
        done = super().tick(now_s, *reads, hand_over=hand_over, **told)
        wanted = by_name(done.setpoints)
        pv_w = -min(5000.0, _or(wanted["pv"].produce_max_w, 5000.0))
        self.devices = devices(_or(wanted["pv"].target_w, pv_w), _or(wanted["battery"].target_w, 0.0))
        self.meter_w = sum(one.condition.readings[NET].value for one in self.devices)
        return self.decisions[-1]


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def devices(pv_w: float, battery_w: float) -> list[Seen]:
    """Both as they are seen."""
    capability = replace(able(), abilities=ALL)
    return [
        seen("pv", power_w=pv_w, capability=capability),
        seen("battery", Role.BATTERY, power_w=battery_w, capability=capability),
    ]


def house(**told: Any) -> House:
    """All three upstreams speak for both devices; ``told`` of the policy of the VTN of 2.0b."""
    everything = dict.fromkeys((UTILITY, VTN_2B, VTN_3), frozenset(NAMES))
    policies = {
        UTILITY: policy(),
        VTN_2B: policy(VTN_2B, SourceKind.OPENADR, **told),
        VTN_3: policy(VTN_3, SourceKind.OPENADR),
    }
    site = replace(terms(NAMES), respondents=everything)
    return House(devices(-5000.0, 0.0), site, policies, meter_w=-5000.0)


def shows(site: Site, at_s: float, *events: Event) -> None:
    """Each upstream that has an event here shows it, and no other."""
    reads = [
        site.read(at_s, *(one for one in events if one.key.respondent == who), respondent=who)
        for who in (UTILITY, VTN_2B, VTN_3)
        if any(one.key.respondent == who for one in events)
    ]
    site.tick(at_s, *reads)


def told(site: Site, name: str) -> list[str]:
    """What was told of an event, without the evidence of how it went."""
    evidence = {"applied", "effective", "not_effective", "not_observable", "mismatched"}
    return [kind for event, kind in site.outcomes if event == name and kind not in evidence]


def target_w(site: Site) -> float:
    """What both devices are told to do together."""
    return sum(one.target_w or 0.0 for one in site.decisions[-1].setpoints)


def test_the_tightest_limit_of_three_upstreams_holds_and_all_of_them_are_served() -> None:
    """limit-wins: 4 kW from the utility, 3 kW from the VTN of 3, a dispatch of -8 kW from the VTN of 2.0b: 3 kW leave the site."""
    site = house()
    shows(
        site,
        0.0,
        event("u", ExportLimit(4000.0), duration_s=600.0),
        event("s", ExportLimit(3000.0), respondent=VTN_3, duration_s=600.0),
        event("a", dispatch(-8000.0), respondent=VTN_2B, duration_s=600.0),
    )
    done = site.decisions[-1]
    assert sum(one or 0.0 for one in produce(done).values()) == pytest.approx(3000.0)
    assert target_w(site) == pytest.approx(-3000.0)
    losses = {loss.claim.cause.source.name: loss for loss in done.ruling.losses if isinstance(loss.claim.want, Bound)}
    assert losses["utility"].why is LossReason.TIGHTER
    assert losses["utility"].to.cause.source.name == "supplier"
    for second in (300.0, 600.0, 601.0):
        site.tick(second)
    assert told(site, "u") == ["received", "started", "completed"]
    assert told(site, "s") == ["received", "started", "completed"]
    assert told(site, "a") == ["received", "started", "partially_served", "completed"]


def test_when_the_tighter_limit_ends_the_next_one_holds() -> None:
    site = house()
    shows(
        site,
        0.0,
        event("u", ExportLimit(4000.0)),
        event("s", ExportLimit(3000.0), respondent=VTN_3, duration_s=60.0),
    )
    site.tick(59.0)
    assert sum(one or 0.0 for one in produce(site.decisions[-1]).values()) == pytest.approx(3000.0)
    site.tick(60.0)
    assert sum(one or 0.0 for one in produce(site.decisions[-1]).values()) == pytest.approx(4000.0)


def test_within_one_vtn_the_better_priority_wins_and_the_loser_resumes() -> None:
    """target-rank: the smaller level is the better one, whichever way the protocol numbers it (turned in translate)."""
    site = house()
    shows(
        site,
        0.0,
        event("a", dispatch(-1000.0), level=5.0, respondent=VTN_2B),
        event("b", dispatch(-2000.0), level=1.0, respondent=VTN_2B, duration_s=60.0),
    )
    assert target_w(site) == pytest.approx(-2000.0)
    site.tick(60.0)
    assert target_w(site) == pytest.approx(-1000.0)


def test_between_two_vtns_rank_counts_for_nothing_and_the_newest_wins() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), level=0.0, respondent=VTN_2B))
    shows(site, 10.0, event("s", dispatch(-2000.0), level=9.0, start_s=10.0, respondent=VTN_3))
    assert target_w(site) == pytest.approx(-2000.0)
    losses = [loss for loss in site.decisions[-1].ruling.losses if isinstance(loss.claim.want, Target)]
    assert [(one.claim.cause.source.name, one.why) for one in losses] == [("aggregator", LossReason.NEWER)]


def test_a_target_that_the_utility_displaces_is_told_and_told_again_once_it_has_held_for_a_minute() -> None:
    """Rule 8: the utility's target stands first for 100 s; after it the VTN's holds again, and says so after 60 s of that."""
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), respondent=VTN_2B))
    shows(site, 100.0, event("u", TargetPower(-4000.0), start_s=100.0, duration_s=100.0))
    assert target_w(site) == pytest.approx(-4000.0)
    assert told(site, "a") == ["received", "started", "displaced"]
    site.tick(200.0)
    assert target_w(site) == pytest.approx(-1000.0)
    site.tick(259.0)
    assert told(site, "a") == ["received", "started", "displaced"]
    site.tick(260.0)
    assert told(site, "a") == ["received", "started", "displaced", "restored"]
    for second in (3600.0, 3601.0):
        site.tick(second)
    assert told(site, "a") == ["received", "started", "displaced", "restored", "completed"]
    assert told(site, "u") == ["received", "started", "completed"]


def test_a_minute_that_is_broken_counts_anew() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), respondent=VTN_2B))
    both = (
        event("u", TargetPower(-4000.0), start_s=10.0, duration_s=10.0),
        event("v", TargetPower(-4000.0), start_s=50.0, duration_s=10.0),
    )
    shows(site, 10.0, *both)
    for second in (20.0, 50.0, 60.0, 81.0, 119.0):
        site.tick(second)
    assert told(site, "a") == ["received", "started", "displaced"]
    site.tick(120.0)
    assert told(site, "a")[-1] == "restored"


@pytest.mark.parametrize(
    ("opt_out", "limit_w", "aimed_w"),
    [(OptOut.ALL, None, 0.0), (OptOut.TARGETS, 2000.0, 0.0), (OptOut.NONE, 2000.0, -1000.0)],
)
def test_an_opt_out_drops_what_its_upstream_allows_and_nobody_elses(
    opt_out: OptOut, limit_w: float | None, aimed_w: float
) -> None:
    """opt-out: of the VTN's event a limit of 2 kW and a target; the utility's 4 kW stay in any case."""
    site = house(opt_out=opt_out)
    shows(
        site,
        0.0,
        event("u", ExportLimit(4000.0)),
        event("a", ExportLimit(2000.0), dispatch(-1000.0), respondent=VTN_2B),
    )
    done = site.tick(1.0, words=(Opt(EventKey(VTN_2B, "a"), out=True),))
    wanted = limit_w if limit_w is not None else 4000.0
    assert sum(one or 0.0 for one in produce(done).values()) == pytest.approx(wanted)
    assert target_w(site) == pytest.approx(aimed_w)
    assert ("opted_out" in told(site, "a")) is (opt_out is not OptOut.NONE)


def test_an_opt_in_takes_part_again() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), respondent=VTN_2B))
    site.tick(1.0, words=(Opt(EventKey(VTN_2B, "a"), out=True),))
    assert [one.target_w for one in site.decisions[-1].setpoints] == [None, None]
    site.tick(2.0, words=(Opt(EventKey(VTN_2B, "a"), out=False),))
    assert target_w(site) == pytest.approx(-1000.0)
    assert told(site, "a") == ["received", "started", "opted_out", "opted_in"]


def test_an_opt_out_of_one_vtn_lets_the_others_target_hold() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), respondent=VTN_2B))
    shows(site, 10.0, event("s", dispatch(-2000.0), start_s=10.0, respondent=VTN_3))
    site.tick(11.0, words=(Opt(EventKey(VTN_3, "s"), out=True),))
    assert target_w(site) == pytest.approx(-1000.0)


def test_a_vtn_that_dies_leaves_its_event_to_run_out_and_the_others_to_go_on() -> None:
    """Rule 7: nothing is heard of the VTN of 2.0b any more; its event runs to its end, then nothing of it holds."""
    site = house(fail_safe_after_s=300.0)
    shows(
        site,
        0.0,
        event("u", ExportLimit(4000.0), duration_s=7200.0),
        event("a", dispatch(-1000.0), respondent=VTN_2B, duration_s=1800.0),
    )
    for second in (299.0, 301.0, 1799.0):
        site.tick(second, site.read(second, event("u", ExportLimit(4000.0), duration_s=7200.0)))
        assert target_w(site) == pytest.approx(-1000.0)
    site.tick(1800.0)
    assert by_name(site.decisions[-1].setpoints)["battery"].target_w is None
    for second in range(1801, 1831):  # the loop closes in on the limit, look by look
        site.tick(float(second))
    assert site.meter_w is not None
    assert -4000.0 <= site.meter_w <= -3850.0  # the idle battery keeps a crumb of the limit


def test_capacities_of_two_vtns_are_two_bounds_and_the_tighter_one_holds() -> None:
    """The VTN of 3 granted 2 + 1 kW, the VTN of 2.0b limits to 2.5 kW: 2.5 kW."""
    site = house()

    def granted(name: str, kind: CapacityKind, power_w: float) -> Event:
        return event(name, Capacity(Direction.EXPORT, kind, power_w), respondent=VTN_3)

    shows(
        site,
        0.0,
        granted("s", CapacityKind.SUBSCRIPTION, 2000.0),
        granted("r", CapacityKind.RESERVATION, 1000.0),
    )
    assert sum(one or 0.0 for one in produce(site.decisions[-1]).values()) == pytest.approx(3000.0)
    shows(site, 1.0, event("a", ExportLimit(2500.0), respondent=VTN_2B))
    assert sum(one or 0.0 for one in produce(site.decisions[-1]).values()) == pytest.approx(2500.0)


def test_a_test_event_of_a_vtn_moves_nothing_and_is_answered() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-4000.0), respondent=VTN_2B, test=True, duration_s=60.0))
    assert [one.target_w for one in site.decisions[-1].setpoints] == [None, None]
    for second in (60.0, 61.0):
        site.tick(second)
    assert told(site, "a") == ["received", "started", "completed"]


def test_what_no_device_can_do_is_refused_and_unseats_nobody() -> None:
    site = house()
    shows(site, 0.0, event("a", dispatch(-1000.0), respondent=VTN_2B))
    odd = event("x", LoadControl(LoadControlKind.SETPOINT, 16.0), start_s=1.0, respondent=VTN_3)
    shows(site, 1.0, odd)
    assert target_w(site) == pytest.approx(-1000.0)
    refused = [one for done in site.decisions for one in done.outcomes if one.kind is OutcomeKind.REFUSED]
    assert [(one.event.id, one.cause.text) for one in refused] == [
        ("x", "load_control setpoint 16: this site's table says nothing about it")
    ]
