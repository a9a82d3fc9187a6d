"""The driver against simulated devices, over real sockets; pysunspec2's own client reads what was written."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.simulator.server import Simulator
from grid_functions.model.device import Trouble
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Drawer, desk, peer, simulated

NET = (Quantity.NET, None)


@pytest.fixture
def hand() -> Hand:
    return Hand(UTC_S)


@pytest.fixture
async def site(hand: Hand) -> AsyncIterator[Simulator]:
    async with simulated(hand) as running:
        yield running


def limit704(client: Any) -> dict[str, int]:
    names = ("WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms")
    return {name: client.models[704][0].points[name].value for name in names}


def limit123(client: Any) -> tuple[int, ...]:
    names = ("WMaxLimPct", "WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms", "WMaxLim_Ena")
    return tuple(client.models[123][0].points[name].value for name in names)


async def test_limit_with_its_way_back_on_the_700_series(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["b"], hand) as new:
        new.driver.want(Setpoint("device", 7, produce_max_w=3000.0, revert=Revert(60.0, produce_max_w=1000.0)))
        seen = await new.look()
        # 3000 of 8000 W = 37.5 % = 3750 at SF -2; 1000 W = 12.5 % = 1250.
        assert await peer(site, "new", limit704) == {
            "WMaxLimPctEna": 1,
            "WMaxLimPct": 3750,
            "WMaxLimPctRvrt": 1250,
            "WMaxLimPctEnaRvrt": 1,
            "WMaxLimPctRvrtTms": 60,
        }
        held = seen.condition.holds
        assert held == Setpoint("device", 7, produce_max_w=3000.0, on=True, revert=Revert(60.0, 1000.0))
        assert seen.condition.troubles == frozenset()


async def test_limit_on_the_older_models_stays_without_us(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["a"], hand) as old:
        old.driver.want(Setpoint("device", 3, produce_max_w=1500.0))
        seen = await old.look()
        # 1500 of 5000 W = 30 % = 3000 at SF -2; no random start, no timer, no ramp, enabled.
        assert await peer(site, "old", limit123) == (3000, 0, 0, 0, 1)
        assert seen.condition.holds == Setpoint("device", 3, produce_max_w=1500.0, on=True)
        assert seen.condition.troubles == {Trouble.NO_WATCHDOG}


async def test_what_reads_so_already_is_not_written(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["b"], hand) as new:
        wanted = Setpoint("device", 1, produce_max_w=3000.0)
        new.driver.want(wanted)
        await new.look()
        assert len(new.written()) == 1
        new.driver.want(Setpoint("device", 2, produce_max_w=3000.0))
        seen = await new.look(1)
        assert len(new.written()) == 1
        assert seen.condition.holds is not None
        assert seen.condition.holds.decision == 2


async def test_timer_is_armed_again_before_half_of_it(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["b"], hand) as new:
        new.driver.want(Setpoint("device", 1, produce_max_w=3000.0, revert=Revert(60.0, produce_max_w=1000.0)))
        await new.look()
        await new.look(30)  # 30 s left are not less than half
        assert len(new.written()) == 1
        await new.look(1)
        assert len(new.written()) == 2
        assert (await peer(site, "new", lambda c: c.models[704][0].WMaxLimPctRvrtRem.value)) == 60
        # Alone for longer than the timer: 12.5 % holds, and is replaced as soon as we are back.
        seen = await new.look(61)
        assert (await peer(site, "new", limit704))["WMaxLimPct"] == 3750
        assert seen.condition.holds is not None
        assert seen.condition.holds.decision == 1


async def test_baseline_is_kept_once_and_given_back(site: Simulator, hand: Hand) -> None:
    memory = Drawer()
    async with desk(site.ports["b"], hand, memory=memory) as new:
        [before] = memory.kept.values()
        new.driver.want(Setpoint("device", 1, produce_max_w=3000.0, on=True))
        await new.look()
    async with desk(site.ports["b"], hand, memory=memory) as new:
        new.driver.want(Setpoint("device", 1, produce_max_w=3000.0, on=True))
        await new.look(1)
        assert await new.driver.release()
        # The simulator is born with Ena 0 and 100 % (10000 at SF -2).
        after = await peer(site, "new", limit704)
        assert (after["WMaxLimPctEna"], after["WMaxLimPct"]) == (0, 10000)
        assert list(memory.kept.values()) == [before]
