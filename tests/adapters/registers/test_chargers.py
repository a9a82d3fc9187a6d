"""The contract that every charger keeps, whatever its registers: against its twin, through the real driver and link."""

from dataclasses import replace

import pytest

from adapters.modbus.frames import Frame, Refusal, Reply, decode_request
from adapters.registers.profile import Aim
from adapters.simulator.car import Car
from adapters.simulator.twins import Twins
from grid_functions.allocate.step import AllocateState, step
from grid_functions.arbiter import rule
from grid_functions.model.device import Role, Seen, Trouble, Vehicle
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.registers.bench import CHARGERS, PROFILES, bench
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Drawer
from tests.grid_functions.house import bound, on, snapshot, terms

TOTAL = (Quantity.NET, None)


def amperes(limit_a: float | None, decision: int = 1, phases: int | None = None) -> Setpoint:
    return Setpoint("device", decision, current_max_a=limit_a, phases=phases)


def held_a(seen: Seen) -> float | None:
    assert seen.condition.holds is not None, seen.condition.text
    return seen.condition.holds.current_max_a


def decision(seen: Seen) -> int:
    return 0 if seen.condition.holds is None else seen.condition.holds.decision


@pytest.fixture
def hand() -> Hand:
    return Hand(UTC_S)


@pytest.mark.parametrize("name", CHARGERS)
async def test_a_limit_is_set_and_read_back(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        assert it.looks[-1].condition.online, it.looks[-1].condition.text
        it.driver.want(amperes(10.0))
        seen = await it.look()
        assert (held_a(seen), decision(seen)) == pytest.approx((10.0, 1))
        assert at.twin.limit_a == pytest.approx(10.0)
        assert at.twin.drawn_a == pytest.approx(10.0)
        if PROFILES[name].measures:
            # 10 A on three phases at 230 V.
            seen = await it.look(1)
            assert seen.condition.readings[TOTAL].value == pytest.approx(6900.0, abs=10)


@pytest.mark.parametrize("name", CHARGERS)
async def test_paused_and_resumed(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        it.driver.want(amperes(10.0))
        await it.look()
        for least_a in (0.0, 5.9):
            # Below 6 A there is only pause.
            it.driver.want(amperes(least_a, 2))
            seen = await it.look()
            assert (held_a(seen), decision(seen)) == (0.0, 2)
            assert at.twin.drawn_a == 0.0
            it.driver.want(amperes(8.0, 3))
            seen = await it.look(1)
            assert (held_a(seen), decision(seen), at.twin.drawn_a) == pytest.approx((8.0, 3, 8.0))


@pytest.mark.parametrize("name", CHARGERS)
async def test_off_is_a_pause(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        for decision, (on, connect) in enumerate(((False, None), (True, None), (None, False), (None, None)), start=1):
            it.driver.want(Setpoint("device", decision, current_max_a=16.0, on=on, connect=connect))
            seen = await it.look(1)
            runs = False not in (on, connect)
            assert seen.condition.holds is not None
            assert (seen.condition.holds.on, seen.condition.holds.decision) == (runs, decision)
            assert (at.twin.drawn_a > 0) is runs


@pytest.mark.parametrize("name", CHARGERS)
async def test_what_outlives_us_is_said(name: str, hand: Hand) -> None:
    """A fallback that is not known counts for nothing."""
    async with bench(name, hand, Car()) as at, at.driven(fallback_seen=True) as it:
        it.driver.want(amperes(10.0))
        seen = await it.look()
        assert seen.capability.currents is not None
        falls_back = PROFILES[name].watchdog is not None
        assert (seen.capability.currents.fallback is not None) is falls_back
        assert (Trouble.NO_WATCHDOG in seen.condition.troubles) is not falls_back
        assert at.twin.limit_a == pytest.approx(10.0)


@pytest.mark.parametrize("name", CHARGERS)
async def test_watts_become_amperes_rounded_down(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        # 5,500 W on three phases at 230 V: 7.97 A.
        it.driver.want(Setpoint("device", 1, consume_max_w=5500.0))
        await it.look()
        assert 7.0 <= at.twin.limit_a <= 7.971
        it.driver.want(Setpoint("device", 2, consume_max_w=4000.0))
        await it.look(1)
        assert at.twin.limit_a == 0.0


@pytest.mark.parametrize("name", CHARGERS)
async def test_the_vehicle(name: str, hand: Hand) -> None:
    async with bench(name, hand) as at, at.driven() as it:
        assert it.looks[-1].condition.vehicle is Vehicle.ABSENT
        at.twins.plug(at.unit, Car(asleep=True))
        assert (await it.look(1)).condition.vehicle is Vehicle.CONNECTED
        at.twins.plug(at.unit, Car())
        assert (await it.look(1)).condition.vehicle is Vehicle.CHARGING
        at.twins.plug(at.unit, Car(stored_wh=60_000.0))
        assert (await it.look(1)).condition.vehicle is Vehicle.CONNECTED
        at.twins.plug(at.unit, None)
        assert (await it.look(1)).condition.vehicle is Vehicle.ABSENT


@pytest.mark.parametrize("name", [name for name in CHARGERS if PROFILES[name].watchdog])
async def test_the_watchdog_is_fed_and_bites_and_the_limit_is_told_anew(name: str, hand: Hand) -> None:
    memory = Drawer()
    async with bench(name, hand, Car()) as at:
        async with at.driven(memory) as it:
            it.driver.want(amperes(12.0))
            await it.look()
            period_s = it.driver.poll_s
            span_s = 0.0
            while span_s < 3 * at.twin.timeout_s:
                span_s += period_s
                await it.look(period_s)
                assert at.twin.limit_a == pytest.approx(12.0), f"after {span_s} s"
        assert at.twin.fed_s is not None
        hand.t_s = at.twin.fed_s + at.twin.timeout_s - 1
        assert at.twin.limit_a == pytest.approx(12.0)
        hand.t_s += 2
        assert at.twin.limit_a == pytest.approx(6.0)
        # The gateway comes back, with its ledger.
        async with at.driven(memory) as it:
            it.driver.want(amperes(12.0, 2))
            seen = await it.look()
            assert (held_a(seen), decision(seen), at.twin.limit_a) == pytest.approx((12.0, 2, 12.0))


@pytest.mark.parametrize("name", [name for name in CHARGERS if PROFILES[name].watchdog])
async def test_the_watchdog_is_fed_though_nothing_that_is_read_changes(name: str, hand: Hand) -> None:
    async with bench(name, hand) as at, at.driven() as it:
        it.driver.want(amperes(12.0))
        await it.look()
        span_s = 0.0
        while span_s < 2 * at.twin.timeout_s:
            span_s += it.driver.poll_s
            await it.look(it.driver.poll_s)
            assert at.twin.limit_a == pytest.approx(12.0), f"after {span_s} s"
            # What bites between two looks is mended by the second.
            assert at.twin.fed_s is not None
            assert hand.t_s - at.twin.fed_s < 0.75 * at.twin.timeout_s, f"after {span_s} s"


@pytest.mark.parametrize("name", CHARGERS)
async def test_a_restart_of_the_gateway_changes_nothing_and_releases_what_was(name: str, hand: Hand) -> None:
    memory = Drawer()
    async with bench(name, hand, Car()) as at:
        before = at.twin.limit_a
        async with at.driven(memory) as it:
            it.driver.want(amperes(9.0))
            await it.look()
        async with at.driven(memory) as it:
            it.driver.want(amperes(9.0))
            seen = await it.look()
            assert (held_a(seen), decision(seen)) == pytest.approx((9.0, 1))
            assert await it.driver.release()
            assert at.twin.limit_a == pytest.approx(before)


@pytest.mark.parametrize("name", CHARGERS)
async def test_a_restart_of_the_charger(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        it.driver.want(amperes(9.0))
        await it.look()
        at.twins.change(at.unit, memory={}, fed_s=None)
        seen = await it.look(1)
        for _ in range(2):
            seen = await it.look(1)
        assert (held_a(seen), at.twin.limit_a) == pytest.approx((9.0, 9.0))


@pytest.mark.parametrize("name", [name for name in CHARGERS if Aim.PHASES in PROFILES[name].orders])
async def test_phases(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        assert it.looks[-1].capability.currents is not None
        assert it.looks[-1].capability.currents.phases == (1, 3)
        it.driver.want(amperes(10.0, 1, phases=1))
        seen = await it.look()
        assert (at.twin.phases, decision(seen)) == (1, 1)
        it.driver.want(amperes(10.0, 2, phases=3))
        seen = await it.look(1)
        assert (at.twin.phases, decision(seen)) == (3, 2)


@pytest.mark.parametrize("name", [name for name in CHARGERS if Aim.PHASES in PROFILES[name].orders])
async def test_a_site_switches_phases_with_the_car_paused(name: str, hand: Hand) -> None:
    """3900 W are less than 6 A on three phases: one phase takes them, at 253 V where no voltage is told: 15.4 A or more."""
    where = terms({"device": Role.EVSE}, connection=Connection(phases=3))
    asked = rule([bound(3900.0, on("device"), Quantity.CONSUMED)], DEFAULT_PRECEDENCE)
    state = AllocateState()
    async with bench(name, hand, Car()) as at, at.driven() as it:
        for number in range(1, 16):
            picture = snapshot([it.looks[-1]], 0.0, it.looks[-1].condition.readings[TOTAL].at_s)
            done = step(state, asked, picture, where, picture.at)
            before, state = at.twin, done.state
            it.driver.want(replace(done.setpoints[0], decision=number))
            await it.look(1)
            if at.twin.phases != before.phases:
                assert before.drawn_a == 0.0, "the contactor moved under load"
            assert at.twin.power_w <= 3900.0, number
        assert at.twin.phases == 1
        assert at.twin.power_w >= 15.4 * 230.0 - 1.0


@pytest.mark.parametrize("name", [name for name in CHARGERS if Aim.PHASES not in PROFILES[name].orders])
async def test_phases_that_cannot_be_told_are_refused_and_the_limit_holds(name: str, hand: Hand) -> None:
    async with bench(name, hand, Car()) as at, at.driven() as it:
        it.driver.want(amperes(10.0, 1, phases=1))
        await it.look()
        assert at.twin.limit_a == pytest.approx(10.0)


class Older(Twins):
    """Firmware that has neither the choice of phases nor a fallback that can be set."""

    def reply(self, frame: Frame) -> Reply | None:
        request = decode_request(frame)
        if not isinstance(request, Refusal) and request.address in (1550, 1552, 1600, 1602, 5016, 5018, 5050, 5052):
            return Refusal(2)
        return super().reply(frame)


async def test_a_charger_without_what_is_optional_is_a_charger(hand: Hand) -> None:
    async with bench("keba-p40", hand, Car(), twins=Older) as at, at.driven(fallback_seen=True) as it:
        currents = it.looks[-1].capability.currents
        assert currents is not None
        assert currents.phases == ()
        it.driver.want(amperes(10.0))
        seen = await it.look()
        assert (held_a(seen), decision(seen), at.twin.limit_a) == pytest.approx((10.0, 1, 10.0))
        assert seen.capability.currents is not None
        assert seen.capability.currents.fallback is None
