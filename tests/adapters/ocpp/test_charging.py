"""A session and a simulated station with a car, in memory and in simulated time: what is wanted is what the car gets."""

import json
from itertools import count
from typing import Any

import pytest

from adapters.ocpp.desk import Desk, Rules
from adapters.ocpp.frames import Version, fault_of
from adapters.ocpp.options import OcppOptions
from adapters.ocpp.outlet import Outlet, OutletSettings
from adapters.ocpp.session import DIALECTS, Session
from adapters.simulator.car import Car
from adapters.simulator.charge_point import ChargePoint, PointPlan
from grid_functions.allocate.step import AllocateState, step
from grid_functions.arbiter import rule
from grid_functions.model.device import Condition, Role, Trouble, Vehicle
from grid_functions.model.instants import Instants
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import bound, on, snapshot, terms

START_UTC_S = 1_700_000_000.0
BOTH = pytest.mark.parametrize("version", list(Version))


class Yard:
    """``cut``: the wire between them is cut."""

    def __init__(self, version: Version, options: OcppOptions = OcppOptions(), **plan: Any) -> None:  # noqa: B008
        self.t_s = 0
        self.outlet = Outlet(OutletSettings("evse-1", "CP-1", options=options))
        self.point = ChargePoint(PointPlan(version, **plan), START_UTC_S)
        self.cut = True
        self._desk = Desk(Rules(), count(1).__next__)
        self._ids = (f"gw-{n}" for n in count(1))
        self.session = self._anew()

    @property
    def utc_s(self) -> float:
        return START_UTC_S + self.t_s

    @property
    def now(self) -> Instants:
        return Instants(float(self.t_s), self.utc_s)

    def look(self) -> Condition:
        return self.outlet.seen(self.now).condition

    def connect(self) -> None:
        self.cut = False
        self.session = self._anew()
        self._converse(to_point=self.session.opened(self.now), to_us=self.point.connected(self.utc_s))

    def lose(self) -> None:
        self.cut = True
        self.session.closed("the wire is cut")

    def want(self, limit_a: float) -> None:
        self.outlet.want(Setpoint("evse-1", 1, current_max_a=limit_a))
        if not self.cut:
            self._converse(to_point=self.session.due(self.now), to_us=())

    def plug(self, car: Car | None) -> None:
        texts = self.point.plug(car, self.utc_s)
        if not self.cut:
            self._converse(to_point=(), to_us=texts)

    def go(self, seconds: int) -> None:
        for _ in range(seconds):
            self.t_s += 1
            texts = self.point.tick(self.utc_s)
            if not self.cut:
                self._converse(to_point=self.session.due(self.now), to_us=texts)

    def _anew(self) -> Session:
        dialect = DIALECTS[self.point.plan.version]
        return Session(dialect, self._desk, [self.outlet], self._ids.__next__, lambda *_: None)

    def _converse(self, to_point: tuple[str, ...], to_us: tuple[str, ...]) -> None:
        while to_point or to_us:
            for text in to_us:
                self._fits(text)
            back_to_point = tuple(one for text in to_us for one in self.session.received(text, self.now))
            to_us = tuple(one for text in to_point for one in self.point.received(text, self.utc_s))
            to_point = back_to_point

    def _fits(self, text: str) -> None:
        message = json.loads(text)
        if message[0] == 2:
            assert fault_of(message[2], message[3], self.point.plan.version, answer=False) is None


@BOTH
def test_a_car_is_limited_paused_resumed_full_and_gone(version: Version) -> None:
    yard = Yard(version)
    yard.connect()
    yard.want(10.0)
    assert yard.look().vehicle is Vehicle.ABSENT
    yard.plug(Car(most_a=16.0, stored_wh=20_000.0, capacity_wh=24_000.0, taper_from=1.0))
    assert yard.look().vehicle is Vehicle.CHARGING
    yard.go(600)
    condition = yard.look()
    # 10 A on three phases of 230 V for ten minutes; the last sample may be ten seconds old.
    assert condition.readings[Quantity.NET, None].value == 6900.0
    assert condition.readings[Quantity.SESSION_ENERGY, None].value == pytest.approx(1150.0, abs=20.0)
    yard.want(5.0)
    yard.go(11)
    assert (yard.point.offered_a(yard.utc_s), yard.look().vehicle) == (0.0, Vehicle.CONNECTED)
    assert yard.look().readings[Quantity.NET, None].value == 0.0
    yard.want(16.0)
    yard.go(11)
    assert yard.look().readings[Quantity.NET, None].value == 11_040.0
    yard.go(1200)
    assert yard.look().readings[Quantity.NET, None].value == 0.0, "4 kWh at 11 kW take 22 minutes"
    yard.plug(None)
    assert yard.look().vehicle is Vehicle.ABSENT
    assert (Quantity.SESSION_ENERGY, None) not in yard.look().readings


@BOTH
def test_a_station_that_hears_nothing_more_ends_in_its_fallback(version: Version) -> None:
    yard = Yard(version)
    yard.connect()
    yard.want(16.0)
    yard.plug(Car(most_a=32.0))
    yard.go(400)
    assert yard.point.offered_a(yard.utc_s) == 16.0, "it was told again at half time"
    yard.lose()
    yard.go(149)
    assert yard.point.offered_a(yard.utc_s) == 16.0
    yard.go(300)
    assert yard.point.offered_a(yard.utc_s) == 6.0
    holds = yard.look().holds
    assert holds is not None
    assert holds.current_max_a == 6.0
    yard.connect()
    assert yard.point.offered_a(yard.utc_s) == 16.0, "and is told anew when it is back"


@BOTH
@pytest.mark.parametrize("clock_off_s", [-45.0, 0.0, 45.0])
def test_a_station_whose_clock_is_off_obeys_all_the_same(version: Version, clock_off_s: float) -> None:
    yard = Yard(version, clock_off_s=clock_off_s)
    yard.connect()
    yard.want(10.0)
    yard.go(60)
    condition = yard.look()
    assert yard.point.offered_a(yard.utc_s) == 10.0
    assert condition.holds is not None
    assert (condition.holds.current_max_a, condition.troubles) == (10.0, frozenset())


@BOTH
def test_a_station_whose_clock_is_far_off_is_seen_not_to_obey(version: Version) -> None:
    yard = Yard(version, clock_off_s=-3600.0)
    yard.connect()
    yard.want(10.0)
    assert yard.point.offered_a(yard.utc_s) == 32.0
    condition = yard.look()
    assert Trouble.NOT_HELD in condition.troubles
    assert condition.holds is not None
    assert condition.holds.current_max_a == 32.0


@BOTH
def test_a_station_that_refuses_is_left_at_its_maximum_and_said_to_be_unable(version: Version) -> None:
    yard = Yard(version, refuses="Rejected")
    yard.connect()
    yard.want(10.0)
    yard.go(60)
    condition = yard.look()
    assert Trouble.WRITE_REFUSED in condition.troubles
    assert condition.holds is not None
    assert condition.holds.current_max_a == 32.0


@BOTH
@pytest.mark.parametrize("purpose", ["tx_default", "station_max"])
def test_a_release_leaves_the_station_as_it_was(version: Version, purpose: str) -> None:
    yard = Yard(version, OcppOptions(purpose=purpose))
    yard.connect()
    yard.want(10.0)
    assert yard.point.offered_a(yard.utc_s) == 10.0
    yard.outlet.want(Setpoint("evse-1", 2))
    yard.go(1)
    assert yard.outlet.released()
    assert yard.point.offered_a(yard.utc_s) == 32.0


@BOTH
def test_a_station_that_restarts_is_told_anew(version: Version) -> None:
    yard = Yard(version)
    yard.connect()
    yard.want(10.0)
    yard.plug(Car())
    yard.lose()
    yard.point.rebooted(yard.utc_s)
    yard.point.changed(maximum_a=16.0)
    yard.go(20)
    yard.connect()
    yard.go(1)
    assert yard.point.offered_a(yard.utc_s) == 10.0
    assert yard.look().troubles == frozenset()


@BOTH
def test_a_site_switches_phases_with_the_car_paused_and_the_fallback_stays_on_as_many(version: Version) -> None:
    """3900 W are less than 6 A on three phases, 4140 W; one phase takes the car's 16 A of them, 3680 W, and falls back to 6 A on it."""
    yard = Yard(version, switches=True)
    yard.connect()
    yard.plug(Car(most_a=16.0))
    where = terms({"evse-1": Role.EVSE}, connection=Connection(phases=3))
    asked = rule([bound(3900.0, on("evse-1"), Quantity.CONSUMED)], DEFAULT_PRECEDENCE)
    state = AllocateState()
    for _ in range(60):
        done = step(state, asked, snapshot([yard.outlet.seen(yard.now)], 0.0, float(yard.t_s)), where, yard.now)
        state = done.state
        yard.outlet.want(done.setpoints[0])
        before = (yard.point.phases_at(yard.utc_s), yard.point.drawn_a(yard.utc_s))
        yard.go(1)
        assert yard.point.phases_at(yard.utc_s) == before[0] or before[1] == 0.0, "the contactor moved under load"
    assert (yard.point.phases_at(yard.utc_s), yard.point.power_w(yard.utc_s)) == (1, 3680.0)
    yard.lose()
    yard.go(500)
    assert yard.point.power_w(yard.utc_s) == 1380.0


@BOTH
def test_a_station_that_cannot_switch_is_told_no_number(version: Version) -> None:
    yard = Yard(version)
    yard.connect()
    capability = yard.outlet.seen(yard.now).capability
    assert capability.currents is not None
    assert capability.currents.phases == ()
