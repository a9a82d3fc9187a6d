"""Processes of our own, begun so that none is left half begun."""

import asyncio
from contextlib import suppress
from typing import Any


async def begun(*command: str, **how: Any) -> asyncio.subprocess.Process:
    """As ``asyncio.create_subprocess_exec``; who is cancelled meanwhile leaves no process behind. Raises OSError.

    Half a start cannot be taken back: asyncio may then wait for ever for a child that nobody watches yet.
    """
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*command, **how))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            child = await starting
            child.kill()
            await child.wait()
        raise
