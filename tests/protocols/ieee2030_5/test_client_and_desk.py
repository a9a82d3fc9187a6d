"""The client's machine against the utility server's mind, byte for byte in simulated time; every body sent is valid by the schema."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from certs.identity import sfdi
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.session.exchange import Method, Picture, Request
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.desk.talk import Talk, check
from tests.protocols.ieee2030_5.session.rig import HOST, LFDI, TERMS, Rig

ABLE = Capability(abilities={Mode.MAX_POWER: Ability(How.NATIVE), Mode.CONNECT: Ability(How.NATIVE)})


class Both:
    """One client and one desk that share a clock. ``told``: method, path and status of every exchange, in order."""

    def __init__(self, talk: Talk, **terms: Any) -> None:
        self.talk = talk
        self.rig = Rig(replace(TERMS, register=True, nmi="4102335210", pen=64000, sfdi=sfdi(LFDI), **terms))
        self.rig.server.answer = self._answer  # type: ignore[method-assign]  # the desk answers in its place
        self.told: list[tuple[str, str, int]] = []

    def _answer(self, request: Request) -> tuple[int, bytes]:
        body = b"" if request.message is None else encode(request.message, dialect=CSIP_AUS)
        if body:
            check(body)
        self.talk.now_s = self.rig.server.now()
        reply = self.talk.ask(request.method, request.url.removeprefix(HOST), body, who=LFDI)
        path = urlsplit(request.url).path
        self.rig.server.locations[path] = reply.location or ""
        self.told.append((request.method, path, reply.status))
        return reply.status, reply.body

    def show(self, *alarms: str, connected: bool = True, rated_w: float = 5000.0) -> "Both":
        """A picture of one inverter, and half a minute."""
        condition = Condition(online=True, connected=connected, alarms=frozenset(alarms))
        self.rig.give(Picture((Seen("pv", Role.PV, Nameplate(rated_w=rated_w), ABLE, condition),)))
        self.rig.run(30.0)
        return self

    def live(self, minutes: int, watts: float) -> "Both":
        """This many minutes with their averages."""
        for _ in range(minutes):
            now_s = self.rig.instants().utc_s
            end_s = (now_s // 60 + 1) * 60
            self.rig.run(end_s - now_s + 1.0)
            given = tuple(Average(Quantity.NET, None, end_s - 60, 60.0, watts, 1.0, of) for of in Metered)
            self.rig.give(Picture((), given))
        return self

    def refused(self) -> list[tuple[str, str, int]]:
        """Exchanges the desk did not like."""
        return [one for one in self.told if one[2] >= 400]

    def sent(self, method: Method) -> list[tuple[str, int]]:
        """Path and status of what was sent by this method."""
        return [(path, status) for how, path, status in self.told if how == method]


def _both(**settings: Any) -> Both:
    talk = Talk()
    talk.done("PATCH", "/settings", {"in_band": True, **settings})
    talk.done("POST", "/programs", {"primacy": 1})
    return Both(talk, pin=None)


def _known(**terms: Any) -> Both:
    both = Both(Talk(), **{"pin": 111115, **terms})
    both.talk.done("POST", "/devices", {"lfdi": LFDI, "pin": 111115})
    both.talk.done("POST", "/programs", {"primacy": 1})
    return both


def test_registration_in_band_and_everything_that_follows() -> None:
    """ALL-02, ALL-03, ALL-05, ALL-09: registered, connection point, capability, settings, status; nothing refused."""
    both = _both().show()
    assert both.sent(Method.POST)[0] == ("/edev", 201)
    assert dict(both.sent(Method.PUT)) == {
        "/edev/1/cp": 201,
        "/edev/1/der/1/dercap": 204,
        "/edev/1/der/1/derg": 204,
        "/edev/1/der/1/ders": 204,
    }
    assert both.refused() == []
    (device,) = both.talk.done("GET", "/devices")
    assert device["lfdi"] == LFDI


def test_without_in_band_registration_it_is_asked_for_seldom_and_said() -> None:
    both = Both(Talk(), pin=None)
    both.rig.run(3600)
    assert len([one for one in both.sent(Method.POST) if one[0] == "/edev"]) <= 8
    assert both.rig.alarms != []


def test_the_walk_of_an_end_device_made_out_of_band() -> None:
    """ALL-01, ALL-04: PIN 111115; each of these is read."""
    both = _known().show()
    read = {path for path, status in both.sent(Method.GET) if status == 200}
    assert {"/dcap", "/edev", "/tm", "/edev/1/der", "/edev/1/rg", "/edev/1/fsa"} <= read
    assert both.sent(Method.POST) == []


def test_a_wrong_pin_ends_the_talk_for_two_minutes() -> None:
    """ALL-03-REJ."""
    both = _known(pin=123456).show()
    before = len(both.told)
    both.rig.run(120)
    assert len(both.told) == before
    assert both.sent(Method.PUT) == []


def test_the_default_s_gradient_is_echoed() -> None:
    """ALL-13: 100, then 27."""
    both = _known()
    for gradient in (100, 27):
        both.talk.done("PUT", "/programs/1/default", {"modes": {"opModExpLimW": 5000}, "setGradW": gradient})
        both.show()
        both.rig.run(400)
        assert both.talk.texts("/edev/1/der/1/derg", "//s:setGradW", LFDI) == [str(gradient)]


def test_disconnect_and_reconnect_show_in_the_status() -> None:
    """ALL-07, ALL-08, ALL-27: bit 0 and operationalModeStatus 2, 1, 2."""
    both = _known()
    found = []
    for connected in (True, False, True):
        both.show(connected=connected)
        values = both.talk.texts(
            "/edev/1/der/1/ders", "//s:genConnectStatus/s:value | //s:operationalModeStatus/s:value", LFDI
        )
        found.append((int(values[0], 16) & 1, values[1]))
    assert found == [(1, "2"), (0, "1"), (1, "2")]


def test_a_changed_rating_is_put_again() -> None:
    """MUL-03."""
    both = _known().show().show(rated_w=8000.0)
    assert both.talk.texts("/edev/1/der/1/dercap", "//s:rtgMaxW/s:value", LFDI) == ["8000"]


def test_an_alarm_is_in_the_servers_log_with_its_end() -> None:
    """BASIC-027: over voltage is 2, back to normal 3."""
    both = _known().show().show("AC_OVER_VOLT").show()
    log = both.talk.done("GET", "/devices/1/log")
    assert [(one["logEventCode"], one["logEventPEN"]) for one in log] == [(2, 40732), (3, 40732)]
    assert both.refused() == []


def _values(both: Both, number: int) -> list[tuple[int, int, int]]:
    return [
        (one["start_s"], one["duration_s"], one["value"]) for one in both.talk.done("GET", f"/mirrors/{number}/values")
    ]


def test_the_server_has_every_minute_of_both_mirrors() -> None:
    """ALL-06: five and more averages each, on whole minutes."""
    both = _known().show().live(12, -2500.0)
    points = both.talk.done("GET", "/mirrors")
    assert sorted(one["point"]["roleFlags"] for one in points) == [0x0003, 0x0049]
    for number in (1, 2):
        values = _values(both, number)
        assert len(values) >= 5
        assert all(start % 60 == 0 and duration % 60 == 0 and value == -2500 for start, duration, value in values)
    assert both.refused() == []


def test_a_mirror_that_the_operator_deletes_comes_back() -> None:
    both = _known().show().live(6, -2500.0)
    both.talk.done("DELETE", "/mirrors")
    both.live(8, -700.0)
    points = both.talk.done("GET", "/mirrors")
    assert len(points) == 2
    assert {status for _, _, status in both.refused()} == {404}
    assert -700 in {value for _, _, value in _values(both, points[0]["number"])}


def test_the_post_rate_of_the_server_is_adopted_both_ways() -> None:
    """ALL-10: 60, 300, 60."""
    both = _known().show().live(8, 1.0)
    both.talk.done("PATCH", "/settings", {"post_rate_s": 300})
    both.live(25, 2.0)
    assert _values(both, 1)[-1][1] == 300
    both.talk.done("PATCH", "/settings", {"post_rate_s": 60})
    both.live(20, 3.0)
    assert _values(both, 1)[-1][1] == 60


@pytest.mark.parametrize("nmi", ["1", "4102335210", "N" * 32])
def test_the_connection_point_is_put_as_it_is(nmi: str) -> None:
    both = _known()
    both.rig.state = replace(both.rig.state, terms=replace(both.rig.state.terms, nmi=nmi))
    both.show()
    assert both.talk.texts("/edev/1/cp", "//c:connectionPointId", LFDI) == [nmi]
