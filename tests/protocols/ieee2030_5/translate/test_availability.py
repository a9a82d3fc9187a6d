"""DERAvailability by hand: a 10 kWh battery of 4 kW out and 5 kW in."""

import pytest

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity
from protocols.ieee2030_5.translate.availability import availability_of

PLATE = Nameplate(rated_w=5000.0, rated_charge_w=5000.0, rated_discharge_w=4000.0, capacity_wh=10_000.0)


def _battery(
    charge_pct: float | None,
    net_w: float,
    *,
    quality: Quality = Quality.GOOD,
    online: bool = True,
    plate: Nameplate = PLATE,
) -> Seen:
    readings: dict[MeterKey, Reading] = {(Quantity.NET, None): Reading(net_w, Quality.GOOD, 0.0, 0.0)}
    if charge_pct is not None:
        readings[Quantity.STATE_OF_CHARGE, None] = Reading(charge_pct, quality, 0.0, 0.0)
    return Seen("b", Role.BATTERY, plate, Capability(), Condition(online, readings=readings))


@pytest.mark.parametrize(
    ("charge_pct", "net_w", "watts", "give_pct", "take_pct", "give_s", "take_s"),
    [
        # 6 kWh in it, idle: 6 kWh / 4 kW = 5400 s; 4 kWh / 5 kW = 2880 s
        (60.0, 0.0, 4000, 10_000, 10_000, 5400, 2880),
        # discharging 3 kW: 1 kW in reserve, 6 h
        (60.0, -3000.0, 1000, 2500, 10_000, 21_600, 2880),
        # charging 4 kW: 1 kW left to take, 4 h
        (60.0, 4000.0, 4000, 10_000, 2000, 5400, 14_400),
        (0.0, 0.0, 0, 0, 10_000, None, 7200),
        (100.0, 0.0, 4000, 10_000, 0, 9000, None),
        (130.0, 0.0, 4000, 10_000, 0, 9000, None),
    ],
)
def test_reserve(
    charge_pct: float, net_w: float, watts: int, give_pct: int, take_pct: int, give_s: int | None, take_s: int | None
) -> None:
    told = availability_of([_battery(charge_pct, net_w)], 77.5)
    assert told is not None
    assert told.statWAvail is not None
    assert told.statWAvail.watts == watts
    assert (told.reservePercent, told.reserveChargePercent) == (give_pct, take_pct)
    assert (told.availabilityDuration, told.maxChargeDuration) == (give_s, take_s)
    assert told.readingTime == 77


def test_two_batteries_add_up() -> None:
    """6 + 2 kWh over 4 + 4 kW: an hour."""
    told = availability_of([_battery(60.0, 0.0), _battery(20.0, 0.0)], 0.0)
    assert told is not None
    assert told.availabilityDuration == 3600


@pytest.mark.parametrize(
    "seen",
    [
        _battery(None, 0.0),
        _battery(50.0, 0.0, quality=Quality.STALE),
        _battery(50.0, 0.0, online=False),
        _battery(50.0, 0.0, plate=Nameplate(rated_w=5000.0)),
        Seen("pv", Role.PV, PLATE, Capability(), Condition(True)),
    ],
)
def test_nothing_is_told_of_what_is_not_known(seen: Seen) -> None:
    assert availability_of([seen], 0.0) is None
