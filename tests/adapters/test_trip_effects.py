"""What a ride-through curve written by us does to measured power when the grid leaves its band, both series, over Modbus/TCP.

Each curve is narrower than what the device has from its box: without our write it would bear what it is put through.
"""

from typing import Any

import pytest

from grid_functions.model.control import Curve, CurveKind, CurvePoint
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Desk, desk, simulated

NET = (Quantity.NET, None)
FULL_W = -8000.0
NOMINAL = {"volts_pct": 100.0, "hz": 50.0}
MODELS = {
    "der700": [707, 708, 709, 710],
    "legacy": [129, 130, 135, 136, 137, 138, 139, 140, 141, 142],
}
LOW, HIGH = ((2.0, 85.0), {"volts_pct": 84.0}), ((2.0, 108.0), {"volts_pct": 109.0})
LOW_HZ, HIGH_HZ = ((2.0, 49.4), {"hz": 49.3}), ((2.0, 50.6), {"hz": 50.7})


def _site(kind: str, *, eager: bool) -> dict[str, Any]:
    """8 kW and more sun than it takes; it returns half a minute after the grid did."""
    device = {"name": "one", "kind": kind, "rated_w": 8000, "dc_w": 9000, "link": "x", "models": MODELS[kind]}
    return {"inverters": [{**device, "enter_delay_s": 30, "enter_ramp_s": 0, "eager": eager}]}


async def _watts(d: Desk, after_s: float) -> float:
    return (await d.look(after_s)).condition.readings[NET].value


async def _told(d: Desk, kind: CurveKind, point: tuple[float, float]) -> None:
    d.driver.want(Setpoint("device", 1, shapes=(Curve(kind, (CurvePoint(*point),)),)))
    for _ in range(6):
        seen = await d.look(1.0)
    assert seen.condition.holds is not None
    assert seen.condition.holds.decision == 1, seen.condition


@pytest.mark.parametrize("series", ["der700", "legacy"])
@pytest.mark.parametrize(
    ("kind", "beyond", "eager", "alarm"),
    [
        (CurveKind.LVRT_MUST_TRIP, LOW, False, "AC_UNDER_VOLT"),
        (CurveKind.LVRT_MAY_TRIP, LOW, True, "AC_UNDER_VOLT"),
        (CurveKind.HVRT_MUST_TRIP, HIGH, False, "AC_OVER_VOLT"),
        (CurveKind.HVRT_MAY_TRIP, HIGH, True, "AC_OVER_VOLT"),
        (CurveKind.LFRT_MUST_TRIP, LOW_HZ, False, "UNDER_FREQUENCY"),
        (CurveKind.LFRT_MAY_TRIP, LOW_HZ, True, "UNDER_FREQUENCY"),
        (CurveKind.HFRT_MUST_TRIP, HIGH_HZ, False, "OVER_FREQUENCY"),
        (CurveKind.HFRT_MAY_TRIP, HIGH_HZ, True, "OVER_FREQUENCY"),
    ],
    ids=lambda part: part.value if isinstance(part, CurveKind) else "",
)
async def test_a_trip_curve_trips_and_the_device_returns(
    series: str, kind: CurveKind, beyond: tuple[tuple[float, float], dict[str, Any]], eager: bool, alarm: str
) -> None:
    point, grid = beyond
    hand = Hand(UTC_S)
    async with simulated(hand, **_site(series, eager=eager)) as site, desk(site.ports["x"], hand) as d:
        await _told(d, kind, point)
        assert await _watts(d, 5.0) == pytest.approx(FULL_W, abs=1.0)
        site.command({"do": "grid", **grid})
        assert await _watts(d, 1.9) == pytest.approx(FULL_W, abs=1.0), "it bears two seconds"
        seen = await d.look(0.3)
        assert seen.condition.readings[NET].value == 0.0
        assert seen.condition.alarms == {alarm}
        site.command({"do": "grid", **NOMINAL})
        assert await _watts(d, 29.0) == 0.0
        seen = await d.look(10.0)
        assert seen.condition.readings[NET].value == pytest.approx(FULL_W, abs=1.0)
        assert seen.condition.alarms == frozenset()


@pytest.mark.parametrize("series", ["der700", "legacy"])
@pytest.mark.parametrize(
    ("kind", "beyond"),
    [(CurveKind.LVRT_MOMENTARY_CESSATION, LOW), (CurveKind.HVRT_MOMENTARY_CESSATION, HIGH)],
    ids=lambda part: part.value if isinstance(part, CurveKind) else "",
)
async def test_momentary_cessation_ends_with_the_disturbance(
    series: str, kind: CurveKind, beyond: tuple[tuple[float, float], dict[str, Any]]
) -> None:
    point, grid = beyond
    hand = Hand(UTC_S)
    async with simulated(hand, **_site(series, eager=False)) as site, desk(site.ports["x"], hand) as d:
        await _told(d, kind, point)
        site.command({"do": "grid", **grid})
        assert await _watts(d, 1.9) == pytest.approx(FULL_W, abs=1.0)
        seen = await d.look(0.3)
        assert seen.condition.readings[NET].value == 0.0
        assert seen.condition.alarms == frozenset()
        site.command({"do": "grid", **NOMINAL})
        # 50 % of 8000 W per second: no delay, its own ramp.
        assert await _watts(d, 3.0) == pytest.approx(FULL_W, abs=1.0)


@pytest.mark.parametrize("series", ["der700", "legacy"])
async def test_without_a_curve_of_ours_the_same_is_borne(series: str) -> None:
    hand = Hand(UTC_S)
    async with simulated(hand, **_site(series, eager=False)) as site, desk(site.ports["x"], hand) as d:
        for _, grid in (LOW, HIGH, LOW_HZ, HIGH_HZ):
            site.command({"do": "grid", **NOMINAL})
            site.command({"do": "grid", **grid})
            assert await _watts(d, 5.0) == pytest.approx(FULL_W, abs=1.0)
