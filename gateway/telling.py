"""Tells a site's outcomes to its upstreams: in order within an event, none waiting for another event's, each until it is taken."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import structlog

from grid_functions.model.errors import GatewayError
from grid_functions.model.event import EventKey
from grid_functions.model.outcome import Outcome
from grid_functions.model.ports import Upstream

_log = structlog.get_logger("site")

RETRY_S = 1.0
"""Between attempts to tell what was not taken."""

FOLD_S = 1.0
"""For so long at most what an upstream took is known in memory alone."""


class Telling:
    """What is owed. ``told`` hears each outcome that was taken, ``alarm`` what cannot be told."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        owed: Iterable[Outcome],
        told: Callable[[Outcome], None],
        alarm: Callable[[str, str], None],
        sleep: Callable[[float], Coroutine[Any, Any, None]],
    ) -> None:
        self._upstreams = upstreams
        self._told, self._alarm, self._sleep = told, alarm, sleep
        self._queues: dict[EventKey, list[Outcome]] = {}
        self._tasks: dict[EventKey, asyncio.Task[None]] = {}
        self._taken: list[Outcome] = []
        self._news = asyncio.Event()
        for outcome in owed:
            self._queues.setdefault(outcome.event, []).append(outcome)

    def owe(self, outcomes: Iterable[Outcome]) -> None:
        """Tell these too, behind what is owed of their event."""
        for outcome in outcomes:
            self._queues.setdefault(outcome.event, []).append(outcome)
        self.begin()

    def begin(self) -> None:
        """One task for each event that is owed answers."""
        for key in self._queues:
            if key in self._tasks:
                continue
            if key.respondent.upstream not in self._upstreams:
                self._alarm("owed", f"an answer is owed to {key.respondent.upstream}, which is no longer configured")
                continue
            self._tasks[key] = asyncio.get_running_loop().create_task(self._tell_all(key), name=f"tell {key.id}")

    async def end(self) -> None:
        """Stop. What was being told stays in its queue, and is told when the site is begun again."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def taken(self) -> tuple[Outcome, ...]:
        """What upstreams took since this was asked last."""
        taken, self._taken = tuple(self._taken), []
        self._news.clear()
        return taken

    async def fold_forever(self, fold: Callable[[], None]) -> None:
        """Have what was taken kept, a little after the first of it: no promise waits for it."""
        while True:
            await self._news.wait()
            await self._sleep(FOLD_S)
            fold()

    async def _tell_all(self, key: EventKey) -> None:
        queue = self._queues[key]
        upstream = self._upstreams[key.respondent.upstream]
        while queue:
            outcome = queue[0]
            try:
                await upstream.tell(outcome)
            except Exception as fault:
                _log.warning("answer not delivered", about=key.id, kind=outcome.kind, why=str(fault))
                if not isinstance(fault, GatewayError):
                    _log.exception("an upstream failed", upstream=key.respondent.upstream)
                await self._sleep(RETRY_S)
                continue
            del queue[0]
            self._told(outcome)
            self._taken.append(outcome)
            self._news.set()
        del self._queues[key]
        del self._tasks[key]
