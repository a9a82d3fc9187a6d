"""A real process, killed at once whatever it does, over real TLS, Modbus and disk; `make test-crash` has many points in simulated time."""

from pathlib import Path

import pytest

from tests.scenarios.thread.meanwhile import meanwhile
from tests.scenarios.thread.stage import LOAD_W, SLACK_W, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

START_S = 15.0
"""A process must first be loaded, on a machine that has other things to do; from then on ten seconds are plenty."""


@meanwhile
async def test_a_process_that_is_killed_again_and_again_loses_and_loosens_nothing(folder: Path) -> None:
    """Killed as soon as it has posted its first Response, as soon as it has written a register, and after some polls; each time somebody
    opens the inverters. The limit is back after each start, and each Response was made once: what came again came with the same second.
    """
    async with stage(folder) as thread:
        await thread.program("feeder", 5, default={"modes": {"opModExpLimW": 3000}})
        control = await thread.export_limit(1500)
        async with thread.process():
            await thread.until("answered", lambda: bool(thread.statuses.get(control["mRID"])))
        await thread.open_inverters()
        async with thread.process():
            await thread.limited(1500)
        for polls in (0, 3):
            await thread.open_inverters()
            written = len(thread.record.writes)
            async with thread.process():
                await thread.until("written", lambda least=written: len(thread.record.writes) > least)  # type: ignore[misc]  # bound now
                if polls:
                    await thread.polls(polls, "/derp/1/derc")
        await thread.open_inverters()
        async with thread.process():
            await thread.limited(1500, START_S + 10.0)
            since_s = thread.site.site.t_s
            await thread.polls(3, "/derp/1/derc")
            assert thread.record.most_w(since_s) <= 1500 + LOAD_W + SLACK_W
            await thread.cancel(control)
            await thread.until("cancelled", lambda: 6 in thread.statuses[control["mRID"]])
            await thread.limited(3000)
        told = await thread.utility.admin("GET", "/responses")
        mine = [(one["status"], one["created_s"]) for one in told if one["subject"] == control["mRID"]]
        assert [status for status, _ in dict.fromkeys(mine)] == [1, 2, 6]
