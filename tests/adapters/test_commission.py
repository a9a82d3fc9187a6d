"""Commissioning measures a simulated device over real Modbus, its time moved by hand, and leaves it as it was.

The inverters of the simulator move by 50 % of their rating a second, and a look is taken every half second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.commission import Commission
from adapters.devices.sunspec.family import SunSpec
from adapters.modbus.link import Link
from adapters.simulator.server import Simulator
from grid_functions.model.errors import OperatorFault, Unreachable
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, HandClock, simulated


class Bench:
    """A run on one of the simulated devices; ``told`` is what it said on the way."""

    def __init__(self, simulator: Simulator, hand: Hand, device: str, family: SunSpec | None = None) -> None:
        found = next(one for one in simulator.announcement["devices"] if one["name"] == device)
        self.told: list[str] = []
        self.link = Link("127.0.0.1", found["port"], jitter=lambda low, high: 0.0, timeout_s=2.0)

        async def sleep(seconds: float) -> None:
            hand.t_s += seconds

        self.run = Commission(
            family or SunSpec(), self.link, found["unit"], HandClock(hand), self.told.append, sleep
        ).run


@asynccontextmanager
async def bench(device: str, family: SunSpec | None = None, **plan: Any) -> AsyncIterator[tuple[Bench, Simulator]]:
    hand = Hand(UTC_S)
    async with simulated(hand, **plan) as simulator:
        on = Bench(simulator, hand, device, family)
        try:
            yield on, simulator
        finally:
            await on.link.close()


def inverters(**changes: Any) -> dict[str, Any]:
    """The 700-series one alone, otherwise than usual."""
    new = {"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 9000, "link": "b", "serial": "D-1"}
    return {"inverters": [new | changes]}


def held(simulator: Simulator, device: str) -> dict[Any, Any]:
    """Every control of a device as it stands."""
    return {key: value for key, value in simulator.site.values(device).items() if key[0] in (123, 704)}


async def test_a_700_series_inverter() -> None:
    async with bench("new") as (on, simulator):
        before = held(simulator, "new")
        found = await on.run()
        after = held(simulator, "new")
    assert (found.obeys, found.restored, found.enable_edge, found.doubts) == (True, True, False, ())
    assert found.nameplate.serial == "D-1"
    assert found.start_w == 8000
    # 8000 to 4800 W takes 0.8 s: the look at 1.0 s is the first that can see it there.
    assert found.settle_s == 1.0
    # Its limit has steps of 0.01 % of 8 kW; its power has steps of 1 W.
    assert found.resolution_w == pytest.approx(0.8)
    # 20 s, then 4000 to 1600 W in 0.6 s.
    assert found.revert == "falls to its value after 21.0 s of 20 s"
    differing = {key for key in before if before[key] != after[key]}
    assert {name for _, name in differing} <= {"WMaxLimPctRvrtRem"}


async def test_one_of_the_100_series_has_no_timer_of_its_own() -> None:
    async with bench("old") as (on, simulator):
        before = held(simulator, "old")
        found = await on.run()
        assert held(simulator, "old") == before
    assert (found.obeys, found.restored, found.revert) == (True, True, "no timer of its own")
    assert found.settle_s == 1.0


async def test_a_slow_one_is_waited_for() -> None:
    async with bench("new", **inverters(ramp_pct_per_s=1.0)) as (on, _):
        found = await on.run()
    # 3200 W at 80 W a second is 40 s; within 2 % of 8 kW (160 W) two seconds earlier.
    assert found.settle_s == 38.0
    assert found.obeys


async def test_one_that_takes_the_limit_and_ignores_it_is_found_out() -> None:
    async with bench("new", **inverters(quirks={"ignores": True})) as (on, simulator):
        before = held(simulator, "new")
        found = await on.run()
        after = held(simulator, "new")
    assert (found.obeys, found.settle_s, found.restored) == (False, None, True)
    assert (found.trials[-1].limit_w, found.trials[-1].power_w, found.trials[-1].after_s) == (4800, 8000, None)
    assert after[704, "WMaxLimPctEna"] == before[704, "WMaxLimPctEna"] == 0


async def test_at_night_nothing_is_tried() -> None:
    async with bench("new", sun={"fraction": 0.05}) as (on, simulator):
        before = held(simulator, "new")
        with pytest.raises(OperatorFault, match="too little to see a limit at work"):
            await on.run()
        assert held(simulator, "new") == before


async def test_a_pause_before_it_acts_hides_no_step() -> None:
    """An Enphase gateway is as steady as before for a while: its step was once not seen at all."""
    async with bench("new", **inverters(quirks={"settle_s": 75.0})) as (on, _):
        found = await on.run()
    assert (found.obeys, found.doubts) == (True, ())
    assert found.settle_s == 76.0
    assert found.resolution_w == pytest.approx(0.8)


async def test_steps_of_a_whole_percent_are_found() -> None:
    async with bench("new", **inverters(quirks={"whole_pct": True})) as (on, _):
        found = await on.run()
    assert found.resolution_w == 80.0  # 1 % of 8 kW
    missed = [trial.what for trial in found.trials if trial.what.endswith("not seen")]
    assert missed == [
        "step of 0.8 W, not seen",
        "step of 8 W, not seen",
        "step of 16 W, not seen",
        "step of 40 W, not seen",
    ]


async def test_an_enable_that_must_rise_is_found() -> None:
    async with bench("new", **inverters(quirks={"edge": True})) as (on, _):
        found = await on.run()
    assert (found.obeys, found.enable_edge, found.resolution_w, found.restored) == (True, True, None, True)
    assert [trial.after_s is None for trial in found.trials[:3]] == [False, True, False]
    assert found.revert == "falls to its value after 21.0 s of 20 s"


async def test_a_timer_that_stands_still_is_found() -> None:
    async with bench("new", **inverters(quirks={"revert_off": True})) as (on, _):
        found = await on.run()
    assert found.revert == "held the limit as if it had no timer"


def battery(soc_pct: float) -> dict[str, Any]:
    """It rests; it can give 5 kW."""
    return inverters(dc_w=0, models=[713], storage={"capacity_wh": 10000, "soc_pct": soc_pct})


async def test_a_battery_at_rest_is_told_what_to_give() -> None:
    async with bench("new", **battery(50)) as (on, simulator):
        before = held(simulator, "new")
        found = await on.run()
        after = held(simulator, "new")
        assert simulator.site.produced_w("new") == 0.0
    assert (found.by, found.obeys, found.restored, found.doubts) == ("power", True, True, ())
    # 60 % of 5 kW at 4 kW a second.
    assert (found.trials[0].limit_w, found.trials[0].power_w, found.settle_s) == (3000, 3000, 1.0)
    # Without a power to keep, the simulated battery rests at once.
    assert found.revert == "lets go of the power after 20.0 s"
    assert {name for _, name in before if before[704, name] != after[704, name]} <= {"WSetRvrtRem"}


async def test_an_empty_battery_is_charged_first() -> None:
    async with bench("new", **battery(8)) as (on, _):
        with pytest.raises(OperatorFault, match="its battery is at 8 %"):
            await on.run()


async def test_nobody_there() -> None:
    async with bench("new") as (on, _):
        lost = Commission(SunSpec(), on.link, 77, HandClock(Hand(UTC_S)), on.told.append)
        with pytest.raises(Unreachable, match="unit 77"):
            await lost.run()
