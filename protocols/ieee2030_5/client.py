"""The 2030.5 client: the session's requests over HTTP and TLS. Awaits; decides nothing. Wears the Upstream port."""

from collections.abc import Callable
from functools import partial
from typing import Any

from grid_functions.model.errors import OurFault
from grid_functions.model.event import Respondent
from grid_functions.model.instants import Instants, UpstreamTime
from grid_functions.model.policy import Policy
from grid_functions.model.ports import Clock, Dice, Memory
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from protocols.exchange import Alarm, Failed
from protocols.ieee2030_5.connection import Wrapping
from protocols.ieee2030_5.exchanger import Exchanger
from protocols.ieee2030_5.session.exchange import Input, Picture, Remember, Reply, Request
from protocols.ieee2030_5.session.machine import step
from protocols.ieee2030_5.session.state import REMEMBERED, born
from protocols.ieee2030_5.session.terms import Profile, Terms
from protocols.ieee2030_5.session.tree import root_of
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, Dialect
from protocols.shell import SHOW_S, Shell


class Client2030_5(Shell[Input]):
    """One EndDevice at one server.

    ``devices``: names of the respondent's devices in a snapshot, empty = all; ``memory``: of this client
    alone; ``alarm`` is told what begins and ends.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        policy: Policy,
        ssl_context: Wrapping | None,
        memory: Memory,
        clock: Clock,
        dice: Dice,
        devices: frozenset[str] = frozenset(),
        dialect: Dialect | None = None,
        alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        super().__init__(terms.name, memory, clock, alarm)
        self._terms = terms
        self._policy = policy
        self._dice = dice
        self._devices = devices
        spoken = dialect or (CSIP_AUS if terms.profile is Profile.CSIP_AUS else CSIP)
        self._exchanger = Exchanger(terms.url, ssl_context, spoken, lambda: clock.now().mono_s)
        kept = {key: found for key in REMEMBERED if (found := memory.get(key)) is not None}
        self._state = born(terms, kept, clock.now())
        self._shown_s = float("-inf")

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

    def show(
        self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...], usual: Usual | None = None
    ) -> None:
        """Hand over the latest picture for DER resources, mirrors and LogEvents; returns at once."""
        now_s = self._clock.now().mono_s
        if respondent != self._terms.respondent or (now_s - self._shown_s < SHOW_S and not averages):
            return
        self._shown_s = now_s
        seen = (one for name, one in sorted(snapshot.devices.items()) if not self._devices or name in self._devices)
        self._hand(Picture(tuple(seen), averages))

    def _connected(self) -> Exchanger:
        return self._exchanger

    def _under_way(self) -> list[int]:
        return list(self._state.waiting)

    def _step(self, given: Input) -> tuple[object, ...]:
        done = step(self._state, given, self._clock.now(), self._dice)
        self._state = done.state
        return done.outputs

    def _do(self, output: object) -> None:
        match output:
            case Request():
                if not (self.held and self._exchanger.hurry(output, partial(self._hurried, output))):
                    self._hurried(output, None)
            case Remember(key, version, body):
                self._remember(key, version, body)

    def _hurried(self, request: Request, answer: Reply | Failed | None) -> None:
        if answer is None:
            self._send(request, partial(self._exchanger.exchange, request))
        else:
            self._answered(request, answer)

    def _replaces(self, given: Input, early: Input) -> bool:
        return isinstance(given, Picture) and isinstance(early, Picture) and not early.averages
