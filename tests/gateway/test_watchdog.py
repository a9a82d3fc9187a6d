"""A loop that stalls is noticed with the stack that stalls it, once for each stall."""

import asyncio
import threading
from contextlib import suppress

from gateway.watchdog import Watchdog

PATIENCE_S = 20.0


def hog_the_loop(noticed: threading.Event) -> bool:
    return noticed.wait(PATIENCE_S)  # blocks the loop's thread until the watchdog has spoken


async def test_each_stall_is_told_once_with_where_it_hangs() -> None:
    told: list[tuple[float, str]] = []
    noticed = threading.Event()

    def notice(stalled_s: float, stack: str) -> None:
        told.append((stalled_s, stack))
        noticed.set()

    watchdog = Watchdog(stall_s=0.05, tick_s=0.01, noticed=notice)
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
    watchdog = Watchdog(stall_s=PATIENCE_S, tick_s=0.001, noticed=lambda stalled_s, _: told.append(stalled_s))
    task = asyncio.create_task(watchdog.run())
    for _ in range(20):
        await asyncio.sleep(0.001)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert told == []
