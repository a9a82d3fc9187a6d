"""One event loop for the folder, in which the cases that mostly wait are begun with the first test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.thread.meanwhile import CASES

AT_ONCE = 4
"""Cases that are played at the same time."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, "asyncio.Task[None]"]]:
    """The cases that were chosen, under way."""

    # More at once, and the gateways of one loop keep each other from the times that their cases allow.
    room = asyncio.Semaphore(AT_ONCE)

    async def play(name: str, folder: Path) -> None:
        async with room:
            await CASES[name](folder)

    chosen = [item.name for item in request.session.items if item.name in CASES]
    tasks = {name: asyncio.create_task(play(name, tmp_path_factory.mktemp("case")), name=name) for name in chosen}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
