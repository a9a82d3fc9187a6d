"""How bounds and targets are kept by what devices are told."""

from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.allocate.aim import Aim
from grid_functions.allocate.direction import Shared, worst_w
from grid_functions.allocate.stand import Stand
from grid_functions.arbiter import limit_of, overlap, place_of, tightest
from grid_functions.model.claim import Claim, ConnectionPoint, Ruling
from grid_functions.model.units import Quantity

_CRUMB_W = 1e-6


@dataclass(frozen=True, slots=True)
class Served:
    """How a bound is kept: ``given_w`` is what may flow at most, more than ``asked_w`` where devices out of reach may exceed it.

    ``by``: the tighter bound on the same scope that decides, None when it is this one itself. Of a target, W positive = consume:
    what its devices are told and seen to do together, and the tightest bound that may have kept it from being all.
    """

    claim: Claim
    asked_w: float
    given_w: float
    by: Claim | None = None


def hit(aim: Aim, aimed: Mapping[str, float], ruling: Ruling) -> Served:
    """What a target comes to."""
    given_w = aim.others_w + sum(aimed.get(name, 0.0) for name in sorted(aim.names | aim.away))
    if abs(given_w - aim.value_w) <= _CRUMB_W:
        return Served(aim.claim, aim.value_w, given_w)
    short = Quantity.PRODUCED if given_w > aim.value_w else Quantity.CONSUMED
    near = [one for one in ruling.bounds if one.quantity is short and overlap(one.scope, aim.claim.scope)]
    return Served(aim.claim, aim.value_w, given_w, min(near, key=limit_of, default=None))


def bounds_served(quantity: Quantity, ruling: Ruling, found: Mapping[str, Stand], shared: Shared) -> tuple[Served, ...]:
    """Every bound of one direction."""
    bounds = [claim for claim in ruling.bounds if claim.quantity is quantity]
    best = tightest(bounds)
    told = []
    for claim in bounds:
        winner = best[place_of(claim)]
        at_connection = isinstance(claim.scope, ConnectionPoint)
        given_w = limit_of(winner) + shared.short_w if at_connection else worst_w(claim, found, shared.limits)
        told.append(Served(claim, limit_of(claim), given_w, None if winner is claim else winner))
    return tuple(told)
