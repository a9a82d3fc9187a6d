"""The contract of batteries and meters that are tables of registers: against their twins, through the real driver and link."""

from contextlib import AbstractAsyncContextManager

import pytest

from adapters.registers.map import Sort
from adapters.registers.profile import Aim
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.adapters.registers.bench import OTHERS, PROFILES, Bench, bench
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Desk, Drawer

NET = (Quantity.NET, None)
BATTERIES = [name for name in OTHERS if Aim.CHARGE in PROFILES[name].orders]
METERS = [name for name in OTHERS if PROFILES[name].kind is Sort.METER]
CAPPED = [name for name in OTHERS if Aim.PRODUCE_MAX in PROFILES[name].orders]


@pytest.fixture
def hand() -> Hand:
    return Hand(UTC_S)


def driven(at: Bench, memory: Drawer | None = None) -> AbstractAsyncContextManager[Desk]:
    """With its rating said, where it does not tell it."""
    return at.driven(memory) if PROFILES[at.name].ratings.rated_w else at.driven(memory, rated_w=5000)


@pytest.mark.parametrize("name", BATTERIES)
async def test_it_keeps_the_power_it_is_told(name: str, hand: Hand) -> None:
    async with bench(name, hand) as at, driven(at) as it:
        for decision, target_w in enumerate((2000.0, -1500.0, 0.0, 3000.0), start=1):
            it.driver.want(Setpoint("device", decision, target_w=target_w))
            seen = await it.look(1)
            assert seen.condition.holds is not None
            assert (seen.condition.holds.target_w, seen.condition.holds.decision) == (target_w, decision)
            assert at.twin.power_w == target_w
            seen = await it.look(1)
            assert seen.condition.readings[NET].value == pytest.approx(target_w, abs=10)


@pytest.mark.parametrize("name", BATTERIES)
async def test_released_it_is_its_own_master_again(name: str, hand: Hand) -> None:
    memory = Drawer()
    async with bench(name, hand, net_w=-700.0) as at, driven(at, memory) as it:
        before = at.twin.power_w
        assert it.looks[-1].condition.readings[NET].value == pytest.approx(before)
        it.driver.want(Setpoint("device", 1, target_w=-1500.0))
        await it.look()
        assert at.twin.power_w == -1500.0
        assert await it.driver.release()
        assert at.twin.power_w == before


@pytest.mark.parametrize("name", CAPPED)
async def test_its_production_is_capped(name: str, hand: Hand) -> None:
    async with bench(name, hand, net_w=-4000.0) as at, at.driven(rated_w=5000) as it:
        it.driver.want(Setpoint("device", 1, produce_max_w=1530.0))
        await it.look()
        # At most that, in steps of 10 W or of a percent of 5,000 W.
        assert -1530.0 <= at.twin.power_w <= -1500.0


@pytest.mark.parametrize("name", [name for name in OTHERS if "soc" in PROFILES[name].measures])
async def test_state_of_charge(name: str, hand: Hand) -> None:
    async with bench(name, hand, soc_pct=61.0) as at, at.driven() as it:
        assert it.looks[-1].condition.readings[Quantity.STATE_OF_CHARGE, None].value == pytest.approx(61.0)
        assert at.twins.asked > 0


@pytest.mark.parametrize("name", METERS)
@pytest.mark.parametrize("power_w", [3200.0, -2500.0])
async def test_a_meter_counts_consumption_positive(name: str, power_w: float, hand: Hand) -> None:
    async with bench(name, hand, net_w=power_w) as at, at.driven() as it:
        readings = it.looks[-1].condition.readings
        assert readings[NET].value == pytest.approx(power_w, abs=2)
        legs = [readings[Quantity.NET, p].value for p in Phase if (Quantity.NET, p) in readings]
        assert not legs or sum(legs) == pytest.approx(power_w, abs=3)
        # An hour of it.
        before = {key: r.value for key, r in readings.items()}
        hand.t_s += 3600
        after = (await it.look()).condition.readings
        for key, grown in (
            (Quantity.ENERGY_CONSUMED, max(power_w, 0.0)),
            (Quantity.ENERGY_PRODUCED, max(-power_w, 0.0)),
        ):
            if (key, None) in after:
                assert after[key, None].value - before[key, None] == pytest.approx(grown, abs=101)
        assert at.twin.power_w == power_w


@pytest.mark.parametrize("name", METERS)
async def test_a_meter_that_was_put_in_the_other_way_round(name: str, hand: Hand) -> None:
    async with bench(name, hand, net_w=1000.0) as at, at.driven(positive="export") as it:
        assert it.looks[-1].condition.readings[NET].value == pytest.approx(-1000.0, abs=2)
        assert at.twin.power_w == 1000.0


async def test_phases_as_the_installer_has_connected_them(hand: Hand) -> None:
    async with bench("eastron-sdm120", hand, net_w=900.0) as at, at.driven(phases="b") as it:
        readings = it.looks[-1].condition.readings
        assert (Quantity.NET, Phase.A) not in readings
        assert readings[Quantity.VOLTAGE, Phase.B].value == pytest.approx(230.0)
        assert at.twin.net_w == 900.0


async def test_a_value_that_is_told_absent_is_missing(hand: Hand) -> None:
    """Bender controllers answer FFFFFFFF for power now and then."""
    async with bench("bender", hand, net_w=0.0) as at, at.driven() as it:
        made = PROFILES["bender"].point("power")
        assert made.decode(b"\xff\xff\xff\xff") is None
        assert it.looks[-1].condition.readings[NET].quality is Quality.GOOD
        assert at.twin.drawn_a == 0.0
