"""Rule 6: unknown, stale or missing input tightens; negative is zero, absurd is none."""

from dataclasses import replace

from grid_functions.base_load import BaseLoad, Peaks
from grid_functions.model.control import ExportLimit, ImportLimit
from grid_functions.model.device import Role
from grid_functions.model.setpoint import Setpoint
from tests.grid_functions.house import seen, snapshot, terms
from tests.scenarios.decide.site import BOOT_S, Site, event, produce


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


def test_what_a_silent_device_has_fallen_to_by_itself_is_all_that_stays_reserved() -> None:
    """Export 1500 W, no load. Both hold 750 W; a falls silent, and its timer ends in 200 W: b gets 1300 W, and a no more than 200 W until
    it is back, which b gives up first.
    """
    site = Site(
        [seen(name, power_w=-750.0, holds=Setpoint(name, produce_max_w=750.0)) for name in "ab"], meter_w=-1500.0
    )
    site.tick(0.0, site.read(0.0, event("e", ExportLimit(1500.0))))
    a = site.devices[0]
    for now_s, held_w, expected in ((1.0, 750.0, 750.0), (80.0, 200.0, 1300.0)):
        holds = Setpoint("a", produce_max_w=held_w)
        site.devices[0] = replace(a, condition=replace(a.condition, online=False, readings={}, holds=holds))
        site.meter_w = -750.0 - held_w
        done = site.tick(now_s)
        assert produce(done) == {"a": min(held_w, 750.0), "b": expected}
    back = replace(a, condition=replace(a.condition, holds=Setpoint("a", produce_max_w=200.0)))
    site.devices[:] = [
        seen("a", power_w=-200.0, holds=back.condition.holds),
        seen("b", power_w=-1300.0, holds=Setpoint("b", produce_max_w=1300.0)),
    ]
    site.meter_w = -1500.0
    assert produce(site.tick(81.0)) == {"a": 200.0, "b": 750.0}
    site.devices[1] = seen("b", power_w=-750.0, holds=Setpoint("b", produce_max_w=750.0))
    site.meter_w = -950.0
    assert produce(site.tick(83.0)) == {"a": 750.0, "b": 750.0}


KNOWN = Peaks(BOOT_S - 2 * 86_400.0, ((int(BOOT_S // 86_400) - 1, 1500.0),))
"""Counted for two days; yesterday the house drew 1500 W at most."""


def dark_w(peaks: Peaks | None, lit_w: float) -> list[float | None]:
    """What a battery of 5000 W may draw under an import limit of 4000 W once the meter, which showed ``lit_w``, is dark."""
    site = Site([seen("b", Role.BATTERY, power_w=0.0)], terms({"b": Role.BATTERY}), meter_w=lit_w)
    site.state = replace(site.state, base_load=BaseLoad(peaks))
    lit = site.tick(0.0, site.read(0.0, event("e", ImportLimit(4000.0))))
    assert [one.consume_max_w for one in lit.setpoints] == [4000.0 - lit_w]
    site.meter_w = None
    return [one.consume_max_w for one in site.tick(1.0).setpoints]


def test_in_the_dark_an_import_bound_counts_on_the_highest_load_of_the_week() -> None:
    """The house drew 500 W when last seen: 4000 W less 1500 W; nothing where no highest is known."""
    assert dark_w(KNOWN, 500.0) == [2500.0]
    assert dark_w(None, 500.0) == [0.0]


def test_in_the_dark_a_house_that_drew_more_than_ever_when_last_seen_is_counted_at_that() -> None:
    """3000 W when the meter went dark, though 1500 W were the highest that held: 1000 W are left."""
    assert dark_w(KNOWN, 3000.0) == [1000.0]
