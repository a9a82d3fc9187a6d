"""What a setpoint does to measured power, on the simulated site over Modbus/TCP: the registers alone prove nothing."""

from typing import Any

import pytest

from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk, simulated

NET = (Quantity.NET, None)


@pytest.mark.parametrize(
    ("link", "wanted", "measured_w"),
    [
        # "b": 8 kW, 700 series, 9 kW of sun. "a": 5 kW, older models, 5.5 kW of sun.
        ("b", {"produce_max_w": 2000.0}, -2000.0),
        ("b", {"target_w": -3000.0}, -3000.0),
        ("b", {"target_w": -3000.0, "produce_max_w": 1000.0}, -1000.0),
        ("b", {"on": False}, 0.0),
        ("b", {"connect": False}, 0.0),
        ("a", {"produce_max_w": 2000.0}, -2000.0),
        ("a", {"target_w": -1500.0}, -1500.0),
        ("a", {"target_w": 500.0}, 0.0),
        ("a", {"on": False}, 0.0),
        ("a", {"connect": False}, 0.0),
    ],
)
async def test_power_follows(link: str, wanted: dict[str, Any], measured_w: float) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand) as site, desk(site.ports[link], hand) as d:
        d.driver.want(Setpoint("device", 1, **wanted))
        await d.look()
        seen = await d.look(20.0)
        assert seen.condition.holds is not None
        assert seen.condition.holds.decision == 1
        assert seen.condition.readings[NET].value == pytest.approx(measured_w, abs=1.0)


@pytest.mark.parametrize(("link", "full_w"), [("b", -8000.0), ("a", -5000.0)])
async def test_power_returns_after_a_release(link: str, full_w: float) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand) as site, desk(site.ports[link], hand) as d:
        d.driver.want(Setpoint("device", 1, target_w=-1000.0))
        await d.look()
        assert (await d.look(20.0)).condition.readings[NET].value == pytest.approx(-1000.0, abs=1.0)
        d.driver.want(Setpoint("device", 2))
        await d.look(1.0)
        assert (await d.look(60.0)).condition.readings[NET].value == pytest.approx(full_w, abs=1.0)
