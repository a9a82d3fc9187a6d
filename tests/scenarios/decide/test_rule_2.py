"""Rule 2: limits intersect; nobody loosens another; a limit is shared, never given to each."""

from dataclasses import replace
from itertools import permutations

from grid_functions.model.claim import SourceKind
from grid_functions.model.control import ExportLimit, GenerationLimit, MaxPower
from grid_functions.model.device import Role
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import AGGREGATOR, Site, event, policy, produce


def two_upstreams() -> Site:
    """A utility and an aggregator speak for the same two inverters."""
    plain = terms()
    site = replace(plain, respondents={UTILITY: frozenset({"a", "b"}), AGGREGATOR: frozenset({"a", "b"})})
    return Site(
        [seen("a"), seen("b")],
        site,
        {UTILITY: policy(), AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)},
    )


def test_one_limit_over_two_inverters_is_halved_not_doubled() -> None:
    site = Site([seen("a"), seen("b")])
    assert produce(site.tick(0.0, site.read(0.0, event("e", MaxPower(40.0))))) == {"a": 2000.0, "b": 2000.0}


def test_the_tightest_of_two_upstreams_holds_whoever_speaks_last() -> None:
    site = two_upstreams()
    loose = site.read(0.0, event("u", ExportLimit(5000.0)))
    tight = site.read(0.0, event("v", ExportLimit(1000.0), respondent=AGGREGATOR), respondent=AGGREGATOR)
    assert produce(site.tick(0.0, loose)) == {"a": 2500.0, "b": 2500.0}
    assert produce(site.tick(1.0, tight)) == {"a": 500.0, "b": 500.0}
    other = two_upstreams()
    assert produce(other.tick(0.0, tight, loose)) == {"a": 500.0, "b": 500.0}


def test_within_one_upstream_a_better_ranked_program_may_loosen() -> None:
    site = Site([seen("a")], terms({"a": Role.PV}))
    tight = event("tight", ExportLimit(1000.0), level=5.0, program="p5")
    loose = event("loose", ExportLimit(3000.0), level=1.0, program="p1", start_s=1.0)
    assert produce(site.tick(0.0, site.read(0.0, tight))) == {"a": 1000.0}
    site.tick(2.0, site.read(2.0, tight, loose))
    # room that a bound gains is granted at once: it is the bound itself, no feedback
    assert produce(site.tick(3.0)) == {"a": 3000.0}


def test_two_modes_of_one_event_both_hold() -> None:
    site = Site([seen("a"), seen("b")])
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(3000.0), GenerationLimit(2000.0))))
    assert produce(done) == {"a": 1000.0, "b": 1000.0}


def test_the_order_of_events_and_devices_never_matters() -> None:
    events = (event("e", ExportLimit(3000.0)), event("f", GenerationLimit(2000.0)), event("g", MaxPower(90.0)))
    found = set()
    for order in permutations(events):
        site = Site([seen("b"), seen("a")])
        done = site.tick(0.0, site.read(0.0, *order))
        found.add((done.setpoints, done.outcomes, done.ruling.losses))
    assert len(found) == 1
