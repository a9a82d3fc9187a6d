"""Notices a stalled event loop and logs the stack that stalls it.

A thread looks what the loop's thread is at. One that waits for events cannot stall and is left asleep; one that is found at work is asked
whether it still turns. What is logged is the stack of the loop's thread at the moment the stall was noticed, which is where it hangs.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import structlog

_log = structlog.get_logger("watchdog")


class Watchdog:
    """Watches the loop it is started in, every ``look_s``; a stall is noticed ``stall_s`` after it was first looked at. ``noticed`` is
    called from the watching thread with seconds and stack."""

    def __init__(
        self, *, stall_s: float = 1.0, look_s: float = 1.0, noticed: Callable[[float, str], None] | None = None
    ) -> None:
        self._stall_s = stall_s
        self._look_s = look_s
        self._noticed = noticed or _report
        self._asked_s: float | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        self._asked_s = None
        loop, thread_id = asyncio.get_running_loop(), threading.get_ident()
        # A bare lock: it wakes for half of what an event does, and it wakes for ever.
        watching = threading.Lock()
        arguments = loop, thread_id, watching
        with watching:
            threading.Thread(target=self._watch, args=arguments, name="loop-watchdog", daemon=True).start()
            await loop.create_future()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int, watching: threading.Lock) -> None:
        told = False
        while not watching.acquire(timeout=self._look_s):
            now_s, asked_s = time.monotonic(), self._asked_s
            frame = sys._current_frames().get(thread_id)
            if asked_s is None:
                told = False
                if frame is None or not waits(frame):
                    self._asked_s = now_s
                    with suppress(RuntimeError):  # the loop has ended meanwhile
                        loop.call_soon_threadsafe(self._turned)
            elif not told and now_s - asked_s >= self._stall_s:
                told = True
                self._noticed(now_s - asked_s, "".join(traceback.format_stack(frame)) if frame is not None else "")

    def _turned(self) -> None:
        self._asked_s = None


def waits(frame: FrameType) -> bool:
    """Whether an event loop waits for events whose thread is at ``frame``: asyncio's in its selector, uvloop's beneath whoever runs it."""
    caller = frame.f_back
    selects = frame.f_code.co_name == "select" and caller is not None and _module(caller) == "asyncio.base_events"
    return selects or _module(frame) == "asyncio.runners"


def _module(frame: FrameType) -> object:
    return frame.f_globals.get("__name__")


def _report(stalled_s: float, stack: str) -> None:
    _log.error("event loop stalled", stalled_s=round(stalled_s, 2), stack=stack)
