"""Clearing an XOR market of 500 members with ten bids each, to a proven gap of 0.1 %.

Run with ``python -m benchmarks --only xor_clearing``. Bids are drawn: each of a member's packages reduces more, and asks more, than the one
before. Counted is CPU time from the bids to the award. The "peer" is the time that the market gives itself by default: 30 seconds.
"""

from time import process_time

import numpy as np

from benchmarks.row import Row
from gateway.solver import Solver
from grid_functions.area.xor_clearing import Market, cleared, clearing
from grid_functions.area.xor_market import XorMarketOptions
from grid_functions.letters import Bid

MEMBERS, BIDS, STEPS, ROUNDS = 500, 10, 6, 5
BUDGET_S = XorMarketOptions().clear_s


def run() -> list[dict[str, str | int | float | bool]]:
    """One row. Raises AssertionError when a market is not cleared to its gap, or a member wins twice."""
    ours = []
    for seed in range(ROUNDS):
        bids = _drawn(np.random.default_rng(seed))
        market = Market(np.full(STEPS, 0.6 * MEMBERS), 600.0, 2.0, 1e-3)
        began_s = process_time()
        found = cleared(Solver().solve(clearing(bids, market), BUDGET_S), bids, market)
        ours.append(process_time() - began_s)
        assert found.gap <= market.gap, found.gap
        given = sum(np.array(bid.kw) for bid in found.won.values())
        assert np.all(given + found.short_kw >= market.wanted_kw - 1e-6)
    case = f"{MEMBERS} members, {BIDS} bids each"
    return [Row("xor_clearing", case, "s", ours, [BUDGET_S] * ROUNDS, "30 s", 1.0).plain()]


def _drawn(draw: np.random.Generator) -> dict[str, tuple[Bid, ...]]:
    bids = {}
    for member in range(MEMBERS):
        shape, asks = draw.uniform(0.2, 1.0, STEPS), float(draw.uniform(0.05, 0.6))
        ones = []
        for number in range(BIDS):
            kw = tuple(np.round((number + 1) / BIDS * 3.0 * shape * draw.uniform(0.9, 1.1, STEPS), 3).tolist())
            ones.append(Bid(str(number), kw, round(asks * (1.0 + 0.1 * number) * sum(kw) / 6.0, 6)))
        bids[f"home-{member:03}"] = tuple(ones)
    return bids
