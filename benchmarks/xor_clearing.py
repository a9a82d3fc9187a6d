"""Clearing an XOR market of 500 members with ten bids each: one interval to a proven gap of 0.01 %, six to 0.2 %, a day's hours to 1 %.

Run with ``python -m benchmarks --only xor_clearing``. Bids are drawn: each of a member's packages reduces more, and asks more, than the one
before. Counted is CPU time from the bids to the award. The "peer" is the time that a feeder can wait for its award: five seconds, and for a
day's hours the 30 that the market gives itself.
"""

from time import process_time

import numpy as np

from benchmarks.row import Row
from gateway.solver import Solver
from grid_functions.area.xor_clearing import Market, cleared, clearing
from grid_functions.area.xor_market import XorMarketOptions
from grid_functions.letters import Bid

MEMBERS, BIDS, ROUNDS = 500, 10, 5
CASES = ((1, 1e-4, 5.0), (6, 2e-3, 5.0), (24, 1e-2, XorMarketOptions().clear_s))
"""Intervals, the gap to be proven, and the seconds for it."""


def run() -> list[dict[str, str | int | float | bool]]:
    """A row for each case. Raises AssertionError when a market is not cleared to its gap, or less is awarded than it says."""
    return [_row(*case).plain() for case in CASES]


def _row(steps: int, gap: float, within_s: float) -> Row:
    ours = []
    for seed in range(ROUNDS):
        bids = _drawn(np.random.default_rng(seed), steps)
        market = Market(np.full(steps, 0.6 * MEMBERS), 600.0, 2.0, gap)
        began_s = process_time()
        found = cleared(Solver().solve(clearing(bids, market), XorMarketOptions().clear_s), bids, market)
        ours.append(process_time() - began_s)
        assert found.gap <= market.gap, found.gap
        given = sum(np.array(bid.kw) for bid in found.won.values())
        assert np.all(given + found.short_kw >= market.wanted_kw - 1e-6)
    case = f"{MEMBERS} members, {BIDS} bids each, intervals: {steps}, gap {gap:.2%}"
    return Row("xor_clearing", case, "s", ours, [within_s] * ROUNDS, f"{within_s:g} s", 1.0)


def _drawn(draw: np.random.Generator, steps: int) -> dict[str, tuple[Bid, ...]]:
    bids = {}
    for member in range(MEMBERS):
        shape, asks = draw.uniform(0.2, 1.0, steps), float(draw.uniform(0.05, 0.6))
        ones = []
        for number in range(BIDS):
            kw = tuple(np.round((number + 1) / BIDS * 3.0 * shape * draw.uniform(0.9, 1.1, steps), 3).tolist())
            ones.append(Bid(str(number), kw, round(asks * (1.0 + 0.1 * number) * sum(kw) / 6.0, 6)))
        bids[f"home-{member:03}"] = tuple(ones)
    return bids
