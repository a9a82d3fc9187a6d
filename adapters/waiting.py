"""How a device's part waits for its next poll, or for news. Awaits."""

import asyncio


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
