"""A start that is cancelled leaves no process behind, whenever it is, on both event loops."""

import asyncio
import os
import sys
from collections.abc import Callable

import pytest
import uvloop

from gateway.child import begun

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def _cancelled_after(turns: int, holds: int) -> None:
    """It would hold ``holds`` open for an hour."""
    command = (sys.executable, "-c", "import time; time.sleep(3600)")
    starting = asyncio.create_task(begun(*command, stdout=asyncio.subprocess.PIPE, pass_fds=(holds,)))
    for _ in range(turns):
        await asyncio.sleep(0)
    # One that was quicker than we count has begun: whoever holds it ends it.
    if starting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await starting
    else:
        child = await starting
        child.kill()
        await child.wait()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 100])
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_who_is_cancelled_while_it_begins_leaves_no_process(
    loop: Callable[[], asyncio.AbstractEventLoop], turns: int
) -> None:
    """A pipe's end is told only when nobody holds its other end any more."""
    ear, holds = os.pipe()
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(asyncio.wait_for(_cancelled_after(turns, holds), 60.0))
        os.close(holds)
        os.set_blocking(ear, False)
        assert os.read(ear, 1) == b""
    finally:
        os.close(ear)


async def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        await begun("no-such-program")
