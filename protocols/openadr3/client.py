"""The OpenADR 3 VEN: the session's requests over HTTP, hints by webhook and broker. Awaits, decides nothing, wears the Upstream port."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from grid_functions.model.errors import GatewayError, OurFault
from grid_functions.model.event import Respondent
from grid_functions.model.instants import ClockQuality, Instants, UpstreamTime
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from protocols.doorway import Doorway
from protocols.exchange import Alarm, Tell
from protocols.openadr3 import broker, webhook
from protocols.openadr3.exchanger import Exchanger
from protocols.openadr3.session import reporting, sightings
from protocols.openadr3.session.exchange import Hint, Input, Listen, Listening, Picture, Remember, Request
from protocols.openadr3.session.machine import step
from protocols.openadr3.session.state import born
from protocols.openadr3.session.terms import Terms, Webhook
from protocols.shell import RETRY_S, SHOW_S, Shell


class Client3(Shell[Input]):
    """One VEN at one VTN, for all the resources it serves.

    ``policy``: how every respondent's timeline runs; its source is given each respondent's name. ``ssl_context`` None = the system's
    authorities; ``memory``: of this client alone; ``doorway``: what a webhook stands behind; ``alarm`` is told what begins and ends.
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
        doorway: Doorway,
        alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        super().__init__(terms.name, memory, clock, alarm)
        self._terms = terms
        self._policy = policy
        self._ssl = ssl_context
        self._dice = dice
        self._doorway = doorway
        self._exchanger = Exchanger(ssl_context)
        kept = {key: found for key in (sightings.KEY, reporting.KEY) if (found := memory.get(key)) is not None}
        self._state = born(terms, kept, clock.now())
        self._hearing: asyncio.Task[None] | None = None
        self._shown_s: dict[Respondent, float] = {}

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

    async def tell(self, outcome: Outcome) -> None:
        """Take note of it for reports; returns at once, since OpenADR 3 has no answer to an event."""
        self._hand(Tell(outcome))

    def show(
        self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...], usual: Usual | None = None
    ) -> None:
        """Hand over the latest picture for reports; returns at once."""
        now_s = self._clock.now().mono_s
        recent = now_s - self._shown_s.get(respondent, float("-inf")) < SHOW_S
        if respondent not in self._terms.respondents or (recent and not averages):
            return
        self._shown_s[respondent] = now_s
        self._hand(Picture(respondent, snapshot, averages, usual))

    def _connected(self) -> Exchanger:
        return self._exchanger

    def _beside(self) -> Iterator[Coroutine[Any, Any, None]]:
        if self._terms.webhook is not None:
            yield self._serve_webhook(self._terms.webhook)

    def _ended(self) -> list[asyncio.Task[None]]:
        hearing, self._hearing = self._hearing, None
        return [] if hearing is None else [hearing]

    def _under_way(self) -> list[int]:
        return list(self._state.waiting)

    def _step(self, given: Input) -> tuple[object, ...]:
        done = step(self._state, given, self._clock.now(), self._dice)
        self._state = done.state
        return done.outputs

    def _do(self, output: object) -> None:
        match output:
            case Request():
                self._send(output, partial(self._exchanger.exchange, output))
            case Remember(key, version, body):
                self._remember(key, version, body)
            case Listen():
                self._hear(output)

    def _replaces(self, given: Input, early: Input) -> bool:
        """Of each respondent the last picture is enough, and whatever brought averages."""
        if not (isinstance(given, Picture) and isinstance(early, Picture)):
            return False
        return early.respondent == given.respondent and not early.averages

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
                async with webhook.listening(terms, lambda _: self._take(Hint("webhook")), self._doorway):
                    self._take(Listening("webhook", True))
                    await asyncio.Event().wait()
            except GatewayError as fault:
                self._take(Listening("webhook", False, str(fault)))
                await asyncio.sleep(RETRY_S)
