"""Client procedures of CSIP-AUS that are judged by power: limits while the load varies, ramps, telemetry beside limits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.scenarios.plant.stage import BATTERY, PV, plant

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


async def test_an_export_limit_holds_while_the_load_varies() -> None:
    """GEN-13: 1600 W, 20 % of 8 kW."""
    async with plant(PV) as site:
        number = site.control({"opModExpLimW": 1600}, duration_s=360)
        await site.pass_s(90)
        for load_w in LOADS_W:
            since_s = site.now_s
            await site.pass_s(40, load_w=load_w)
            assert site.worst_export_w(since_s + BACK_S) <= 1600.0 + TOLERANCE_W
            assert site.produced_w(PV) == pytest.approx(1600.0 + load_w, abs=TOLERANCE_W)
        await site.pass_s(90)
        assert site.statuses(number) == [1, 2, 3]


SITE, DERS = 0x03, 0x49


@pytest.mark.parametrize(
    ("device", "modes", "site_w", "ders_w"),
    [
        # ALL-29: the house draws 1 kW, so the inverter gives that and the limit.
        (PV, lambda limit: {"opModExpLimW": limit}, lambda limit: -limit, lambda limit: -limit - 1000.0),
        # ALT-ALL-29: the battery charges with what the limit leaves it beside 1 kW.
        pytest.param(
            BATTERY,
            lambda limit: {"opModFixedW": -10_000, "opModImpLimW": limit},
            lambda limit: float(limit),
            lambda limit: limit - 1000.0,
            marks=pytest.mark.long,
        ),
    ],
    ids=["ALL-29", "ALT-ALL-29"],
)
async def test_telemetry_agrees_with_five_stepped_limits(
    device: str,
    modes: Callable[[int], dict[str, int]],
    site_w: Callable[[int], float],
    ders_w: Callable[[int], float],
) -> None:
    limits = (5000, 4000, 3000, 2000, 1500)
    async with plant(device) as site:
        begin_s = int(site.now_s // 60 + 2) * 60
        numbers = [
            site.control(modes(limit), start_in_s=int(begin_s - site.now_s) + 180 * step, duration_s=180)
            for step, limit in enumerate(limits)
        ]
        await site.pass_s(int(begin_s - site.now_s) + 180 * len(limits) + 120)
        for step, limit in enumerate(limits):
            last = begin_s + 180 * step + 120  # the last whole minute of its three
            assert site.told_w(SITE)[last] == pytest.approx(site_w(limit), abs=TOLERANCE_W)
            assert site.told_w(DERS)[last] == pytest.approx(ders_w(limit), abs=TOLERANCE_W)
        assert [site.statuses(number) for number in numbers] == [[1, 2, 3]] * len(limits)
        assert site.refused() == []


@pytest.mark.parametrize("kind", ["der700", "legacy"])
async def test_power_follows_the_ramp_of_a_control_and_the_gradient_back(kind: str) -> None:
    """ALL-25: rampTms 60 s from 8 kW to 2 kW, then setGradW 100 = 1 % of 8 kW per second upwards."""
    async with plant(PV, kind=kind) as site:
        site.default({}, setGradW=100)
        await site.pass_s(70)
        begin_s = site.now_s + 30
        number = site.control({"opModGenLimW": 2000, "rampTms": 6000}, start_in_s=30, duration_s=120)
        await site.pass_s(29)
        assert site.produced_w(PV) == pytest.approx(8000.0, abs=TOLERANCE_W)
        while site.now_s < begin_s + 115:
            await site.pass_s(5)
            since_s = site.now_s - begin_s
            expected = max(2000.0, 8000.0 - 100.0 * since_s)
            assert site.produced_w(PV) == pytest.approx(expected, abs=2 * 100.0 + TOLERANCE_W), since_s
        while site.now_s < begin_s + 190:
            await site.pass_s(5)
            since_s = site.now_s - begin_s - 120
            expected = min(8000.0, 2000.0 + 80.0 * max(0.0, since_s))
            assert site.produced_w(PV) == pytest.approx(expected, abs=2 * 80.0 + TOLERANCE_W), since_s
        assert site.statuses(number) == [1, 2, 3]


DRD_01: tuple[tuple[dict[str, Any], float, int], ...] = (
    # The order of the procedure; what the battery of 5 kW then gives, W, and operationalModeStatus.
    ({"opModConnect": False}, 0.0, 100),
    ({"opModFixedW": -7_500}, -3750.0, 103),
    ({"opModFixedW": -5_000}, -2500.0, 102),
    ({"opModFixedW": -1}, -0.5, 101),
    ({"opModFixedW": -10_000}, -5000.0, 104),
    ({"opModFixedW": 7_500}, 3750.0, 107),
    ({"opModFixedW": 5_000}, 2500.0, 106),
    ({"opModFixedW": 0}, 0.0, 105),
    ({"opModFixedW": 10_000}, 5000.0, 108),
)


async def test_nine_controls_of_demand_response_move_power_and_are_told_as_modes() -> None:
    """DRD-01: each a minute, one after the other."""
    async with plant(BATTERY) as site:
        begin_s = site.now_s + 60
        for step, (modes, _, _) in enumerate(DRD_01):
            site.control(modes, start_in_s=60 + 60 * step, duration_s=60)
        for step, (_, gives_w, mode) in enumerate(DRD_01):
            await site.pass_s(int(begin_s + 60 * step + 45 - site.now_s))
            assert site.produced_w(BATTERY) == pytest.approx(gives_w, abs=1.0), mode
            assert site.status_value("operationalModeStatus") == str(mode)
            assert site.status_value("alarmStatus") == "00000000"
        await site.pass_s(60)
        assert site.status_value("operationalModeStatus") == "2"
