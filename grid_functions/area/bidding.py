"""A market while it waits for bids: whose letters count, which packages can be meant, and why the others are out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from grid_functions.area.settlement import Awarded, Won
from grid_functions.area.xor_clearing import Cleared, Market, fault_of
from grid_functions.letters import Bid, Bids

_REFUSALS = 500
"""Kept in an award record at most: who writes nonsense without end fills no ledger."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A market from its opening to its award. ``asked``: bids are closed, and the clearing is out."""

    name: str
    start_utc_s: float
    market: Market
    invited: tuple[str, ...]
    base_w: Mapping[str, float]
    deadline_utc_s: float
    bids: Mapping[str, tuple[Bid, ...]] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()
    asked: bool = False

    @property
    def silent(self) -> tuple[str, ...]:
        """Who was asked and did not answer."""
        return tuple(sorted(set(self.invited) - self.bids.keys()))


def refused(session: Session, member: str, faults: Iterable[str]) -> Session:
    """With what is held against a member."""
    told = dict.fromkeys((*session.refused, *((member, why) for why in faults)))
    return replace(session, refused=tuple(told)[:_REFUSALS])


def taken(session: Session, member: str, letter: Bids, most: int, most_kw: float) -> tuple[Session, list[str]]:
    """The first letter of a member counts, of up to ``most`` bids; of it every bid that can be meant."""
    fault = ""
    if session.asked:
        fault = "bids too late"
    elif member not in session.invited:
        fault = "bids without having been asked"
    elif member in session.bids:
        fault = "bids a second time: the first letter counts"
    elif len(letter.bids) > most:
        fault = f"has {len(letter.bids)} bids, {most} at most"
    elif len({bid.id for bid in letter.bids}) < len(letter.bids):
        fault = "names two bids alike"
    elif letter.bids and member not in session.base_w:
        fault = "bids, but no baseline was measured: what it delivers could not be verified"
    if fault:
        return refused(session, member, [fault]), [fault]
    # Who exports already can reduce by what its connection leaves.
    most_kw = most_kw + min(0.0, session.base_w.get(member, 0.0) / 1000.0)
    faults = {bid.id: fault_of(bid, session.market, most_kw) or _empty(bid) for bid in letter.bids}
    good = tuple(bid for bid in letter.bids if not faults[bid.id])
    session = replace(session, bids={**session.bids, member: good})
    odd = [f"bid {bid} {why}" for bid, why in faults.items() if why]
    return refused(session, member, odd), odd


def awarded(session: Session, found: Cleared) -> Awarded:
    """The award record."""
    return Awarded(
        session.name,
        session.start_utc_s,
        session.market.step_s,
        tuple(session.market.wanted_kw.tolist()),
        {member: Won(bid.id, bid.kw, bid.price, session.base_w[member]) for member, bid in found.won.items()},
        found.cost,
        tuple(found.short_kw.tolist()),
        found.gap,
        session.refused,
        session.silent,
    )


def _empty(bid: Bid) -> str:
    return "" if any(bid.kw) else "reduces nothing"
