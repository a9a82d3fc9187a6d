"""One site's step through all rooms: reads in, setpoints and outcomes out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from grid_functions import (
    ability,
    arbiter,
    base_load,
    baseline,
    evidence,
    guard,
    leases,
    machines,
    outcomes,
    service,
    trajectory,
    words,
)
from grid_functions.alarm import Alarm
from grid_functions.allocate import step as allocate
from grid_functions.allocate.served import Served
from grid_functions.allocate.step import AllocateState
from grid_functions.arbiter import Ruled
from grid_functions.base_load import BaseLoad, Peaks
from grid_functions.baseline import Baseline
from grid_functions.evidence import Trial
from grid_functions.guard import Clamp
from grid_functions.leases import LeaseState
from grid_functions.machines import Kept, Machine
from grid_functions.model.claim import Basis, Claim, InForce, Ruling
from grid_functions.model.control import Control, Mode, mode_of
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey, Rank, Read, Respondent
from grid_functions.model.function import Answer, Output, SiteInputs
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Lease, Message
from grid_functions.model.modes import ENACTED_MODES
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy, SiteTerms
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.usual import Hours
from grid_functions.outcomes import Book, Page
from grid_functions.service import Service
from grid_functions.site import limit_power, local_safety
from grid_functions.site.settings import settings_of
from grid_functions.standing import Standing, stamped
from grid_functions.timeline import step as timeline
from grid_functions.timeline.state import ROOM as TIMELINE
from grid_functions.timeline.state import Means, Opt, Refusal, Relation, Stood, TimelineState, TimelineStep, Tracked
from grid_functions.trajectory import TrajectoryState
from grid_functions.waiting import WaitingRoom, released
from grid_functions.words import Lock, Override, Word, Words

ROOM = "decide"
SERIAL_BLOCK = 1000
"""Serials are taken from the ledger in blocks: they rise over a restart without a row for every decision."""


@dataclass(frozen=True, slots=True)
class SerialBlock:
    """Serials below this may have been used."""

    end: int


DURABLE: tuple[type, ...] = (
    *(Tracked, Stood, Refusal, Relation, Page, Service, SerialBlock, WaitingRoom),
    *(Opt, Override, Lock, Hours, Peaks, *allocate.DURABLE, *leases.DURABLE),
)
"""What values an entry of a site may carry, beside the functions' own ``durable``."""


@dataclass(frozen=True, slots=True)
class SiteState:
    """Everything one site remembers. Only what :func:`restore` reads is durable; ``ruled`` follows from the rest and is not compared."""

    serial: int = 0
    block: SerialBlock = SerialBlock(0)
    timelines: Mapping[Respondent, TimelineState] = field(default_factory=dict)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    trajectory: TrajectoryState = field(default_factory=TrajectoryState)
    ruled: Ruled = field(default_factory=Ruled, compare=False)
    allocate: AllocateState = field(default_factory=AllocateState)
    trials: Mapping[EventKey, Trial] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)
    services: Mapping[EventKey, Service] = field(default_factory=dict)
    room: WaitingRoom = field(default_factory=lambda: WaitingRoom(()))
    book: Book = field(default_factory=Book)
    words: Words = field(default_factory=Words)
    leases: LeaseState = field(default_factory=LeaseState)
    baseline: Baseline = field(default_factory=Baseline)
    base_load: BaseLoad = field(default_factory=BaseLoad)
    version: int = 1


@dataclass(frozen=True, slots=True)
class SiteTick:
    """What is new since the last decision, and how things are now. The order inside never matters.

    ``words``: what operator and occupant say now; it holds from then on. ``leases``: what areas sent.
    ``passed_on``: what an area hands on to its members when it is asked of this site, its connection.
    """

    snapshot: Snapshot
    reads: tuple[Read, ...] = ()
    words: tuple[Word, ...] = ()
    leases: tuple[Lease, ...] = ()
    messages: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()
    passed_on: frozenset[Mode] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds from now on, and why.

    A setpoint keeps the ``decision`` it was first made by for as long as it stays the same: handing it over again is no change, and what a
    device reads back names the decision that set it. ``entries`` must be durable before anything loosens or is told (DESIGN section 4).
    """

    state: SiteState
    serial: int
    setpoints: tuple[Setpoint, ...]
    outcomes: tuple[Outcome, ...]
    entries: tuple[Entry, ...]
    ruling: Ruling
    in_force: tuple[InForce, ...]
    served: tuple[Served, ...]
    clamps: tuple[Clamp, ...]
    alarms: tuple[Alarm, ...]
    wake: tuple[Moment, ...]
    outputs: tuple[tuple[str, Output], ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """What is owed now, and what of it must be durable before it is told."""

    state: SiteState
    outcomes: tuple[Outcome, ...]
    entries: tuple[Entry, ...]


def empty() -> SiteState:
    """A site at birth."""
    return SiteState()


def decide(
    state: SiteState,
    policies: Mapping[Respondent, Policy],
    terms: SiteTerms,
    functions: Mapping[str, Machine],
    tick: SiteTick,
    now: Instants,
    *,
    seed: bytes,
) -> Decision:
    """One decision. Pure: the same arguments yield the same Decision. ``seed``: the gateway's own, from which draws are made."""
    serial = state.serial + 1
    spoken = words.step(state.words, tick.words, partial(_is_known, state, tick), now)
    terms = words.locked(terms, spoken.words)
    times = _timelines(state, policies, terms, functions, tick, spoken.words, seed, now)
    leased = leases.step(state.leases, tick.leases, now)
    in_force = _ordered(
        [
            *(one for each in times.values() for one in each.in_force),
            *words.in_force(spoken.words),
            *leased.in_force,
        ]
    )
    settings = {respondent: one.settings for respondent, one in times.items()}
    normal, hours = baseline.step(state.baseline, in_force, tick.snapshot, terms, now)
    ahead = (*leased.ahead, *(one for respondent in sorted(times) for one in times[respondent].ahead))
    looks = SiteInputs(terms, in_force, tick.snapshot, tick.messages, tick.answers, settings, ahead, normal.like_w)
    ran = machines.run(functions, state.kept, looks, now)
    ways_out = {policies[respondent].source: one.ramp for respondent, one in times.items()}
    moved = trajectory.step(state.trajectory, ran.claims, ways_out, tick.snapshot, terms, now)
    # local safety never ramps (rule 9), so it joins behind the trajectory
    ruled = arbiter.ruled(state.ruled, (*moved.claims, *local_safety.claims(terms, tick.snapshot)), terms.precedence)
    ruling = ruled.ruling
    fail_safe = _fail_safe(policies, terms, tick.snapshot)
    house, peaks = base_load.step(state.base_load, tick.snapshot, terms, now)
    shared = allocate.step(
        state.allocate,
        ruling,
        tick.snapshot,
        terms,
        now,
        fail_safe,
        settings_of(settings, terms),
        base_load.highest_w(house, now),
    )
    guarded, clamps = guard.clamp(shared.setpoints, ruling, tick.snapshot, terms, now)
    standing = stamped(state.standing, guarded, serial, now)
    setpoints = tuple(standing[name].setpoint for name in sorted(standing))
    changed_s = {name: one.since_s for name, one in standing.items()}
    proven = evidence.step(state.trials, ruling, setpoints, tick.snapshot, terms, changed_s, moved.state, now)
    told = [fact for respondent in sorted(times) for fact in times[respondent].facts]
    running = {key for one in times.values() for key in one.running}
    served = service.step(state.services, ruling, shared.served, told, running, now, tick.messages)
    ready, room = released(state.room, (*told, *proven.facts, *served.facts), serial, None)
    done = outcomes.step(state.book, ready, now, displaced_ends=_displaced_ends(policies))
    block = state.block if serial < state.block.end else SerialBlock(serial + SERIAL_BLOCK)
    entries = [entry for respondent in sorted(times) for entry in times[respondent].entries]
    entries += [*spoken.entries, *leased.entries, *hours, *peaks, *ran.entries, *shared.entries]
    entries += [*served.entries, *done.entries]
    if block != state.block:
        entries.append(Entry((ROOM, "serial"), block))
    if room != state.room:
        entries.append(Entry((ROOM, "waiting"), room if room.waiting else None))
    after = SiteState(
        serial=serial,
        block=block,
        timelines={respondent: one.state for respondent, one in times.items()},
        kept=ran.kept,
        trajectory=moved.state,
        ruled=ruled,
        allocate=shared.state,
        trials=proven.trials,
        standing=standing,
        services=served.services,
        room=room,
        book=done.book,
        words=spoken.words,
        leases=leased.state,
        baseline=normal,
        base_load=house,
    )
    alarms = {
        *ran.alarms,
        *ability.unlimited(ruling, tick.snapshot, terms),
        *(Alarm("guard", one.device, one.text) for one in clamps),
    }
    asked = (*spoken.wake, *leased.wake, *ran.wake, *moved.wake, *shared.wake, *proven.wake, *served.wake)
    return Decision(
        state=after,
        serial=serial,
        setpoints=setpoints,
        outcomes=done.outcomes,
        entries=tuple(entries),
        ruling=ruling,
        in_force=in_force,
        served=shared.served,
        clamps=clamps,
        alarms=tuple(sorted(alarms)),
        wake=_wake(times, asked, moved.claims, now),
        outputs=ran.outputs,
    )


def note(
    state: SiteState,
    policies: Mapping[Respondent, Policy],
    now: Instants,
    *,
    handed: int | None = None,
    acknowledged: Iterable[Outcome] = (),
) -> Noted:
    """What became of decisions, without another one: nothing that is decided depends on it.

    ``handed``: the serial of the last decision that went to the drivers; ``acknowledged``: outcomes that their upstream has taken.
    """
    ready, room = released(state.room, (), state.serial, handed)
    book, settled = _acknowledged(state.book, acknowledged)
    done = outcomes.step(book, ready, now, displaced_ends=_displaced_ends(policies))
    entries = (*settled, *done.entries)
    if room != state.room:
        entries += (Entry((ROOM, "waiting"), room if room.waiting else None),)
    return Noted(replace(state, room=room, book=done.book), done.outcomes, entries)


def restore(entries: Iterable[Entry]) -> SiteState:
    """The state that these entries tell, the latest of each key. The rest is rebuilt from the first snapshot, without a bump."""
    latest = {entry.key: entry for entry in entries}
    kept = tuple(latest.values())
    serial = latest.get((ROOM, "serial"))
    waiting = latest.get((ROOM, "waiting"))
    respondents = {Respondent(key[1], key[2]) for key in latest if key[0] == TIMELINE}
    block = serial.value if serial is not None and isinstance(serial.value, SerialBlock) else SerialBlock(0)
    room = waiting.value if waiting is not None and isinstance(waiting.value, WaitingRoom) else WaitingRoom(())
    return SiteState(
        serial=block.end,
        block=block,
        timelines={respondent: timeline.restore(respondent, kept) for respondent in sorted(respondents)},
        kept=machines.restore(kept),
        allocate=allocate.restore(latest),
        services=service.restore(kept),
        room=room,
        book=outcomes.restore(kept),
        words=words.restore(kept),
        leases=leases.restore(kept),
        baseline=baseline.restore(kept),
        base_load=base_load.restore(kept),
    )


def _timelines(
    state: SiteState,
    policies: Mapping[Respondent, Policy],
    terms: SiteTerms,
    functions: Mapping[str, Machine],
    tick: SiteTick,
    spoken: Words,
    seed: bytes,
    now: Instants,
) -> dict[Respondent, TimelineStep]:
    """Every respondent's own step: first one value per mode each (rule 0)."""
    reads = sorted(tick.reads, key=lambda read: read.at_s)
    closed = state.book.closed
    beforehand = machines.receipts(functions, state.kept)
    return {
        respondent: timeline.step(
            state.timelines.get(respondent) or timeline.empty(respondent),
            policies[respondent],
            [read for read in reads if read.respondent == respondent],
            spoken.opts.values(),
            closed,
            now,
            seed=seed,
            means=_means(respondent, terms, functions, tick, beforehand),
        )
        for respondent in sorted(policies)
    }


def _is_known(state: SiteState, tick: SiteTick, event: EventKey) -> bool:
    """Whether an event is, or may still be, of this site: of a respondent that was not read yet nothing is known."""
    times = state.timelines.get(event.respondent)
    if times is None or event.id in times.kept.events:
        return True
    return any(event == one.key for read in tick.reads for one in read.events)


def _means(
    respondent: Respondent,
    terms: SiteTerms,
    functions: Mapping[str, Machine],
    tick: SiteTick,
    beforehand: Mapping[Mode, str],
) -> Means:
    """``beforehand``: what functions said that nobody can wait for."""
    served = tick.passed_on | {mode for mode, why in beforehand.items() if not why}

    def refusal(control: Control) -> str:
        mode = mode_of(control)
        if mode in served:
            return ""
        if mode in beforehand:
            return beforehand[mode]
        said = machines.refusal(functions, control, respondent, terms, tick.snapshot)
        return ability.nobody_can(mode, respondent, terms, tick.snapshot) if said is None else said

    def at_hand(mode: Mode) -> bool:
        return mode in ENACTED_MODES | served or ability.somebody_there(mode, respondent, terms, tick.snapshot)

    return Means(refusal, at_hand)


def _acknowledged(book: Book, taken: Iterable[Outcome]) -> tuple[Book, list[Entry]]:
    entries: list[Entry] = []
    for one in taken:
        book, some = outcomes.acknowledged(book, one)
        entries += some
    return book, entries


def _displaced_ends(policies: Mapping[Respondent, Policy]) -> frozenset[str]:
    """Where a displacement is final: to 2030.5 it is Response 13, and a mode once lost is lost (rule 8)."""
    return frozenset(respondent.upstream for respondent, policy in policies.items() if policy.final)


def _fail_safe(policies: Mapping[Respondent, Policy], terms: SiteTerms, snapshot: Snapshot) -> tuple[Claim, ...]:
    """The bounds of every respondent's fail-safe: what devices are to fall back to without us."""
    held = [
        InForce(control, policies[one].source, Rank(0.0), Basis.FAIL_SAFE, Moment(OWN, 0.0), None, 0.0)
        for one in sorted(policies)
        for control in policies[one].fail_safe
    ]
    return limit_power.claims_of(held, terms, snapshot)[0] if held else ()


def _ordered(in_force: Iterable[InForce]) -> tuple[InForce, ...]:
    return tuple(
        sorted(in_force, key=lambda one: (one.source.kind, one.source.name, mode_of(one.control), one.since.at_s))
    )


def _wake(
    times: Mapping[Respondent, TimelineStep], asked: Iterable[Moment], claims: Iterable[Claim], now: Instants
) -> tuple[Moment, ...]:
    """When something changes by itself; the next of each clock."""
    moments = {*asked, *(one.next_change for one in times.values() if one.next_change is not None)}
    moments |= {claim.valid_until for claim in claims if claim.valid_until is not None}
    ahead = [moment for moment in moments if not moment.due(now)]
    return tuple(min(one for one in ahead if one.clock == clock) for clock in sorted({one.clock for one in ahead}))
