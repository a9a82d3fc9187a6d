"""A device of a few knobs as it runs: it wears the Device port. Awaits."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from adapters.knobs.hand import Hand
from adapters.knobs.keeping import VERSION, Keeping, decoded
from adapters.waiting import pause
from grid_functions.model.device import Seen
from grid_functions.model.errors import LedgerUnavailable
from grid_functions.model.ports import Clock, Memory
from grid_functions.model.setpoint import Setpoint

Note = Callable[[str, str, Mapping[str, Any]], None]
Wait = Callable[[asyncio.Event, float], Coroutine[Any, Any, None]]
ThingT = TypeVar("ThingT", bound=Hand[Any, Any])
_RELEASE_S: Final = 20


class Server(Protocol):
    """What the devices are behind."""

    def admit(self, gadget: Any) -> None:
        """It runs from now on, and is told what is already known."""

    def dismiss(self, gadget: Any) -> None:
        """It runs no more."""


class Gadget(ABC, Generic[ThingT]):
    """One device. ``server``: what it is behind, None = nothing but its own link; ``memory`` keeps what it held before us; ``note(kind,
    correlation, body)`` takes what is said, for the log; ``wait(news, seconds)`` returns when ``news`` is set or the seconds are over.
    """

    look_s: ClassVar[float] = 2.0

    def __init__(
        self,
        name: str,
        family: str,
        make: Callable[[Keeping], ThingT],
        server: Server | None,
        memory: Memory,
        clock: Clock,
        note: Note,
        wait: Wait = pause,
    ) -> None:
        self.name = name
        self._key = f"{family}/{name}"
        kept = memory.get(self._key)
        self.thing = make(Keeping() if kept is None else decoded(*kept))
        self._server, self._memory, self._clock, self._note, self._wait = server, memory, clock, note, wait
        self._news = asyncio.Event()

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins; returns at once."""
        self.thing.want(setpoint)
        self._news.set()

    def changed(self) -> None:
        """Its server has told something."""
        self.thing.look(self._clock.now())
        self._news.set()

    async def run(self, intake: Callable[[Seen], None]) -> None:
        """Reconcile until cancelled, handing over every look; one that is not there is a look."""
        self._admit()
        try:
            while True:
                self._news.clear()
                await self._turn()
                intake(self.thing.seen(self._clock.now()))
                await self._wait(self._news, self._rest_s)
        finally:
            self._dismiss()

    async def release(self) -> bool:
        """Give it back what it held before us; True once it shows that."""
        if self.thing.released():
            return True
        self._admit()
        try:
            self.want(Setpoint(self.name))
            for _ in range(_RELEASE_S):
                self._news.clear()
                await self._turn()
                if self.thing.released():
                    return True
                await self._wait(self._news, 1.0)
            return self.thing.released()
        finally:
            self._dismiss()

    @property
    def _rest_s(self) -> float:
        """Until it is looked at again without news."""
        return self.look_s

    def _admit(self) -> None:
        if self._server is not None:
            self._server.admit(self)

    def _dismiss(self) -> None:
        if self._server is not None:
            self._server.dismiss(self)

    async def _turn(self) -> None:
        call = self.thing.due(self._clock.now())
        touches, self.thing.touches = self.thing.touches, []
        for text in touches:
            self._note("touched", "", {"text": text})
        if self.thing.unsaved:
            try:
                await self._memory.put(self._key, VERSION, self.thing.keeping.encoded())
            except LedgerUnavailable:
                # What it held before must be known before it is changed.
                self.thing.unsent()
                return
            self.thing.unsaved = False
        if call is None:
            return
        correlation, awaited = self.thing.correlation, self.thing.awaited

        def done(error: str) -> None:
            self._note("answer", correlation, {"call": str(call), "error": error})
            self.thing.answered(error, self._clock.now(), awaited)
            self._news.set()

        if self._send(call, done):
            self._note("call", correlation, {"call": str(call)})
        else:
            self.thing.unsent()

    @abstractmethod
    def _send(self, call: Any, done: Callable[[str], None]) -> bool:
        """Have something set; False where nobody is there to be asked. ``done`` is told the error, or that there was none."""
