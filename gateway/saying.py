"""What people say to a site: taken into its next decision, and answered once it is kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from grid_functions.words import Word


@dataclass
class Saying:
    """Words on their way; ``wake`` is called for each. ``decided`` holds those that a decision took and that are not kept yet."""

    wake: Callable[[], None]
    _said: list[tuple[Word, asyncio.Future[None]]] = field(default_factory=list)
    _decided: list[asyncio.Future[None]] = field(default_factory=list)

    async def say(self, word: Word) -> None:
        """Returns once the word holds and is kept."""
        kept = asyncio.get_running_loop().create_future()
        self._said.append((word, kept))
        self.wake()
        await kept

    def words(self) -> tuple[Word, ...]:
        """What the next decision is to take."""
        return tuple(word for word, _ in self._said)

    def were_decided(self, words: tuple[Word, ...]) -> bool:
        """These are in a decision now; whether there were any, so that a commit is waited for."""
        self._decided += [kept for _, kept in self._said[: len(words)]]
        del self._said[: len(words)]
        return bool(words)

    def to_keep(self) -> tuple[asyncio.Future[None], ...]:
        """Those that the commit which begins now will have kept."""
        return tuple(self._decided)

    def were_kept(self, kept: tuple[asyncio.Future[None], ...]) -> None:
        """Answer them."""
        self._decided = [one for one in self._decided if one not in kept]
        for one in kept:
            if not one.done():
                one.set_result(None)
