"""One edge coordinator, running: what its members report goes in, leases and letters go out, by the coordinator's step."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from gateway.books import Commits
from gateway.mail import Solve
from grid_functions import coordinator, fold, machines, roster
from grid_functions.alarm import Alarm
from grid_functions.coordinator import AreaMachine, AreaState, AreaTerms
from grid_functions.letters import Way
from grid_functions.model.claim import InForce
from grid_functions.model.entry import Entry
from grid_functions.model.errors import OperatorFault, Unreachable
from grid_functions.model.function import Answer, AreaInputs, Ask
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Lease, MemberReport, Message
from grid_functions.model.ports import Clock, Members
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.roster import Roster

_log = structlog.get_logger("area")

Arrived = TypeVar("Arrived", Message, Answer)

_REPORT_S = 10.0
"""How often members are asked for their report when nothing else happens."""

_RETRY_S = 1.0

_OURS = frozenset({"member", "connection", "ledger"})
"""Alarms of the loop itself; all others are of one step."""


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """What one coordinator is made of. ``reports``: what members tell of themselves now; ``asked``: what upstreams ask of the area, and
    what its own meter shows; ``told``: takes what is for the site at its connection.
    """

    terms: AreaTerms
    functions: Mapping[str, AreaMachine]
    members: Members
    reports: Callable[[], Mapping[str, MemberReport]]
    asked: Callable[[], tuple[tuple[InForce, ...], Mapping[MeterKey, Reading]] | None]
    told: Callable[[Message], None]


class AreaLoop:
    """Decides when something arrived or is due. A function that raises, a member that cannot be reached, a full disk harm nobody else."""

    def __init__(
        self,
        plan: AreaPlan,
        entries: tuple[Entry, ...],
        who: Roster,
        ledger: Commits,
        clock: Clock,
        solve: Solve,
    ) -> None:
        self.plan = plan
        self.roster = who
        self.alarms: dict[str, str] = {}
        self._state = AreaState(kept=machines.restore(entries))
        self._ledger, self._clock, self._solve = ledger, clock, solve
        self._changed = asyncio.Event()
        self._messages: list[Message] = []
        self._orders: list[tuple[Message, asyncio.Future[tuple[str, ...]]]] = []
        self._answers: list[Answer] = []
        self._solving: set[asyncio.Task[None]] = set()

    @property
    def stream(self) -> str:
        """Its stream in the ledger."""
        return f"area/{self.plan.terms.name}"

    @property
    def state(self) -> AreaState:
        """What its functions keep, and what is granted."""
        return self._state

    def hear(self, message: Message, token: str) -> str:
        """A letter of a member; why it is not taken, empty = it is."""
        self.roster, fault = roster.heard(self.roster, message, token, self._clock.now())
        if fault:
            self._alarm(f"member {message.sender}", f"{message.sender} {fault}")
        else:
            self._messages.append(message)
            self._changed.set()
        return fault

    async def order(self, order: Message) -> tuple[str, ...]:
        """What operator or API want of a function now. Returns once what came of it is kept, with what the function finds wrong.

        Raises OperatorFault when the area ends before.
        """
        kept: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._orders.append((order, kept))
        self._changed.set()
        return await kept

    def told(self, function: str) -> Mapping[str, Any]:
        """What one function has to say; nothing while it has not run."""
        return machines.told({function: self.plan.functions[function]}, self._state.kept).get(function, {})

    async def run(self) -> None:
        """Coordinate until cancelled; then take everything back."""
        try:
            while True:
                self._changed.clear()
                try:
                    wake = await self._step(self._clock.now())
                except Exception:
                    _log.exception("a step failed; what is leased stands", area=self.plan.terms.name)
                    await asyncio.sleep(_RETRY_S)
                else:
                    await self._until(wake)
        finally:
            for task in self._solving:
                task.cancel()
            for order, kept in self._orders:
                if not kept.done():
                    kept.set_exception(
                        OperatorFault(f"{order.to} ended before it was told", "'osed area list' shows all")
                    )

    async def end(self) -> None:
        """Leave nothing behind: every lease is taken back; one whose member is not reached runs out by itself."""
        await self._send(coordinator.farewell(self._state, self.plan.terms))
        self._state = AreaState()

    async def _step(self, now: Instants) -> tuple[Moment, ...]:
        terms, before = self.plan.terms, self._state
        asked = self.plan.asked()
        if asked is None:
            # What is asked of the area is not known: what is leased stands, and is not loosened meanwhile (rule 6).
            self._alarm("connection", "the site at its connection has not decided yet: what is leased stands")
            self._state, due, wake = coordinator.renewed(before, terms, now)
            await self._deliver(due, ())
            return (*wake, Moment(OWN, now.utc_s + _RETRY_S))
        self.alarms.pop("connection", None)
        messages, orders, answers = tuple(self._messages), tuple(self._orders), tuple(self._answers)
        rolls = {name: self.roster.members_of(name, Way.DOWN) for name in self.plan.functions}
        told = tuple(order for order, _ in orders)
        inputs = AreaInputs(*asked, self.plan.reports(), rolls, (), told, messages, answers)
        done = coordinator.step(before, terms, self.plan.functions, inputs, now)
        unkept = await self._unkept(done.entries)
        if unkept:
            done = coordinator.without(unkept, before, done, terms, now)
        self._messages[: len(messages)] = _of(unkept, messages)
        self._answers[: len(answers)] = _of(unkept, answers)
        self._orders[: len(orders)] = [one for one in orders if one[0].function in unkept]
        self._state = done.state
        for function, ask in done.asks:
            task = asyncio.create_task(self._answer(function, ask))
            self._solving.add(task)
            task.add_done_callback(self._solving.discard)
        self._note(done.alarms)
        for order, kept in orders:
            if order.function not in unkept and not kept.done():
                kept.set_result(tuple(one.text for one in done.alarms if order.function in (one.room, one.subject)))
        await self._deliver(done.leases, done.messages)
        return (*done.wake, Moment(OWN, now.utc_s + _RETRY_S)) if unkept else done.wake

    async def _unkept(self, entries: tuple[Entry, ...]) -> frozenset[str]:
        """The functions whose entries cannot be kept: what was agreed must be known after a crash before anybody acts on it."""
        if entries:
            try:
                await self._ledger.commit(self.stream, entries)
            except Exception as fault:
                # Whatever the reason, as at a site: the next attempt may do.
                self._alarm("ledger", str(fault))
                return frozenset(entry.key[1] for entry in entries)
        self.alarms.pop("ledger", None)
        return frozenset()

    async def _deliver(self, leases: tuple[tuple[str, Lease], ...], messages: tuple[Message, ...]) -> None:
        lost = await self._send(leases)
        for message in messages:
            if message.to == fold.CONNECTION:
                self.plan.told(message)
            elif roster.may_hear(self.roster, message.to, message.function):
                lost |= await self._sent(message.to, message)
        if lost:
            self._state = coordinator.unsent(self._state, lost)

    async def _send(self, leases: tuple[tuple[str, Lease], ...]) -> set[str]:
        lost: set[str] = set()
        for member, lease in leases:
            # What takes back is sent to whoever once was a member.
            if lease.ttl_s == 0 or roster.may_hear(self.roster, member, lease.id.function):
                lost |= await self._sent(member, lease)
        return lost

    async def _sent(self, member: str, what: Lease | Message) -> set[str]:
        try:
            await self.plan.members.send(member, what)
        except Unreachable as fault:
            self._alarm(f"member {member}", str(fault))
            return {member}
        self.alarms.pop(f"member {member}", None)
        return set()

    async def _answer(self, function: str, ask: Ask) -> None:
        answer = await self._solve(function, ask)
        self._answers.append(answer)
        self._changed.set()

    async def _until(self, wake: tuple[Moment, ...]) -> None:
        now = self._clock.now()
        left_s = min([_REPORT_S, *(moment.in_s(now) for moment in wake)])
        with suppress(TimeoutError):
            async with asyncio.timeout(max(left_s, 0.0)):
                await self._changed.wait()

    def _note(self, alarms: tuple[Alarm, ...]) -> None:
        standing = {f"{one.room} {one.subject}": one.text for one in alarms}
        for key in [key for key in self.alarms if key not in standing and key.partition(" ")[0] not in _OURS]:
            del self.alarms[key]
        for key, text in standing.items():
            self._alarm(key, text)

    def _alarm(self, key: str, text: str) -> None:
        if self.alarms.get(key) != text:
            _log.warning("alarm", area=self.plan.terms.name, what=text)
        self.alarms[key] = text


def _of(functions: frozenset[str], arrived: tuple[Arrived, ...]) -> list[Arrived]:
    return [one for one in arrived if one.function in functions]


def shown(loop: AreaLoop) -> dict[str, Any]:
    """How a coordinator is, as plain values for people and the API."""
    terms = loop.plan.terms
    return {
        "name": terms.name,
        "members": list(terms.members),
        "functions": {
            name: {"enrolled": list(loop.roster.members_of(name, Way.DOWN))} for name in sorted(loop.plan.functions)
        },
        "epoch": terms.epoch,
        "grants": sorted(f"{member}: {function}/{subject}" for function, member, subject in loop.state.grants),
        "alarms": dict(loop.alarms),
        "told": machines.told(loop.plan.functions, loop.state.kept),
    }
