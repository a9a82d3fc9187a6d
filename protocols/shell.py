"""What every client is around its session's machine: it carries requests, waits, remembers, and tells what became of outcomes. Awaits.

A client of a standard adds its exchanger, its own inputs and outputs, and its status. Nothing is decided here.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog

from grid_functions.model.errors import LedgerUnavailable
from grid_functions.model.event import Read
from grid_functions.model.outcome import Outcome
from grid_functions.model.ports import Clock, Memory
from protocols.exchange import Alarm, Failed, Tell, Tick, Told, WakeAt

SHOW_S = 1.0
"""Pictures are looked at no more often."""

RETRY_S = 10.0
"""Before the ledger is tried again."""

_FATES = 1000
"""Outcomes whose fate is kept, so that one told twice in a run is sent once."""

_log = structlog.get_logger(__name__)

Given = TypeVar("Given")
"""What a session may be given; :class:`Failed`, :class:`Tell` and :class:`Tick` are always among it."""


class Errand(Protocol):
    """A request of a session, as far as it matters here."""

    @property
    def id(self) -> int:
        """By which its answer is known."""

    @property
    def purpose(self) -> str:
        """For logs."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    body: bytes | Callable[[], bytes]
    apart: bool


class Shell(ABC, Generic[Given]):
    """``name``: the upstream's; ``memory``: of this client alone; ``alarm`` is told what begins and ends."""

    def __init__(self, name: str, memory: Memory, clock: Clock, alarm: Callable[[Alarm], None] | None) -> None:
        self._name = name
        self._memory = memory
        self._clock = clock
        self._alarm = alarm
        self._intake: Callable[[Read], None] | None = None
        self._wake_s = self._timer_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._fault: asyncio.Future[None] | None = None
        self._waiters: dict[Outcome, asyncio.Future[str]] = {}
        self._fates: dict[Outcome, str] = {}
        self._early: list[Given | Tell] = []
        self._unsaved: dict[str, _Kept] = {}
        self._saving: asyncio.Task[None] | None = None
        self._exchanges: set[asyncio.Task[None]] = set()
        self._alarms: dict[str, str] = {}
        self._last_read: Read | None = None

    @property
    def name(self) -> str:
        """The upstream's name in the configuration; also the name of its clock."""
        return self._name

    @property
    def held(self) -> bool:
        """Whether a session is held."""
        return self._intake is not None

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, handing over every read; outages are lived through."""
        self._intake = intake
        self._fault = asyncio.get_running_loop().create_future()
        beside = [asyncio.create_task(work) for work in self._beside()]
        if self._unsaved:
            self._begin_saving()
        try:
            async with self._connected():
                for number in self._under_way():  # left by a run that was cancelled
                    self._take(Failed(number, "the session was begun again"))
                early, self._early = self._early, []
                for given in early:
                    self._take(given)
                self._take(Tick())
                waiting: set[asyncio.Future[None]] = {self._fault, *beside}
                while True:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for one in done:
                        one.result()
        finally:
            self._intake = None
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            self._fault.cancel()
            saving = () if self._saving is None else (self._saving,)
            left = {*beside, *saving, *self._exchanges, *self._ended()}
            # Again and again: before Python 3.12 a wait that ends in the same moment swallows its cancelling.
            while left:
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=0.1)

    async def tell(self, outcome: Outcome) -> None:
        """Send what is owed; returns when the upstream acknowledged it, or refused it for good, or wanted no answer."""
        if outcome in self._fates:
            return
        waiter = self._waiters.get(outcome)
        if waiter is None:
            waiter = self._waiters[outcome] = asyncio.get_running_loop().create_future()
            self._hand(Tell(outcome))
        await asyncio.shield(waiter)

    @abstractmethod
    def _connected(self) -> AbstractAsyncContextManager[object]:
        """Held while the session is."""

    @abstractmethod
    def _step(self, given: "Given | Failed | Tell | Tick") -> Iterable[object]:
        """One step of the machine: its state is kept, its outputs given back."""

    @abstractmethod
    def _under_way(self) -> Iterable[int]:
        """Requests that the state waits for."""

    @abstractmethod
    def _do(self, output: object) -> None:
        """An output that this standard alone knows."""

    def _beside(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What else runs while the session is held."""
        return ()

    def _ended(self) -> Iterable[asyncio.Task[None]]:
        """What else is to be ended with it."""
        return ()

    def _replaces(self, given: "Given | Tell", early: "Given | Tell") -> bool:
        """Whether what is given makes that unnecessary which waits for a session."""
        return False

    def _hand(self, given: "Given | Tell") -> None:
        """To the session, or kept until one is held: a step would send requests that nobody carries."""
        if self._intake is not None:
            self._take(given)
            return
        self._early = [one for one in self._early if not self._replaces(given, one)]
        self._early.append(given)

    def _take(self, given: "Given | Failed | Tell | Tick") -> None:
        for output in self._step(given):
            match output:
                case Read():
                    self._last_read = output
                    if self._intake is not None:
                        self._intake(output)
                case Told(outcome, fate):
                    self._settle(outcome, fate)
                case Alarm():
                    self._warn(output)
                case WakeAt(at_s):
                    self._wake_s = at_s
                case _:
                    self._do(output)
        self._arm()

    def _send(self, errand: Errand, exchange: Callable[[], Coroutine[Any, Any, "Given | Failed"]]) -> None:
        """Carry a request; its answer is the session's next input."""
        if self._intake is None:  # no session is held now; the next one begins by failing what is under way
            return

        async def carried() -> None:
            try:
                answer = await exchange()
            except Exception as fault:  # of a library, of whose faults one was not foreseen: the request must not stay under way for ever
                self._raised(fault)
                answer = Failed(errand.id, repr(fault))
            self._answered(errand, answer)

        task = asyncio.create_task(carried(), name=f"{self.name} {errand.purpose}")
        self._exchanges.add(task)
        task.add_done_callback(self._carried)

    def _answered(self, errand: Errand, answer: "Given | Failed") -> None:
        try:
            self._take(answer)
        except Exception as fault:
            # A step that raises left the state as it was: without this the request would stay under way for ever.
            self._raised(fault)
            self._take(Failed(errand.id, repr(fault)))

    def _remember(self, key: str, version: int, body: bytes | Callable[[], bytes], *, apart: bool = False) -> None:
        """Keep this for the next boot; ``apart``: its bytes are made in a thread."""
        self._unsaved[key] = _Kept(version, body, apart)
        if self._intake is not None and self._saving is None:
            self._begin_saving()

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._raised(fault)

    def _raised(self, fault: BaseException) -> None:
        _log.error("a step of the session raised", upstream=self.name, why=repr(fault), exc_info=fault)

    def _settle(self, outcome: Outcome, fate: str) -> None:
        self._fates[outcome] = fate
        if len(self._fates) > _FATES:
            del self._fates[next(iter(self._fates))]
        waiter = self._waiters.pop(outcome, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(fate)
        _log.info("settled", upstream=self.name, about=outcome.event.id, kind=str(outcome.kind), fate=fate)

    def _warn(self, alarm: Alarm) -> None:
        if alarm.remark:
            _log.warning(alarm.text, upstream=self.name)
        elif alarm.raised:
            self._alarms[alarm.key] = alarm.text
            _log.warning(alarm.text, upstream=self.name, alarm=alarm.key)
        else:
            self._alarms.pop(alarm.key, None)
            _log.info("over", upstream=self.name, alarm=alarm.key)
        if self._alarm is not None:
            self._alarm(alarm)

    def _arm(self) -> None:
        # One timer that looks again when it was early: most wakes are moved on long before they come.
        if self._intake is None or (self._timer is not None and self._timer_s <= self._wake_s):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._wake_s
        wait_s = max(0.0, self._wake_s - self._clock.now().mono_s)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._clock.now().mono_s < self._wake_s:
            self._arm()
            return
        try:
            self._take(Tick())
        except Exception as fault:
            self._end_with(fault)

    def _end_with(self, fault: BaseException) -> None:
        if self._fault is not None and not self._fault.done():
            self._fault.set_exception(fault)

    def _begin_saving(self) -> None:
        self._saving = asyncio.get_running_loop().create_task(self._save(), name=self.name)

    async def _save(self) -> None:
        try:
            while self._unsaved:
                key, kept = next(iter(self._unsaved.items()))
                body = kept.body if isinstance(kept.body, bytes) else await _made(kept.body, apart=kept.apart)
                try:
                    await self._memory.put(key, kept.version, body)
                except LedgerUnavailable as fault:
                    _log.warning("not remembered, trying again", upstream=self.name, key=key, why=str(fault))
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._unsaved.get(key) is kept:
                    del self._unsaved[key]
        except Exception as fault:
            self._end_with(fault)
        finally:
            self._saving = None


async def _made(body: Callable[[], bytes], *, apart: bool) -> bytes:
    return await asyncio.to_thread(body) if apart else body()
