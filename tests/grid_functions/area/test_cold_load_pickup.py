"""Cold-load pickup as a machine: who is held, who comes back when, by hand."""

from typing import Any

import pytest

from gateway.ledger.codec import Codec
from grid_functions import catalogue
from grid_functions.area.cold_load_pickup import NAME, ColdLoadPickup, ColdLoadPickupOptions
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity
from tests.grid_functions.area.machine import MIDNIGHT, Bench

MEMBERS = ("a", "b", "c")
OPTIONS = ColdLoadPickupOptions(limit_kw=12.0, share_kw=6.0, settle_s=60.0, priorities={"b": 1})
OFF, SHARE = (ImportLimit(0.0),), (ImportLimit(6000.0),)


class Feeder(Bench):
    """Members that take what a test says; the area's meter, if it has one."""

    def __init__(self, options: ColdLoadPickupOptions = OPTIONS) -> None:
        super().__init__(ColdLoadPickup(options), NAME, MEMBERS)
        self.powers_w = dict.fromkeys(MEMBERS, 0.0)
        self.area_w: float | None = 0.0
        self.volts: float | None = None
        self.quality = Quality.GOOD

    def step(self, **told: Any) -> None:
        """With what the meter shows."""
        meter: dict[MeterKey, Reading] = {}
        at_s = self.utc_s - MIDNIGHT
        if self.area_w is not None:
            meter[Quantity.NET, None] = Reading(self.area_w, self.quality, at_s, self.utc_s)
        if self.volts is not None:
            meter[Quantity.VOLTAGE, Phase.A] = Reading(self.volts, self.quality, at_s, self.utc_s)
        super().step(area_meter=meter, **told)

    @property
    def held(self) -> dict[str, object]:
        """Under which limit each is."""
        return dict(self.controls("pickup"))

    @property
    def limits_w(self) -> dict[str, float]:
        """What each may import."""
        held = self.controls("pickup").items()
        return {member: one.limit_w for member, ones in held for one in ones if isinstance(one, ImportLimit)}


def test_an_order_holds_everyone_and_lets_back_whom_the_limit_bears() -> None:
    """12 kW bear two shares of 6: b by its priority, then a by its name."""
    made = Feeder()
    made.order("begin")
    assert made.held == {"a": SHARE, "b": SHARE, "c": OFF}
    assert min(made.wake_s) == MIDNIGHT + 60.0


def test_the_last_comes_when_the_others_have_settled_and_then_all_are_let_go_as_room_allows() -> None:
    """After a minute a and b take 2 kW each: 12 - 4 leave room for c. When it has settled as well 12 x 0.9 - 4.5 leave room for one
    whole share: one goes each minute.
    """
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 2000.0, "b": 2000.0, "c": 0.0}, 4000.0
    made.run(50.0, 10.0)
    assert made.held["c"] == OFF
    made.run(10.0)
    assert made.held == {"a": SHARE, "b": SHARE, "c": SHARE}
    made.powers_w["c"], made.area_w = 500.0, 4500.0
    made.run(50.0, 10.0)
    assert made.held["c"] == SHARE
    for left in (2, 1, 0):
        made.run(10.0 if left == 2 else 60.0)
        assert len(made.held) == left
    told = made.function.told(made.state)
    assert (told["running"], told["peak_w"], told["ended_utc_s"]) == (False, 4500.0, made.utc_s)


def test_while_one_presses_and_the_limit_leaves_no_room_nobody_is_let_go() -> None:
    """c takes all of its 6 kW, and would take more; a and b want no more than 2, but what they may keep off would come at once."""
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 2000.0, "b": 2000.0, "c": 0.0}, 4000.0
    made.run(60.0, 10.0)
    made.powers_w["c"], made.area_w = 6000.0, 12_000.0
    made.run(3600.0)
    assert made.held == {"a": SHARE, "b": SHARE, "c": SHARE}
    made.reborn()
    made.step()
    assert made.held == {"a": SHARE, "b": SHARE, "c": SHARE}
    made.powers_w["c"], made.area_w = 700.0, 4700.0
    made.run(180.0)
    assert made.held == {}
    assert not made.function.told(made.state)["running"]


def test_who_presses_is_given_half_of_the_room_that_is_left_and_gives_back_what_is_too_much() -> None:
    """12 kW x 0.9 - 10 = 0.8 kW of room: 400 W more for c alone. Then 200 W too much are taken back, and never more than to its share."""
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 2000.0, "b": 2000.0, "c": 0.0}, 4000.0
    made.run(60.0, 10.0)
    made.powers_w["c"], made.area_w = 6000.0, 10_000.0
    made.run(60.0)
    assert made.limits_w == {"a": 6000.0, "b": 6000.0, "c": pytest.approx(6400.0)}
    made.powers_w["c"], made.area_w = 6400.0, 11_000.0
    made.run(60.0)
    assert made.limits_w == {"a": 6000.0, "b": 6000.0, "c": pytest.approx(6200.0)}
    made.powers_w["c"], made.area_w = 6200.0, 15_000.0
    made.run(60.0)
    assert made.held == {"a": SHARE, "b": SHARE, "c": SHARE}


def test_who_was_let_go_and_takes_more_than_its_share_is_held_again_where_the_limit_is_near() -> None:
    """b is let go, and takes 8 kW: at 9 of 12 kW that is its own affair, at 14.5 it is limited to its share at once, and for a minute."""
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 500.0, "b": 400.0, "c": 0.0}, 900.0
    made.run(60.0, 10.0)
    made.powers_w["c"], made.area_w = 3000.0, 3900.0
    made.run(60.0)
    assert set(made.held) == {"a", "c"}
    made.powers_w, made.area_w = {"a": 500.0, "b": 8000.0, "c": 500.0}, 9000.0
    made.run(10.0, 10.0)
    assert set(made.held) == {"a", "c"}
    made.powers_w["c"], made.area_w = 6000.0, 14_500.0
    made.run(10.0, 10.0)
    assert made.held["b"] == SHARE
    made.powers_w, made.area_w = dict.fromkeys(MEMBERS, 400.0), 1200.0
    made.run(50.0, 10.0)
    assert made.held["b"] == SHARE
    made.run(180.0, 10.0)
    assert made.held == {}


def test_who_is_not_read_is_held_on() -> None:
    made = Feeder()
    made.order("begin")
    made.run(60.0, 10.0)
    del made.powers_w["c"]
    made.run(600.0)
    assert set(made.held) == {"c"}


def test_whoever_does_not_settle_keeps_the_next_one_waiting_and_it_is_said() -> None:
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 6000.0, "b": 6000.0, "c": 0.0}, 12_000.0
    made.run(3600.0)
    assert made.held["c"] == OFF
    assert made.alarms[-1] == "limit: leaves no room for c yet"


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.SUSPECT, Quality.MISSING])
def test_without_a_good_meter_nobody_comes_back_and_it_is_said(quality: Quality) -> None:
    made = Feeder()
    made.quality = quality
    made.order("begin")
    made.run(600.0)
    assert set(made.held.values()) == {OFF}
    assert "nobody comes back" in made.alarms[-1]


def test_an_area_without_a_meter_counts_its_members_and_the_stated_rest() -> None:
    """2 kW of rest leave 10 of 12: one share of 6."""
    made = Feeder(ColdLoadPickupOptions(limit_kw=12.0, share_kw=6.0, rest_kw=2.0))
    made.area_w = None
    made.order("begin")
    assert made.held == {"a": SHARE, "b": OFF, "c": OFF}


def test_a_silent_member_counts_at_all_that_it_may_take() -> None:
    """c is not heard: 6 kW for it and none of rest leave 6."""
    made = Feeder(ColdLoadPickupOptions(limit_kw=12.0, share_kw=6.0, rest_kw=0.0))
    made.area_w = None
    del made.powers_w["c"]
    made.order("begin")
    assert made.held == {"a": SHARE, "b": OFF, "c": OFF}


def test_an_outage_holds_everyone_off_before_power_returns() -> None:
    made = Feeder()
    made.volts = 230.0
    made.step()
    assert made.held == {}
    made.volts = 0.0
    made.run(600.0)
    assert set(made.held.values()) == {OFF}
    made.volts = 228.0
    made.run(10.0, 10.0)
    assert made.held == {"a": SHARE, "b": SHARE, "c": OFF}


def test_a_voltage_that_is_not_measured_is_no_outage_and_no_return() -> None:
    made = Feeder()
    made.volts = None
    made.step()
    assert made.held == {}
    made.volts = 0.0
    made.step()
    made.volts = None
    made.run(600.0)
    assert set(made.held.values()) == {OFF}
    made.volts, made.quality = float("nan"), Quality.GOOD
    made.run(60.0)
    assert set(made.held.values()) == {OFF}


def test_a_second_outage_begins_it_anew() -> None:
    made = Feeder()
    made.order("begin")
    made.volts = 0.0
    made.run(60.0)
    assert set(made.held.values()) == {OFF}


def test_it_goes_on_after_a_restart_where_it_was() -> None:
    made = Feeder()
    made.order("begin")
    made.reborn()
    made.step()
    assert made.held == {"a": SHARE, "b": SHARE, "c": OFF}
    dark = Feeder()
    dark.volts = 0.0
    dark.step()
    dark.reborn()
    dark.volts = None
    dark.run(60.0)
    assert set(dark.held.values()) == {OFF}


def test_who_is_revoked_is_let_go_and_who_is_new_waits() -> None:
    made = Feeder()
    made.order("begin")
    made.members = ("a", "c", "d")
    made.step()
    assert made.held == {"a": SHARE, "c": SHARE, "d": OFF}


def test_a_second_order_changes_nothing_and_an_end_lets_everyone_go() -> None:
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 2000.0, "b": 2000.0, "c": 0.0}, 4000.0
    made.run(30.0)
    before = made.state.durable.pickup
    made.order("begin")
    assert made.state.durable.pickup == before
    made.order("end")
    assert made.held == {}


def test_an_order_that_is_none_is_said() -> None:
    made = Feeder()
    made.order("begin", limit_kw=9.0)
    made.order("stop")
    assert (made.held, len(made.alarms)) == ({}, 2)


def test_a_clock_set_back_keeps_nobody_young_for_longer_than_it_takes_to_settle() -> None:
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": 2000.0, "b": 2000.0, "c": 0.0}, 4000.0
    made.utc_s -= 3600.0
    made.step()
    assert made.held["c"] == OFF
    made.run(60.0)
    assert made.held["c"] == SHARE


def test_a_member_that_reports_what_is_no_number_counts_as_silent() -> None:
    made = Feeder()
    made.order("begin")
    made.powers_w, made.area_w = {"a": float("nan"), "b": 2000.0, "c": 0.0}, 4000.0
    made.run(120.0)
    assert made.held["c"] == OFF, "12 less 4 measured less 6 for a that is not read is less than a share"


def test_what_is_durable_survives_the_ledger() -> None:
    made = Feeder()
    made.order("begin")
    codec = Codec(catalogue.durable())
    assert codec.decode(*codec.encode(made.state.durable)) == made.state.durable


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        ColdLoadPickupOptions(limit_kw=3.0, share_kw=5.0, settle_s=0.0, priorities={"a": 1001})
    assert len(found.value.mistakes) == 3


def test_shares_hold_on_after_the_last_return() -> None:
    """All three are back at once under 20 kW; they have settled after a minute, and are held for ten more."""
    made = Feeder(ColdLoadPickupOptions(limit_kw=20.0, share_kw=6.0, settle_s=60.0, hold_s=600.0))
    made.order("begin")
    assert min(made.wake_s) == MIDNIGHT + 60.0
    made.run(650.0, 10.0)
    assert made.held == {"a": SHARE, "b": SHARE, "c": SHARE}
    assert min(made.wake_s) == MIDNIGHT + 660.0
    made.run(10.0, 10.0)
    assert made.held == {}


def test_a_hold_of_more_than_a_day_is_a_mistake() -> None:
    with pytest.raises(ConfigurationFault, match="hold_s"):
        ColdLoadPickupOptions(hold_s=100_000.0)
