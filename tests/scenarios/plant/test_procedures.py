"""Client procedures of CSIP-AUS that are judged by power: limits while the load varies, ramps, telemetry beside limits."""

import pytest

from tests.scenarios.plant.stage import BATTERY, plant

LOADS_W = (1000.0, 4000.0, 500.0, 2500.0, 0.0, 3500.0)
TOLERANCE_W = 100.0
BACK_S = 10
"""Within this a step of load is made up for (the handbooks' 15 s for AS/NZS 4777.2, less what a meter takes)."""


async def test_an_import_limit_holds_while_the_load_varies() -> None:
    """LOA-13 with a battery told to charge at 5 kW: a limit of 4 kW at the connection point."""
    async with plant(BATTERY) as site:
        number = site.control({"opModFixedW": -10_000, "opModImpLimW": 4000}, duration_s=600)
        await site.pass_s(90, load_w=1000.0)
        assert site.produced_w(BATTERY) == pytest.approx(-3000.0, abs=TOLERANCE_W)
        for load_w in LOADS_W:
            since_s = site.now_s
            await site.pass_s(40, load_w=load_w)
            assert site.worst_import_w(since_s + BACK_S) <= 4000.0 + TOLERANCE_W
            assert site.produced_w(BATTERY) == pytest.approx(max(-5000.0, load_w - 4000.0), abs=TOLERANCE_W)
        await site.pass_s(360)
        assert site.statuses(number) == [1, 2, 3]
