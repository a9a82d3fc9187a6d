"""One site's loop: looks and reads in, decisions out, in the order that keeps promises.

A decision is made when something changed or its own wake-up is due; nothing polls the clock. Tightening goes to the devices at once;
whatever loosens, and every answer upstream, waits until the entries of its decision are in the ledger. While the ledger
cannot be written tightening goes on, loosening and answers wait, and an alarm stands. A site that only observes leaves no trace: it
writes no device, keeps nothing in the ledger and tells its upstreams nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import structlog

from gateway.averaging import Averages
from gateway.books import Commits, Records
from gateway.handing import narrowed, told, within
from gateway.mail import Mail
from gateway.picture import aged, next_stale, unwatched
from gateway.recording.record import Recorder
from gateway.saying import Saying
from gateway.sifting import sifted
from gateway.site_plan import SitePlan
from gateway.telling import Telling
from grid_functions.decide import Decision, SiteState, SiteTick, decide, note
from grid_functions.model.device import Role, Seen
from grid_functions.model.entry import Entry, EntryKey
from grid_functions.model.event import EventKey, Read
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.outcome import Outcome
from grid_functions.model.ports import Clock
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from grid_functions.timeline.state import Opt
from grid_functions.words import Word

_log = structlog.get_logger("site")

_ROUND_S = 0.1
"""The looks of one round are waited for so long after the first of them; what an upstream says is decided on at once."""

_RETRY_S = 1.0
"""Between attempts to write a ledger that cannot be written, or to run a device again whose driver raised."""

_KEEP_S = 5.0
"""A disk that hangs does not hold a stop for longer."""


class SiteLoop:
    """One site. Synchronous intakes, one task that decides, one that commits, one per device and per event that is owed answers."""

    def __init__(
        self,
        plan: SitePlan,
        state: SiteState,
        owed: tuple[Outcome, ...],
        ledger: Commits,
        log: Records,
        clock: Clock,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        pause: Callable[[asyncio.Event, float | None], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.plan = plan
        self.decision: Decision | None = None
        self.seen: dict[str, Seen] = {}
        self.alarms: dict[str, str] = {}
        self._state = state
        self._ledger, self._log, self._clock, self._sleep = ledger, log, clock, sleep
        self._pause = pause or _pause
        self._recorder = Recorder(plan, log)
        self._averages = Averages(plan.terms, plan.policies.keys())
        self._reads: list[Read] = []
        self._changed, self._ripe = asyncio.Event(), asyncio.Event()
        self._looked: set[str] = set()
        self._commit_wanted = asyncio.Event()
        self._saying = Saying(self._now)
        self.mail = Mail(self._now)
        self._uncommitted: dict[EntryKey, Entry] = {}
        self._untold, self._unlogged = list[Outcome](), list[Outcome]()
        self._handed: dict[str, Setpoint] = {}
        self._telling = Telling(plan.upstreams, owed, self._was_taken, self._alarm, sleep)

    def take_read(self, read: Read) -> None:
        """A look at one respondent, from its upstream's session."""
        self._reads.append(read)
        self._now()

    def take_seen(self, seen: Seen) -> None:
        """A look at one device, from its driver. That it is silent still is no news."""
        self.alarms.pop(f"driver {seen.device}", None)
        self._looked.add(seen.device)
        if len(self._looked) == len(self.plan.devices):
            self._ripe.set()
        if seen.condition.online or seen != self.seen.get(seen.device):
            self.seen[seen.device] = seen
            self._changed.set()

    async def say(self, word: Word) -> None:
        """What operator or occupant says; returns once it holds and is kept."""
        self._ripe.set()
        await self._saying.say(word)

    @property
    def state(self) -> SiteState:
        """All that the site remembers now."""
        return self._state

    @property
    def handed(self) -> Mapping[str, Setpoint]:
        """What each driver was last handed."""
        return self._handed

    async def run(self) -> None:
        """Decide until cancelled. A device whose driver raises is run again; nothing here stops anything else."""
        try:
            async with asyncio.TaskGroup() as group:
                for name in self.plan.devices:
                    group.create_task(self._run_device(name), name=f"{self.plan.terms.name}/{name}")
                if not self.plan.observe:
                    self._telling.begin()
                if self._uncommitted or self._untold:
                    self._commit_wanted.set()
                group.create_task(self._commit_forever(), name=f"{self.plan.terms.name}/commit")
                group.create_task(self._telling.fold_forever(self._fold), name=f"{self.plan.terms.name}/fold")
                group.create_task(self._decide_forever(), name=f"{self.plan.terms.name}/decide")
        finally:
            await self.mail.end()
            await self._telling.end()
            await self._keep_taken()

    def snapshot(self, now: Instants) -> Snapshot:
        """The frozen picture of now: every configured device is in it, answered or not."""
        meter = self.seen.get(self.plan.meter) if self.plan.meter is not None else None
        stale_s = self.plan.terms.meter_stale_s
        readings = {} if meter is None else {key: aged(r, now, stale_s) for key, r in meter.condition.readings.items()}
        devices = {name: seen for name, seen in self.seen.items() if seen.role is not Role.METER}
        return Snapshot(self.plan.terms.name, now, readings, devices)

    def _now(self) -> None:
        """What is no look waits for none."""
        self._ripe.set()
        self._changed.set()

    async def _decide_forever(self) -> None:
        await self._first_looks()
        while True:
            self._changed.clear()
            self._ripe.clear()
            self._looked.clear()
            now = self._clock.now()
            try:
                wake = await self._decide(now)
            except Exception:
                # A defect of ours must not unseat what holds: the drivers keep what they were handed.
                self._alarm("decision", "a decision failed; what holds stands")
                _log.exception("decision failed", site=self.plan.terms.name)
                await self._sleep(_RETRY_S)
            else:
                await self._until_due(wake)

    async def _first_looks(self) -> None:
        deadline_s = self._clock.now().mono_s + self.plan.settle_deadline_s
        while self._unanswered() and (left_s := deadline_s - self._clock.now().mono_s) > 0:
            self._changed.clear()
            await self._pause(self._changed, left_s)

    def _unanswered(self) -> set[str]:
        """Devices of which no answer has come. That one is silent is a look, but no answer."""
        return set(self.plan.devices) - {name for name, seen in self.seen.items() if seen.condition.online}

    async def _decide(self, now: Instants) -> tuple[Moment, ...]:
        snapshot = self.snapshot(now)
        decision = self._decided(snapshot, now)
        before, self._state, self.decision = self.decision, decision.state, decision
        if self.plan.observe:
            self._owe(decision.outcomes, decision.entries)
            self._went_out(decision)
        else:
            settled = not (self._uncommitted or self._untold or decision.entries or decision.outcomes)
            whole = self._hand(decision, loosening=settled)
            self._gather(decision.outcomes, decision.entries)
            # What is urgent begins its way before anything is noted of it, what is owed its commit before anything is told of it; and
            # who answers meanwhile is heard in between, so that a device is sent its next request.
            await asyncio.sleep(0)
            if whole:
                self._went_out(decision)
            self._fold()
            self._owe((), ())
            await asyncio.sleep(0)
            self._show(snapshot)
            await asyncio.sleep(0)
        self._log_outcomes()
        self._say(decision, before)
        stale = next_stale(snapshot.meter, self.plan.terms.meter_stale_s, now)
        return (*decision.wake, *(one for one in (stale, self._averages.closes()) if one is not None))

    def _decided(self, snapshot: Snapshot, now: Instants) -> Decision:
        """Decide on everything that came. Reads that no decision can be made of are left out, so that the loop on the meter goes on."""
        reads, plan = tuple(self._reads), self.plan
        leases, messages, answers = self.mail.contents()
        passed_on = self.mail.outside.passed_on(plan.terms.name)
        tick = SiteTick(snapshot, reads, self._saying.words(), leases, messages, answers, passed_on)

        def on(some: SiteTick) -> Decision:
            return decide(self._state, plan.policies, plan.terms, plan.functions, some, now, seed=plan.seed)

        tick, decision, fault = sifted(tick, on)
        if fault is not None:
            names = ", ".join(sorted({one.respondent.upstream for one in reads if one not in tick.reads}))
            self._alarm("read", f"what {names} shows could not be decided on; what was in force stands")
            _log.error("reads left out", site=plan.terms.name, upstreams=names, exc_info=fault)
        elif reads:
            self.alarms.pop("read", None)
        self._recorder.step(self._state, tick, decision, now)
        self.alarms.pop("decision", None)
        del self._reads[: len(reads)]
        self.mail.were_decided(len(leases), len(messages), len(answers))
        self.mail.send(decision.outputs, letters=not plan.observe)
        for word in tick.words:
            self._log.add(
                plan.terms.name, "word", word.event.id if isinstance(word, Opt) else word.name, {"said": str(word)}
            )
        if self._saying.were_decided(tick.words):
            self._commit_wanted.set()
        return decision

    def _show(self, snapshot: Snapshot) -> None:
        self._averages.take(snapshot)
        usual = Usual(self.state.baseline.hours, self.plan.terms.baseline)
        for respondent in self.plan.policies:
            try:
                averages = self._averages.of(respondent)
                self.plan.upstreams[respondent.upstream].show(respondent, snapshot, averages, usual)
            except Exception:
                _log.exception("an upstream took no picture", upstream=respondent.upstream)

    def _owe(self, outcomes: tuple[Outcome, ...], entries: tuple[Entry, ...]) -> None:
        """Commit the entries, and then tell the outcomes; without any, what is gathered."""
        self._gather(outcomes, entries)
        if self._uncommitted or self._untold:
            self._commit_wanted.set()

    def _gather(self, outcomes: tuple[Outcome, ...], entries: tuple[Entry, ...]) -> None:
        """From now on a commit is waited for by whatever loosens. Nothing is owed for what was only watched."""
        self._unlogged += outcomes
        if not self.plan.observe:
            self._uncommitted.update((entry.key, entry) for entry in entries)
            self._untold += outcomes
        elif outcomes:
            self._note(acknowledged=outcomes)

    def _log_outcomes(self) -> None:
        site = self.plan.terms.name
        for outcome in self._unlogged:
            self._log.add(site, "outcome", outcome.event.id, {"kind": outcome.kind, "cause": outcome.cause.text})
            _log.info("outcome", site=site, about=outcome.event.id, kind=outcome.kind.value)
        self._unlogged.clear()

    def _note(self, *, handed: int | None = None, acknowledged: tuple[Outcome, ...] = ()) -> None:
        """What became of decisions is no reason to decide again."""
        now = self._clock.now()
        noted = note(self._state, self.plan.policies, now, handed=handed, acknowledged=acknowledged)
        self._recorder.note(handed, acknowledged, noted, now)
        self._state = noted.state
        self._owe(noted.outcomes, noted.entries)

    def _hand(self, decision: Decision, *, loosening: bool) -> bool:
        """Hand over all of a decision, or, without ``loosening``, as much of it as only tightens. True: that was all of it."""
        whole = True
        for wanted in decision.setpoints:
            name = wanted.device
            if name not in self.plan.devices:
                continue
            old = self._handed.get(name)
            setpoint = wanted if loosening else narrowed(wanted, old or self._found(name))
            whole = whole and (setpoint is wanted or wanted == old)
            if setpoint is None or setpoint == old:
                continue
            try:
                self.plan.devices[name].want(setpoint)
            except Exception as fault:
                self._alarm(f"driver {name}", f"the driver of {name} took no setpoint: {fault}")
                _log.exception("driver took no setpoint", device=name)
            else:
                self._handed[name] = setpoint
        return whole

    def _found(self, name: str) -> Setpoint | None:
        """What a device holds that was not handed anything in this run."""
        seen = self.seen.get(name)
        return None if seen is None else seen.condition.holds

    def _went_out(self, decision: Decision) -> None:
        if self._state.room.waiting:
            self._note(handed=decision.serial)

    async def _commit_forever(self) -> None:
        while True:
            await self._commit_wanted.wait()
            self._commit_wanted.clear()
            decision, entries, outcomes = self.decision, tuple(self._uncommitted.values()), tuple(self._untold)
            said = self._saying.to_keep()
            try:
                await self._ledger.commit(self.plan.terms.name, entries)
            except Exception as fault:
                # Whatever the reason: what cannot be kept must neither loosen nor be told, and the next attempt may do.
                self._alarm("ledger", str(fault))
                await self._sleep(_RETRY_S)
                self._commit_wanted.set()
                continue
            self.alarms.pop("ledger", None)
            self._saying.were_kept(said)
            for entry in entries:
                if self._uncommitted.get(entry.key) is entry:
                    del self._uncommitted[entry.key]
            del self._untold[: len(outcomes)]
            self._telling.owe(outcomes)
            latest = self.decision
            if latest is None or decision is None:
                continue
            if not self._uncommitted and not self._untold:
                decision = latest
                self._hand(latest, loosening=True)
            else:
                # A newer decision waits: of the one that is safe now only that goes out which does not exceed the newer.
                self._hand(within(decision, latest), loosening=True)
            await asyncio.sleep(0)
            self._went_out(decision)
            self._log_outcomes()

    def _was_taken(self, outcome: Outcome) -> None:
        body = {"kind": outcome.kind, "at_s": outcome.at.at_s}
        self._log.add(self.plan.terms.name, "told", outcome.event.id, body)

    def _fold(self) -> None:
        """What upstreams took is kept with the next decision, or by itself after a while."""
        if taken := self._telling.taken():
            self._note(acknowledged=taken)

    async def _keep_taken(self) -> None:
        """Before the end: what upstreams took is not to be sent again by the next run. A ledger that fails costs only that."""
        if self.plan.observe or not (taken := self._telling.taken()):
            return
        self._note(acknowledged=taken)
        try:
            async with asyncio.timeout(_KEEP_S):
                await self._ledger.commit(self.plan.terms.name, tuple(self._uncommitted.values()))
        except Exception as fault:
            _log.warning("acknowledgements not kept", site=self.plan.terms.name, why=str(fault))

    async def _run_device(self, name: str) -> None:
        while True:
            try:
                await self.plan.devices[name].run(self.take_seen)
            except Exception as fault:
                self._alarm(f"driver {name}", f"the driver of {name} stopped: {fault}")
                _log.exception("driver stopped", device=name)
                self.seen.update(unwatched(self.seen.get(name), f"its driver stopped: {fault}"))
                self._now()
            await self._sleep(_RETRY_S)

    async def _until_due(self, wake: tuple[Moment, ...]) -> None:
        now = self._clock.now()
        left_s = min((moment.in_s(now) for moment in wake), default=None)
        await self._pause(self._changed, None if left_s is None else max(left_s, 0.0))
        if self._looked and not self._ripe.is_set():
            # The devices of a site are polled together: what one round of looks shows is one picture and one decision.
            due_s = _ROUND_S if left_s is None else min(_ROUND_S, left_s - (self._clock.now().mono_s - now.mono_s))
            await self._pause(self._ripe, max(due_s, 0.0))

    def _say(self, decision: Decision, before: Decision | None) -> None:
        site = self.plan.terms.name
        standing = {f"{alarm.room}/{alarm.subject}": alarm.text for alarm in decision.alarms}
        for key in [key for key in self.alarms if "/" in key and key not in standing]:
            del self.alarms[key]
        for key, text in standing.items():
            self._alarm(key, text)
        if before is None or decision.setpoints != before.setpoints:
            causes = {
                claim.cause.cause.id for claim in decision.ruling.bounds if isinstance(claim.cause.cause, EventKey)
            }
            body = {"serial": decision.serial, "setpoints": {s.device: told(s) for s in decision.setpoints}}
            for correlation in sorted(causes) or [""]:
                self._log.add(site, "decision", correlation, body)

    def _alarm(self, key: str, text: str) -> None:
        if self.alarms.get(key) != text:
            _log.warning("alarm", site=self.plan.terms.name, what=text)
            self._log.add(self.plan.terms.name, "alarm", "", {"text": text})
        self.alarms[key] = text


async def _pause(news: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        # asyncio.timeout, not wait_for: in 3.11 that one may lose a cancellation that meets its future.
        async with asyncio.timeout(seconds):
            await news.wait()
