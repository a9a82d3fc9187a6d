"""Alarms that a person sees: when one begins, that it begins once, and when it ends."""

import pytest

from protocols.exchange import Alarm
from protocols.ieee2030_5.session.exchange import Request
from protocols.ieee2030_5.session.turn import Turn
from protocols.ieee2030_5.wire.der import DERControlList
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.resources import Registration
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.session.rig import HOST, UTC_S, Middle, Rig, control, house

DEFAULT = "/derp/7/dderc"
LIST = "/derp/7/derc"


def about(rig: Rig, word: str) -> list[tuple[str, bool]]:
    """(key, raised) of the alarms whose key holds this word, as they came."""
    return [(alarm.key, alarm.raised) for alarm in rig.alarms if word in alarm.key]


def verified(rig: Rig) -> bool:
    return rig.state.verified


def refused(rig: Rig) -> str:
    return rig.state.refused


def test_an_alarm_stands_once_and_ends_once() -> None:
    rig = house()
    turn = Turn(rig.state, rig.instants(), Middle())
    turn.calm("x")
    assert turn.outputs == []
    turn.alarm("x", "first")
    turn.alarm("x", "again")
    turn.alarm("y", "other")
    turn.calm("x")
    turn.calm("x")
    assert [(one.key, one.text, one.raised) for one in turn.outputs if isinstance(one, Alarm)] == [
        ("x", "first", True),
        ("y", "other", True),
        ("x", "", False),
    ]
    assert turn.state.alarms == {"y"}


def test_a_poll_is_alarming_at_its_third_failure_and_calm_once_it_is_read() -> None:
    rig = house().run(5)
    rig.server.wrong[DEFAULT] = lambda request: (500, b"")
    polls = len(rig.gets(DEFAULT))
    while len(rig.gets(DEFAULT)) < polls + 2:
        rig.run(1)
    rig.run(1)
    assert about(rig, "DefaultDERControl") == []
    while len(rig.gets(DEFAULT)) < polls + 3:
        rig.run(1)
    rig.run(1)
    key = f"DefaultDERControl {HOST}{DEFAULT}"
    assert about(rig, "DefaultDERControl") == [(key, True)]
    rig.run(300)
    assert about(rig, "DefaultDERControl") == [(key, True)]
    del rig.server.wrong[DEFAULT]
    rig.run(120)
    assert about(rig, "DefaultDERControl") == [(key, True), (key, False)]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_list_that_is_refused_or_gone_is_alarming_at_once(status: int) -> None:
    rig = house().run(5)
    rig.server.wrong[LIST] = lambda request: (status, b"")
    rig.run(62)
    assert about(rig, f"DERControlList {HOST}{LIST}") == [(f"DERControlList {HOST}{LIST}", True)]


def test_a_list_shorter_than_it_says_is_alarming_until_it_is_whole() -> None:
    rig = house()
    items = (control(1, start=int(UTC_S) + 900),)

    def lying(request: Request) -> tuple[int, bytes]:
        page = items if "s=0" in request.url else ()
        return 200, encode(DERControlList(all=3, results=len(page), items=page), dialect=CSIP_AUS)

    rig.server.wrong[LIST] = lying
    rig.run(5)
    assert about(rig, f"list {HOST}{LIST}") == [(f"list {HOST}{LIST}", True)]
    del rig.server.wrong[LIST]
    rig.server.lists[LIST] = list(items)
    rig.run(120)
    assert about(rig, f"list {HOST}{LIST}")[-1] == (f"list {HOST}{LIST}", False)


def test_a_registration_once_verified_stays_so_while_it_cannot_be_read_and_falls_with_a_wrong_pin() -> None:
    rig = house()
    assert not verified(rig)
    rig.run(5)
    assert verified(rig)
    rig.server.wrong["/edev/1/rg"] = lambda request: (500, b"")
    rig.run(1900)
    assert verified(rig)
    assert rig.reads[-1].complete
    del rig.server.wrong["/edev/1/rg"]
    rig.server.single["/edev/1/rg"] = Registration(dateTimeRegistered=int(UTC_S), pIN=999999)
    rig.run(1900)
    assert not verified(rig)
    assert refused(rig) == "pin"
    assert about(rig, "pin") == [("pin", True)]


def test_a_relation_that_is_pardoned_is_read_at_once() -> None:
    """Refused at DeviceCapability with 403: nothing else is asked; once it answers, all is asked in the same second."""
    rig = house().run(5)
    rig.server.wrong["/dcap"] = lambda request: (403, b"")
    while not refused(rig):
        rig.run(10)
    asked = len(rig.gets(LIST))
    rig.run(500)
    assert len(rig.gets(LIST)) == asked
    del rig.server.wrong["/dcap"]
    while refused(rig):
        rig.run(1)
    rig.run(2)
    assert len(rig.gets(LIST)) == asked + 1
    assert about(rig, "access") == [("access", True), ("access", False)]
    assert rig.reads[-1].complete


def test_a_jump_of_the_servers_clock_is_alarming_until_confirmed_and_its_offset_is_remembered() -> None:
    rig = house().run(5)
    kept = dict(rig.memory)
    assert kept["clock"][0] == 1
    assert float(kept["clock"][1]) == pytest.approx(0.0, abs=1.0)
    rig.server.clock_ahead_s = 3600.0
    rig.run(4000)  # doubted, confirmed, and read once more
    assert about(rig, "clock")[0] == ("clock", True)
    assert about(rig, "clock")[-1] == ("clock", False)
    assert float(rig.memory["clock"][1]) == pytest.approx(3600.0, abs=1.0)
