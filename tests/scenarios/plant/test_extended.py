"""Extended operation of CSIP-AUS (ALL-25-EXT): three days of six-hour limits, the server asked, and told, once an hour."""

import pytest

from tests.scenarios.plant.stage import PV, plant

SITE = 0x03
RATED_W, LOAD_W = 8000.0, 1000.0
SHARES = (30, 120, 80, 10, 40, 150, 60, 20, 50, 100, 30, 80)
"""Of setMaxW, percent: four limits of each day, in the order of the procedure."""
TOLERANCE_W = 100.0


def given_w(limit_w: float) -> float:
    """What the plant exports under this limit: as much as the sun gives beside the house, at most."""
    return min(limit_w, RATED_W - LOAD_W)


@pytest.mark.parametrize(
    ("hour_s", "stride_s"),
    [pytest.param(3600, 20, marks=pytest.mark.long, id="in full"), pytest.param(60, 15, id="an hour a minute")],
)
async def test_three_days_of_controls_added_daily(hour_s: int, stride_s: int) -> None:
    """Each is received, started and completed, each limit holds until it ends, the hourly readings tell it; nothing else is exported."""
    async with plant(PV, load_w=LOAD_W) as site:
        site.default({"opModExpLimW": 0, "opModImpLimW": 0})
        site.rates(hour_s, "dcap", "edev", "fsa", "derp", "der", "mup")
        await site.pass_s(2 * hour_s + 120, stride_s=stride_s)
        assert site.produced_w(PV) == pytest.approx(LOAD_W, abs=TOLERANCE_W)
        begin_s = site.now_s
        numbers = []
        for day in range(3):
            for slot in range(4):
                share = SHARES[4 * day + slot] / 100.0
                modes = {"opModExpLimW": int(RATED_W * share), "opModImpLimW": int(RATED_W * share)}
                numbers.append(site.control(modes, duration_s=6 * hour_s, start_in_s=6 * hour_s * slot))
            day_s = site.now_s
            for slot in range(4):
                expected_w = given_w(RATED_W * SHARES[4 * day + slot] / 100.0)
                end_s = day_s + 6 * hour_s * (slot + 1)
                await site.pass_s(int(end_s - 4 * hour_s - site.now_s), stride_s=stride_s)
                since_s = site.now_s
                await site.pass_s(int(end_s - stride_s - site.now_s), stride_s=stride_s)
                assert site.worst_export_w(since_s) == pytest.approx(expected_w, abs=TOLERANCE_W), SHARES[
                    4 * day + slot
                ]
                told = {at: w for at, w in site.told_w(SITE).items() if since_s <= at <= site.now_s - hour_s}
                assert told, (day, slot)
                assert list(told.values()) == pytest.approx([-expected_w] * len(told), abs=TOLERANCE_W)
            await site.pass_s(int(day_s + 24 * hour_s + hour_s // 12 - site.now_s), stride_s=stride_s)
        await site.pass_s(2 * hour_s, stride_s=stride_s)
        assert site.produced_w(PV) == pytest.approx(LOAD_W, abs=TOLERANCE_W)
        assert [site.statuses(number) for number in numbers] == [[1, 2, 3]] * 12
        assert len([at for at in site.told_w(SITE) if at >= begin_s]) >= 70
        assert site.refused() == []
