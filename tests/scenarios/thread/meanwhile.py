"""Cases that mostly wait: each has a stage of its own, and all that are to run run beside one another and beside the other files' tests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

Case = Callable[[Path], Awaitable[None]]

CASES: dict[str, Case] = {}
"""By the name of their test."""


def meanwhile(case: Case) -> Callable[[Mapping[str, "asyncio.Task[None]"]], Awaitable[None]]:
    """A test that takes what came of the case, which the fixture `begun` has begun; the case gets an empty folder."""

    async def play(begun: Mapping[str, "asyncio.Task[None]"]) -> None:
        await begun[play.__name__]

    play.__name__ = play.__qualname__ = case.__name__
    play.__doc__ = case.__doc__
    CASES[play.__name__] = case
    return play
