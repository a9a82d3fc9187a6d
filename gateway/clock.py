"""The gateway's clocks: the machine's own, and each upstream's as its session has learnt it."""

import random
import time
from collections.abc import Callable, Mapping

from grid_functions.model.instants import Instants, UpstreamTime

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
        mono_s = time.monotonic()
        return Instants(mono_s, time.time(), {name: teller(mono_s) for name, teller in self._tellers.items()})


class SystemDice:
    """Chance for the jitter of retries; nothing that matters hangs on it."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def jitter(self, low_s: float, high_s: float) -> float:
        """The Dice port."""
        return self._random.uniform(low_s, high_s)
