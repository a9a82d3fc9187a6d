"""Claims in, a ruling out: bounds all hold, each contest has one winner, every loser knows to whom and why. No state.

Rules 2 (limits intersect), 3 (targets), 4 (curves and reactive modes) and 5 (switches).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import is_

from grid_functions.model.claim import (
    Area,
    Basis,
    Bound,
    Claim,
    ConnectionPoint,
    Devices,
    Loss,
    LossReason,
    Ruling,
    Scope,
    Shape,
    SourceKind,
    Switch,
)
from grid_functions.model.control import Mode
from grid_functions.model.units import Phase, Quantity

BoundKey = tuple[frozenset[str] | str | None, Quantity, Phase | None]
"""The devices or the area of a bound, None = the connection; what it bounds there, and on which conductor."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruling and what it was made of."""

    claims: tuple[Claim, ...] = ()
    precedence: tuple[SourceKind, ...] = ()
    ruling: Ruling = field(default_factory=lambda: Ruling((), (), ()))


def ruled(before: Ruled, claims: tuple[Claim, ...], precedence: tuple[SourceKind, ...]) -> Ruled:
    """The ruling over these claims; while they are the very claims of before it is the one of before, and nothing is ruled again."""
    same = len(claims) == len(before.claims) and all(map(is_, claims, before.claims))
    return before if same and precedence is before.precedence else Ruled(claims, precedence, rule(claims, precedence))


def rule(claims: Iterable[Claim], precedence: Sequence[SourceKind]) -> Ruling:
    """The order of ``claims`` never matters. ``precedence``: whose target or curve wins between sources (rule 3)."""
    by_text = {_text(claim): claim for claim in claims}
    ordered = [by_text[text] for text in sorted(by_text)]
    bounds = tuple(claim for claim in ordered if isinstance(claim.want, Bound))
    switches = [claim for claim in ordered if isinstance(claim.want, Switch)]
    contested = [claim for claim in ordered if not isinstance(claim.want, Bound | Switch)]
    losses = list(_looser(bounds))
    winners: list[Claim] = []
    # connect and energize are two switches: a DER may be connected and yet not energize
    for mode in sorted({claim.mode for claim in switches}):
        on_off, refused = _switched([claim for claim in switches if claim.mode is mode], precedence)
        winners += on_off
        losses += refused
    for kind in sorted({_contest(claim) for claim in contested}):
        won, lost = _contested([claim for claim in contested if _contest(claim) == kind], precedence)
        winners += won
        losses += lost
    return Ruling(bounds, tuple(winners), tuple(losses))


def tightest(bounds: Iterable[Claim]) -> dict[BoundKey, Claim]:
    """The tightest bound of each scope, quantity and phase; of equal ones the first given (a ruling's bounds have one order)."""
    found: dict[BoundKey, Claim] = {}
    for claim in bounds:
        key = place_of(claim)
        held = found.setdefault(key, claim)
        if held is not claim and limit_of(claim) < limit_of(held):
            found[key] = claim
    return found


def place_of(claim: Claim) -> BoundKey:
    """Where a bound holds: of all that share it, one is the tightest."""
    scope = claim.scope
    if isinstance(scope, Devices):
        return scope.names, claim.quantity, claim.phase
    return scope.name if isinstance(scope, Area) else None, claim.quantity, claim.phase


def limit_of(claim: Claim) -> float:
    """The limit that a bound sets now, W or A."""
    if not isinstance(claim.want, Bound):
        raise TypeError(f"{claim.mode} is no bound")
    return claim.want.limit


def overlap(one: Scope, other: Scope) -> bool:
    """Whether two scopes share a device. The connection point has every device of the site behind it."""
    if isinstance(one, Area) or isinstance(other, Area):
        return one == other
    if isinstance(one, ConnectionPoint) or isinstance(other, ConnectionPoint):
        return True
    return bool(one.names & other.names)


def _looser(bounds: Sequence[Claim]) -> Iterable[Loss]:
    best = tightest(bounds)
    for claim in bounds:
        winner = best[place_of(claim)]
        if claim is not winner:
            yield Loss(claim, winner, LossReason.TIGHTER)


def _switched(switches: list[Claim], precedence: Sequence[SourceKind]) -> tuple[list[Claim], list[Loss]]:
    """Every off holds on its scope; an on loses where offs cover all of it, and shares its scope with none better."""
    winners: list[Claim] = []
    losses: list[Loss] = []
    for on in (False, True):
        left = [claim for claim in switches if isinstance(claim.want, Switch) and claim.want.on is on]
        while left:
            best = _champion(left, precedence)
            left.remove(best)
            rival = next((winner for winner in winners if winner.scope == best.scope), None)
            if on and rival is None:
                rival = _off_over(best, winners)
            if rival is None:
                winners.append(best)
            else:
                off = isinstance(rival.want, Switch) and not rival.want.on
                losses.append(Loss(best, rival, LossReason.OFF if off else _why(best, rival, precedence)))
    return winners, losses


def _off_over(on: Claim, winners: Sequence[Claim]) -> Claim | None:
    offs = [claim for claim in winners if isinstance(claim.want, Switch) and not claim.want.on]
    offs = [claim for claim in offs if overlap(claim.scope, on.scope)]
    if isinstance(on.scope, Devices):
        covered = frozenset[str]().union(*(claim.scope.names for claim in offs if isinstance(claim.scope, Devices)))
        return offs[0] if offs and on.scope.names <= covered else None
    return offs[0] if offs else None


_FREQUENCY = frozenset({Mode.FREQUENCY_WATT, Mode.FREQUENCY_DROOP})


def _contest(claim: Claim) -> str:
    """What a target or shape competes in: all reactive modes are one contest (rule 4), curves one per kind, targets one per quantity.

    Interpretation: droop and frequency-watt are one kind, for both say how active power answers frequency.
    """
    if claim.quantity in (Quantity.REACTIVE, Quantity.TEMPERATURE):
        return claim.quantity.value
    if claim.mode in _FREQUENCY:
        return "shape frequency"
    return f"shape {claim.mode.value}" if isinstance(claim.want, Shape) else f"target {claim.quantity.value}"


def _contested(claims: list[Claim], precedence: Sequence[SourceKind]) -> tuple[list[Claim], list[Loss]]:
    winners: list[Claim] = []
    losses: list[Loss] = []
    left = list(claims)
    while left:
        best = _champion(left, precedence)
        left.remove(best)
        rival = next((w for w in winners if w.phase == best.phase and overlap(w.scope, best.scope)), None)
        if rival is None:
            winners.append(best)
        else:
            losses.append(Loss(best, rival, _why(best, rival, precedence)))
    return winners, losses


def _champion(claims: Sequence[Claim], precedence: Sequence[SourceKind]) -> Claim:
    """Rule 3. Rank counts within one upstream only: so first the best of each upstream, then the newest of those.

    Of equals the first: ``claims`` come in the one order that their text gives them.
    """
    place = min(_place(claim, precedence) for claim in claims)
    peers = [claim for claim in claims if _place(claim, precedence) == place]
    upstreams = {_upstream(claim) for claim in peers}
    bests = [min((c for c in peers if _upstream(c) == name), key=_within) for name in sorted(upstreams)]
    return min(bests, key=_newest)


def _why(loser: Claim, winner: Claim, precedence: Sequence[SourceKind]) -> LossReason:
    if _place(loser, precedence) != _place(winner, precedence):
        return LossReason.PRECEDENCE
    if _upstream(loser) != _upstream(winner):
        return LossReason.NEWER
    if _order(loser) != _order(winner):
        return LossReason.RANK
    if _var(loser) != _var(winner):
        return LossReason.SMALLER
    return LossReason.RANK if loser.cause.rank != winner.cause.rank else LossReason.NEWER


def _place(claim: Claim, precedence: Sequence[SourceKind]) -> int:
    kind = claim.cause.source.kind
    if kind is SourceKind.SAFETY:
        return -1
    return precedence.index(kind) if kind in precedence else len(precedence)


def _upstream(claim: Claim) -> str:
    source = claim.cause.source
    return f"{source.kind.value} {source.respondent.upstream if source.respondent else source.name}"


_STANDS_BEHIND = {Basis.STANDING: 1, Basis.FAIL_SAFE: 2}


def _order(claim: Claim) -> tuple[int, float]:
    """Rule 0 between modes that compete: an event of any program before every standing, that before a fail-safe; then the level."""
    return (_STANDS_BEHIND.get(claim.cause.basis, 0), claim.cause.rank.level)


def _var(claim: Claim) -> float:
    return claim.magnitude_var if claim.quantity is Quantity.REACTIVE else 0.0


def _within(claim: Claim) -> tuple[tuple[int, float], float, float, tuple[int, ...], float]:
    """Interpretation: "equal rank" in rule 4 is an equal level: creation times order the events of one mode, not two modes."""
    rank = claim.cause.rank
    larger_tie = (*(-ord(letter) for letter in rank.tie), 1)  # the larger text first, and the longer of two that agree
    return (_order(claim), _var(claim), -rank.created_s, larger_tie, -claim.cause.received_utc_s)


def _newest(claim: Claim) -> float:
    return -claim.cause.received_utc_s


@lru_cache(maxsize=32_768)
def _text(claim: Claim) -> str:
    """All of a claim, and so a total order that is the same in every run: the text of a frozenset is not, its names are sorted first.

    A site that stands still makes the same claims again and again: remembered are those of a thousand sites.
    """
    scope, cause = claim.scope, claim.cause
    names = ",".join(sorted(scope.names)) if isinstance(scope, Devices) else repr(scope)
    held = (
        cause.source,
        cause.rank,
        cause.basis,
        cause.since,
        cause.until,
        cause.received_utc_s,
        cause.ramp,
        cause.cause,
    )
    addressed = ",".join(sorted(cause.addressees))
    rest = (
        claim.quantity,
        claim.phase,
        claim.want,
        claim.goal,
        claim.mode,
        claim.valid_until,
        claim.magnitude_var,
        cause.control,
        cause.program,
    )
    return f"{type(scope).__name__} {names} {rest!r} {held!r} {addressed} {cause.test} {cause.recovery}"
