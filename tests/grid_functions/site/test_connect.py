"""Switches: DERs and chargers, never loads (rule 5)."""

import pytest

from grid_functions.model.claim import Claim, Switch
from grid_functions.model.control import Connect, Control, Energize, ExportLimit
from grid_functions.model.device import Role
from grid_functions.model.function import SiteInputs
from grid_functions.site.connect import ConnectDevices
from tests.grid_functions.house import at, in_force, on, snapshot, terms

SITE = {"pv": Role.PV, "hybrid": Role.HYBRID, "evse": Role.EVSE, "boiler": Role.LOAD, "meter": Role.METER}


def claims(control: Control, *, test: bool = False, roles: dict[str, Role] | None = None) -> list[Claim]:
    """What one control in force claims."""
    inputs = SiteInputs(terms(SITE if roles is None else roles), (in_force(control, test=test),), snapshot((), None))
    done = ConnectDevices().step(ConnectDevices().empty(), inputs, at(0.0))
    return [one for one in done.outputs if isinstance(one, Claim)]


@pytest.mark.parametrize("control", [Connect(False), Connect(True), Energize(False), Energize(True)])
def test_ders_and_chargers_are_switched_loads_and_meters_never(control: Connect | Energize) -> None:
    (claim,) = claims(control)
    assert claim.scope == on("pv", "hybrid", "evse")
    assert claim.want == Switch(control.on)


def test_a_site_of_loads_has_nothing_to_switch() -> None:
    assert claims(Connect(False), roles={"boiler": Role.LOAD}) == []


def test_a_test_event_switches_nothing() -> None:
    assert claims(Energize(False), test=True) == []


def test_other_controls_are_not_its_business() -> None:
    assert claims(ExportLimit(0.0)) == []
