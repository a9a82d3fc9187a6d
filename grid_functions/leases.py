"""What areas leased to this site: controls that hold while their lease is renewed, and no second longer.

A lease is counted where it is received, in monotonic seconds of this run; over a restart in UTC, and then at most its whole length again.
An older epoch of an area is void, a newer one voids all that the older had given.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from grid_functions.model.claim import Basis, InForce, LeaseId, Source, SourceKind
from grid_functions.model.control import Control, Mode, mode_of
from grid_functions.model.entry import Entry
from grid_functions.model.event import Interval, Rank
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Lease, Origin
from grid_functions.model.modes import PRICE_MODES

ROOM = "lease"


@dataclass(frozen=True, slots=True)
class Leased:
    """One lease as it was last received; durable. ``since_utc_s``: when the present content began to hold."""

    id: LeaseId
    ttl_s: float
    received_utc_s: float
    since_utc_s: float
    controls: tuple[Control, ...]
    start_utc_s: float
    series: tuple[Interval, ...]
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class LeaseState:
    """``held`` by area and subject; ``ends_s``: in monotonic seconds, of this run alone; ``epochs``: the newest seen of each area."""

    held: Mapping[tuple[str, str], Leased] = field(default_factory=dict)
    ends_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaseStep:
    """``wake``: when something of it changes by itself; ``ahead``: prices of series from now on, as if they were renewed for ever."""

    state: LeaseState
    in_force: tuple[InForce, ...]
    entries: tuple[Entry, ...]
    wake: tuple[Moment, ...]
    ahead: tuple[InForce, ...] = ()


@dataclass(frozen=True, slots=True)
class Epoch:
    """The newest epoch of an area, durable: after a restart an older one is void still."""

    number: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """When a lease was last received again as it was, durable: it lives over a restart by this, and its series is not written each time."""

    ttl_s: float
    received_utc_s: float


DURABLE: tuple[type, ...] = (Leased, Epoch, Renewed)


def step(state: LeaseState, leases: Collection[Lease], now: Instants) -> LeaseStep:
    """Take what was received, let go of what ran out, and tell what holds."""
    if not leases and not state.held:
        return LeaseStep(state, (), (), (), ())
    held, ends_s, epochs = dict(state.held), dict(state.ends_s), dict(state.epochs)
    for key in held.keys() - ends_s.keys():  # of an earlier run: what is left by UTC, at most the whole length
        left_s = held[key].received_utc_s + held[key].ttl_s - now.utc_s
        ends_s[key] = now.mono_s + min(max(left_s, 0.0), held[key].ttl_s)
    for lease in sorted(leases, key=lambda one: (one.id.area, one.id.epoch)):
        area, key = lease.id.area, (lease.id.area, lease.id.subject)
        if lease.id.epoch < epochs.get(area, lease.id.epoch):
            continue
        if lease.id.epoch > epochs.get(area, -1):
            epochs[area] = lease.id.epoch
            held = {k: one for k, one in held.items() if k[0] != area or one.id.epoch == lease.id.epoch}
        if lease.ttl_s <= 0:
            held.pop(key, None)
        else:
            held[key] = _taken(lease, held.get(key), now)
            ends_s[key] = now.mono_s + lease.ttl_s
    held = {key: one for key, one in held.items() if ends_s[key] > now.mono_s}
    ends_s = {key: ends_s[key] for key in held}
    in_force = [one for key in sorted(held) for one in _in_force(held[key], ends_s[key], now)]
    wake = [Moment(OWN, now.utc_s + ends_s[key] - now.mono_s) for key in held]
    wake += [moment for one in held.values() for moment in _turns(one, now)]
    after = LeaseState(held, ends_s, epochs)
    ahead = tuple(one for key in sorted(held) for one in _ahead(held[key], now))
    return LeaseStep(after, tuple(in_force), _entries(state, after), tuple(sorted(set(wake))), ahead)


def restore(entries: Iterable[Entry]) -> LeaseState:
    """The leases that these entries tell, the latest of each key."""
    held: dict[tuple[str, str], Leased] = {}
    renewed: dict[tuple[str, str], Renewed] = {}
    epochs: dict[str, int] = {}
    for entry in entries:
        match entry.key, entry.value:
            case (("lease", "held", area, subject), Leased() as one):
                held[area, subject] = one
            case (("lease", "renewed", area, subject), Renewed() as again):
                renewed[area, subject] = again
            case (("lease", "epoch", area), Epoch(number)):
                epochs[area] = number
    for key in held.keys() & renewed.keys():
        held[key] = replace(held[key], ttl_s=renewed[key].ttl_s, received_utc_s=renewed[key].received_utc_s)
    return LeaseState(held, {}, epochs)


def _taken(lease: Lease, before: Leased | None, now: Instants) -> Leased:
    """A renewal without a series goes on with the one sent before; what stays the same goes on holding since when it began."""
    known = before is not None and before.id == lease.id
    series, start_utc_s = lease.series, lease.start_utc_s
    if series is None:
        series, start_utc_s = (before.series, before.start_utc_s) if before is not None and known else ((), 0.0)
    taken = Leased(lease.id, lease.ttl_s, now.utc_s, now.utc_s, lease.controls, start_utc_s, series, lease.origin)
    return replace(taken, since_utc_s=before.since_utc_s) if before is not None and _says_same(taken, before) else taken


def _says_same(one: Leased, other: Leased) -> bool:
    """Whether they differ in when they were received alone."""
    at = replace(one, received_utc_s=other.received_utc_s, since_utc_s=other.since_utc_s, ttl_s=other.ttl_s)
    return at == other


def _in_force(lease: Leased, end_s: float, now: Instants) -> list[InForce]:
    """What holds now: of the series the present interval; of the constant controls those whose mode it does not have."""
    end = Moment(OWN, now.utc_s + end_s - now.mono_s)
    told: dict[Mode, tuple[Control, float, Moment]] = {
        mode_of(control): (control, lease.since_utc_s, end) for control in lease.controls
    }
    for one in lease.series:
        since_s, until_s = _span(lease, one)
        if since_s <= now.utc_s < until_s:
            told |= {mode_of(c): (c, since_s, min(end, Moment(OWN, until_s))) for c in one.controls}
    return [_of(lease, control, since_s, until) for control, since_s, until in told.values()]


def _ahead(lease: Leased, now: Instants) -> list[InForce]:
    """A price is worth something before it holds."""
    return [
        _of(lease, control, since_s, Moment(OWN, until_s))
        for one in lease.series
        for since_s, until_s in [_span(lease, one)]
        if now.utc_s < until_s < float("inf")
        for control in one.controls
        if mode_of(control) in PRICE_MODES
    ]


def _of(lease: Leased, control: Control, since_s: float, until: Moment) -> InForce:
    origin = lease.origin
    source = Source(SourceKind.AREA, lease.id.area) if origin is None else origin.source
    rank = Rank(0.0, tie=lease.id.subject) if origin is None else origin.rank
    received_utc_s = lease.since_utc_s if origin is None else origin.received_utc_s
    return InForce(control, source, rank, Basis.LEASE, Moment(OWN, since_s), until, received_utc_s, cause=lease.id)


def _span(lease: Leased, one: Interval) -> tuple[float, float]:
    since_s = lease.start_utc_s + one.offset_s
    return since_s, float("inf") if one.duration_s is None else since_s + one.duration_s


def _turns(lease: Leased, now: Instants) -> list[Moment]:
    ahead = [at_s for one in lease.series for at_s in _span(lease, one) if now.utc_s < at_s < float("inf")]
    return [Moment(OWN, min(ahead))] if ahead else []


def _entries(before: LeaseState, after: LeaseState) -> tuple[Entry, ...]:
    """A renewal alone is kept every time too, since it is what lets a lease live over a restart; but not what it renews."""
    made: list[Entry] = []
    for key, one in after.held.items():
        was = before.held.get(key)
        if was == one:
            continue
        if was is not None and _says_same(was, one):
            made.append(Entry((ROOM, "renewed", *key), Renewed(one.ttl_s, one.received_utc_s)))
        else:
            made += [Entry((ROOM, "held", *key), one), Entry((ROOM, "renewed", *key), None)]
    gone = [key for key in before.held if key not in after.held]
    made += [Entry((ROOM, what, *key), None) for key in gone for what in ("held", "renewed")]
    made += [
        Entry((ROOM, "epoch", area), Epoch(number))
        for area, number in after.epochs.items()
        if before.epochs.get(area) != number
    ]
    return tuple(made)
