"""Reactive modes and curves: from what won to one form per device, at most one of its kinds reactive (rule 4)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.ability import can
from grid_functions.allocate.share import Fence, Part, share
from grid_functions.model.claim import Claim, Devices, Ruling, Shape, Target
from grid_functions.model.control import Curve, FixedReactive, FrequencyDroop, PowerFactor, mode_of
from grid_functions.model.device import Seen
from grid_functions.model.policy import SiteTerms
from grid_functions.model.setpoint import Reactive
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_var


@dataclass(frozen=True, slots=True)
class Form:
    """``reactive``: the one reactive mode beside curves; ``shapes``: curves and droop, sorted by mode."""

    reactive: Reactive | FixedReactive | PowerFactor | None = None
    shapes: tuple[Curve | FrequencyDroop, ...] = ()


def forms(ruling: Ruling, snapshot: Snapshot, terms: SiteTerms, targets: Mapping[str, float]) -> dict[str, Form]:
    """By device. ``targets``: active power it is told, W, which leaves less of its apparent power."""
    found: dict[str, Form] = {}
    for claim in ruling.winners:
        if not isinstance(claim.scope, Devices):
            continue
        seen = {name: snapshot.devices[name] for name in sorted(claim.scope.names) if name in snapshot.devices}
        seen = {name: one for name, one in seen.items() if name in terms.devices and can(one, claim.mode, terms)}
        if isinstance(claim.want, Target) and claim.quantity is Quantity.REACTIVE:
            shares = _shares_var(claim.want.value, seen, targets)
            for name, value_var in shares.items():
                found[name] = replace(found.get(name, Form()), reactive=Reactive(value_var))
        elif isinstance(claim.want, Shape):
            for name in seen:
                found[name] = _with(found.get(name, Form()), claim)
    return found


def room_var(seen: Seen, target_w: float | None, *, absorb: bool) -> float:
    """The most reactive power beside this active power: the rating, and what the target leaves of the apparent power, var."""
    most = most_var(seen, absorb=absorb)
    rated_va = seen.nameplate.rated_va
    if target_w is None or rated_va is None or not 0 <= rated_va < math.inf:
        return most
    return min(most, math.sqrt(max(0.0, rated_va**2 - target_w**2)))


def _shares_var(value_var: float, seen: Mapping[str, Seen], targets: Mapping[str, float]) -> dict[str, float]:
    """By rating; one that does not answer keeps the share it has when all are there, and the others do the whole without it."""
    sign = 1.0 if value_var > 0 else -1.0
    parts = {name: Part(room_var(one, targets.get(name), absorb=value_var > 0)) for name, one in seen.items()}
    there = {name: part for name, part in parts.items() if seen[name].condition.online}
    whole = share(parts, [Fence(frozenset(parts), abs(value_var))])
    shares = {**whole, **share(there, [Fence(frozenset(there), abs(value_var))])}
    return {name: sign * value if value else 0.0 for name, value in shares.items()}


def _with(form: Form, claim: Claim) -> Form:
    control = claim.want.control if isinstance(claim.want, Shape) else None
    if isinstance(control, PowerFactor | FixedReactive):
        return replace(form, reactive=control)
    if isinstance(control, Curve | FrequencyDroop):
        return replace(form, shapes=tuple(sorted((*form.shapes, control), key=mode_of)))
    return form
