"""What an area leases to a site joins the decision like every other source: it tightens, it never loosens another's limit."""

from grid_functions import decide
from grid_functions.decide import SiteTick
from grid_functions.model.claim import LeaseId
from grid_functions.model.control import ExportLimit
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Lease
from tests.grid_functions.house import at, seen
from tests.scenarios.decide.site import BOOT_S, SEED, Site, event, produce


def lease(limit_w: float, ttl_s: float = 60.0) -> Lease:
    return Lease(LeaseId("feeder", "division/export", 1), ttl_s, (ExportLimit(limit_w),))


def test_a_lease_tightens_and_its_end_is_woken_for() -> None:
    site = Site([seen("a"), seen("b")])
    done = site.tick(0.0, leases=(lease(1000.0),))
    assert produce(done) == {"a": 500.0, "b": 500.0}
    assert Moment(OWN, BOOT_S + 60.0) in done.wake
    assert all(limit_w is None or limit_w > 500.0 for limit_w in produce(site.tick(60.0)).values())


def test_a_lease_loosens_no_upstreams_limit() -> None:
    site = Site([seen("a"), seen("b")])
    site.tick(0.0, site.read(0.0, event("e", ExportLimit(2000.0))))
    assert produce(site.tick(1.0, leases=(lease(9000.0),))) == {"a": 1000.0, "b": 1000.0}


def test_a_lease_lives_over_a_restart_for_what_is_left_of_it() -> None:
    site = Site([seen("a"), seen("b")])
    entries = site.tick(0.0, leases=(lease(1000.0, ttl_s=600.0),)).entries
    tick = SiteTick(site.snapshot(30.0))
    born = decide.decide(decide.restore(entries), site.policies, site.terms, site.functions, tick, at(30.0), seed=SEED)
    assert produce(born) == {"a": 500.0, "b": 500.0}
