"""Rule 1: bounds nobody can loosen."""

from dataclasses import replace

from grid_functions.arbiter import limit_of
from grid_functions.model.claim import Bound, Claim, ConnectionPoint, SourceKind
from grid_functions.model.device import Role
from grid_functions.model.policy import Connection, FuseGroup, SiteTerms
from grid_functions.model.units import Phase, Quantity
from grid_functions.site.local_safety import claims
from tests.grid_functions.house import on, seen, snapshot, terms


def told(found: tuple[Claim, ...]) -> set[tuple[str, object, Quantity, float]]:
    """Source, scope, quantity, limit."""
    return {
        (one.cause.source.name, one.scope, one.quantity, one.want.limit) for one in found if isinstance(one.want, Bound)
    }


def locked(site: SiteTerms, name: str) -> SiteTerms:
    """The operator's lock to zero."""
    return replace(site, devices={**site.devices, name: replace(site.devices[name], locked=True)})


def test_ratings_fuse_and_nameplates_are_bounds_of_safety() -> None:
    """A fuse of 63 A on one phase of 230 V lets 14490 W through, and 63 A whatever the voltage is."""
    site = terms({"pv": Role.PV}, connection=Connection(import_limit_w=15000.0, export_limit_w=5000.0, fuse_a=63.0))
    found = claims(site, snapshot([seen("pv", rated_w=6000.0)], None))
    assert told(found) == {
        ("connection", ConnectionPoint(), Quantity.PRODUCED, 5000.0),
        ("connection", ConnectionPoint(), Quantity.CONSUMED, 15000.0),
        ("fuse", ConnectionPoint(), Quantity.PRODUCED, 14490.0),
        ("fuse", ConnectionPoint(), Quantity.CONSUMED, 14490.0),
        ("fuse", ConnectionPoint(), Quantity.CURRENT, 63.0),
        ("nameplate pv", on("pv"), Quantity.PRODUCED, 6000.0),
    }
    assert {one.cause.source.kind for one in found} == {SourceKind.SAFETY}


def test_every_conductor_has_its_fuse_and_so_has_a_group() -> None:
    """25 A three-phase, and two chargers behind 20 A of their own: six bounds in amperes."""
    site = replace(
        terms({"a": Role.EVSE, "b": Role.EVSE}, connection=Connection(phases=3, fuse_a=25.0)),
        groups=(FuseGroup("carport", 20.0, frozenset({"a", "b"})),),
    )
    amps = [one for one in claims(site, snapshot([], None)) if one.quantity is Quantity.CURRENT]
    found = {(one.cause.source.name, one.scope, one.phase, limit_of(one)) for one in amps}
    everywhere = {("fuse", ConnectionPoint(), phase, 25.0) for phase in Phase}
    assert found == everywhere | {("fuse carport", on("a", "b"), phase, 20.0) for phase in Phase}


def test_a_device_that_only_produces_hides_none_behind_it() -> None:
    """In order of name PV comes first, which has no bound of what it consumes; the battery's lock holds both ways all the same."""
    site = locked(terms({"a": Role.PV, "b": Role.BATTERY}), "b")
    found = claims(site, snapshot([seen("a", rated_w=None), seen("b", Role.BATTERY, rated_w=None)], None))
    assert told(found) == {("lock b", on("b"), quantity, 0.0) for quantity in (Quantity.PRODUCED, Quantity.CONSUMED)}


def test_a_lock_is_zero_both_ways() -> None:
    site = locked(terms({"battery": Role.BATTERY}), "battery")
    found = claims(site, snapshot([seen("battery", Role.BATTERY, rated_w=None)], None))
    assert told(found) == {
        ("lock battery", on("battery"), Quantity.PRODUCED, 0.0),
        ("lock battery", on("battery"), Quantity.CONSUMED, 0.0),
    }


def test_what_nobody_told_bounds_nothing() -> None:
    assert claims(terms({"pv": Role.PV}), snapshot((), None)) == ()
