"""Cold-load pickup: after an outage members return in turn, under the area's limit, instead of all at once.

After hours without power every heater, tank and car wants its full power: diversity is gone. Members come back by priority, then by how
long they have waited; the next one only when the area's own meter leaves room for the most that it may take. Without a meter's reading
nobody more comes back (rule 6). Who is back stays back: its import is limited to its share instead of being thrown off again, until it
wants no more than that: as long as a member presses on its share, it would take more without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

PRESSES = 0.9
"""Of its share: who takes so much would take more."""

NEAR = 0.9
"""Of the limit: so much is given out when shares are widened; the rest is for what members let go take meanwhile."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A member that is off. ``most_w``: what it may take when it returns; ``priority``: the smaller comes first."""

    member: str
    most_w: float
    priority: int = 100


@dataclass(frozen=True, slots=True)
class Pickup:
    """``back``: who is back, with the power reserved for it and the UTC second since when; ``waiting`` in order; ``free``: who is held no
    more; ``eased_utc_s``: when shares were changed last. Durable.
    """

    limit_w: float
    waiting: tuple[Waiting, ...]
    back: tuple[tuple[Waiting, float], ...] = ()
    free: frozenset[str] = frozenset()
    eased_utc_s: float = 0.0

    @property
    def over(self) -> bool:
        """Whether everyone is back, and nobody is held any more."""
        return not self.waiting and not self.back


def begin(limit_w: float, members: Mapping[str, Waiting]) -> Pickup:
    """Everyone is off."""
    return Pickup(limit_w, tuple(sorted(members.values(), key=lambda one: (one.priority, one.member))))


def step(
    pickup: Pickup, area_w: float | None, powers_w: Mapping[str, float], now_utc_s: float, settle_s: float = 60.0
) -> Pickup:
    """Let back whom the room allows. Who came back less than ``settle_s`` ago, or is not read, counts at all that it may take."""
    if area_w is None:
        return pickup
    reserved_w = 0.0
    for one, since_s in pickup.back:
        young = now_utc_s - since_s < settle_s
        read_w = powers_w.get(one.member)
        if young or read_w is None:
            # It may not show in the meter yet: what it still may add is kept free.
            reserved_w += max(0.0, one.most_w - max(0.0, read_w or 0.0))
    room_w = pickup.limit_w - area_w - reserved_w
    back, waiting = list(pickup.back), list(pickup.waiting)
    while waiting and waiting[0].most_w <= room_w:
        one = waiting.pop(0)
        room_w -= one.most_w
        back.append((one, now_utc_s))
    return replace(pickup, waiting=tuple(waiting), back=tuple(back))


def eased(
    pickup: Pickup,
    area_w: float,
    powers_w: Mapping[str, float],
    now_utc_s: float,
    share_w: float,
    settle_s: float,
    calm_s: float,
) -> Pickup:
    """When all have been back for ``calm_s``, once in ``settle_s``: whoever does not press on its share is let go where there is room for a
    whole share more under what is near the limit, since what a share kept off comes at once; those who press are given half of what
    is left of it. Where the area comes nearer, all of what is too much is taken back, down to the share they came back with, and who was
    let go and takes more than its share is held again, for ``calm_s``. Who is not read is held on (rule 6).
    """
    young = {one.member for one, since_s in pickup.back if now_utc_s - since_s < calm_s}
    if pickup.waiting or (young and not pickup.eased_utc_s):
        return pickup
    near_w = NEAR * pickup.limit_w - area_w
    if near_w < 0.0:
        again = sorted(member for member in pickup.free if powers_w.get(member, 0.0) > share_w)
        back = (*pickup.back, *((Waiting(member, share_w), now_utc_s) for member in again))
        pickup = replace(pickup, back=back, free=pickup.free.difference(again))
    if 0.0 <= now_utc_s - pickup.eased_utc_s < settle_s:
        return pickup
    presses = {one.member for one, _ in pickup.back if powers_w.get(one.member, one.most_w) >= PRESSES * one.most_w}
    calm = [one.member for one, _ in pickup.back if one.member not in presses | young]
    fit = max(0, int(near_w // share_w))
    gone = set(sorted(calm, key=lambda member: powers_w[member])[:fit])
    near_w -= len(gone) * share_w
    held = [(one, since_s) for one, since_s in pickup.back if one.member not in gone]
    moved = presses if near_w > 0.0 else {one.member for one, _ in held if one.most_w > share_w}
    more_w = (near_w / 2.0 if near_w > 0.0 else near_w) / max(1, len(moved))
    wider = tuple(
        (replace(one, most_w=max(share_w, one.most_w + more_w)) if one.member in moved else one, since_s)
        for one, since_s in held
    )
    return replace(pickup, back=wider, free=pickup.free | gone, eased_utc_s=now_utc_s)
