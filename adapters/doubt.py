"""Whether all was told when a device was found, and when it is looked at anew where it was not. Pure but for its own memory.

A busy unit, or a bridge that failed once, hides a block, a rating or who the device is. What was found then stands for as long as the
connection does, so it is asked again, ever more seldom: some devices refuse the same for ever.
"""

import math
from collections.abc import Generator
from typing import Final, TypeVar

from adapters.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refusal, Reply, Request

T = TypeVar("T")

FINAL: Final = (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE)
"""Refusals that say what the device is, and will be the next time too."""
FIRST_S: Final = 10.0
MOST_S: Final = 600.0
_LEFT_ALONE: Final = 19.0
"""Whoever is asked who he is can be told nothing meanwhile: so many times as long as that took he is not asked again."""


class Doubt:
    """Of one driver, in monotonic seconds."""

    def __init__(self) -> None:
        self._wait_s = FIRST_S
        self._due_s = math.inf
        self._asked_s = -math.inf

    def found(self, now_s: float, *, doubtful: bool) -> None:
        """It was looked at; ``doubtful``: something may be told another time."""
        took_s = now_s - self._asked_s
        self._due_s = now_s + max(self._wait_s, _LEFT_ALONE * took_s) if doubtful else math.inf
        self._wait_s = min(2 * self._wait_s, MOST_S) if doubtful else FIRST_S

    def due(self, now_s: float) -> bool:
        """Whether it is to be looked at anew, from now on if so."""
        self._asked_s = now_s
        return now_s >= self._due_s


def minding(
    conversation: Generator[Request, Reply | None, T], untold: set[Request]
) -> Generator[Request, Reply | None, T]:
    """The conversation; ``untold`` then holds the requests that were refused for now, and not for good."""
    try:
        request = next(conversation)
        while True:
            reply = yield request
            untold.discard(request)
            if isinstance(reply, Refusal) and reply.code not in FINAL:
                untold.add(request)
            request = conversation.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
