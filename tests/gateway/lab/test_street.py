"""Homes behind real gateways: what flows is what their meters show over their sockets, and what was decided is what happens."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from adapters.modbus.link import Link
from gateway.lab.cases import Delay
from gateway.lab.fleet import TrueCar
from gateway.lab.home import HEATERS, PROGRAM_C
from gateway.lab.street import Play, Street, Window
from gateway.lab.weather import STEPS
from grid_functions.building.dwelling import CarOf, Dwelling, SunOf
from grid_functions.building.options import HomeOptions
from grid_functions.building.storage import Store
from grid_functions.building.sun import Array
from grid_functions.model.claim import LeaseId
from grid_functions.model.control import ImportLimit
from grid_functions.model.event import Interval
from grid_functions.model.lease import Lease, Message
from grid_functions.model.tariff import Price, Priced, PriceKind
from tests.gateway.lab.homes import DAY, NOON, home

HOUR_S = 3600.0
# It is here all the time, and half full: 10 kWh are missing.
CAR = TrueCar(-7200.0, 90_000.0, 20_000.0, 10_000.0, 20_000.0, 1.0)
CAR_OF = CarOf("evse", Store(20_000.0, 7360.0, 0.0, 1.0), 0.0, 86_399.0, least_w=1380.0, step_w=230.0)


def street(play: Play, **changes: Any) -> Street:
    return Street([home(**changes)], DAY, NOON, play, NOON - HOUR_S)


def hours_kwh(made: Street, hours: int) -> list[float]:
    """What the meter counted in each hour from noon on."""
    counters = [made.advance(NOON + k * HOUR_S, {}, meters=True).counters_wh["home-0000"] for k in range(hours + 1)]
    return [(after - before) / 1000.0 for before, after in pairwise(counters)]


def test_the_meter_counts_what_flows() -> None:
    """1 kW of the household and 2 kW in each of two rooms, less 3 kW of sun in the second hour."""
    sun = np.zeros(STEPS)
    sun[6:12] = 3000.0
    made = street(Play(gateways=False), pv_w=sun, dwelling=with_sun())
    assert hours_kwh(made, 2) == pytest.approx([5.0, 2.0], abs=0.1)
    made.end()


def with_sun() -> Dwelling:
    spec = home()
    return Dwelling(zones=spec.dwelling.zones, tanks=spec.dwelling.tanks, suns=(SunOf("pv", Array(4000.0, 4000.0)),))


def test_a_car_left_to_itself_takes_all_it_can_until_it_is_full() -> None:
    """It came an hour before noon: 32 A at 230 V are 7.36 kW, so of 10 kWh the second hour sees the last 2.64, and no more follow."""
    made = street(Play(gateways=False), car=CAR)
    first, second = hours_kwh(made, 2)
    assert first - 5.0 == pytest.approx(2.64, abs=0.25)
    assert second - 5.0 == pytest.approx(0.0, abs=0.1)
    made.end()


def test_an_import_limit_of_the_area_is_kept_by_charger_and_heaters() -> None:
    """4 kW leave 3 kW beside the household; without the lease it takes 5 kW and its car 7.36."""
    dwelling = Dwelling(zones=home().dwelling.zones, tanks=home().dwelling.tanks, cars=(CAR_OF,))
    made = street(Play(options={"home-0000": HomeOptions()}, poll_s=60.0), car=CAR, dwelling=dwelling)
    lease = Lease(LeaseId("feeder", "cold_load_pickup/pickup", 1), 86_400.0, (ImportLimit(4000.0),))
    made.advance(NOON - 1800.0, {"home-0000": [lease]})
    (kwh,) = hours_kwh(made, 1)
    assert 2.5 < kwh <= 4.0
    assert made.homes["home-0000"].house.heat_w <= 3000.0
    made.end()


def test_a_plan_of_its_own_moves_thermostats_charger_and_nobody_complains() -> None:
    """Power is dear from noon on but for the hour after 13:00: rooms are heated and the car is charged then, not in the hour before."""
    dwelling = Dwelling(zones=home().dwelling.zones, tanks=home().dwelling.tanks, cars=(CAR_OF,))
    options = HomeOptions(dwelling=dwelling, base_by_hour_w=(1000.0,) * 24, replan_s=86_400.0)
    made = street(Play(options={"home-0000": options}, poll_s=300.0), car=CAR, dwelling=dwelling)
    cheap = tuple(
        Interval(k * HOUR_S, HOUR_S, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.04 if k == 2 else 0.5),))
        for k in range(24)
    )
    lease = Lease(LeaseId("feeder", "tariff/prices", 1), 86_400.0, (), NOON - HOUR_S, cheap)
    made.advance(NOON - HOUR_S, {"home-0000": [lease]})
    before, during = hours_kwh(made, 2)
    assert before < 5.0
    assert during > 8.0
    assert set(made.homes["home-0000"].house.told) == {"living", "bedrooms", "tank"}
    (ended,) = made.end()
    assert ended.alarms == ()


def test_a_thermostat_that_is_let_go_follows_its_people_again() -> None:
    """A plan of two hours and no other: an hour after noon nothing is said any more."""
    options = HomeOptions(dwelling=home().dwelling, base_by_hour_w=(1000.0,) * 24, steps=12, replan_s=86_400.0)
    made = street(Play(options={"home-0000": options}, poll_s=300.0))
    one = made.homes["home-0000"]
    made.advance(NOON, {})
    assert set(one.house.told) == {"living", "bedrooms", "tank"}
    made.advance(NOON + 1.5 * HOUR_S, {})
    assert one.house.told == {}
    assert [one.board.heater(unit).setpoint_c for unit in HEATERS.values()] == [PROGRAM_C] * 3
    made.end()


def test_a_car_that_comes_hours_after_its_charge_was_planned_leaves_full_all_the_same() -> None:
    """It is counted on an hour after noon, when power is cheap, and comes after four, when it is dear again; at ten it leaves, and there
    is no other plan until then. 8 kWh are 66 minutes of 7.36 kW.
    """
    counted = replace(CAR_OF, arrives_s=9 * HOUR_S, departs_s=18 * HOUR_S, arrives_pct=50.0, wanted_pct=90.0)
    late = TrueCar(4 * HOUR_S, 10 * HOUR_S, 20_000.0, 10_000.0, 18_000.0, 1.0)
    dwelling = Dwelling(zones=home().dwelling.zones, tanks=home().dwelling.tanks, cars=(counted,))
    options = HomeOptions(dwelling=dwelling, base_by_hour_w=(1000.0,) * 24, replan_s=86_400.0)
    made = street(Play(options={"home-0000": options}, poll_s=300.0), car=late, dwelling=dwelling)
    cheap = tuple(
        Interval(k * HOUR_S, HOUR_S, (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.04 if k in (2, 3) else 0.5),))
        for k in range(24)
    )
    lease = Lease(LeaseId("feeder", "tariff/prices", 1), 86_400.0, (), NOON - HOUR_S, cheap)
    made.advance(NOON - HOUR_S, {"home-0000": [lease]})
    made.advance(NOON + 11 * HOUR_S, {})
    (ended,) = made.end()
    assert ended.ev_charged_kwh == pytest.approx(8.0, abs=0.2)
    assert ended.alarms == ()


def test_nobody_reports_who_has_no_gateway() -> None:
    made = street(Play(gateways=False))
    window = made.advance(NOON, {})
    assert window.reports == {}
    (ended,) = made.end()
    assert ended.alarms == ()


async def test_a_link_tells_when_it_waits() -> None:
    link = Link("127.0.0.1", 9, jitter=lambda low_s, high_s: low_s)
    assert not link.under_way
    await link.close()


def test_who_is_late_is_heard_with_the_next_round() -> None:
    """Of a thousand letters about a tenth is held back, and comes with the next ones."""
    letters = tuple(Message("f", "feeder", f"home-{n:04}", "profile", f"{n}", b"") for n in range(1000))
    delay = Delay(0.1, 1)
    first = delay.passed(Window(0.0, {}, letters, {}))
    held = 1000 - len(first.letters)
    assert 60 < held < 150
    assert delay.holding
    assert delay.passed(Window(1.0, {}, (), {})).letters == ()
    late = {one.sender for one in letters} - {one.sender for one in first.letters}
    again = delay.passed(Window(2.0, {}, letters[:1], {})).letters
    assert late <= {one.sender for one in again}
