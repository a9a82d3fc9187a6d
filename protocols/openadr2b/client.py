"""The 2.0b VEN: the session's requests over HTTP and TLS. Awaits; decides nothing. Wears the Upstream port."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from grid_functions.model.errors import LedgerUnavailable, OurFault
from grid_functions.model.event import EventKey, Read, Respondent
from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from protocols.openadr2b.exchanger import Codec, Exchanger, Sign, Verify
from protocols.openadr2b.session import book, opts, requests, stock
from protocols.openadr2b.session.exchange import (
    Alarm,
    Answer,
    Failed,
    Input,
    Leave,
    Opine,
    Picture,
    Pushed,
    Remember,
    Request,
    Schedule,
    Tell,
    Tick,
    Told,
    Unschedule,
    WakeAt,
)
from protocols.openadr2b.session.machine import step
from protocols.openadr2b.session.state import CLOCK_KEY, REGISTRATION_KEY, Stage, born
from protocols.openadr2b.session.terms import OptBy, Terms
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reader import Decoded
from protocols.openadr2b.wire.registration import OadrCreateOpt

_SHOW_S = 1.0
"""Pictures are looked at no more often."""

_MEMORY_RETRY_S = 10.0

_OPTS = frozenset({OutcomeKind.OPTED_OUT, OutcomeKind.OPTED_IN})

_FATES = 1000
"""Outcomes whose fate is kept, so that one told twice in a run is sent once."""

_KEYS = (CLOCK_KEY, REGISTRATION_KEY, book.KEY, opts.KEY, requests.KEY, stock.KEY)

_log = structlog.get_logger(__name__)


class Client2b:
    """One VEN at one VTN, for all its resources.

    ``policy`` serves every respondent that ``policies`` does not name; ``memory``: of this client alone; ``alarm`` is told what begins and
    ends; ``sign`` and ``verify``: both for the high security level, neither for the standard one.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        policy: Policy | None = None,
        policies: Mapping[Respondent, Policy] | None = None,
        ssl_context: ssl.SSLContext | None,
        memory: Memory,
        clock: Clock,
        dice: Dice,
        alarm: Callable[[Alarm], None] | None = None,
        sign: Sign | None = None,
        verify: Verify | None = None,
    ) -> None:
        if (sign is None) != (verify is None):
            raise OurFault("signatures go both ways: sign and verify are given together")
        self._terms = replace(terms, xml_signature=sign is not None)
        self._resources = {terms.respondent(resource): devices for resource, devices in terms.respondents.items()}
        named = policies or {}
        self._policies = {one: named.get(one, policy) for one in self._resources}
        self._memory = memory
        self._clock = clock
        self._dice = dice
        self._alarm = alarm
        self.codec = Codec(sign, verify)
        self._exchanger = Exchanger(terms.url, ssl_context, self.codec, lambda: clock.now().mono_s)
        kept = {key: found for key in _KEYS if (found := memory.get(key)) is not None}
        self._state = born(self._terms, kept, clock.now())
        self._intake: Callable[[Read], None] | None = None
        self._wake_s = 0.0
        self._nudge = asyncio.Event()
        self._waiters: dict[Outcome, asyncio.Future[str]] = {}
        self._fates: dict[Outcome, str] = {}
        self._early: list[Input] = []
        self._unsaved: dict[str, Remember] = {}
        self._unsaved_nudge = asyncio.Event()
        self._exchanges: set[asyncio.Task[None]] = set()
        self._answers: dict[int, Message | None] = {}
        self._pushes = 0
        self._alarms: dict[str, str] = {}
        self._last_read: Read | None = None
        self._shown_s: dict[Respondent, float] = {}

    @property
    def name(self) -> str:
        """The upstream's name in the configuration; also the name of its clock."""
        return self._terms.name

    @property
    def terms(self) -> Terms:
        """What configuration settled about this VTN."""
        return self._terms

    @property
    def respondents(self) -> tuple[Respondent, ...]:
        """Who answers: the VEN, its resources, or both."""
        return tuple(self._resources)

    @property
    def ven_id(self) -> str:
        """Ours at this VTN; empty before it gave one."""
        return self._state.ven_id

    @property
    def held(self) -> bool:
        """Whether a session is held, so that a push can be taken."""
        return self._intake is not None

    def policy(self, respondent: Respondent) -> Policy:
        """How this respondent's timeline runs. OurFault for a respondent that is not of this VEN."""
        found = self._policies.get(respondent)
        if found is None:
            raise OurFault(f"{respondent.id} is no resource of {self.name}, or has no policy")
        return found

    def time_at(self, mono_s: float) -> UpstreamTime:
        """The VTN's time at a monotonic second, and how far it may be trusted."""
        return self._state.clock.told(mono_s)

    def status(self, now: Instants) -> dict[str, Any]:
        """How the session is, as plain values for people and the API."""
        state = self._state
        told = state.clock.told(now.mono_s)
        read = self._last_read
        return {
            "name": self.name,
            "protocol": "openadr2b",
            "url": self._terms.url,
            "mode": "push" if self._terms.push_address else "pull",
            "ven_name": self._terms.ven_name,
            "ven_id": state.ven_id,
            "registration_id": state.registration.registration_id,
            "vtn_id": state.registration.vtn_id,
            "registered": state.registered and state.stage in (Stage.EVENTS, Stage.POLLING),
            "stage": str(state.stage),
            "reachable": state.failures == 0 and not state.refused,
            "refused": state.refused,
            "signed": self._terms.xml_signature,
            "clock": {"quality": str(told.quality), "ahead_s": round(told.now_s - now.utc_s, 3)},
            "programs": {} if read is None else {program: rank.level for program, rank in read.programs.items()},
            "events": sum(1 for known in state.book.known.values() if known.gone is None),
            "last_read_complete": None if read is None else read.complete,
            "last_read_age_s": None if read is None else round(told.now_s - read.at_s, 1),
            "owed": sum(len(outcomes) for outcomes in state.book.waiting.values()),
            "reports": list(state.requests.pending),
            "unsent_reports": len(state.stock.unsent),
            "opts": {name: str(opt.phase) for name, opt in state.opts.kept.items()},
            "alarms": dict(self._alarms),
        }

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, handing over every read; outages are lived through."""
        self._intake = intake
        saver = asyncio.create_task(self._save())
        try:
            async with self._exchanger:
                for lane in (self._state.talk, self._state.upload):  # left under way by a run that was cancelled
                    if lane is not None:
                        self._take(Failed(lane[0], "the session was begun again"))
                early, self._early = self._early, []
                for given in early:
                    self._take(given)
                self._take(Tick())
                while True:
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
        """Send what is owed; returns when the VTN acknowledged it, or refused it for good, or wanted no answer."""
        if outcome in self._fates:
            return
        if outcome.kind in _OPTS and self._terms.opt_by is OptBy.EI_OPT:
            # rule 206: once it is told by EiOpt, no oadrCreatedEvent counts; the session keeps it until the VTN has it
            self.opt(outcome.event, outcome.kind is OutcomeKind.OPTED_IN)
            return
        waiter = self._waiters.get(outcome)
        if waiter is None:
            waiter = self._waiters[outcome] = asyncio.get_running_loop().create_future()
            self._hand(Tell(outcome))
        await asyncio.shield(waiter)

    def show(self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...]) -> None:
        """Hand over the latest picture for reports; returns at once."""
        now_s = self._clock.now().mono_s
        devices = self._resources.get(respondent)
        early = now_s - self._shown_s.get(respondent, float("-inf")) < _SHOW_S
        if devices is None or (early and not averages):
            return
        self._shown_s[respondent] = now_s
        seen = (one for name, one in sorted(snapshot.devices.items()) if not devices or name in devices)
        self._hand(Picture(respondent, tuple(seen), averages))

    def opt(self, event: EventKey, opt_in: bool) -> None:
        """A person's say on an event; told to the VTN as the terms have it."""
        self._hand(Opine(event.id, event.respondent, opt_in))

    def schedule(self, opt: OadrCreateOpt) -> None:
        """Tell when this VEN takes part or does not; kept until the VTN has it. Its venID and requestID are filled in."""
        self._hand(Schedule(opt))

    def unschedule(self, opt_id: str) -> None:
        """Withdraw an opt."""
        self._hand(Unschedule(opt_id))

    def leave(self) -> None:
        """End the registration; the VTN is asked for nothing afterwards in this run."""
        self._hand(Leave())

    def pushed(self, service: Service, body: Decoded[Message]) -> Message | None:
        """The VTN posted this to our server: what to answer, None = an empty 200. OurFault while no session is held."""
        if self._intake is None:
            raise OurFault("a push outside the session")
        self._pushes += 1
        self._take(Pushed(self._pushes, service, body))
        return self._answers.pop(self._pushes, None)

    def _hand(self, given: Input) -> None:
        """To the session, or kept until one is held: a step would send requests that nobody carries."""
        if self._intake is None:
            self._early.append(given)
            del self._early[:-_FATES]
        else:
            self._take(given)

    def _take(self, given: Input) -> None:
        done = step(self._state, given, self._clock.now(), self._dice)
        self._state = done.state
        for output in done.outputs:
            match output:
                case Request():
                    self._send(output)
                case Answer(number, message):
                    self._answers[number] = message
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
        _log.info("answer settled", upstream=self.name, about=outcome.event.id, kind=str(outcome.kind), fate=fate)

    def _warn(self, alarm: Alarm) -> None:
        if alarm.key.startswith("remark "):
            _log.warning(alarm.text, upstream=self.name)
        elif alarm.raised:
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
                    body = await asyncio.to_thread(kept.body) if kept.long else kept.body()
                    await self._memory.put(key, kept.version, body)
                except LedgerUnavailable as fault:
                    _log.warning("not remembered, trying again", upstream=self.name, key=key, why=str(fault))
                    await asyncio.sleep(_MEMORY_RETRY_S)
                    self._unsaved_nudge.set()
                    break
                if self._unsaved.get(key) is kept:
                    del self._unsaved[key]
