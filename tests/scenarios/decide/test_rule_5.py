"""Rule 5: any off holds; on only withdraws our off."""

from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Connect, Energize
from grid_functions.model.device import Role
from grid_functions.model.setpoint import Setpoint
from grid_functions.words import Release
from tests.grid_functions.house import seen, terms
from tests.scenarios.decide.site import Site, by_name, event, override

ROLES = {"pv": Role.PV, "boiler": Role.LOAD}


def site() -> Site:
    """An inverter and a boiler."""
    return Site([seen("pv"), seen("boiler", Role.LOAD)], terms(ROLES))


def test_off_switches_the_inverter_and_never_the_load() -> None:
    house = site()
    setpoints = by_name(house.tick(0.0, house.read(0.0, event("e", Energize(False)))).setpoints)
    assert setpoints["pv"].on is False
    assert setpoints["boiler"] == Setpoint("boiler", 1)


def test_an_operators_off_outlasts_an_events_on() -> None:
    house = site()
    done = house.tick(0.0, house.read(0.0, event("e", Connect(True))), words=(override(Energize(False)),))
    assert by_name(done.setpoints)["pv"].on is False
    done = house.tick(1.0, words=(Release("operator/energize"),))
    assert by_name(done.setpoints)["pv"] == Setpoint("pv", done.serial, connect=True)


def test_an_occupants_on_does_not_withdraw_an_events_off() -> None:
    house = site()
    read = house.read(0.0, event("e", Energize(False)))
    done = house.tick(0.0, read, words=(override(Energize(True), SourceKind.OCCUPANT),))
    assert by_name(done.setpoints)["pv"].on is False


def test_when_the_last_off_ends_nothing_of_ours_is_left() -> None:
    house = site()
    house.tick(0.0, house.read(0.0, event("e", Connect(False), duration_s=60.0)))
    assert by_name(house.decisions[0].setpoints)["pv"].connect is False
    assert by_name(house.tick(61.0).setpoints)["pv"].connect is None
