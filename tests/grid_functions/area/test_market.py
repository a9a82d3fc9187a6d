"""XOR clearing against every choice there is, and what was delivered against what was awarded."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.solver import Solver
from grid_functions.area.delivery import Measured, Meter, verdict
from grid_functions.area.xor_clearing import Market, cleared, clearing, fault_of
from grid_functions.letters import Bid
from grid_functions.model.lease import MemberReport

HOUR = 3600.0


def market(*wanted_kw: float, penalty: float = 10.0) -> Market:
    return Market(np.array(wanted_kw), HOUR, penalty, gap=0.0)


def best(bids: dict[str, list[Bid]], of: Market) -> float:
    """Try them all."""
    totals = []
    for choice in product(*([None, *ones] for ones in bids.values())):
        given_kw = np.zeros(len(of.wanted_kw))
        price = 0.0
        for bid in choice:
            if bid is not None:
                given_kw += np.array(bid.kw)
                price += bid.price
        totals.append(price + of.penalty * float(np.clip(of.wanted_kw - given_kw, 0.0, None).sum()))
    return min(totals)


def test_the_cheapest_two_of_three_win() -> None:
    bids = {"a": [Bid("1", (3.0,), 3.0)], "b": [Bid("1", (2.0,), 1.0)], "c": [Bid("1", (3.0,), 2.5)]}
    found = cleared(Solver().solve(clearing(bids, market(5.0))), bids, market(5.0))
    assert set(found.won) == {"b", "c"}
    assert found.cost == pytest.approx(3.5)
    assert found.short_kw == pytest.approx([0.0])


def test_of_one_member_only_one_bid_wins() -> None:
    """Both together would do at 2.0; one alone leaves 2 kW short."""
    bids = {"a": [Bid("1", (2.0,), 1.0), Bid("2", (2.0,), 1.0)]}
    found = cleared(Solver().solve(clearing(bids, market(4.0))), bids, market(4.0))
    assert len(found.won) == 1
    assert found.short_kw == pytest.approx([2.0])


def test_no_bid_is_taken_that_costs_more_than_going_short() -> None:
    bids = {"a": [Bid("1", (1.0,), 20.0)]}
    found = cleared(Solver().solve(clearing(bids, market(1.0))), bids, market(1.0))
    assert found.won == {}


bids_of = st.lists(
    st.tuples(st.lists(st.integers(0, 5), min_size=2, max_size=2), st.integers(0, 30)), min_size=1, max_size=3
)


@settings(max_examples=60, deadline=None)
@given(st.lists(bids_of, min_size=1, max_size=4), st.lists(st.integers(0, 12), min_size=2, max_size=2))
def test_nobody_finds_a_better_award_by_trying_all(
    offers: list[list[tuple[list[int], int]]], wanted: list[int]
) -> None:
    bids = {
        f"m{i}": [Bid(str(j), tuple(map(float, kw)), float(price)) for j, (kw, price) in enumerate(ones)]
        for i, ones in enumerate(offers)
    }
    of = market(*map(float, wanted), penalty=3.0)
    found = cleared(Solver().solve(clearing(bids, of)), bids, of)
    total = found.cost + of.penalty * float(found.short_kw.sum())
    assert total == pytest.approx(best(bids, of), abs=1e-6)


@pytest.mark.parametrize(
    ("bid", "why"),
    [
        (Bid("1", (1.0, 1.0), 1.0), "intervals"),
        (Bid("1", (-1.0,), 1.0), "less than nothing"),
        (Bid("1", (11.0,), 1.0), "connected"),
        (Bid("1", (float("nan"),), 1.0), "less than nothing"),
        (Bid("1", (1.0,), -1.0), "asks for less"),
        (Bid("1", (1.0,), float("nan")), "asks for less"),
    ],
)
def test_a_bid_that_cannot_be_meant_is_not_let_in(bid: Bid, why: str) -> None:
    assert why in fault_of(bid, market(5.0), 10.0)


def report(utc_s: float, power_w: float, member: str = "a") -> dict[str, MemberReport]:
    return {member: MemberReport(member, utc_s, power_w, 0.0, 5000.0)}


def fed(*readings: tuple[float, float]) -> Measured:
    meter = Meter(1000.0, 1000.0 + HOUR)
    for utc_s, power_w in readings:
        meter = meter.fed(report(utc_s, power_w))
    return meter.sums.get("a", Measured())


def test_energy_is_the_area_under_the_readings() -> None:
    """A ramp of a minute from 0 to 6 kW is 50 Wh."""
    found = fed((1000.0, 0.0), (1060.0, 6000.0))
    assert found.energy_wh == pytest.approx(50.0)
    assert found.covered_s == 60.0


def test_it_is_cut_at_both_ends_of_the_event() -> None:
    """2 kW from 30 s before to 30 s after the beginning: 30 s of it are 16.67 Wh; the same at the end."""
    assert fed((970.0, 2000.0), (1030.0, 2000.0)).energy_wh == pytest.approx(2000.0 * 30 / HOUR)
    assert fed((4570.0, 2000.0), (4630.0, 2000.0)).covered_s == pytest.approx(30.0)


def test_a_gap_is_no_delivery_and_a_reading_from_the_past_adds_nothing() -> None:
    assert fed((1000.0, 2000.0), (1121.0, 2000.0)) == Measured()
    assert fed((1060.0, 2000.0), (1000.0, 0.0), (1060.0, 9000.0), (1120.0, 2000.0)).energy_wh == pytest.approx(
        2000.0 * 60 / HOUR
    )


def test_delivered_is_nine_tenths_of_what_was_awarded() -> None:
    """Base 3 kW, measured 1.1 kW over the hour: 1.9 kWh of the 2 kWh awarded."""
    assert verdict("a", 2000.0, 3000.0, Measured(1100.0, HOUR), HOUR).delivered
    assert not verdict("a", 2000.0, 3000.0, Measured(1300.0, HOUR), HOUR).delivered


def test_what_was_not_measured_was_not_delivered() -> None:
    unseen = verdict("a", 2000.0, 3000.0, Measured(500.0, HOUR / 2), HOUR)
    assert not unseen.delivered
    assert unseen.coverage == 0.5
    assert not verdict("a", 2000.0, None, Measured(0.0, HOUR), HOUR).delivered
    assert not verdict("a", 2000.0, 3000.0, Measured(), HOUR).delivered


def test_consuming_more_is_no_reduction() -> None:
    assert verdict("a", 2000.0, 3000.0, Measured(9000.0, HOUR), HOUR).delivered_wh == 0.0
