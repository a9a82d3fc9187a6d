"""Divides what is asked of an area among its members: a limit by room, a dispatch by reach. Never more than the whole.

The area's own meter sees more than the members: what the rest of it takes or gives is kept out of what is shared. Without a reading of it
a limit is divided as if the rest took its highest, never as if it took nothing (rule 6).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.model.lease import MemberReport


@dataclass(frozen=True, slots=True)
class Shared:
    """``parts`` by member, W; ``left``: what nobody could take."""

    parts: Mapping[str, float]
    left: float


def limit(total_w: float, rest_w: float, floors_w: Mapping[str, float], weights: Mapping[str, float]) -> Shared:
    """Parts of an import limit: everyone's floor first (what it cannot go below), the room above by weight. All >= 0.

    Where even the floors are too much, all are cut alike: the sum never exceeds the limit.
    """
    room_w = max(0.0, total_w - rest_w)
    floor_w = sum(max(0.0, one) for one in floors_w.values())
    if floor_w >= room_w:
        share = room_w / floor_w if floor_w > 0 else 0.0
        return Shared({member: max(0.0, one) * share for member, one in floors_w.items()}, 0.0)
    over_w, weight = room_w - floor_w, sum(weights[member] for member in floors_w)
    parts = {
        member: max(0.0, floor) + (over_w * weights[member] / weight if weight > 0 else over_w / len(floors_w))
        for member, floor in floors_w.items()
    }
    return Shared(parts, 0.0)


def dispatch(change_w: float, members: Mapping[str, MemberReport]) -> Shared:
    """New powers of members so that together they move by ``change_w``, each in proportion to how far it can move that way."""
    reach = {
        name: (one.most_w - one.power_w if change_w > 0 else one.power_w - one.least_w) for name, one in members.items()
    }
    reach = {name: max(0.0, one) for name, one in reach.items()}
    whole = sum(reach.values())
    moved = min(abs(change_w), whole)
    sign = 1.0 if change_w > 0 else -1.0
    parts = {
        name: one.power_w + (sign * moved * reach[name] / whole if whole > 0 else 0.0) for name, one in members.items()
    }
    return Shared(parts, sign * (abs(change_w) - moved))
