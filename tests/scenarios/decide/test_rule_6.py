"""Rule 6: unknown, stale or missing input tightens; negative is zero, absurd is none."""

from dataclasses import replace

from grid_functions.model.control import ExportLimit
from grid_functions.model.device import Role
from grid_functions.model.setpoint import Setpoint
from tests.grid_functions.house import seen, snapshot, terms
from tests.scenarios.decide.site import Site, event, produce


def limited(meter_w: float | None, limit_w: float = 1500.0) -> Site:
    """One inverter under an export limit."""
    return Site([seen("a")], terms({"a": Role.PV}), meter_w=meter_w)


def test_a_dark_meter_takes_back_what_the_load_had_made_room_for() -> None:
    site = limited(2000.0)
    assert produce(site.tick(0.0, site.read(0.0, event("e", ExportLimit(1500.0))))) == {"a": 3500.0}
    stale = snapshot(site.devices, 2000.0, 6.0, meter_at_s=0.0)
    assert produce(site.tick(6.0, snapshot=stale)) == {"a": 1500.0}


def test_a_negative_limit_is_zero_and_an_alarm() -> None:
    site = limited(0.0)
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(-100.0))))
    assert produce(done) == {"a": 0.0}
    assert [one.room for one in done.alarms] == ["limit_power"]


def test_an_absurd_limit_is_none_and_unseats_no_other() -> None:
    site = limited(0.0)
    good = event("good", ExportLimit(1000.0), program="p5", level=5.0)
    assert produce(site.tick(0.0, site.read(0.0, good))) == {"a": 1000.0}
    absurd = event("absurd", ExportLimit(3.2767e13), start_s=1000.0)
    assert produce(site.tick(1.0, site.read(1.0, good, absurd))) == {"a": 1000.0}


def test_a_device_that_falls_silent_keeps_its_share_reserved() -> None:
    site = Site(
        [seen(name, power_w=-750.0, holds=Setpoint(name, produce_max_w=750.0)) for name in "ab"], meter_w=-1500.0
    )
    assert produce(site.tick(0.0, site.read(0.0, event("e", ExportLimit(1500.0))))) == {"a": 750.0, "b": 750.0}
    gone = site.devices[0]
    site.devices[0] = replace(gone, condition=replace(gone.condition, online=False, readings={}))
    assert produce(site.tick(1.0)) == {"a": 750.0, "b": 750.0}
    site.meter_w = None
    assert produce(site.tick(2.0)) == {"a": 750.0, "b": 750.0}
