"""Several devices as if one meter measured them, by hand."""

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.report import together

NET, VOLTS, HERTZ = (Quantity.NET, None), (Quantity.VOLTAGE, None), (Quantity.FREQUENCY, None)
STORED, CHARGE = (Quantity.STORED_ENERGY, None), (Quantity.STATE_OF_CHARGE, None)


def _seen(
    role: Role,
    values: dict[MeterKey, float],
    *,
    online: bool = True,
    quality: Quality = Quality.GOOD,
    wh: float | None = None,
) -> Seen:
    readings = {key: Reading(value, quality, 1.0, 1.0) for key, value in values.items()}
    return Seen(role, role, Nameplate(capacity_wh=wh), Capability(), Condition(online, readings=readings))


def _together(**devices: Seen) -> dict[MeterKey, float]:
    picture = together(Snapshot("house", Instants(2.0, 2.0), {}, devices), devices)
    return {key: reading.value for key, reading in picture.meter.items()}


def test_powers_add_up_and_volts_are_a_mean() -> None:
    """MUL-02: -3000 W and 1000 W are -2000 W; 230 V and 236 V are 233 V."""
    told = _together(
        pv=_seen(Role.PV, {NET: -3000.0, VOLTS: 230.0, HERTZ: 50.0}),
        battery=_seen(Role.BATTERY, {NET: 1000.0, VOLTS: 236.0}),
    )
    assert told == {NET: -2000.0, VOLTS: 233.0, HERTZ: 50.0}


def test_stored_energy_is_told_or_the_share_of_the_capacity() -> None:
    """STO-01: 40 % of 10 kWh and 2 kWh told."""
    told = _together(
        one=_seen(Role.BATTERY, {CHARGE: 40.0}, wh=10_000.0),
        two=_seen(Role.BATTERY, {CHARGE: 99.0, STORED: 2000.0}, wh=10_000.0),
    )
    assert told == {STORED: 6000.0}


def test_what_is_silent_bad_or_no_der_is_left_out() -> None:
    told = _together(
        pv=_seen(Role.PV, {NET: -3000.0}),
        silent=_seen(Role.PV, {NET: -500.0}, online=False),
        bad=_seen(Role.PV, {NET: -400.0}, quality=Quality.SUSPECT),
        impossible=_seen(Role.PV, {NET: float("nan")}),
        meter=_seen(Role.METER, {NET: 77.0}),
        load=_seen(Role.LOAD, {NET: 88.0}),
    )
    assert told == {NET: -3000.0}


def test_the_oldest_value_says_how_old_the_sum_is() -> None:
    old, new = Reading(1.0, Quality.GOOD, 3.0, 3.0), Reading(2.0, Quality.GOOD, 9.0, 9.0)
    devices = {
        name: Seen(name, Role.PV, Nameplate(), Capability(), Condition(True, readings={NET: one}))
        for name, one in (("a", new), ("b", old))
    }
    picture = together(Snapshot("house", Instants(9.0, 9.0), {}, devices), {"a", "b"})
    assert picture.meter[NET] == Reading(3.0, Quality.GOOD, 3.0, 3.0)
    assert together(Snapshot("house", Instants(9.0, 9.0), {}, devices), {"a"}).meter[NET] == new
