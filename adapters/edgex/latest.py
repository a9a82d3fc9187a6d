"""What a device told last of each resource, and when that was true; pure but for its memory.

A sample's ``origin`` is nanoseconds since 1970 of the clock of its device service. That clock is believed as far as it can be: what is from
the future (by more than :data:`AHEAD_S`, of the server's clock where that is known) is not taken, for nobody can say how old it is; so the
last that was told grows old.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from adapters.edgex.messages import Sample
from adapters.edgex.options import OriginClock
from grid_functions.model.instants import Instants

AHEAD_S: Final = 2.0
_BEHIND_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """``at_s``: monotonic, when it was true; ``heard_s``: when it came."""

    sample: Sample
    at_s: float
    heard_s: float


class Latest:
    """Of one device, by resource. ``wanted``: the resources that matter."""

    def __init__(self, wanted: Iterable[str], clock: OriginClock) -> None:
        self._wanted = frozenset(wanted)
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._ahead_s: dict[str, float] = {}

    def take(self, samples: Iterable[Sample], now: Instants, offset_s: float, *, live: bool = True) -> bool:
        """Whether anything of it is news. ``offset_s``: the server's clock less our UTC; ``live``: it was told now, not kept for us.

        Of one origin nothing is taken twice, and nothing older than what is known.
        """
        news = False
        for sample in samples:
            if sample.resource in self._wanted and (live or self._clock is OriginClock.ORIGIN):
                news |= self._one(sample, now, offset_s)
        return news

    def get(self, resource: str) -> Kept | None:
        """The last that was told."""
        return self._kept.get(resource)

    def heard_s(self, resources: Iterable[str]) -> float | None:
        """When the one of them that was heard longest ago came; None where one never did."""
        found = [self._kept.get(one) for one in resources]
        return min((one.heard_s for one in found if one is not None), default=None) if None not in found else None

    def doubt(self, now: Instants, old_s: float) -> str:
        """What is wrong with the device's clock, in words: from the future, or long ago though it comes now."""
        for resource, ahead_s in sorted(self._ahead_s.items()):
            return f"{resource} comes with a time {ahead_s:.0f} s ahead: set the clock of its device service, or clock: arrival"
        for resource, one in sorted(self._kept.items()):
            late_s = one.heard_s - one.at_s
            if late_s > max(_BEHIND_S, old_s) and now.mono_s - one.heard_s < old_s:
                return f"{resource} comes with a time {late_s:.0f} s ago: its clock is behind, or what it tells is old"
        return ""

    def _one(self, sample: Sample, now: Instants, offset_s: float) -> bool:
        age_s = now.utc_s + offset_s - sample.origin_ns / 1e9
        if self._clock is OriginClock.ARRIVAL:
            age_s = 0.0
        if age_s < -AHEAD_S:
            self._ahead_s[sample.resource] = -age_s
            return False
        self._ahead_s.pop(sample.resource, None)
        before = self._kept.get(sample.resource)
        if before is not None and self._old_news(sample.origin_ns, before.sample.origin_ns):
            return False
        self._kept[sample.resource] = Kept(sample, now.mono_s - max(0.0, age_s), now.mono_s)
        return True

    def _old_news(self, origin_ns: int, before_ns: int) -> bool:
        """A clock that does not count orders nothing either; the same stamp is the same news all the same."""
        return origin_ns == before_ns or (self._clock is OriginClock.ORIGIN and origin_ns < before_ns)
