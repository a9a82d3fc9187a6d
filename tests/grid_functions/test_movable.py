"""What a site tells its areas of itself: where it is, and how far its devices could bring it; by hand."""

from dataclasses import replace

import pytest

from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, Capability, How, Role, Seen, Vehicle
from grid_functions.movable import member_report
from tests.grid_functions.house import charger, seen, snapshot, terms

NET_W = 1_000.0
BATTERY = Capability({mode: Ability(How.NATIVE) for mode in (Mode.MAX_POWER, Mode.TARGET_POWER)})


def span(*devices: Seen) -> tuple[float, float]:
    """The lowest and the highest power of a site that takes 1 kW now, W."""
    report = member_report(snapshot(devices, NET_W), terms({one.device: one.role for one in devices}))
    assert report is not None
    assert report.power_w == NET_W
    return report.least_w, report.most_w


def test_a_producer_can_give_less_and_never_more() -> None:
    """3 kW of sun: without it the site would take 4 kW."""
    assert span(seen("pv", power_w=-3_000.0)) == (NET_W, NET_W + 3_000.0)


def test_a_battery_moves_between_its_ratings() -> None:
    """5 kW, charging with 2 kW: 7 kW less than now when it discharges, 3 kW more when it charges with all it can."""
    device = seen("store", Role.BATTERY, power_w=2_000.0, capability=BATTERY)
    assert span(device) == (NET_W - 7_000.0, NET_W + 3_000.0)


@pytest.mark.parametrize(("vehicle", "most_w"), [(Vehicle.CHARGING, 3 * 16 * 230.0), (None, 2_000.0)])
def test_a_charger_takes_more_only_with_a_car(vehicle: Vehicle | None, most_w: float) -> None:
    low, high = span(charger("bay", power_w=2_000.0, vehicle=vehicle))
    assert low == NET_W - 2_000.0
    assert high == pytest.approx(NET_W + most_w - 2_000.0)


@pytest.mark.parametrize(
    "device",
    [
        seen("pv", power_w=-3_000.0, online=False),
        seen("pv", power_w=None),
        seen("pv", power_w=-3_000.0, capability=Capability({})),
    ],
    ids=["silent", "not measured", "obeys nothing"],
)
def test_what_cannot_be_moved_or_seen_is_not_counted_on(device: Seen) -> None:
    """Others are all the same, 2 kW of sun here."""
    assert span(device) == (NET_W, NET_W)
    assert span(device, seen("roof", power_w=-2_000.0)) == (NET_W, NET_W + 2_000.0)


def test_a_device_of_another_site_is_not_counted() -> None:
    seen_here = snapshot([seen("pv", power_w=-3_000.0)], NET_W)
    report = member_report(seen_here, terms({}))
    assert report is not None
    assert (report.least_w, report.most_w) == (NET_W, NET_W)


def test_without_a_good_meter_there_is_no_report() -> None:
    assert member_report(snapshot([seen("pv")], None), terms()) is None
    dark = snapshot([seen("pv")], NET_W)
    stale = {key: replace(one, quality=one.quality.STALE) for key, one in dark.meter.items()}
    assert member_report(replace(dark, meter=stale), terms()) is None
