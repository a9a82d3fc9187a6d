"""LogEvents on the wire: once per beginning and end, in order, through outages and restarts (BASIC-027)."""

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from protocols.ieee2030_5.session.exchange import Picture
from protocols.ieee2030_5.wire.datatypes import ListLink
from protocols.ieee2030_5.wire.resources import LogEvent
from tests.protocols.ieee2030_5.session.rig import TERMS, Rig, end_device, house

OVER_VOLTAGE, VOLTAGE_NORMAL, OVER_FREQUENCY = 2, 3, 6


def _shown(rig: Rig, *alarms: str) -> Rig:
    condition = Condition(online=True, alarms=frozenset(alarms))
    rig.give(Picture((Seen("pv", Role.PV, Nameplate(rated_w=5000.0), Capability(), condition),)))
    return rig.run(10)


def _house(memory: dict[str, tuple[int, bytes]] | None = None) -> Rig:
    rig = house(TERMS, memory)
    rig.server.lists["/edev"] = [end_device(LogEventListLink=ListLink("/edev/1/lel", 0))]
    return rig.run(10)


def _codes(rig: Rig) -> list[int]:
    return [
        told.logEventCode for _, path, told in rig.server.posts if isinstance(told, LogEvent) and path == "/edev/1/lel"
    ]


def _serials(rig: Rig) -> list[int]:
    return [told.logEventID for _, _, told in rig.server.posts if isinstance(told, LogEvent)]


def test_an_alarm_and_its_end_are_posted_once_each() -> None:
    rig = _house()
    for _ in range(3):
        _shown(rig, "AC_OVER_VOLT")
    _shown(rig)
    _shown(rig)
    assert _codes(rig) == [OVER_VOLTAGE, VOLTAGE_NORMAL]
    assert _serials(rig) == [0, 1]


def test_nothing_is_posted_while_all_is_well() -> None:
    rig = _shown(_house())
    assert _codes(rig) == []


def test_what_an_outage_held_back_comes_in_order_afterwards() -> None:
    rig = _house()
    rig.server.down = True
    _shown(rig, "AC_OVER_VOLT")
    _shown(rig, "AC_OVER_VOLT", "OVER_FREQUENCY")
    _shown(rig, "OVER_FREQUENCY")
    rig.server.down = False
    rig.run(600)
    assert _codes(rig) == [OVER_VOLTAGE, OVER_FREQUENCY, VOLTAGE_NORMAL]


def test_a_restart_repeats_no_alarm_and_still_tells_its_end() -> None:
    first = _shown(_house(), "AC_OVER_VOLT")
    second = _shown(_house(first.memory), "AC_OVER_VOLT")
    assert _codes(second) == []
    _shown(second)
    assert (_codes(second), _serials(second)) == ([VOLTAGE_NORMAL], [1])


@pytest.mark.parametrize("kept", [(1, b"\xff"), (1, b"[]"), (1, b'{"standing": "x"}'), (9, b"{}")])
def test_a_memory_that_cannot_be_read_begins_anew(kept: tuple[int, bytes]) -> None:
    rig = _shown(_house({"log": kept}), "AC_OVER_VOLT")
    assert _codes(rig) == [OVER_VOLTAGE]


def test_a_refused_log_event_is_said_and_not_repeated() -> None:
    rig = _house()
    rig.server.wrong["/edev/1/lel"] = lambda request: (400, b"")
    _shown(rig, "AC_OVER_VOLT")
    rig.run(3600)
    assert len([one for _, one in rig.asked if one.url.endswith("/lel")]) == 1
    assert "log" in {alarm.key for alarm in rig.alarms}
    del rig.server.wrong["/edev/1/lel"]
    _shown(rig)
    assert _codes(rig) == [VOLTAGE_NORMAL]


def test_without_a_list_nothing_is_posted_until_there_is_one() -> None:
    rig = house().run(10)
    _shown(rig, "AC_OVER_VOLT")
    rig.server.lists["/edev"] = [end_device(LogEventListLink=ListLink("/edev/1/lel", 0))]
    rig.run(1200)
    assert _codes(rig) == [OVER_VOLTAGE]
