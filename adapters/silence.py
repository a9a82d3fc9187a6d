"""What a device may hold that does not answer: what it last showed or was written since, until its own timer ends that. Pure."""

import math
from dataclasses import dataclass, replace
from typing import Final

from grid_functions.model.device import Capability
from grid_functions.model.setpoint import Revert, Setpoint

LATE_S: Final = 10.0
"""A write may arrive that much later than we gave it up, and start the timer anew."""


@dataclass(frozen=True, slots=True)
class Reach:
    """``unseen``: the loosest of what was written since the device last read back as wanted; ``last_s``: when it last answered."""

    unseen: Setpoint | None = None
    last_s: float = -math.inf

    def wrote(self, wanted: Setpoint) -> "Reach":
        """This goes out now."""
        return Reach(wanted if self.unseen is None else _loosest(self.unseen, wanted), self.last_s)

    def answered(self, now_s: float) -> "Reach":
        """It answered, so that nothing older is still on its way."""
        return Reach(self.unseen, now_s)

    def confirmed(self) -> "Reach":
        """It reads back as wanted, so that nothing that was written before holds."""
        return self if self.unseen is None else Reach(None, self.last_s)


def held(holds: Setpoint | None, reach: Reach, now_s: float) -> Setpoint | None:
    """The loosest that it may hold, for who knows nothing newer than ``holds``; None = nothing is known.

    Once the timers of all that it may hold have run out, that is what they end in. Consumption has no timer of its own, and where a
    target lapses nobody knows what follows: it counts as if it had none.
    """
    may = _may(holds, reach)
    if may is None or may.revert is None or now_s < _lapse_s(may, reach):
        return may
    return replace(may, produce_max_w=may.revert.produce_max_w, revert=None)


def lapses_in_s(holds: Setpoint | None, reach: Reach, now_s: float) -> float:
    """Until :func:`held` becomes what the timers end in; infinity = it stays as it is."""
    may = _may(holds, reach)
    left_s = math.inf if may is None else _lapse_s(may, reach) - now_s
    return left_s if left_s > 0 else math.inf


def _lapse_s(may: Setpoint, reach: Reach) -> float:
    if may.revert is None or may.revert.produce_max_w is None or may.target_w is not None:
        return math.inf
    return reach.last_s + may.revert.after_s + LATE_S


def _may(holds: Setpoint | None, reach: Reach) -> Setpoint | None:
    return holds if holds is None or reach.unseen is None else _loosest(holds, reach.unseen)


def outlives(capability: Capability) -> bool:
    """Whether what such a device was told stays, however long nobody speaks to it."""
    if not capability.abilities or capability.watchdog:
        return False
    return capability.currents is None or capability.currents.fallback is None


def _loosest(one: Setpoint, other: Setpoint) -> Setpoint:
    """Whichever of both holds, this permits it; of the rest, what the first has."""
    return replace(
        one,
        produce_max_w=_most(one.produce_max_w, other.produce_max_w),
        consume_max_w=_most(one.consume_max_w, other.consume_max_w),
        target_w=other.target_w if one.target_w is None else one.target_w,
        on=one.on if one.on == other.on else None,
        connect=one.connect if one.connect == other.connect else None,
        revert=_latest(one.revert, other.revert),
    )


def _latest(one: Revert | None, other: Revert | None) -> Revert | None:
    if one is None or other is None:
        return None
    return Revert(
        max(one.after_s, other.after_s),
        _most(one.produce_max_w, other.produce_max_w),
        _most(one.consume_max_w, other.consume_max_w),
    )


def _most(one: float | None, other: float | None) -> float | None:
    """The looser limit; None = no limit."""
    return None if one is None or other is None else max(one, other)
