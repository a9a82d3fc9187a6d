"""The server misbehaves in every way it knows while an export limit is held: nothing unseats it, and what comes after is obeyed.

A case plays its tricks one after the other on one stage; the cases run beside one another.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.thread.meanwhile import meanwhile
from tests.scenarios.thread.stage import FAIL_SAFE_W, LOAD_W, PATIENCE_S, SLACK_W, Thread, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTROLS = "/derp/1/derc"
DEFAULT_W, LIMIT_W, NEXT_W = 3000, 1500, 1000


async def begins(thread: Thread) -> dict[str, Any]:
    """A default, and a tighter limit in force."""
    await thread.program("feeder", 5, default={"modes": {"opModExpLimW": DEFAULT_W}})
    return await obeyed(thread, LIMIT_W)


async def obeyed(thread: Thread, limit_w: int) -> dict[str, Any]:
    """A new control is found, written and answered."""
    control = await thread.export_limit(limit_w)
    await thread.answered(control, 1, 2)
    await thread.limited(limit_w)
    return control


async def unseats_nothing(thread: Thread, does: str, polls: int = 2, watched: str = CONTROLS, **trick: Any) -> None:
    """While the trick is played no write permits more than the limit and the load, and no second sees more exported."""
    since_s = thread.site.site.t_s
    async with thread.mischief(does, **trick) as number:
        await thread.struck(number, 1)
        await thread.polls(polls, watched)
    assert thread.record.most_w(since_s) <= LIMIT_W + LOAD_W + SLACK_W, (does, trick)
    exported = (-w for t_s, w in thread.record.meter if t_s >= since_s)
    assert max(exported, default=0.0) <= LIMIT_W + SLACK_W, (does, trick)


async def refused(thread: Thread, why: str) -> None:
    """The gateway says so of its upstream."""
    async with asyncio.timeout(PATIENCE_S):
        while (await thread.status())["upstreams"][0]["refused"] != why:
            await thread.news.wait()


ODDITIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("redirect", {"status": 302}),
    ("redirect", {"status": 307, "path": CONTROLS}),
    ("delay", {"by_s": 1, "path": "/derp/*"}),
    ("short", {}),
    ("repeated", {}),
    ("more", {"path": CONTROLS}),
    ("clock", {"path": "*/actderc", "by_s": -600}),
)


@meanwhile
async def test_errors_at_the_start_end_nothing(folder: Path) -> None:
    """The server is there and says 503, then closes every connection; once it is well it is registered with and obeyed."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5)
        async with thread.mischief("status", status=503) as number, thread.gateway():
            await thread.struck(number, 1)
            await thread.limited(FAIL_SAFE_W)
            async with thread.mischief("cut") as second:
                await thread.behave(number)
                await thread.struck(second, 1)
            await obeyed(thread, LIMIT_W)


@meanwhile
async def test_no_hostile_document_unseats_a_limit(folder: Path) -> None:
    """In place of the controls, then of the default, the programs, the assignments, the EndDevice and the entry itself."""
    async with stage(folder) as thread, thread.gateway():
        await begins(thread)
        for does in ("truncated", "namespace", "deep", "doctype", "nothing", "half"):
            await unseats_nothing(thread, does, path=CONTROLS)
        for path in ("/derp/1/dderc", "/edev/1/fsa/1/derp", "/edev/1/fsa", "/edev", "/dcap"):
            await unseats_nothing(thread, "truncated", path=path)
        await unseats_nothing(thread, "html")
        await obeyed(thread, NEXT_W)


@meanwhile
async def test_no_lying_list_unseats_a_limit(folder: Path) -> None:
    """Controls to come lie behind the one in force. Programs, assignments and EndDevices that are empty once are not gone."""
    async with stage(folder) as thread, thread.gateway():
        running = await begins(thread)
        later = [
            await thread.export_limit(2500, start_s=running["start_s"] + 600 + 100 * number, duration_s=100)
            for number in range(3)
        ]
        for one in later:
            await thread.answered(one, 1)
        for does in ("more", "fewer", "repeated", "short", "stuck", "hollow", "empty"):
            await unseats_nothing(thread, does, path=CONTROLS)
        for path in ("/edev/1/fsa/1/derp", "/edev/1/fsa", "/edev"):
            for does in ("empty", "hollow"):
                await unseats_nothing(thread, does, path=path, times=1)
        for one in later:
            await thread.answered(one, 1)
        await obeyed(thread, NEXT_W)


@meanwhile
async def test_an_odd_server_is_obeyed_all_the_same(folder: Path) -> None:
    """Slow, moved by redirects, short-paged, repeating itself, its active list behind: what it asks for is done."""
    async with stage(folder) as thread, thread.gateway():
        await begins(thread)
        for index, (does, trick) in enumerate(ODDITIES):
            async with thread.mischief(does, **trick):
                await obeyed(thread, (NEXT_W, LIMIT_W)[index % 2])


@meanwhile
async def test_no_error_on_some_paths_and_no_stray_redirect_unseats_a_limit(folder: Path) -> None:
    """Errors on one leaf at a time; redirects in a circle and to elsewhere; connections that go."""
    async with stage(folder) as thread, thread.gateway():
        await begins(thread)
        for path, status in (
            (CONTROLS, 404),
            (CONTROLS, 403),
            ("/derp/1/dderc", 404),
            ("/edev/1/fsa/1/derp", 500),
            ("/edev/1/fsa", 404),
            ("/edev/1/rg", 500),
            ("/tm", 503),
        ):
            await unseats_nothing(thread, "status", status=status, path=path, times=2)
        await unseats_nothing(thread, "redirect", path=CONTROLS, location=CONTROLS)
        await unseats_nothing(thread, "redirect", path=CONTROLS, location="https://elsewhere.example/derc")
        await unseats_nothing(thread, "redirect", path=CONTROLS, location="http://127.0.0.1:9/derc")
        await unseats_nothing(thread, "cut", path="/d*", skip=1, times=4)
        await obeyed(thread, NEXT_W)


@meanwhile
async def test_no_moved_state_unseats_a_limit(folder: Path) -> None:
    """Controls that vanish (kept, by the 2018 edition), a clock that jumps once by an hour, creation times that move."""
    async with stage(folder) as thread, thread.gateway():
        await begins(thread)
        await unseats_nothing(thread, "vanish", polls=3)
        for by_s in (3600, -3600):
            await unseats_nothing(thread, "clock", watched="/tm", path="/tm", by_s=by_s, times=1)
        await unseats_nothing(thread, "creation")
        await obeyed(thread, NEXT_W)


@meanwhile
async def test_a_wrong_pin_in_mid_schedule_stops_no_schedule(folder: Path) -> None:
    """What was downloaded under the right PIN runs on and starts by the clock; nothing new is read under the wrong one."""
    async with stage(folder) as thread, thread.gateway():
        await thread.program("feeder", 5)
        running = await thread.export_limit(LIMIT_W, duration_s=10)
        following = await thread.export_limit(NEXT_W, start_s=running["start_s"] + 10)
        await thread.answered(following, 1)
        await thread.limited(LIMIT_W)
        since_s = thread.site.site.t_s
        async with thread.mischief("pin"):
            await refused(thread, "pin")
            refused_s = thread.site.site.t_s
            fresh = await thread.export_limit(2500)
            # What was asked before it was refused may be answered after that.
            await thread.until("nothing is under way", lambda: thread.site.site.t_s >= refused_s + 2.0)
            refused_at = len(thread.exchanges)
            await thread.limited(NEXT_W)
            assert thread.record.most_w(since_s) <= LIMIT_W + LOAD_W + SLACK_W
            assert fresh["mRID"] not in thread.statuses
            assert not [one for one in thread.exchanges[refused_at:] if one.path.startswith("/derp")]
