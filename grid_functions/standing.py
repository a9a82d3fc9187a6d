"""What every device is to hold, with the decision and the second since which that is so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint


@dataclass(frozen=True, slots=True)
class Standing:
    """A setpoint with the monotonic second since which it is what it is. ``made``: the same as it was made, without its decision."""

    setpoint: Setpoint
    since_s: float
    made: Setpoint


def stamped(
    before: Mapping[str, Standing], setpoints: Iterable[Setpoint], serial: int, now: Instants
) -> dict[str, Standing]:
    """A setpoint keeps the serial it was first made by for as long as it stays the same. ``setpoints``: as made, of no decision."""
    after = {}
    for one in setpoints:
        held = before.get(one.device)
        if held is None or (one is not held.made and one != held.made):
            held = Standing(replace(one, decision=serial), now.mono_s, one)
        after[one.device] = held
    return after
