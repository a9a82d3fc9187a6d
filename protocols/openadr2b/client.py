"""The 2.0b VEN: the session's requests over HTTP and TLS. Awaits; decides nothing. Wears the Upstream port."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from grid_functions.model.errors import OurFault
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from protocols.exchange import Alarm
from protocols.openadr2b.exchanger import Codec, Exchanger, Sign, Verify
from protocols.openadr2b.session.exchange import (
    Answer,
    Input,
    Leave,
    Opine,
    Picture,
    Pushed,
    Remember,
    Request,
    Schedule,
    Unschedule,
)
from protocols.openadr2b.session.machine import step
from protocols.openadr2b.session.state import Stage, born, keys
from protocols.openadr2b.session.terms import OptBy, Terms
from protocols.openadr2b.wire.messages import Message, Service
from protocols.openadr2b.wire.reader import Decoded
from protocols.openadr2b.wire.registration import OadrCreateOpt
from protocols.shell import SHOW_S, Shell

_OPTS = frozenset({OutcomeKind.OPTED_OUT, OutcomeKind.OPTED_IN})


class Client2b(Shell[Input]):
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
        super().__init__(terms.name, memory, clock, alarm)
        self._terms = replace(terms, xml_signature=sign is not None)
        self._resources = {terms.respondent(resource): devices for resource, devices in terms.respondents.items()}
        named = policies or {}
        self._policies = {one: named.get(one, policy) for one in self._resources}
        self._dice = dice
        self.codec = Codec(sign, verify)
        self._exchanger = Exchanger(terms.url, ssl_context, self.codec, lambda: clock.now().mono_s)
        kept = {key: found for key in keys(self._terms) if (found := memory.get(key)) is not None}
        self._state = born(self._terms, kept, clock.now())
        self._answers: dict[int, Message | None] = {}
        self._pushes = 0
        self._shown_s: dict[Respondent, float] = {}

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

    async def tell(self, outcome: Outcome) -> None:
        """Send what is owed; returns when the VTN acknowledged it, or refused it for good, or wanted no answer."""
        if outcome.kind in _OPTS and self._terms.opt_by is OptBy.EI_OPT:
            # rule 206: once it is told by EiOpt, no oadrCreatedEvent counts; the session keeps it until the VTN has it
            self.opt(outcome.event, outcome.kind is OutcomeKind.OPTED_IN)
            return
        await super().tell(outcome)

    def show(
        self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...], usual: Usual | None = None
    ) -> None:
        """Hand over the latest picture for reports; returns at once."""
        now_s = self._clock.now().mono_s
        devices = self._resources.get(respondent)
        early = now_s - self._shown_s.get(respondent, float("-inf")) < SHOW_S
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

    def _connected(self) -> Exchanger:
        return self._exchanger

    def _under_way(self) -> list[int]:
        return [lane[0] for lane in (self._state.talk, self._state.upload) if lane is not None]

    def _step(self, given: Input) -> tuple[object, ...]:
        done = step(self._state, given, self._clock.now(), self._dice)
        self._state = done.state
        return done.outputs

    def _replaces(self, given: Input, early: Input) -> bool:
        """Of each respondent the last picture is enough, and whatever brought averages."""
        if not (isinstance(given, Picture) and isinstance(early, Picture)):
            return False
        return early.respondent == given.respondent and not early.averages

    def _do(self, output: object) -> None:
        match output:
            case Request():
                self._send(output, partial(self._exchanger.exchange, output))
            case Answer(number, message):
                self._answers[number] = message
            case Remember(key, version, body, long):
                self._remember(key, version, body, apart=long)
