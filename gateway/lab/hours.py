"""Accelerated time: an event loop whose clock jumps to whoever is due next, and stands still while anything real is under way.

Sockets and threads take real time, of which simulated time must know nothing: while a request is on the wire or a commit on its way to
disk, the loop waits for it; only when nothing is, it jumps.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterable, Mapping

from gateway.clock import SystemClock
from grid_functions.model.instants import Instants

PATIENCE_S = 30.0
"""Real seconds that something under way is waited for; then it counts as lost, and time goes on."""

_BOOTED_S = 1000.0


class _Jump(selectors.DefaultSelector):
    """Never waits for time, only for what is under way; adds up what it skipped."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._busy = busy
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0 and (timeout is None or self._busy()):
            ready = super().select(PATIENCE_S)
        if not ready and timeout is not None:
            self.skipped_s += max(0.0, timeout)
        return ready


class AcceleratedLoop(asyncio.SelectorEventLoop):
    """``began_utc_s``: UTC when it begins; ``busy``: whether anything real is under way, asked before every jump."""

    def __init__(self, began_utc_s: float, busy: Callable[[], bool]) -> None:
        self.began_utc_s = began_utc_s
        self._jump = _Jump(busy)
        super().__init__(self._jump)

    def time(self) -> float:
        """Monotonic seconds, simulated."""
        return _BOOTED_S + self._jump.skipped_s

    def utc_s(self) -> float:
        """UTC as epoch seconds, simulated."""
        return self.began_utc_s + self._jump.skipped_s

    def reach(self, utc_s: float) -> None:
        """Run until then."""
        self.run_until_complete(asyncio.sleep(max(0.0, utc_s - self.utc_s())))


class LoopClock(SystemClock):
    """The Clock port by an accelerated loop."""

    def __init__(self, loop: AcceleratedLoop) -> None:
        super().__init__()
        self._loop = loop

    def _seen(self, names: Iterable[str]) -> Instants:
        mono_s = self._loop.time()
        tellers: Mapping[str, Callable[[float], object]] = self._tellers
        told = {name: self._tellers[name](mono_s) for name in names if name in tellers}
        return Instants(mono_s, self._loop.utc_s(), told)
