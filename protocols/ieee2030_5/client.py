"""The 2030.5 client: the session's requests over HTTP and TLS. Awaits; decides nothing. Wears the Upstream port."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from grid_functions.model.errors import LedgerUnavailable, OurFault
from grid_functions.model.event import Read, Respondent
from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from protocols.ieee2030_5.exchanger import Exchanger
from protocols.ieee2030_5.session.exchange import (
    Alarm,
    Failed,
    Input,
    Picture,
    Remember,
    Request,
    Tell,
    Tick,
    Told,
    WakeAt,
)
from protocols.ieee2030_5.session.machine import step
from protocols.ieee2030_5.session.state import REMEMBERED, born
from protocols.ieee2030_5.session.terms import Profile, Terms
from protocols.ieee2030_5.session.tree import root_of
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, Dialect

_SHOW_S = 1.0
"""Pictures are looked at no more often."""

_MEMORY_RETRY_S = 10.0

_FATES = 1000
"""Outcomes whose fate is kept, so that one told twice in a run is sent once."""

_log = structlog.get_logger(__name__)


class Client2030_5:
    """One EndDevice at one server.

    ``devices``: names of the respondent's devices in a snapshot, empty = all; ``memory``: of this client
    alone; ``alarm`` is told what begins and ends.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        policy: Policy,
        ssl_context: ssl.SSLContext | None,
        memory: Memory,
        clock: Clock,
        dice: Dice,
        devices: frozenset[str] = frozenset(),
        dialect: Dialect | None = None,
        alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        self._terms = terms
        self._policy = policy
        self._memory = memory
        self._clock = clock
        self._dice = dice
        self._devices = devices
        self._alarm = alarm
        spoken = dialect or (CSIP_AUS if terms.profile is Profile.CSIP_AUS else CSIP)
        self._exchanger = Exchanger(terms.url, ssl_context, spoken, lambda: clock.now().mono_s)
        kept = {key: found for key in REMEMBERED if (found := memory.get(key)) is not None}
        self._state = born(terms, kept, clock.now())
        self._intake: Callable[[Read], None] | None = None
        self._wake_s = self._sleeps_s = 0.0
        self._nudge = asyncio.Event()
        self._waiters: dict[Outcome, asyncio.Future[str]] = {}
        self._fates: dict[Outcome, str] = {}
        self._early: list[Tell | Picture] = []
        self._unsaved: dict[str, Remember] = {}
        self._unsaved_nudge = asyncio.Event()
        self._exchanges: set[asyncio.Task[None]] = set()
        self._alarms: dict[str, str] = {}
        self._last_read: Read | None = None
        self._shown_s = float("-inf")

    @property
    def name(self) -> str:
        """The upstream's name in the configuration; also the name of its clock."""
        return self._terms.name

    @property
    def terms(self) -> Terms:
        """What configuration settled about this server."""
        return self._terms

    @property
    def respondent(self) -> Respondent:
        """The EndDevice that answers."""
        return self._terms.respondent

    @property
    def respondents(self) -> tuple[Respondent, ...]:
        """All that answer here: the one EndDevice."""
        return (self._terms.respondent,)

    def policy(self, respondent: Respondent) -> Policy:
        """How this respondent's timeline runs. OurFault for a respondent that is not this EndDevice."""
        if respondent != self._terms.respondent:
            raise OurFault(f"{respondent.id} is no EndDevice of {self.name}")
        return self._policy

    def time_at(self, mono_s: float) -> UpstreamTime:
        """The server's time at a monotonic second, and how far it may be trusted."""
        return self._state.clock.told(mono_s)

    def status(self, now: Instants) -> dict[str, Any]:
        """How the session is, as plain values for people and the API."""
        state = self._state
        told = state.clock.told(now.mono_s)
        read = self._last_read
        return {
            "name": self.name,
            "protocol": "ieee2030_5",
            "url": self._terms.url,
            "registered": state.tree.device is not None,
            "reachable": state.tree.nodes[root_of(self._terms)].failures == 0,
            "refused": state.refused,
            "clock": {"quality": str(told.quality), "ahead_s": round(told.now_s - now.utc_s, 3)},
            "programs": {} if read is None else {program: rank.level for program, rank in read.programs.items()},
            "events": 0 if read is None else len(read.events),
            "last_read_complete": None if read is None else read.complete,
            "last_read_age_s": None if read is None else round(told.now_s - read.at_s, 1),
            "owed": sum(len(queue.owed) for queue in state.book.queues.values()),
            "alarms": dict(self._alarms),
        }

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, handing over every read; outages are lived through."""
        self._intake = intake
        saver = asyncio.create_task(self._save())
        try:
            async with self._exchanger:
                for number in list(self._state.waiting):  # left under way by a run that was cancelled
                    self._take(Failed(number, "the session was begun again"))
                early, self._early = self._early, []
                for given in early:
                    self._take(given)
                self._take(Tick())
                while True:
                    self._sleeps_s = self._wake_s
                    wait_s = self._wake_s - self._clock.now().mono_s
                    if wait_s > 0:
                        # Not wait_for: in Python 3.11 it loses a cancellation that meets the nudge.
                        with suppress(TimeoutError):
                            async with asyncio.timeout(wait_s):
                                await self._nudge.wait()
                    else:
                        await asyncio.sleep(0)
                    self._nudge.clear()
                    if saver.done():
                        saver.result()
                    if self._clock.now().mono_s >= self._wake_s:
                        self._take(Tick())
        finally:
            self._intake = None
            tasks = [saver, *self._exchanges]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def tell(self, outcome: Outcome) -> None:
        """Send what is owed; returns when the server acknowledged it, or refused it for good, or wanted no answer."""
        if outcome in self._fates:
            return
        waiter = self._waiters.get(outcome)
        if waiter is None:
            waiter = self._waiters[outcome] = asyncio.get_running_loop().create_future()
            self._hand(Tell(outcome))
        await asyncio.shield(waiter)

    def show(self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...]) -> None:
        """Hand over the latest picture for DER resources, mirrors and LogEvents; returns at once."""
        now_s = self._clock.now().mono_s
        if respondent != self._terms.respondent or (now_s - self._shown_s < _SHOW_S and not averages):
            return
        self._shown_s = now_s
        seen = (one for name, one in sorted(snapshot.devices.items()) if not self._devices or name in self._devices)
        self._hand(Picture(tuple(seen), averages))

    def _hand(self, given: Tell | Picture) -> None:
        """To the session, or kept until one is held: a step would send requests that nobody carries."""
        if self._intake is None:
            self._early = [kept for kept in self._early if type(kept) is Tell or type(given) is Tell] + [given]
        else:
            self._take(given)

    def _take(self, given: Input) -> None:
        done = step(self._state, given, self._clock.now(), self._dice)
        self._state = done.state
        for output in done.outputs:
            match output:
                case Request():
                    self._send(output)
                case Read():
                    self._last_read = output
                    if self._intake is not None:
                        self._intake(output)
                case Told(outcome, fate):
                    self._settle(outcome, fate)
                case Remember():
                    self._unsaved[output.key] = output
                    self._unsaved_nudge.set()
                case Alarm():
                    self._warn(output)
                case WakeAt(at_s):
                    self._wake_s = at_s
        if self._wake_s < self._sleeps_s:
            self._nudge.set()

    def _send(self, request: Request) -> None:
        if self._intake is None:  # no session is held now; the next one begins by failing what is under way
            return

        async def exchange() -> None:
            answer = await self._exchanger.exchange(request)
            try:
                self._take(answer)
            except Exception as fault:
                # A step that raises left the state as it was: without this the request would stay under way for ever.
                _log.error("a step of the session raised", upstream=self.name, why=repr(fault), exc_info=fault)
                self._take(Failed(request.id, repr(fault)))

        task = asyncio.create_task(exchange(), name=f"{self.name} {request.purpose}")
        self._exchanges.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("a step of the session raised", upstream=self.name, why=repr(fault), exc_info=fault)

    def _settle(self, outcome: Outcome, fate: str) -> None:
        self._fates[outcome] = fate
        if len(self._fates) > _FATES:
            del self._fates[next(iter(self._fates))]
        waiter = self._waiters.pop(outcome, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(fate)
        _log.info("response settled", upstream=self.name, about=outcome.event.id, kind=str(outcome.kind), fate=fate)

    def _warn(self, alarm: Alarm) -> None:
        if alarm.raised:
            self._alarms[alarm.key] = alarm.text
            _log.warning(alarm.text, upstream=self.name, alarm=alarm.key)
        else:
            self._alarms.pop(alarm.key, None)
            _log.info("over", upstream=self.name, alarm=alarm.key)
        if self._alarm is not None:
            self._alarm(alarm)

    async def _save(self) -> None:
        while True:
            await self._unsaved_nudge.wait()
            self._unsaved_nudge.clear()
            for key, kept in list(self._unsaved.items()):
                try:
                    await self._memory.put(key, kept.version, kept.body)
                except LedgerUnavailable as fault:
                    _log.warning("not remembered, trying again", upstream=self.name, key=key, why=str(fault))
                    await asyncio.sleep(_MEMORY_RETRY_S)
                    self._unsaved_nudge.set()
                    break
                if self._unsaved.get(key) is kept:
                    del self._unsaved[key]
