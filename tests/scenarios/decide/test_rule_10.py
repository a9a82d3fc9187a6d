"""Rule 10 at the devices: a test event is answered and moves nothing."""

from grid_functions.model.control import Energize, ExportLimit
from tests.grid_functions.house import seen
from tests.scenarios.decide.site import Site, event, produce


def test_a_test_event_is_answered_and_writes_nothing() -> None:
    site = Site([seen("a"), seen("b")])
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(0.0), Energize(False), test=True)))
    site.tick(1.0)
    assert produce(done) == {"a": None, "b": None}
    assert [one.on for one in done.setpoints] == [None, None]
    assert ("e", "started") in site.outcomes
