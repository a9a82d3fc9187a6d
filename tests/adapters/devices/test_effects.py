"""What a setpoint does to measured power, on the simulated site over Modbus/TCP: the registers alone prove nothing."""

from typing import Any

import pytest

from grid_functions.model.control import (
    Curve,
    CurveKind,
    CurvePoint,
    FixedReactive,
    Flow,
    FrequencyDroop,
    PowerFactor,
)
from grid_functions.model.setpoint import Reactive, Setpoint
from grid_functions.model.units import PercentBase, Quantity
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


CURVES = [705, 706, 711, 712, 713, 715]


def array_or_battery(*, storage: bool = False, volts_pct: float = 100.0, hz: float = 50.0) -> dict[str, Any]:
    """8 kW, 8.8 kVA, 3.52 kvar; 9 kW of sun, or a battery of 5 kW both ways."""
    device = {"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 0 if storage else 9000, "link": "b"}
    battery = {"storage": {"capacity_wh": 10000, "soc_pct": 50}} if storage else {}
    return {
        "inverters": [{**device, "models": CURVES, **battery}],
        "grid": {"volts_pct": volts_pct, "hz": hz},
    }


def shaped(kind: CurveKind, base: PercentBase | None, *pairs: tuple[float, float]) -> dict[str, Any]:
    return {"shapes": (Curve(kind, tuple(CurvePoint(x, y) for x, y in pairs), base),)}


WATTS, VARS, SUN = PercentBase.MAX_POWER, PercentBase.MAX_REACTIVE, array_or_battery
VOLT_VAR = shaped(CurveKind.VOLT_VAR, WATTS, (92, 44), (98, 0), (102, 0), (108, -44))
VOLT_WATT = shaped(CurveKind.VOLT_WATT, WATTS, (106, 100), (110, 20))
WATT_VAR = shaped(CurveKind.WATT_VAR, WATTS, (20, 0), (50, -10), (100, -44))


@pytest.mark.parametrize(
    ("site", "wanted", "net_w", "reactive_var"),
    [
        (SUN(), {"reactive": Reactive(1000.0)}, None, 1000.0),
        # Injected: 25 % of 8000 W; absorbed: half of 3520 var.
        (SUN(), {"reactive": FixedReactive(-25.0, WATTS)}, None, -2000.0),
        (SUN(), {"reactive": FixedReactive(50.0, VARS)}, None, 1760.0),
        # cos 0.8 at 4000 W: tan 0.75, absorbed.
        (SUN(), {"reactive": PowerFactor(Flow.INJECT, 0.8, True), "produce_max_w": 4000.0}, -4000.0, 3000.0),
        (SUN(), {"reactive": PowerFactor(Flow.INJECT, 0.8, False), "produce_max_w": 4000.0}, -4000.0, -3000.0),
        # Half way from 102 to 108 %: 22 % of 8000 W absorbed; half way from 92 to 98 %: injected.
        (SUN(volts_pct=105.0), VOLT_VAR, None, 1760.0),
        (SUN(volts_pct=95.0), VOLT_VAR, None, -1760.0),
        # Half way from 100 to 20 %.
        (SUN(volts_pct=108.0), VOLT_WATT, -4800.0, None),
        # At full power 44 % of 8000 W absorbed.
        (SUN(), WATT_VAR, None, 3520.0),
        # 0.3 Hz over the dead band of 0.2 Hz: 0.3 / 50 / 0.05 = 12 % of 8000 W less.
        (SUN(hz=50.5), {"shapes": (FrequencyDroop(0.2, 0.2, 0.05, 0.05, 0.5),)}, -7040.0, None),
        # The battery charges and discharges, and rests at nothing.
        (SUN(storage=True), {"target_w": 2000.0}, 2000.0, None),
        (SUN(storage=True), {"target_w": -3000.0}, -3000.0, None),
        (SUN(storage=True), {"target_w": 0.0}, 0.0, None),
        (SUN(), {"connect": False}, 0.0, None),
    ],
)
async def test_functions_of_the_700_series_follow(
    site: dict[str, Any], wanted: dict[str, Any], net_w: float | None, reactive_var: float | None
) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand, **site) as running, desk(running.ports["b"], hand) as d:
        d.driver.want(Setpoint("device", 1, **wanted))
        for _ in range(5):
            await d.look(1.0)
        seen = await d.look(20.0)
        assert seen.condition.holds is not None
        assert seen.condition.holds.decision == 1, seen.condition
        readings = seen.condition.readings
        if net_w is not None:
            assert readings[NET].value == pytest.approx(net_w, abs=20.0)
        if reactive_var is not None:
            assert readings[Quantity.REACTIVE, None].value == pytest.approx(reactive_var, abs=20.0)
