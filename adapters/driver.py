"""Holds one device to what is wanted: poll, compare, write the difference, read back. Wears the Device port. Awaits.

The same few lines serve a first start, a lost write, a reconnect and a normal tick: each poll compares what the device holds with
what should hold and writes only the difference. Nothing is written to a device that is not the one pinned, nor before its baseline is
in the ledger, nor over a connection on which it was not looked at first.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

import structlog

from adapters.baseline import Baseline, baseline_key, decode_baseline, encode_baseline
from adapters.budget import Budget, budget_key, encode_budget, resumed
from adapters.doubt import Doubt
from adapters.family import Concerns, Conversation, DcPort, Family, Look, Ported, Writing
from adapters.modbus.link import Link
from adapters.obedience import Obedience, alike, narrows
from adapters.pace import left_s
from adapters.rehearsal import Begun, Settled, both, dry, rehearsed
from adapters.settings import DriverSettings
from adapters.showing import Showing, silent
from adapters.silence import Reach, held, lapses_in_s, outlives
from adapters.waiting import pause
from grid_functions.model.device import Capability, Condition, Nameplate, Seen, Trouble
from grid_functions.model.errors import DeviceFault, LedgerUnavailable, Unreachable
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Clock, Memory
from grid_functions.model.setpoint import Setpoint, tightens

Found = TypeVar("Found")
Raw = TypeVar("Raw")
T = TypeVar("T")

_PORTS_S = 60.0
"""Ports are asked for no more often: nothing decides by them."""

_log = structlog.get_logger("driver")


class Driver(Generic[Found, Raw]):
    """One device behind ``link``. ``note(kind, correlation, body)`` takes what is written and read back, for the log.

    ``wait(news, seconds)`` returns when ``news`` is set or the seconds are over.
    """

    def __init__(
        self,
        name: str,
        family: Family[Found, Raw],
        link: Link,
        settings: DriverSettings,
        memory: Memory,
        clock: Clock,
        note: Callable[[str, str, Mapping[str, Any]], None],
        wait: Callable[[asyncio.Event, float], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.name = name
        self._family, self._link, self._settings = family, link, settings
        self._memory, self._clock, self._note = memory, clock, note
        self._pause = wait or pause
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._wanted: Setpoint | None = None
        self._rehearsed: Setpoint | None = None
        self._concerns = Concerns(family.concerns)
        self._found: Found | None = None
        self._known: Found | None = None
        self._connection = -1
        self._last: tuple[Raw, Instants, Look] | None = None
        self._plate, self._capability = Nameplate(), Capability()
        self._condition = Condition(online=False)
        self._wrong = ""
        self._baseline: Baseline | None = None
        self._kept = Settled()
        self._unsafe = ""
        self._budget, self._doubt = Budget(), Doubt()
        self._spent = ""
        self._obedience = Obedience()
        self._settled = Settled()
        self._armed_s: float | None = None
        self._showing = Showing(name)
        self._reach = Reach()
        self._sleepy = False
        self._held: Setpoint | None = None
        self._loosened_s = float("-inf")
        self._ports: tuple[DcPort, ...] = ()
        self._ports_s = float("-inf")
        self._beat_s = family.pace.beat_s
        self.poll_s = min(settings.poll_s, self._beat_s or settings.poll_s)
        """Seconds between polls: as configured, or sooner where the device wants to hear from us."""

    def want(self, setpoint: Setpoint) -> None:
        """What should hold from now on; the newest wins; returns at once.

        What tightens is written at once. Everything else too, but once in a poll period: else look, decide and want could circle
        at wire speed.
        """
        old, self._wanted = self._wanted, setpoint
        if old is not None and alike(old, setpoint):
            return
        if old is not None and not tightens(setpoint, old):
            now_s = self._clock.now().mono_s
            if now_s - self._loosened_s < self.poll_s:
                return
            self._loosened_s = now_s
        self._news.set()

    async def run(self, intake: Callable[[Seen], None]) -> None:
        """Poll and reconcile until cancelled; a dead device is a look, not an error."""
        while True:
            started_s = self._clock.now().mono_s
            hurried = self._news.is_set()
            self._news.clear()
            async with self._turn:
                await self._look_and_hold(hurried=hurried)
            intake(self._seen())
            now_s = self._clock.now().mono_s
            # Nobody can be asked before the link may try again: until then only what the device may hold can lapse.
            barred_s = min(self._link.barred_s, lapses_in_s(self._held, self._reach, now_s))
            due_s = left_s(started_s, now_s + barred_s, self.poll_s, self._settings.phase_s)
            await self._pause(self._news, barred_s + due_s)

    async def release(self) -> bool:
        """Give the device back the values it had before us; True once it shows them (or nothing was ours)."""
        if self._settings.read_only:
            return True
        self._wanted = Setpoint(self.name, 0 if self._wanted is None else self._wanted.decision)
        async with self._turn:
            await self._look_and_hold(hurried=False)
        return self._condition.online and self._baseline is not None and not self._baseline.owned

    async def ports(self) -> tuple[DcPort, ...]:
        """Its inputs and ports of direct current, asked for now, or up to a minute ago; empty where it tells of none or is silent."""
        now_s = self._clock.now().mono_s
        if isinstance(self._family, Ported) and now_s >= self._ports_s + _PORTS_S:
            async with self._turn:
                with suppress(Unreachable, DeviceFault):
                    found = self._found if self._here else None
                    self._ports = () if found is None else await self._converse(self._family.ports(found))
                    self._ports_s = now_s
        return self._ports

    async def _look_and_hold(self, *, hurried: bool) -> None:
        try:
            found = await self._find()
            if found is None:
                self._gone(f"no {self._family.name} device answers as unit {self._settings.unit}")
                return
            raw, now, look = (self._fresh() if hurried else None) or await self._poll(found)
            told = look.plausible and not self._wrong and not self._settings.read_only
            safe = told and (self._is_safe(look) or await self._safe(look))
            if safe and self._wanted is not None:
                await self._hold(found, raw, look, self._wanted, now)
                return
            self._see(look)
            if told and not safe:
                self._condition = replace(self._condition, text=self._unsafe)
            elif look.plausible and self._settings.read_only:
                self._rehearse(found, raw)
        except (Unreachable, DeviceFault) as fault:
            self._gone(str(fault))

    async def _find(self) -> Found | None:
        if not self._doubt.due(self._clock.now().mono_s) and self._found is not None and self._here:
            return self._found
        # A new connection may reach another device: who it is comes before what it should do.
        self._found = self._last = None
        self._obedience.unknown()
        before = self._link.connections + (not self._link.connected)
        found = await self._link.converse(self._family.find(self._settings.unit, self._known))
        if self._link.connections != before or not self._link.connected:
            raise Unreachable(f"{self._link.name}: connection lost while looking who is there")
        if found is None:
            return None
        self._connection = self._link.connections
        self._found = self._known = found
        self._plate = self._family.nameplate(found)
        self._capability = self._capable(found)
        self._doubt.found(self._clock.now().mono_s, doubtful=self._family.doubtful(found))
        self._budget = resumed(self._budget, self._memory.get(budget_key(self.name, self._plate)))
        self._wrong = "; ".join(self._settings.pinned.differences(self._plate)) or self._obedience.named(self._plate)
        if self._wrong:
            _log.error("not the device that it should be; it is only read", device=self.name, why=self._wrong)
        return found

    def _capable(self, found: Found) -> Capability:
        capability, settle_s = self._family.capability(found), self._settings.settle_s
        return capability if settle_s is None else replace(capability, settle_s=settle_s)

    @property
    def _here(self) -> bool:
        """Whether the connection on which the device was last looked at still stands."""
        return self._link.connected and self._link.connections == self._connection

    async def _converse(self, conversation: Conversation[T]) -> T:
        return await self._link.converse(conversation, on=self._connection)

    async def _poll(self, found: Found) -> tuple[Raw, Instants, Look]:
        return self._polled(found, await self._converse(self._family.poll(found, self._ours(found))))

    def _polled(self, found: Found, raw: Raw | None) -> tuple[Raw, Instants, Look]:
        if raw is None:
            raise Unreachable("the device did not answer a poll")
        at = self._clock.now()
        self._last = raw, at, self._family.decode(found, raw, at)
        return self._last

    def _ours(self, found: Found) -> frozenset[str]:
        """The points that are ours, or are about to be."""
        if self._settings.read_only or self._wrong or self._wanted is None:
            return frozenset()
        owned = frozenset[str]() if self._baseline is None else self._baseline.owned
        concerns = self._concerns(found, self._wanted)
        return owned if concerns <= owned else owned | concerns

    def _fresh(self) -> tuple[Raw, Instants, Look] | None:
        """The last poll, and now, while younger than one poll period: what is urgent is written against it, the read-back tells."""
        if self._last is None:
            return None
        (raw, at, look), now = self._last, self._clock.now()
        return None if now.mono_s - at.mono_s > self.poll_s else (raw, now, look)

    def _is_safe(self, look: Look) -> bool:
        """Whether this very device told the same when its values from before us were last seen to be in the ledger."""
        return self._kept.has(look.points, self._plate) and not self._unsafe

    async def _safe(self, look: Look) -> bool:
        """Whether the values from before us are in the ledger; those of a point first seen now are put there."""
        key = baseline_key(self.name, self._plate)
        try:
            known = self._baseline if self._baseline is not None and self._baseline.key == key else None
            if known is None and (kept := self._memory.get(key)) is not None:
                known = decode_baseline(key, *kept)
            if known is None or look.points.keys() - known.points.keys():
                points, owned = (known.points, known.owned) if known is not None else ({}, frozenset[str]())
                known = Baseline(key, {**look.points, **points}, owned)
                await self._memory.put(key, *encode_baseline(known))
            self._baseline = known
            self._kept.keep(look.points, self._plate)
        except LedgerUnavailable as fault:
            if not self._unsafe:
                _log.error("no baseline, so nothing is written", device=self.name, why=str(fault))
            self._unsafe = f"nothing is written: its values from before us cannot be kept ({fault})"
            return False
        self._unsafe = ""
        return True

    async def _own(self, baseline: Baseline, owned: frozenset[str]) -> Baseline:
        if owned == baseline.owned:
            return baseline
        known = self._baseline = replace(baseline, owned=owned)
        # The values are safe already. That a point is ours may be lost: what is wanted next will own it again.
        with suppress(LedgerUnavailable):
            await self._memory.put(known.key, *encode_baseline(known))
        return known

    async def _hold(self, found: Found, raw: Raw, look: Look, wanted: Setpoint, now: Instants) -> None:
        assert self._baseline is not None
        known, now_s = self._baseline, now.mono_s
        if self._obedience.watch(look, known.owned, now_s):
            _log.warning("changed without our write", device=self.name)
        settled = not (late := self._late(wanted, now_s)) and self._settled.has(found, raw, wanted, known)
        begun = None if settled else Begun(self._family.write(found, raw, wanted, rearm=late))
        if begun is None or (begun.silent and self._given_back(found, raw, wanted, known)):
            await self._confirm(found, raw, look, wanted, known)
            return
        may = self._obedience.may_write(wanted, look.holds, now_s)
        if not may or not self._affordable(found, raw, look, wanted, now):
            self._see(look)
            return
        known = await self._own(known, known.owned | self._concerns(found, wanted))
        self._reach = self._reach.wrote(wanted)
        spent = self._budget.spent
        try:
            writing, after = await self._converse(self._written(found, raw, wanted, known, begun))
            polled = self._polled(writing.found or found, after)
        except (Unreachable, DeviceFault):
            self._see(look)
            raise
        finally:
            await self._keep_spent(spent)
        await self._read_back(writing, polled, wanted, known)

    def _written(
        self, found: Found, raw: Raw, wanted: Setpoint, known: Baseline, begun: Begun[Found]
    ) -> Conversation[tuple[Writing[Found], Raw | None]]:
        """Write what differs, give back what is no longer wanted, read back: one conversation, for each wakes whoever waits for it."""
        writing = yield from begun.rest()
        ours = self._concerns(found, wanted)
        surplus = {name: value for name, value in known.points.items() if name in known.owned - ours}
        if surplus and not writing.refused:
            writing = both(writing, (yield from self._family.release(found, raw, surplus)))
        if writing.found is not None:
            found = self._found = self._known = writing.found
            self._capability = self._capable(found)
        self._budget = self._budget.after(writing.points, self._capability, self._clock.now())
        body = {"device": self.name, "points": dict(writing.points), "refused": writing.refused}
        self._note("write", f"decision-{wanted.decision}", body)
        return writing, (yield from self._family.poll(found, self._ours(found)))

    async def _read_back(
        self, writing: Writing[Found], polled: tuple[Raw, Instants, Look], wanted: Setpoint, known: Baseline
    ) -> None:
        raw, at, look = polled
        found = self._found
        assert found is not None
        self._note("read-back", f"decision-{wanted.decision}", {"device": self.name, "points": dict(look.points)})
        settled = not writing.refused and dry(self._family.write(found, raw, wanted))
        if settled and self._given_back(found, raw, wanted, known):
            self._armed_s = at.mono_s
            await self._confirm(found, raw, look, wanted, known)
            return
        if not writing.pending or writing.refused or not self._obedience.waits(wanted, at.mono_s):
            why = self._obedience.failed(wanted, writing.refused, at.mono_s, writing.pending)
            _log.warning("not applied", device=self.name, why=why, decision=wanted.decision)
        self._see(look)

    def _affordable(self, found: Found, raw: Raw, look: Look, wanted: Setpoint, now: Instants) -> bool:
        """Whether the device may be written that often. What tightens, and what keeps its timer running, always may."""
        self._spent = ""
        holds = look.holds
        if narrows(wanted, holds) or (holds is not None and alike(holds, wanted)):
            return True
        wears = self._capability.writes_per_day is not None
        points = rehearsed(self._family.write(found, raw, wanted)).points if wears else ()
        self._spent = self._budget.refusal(points, self._capability, now)
        return not self._spent

    async def _keep_spent(self, before: Mapping[str, int]) -> None:
        if self._budget.spent != before:
            # A count that is lost costs the device a few writes more, and nobody a limit.
            with suppress(LedgerUnavailable):
                await self._memory.put(budget_key(self.name, self._plate), *encode_budget(self._budget))

    def _given_back(self, found: Found, raw: Raw, wanted: Setpoint, known: Baseline) -> bool:
        """Whether what is ours and no longer wanted reads as it did before us."""
        surplus_names = known.owned - self._concerns(found, wanted)
        surplus = {name: value for name, value in known.points.items() if name in surplus_names}
        return not surplus or dry(self._family.release(found, raw, surplus))

    def _late(self, wanted: Setpoint, now_s: float) -> bool:
        """Whether half of a revert timer has passed since it was last known to be started, or a watchdog is to be fed."""
        due = [wanted.revert.after_s / 2] if wanted.revert is not None else []
        due += [self._beat_s] if self._beat_s is not None else []
        if not due:
            return False
        return self._armed_s is None or now_s - self._armed_s >= min(due)

    def _rehearse(self, found: Found, raw: Raw) -> None:
        """Tell once, for each thing wanted, what would be written."""
        wanted = self._wanted
        if wanted is None or (self._rehearsed and alike(self._rehearsed, wanted)) or not self._capability.abilities:
            return
        self._rehearsed = wanted
        writing = rehearsed(self._family.write(found, raw, wanted))
        body = {"device": self.name, "points": dict(writing.points), "refused": writing.refused}
        self._note("would-write", f"decision-{wanted.decision}", body)

    def _see(self, look: Look, decision: int | None = None) -> None:
        """``look``: of the last poll. ``decision``: which one it holds, where it reads back as wanted."""
        assert self._last is not None
        at_s = self._last[1].mono_s
        troubles, why = self._obedience.troubles(self._wanted)
        if self._wrong:
            troubles |= {Trouble.WRONG_DEVICE}
        if self._spent:
            troubles |= {Trouble.WRITES_SPENT}
        if not self._settings.read_only and outlives(self._capability):
            troubles |= {Trouble.NO_WATCHDOG}
        holds = self._condition.holds if not look.plausible else look.holds
        if look.max_w not in (None, self._plate.max_w):
            self._plate = replace(self._plate, max_w=look.max_w)
        self._sleepy, self._held = look.sleepy, self._showing.held(holds, decision)
        self._reach = self._reach.answered(at_s)
        self._condition = self._showing.condition(look, at_s, self._held, troubles, self._wrong or why or self._spent)

    async def _confirm(self, found: Found, raw: Raw, look: Look, wanted: Setpoint, known: Baseline) -> None:
        """It reads back as wanted: from now on it holds this decision, and only what this decides is ours."""
        self._obedience.held(look)
        self._settled.keep(found, raw, wanted, await self._own(known, self._concerns(found, wanted)))
        self._see(look, wanted.decision)
        self._reach = self._reach.confirmed()

    def _gone(self, why: str) -> None:
        if self._condition.online and not self._sleepy:
            _log.warning("device silent", device=self.name, why=why)
        # It may come back as another one, or as itself after a power cycle: it is looked at anew.
        self._found = self._last = None
        self._obedience.unknown()
        # What it last held is what it may still hold, until its own timer ends that: the decision counts with it.
        holds = held(self._held, self._reach, self._clock.now().mono_s)
        self._condition = silent(self._condition, holds, why, sleepy=self._sleepy)

    def _seen(self) -> Seen:
        return Seen(self.name, self._settings.role, self._plate, self._capability, self._condition)
