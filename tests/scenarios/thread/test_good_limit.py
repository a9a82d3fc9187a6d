"""A good limit is never unseated: bad answers of every kind while an export limit is held, and what comes after them.

One appliance for the whole file. Each case spoils what the server answers until the gateway has read it more than once, and ends with
a new control that must be found, written and answered without anybody's help; that one is the limit that the next case must not unseat.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.registers import Address, Witness, limit_w
from tests.scenarios.thread.stage import LEGACY, LOAD_W, MODERN, RATED_W, SLACK_W, Thread, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS_W = (1500, 1200)
"""In turns, so that every recovery changes the registers."""

CONTROLS = "/derp/1/derc"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def thread(
    tmp_path_factory: pytest.TempPathFactory, begun: Mapping[str, "asyncio.Task[None]"]
) -> AsyncIterator[Thread]:
    folder: Path = tmp_path_factory.mktemp("thread")
    async with stage(folder) as made:
        await made.program("feeder", 5)
        async with made.gateway():
            await obeys(made, LIMITS_W[0])
            yield made


async def obeys(thread: Thread, limit_w: int) -> None:
    """A new control is found, written and answered."""
    control = await thread.export_limit(limit_w)
    await thread.answered(control, 1, 2)
    await thread.limited(limit_w)


def held_w(thread: Thread) -> int:
    """The limit in force."""
    return min(LIMITS_W, key=lambda limit_w: abs(thread.record.now_w - limit_w - LOAD_W))


def stands(thread: Thread, limit: float, since_s: float) -> None:
    """No write permitted more than the limit and the load, and no second saw more exported."""
    assert thread.record.most_w(since_s) <= limit + LOAD_W + SLACK_W
    assert max((-w for t_s, w in thread.record.meter if t_s >= since_s), default=0.0) <= limit + SLACK_W


@pytest.mark.parametrize(
    ("does", "fields", "times"),
    [
        ("html", {"path": CONTROLS}, 2),
        ("bomb", {"path": CONTROLS}, 2),
        ("large", {"path": CONTROLS}, 1),
        ("empty", {"path": CONTROLS}, 3),
        ("hollow", {"path": CONTROLS}, 3),
        ("status", {"status": 500}, 2),
        ("cut", {}, 2),
    ],
    ids=["html", "entity-bomb", "10-MB", "empty", "lying-all", "500-everywhere", "cut-everywhere"],
)
async def test_a_bad_answer_unseats_nothing(thread: Thread, does: str, fields: dict[str, Any], times: int) -> None:
    limit, since_s = held_w(thread), thread.site.site.t_s
    async with thread.mischief(does, **fields):
        await thread.polls(times, CONTROLS)
    stands(thread, limit, since_s)
    await obeys(thread, sum(LIMITS_W) - limit)


async def test_an_absurd_limit_unseats_nothing(thread: Thread) -> None:
    """32767 x 10^9 W is no limit at all: the control is refused (253) and the one before it goes on, in the server's words too."""
    limit, since_s = held_w(thread), thread.site.site.t_s
    absurd = await thread.export_limit({"multiplier": 9, "value": 32767})
    await thread.answered(absurd, 253)
    await thread.polls(2, CONTROLS)
    stands(thread, limit, since_s)


async def test_a_negative_limit_is_the_tightest_there_is(thread: Thread) -> None:
    """Rule 6: taken as 0, so export ends; it never loosens. Load 500 W: the registers permit no more than that."""
    since_s = thread.site.site.t_s
    limit = held_w(thread)
    negative = await thread.export_limit({"multiplier": 0, "value": -1500})
    await thread.answered(negative, 1, 2)
    await thread.until("no export", lambda: thread.export_w <= SLACK_W and thread.record.now_w <= LOAD_W + SLACK_W)
    stands(thread, limit, since_s)


async def test_the_registers_read_so_by_a_third_partys_client(thread: Thread) -> None:
    """pysunspec2 reads what the record of writes says: the sum of both limits, in W of their WMax."""
    await obeys(thread, LIMITS_W[0])
    where = {one["name"]: one for one in thread.site.announcement["devices"]}
    addresses = [
        Address(name, where[name]["host"], where[name]["port"], where[name]["unit"], RATED_W[name])
        for name in (LEGACY, MODERN)
    ]
    witness = Witness(addresses)
    try:
        read = await witness.read()
    finally:
        await witness.close()
    told = [limit_w(read, address) for address in addresses]
    assert sum(one or 0.0 for one in told) == pytest.approx(LIMITS_W[0] + LOAD_W, abs=SLACK_W)
