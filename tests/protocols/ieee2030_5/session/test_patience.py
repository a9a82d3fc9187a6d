"""A server that asks for patience gets it: nothing it refused is asked again before it said, and everything afterwards."""

from types import MappingProxyType

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.event import EventKey
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.reading import Average
from grid_functions.model.units import Quantity
from protocols.exchange import Tell
from protocols.ieee2030_5.session.exchange import Picture, Request
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.resources import DeviceCapability
from tests.protocols.ieee2030_5.session.rig import TERMS, UTC_S, Rig, control, end_device, gaps, house, mrid

WAIT_S = 700.0


def _rig() -> Rig:
    rig = house()
    rig.server.lists["/mup"] = []
    rig.server.lists["/edev"] = [end_device(LogEventListLink=ListLink("/edev/1/lel", 0))]
    rig.server.single["/dcap"] = DeviceCapability(
        pollRate=300,
        TimeLink=Link("/tm"),
        EndDeviceListLink=ListLink("/edev", 1),
        MirrorUsagePointListLink=ListLink("/mup", 0),
    )
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 7200)]
    return rig.run(20)


def _times(rig: Rig, path: str, method: str) -> list[float]:
    return [at for at, one in rig.asked if one.method == method and one.url.split("?")[0].endswith(path)]


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/derp/7/derc", "GET"),
        ("/edev/1/der/1/dercap", "PUT"),
        ("/rsp", "POST"),
        ("/edev/1/lel", "POST"),
        ("/mup", "POST"),
    ],
)
def test_what_was_refused_for_a_while_is_asked_again_after_it(path: str, method: str) -> None:
    rig = _rig()
    answer = rig.server.answer
    busy = True

    def refuse(request: object) -> tuple[int, bytes]:
        return 503, b""

    def posts_refused(request: Request) -> tuple[int, bytes]:
        return (503, b"") if busy and request.method == "POST" else answer(request)

    rig.server.retry_s = WAIT_S
    if path == "/mup":  # its list is read, and only what is posted to it is refused
        rig.server.answer = posts_refused  # type: ignore[method-assign]  # this once
    else:
        rig.server.wrong[path] = refuse
    began_s = rig.mono
    alarmed = Condition(online=True, alarms=frozenset({"AC_OVER_VOLT"}))
    minute_s = rig.instants().utc_s // 60 * 60
    averages = tuple(Average(Quantity.NET, None, minute_s + 60 * n, 60.0, 1.0, 1.0) for n in range(2))
    rig.give(
        Picture((Seen("pv", Role.PV, Nameplate(rated_w=5000.0), Capability(MappingProxyType({})), alarmed),), averages)
    )
    outcome = Outcome(EventKey(TERMS.respondent, mrid(1)), OutcomeKind.RECEIVED, Moment("utility", UTC_S))
    rig.give(Tell(outcome))
    rig.run(3000)
    while_busy = [at for at in _times(rig, path, method) if at > began_s]
    assert 3 <= len(while_busy) <= 5
    assert all(gap >= WAIT_S for gap in gaps(while_busy))
    busy = False
    rig.server.retry_s = 0.0
    rig.server.wrong.pop(path, None)
    rig.run(1000)
    assert len(_times(rig, path, method)) > len(while_busy)


def test_a_list_that_asks_for_patience_holds_no_other_up() -> None:
    rig = _rig()
    rig.server.retry_s = WAIT_S
    rig.server.wrong["/derp/7/derc"] = lambda request: (503, b"")
    rig.run(1200)
    assert max(gaps(rig.gets("/derp/7/dderc"))) < 90
