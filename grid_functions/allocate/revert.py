"""What devices with a timer fall back to without us: as tight as the fail-safe, with the house consuming nothing."""

import math
from collections.abc import Mapping

from grid_functions.allocate.share import Fence, Part, share
from grid_functions.allocate.stand import Stand, members
from grid_functions.arbiter import limit_of, tightest
from grid_functions.model.claim import Claim, ConnectionPoint
from grid_functions.model.units import Quantity


def reverts(
    fail_safe: tuple[Claim, ...], quantity: Quantity, found: Mapping[str, Stand], limits: Mapping[str, float]
) -> Mapping[str, float]:
    """The revert limit of every limited device with a watchdog, W: the tighter of what is set now and its share of the fail-safe.

    From each bound goes first what devices without watchdog may still do. Import: nothing, since the house may need all of it.
    """
    armed = {name: found[name] for name in sorted(limits) if found[name].capability.watchdog}
    if not armed:
        return {}
    fences = []
    for claim in tightest(c for c in fail_safe if c.quantity is quantity).values():
        if quantity is Quantity.CONSUMED and isinstance(claim.scope, ConnectionPoint):
            return dict.fromkeys(armed, 0.0)
        names = members(claim, found)
        # what it reads back as, or what it is told now if that is more: either may hold when we fall silent
        left = [max(found[name].may_w, limits.get(name, 0.0)) for name in sorted(names - armed.keys())]
        fences.append(Fence(names & armed.keys(), limit_of(claim) - sum(left)))
    parts = {name: Part(limits[name], math.inf, 0.0, one.resolution_w) for name, one in armed.items()}
    return share(parts, fences)
