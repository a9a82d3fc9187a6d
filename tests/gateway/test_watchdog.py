"""A loop that stalls is noticed with the stack that stalls it, once for each stall."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
import uvloop

from gateway.watchdog import Watchdog, waits

PATIENCE_S = 20.0


def hog_the_loop(noticed: threading.Event) -> bool:
    return noticed.wait(PATIENCE_S)  # blocks the loop's thread until the watchdog has spoken


async def test_each_stall_is_told_once_with_where_it_hangs() -> None:
    told: list[tuple[float, str]] = []
    noticed = threading.Event()

    def notice(stalled_s: float, stack: str) -> None:
        told.append((stalled_s, stack))
        noticed.set()

    watchdog = Watchdog(stall_s=0.05, look_s=0.01, noticed=notice)
    for number in (1, 2):  # begun again, it watches again
        task = asyncio.create_task(watchdog.run())
        await asyncio.sleep(0)
        noticed.clear()
        assert hog_the_loop(noticed)
        # The same stall goes on for three looks more: not told again.
        looks = threading.Event()
        looks.wait(0.04)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert len(told) == number
    for stalled_s, stack in told:
        assert stalled_s >= 0.05
        assert "hog_the_loop" in stack


async def test_a_loop_that_ticks_is_left_in_peace() -> None:
    told: list[float] = []
    watchdog = Watchdog(stall_s=PATIENCE_S, look_s=0.001, noticed=lambda stalled_s, _: told.append(stalled_s))
    task = asyncio.create_task(watchdog.run())
    for _ in range(20):
        await asyncio.sleep(0.001)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert told == []


@pytest.mark.parametrize("new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_a_loop_that_waits_is_told_from_one_that_works(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    begun, over, worked = threading.Event(), threading.Event(), threading.Event()
    found: list[asyncio.AbstractEventLoop] = []
    ended: list[asyncio.Event] = []

    async def wait() -> None:
        found.append(asyncio.get_running_loop())
        ended.append(asyncio.Event())
        begun.set()
        await ended[0].wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(wait())

    def is_(waiting: bool) -> bool:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            if thread.ident is not None and waits(sys._current_frames()[thread.ident]) is waiting:
                return True
        return False

    def work() -> None:
        worked.set()
        over.wait(PATIENCE_S)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(PATIENCE_S)
        assert is_(waiting=True)
        found[0].call_soon_threadsafe(work)
        assert worked.wait(PATIENCE_S)
        assert is_(waiting=False)
    finally:
        over.set()
        found[0].call_soon_threadsafe(ended[0].set)
        thread.join(PATIENCE_S)
