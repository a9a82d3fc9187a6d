"""The gateway's clocks: the machine's own, and each upstream's as its session has learnt it."""

import random
import time
from collections.abc import Callable, Iterable, Mapping

from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.ports import Clock

Teller = Callable[[float], UpstreamTime]
"""An upstream's time at a monotonic second."""


class SystemClock:
    """One look at all clocks."""

    def __init__(self) -> None:
        self._tellers: Mapping[str, Teller] = {}

    def follow(self, tellers: Mapping[str, Teller]) -> None:
        """Show the time of these upstreams, and of no others, from now on."""
        self._tellers = tellers

    def now(self) -> Instants:
        """The Clock port."""
        return self._seen(self._tellers)

    def showing(self, *names: str) -> Clock:
        """The same clocks with the time of these upstreams only, for whoever has to do with no others: a look costs by the upstream."""
        return _Part(self, names)

    def _seen(self, names: Iterable[str]) -> Instants:
        mono_s, tellers = time.monotonic(), self._tellers
        return Instants(mono_s, time.time(), {name: tellers[name](mono_s) for name in names if name in tellers})


class _Part:
    """Some of the clocks. Wears the Clock port."""

    def __init__(self, whole: SystemClock, names: tuple[str, ...]) -> None:
        self._whole = whole
        self._names = names

    def now(self) -> Instants:
        return self._whole._seen(self._names)


class SystemDice:
    """Chance for the jitter of retries; nothing that matters hangs on it."""

    def jitter(self, low_s: float, high_s: float) -> float:
        """The Dice port."""
        return _CHANCE.uniform(low_s, high_s)


_CHANCE = random.SystemRandom()
