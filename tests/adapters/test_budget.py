"""So many writes a minute, so many a day for each point that wears; what tightens is never held back."""

from dataclasses import replace

import pytest

from adapters.budget import Budget, decode_budget, encode_budget
from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from grid_functions.model.device import Capability, Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, Drawer, desk, simulated

RATE = "702.WChaRteMax"
OF = Capability(writes_per_minute=3.0, writes_per_day=2.0, wearing=frozenset({RATE}))
NOON_S = 20_000 * 86_400.0 + 43_200.0


def at(now_s: float) -> Instants:
    """So many seconds after noon."""
    return Instants(now_s, NOON_S + now_s)


def test_a_minute_takes_its_writes_and_no_more() -> None:
    budget = Budget()
    for now_s in (0.0, 1.0, 2.0):
        assert budget.refusal(["704.WMaxLimPct"], OF, at(now_s)) == ""
        budget = budget.after(["704.WMaxLimPct"], OF, at(now_s))
    assert "3 writes a minute" in budget.refusal(["704.WMaxLimPct"], OF, at(59.9))
    assert budget.refusal(["704.WMaxLimPct"], OF, at(60.0)) == ""


def test_a_day_takes_so_many_of_a_point_that_wears() -> None:
    budget = Budget().after([RATE, "704.WMaxLimPct"], OF, at(0.0)).after([RATE], OF, at(100.0))
    assert RATE in budget.refusal([RATE, "704.WMaxLimPct"], OF, at(200.0))
    assert budget.refusal(["704.WMaxLimPct"], OF, at(200.0)) == ""
    # The day ends twelve hours after noon, UTC.
    assert budget.refusal([RATE], OF, at(43_199.9)) != ""
    assert budget.refusal([RATE], OF, at(43_200.0)) == ""
    assert budget.after([RATE], OF, at(43_200.0)).spent == {RATE: 1}


def test_where_nothing_wears_a_day_has_no_end_of_writes() -> None:
    budget, of = Budget(), replace(OF, writes_per_day=None)
    for number in range(10):
        budget = budget.after([RATE], of, at(100.0 * number))
    assert budget.refusal([RATE], of, at(1000.0)) == ""


def test_the_days_count_outlives_the_process_and_the_minutes_does_not() -> None:
    budget = Budget().after([RATE], OF, at(0.0)).after([RATE], OF, at(1.0)).after(["704.WSet"], OF, at(2.0))
    back = decode_budget(*encode_budget(budget))
    assert (back.day, back.spent) == (20_000, {RATE: 2})
    assert back.refusal(["704.WSet"], OF, at(3.0)) == ""
    assert back.refusal([RATE], OF, at(3.0)) != ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"day": "x", "spent": {}}', b'{"day": 1, "spent": {"a": "b"}}'])
def test_a_count_that_cannot_be_read_begins_anew(body: bytes) -> None:
    assert decode_budget(1, body) == Budget()
    assert decode_budget(2, b'{"day": 1, "spent": {}}') == Budget()


class Frail(SunSpec):
    """Takes four writes a minute."""

    def capability(self, found: Found) -> Capability:
        return replace(super().capability(found), writes_per_minute=4.0)


async def test_loosening_waits_for_the_next_minute_and_tightening_does_not() -> None:
    hand = Hand(UTC_S)
    async with (
        simulated(hand) as simulator,
        desk(simulator.ports["b"], hand, family=Frail(), memory=Drawer()) as at_desk,
    ):

        async def told(limit_w: float, after_s: float = 1.0) -> float | None:
            at_desk.driver.want(Setpoint("device", 1, produce_max_w=limit_w))
            seen = await at_desk.look(after_s)
            holds = seen.condition.holds
            return None if holds is None else holds.produce_max_w

        for limit_w in (1000.0, 2000.0, 3000.0, 4000.0):
            assert await told(limit_w) == limit_w
        assert await told(5000.0) == 4000.0
        assert Trouble.WRITES_SPENT in at_desk.looks[-1].condition.troubles
        assert "4 writes a minute" in at_desk.looks[-1].condition.text
        assert await told(500.0) == 500.0
        assert Trouble.WRITES_SPENT not in at_desk.looks[-1].condition.troubles
        assert await told(5000.0) == 500.0
        assert await told(5000.0, after_s=61.0) == 5000.0
        assert Trouble.WRITES_SPENT not in at_desk.looks[-1].condition.troubles
