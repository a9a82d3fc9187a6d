"""What we PUT: at start, on change, status also on the DERList clock; nothing loops on a refusal."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.session.exchange import Method, Picture
from protocols.ieee2030_5.session.terms import Profile
from protocols.ieee2030_5.wire.datatypes import Link
from protocols.ieee2030_5.wire.der import DERCapability, DERSettings, DERStatus
from protocols.ieee2030_5.wire.resources import ConnectionPoint
from tests.protocols.ieee2030_5.session.rig import TERMS, Rig, default, gaps, house

ABLE = Capability(abilities=MappingProxyType({Mode.MAX_POWER: Ability(How.NATIVE), Mode.CONNECT: Ability(How.NATIVE)}))


def _pv(rated_w: float = 5000.0, **condition: Any) -> Seen:
    return Seen("pv", Role.PV, Nameplate(rated_w=rated_w), ABLE, Condition(**({"online": True} | condition)))


def _puts(rig: Rig, path: str) -> list[tuple[float, Any]]:
    return [(at, told) for at, where, told in rig.server.puts if where == path]


def _shown(seen: Seen, rig: Rig | None = None) -> Rig:
    rig = rig or house()
    rig.give(Picture((seen,)))
    return rig.run(10)


def test_capability_settings_and_status_are_put_once_at_the_start() -> None:
    rig = _shown(_pv())
    assert [path for _, path, _ in rig.server.puts] == [
        "/edev/1/der/1/dercap",
        "/edev/1/der/1/derg",
        "/edev/1/der/1/ders",
    ]
    capability, settings, status = (told for _, _, told in rig.server.puts)
    assert isinstance(capability, DERCapability)
    assert capability.rtgMaxW.watts == 5000
    assert capability.doeModesSupported == 0b0101
    assert isinstance(settings, DERSettings)
    assert settings.setMaxW.watts == 5000
    assert isinstance(status, DERStatus)
    assert status.genConnectStatus is not None
    assert status.genConnectStatus.value == 0b111


def test_csip_sends_no_csip_aus_element() -> None:
    rig = _shown(_pv(), house(replace(TERMS, profile=Profile.CSIP, nmi="4102335210")))
    capability = _puts(rig, "/edev/1/der/1/dercap")[0][1]
    assert capability.doeModesSupported is None
    assert _puts(rig, "/edev/1/cp") == []


def test_status_is_told_at_the_der_list_rate_and_promptly_on_change() -> None:
    rig = _shown(_pv())
    rig.run(600)
    times = [at for at, _ in _puts(rig, "/edev/1/der/1/ders")]
    assert all(55 <= gap <= 65 for gap in gaps(times))
    assert len(times) >= 10
    rig.run(20)
    before = rig.server.now()
    rig.give(Picture((_pv(connected=False),)))
    rig.run(6)
    (at, told) = _puts(rig, "/edev/1/der/1/ders")[-1]
    assert before <= at <= before + 6
    assert told.genConnectStatus.value == 0b010
    assert told.operationalModeStatus.value == 1


def test_a_flapping_device_does_not_flood_the_server() -> None:
    rig = _shown(_pv())
    for number in range(120):
        rig.give(Picture((_pv(connected=number % 2 == 0),)))
        rig.run(0.5)
    assert len(_puts(rig, "/edev/1/der/1/ders")) <= 14  # 60 s, each 5 s at most, and the first


def test_a_moving_state_of_charge_waits_for_its_turn() -> None:
    rig = house()
    for number in range(60):
        reading = Reading(50.0 + number / 10, Quality.GOOD, 0.0, 0.0)
        readings = MappingProxyType({(Quantity.STATE_OF_CHARGE, None): reading})
        rig.give(Picture((replace(_pv(readings=readings), role=Role.BATTERY),)))
        rig.run(1)
    assert len(_puts(rig, "/edev/1/der/1/ders")) <= 2


def test_ratings_and_settings_are_put_again_when_they_change_and_only_then() -> None:
    rig = _shown(_pv())
    rig.run(3600)
    assert len(_puts(rig, "/edev/1/der/1/dercap")) == 1
    rig.give(Picture((_pv(rated_w=60_000.0),)))
    rig.run(10)
    again = _puts(rig, "/edev/1/der/1/dercap")[1][1]
    assert (again.rtgMaxW.value, again.rtgMaxW.multiplier) == (6000, 1)


def test_the_gradient_of_the_default_is_echoed_in_the_settings() -> None:
    """ALL-13: setGradW 100, then 27."""
    rig = house()
    rig.server.single["/derp/7/dderc"] = default(77, 5000, setGradW=100)
    _shown(_pv(), rig)
    rig.server.single["/derp/7/dderc"] = default(77, 5000, setGradW=27)
    rig.run(70)
    assert [told.setGradW for _, told in _puts(rig, "/edev/1/der/1/derg")][-2:] == [100, 27]


def test_a_refused_body_is_not_repeated_until_it_changes() -> None:
    rig = house()
    rig.server.wrong["/edev/1/der/1/dercap"] = lambda request: (400, b"")
    _shown(_pv(), rig)
    rig.run(7200)
    sent = [request for _, request in rig.asked if request.method is Method.PUT and request.url.endswith("dercap")]
    assert len(sent) == 1
    assert "put DERCapability" in {alarm.key for alarm in rig.alarms}
    rig.give(Picture((_pv(rated_w=6000.0),)))
    rig.run(10)
    sent = [request for _, request in rig.asked if request.method is Method.PUT and request.url.endswith("dercap")]
    assert len(sent) == 2


@pytest.mark.parametrize("status", [500, 0, 404, 403])
def test_a_put_that_fails_is_tried_again_with_patience(status: int) -> None:
    rig = house()
    rig.server.wrong["/edev/1/der/1/dercap"] = lambda request: (status, b"")
    _shown(_pv(), rig)
    rig.run(3600)
    sent = [request for _, request in rig.asked if request.method is Method.PUT and request.url.endswith("dercap")]
    assert 10 <= len(sent) <= 20
    del rig.server.wrong["/edev/1/der/1/dercap"]
    rig.run(310)
    assert len(_puts(rig, "/edev/1/der/1/dercap")) == 1


def test_the_connection_point_is_put_once() -> None:
    rig = house(replace(TERMS, nmi="4102335210"))
    rig.run(3600)
    ((_, told),) = _puts(rig, "/edev/1/cp")
    assert told == ConnectionPoint(connectionPointId="4102335210")


def test_nothing_is_put_while_the_pin_is_wrong() -> None:
    rig = house(replace(TERMS, pin=123456))
    _shown(_pv(), rig)
    assert rig.server.puts == []


def test_a_new_end_device_is_told_everything_again() -> None:
    rig = _shown(_pv())
    rig.server.lists["/edev/1/der"][0] = replace(
        rig.server.lists["/edev/1/der"][0],
        DERCapabilityLink=replace(rig.server.lists["/edev/1/der"][0].DERCapabilityLink, href="/edev/9/dercap"),
    )
    rig.run(70)
    assert len(_puts(rig, "/edev/9/dercap")) == 1


def test_availability_is_told_at_the_der_list_rate_and_not_with_every_watt() -> None:
    rig = house()
    rig.server.lists["/edev/1/der"][0] = replace(
        rig.server.lists["/edev/1/der"][0], DERAvailabilityLink=Link("/edev/1/der/1/dera")
    )
    for step in range(60):
        readings: dict[MeterKey, Reading] = {(Quantity.STATE_OF_CHARGE, None): Reading(60.0, Quality.GOOD, 0.0, 0.0)}
        readings[Quantity.NET, None] = Reading(-100.0 * step, Quality.GOOD, 0.0, 0.0)
        plate = Nameplate(rated_w=5000.0, capacity_wh=10_000.0)
        condition = Condition(online=True, readings=readings)
        rig.give(Picture((Seen("b", Role.BATTERY, plate, ABLE, condition),)))
        rig.run(10)
    told = _puts(rig, "/edev/1/der/1/dera")
    assert 8 <= len(told) <= 11  # 600 s at 60 s
    assert all(55 <= gap <= 65 for gap in gaps([at for at, _ in told])[1:])
    assert told[0][1].statWAvail.watts == 5000


def test_no_connection_point_is_put_to_a_server_whose_pin_is_wrong() -> None:
    rig = house(replace(TERMS, pin=123456, nmi="4102335210")).run(600)
    assert rig.server.puts == []
