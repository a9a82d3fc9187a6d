"""How a device's part waits for its next poll, or for news, and for what it began to end. Awaits."""

import asyncio
from collections.abc import Iterable


async def pause(news: asyncio.Event, seconds: float) -> None:
    """Until ``news`` is set or the seconds are over."""
    # A timer that rings by the event itself costs a tenth of a timeout, which cancels and raises.
    rung = False

    def ring() -> None:
        nonlocal rung
        rung = not news.is_set()
        news.set()

    handle = asyncio.get_running_loop().call_later(seconds, ring)
    try:
        await news.wait()
    finally:
        handle.cancel()
        # News that came in the same moment is served too: what follows a pause is a look at everything.
        if rung:
            news.clear()


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until all are done: before Python 3.12 a wait that ends in the same moment swallows its cancelling."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)
