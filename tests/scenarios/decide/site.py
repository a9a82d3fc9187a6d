"""A site that is told things and asked what it decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from grid_functions.catalogue import built_in
from grid_functions.decide import Decision, SiteState, SiteTick, decide, empty, note
from grid_functions.machines import Machine
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import Control
from grid_functions.model.device import Seen
from grid_functions.model.event import Event, EventKey, EventStatus, Interval, Rank, Read, Respondent, Standing, Wanted
from grid_functions.model.instants import OWN
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import OptOut, Policy, SiteTerms, Vanished
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.words import Override
from tests.grid_functions.house import UTILITY, at, snapshot, terms

AGGREGATOR = Respondent("aggregator", "ven-1")
SEED = b"a seed of the test"
BOOT_S = 1_000_000.0


def policy(respondent: Respondent = UTILITY, kind: SourceKind = SourceKind.IEEE2030_5, **told: Any) -> Policy:
    """2030.5 unless told otherwise; its clock is our own UTC."""
    final = kind is SourceKind.IEEE2030_5
    plain = Policy(
        OWN,
        Source(kind, respondent.upstream, respondent),
        final=final,
        vanished=Vanished.KEEP if final else Vanished.CANCEL,
        opt_out=OptOut.NONE if final else OptOut.ALL,
    )
    return replace(plain, **told)


def event(
    name: str,
    *controls: Control,
    start_s: float = 0.0,
    duration_s: float = 3600.0,
    level: float = 1.0,
    program: str = "p1",
    respondent: Respondent = UTILITY,
    status: EventStatus = EventStatus.SCHEDULED,
    test: bool = False,
) -> Event:
    """An event, its start in seconds after boot."""
    return Event(
        key=EventKey(respondent, name),
        version=0,
        program=program,
        rank=Rank(level, BOOT_S - 60.0, name),
        start_s=BOOT_S + start_s,
        duration_s=duration_s,
        intervals=(Interval(0.0, None, controls),),
        status=status,
        wants=frozenset({Wanted.RECEIPT, Wanted.SPECIFIC}),
        test=test,
    )


def override(control: Control, kind: SourceKind = SourceKind.OPERATOR) -> Override:
    """A word of the operator or the occupant."""
    return Override(kind, control, BOOT_S)


@dataclass
class Site:
    """One site, kept from tick to tick; what is decided is handed to the drivers unless told otherwise."""

    devices: list[Seen]
    terms: SiteTerms = field(default_factory=terms)
    policies: Mapping[Respondent, Policy] = field(default_factory=lambda: {UTILITY: policy()})
    functions: Mapping[str, Machine] = field(default_factory=built_in)
    state: SiteState = field(default_factory=empty)
    meter_w: float | None = 0.0
    decisions: list[Decision] = field(default_factory=list)

    def tick(self, now_s: float, *reads: Read, hand_over: bool = True, **told: Any) -> Decision:
        """A decision ``now_s`` seconds after boot."""
        plain = SiteTick(self.snapshot(now_s), reads=reads)
        tick = replace(plain, **told)
        done = decide(self.state, self.policies, self.terms, self.functions, tick, at(now_s), seed=SEED)
        self.state = done.state
        self.decisions.append(done)
        if hand_over:
            self.hand_over(now_s)
        return self.decisions[-1]

    def snapshot(self, now_s: float) -> Snapshot:
        """How everything is then, just measured."""
        devices = [replace(one, condition=replace(one.condition, readings=_aged(one, now_s))) for one in self.devices]
        return snapshot(devices, self.meter_w, now_s)

    def hand_over(self, now_s: float, serial: int | None = None) -> tuple[Outcome, ...]:
        """The decision of that serial, or the last one, goes to the drivers; what is owed for that."""
        done = self.decisions[-1]
        noted = note(self.state, self.policies, at(now_s), handed=done.serial if serial is None else serial)
        self.state = noted.state
        self.decisions[-1] = replace(
            done, outcomes=done.outcomes + noted.outcomes, entries=done.entries + noted.entries
        )
        return noted.outcomes

    def read(
        self,
        now_s: float,
        *events: Event,
        standings: tuple[Standing, ...] = (),
        respondent: Respondent = UTILITY,
        complete: bool = True,
    ) -> Read:
        """A read of everything the upstream shows."""
        programs = {one.program: Rank(one.rank.level) for one in events}
        programs |= {one.program: Rank(one.rank.level) for one in standings}
        programs = programs or {"p1": Rank(1.0)}
        return Read(respondent, BOOT_S + now_s, complete, programs, frozenset(programs), standings, events)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """All outcomes so far: event and kind."""
        return [(one.event.id, one.kind.value) for done in self.decisions for one in done.outcomes]


def produce(done: Decision) -> dict[str, float | None]:
    """Production limits by device."""
    return {one.device: one.produce_max_w for one in done.setpoints}


def by_name(setpoints: Iterable[Setpoint]) -> dict[str, Setpoint]:
    """Setpoints by device."""
    return {one.device: one for one in setpoints}


def _aged(one: Seen, now_s: float) -> dict[MeterKey, Reading]:
    return {key: replace(reading, at_s=now_s, utc_s=BOOT_S + now_s) for key, reading in one.condition.readings.items()}
