"""The defects seen in the field: what a server moves, fills or changes later. Against the whole thread, one appliance for the file."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.thread.stage import FAIL_SAFE_W, LEGACY, LOAD_W, MODERN, RATED_W, Thread, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEFAULT_W = 3000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def thread(
    tmp_path_factory: pytest.TempPathFactory, begun: Mapping[str, "asyncio.Task[None]"]
) -> AsyncIterator[Thread]:
    folder: Path = tmp_path_factory.mktemp("thread")
    async with stage(folder) as made, made.gateway():
        yield made


async def test_programs_that_come_later_are_found(thread: Thread) -> None:
    """No FSA and no program at discovery, so nobody asks for anything; what is filled in later is found at its next poll.

    A start that was slower than the site's patience has the fail-safe hold until the first complete read, and no longer.
    """
    await thread.polls(2, "/edev/1/fsa")
    assert not [one for one in thread.exchanges if one.path.startswith("/derp")]
    await thread.until("nothing is asked for", lambda: thread.record.now_w == sum(RATED_W.values()))
    assert min(w for _, w in thread.record.permitted) >= FAIL_SAFE_W
    await thread.program("early", 5)
    await thread.polls(2, "/derp/1/derc")
    await thread.program("feeder", 3, default={"modes": {"opModExpLimW": DEFAULT_W}})
    await thread.limited(DEFAULT_W)


async def test_a_poll_rate_changed_later_is_adopted(thread: Thread) -> None:
    """From 1 s to 2 s, counted against DeviceCapability, which stays at 1 s; the cases below need the way back."""
    await thread.settings(derp_poll_s=2)
    await thread.polls(2, "/edev/1/fsa/1/derp")
    first = len(thread.exchanges)
    await thread.polls(4, "/dcap")
    # four looks at 1 s take 3 to 4.2 s: at 2 s there is room for one to three
    assert 1 <= sum(one.path == "/edev/1/fsa/1/derp" for one in thread.exchanges[first:]) <= 3
    await thread.settings(derp_poll_s=1)


async def test_csip_aus_is_spoken(thread: Thread) -> None:
    """Its own elements are in what is put: export and generation are what these devices can be limited in (bits 0 and 2)."""

    async def told() -> tuple[int, int]:
        report = await thread.utility.admin("GET", "/devices/1/report")
        capability, settings = report.get("capability", {}), report.get("settings", {})
        return capability.get("doeModesSupported", 0), settings.get("doeModesEnabled", 0)

    # put once, at the start
    await thread.until("put", lambda: any(one.path == "/edev/1/der/1/derg" for one in thread.exchanges))
    supported, enabled = await told()
    assert supported & 0b0101 == enabled & 0b0101 == 0b0101


async def test_a_superseding_control_wins_whatever_the_server_moves(thread: Thread) -> None:
    """The server marks the running control superseded (4) and gives it the newer one's creationTime."""
    running = await thread.export_limit(1500)
    await thread.answered(running, 1, 2)
    await thread.limited(1500)
    async with thread.mischief("creation"):
        newer = await thread.export_limit(800)
        await thread.answered(running, 1, 2, 7)
        await thread.answered(newer, 1, 2)
        await thread.limited(800)
    await thread.cancel(newer)
    await thread.answered(newer, 1, 2, 6)
    await thread.limited(DEFAULT_W)


async def test_a_default_changed_under_its_mrid_is_applied(thread: Thread) -> None:
    """Same mRID, same href, another value."""
    await thread.default("feeder", {"opModExpLimW": 2000})
    await thread.limited(2000)
    await thread.default("feeder", {"opModExpLimW": DEFAULT_W})
    await thread.limited(DEFAULT_W)


@pytest.mark.parametrize("mode", ["opModConnect", "opModEnergize"])
async def test_off_is_undone_at_the_end_of_its_event(thread: Thread, mode: str) -> None:
    """No default carries connect or energize; both inverters cease (703.ES 0, 123.Conn 0) and come back."""
    off = await thread.control("feeder", {mode: False}, duration_s=6)
    await thread.until("off", lambda: switches(thread) == (0.0, 0.0))
    await thread.until("dark", lambda: thread.export_w == pytest.approx(-LOAD_W))
    await thread.answered(off, 1, 2, 3)
    await thread.until("on again", lambda: switches(thread) == (1.0, 1.0))
    await thread.limited(DEFAULT_W)


def switches(thread: Thread) -> tuple[float | None, float | None]:
    """703.ES and 123.Conn."""
    return thread.register(MODERN, "ES"), thread.register(LEGACY, "Conn")
