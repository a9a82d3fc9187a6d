"""What a setpoint does to the measured power of an older inverter with storage, through driver and Modbus/TCP, and
what it does where the device has quirks. The registers alone prove nothing.
"""

from typing import Any

import pytest

from adapters.devices.sunspec.options import SunSpecOptions
from grid_functions.model.control import Curve, CurveKind, CurvePoint, Flow, PowerFactor
from grid_functions.model.setpoint import Reactive, Setpoint
from grid_functions.model.units import PercentBase, Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk, simulated

NET, VAR, SOC = (Quantity.NET, None), (Quantity.REACTIVE, None), (Quantity.STATE_OF_CHARGE, None)


def _site(
    *models: int, sun: float = 1.0, storage: bool = False, volts_pct: float = 100.0, **quirks: Any
) -> dict[str, Any]:
    """5 kW, 5.5 kVA, 2.2 kvar; 5.5 kW of sun; a battery of 4 kW in, 5 kW out, 10 kWh, half full."""
    device = {"name": "old", "kind": "legacy", "rated_w": 5000, "dc_w": 5500, "link": "a", "models": list(models)}
    battery = {"storage": {"capacity_wh": 10000, "soc_pct": 50, "charge_w": 4000}} if storage else {}
    return {
        "inverters": [{**device, **battery, "quirks": quirks}],
        "sun": {"fraction": sun},
        "grid": {"volts_pct": volts_pct},
    }


@pytest.mark.parametrize(("target_w", "soc_pct"), [(2500.0, 75.0), (-2000.0, 30.0)])
async def test_124_charges_and_discharges(target_w: float, soc_pct: float) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand, **_site(124, sun=0, storage=True)) as site, desk(site.ports["a"], hand) as d:
        d.driver.want(Setpoint("device", 1, target_w=target_w))
        await d.look()
        assert (await d.look(20.0)).condition.readings[NET].value == pytest.approx(target_w, abs=1.0)
        # An hour at that power out of 10 kWh, to the tenth that the first 20 s are.
        assert (await d.look(3580.0)).condition.readings[SOC].value == pytest.approx(soc_pct, abs=0.2)


@pytest.mark.parametrize(
    ("wish", "var"),
    [
        (Reactive(1000.0), 1000.0),
        (Reactive(-1000.0), -1000.0),
        (PowerFactor(Flow.INJECT, 0.95, True), 821.7),  # 2500 W x tan(acos 0.95) = 2500 x 0.328684
        (PowerFactor(Flow.INJECT, 0.95, False), -821.7),
    ],
)
async def test_123_absorbs_and_injects(wish: Reactive | PowerFactor, var: float) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand, **_site()) as site, desk(site.ports["a"], hand) as d:
        d.driver.want(Setpoint("device", 1, reactive=wish, produce_max_w=2500.0))
        await d.look()
        assert (await d.look(20.0)).condition.readings[VAR].value == pytest.approx(var, abs=2.0)


@pytest.mark.parametrize(
    ("model", "kind", "base", "pairs", "key", "measured"),
    [
        # 105 %: half way from 102 to 108, so half of 44 % of 2200 var, absorbed.
        (126, CurveKind.VOLT_VAR, PercentBase.MAX_REACTIVE, ((102.0, 0.0), (108.0, -44.0)), VAR, 484.0),
        # 105 %: half way from 100 to 110, so 60 % of 5000 W.
        (132, CurveKind.VOLT_WATT, PercentBase.MAX_POWER, ((100.0, 100.0), (110.0, 20.0)), NET, -3000.0),
    ],
)
async def test_a_curve_acts(
    model: int, kind: CurveKind, base: PercentBase, pairs: tuple[tuple[float, float], ...], key: Any, measured: float
) -> None:
    hand = Hand(UTC_S)
    curve = Curve(kind, tuple(CurvePoint(x, y) for x, y in pairs), base)
    async with simulated(hand, **_site(model, volts_pct=105)) as site, desk(site.ports["a"], hand) as d:
        d.driver.want(Setpoint("device", 1, shapes=(curve,)))
        for _ in range(4):
            await d.look(1.0)
        assert (await d.look(20.0)).condition.readings[key].value == pytest.approx(measured, abs=1.0)


async def test_a_limit_is_put_back_after_each_write_of_another_master() -> None:
    hand = Hand(UTC_S)
    foreign = {"point": "123.WMaxLimPct", "values": [90], "every_s": 10.5}
    async with simulated(hand, **_site(foreign=foreign)) as site, desk(site.ports["a"], hand) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=2000.0))
        seen = [(await d.look(1.0)).condition.readings[NET].value for _ in range(25)]
        # Never away for longer than it takes to see and to mend it: two looks.
        away = [w < -2001.0 for w in seen[4:]]
        assert any(away)
        assert not any(all(away[i : i + 3]) for i in range(len(away)))


@pytest.mark.parametrize(
    "quirks",
    [
        {"max_read": 25},
        {"no_spans": True},
        {"bad_end": True},
        {"split": 9},
        {"moving_sf": True},
        {"only_6": ["123.WMaxLimPct"]},
        {"only_16": ["123.WMaxLimPct", "123.WMaxLim_Ena"]},
    ],
)
async def test_a_limit_is_obeyed_whatever_the_wire_does(quirks: dict[str, Any]) -> None:
    hand = Hand(UTC_S)
    options = SunSpecOptions(max_read=quirks.get("max_read", 125))
    async with simulated(hand, **_site(**quirks)) as site, desk(site.ports["a"], hand, options=options) as d:
        d.driver.want(Setpoint("device", 1, produce_max_w=2000.0))
        for _ in range(3):
            await d.look(1.0)
        assert (await d.look(21.0)).condition.readings[NET].value == pytest.approx(-2000.0, abs=10.0)
        assert site.site.produced_w("old") == pytest.approx(2000.0)
