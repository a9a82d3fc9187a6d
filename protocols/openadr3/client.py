"""The OpenADR 3 VEN: the session's requests over HTTP, hints by webhook and broker. Awaits, decides nothing, wears the Upstream port."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from grid_functions.model.errors import GatewayError, LedgerUnavailable, OurFault
from grid_functions.model.event import Read, Respondent
from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from protocols.openadr3 import broker, webhook
from protocols.openadr3.exchanger import Exchanger
from protocols.openadr3.session import reporting, sightings
from protocols.openadr3.session.exchange import (
    Alarm,
    Failed,
    Hint,
    Input,
    Listen,
    Listening,
    Picture,
    Remember,
    Request,
    Tell,
    Tick,
    Told,
    WakeAt,
)
from protocols.openadr3.session.machine import step
from protocols.openadr3.session.state import born
from protocols.openadr3.session.terms import Terms, Webhook

_SHOW_S = 1.0
"""Pictures are looked at no more often."""

_RETRY_S = 10.0
"""Before the ledger, or a port for the webhook, is tried again."""

_log = structlog.get_logger(__name__)


class Client3:
    """One VEN at one VTN, for all the resources it serves.

    ``policy``: how every respondent's timeline runs; its source is given each respondent's name. ``ssl_context`` None = the system's
    authorities; ``memory``: of this client alone; ``alarm`` is told what begins and ends.
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
        alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        self._terms = terms
        self._policy = policy
        self._ssl = ssl_context
        self._memory = memory
        self._clock = clock
        self._dice = dice
        self._alarm = alarm
        self._exchanger = Exchanger(ssl_context)
        histories = [f"{reporting.HISTORY}{name}" for name in terms.serves]
        kept = {
            key: found for key in (sightings.KEY, reporting.KEY, *histories) if (found := memory.get(key)) is not None
        }
        self._state = born(terms, kept, clock.now())
        self._intake: Callable[[Read], None] | None = None
        self._wake_s = 0.0
        self._nudge = asyncio.Event()
        self._early: list[Input] = []
        self._unsaved: dict[str, Remember] = {}
        self._unsaved_nudge = asyncio.Event()
        self._exchanges: set[asyncio.Task[None]] = set()
        self._hearing: asyncio.Task[None] | None = None
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
        """All that answer here: the ven, or its resources."""
        return self._terms.respondents

    def policy(self, respondent: Respondent) -> Policy:
        """How this respondent's timeline runs. OurFault for one that is not ours."""
        if respondent not in self._terms.respondents:
            raise OurFault(f"{respondent.id} is no resource of {self.name}")
        return replace(self._policy, source=replace(self._policy.source, respondent=respondent))

    def time_at(self, mono_s: float) -> UpstreamTime:
        """UTC as we know it: OpenADR 3 has no time of its own. Its quality says whether the VTN's Date header agrees."""
        agrees = self._state.agrees
        quality = ClockQuality.SYNCHRONISED if agrees else ClockQuality.UNSYNCHRONISED
        return UpstreamTime(mono_s + self._state.ahead_s, quality)

    def status(self, now: Instants) -> dict[str, Any]:
        """How the session is, as plain values for people and the API."""
        state, read = self._state, self._last_read
        told = self.time_at(now.mono_s)
        return {
            "name": self.name,
            "protocol": "openadr3",
            "edition": str(self._terms.edition),
            "url": self._terms.url,
            "registered": state.enrolment.ven is not None,
            "reachable": state.reached,
            "refused": state.refused,
            "clock": {"quality": str(told.quality), "ahead_s": round(told.now_s - now.utc_s, 3)},
            "programs": {one.name: program for program, one in state.programs.items()},
            "events": len(state.known),
            "events_of_others": state.foreign,
            "hints": sorted(state.hints),
            "last_read_complete": None if read is None else read.complete,
            "last_read_age_s": None if read is None else round(told.now_s - read.at_s, 1),
            "owed": len(state.reporting.outbox.letters),
            "alarms": dict(self._alarms),
        }

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, handing over every read; outages are lived through."""
        self._intake = intake
        beside = [asyncio.create_task(self._save())]
        if self._terms.webhook is not None:
            beside.append(asyncio.create_task(self._serve_webhook(self._terms.webhook)))
        try:
            async with self._exchanger:
                for number in list(self._state.waiting):  # left under way by a run that was cancelled
                    self._take(Failed(number, "the session was begun again"))
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
                    for task in beside:
                        if task.done():
                            task.result()
                    if self._clock.now().mono_s >= self._wake_s:
                        self._take(Tick())
        finally:
            self._intake = None
            tasks = [*beside, *self._exchanges, *([self._hearing] if self._hearing is not None else [])]
            self._hearing = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def tell(self, outcome: Outcome) -> None:
        """Take note of it for reports; returns at once, since OpenADR 3 has no answer to an event."""
        self._hand(Tell(outcome))

    def show(self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...]) -> None:
        """Hand over the latest picture for reports; returns at once."""
        now_s = self._clock.now().mono_s
        recent = now_s - self._shown_s.get(respondent, float("-inf")) < _SHOW_S
        if respondent not in self._terms.respondents or (recent and not averages):
            return
        self._shown_s[respondent] = now_s
        self._hand(Picture(respondent, snapshot, averages))

    def _hand(self, given: Tell | Picture) -> None:
        """To the session, or kept until one is held: a step would send requests that nobody carries."""
        if self._intake is not None:
            self._take(given)
            return
        if isinstance(given, Picture):  # of each respondent the last one is enough
            self._early = [
                one for one in self._early if not (isinstance(one, Picture) and one.respondent == given.respondent)
            ]
        self._early.append(given)

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
                    _log.info("settled", upstream=self.name, about=outcome.event.id, kind=str(outcome.kind), fate=fate)
                case Remember():
                    self._unsaved[output.key] = output
                    self._unsaved_nudge.set()
                case Alarm():
                    self._warn(output)
                case Listen():
                    self._hear(output)
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

    def _hear(self, listen: Listen) -> None:
        """Hear this broker instead of any before."""
        if self._intake is None:
            return
        if self._hearing is not None:
            self._hearing.cancel()

        async def hearing() -> None:
            why = await broker.hear(
                listen,
                ssl_context=self._ssl,
                clear_allowed=self._terms.url.startswith("http://"),
                opened=lambda: self._take(Listening("mqtt", True)),
                heard=lambda _: self._take(Hint("mqtt")),
            )
            self._take(Listening("mqtt", False, why))

        self._hearing = asyncio.create_task(hearing(), name=f"{self.name} mqtt")

    async def _serve_webhook(self, terms: Webhook) -> None:
        while True:
            try:
                async with webhook.listening(terms, lambda _: self._take(Hint("webhook"))):
                    self._take(Listening("webhook", True))
                    await asyncio.Event().wait()
            except GatewayError as fault:
                self._take(Listening("webhook", False, str(fault)))
                await asyncio.sleep(_RETRY_S)

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
                    await asyncio.sleep(_RETRY_S)
                    self._unsaved_nudge.set()
                    break
                if self._unsaved.get(key) is kept:
                    del self._unsaved[key]
