"""One event loop for the folder, in which the cases that mostly wait are begun with the first test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.thread.meanwhile import CASES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process plays the whole folder: its files build on one stage each, and its cases are begun together."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("thread"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, "asyncio.Task[None]"]]:
    """The cases that were chosen, under way."""

    async def play(name: str, folder: Path) -> None:
        await CASES[name](folder)

    chosen = [item.name for item in request.session.items if item.name in CASES]
    tasks = {name: asyncio.create_task(play(name, tmp_path_factory.mktemp("case")), name=name) for name in chosen}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
