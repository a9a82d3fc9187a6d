"""The talks of a day-ahead coordination: prices out, replies back, until the certificate is good enough. Pure and without messages.

Who is late, absent or wrong is seen to here (rules measured on fleets of 50 to 1,000 homes):

- a reply counts whenever it comes, as a column of its group; a price bounds from below only once **every** counted member answered it;
- prices stay open until the talks close: a late member is asked for all that it has not answered;
- a round posts one price to many members and several to few: a plan is mixed from replies, of which few members give too few a round;
- who has answered nothing for ``patience`` rounds is counted at its stated baseline, named, and no longer waited for;
- a reply is checked before it enters: finite, within what the member is connected with, its round known, the first answer counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grid_functions.area import peak
from grid_functions.area.peak import Column, Demand, Planned, Priced
from grid_functions.building.program import Vector

FURTHER = 5.0
"""By how much the pull of each further price of a round is weaker: the further away, the more it does for the plan and the less for the
bound. Of fifty homes 3 left the plan's peak twice as far over the optimum's, and 10 took as many rounds.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the talks are about. ``base_kw``: the stated baseline of each member; ``most_kw``: its connection, import and export alike.

    ``gap``: relative, at which the talks end; ``rounds`` 1..60 at most; ``patience`` rounds without any answer make a member absent;
    ``groups``: how many columns a round adds at most: members are dealt to groups in turn.
    """

    demand: Demand
    base_kw: Mapping[str, Vector]
    most_kw: Mapping[str, float]
    gap: float = 0.005
    rounds: int = 60
    patience: int = 2
    groups: int = 200

    @property
    def steps(self) -> int:
        """The length of every series."""
        return len(self.demand.fixed_kw)


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """A member's answer to the price of one round: its cost at the standing tariff, comfort included, and its net power."""

    cost: float
    net_kw: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Talks:
    """``prices`` in the order they were posted, currency per kW and step; ``firsts``: the number of each round's first, its last is the
    one the bundle hopes most of. ``best``: the plan of least cost so far; ``lower``: the best bound so far. ``spurned``: who has answered
    which price with what cannot be taken.
    """

    prices: tuple[Vector, ...]
    pull: float
    firsts: tuple[int, ...] = (0,)
    hoped: float | None = None
    lower: float = -float("inf")
    centre: int = 0
    bounded: frozenset[int] = frozenset()
    replies: Mapping[str, Mapping[int, Reply]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    spurned: frozenset[tuple[str, int]] = frozenset()
    best: Planned | None = None
    planned_of: tuple[tuple[int, int], ...] = ()

    @property
    def round(self) -> int:
        """The round that was posted last, from 0."""
        return len(self.firsts) - 1

    def posted(self, rounds: int) -> range:
        """The numbers of the prices of the last so many rounds."""
        return range(self.firsts[max(0, len(self.firsts) - rounds)], len(self.prices))

    @property
    def real(self) -> bool:
        """Whether the plan in hand is made of replies alone: what a baseline costs its member is not known."""
        return all(number >= 0 for _, number in self.planned_of)

    @property
    def gap(self) -> float:
        """(upper - lower) / upper of the plan in hand; infinite while there is none, or while baselines stand in for replies."""
        if self.best is None or not self.real or not np.isfinite(self.lower):
            return float("inf")
        return max(0.0, self.best.cost - self.lower) / max(abs(self.best.cost), 1e-9)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the plan is worth, shown without any central solve. Conditional on the baselines of those who are ``missing``."""

    rounds: int
    peak_kw: float
    over_kw: float
    lower: float
    upper: float
    gap: float
    missing: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def begin(terms: Terms) -> Talks:
    """The first price is the same at every step."""
    steps = terms.steps
    first = np.full(steps, terms.demand.charge / steps)
    return Talks((first,), peak.first_pull(len(terms.base_kw), max(terms.demand.charge, 1e-9)))


def unanswered(talks: Talks, terms: Terms) -> dict[str, tuple[int, ...]]:
    """Which open prices each member that is counted has not answered yet."""
    open_ = {}
    for member in sorted(terms.base_kw):
        if member not in talks.absent:
            mine = talks.replies.get(member, {})
            missing = tuple(r for r in range(len(talks.prices)) if r not in mine)
            if missing:
                open_[member] = missing
    return open_


def fault_of(member: str, number: int, reply: Reply, talks: Talks, terms: Terms) -> str:
    """Why a reply cannot be taken; empty = it can."""
    if member not in terms.base_kw:
        return "no member of this coordination"
    if member in talks.absent:
        return "counted at its baseline already"
    if not 0 <= number < len(talks.prices):
        return f"answers price {number}, which was never posted"
    if number in talks.replies.get(member, {}):
        return f"answers price {number} a second time; the first answer counts"
    if reply.net_kw.shape != (terms.steps,):
        return f"has {reply.net_kw.size} values, not {terms.steps}"
    if not (np.isfinite(reply.cost) and np.all(np.isfinite(reply.net_kw))):
        return "holds what is no finite number"
    if np.max(np.abs(reply.net_kw)) > terms.most_kw[member] * 1.001:
        return f"goes beyond the {terms.most_kw[member]:g} kW it is connected with"
    return ""


def heard(talks: Talks, replies: Iterable[tuple[str, int, Reply]], terms: Terms) -> Talks:
    """Take what was answered; what cannot be taken is named and changes nothing."""
    taken = {member: dict(mine) for member, mine in talks.replies.items()}
    refused, spurned = dict(talks.refused), set(talks.spurned)
    for member, number, reply in replies:
        fault = fault_of(member, number, reply, replace(talks, replies=taken), terms)
        if not fault:
            taken.setdefault(member, {})[number] = reply
            continue
        refused[member] = fault
        if member in terms.base_kw and 0 <= number < len(talks.prices):
            spurned.add((member, number))
    return replace(talks, replies=taken, refused=refused, spurned=frozenset(spurned))


def complete(talks: Talks, terms: Terms) -> bool:
    """Whether everyone who is counted has answered the last round. Who answered what cannot be taken would answer the same again."""
    return all(
        number in talks.replies.get(member, {}) or (member, number) in talks.spurned
        for member in terms.base_kw
        if member not in talks.absent
        for number in talks.posted(1)
    )


def closed_round(talks: Talks, terms: Terms) -> Talks:
    """The round is over: who was silent too long is counted at its baseline, and the bounds are taken anew."""
    silent = frozenset(
        member
        for member in terms.base_kw
        if member not in talks.absent
        and talks.round + 1 >= terms.patience
        and not any(number in talks.replies.get(member, {}) for number in talks.posted(terms.patience))
    )
    if silent:
        # Whoever is counted otherwise from now on was counted otherwise in every bound.
        talks = replace(
            talks, absent=talks.absent | silent, bounded=frozenset(), lower=-float("inf"), best=None, planned_of=()
        )
    lower, centre, bounded, pull = talks.lower, talks.centre, set(talks.bounded), talks.pull
    counted = [member for member in sorted(terms.base_kw) if member not in talks.absent]
    demand = demand_of(talks, terms)
    for number, price in enumerate(talks.prices):
        if number in bounded or not all(number in talks.replies.get(member, {}) for member in counted):
            continue
        bounded.add(number)
        answers = [talks.replies[member][number] for member in counted]
        found = peak.dual([Column(0, one.cost, one.net_kw) for one in answers], price, demand)
        if number == len(talks.prices) - 1 and talks.hoped is not None and np.isfinite(lower):
            pull = peak.pull_after(pull, lower, found, talks.hoped)
        if found > lower:
            lower, centre = found, number
    return replace(talks, lower=lower, centre=centre, bounded=frozenset(bounded), pull=pull)


def demand_of(talks: Talks, terms: Terms) -> Demand:
    """The area's demand with the absent at their baselines."""
    fixed = terms.demand.fixed_kw + sum((terms.base_kw[one] for one in sorted(talks.absent)), np.zeros(terms.steps))
    return replace(terms.demand, fixed_kw=fixed)


def groups_of(talks: Talks, terms: Terms) -> tuple[tuple[str, ...], ...]:
    """Who shares a column: everyone for himself while there are few."""
    counted = [member for member in sorted(terms.base_kw) if member not in talks.absent]
    count = min(len(counted), terms.groups)
    return tuple(tuple(counted[first::count]) for first in range(count))


def columns_of(talks: Talks, terms: Terms) -> tuple[tuple[Column, ...], tuple[tuple[int, int], ...]]:
    """Every column there is, and (group, round) of each: a group has one for every round that all of it answered.

    A group that has none yet stands at its baselines, at no cost of its own, so that there is a plan from the first round on.
    """
    columns, names = [], []
    for number, group in enumerate(groups_of(talks, terms)):
        mine = [talks.replies.get(member, {}) for member in group]
        whole = sorted(set.intersection(*(set(one) for one in mine)))
        for round_ in whole:
            net = sum((one[round_].net_kw for one in mine), np.zeros(terms.steps))
            columns.append(Column(number, sum(one[round_].cost for one in mine), net))
            names.append((number, round_))
        if not whole:
            net = sum((terms.base_kw[member] for member in group), np.zeros(terms.steps))
            columns.append(Column(number, 0.0, net))
            names.append((number, -1))
    return tuple(columns), tuple(names)


def with_plan(talks: Talks, planned: Planned, names: tuple[tuple[int, int], ...]) -> Talks:
    """Keep a plan if it is the best so far; one made of replies is better than any that baselines stand in for."""
    found = replace(talks, best=planned, planned_of=names)
    if talks.best is None or (found.real and not talks.real):
        return found
    return found if found.real == talks.real and planned.cost < talks.best.cost else talks


def posts_of(members: int) -> int:
    """How many prices a round posts: as many more columns make up for few members, and as few as not to burden many.

    Ten homes come to 0.5 % in half the rounds with four; of fifty the plan's peak comes within 2 % of the optimum's with three.
    """
    return 4 if members <= 20 else 3 if members <= 100 else 1


def pulls_of(talks: Talks, terms: Terms) -> tuple[float, ...]:
    """The pulls of the next round's prices: the further from the centre, the more a reply differs from those there are."""
    return tuple(talks.pull / FURTHER**more for more in reversed(range(posts_of(len(terms.base_kw)))))


def with_prices(talks: Talks, found: Sequence[Priced]) -> Talks:
    """Post the next round, what was found at the strongest pull last."""
    prices = (*talks.prices, *(one.price for one in found))
    return replace(talks, prices=prices, firsts=(*talks.firsts, len(talks.prices)), hoped=found[-1].model)


def done(talks: Talks, terms: Terms) -> bool:
    """Whether there is nothing more to gain, or no more round to gain it in."""
    return talks.gap <= terms.gap or len(talks.firsts) >= terms.rounds


def weights_of(talks: Talks, terms: Terms) -> dict[str, tuple[tuple[int, float], ...]]:
    """The plan by member: (number of the price, weight) on its own replies; -1 = its baseline."""
    if talks.best is None:
        return {}
    groups = groups_of(talks, terms)
    of: dict[int, list[tuple[int, float]]] = {}
    for (group, number), weight in zip(talks.planned_of, talks.best.weights.tolist(), strict=True):
        if weight > 1e-6:
            of.setdefault(group, []).append((number, weight))
    told: dict[str, tuple[tuple[int, float], ...]] = {}
    for group, ones in of.items():
        total = sum(weight for _, weight in ones)
        mine = tuple((number, weight / total) for number, weight in ones)
        told |= dict.fromkeys(groups[group], mine)
    return told


def profile_of(member: str, talks: Talks, terms: Terms) -> Vector:
    """The reference profile that the weights amount to, kW."""
    mine = weights_of(talks, terms).get(member, ((-1, 1.0),))
    replies = talks.replies.get(member, {})
    profile = np.zeros(terms.steps)
    for number, weight in mine:
        profile += weight * (terms.base_kw[member] if number < 0 else replies[number].net_kw)
    return profile


def certificate(talks: Talks, terms: Terms) -> Certificate | None:
    """What can be said of the plan in hand; None while there is none."""
    if talks.best is None:
        return None
    return Certificate(
        rounds=len(talks.firsts),
        peak_kw=talks.best.peak_kw,
        over_kw=talks.best.over_kw,
        lower=talks.lower,
        upper=talks.best.cost,
        gap=talks.gap,
        missing=tuple(sorted(talks.absent)),
        refused=tuple(sorted(talks.refused.items())),
    )
