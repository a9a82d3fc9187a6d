"""Who does more than its new share for longer than the others may wait: slow devices, and those that say one thing and do another."""

from collections.abc import Mapping, Sequence

from grid_functions.allocate.share import Fence
from grid_functions.allocate.stand import Stand
from grid_functions.allocate.wish import EARLY_S

QUICK_S = 10.0
"""A bound is to be held within so many seconds: who settles later is made up for by the others meanwhile."""

_WAIT_S = 2.0
_TOLERANCE_SHARE = 0.04
_TOLERANCE_W = 100.0


def beyond(ours: Mapping[str, Stand], before: Mapping[str, float], now_s: float) -> dict[str, float]:
    """Since when each device has been doing more than it was told, monotonic seconds."""
    return {name: before.get(name, now_s) for name, one in ours.items() if _exceeds(one, one.sent_w)}


def late(
    ours: Mapping[str, Stand], limits: Mapping[str, float], since_s: Mapping[str, float], now_s: float
) -> dict[str, float]:
    """What devices do beyond these limits that will not be gone in time, W: the slow at once, the others once they should have settled."""
    found = {}
    for name, limit_w in limits.items():
        one = ours[name]
        defies = name in since_s and now_s >= _patient_until_s(one, since_s[name]) - EARLY_S
        if one.doing is not None and _exceeds(one, limit_w) and (one.capability.settle_s > QUICK_S or defies):
            found[name] = one.doing.value_w - limit_w
    return found


def due_s(ours: Mapping[str, Stand], since_s: Mapping[str, float], now_s: float) -> tuple[float, ...]:
    """When patience with devices that do more than they were told ends, all measured values being the same; monotonic."""
    ends = (_patient_until_s(ours[name], since) for name, since in since_s.items() if name in ours)
    return tuple(end for end in ends if end > now_s + EARLY_S)


def behind(fences: Sequence[Fence], late_w: Mapping[str, float]) -> list[Fence]:
    """The fences with what is late taken out of their room."""
    return [fence._replace(room_w=fence.room_w - fence.used_w(late_w)) for fence in fences]


def _patient_until_s(one: Stand, since_s: float) -> float:
    return since_s + one.capability.settle_s + _WAIT_S


def _exceeds(one: Stand, limit_w: float | None) -> bool:
    if limit_w is None or one.doing is None:
        return False
    return one.doing.value_w > limit_w + max(_TOLERANCE_SHARE * limit_w, _TOLERANCE_W)
