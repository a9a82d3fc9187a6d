"""Rule 8: a limit that is met because another is tighter is served, and its event ends like any other."""

from grid_functions.model.control import ExportLimit
from grid_functions.model.device import Role
from grid_functions.model.policy import Connection
from tests.grid_functions.house import seen, terms
from tests.scenarios.decide.site import Site, event


def test_a_limit_behind_a_tighter_one_starts_and_completes() -> None:
    site = Site([seen("a")], terms({"a": Role.PV}, connection=Connection(export_limit_w=1000.0)))
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(4000.0), duration_s=60.0)))
    (served,) = [one for one in done.served if one.claim.cause.cause is not None]
    assert (served.asked_w, served.given_w) == (4000.0, 1000.0)
    assert served.by is not None
    assert served.by.cause.source.name == "connection"
    for second in (1.0, 60.0, 61.0):
        site.tick(second)
    assert [one for one in site.outcomes if one[1] in ("received", "started", "completed")] == [
        ("e", "received"),
        ("e", "started"),
        ("e", "completed"),
    ]
