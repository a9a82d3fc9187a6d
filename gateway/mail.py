"""What reaches a site's functions between two decisions, and what they send: leases and letters of areas, problems and their answers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from grid_functions.model.control import Mode
from grid_functions.model.function import Answer, Ask, Output
from grid_functions.model.lease import Lease, Message

Solve = Callable[[str, Ask], Awaitable[Answer]]


class Outside(Protocol):
    """The rest of the gateway, as a site's functions reach it."""

    async def answer(self, function: str, ask: Ask) -> Answer:
        """Solve a problem."""

    def post(self, message: Message) -> None:
        """Send a letter to an area; returns at once."""

    def passed_on(self, site: str) -> frozenset[Mode]:
        """What areas whose connection a site is hand on to their members when it is asked there."""


class Nowhere:
    """A site that belongs to no area and has no solver: problems stay without a solution, letters are dropped."""

    async def answer(self, function: str, ask: Ask) -> Answer:
        """None."""
        return Answer(function, ask.id, None)

    def post(self, message: Message) -> None:
        """Nothing."""

    def passed_on(self, site: str) -> frozenset[Mode]:
        """Nothing."""
        return frozenset()


@dataclass
class Mail:
    """One site's. ``wake`` is called for whatever arrives; what a decision was made with is let go of afterwards."""

    wake: Callable[[], None]
    outside: Outside = field(default_factory=Nowhere)
    leases: list[Lease] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, what: Lease | Message) -> None:
        """From an area."""
        if isinstance(what, Lease):
            self.leases.append(what)
        else:
            self.messages.append(what)
        self.wake()

    def contents(self) -> tuple[tuple[Lease, ...], tuple[Message, ...], tuple[Answer, ...]]:
        """What the next decision is to take."""
        return tuple(self.leases), tuple(self.messages), tuple(self.answers)

    def were_decided(self, leases: int, messages: int, answers: int) -> None:
        """So many of each are in a decision now."""
        del self.leases[:leases], self.messages[:messages], self.answers[:answers]

    def send(self, outputs: tuple[tuple[str, Output], ...], *, letters: bool = True) -> None:
        """What functions want of the world beside claims; without ``letters`` only what they want to know."""
        for function, output in outputs:
            if isinstance(output, Ask):
                self._begin(self._solved(function, output))
            elif isinstance(output, Message) and letters:
                self.outside.post(output)

    async def end(self) -> None:
        """Let go of what is still being solved."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _solved(self, function: str, ask: Ask) -> None:
        self.answers.append(await self.outside.answer(function, ask))
        self.wake()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
