"""Notices a stalled event loop and logs the stack that stalls it.

A thread looks whether the loop still ticks; the loop's own task only ticks. What is logged is the stack of the loop's thread at the moment
the stall was noticed, which is where it hangs.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable

import structlog

_log = structlog.get_logger("watchdog")


class Watchdog:
    """Watches the loop it is started in. ``noticed`` is called from the watching thread with seconds and stack."""

    def __init__(
        self, *, stall_s: float = 1.0, tick_s: float = 0.25, noticed: Callable[[float, str], None] | None = None
    ) -> None:
        self._stall_s = stall_s
        self._tick_s = tick_s
        self._noticed = noticed or _report
        self._ticked = time.monotonic()

    async def run(self) -> None:
        """Tick until cancelled."""
        thread_id = threading.get_ident()
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(thread_id, ended), name="loop-watchdog", daemon=True)
        self._ticked = time.monotonic()
        watcher.start()
        try:
            while True:
                await asyncio.sleep(self._tick_s)
                self._ticked = time.monotonic()
        finally:
            ended.set()

    def _watch(self, thread_id: int, ended: threading.Event) -> None:
        told_for = 0.0
        while not ended.wait(self._tick_s):
            ticked = self._ticked
            stalled_s = time.monotonic() - ticked
            if stalled_s < self._stall_s or told_for == ticked:
                continue
            told_for = ticked
            frame = sys._current_frames().get(thread_id)
            self._noticed(stalled_s, "".join(traceback.format_stack(frame)) if frame is not None else "")


def _report(stalled_s: float, stack: str) -> None:
    _log.error("event loop stalled", stalled_s=round(stalled_s, 2), stack=stack)
