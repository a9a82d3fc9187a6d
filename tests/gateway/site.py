"""A site's loop between fakes that misbehave like the real things: ledger, devices, upstream, log and time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.log.book import Record
from gateway.loop import SiteLoop
from gateway.site_plan import SitePlan
from grid_functions import decide
from grid_functions.catalogue import built_in
from grid_functions.machines import Machine
from grid_functions.model.device import Role, Seen
from grid_functions.model.entry import Entry, EntryKey
from grid_functions.model.errors import LedgerUnavailable
from grid_functions.model.event import Event, EventKey, Rank, Read, Respondent, Standing
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import Policy
from grid_functions.model.reading import Average
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Usual
from grid_functions.outcomes import owed
from tests.grid_functions.house import UTILITY, at, seen, terms
from tests.scenarios.decide.site import BOOT_S, SEED, policy

SITE = "house"
_EVIDENCE = frozenset(
    {
        OutcomeKind.APPLIED,
        OutcomeKind.MISMATCHED,
        OutcomeKind.EFFECTIVE,
        OutcomeKind.NOT_EFFECTIVE,
        OutcomeKind.NOT_OBSERVABLE,
    }
)


@dataclass
class Time:
    """Stands still until the test moves it; sleepers wake when they are due, in order."""

    now_s: float = 0.0
    sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def now(self) -> Instants:
        """The Clock port; the utility's clock agrees with our own."""
        return at(self.now_s)

    async def sleep(self, seconds: float) -> None:
        """Until the test has moved on that far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now_s + seconds, future))
        await future

    async def pause(self, news: asyncio.Event, seconds: float | None) -> None:
        """Until there is news, or the test has moved on that far."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(news.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def go(self, seconds: float) -> None:
        """Move on, and let everybody do what is due."""
        end_s = self.now_s + seconds
        await idle()
        while due := [(due_s, one) for due_s, one in self.sleepers if due_s <= end_s and not one.done()]:
            due_s, one = min(due, key=lambda each: each[0])
            self.now_s = max(self.now_s, due_s)
            one.set_result(None)
            await idle()
        self.now_s = end_s
        self.sleepers = [(due_s, one) for due_s, one in self.sleepers if not one.done()]
        await idle()


async def idle() -> None:
    """Let every task run as far as it comes without time passing."""
    for _ in range(60):
        await asyncio.sleep(0)


@dataclass
class FakeLedger:
    """``fault``: raised instead of committing; ``open`` cleared: commits hang, as on a disk that does not answer."""

    fault: Exception | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    kept: dict[EntryKey, Entry] = field(default_factory=dict)
    commits: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    async def commit(self, stream: str, entries: tuple[Entry, ...]) -> None:
        """All or nothing, like the real one."""
        assert stream == SITE
        await self.open.wait()
        if self.fault is not None:
            raise self.fault
        self.commits += bool(entries)
        for entry in entries:
            self.kept.pop(entry.key, None)
            if entry.value is not None:
                self.kept[entry.key] = entry

    def full(self) -> None:
        """From now on the disk is full."""
        self.fault = LedgerUnavailable("ledger.db: database or disk is full", "free space on its disk")


@dataclass
class FakeLog:
    """Keeps what it is told."""

    records: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    steps: list[Record] = field(default_factory=list)

    def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        """Note one thing."""
        assert site == SITE
        self.records.append((kind, correlation, body))

    def add_step(self, site: str, kind: str, body: Callable[[], Mapping[str, Any]]) -> None:
        """Note a decision as it goes to the file and comes back."""
        assert site == SITE
        self.steps.append(Record(0.0, site, kind, "", json.loads(json.dumps(body()))))


@dataclass
class FakeDevice:
    """Records what is wanted. ``raises``: how many times its run still breaks when it begins; ``broken``: it breaks now."""

    name: str
    wanted: list[Setpoint] = field(default_factory=list)
    raises: int = 0
    begun: int = 0
    refuses: bool = False
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, intake: Callable[[Seen], None]) -> None:
        """Looks come from the test."""
        self.begun += 1
        if self.raises:
            self.raises -= 1
            raise ZeroDivisionError("a driver's defect")
        await self.broken.wait()
        self.broken.clear()
        raise ZeroDivisionError("a driver's defect")

    def want(self, setpoint: Setpoint) -> None:
        """Take it."""
        if self.refuses:
            raise ZeroDivisionError("a driver's defect")
        self.wanted.append(setpoint)

    @property
    def limits(self) -> list[float | None]:
        """The production limits it was handed, oldest first."""
        return [one.produce_max_w for one in self.wanted]


@dataclass
class FakeUpstream:
    """Records what it acknowledged. ``slow``: events whose answers never end; ``faults``: raised first, one a call."""

    name: str = "utility"
    told: list[Outcome] = field(default_factory=list)
    slow: set[str] = field(default_factory=set)
    faults: list[Exception] = field(default_factory=list)
    shown: int = 0
    averages: list[Average] = field(default_factory=list)
    usual: Usual | None = None
    blind: bool = False

    def policy(self, respondent: Respondent) -> Policy:
        """2030.5."""
        return policy(respondent)

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Reads come from the test."""

    async def tell(self, outcome: Outcome) -> None:
        """Acknowledge, or misbehave."""
        if self.faults:
            raise self.faults.pop(0)
        if outcome.event.id in self.slow:
            await asyncio.Event().wait()
        self.told.append(outcome)

    def show(
        self, respondent: Respondent, snapshot: Snapshot, averages: tuple[Average, ...], usual: Usual | None = None
    ) -> None:
        """Count, and keep the averages."""
        if self.blind:
            raise ZeroDivisionError("a session's defect")
        self.shown += 1
        self.averages += averages
        self.usual = usual

    def kinds(self, event: str) -> list[str]:
        """What was told of an event, without the evidence of how it went."""
        return [one.kind.value for one in self.told if one.event.id == event and one.kind not in _EVIDENCE]


@dataclass
class Rig:
    """Two inverters and a meter, unless told otherwise; the meter shows ``meter_w``."""

    time: Time = field(default_factory=Time)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    log: FakeLog = field(default_factory=FakeLog)
    upstream: FakeUpstream = field(default_factory=FakeUpstream)
    devices: dict[str, FakeDevice] = field(
        default_factory=lambda: {name: FakeDevice(name) for name in ("a", "b", "meter")}
    )
    functions: Mapping[str, Machine] = field(default_factory=built_in)
    policies: Mapping[Respondent, Policy] = field(default_factory=lambda: {UTILITY: policy()})
    observe: bool = False
    deadline_s: float = 10.0
    owed: tuple[Outcome, ...] | None = None
    first: dict[str, Seen] = field(default_factory=dict)

    def loop(self) -> SiteLoop:
        """The site as a process that starts on this ledger finds it."""
        site_terms = terms({"a": Role.PV, "b": Role.PV})
        plan = SitePlan(
            terms=site_terms,
            policies=self.policies,
            devices=self.devices,
            upstreams={"utility": self.upstream},
            meter="meter",
            observe=self.observe,
            settle_deadline_s=self.deadline_s,
            functions=self.functions,
            seed=SEED,
        )
        state = decide.restore(self.ledger.kept.values())
        again = owed(state.book) if self.owed is None else self.owed
        return SiteLoop(plan, state, again, self.ledger, self.log, self.time, self.time.sleep, self.time.pause)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SiteLoop]:
        """The site runs; at the end it is cancelled, as by a stop."""
        loop = self.loop()
        task = asyncio.create_task(loop.run())
        await idle()
        try:
            yield loop
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look(self, loop: SiteLoop, *, power_w: float = -2000.0, meter_w: float = -4000.0) -> None:
        """Every device answers: each inverter's power and the meter's, W, positive = consume."""
        for name in self.devices:
            role = Role.METER if name == "meter" else Role.PV
            power = meter_w if name == "meter" else power_w
            holds = self.devices[name].wanted[-1] if self.devices[name].wanted else None
            look = seen(name, role, power_w=power, at_s=self.time.now_s, holds=holds)
            # A driver asks who it is once.
            first = self.first.setdefault(name, look)
            loop.take_seen(replace(look, nameplate=first.nameplate, capability=first.capability))
        await idle()


def read(*events: Event, now_s: float = 0.0, standings: tuple[Standing, ...] = ()) -> Read:
    """A complete read that shows these events."""
    programs = {one.program: Rank(one.rank.level) for one in events}
    programs |= {one.program: Rank(one.rank.level) for one in standings}
    programs = programs or {"p1": Rank(1.0)}
    return Read(UTILITY, BOOT_S + now_s, True, programs, frozenset(programs), standings, events)


def key(name: str) -> EventKey:
    """An event of the utility."""
    return EventKey(UTILITY, name)
