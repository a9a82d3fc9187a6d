"""Rule 1: local safety binds everyone, meter and devices in the loop."""

from dataclasses import replace

from grid_functions.model.control import ExportLimit, GenerationLimit, MaxPower
from grid_functions.model.device import Role
from grid_functions.model.policy import Connection
from tests.grid_functions.house import able, seen, terms
from tests.scenarios.decide.site import Site, event, override, produce


def test_no_event_lifts_the_connection_rating() -> None:
    """An event of 9 kW against a connection of 4 kW: 2 kW each."""
    site = Site([seen("a"), seen("b")], terms(connection=Connection(export_limit_w=4000.0)))
    assert produce(site.tick(0.0, site.read(0.0, event("e", ExportLimit(9000.0))))) == {"a": 2000.0, "b": 2000.0}


def test_no_event_lifts_the_operators_lock() -> None:
    plain = terms()
    locked = replace(plain, devices={**plain.devices, "a": replace(plain.devices["a"], locked=True)})
    site = Site([seen("a"), seen("b")], locked)
    done = site.tick(0.0, site.read(0.0, event("e", MaxPower(100.0))))
    assert produce(done) == {"a": 0.0, "b": 5000.0}
    assert done.clamps == ()


def test_a_rating_that_cannot_be_exceeded_writes_nothing() -> None:
    site = Site([seen("a"), seen("b")], terms(connection=Connection(export_limit_w=10_000.0)))
    assert produce(site.tick(0.0)) == {"a": None, "b": None}


def test_below_the_minimum_is_rounded_towards_tighter() -> None:
    site = Site([seen("a", capability=able(minimum_w=500.0))], terms({"a": Role.PV}))
    assert produce(site.tick(0.0, site.read(0.0, event("e", GenerationLimit(499.0))))) == {"a": 0.0}


def test_an_override_may_tighten_but_not_loosen() -> None:
    site = Site([seen("a")], terms({"a": Role.PV}))
    read = site.read(0.0, event("e", GenerationLimit(2000.0)))
    assert produce(site.tick(0.0, read, words=(override(GenerationLimit(500.0)),))) == {"a": 500.0}
    assert produce(site.tick(1.0, words=(override(GenerationLimit(4000.0)),))) == {"a": 2000.0}
