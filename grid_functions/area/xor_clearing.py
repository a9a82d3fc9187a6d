"""Exact clearing of an XOR market: which packages, at most one of each member, meet the demand at least cost.

    minimise   sum_b price_b y_b + penalty * sum_k short_k * dt
    subject to sum_{b of i} y_b <= 1 for every member i,  sum_b kw_bk y_b + short_k >= wanted_k for every interval k,  y binary

Demand is soft, so that there is always an award; what is short is told. Winners are paid what they bid.
Winner determination of XOR bids as in Sandholm, "Algorithm for optimal winner determination" (2002).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grid_functions.building.program import Draft, Problem, Solution, Vector
from grid_functions.letters import Bid


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """``wanted_kw`` by interval of ``step_s``; ``penalty``: currency per kWh short, above which no bid is worth taking."""

    wanted_kw: Vector
    step_s: float
    penalty: float
    gap: float = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Cleared:
    """``won``: each winner's bid; ``cost``: all that is paid; ``gap``: proven, against any other choice; ``short_kw`` by interval."""

    won: Mapping[str, Bid]
    cost: float
    short_kw: Vector
    gap: float


def fault_of(bid: Bid, market: Market, most_kw: float) -> str:
    """Why a bid is not let in; empty = it is."""
    if len(bid.kw) != len(market.wanted_kw):
        return f"has {len(bid.kw)} intervals, not {len(market.wanted_kw)}"
    if not all(0.0 <= one <= most_kw for one in bid.kw):
        return f"offers less than nothing or more than the {most_kw:g} kW it is connected with"
    return "" if bid.price >= 0.0 else "asks for less than nothing"


def clearing(bids: Mapping[str, Sequence[Bid]], market: Market) -> Problem:
    """The program: one binary column for each bid in order of member and bid, then what is short."""
    draft = Draft()
    ordered = _ordered(bids)
    picked = draft.block(len(ordered), 0.0, 1.0, np.array([bid.price for _, bid in ordered]), integer=True)
    hours = market.step_s / 3600.0
    short = draft.block(len(market.wanted_kw), 0.0, market.wanted_kw, market.penalty * hours)
    of: dict[str, list[int]] = {}
    for column, (member, _) in zip(picked, ordered, strict=True):
        of.setdefault(member, []).append(column)
    for columns in of.values():
        draft.row([(column, 1.0) for column in columns], -np.inf, 1.0)
    for k, wanted in enumerate(market.wanted_kw.tolist()):
        terms = [(picked[i], bid.kw[k]) for i, (_, bid) in enumerate(ordered) if bid.kw[k] > 0.0]
        draft.row([*terms, (short[k], 1.0)], wanted, np.inf)
    return Problem(draft.program(), draft.cost, market.gap)


def cleared(solution: Solution, bids: Mapping[str, Sequence[Bid]], market: Market) -> Cleared:
    """Read the answer; the gap is of cost and penalty together."""
    ordered = _ordered(bids)
    won = {
        member: bid for (member, bid), y in zip(ordered, solution.x[: len(ordered)].tolist(), strict=True) if y > 0.5
    }
    given = np.zeros(len(market.wanted_kw))
    for bid in won.values():
        given += np.array(bid.kw)
    short = np.clip(market.wanted_kw - given, 0.0, None)
    return Cleared(won, sum(bid.price for bid in won.values()), short, solution.gap)


def _ordered(bids: Mapping[str, Sequence[Bid]]) -> list[tuple[str, Bid]]:
    return [(member, bid) for member in sorted(bids) for bid in bids[member]]
