"""One edge coordinator's step: an area's functions run, their grants become leases, and leases are renewed while all is alive.

The coordinator of an area is born with an epoch greater than any before it under the same name; members hold what an older one gave
for void. When it ends it takes everything back (:func:`farewell`); if it cannot, leases run out by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from grid_functions import machines
from grid_functions.alarm import Alarm
from grid_functions.machines import Kept
from grid_functions.model.claim import LeaseId
from grid_functions.model.entry import Entry
from grid_functions.model.function import AreaInputs, Ask, Function
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Lease, Message

AreaMachine = Function[Any, AreaInputs, Any]
"""An area function whatever its state and options."""


@dataclass(frozen=True, slots=True)
class AreaTerms:
    """``members``: the sites; ``ttl_s``: how long a lease lives without renewal, 10 s to a day; renewed at a third of it."""

    name: str
    members: tuple[str, ...]
    epoch: int
    ttl_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant that stands, and when its member was last sent it (monotonic; None = not in this run)."""

    grant: Grant
    sent_s: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class AreaState:
    """``grants`` by function, member and subject. What functions keep is durable; grants are: functions grant anew when born again."""

    kept: Mapping[str, Kept] = field(default_factory=dict)
    grants: Mapping[tuple[str, str, str], Granted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AreaStep:
    """What one step leaves: leases and messages by member, problems to solve, and when to call again."""

    state: AreaState
    leases: tuple[tuple[str, Lease], ...]
    messages: tuple[Message, ...]
    asks: tuple[tuple[str, Ask], ...]
    alarms: tuple[Alarm, ...]
    entries: tuple[Entry, ...]
    wake: tuple[Moment, ...]


def step(
    state: AreaState,
    terms: AreaTerms,
    functions: Mapping[str, AreaMachine],
    inputs: AreaInputs,
    now: Instants,
) -> AreaStep:
    """One step of every function of the area, and the leases that follow from it."""
    ran = machines.run(functions, state.kept, inputs, now)
    grants = dict(state.grants)
    leases: list[tuple[str, Lease]] = []
    alarms = list(ran.alarms)
    for key in [key for key in grants if key[0] not in functions or key[1] not in terms.members]:
        leases.append((key[1], _end(key, terms)))
        del grants[key]
    asks: list[tuple[str, Ask]] = []
    messages: list[Message] = []
    for name, output in ran.outputs:
        match output:
            case Grant():
                if output.member not in terms.members:
                    alarms.append(Alarm("area", name, f"grants to {output.member}, which is no member of {terms.name}"))
                    continue
                key = (name, output.member, output.subject)
                if output.nothing:
                    if grants.pop(key, None) is not None:
                        leases.append((output.member, _end(key, terms)))
                elif key not in grants or grants[key].grant != output:
                    grants[key] = Granted(output)
            case Ask():
                asks.append((name, output))
            case Message():
                # A function does not know whose it is: the area signs.
                messages.append(replace(output, sender=terms.name))
    after, due, wake = renewed(AreaState(ran.kept, grants), terms, now)
    return AreaStep(
        after,
        (*leases, *due),
        tuple(messages),
        tuple(asks),
        tuple(alarms),
        ran.entries,
        (*ran.wake, *wake),
    )


def renewed(
    state: AreaState, terms: AreaTerms, now: Instants
) -> tuple[AreaState, tuple[tuple[str, Lease], ...], tuple[Moment, ...]]:
    """What stands, the leases of it that are due, and when the next is. A late one goes whole: its member may have let go of it."""
    grants = dict(state.grants)
    leases: list[tuple[str, Lease]] = []
    due: list[float] = []
    for key, one in sorted(grants.items()):
        due_s = now.mono_s if one.sent_s is None else one.sent_s + terms.ttl_s / 3.0
        if due_s <= now.mono_s:
            late = now.mono_s - due_s > terms.ttl_s / 3.0
            leases.append((key[1], _lease(key, replace(one, whole=one.whole and not late), terms)))
            grants[key] = Granted(one.grant, now.mono_s, whole=True)
            due_s = now.mono_s + terms.ttl_s / 3.0
        due.append(due_s)
    wake = (Moment(OWN, now.utc_s + min(due) - now.mono_s),) if due else ()
    return AreaState(state.kept, grants), tuple(leases), wake


def without(unkept: frozenset[str], before: AreaState, done: AreaStep, terms: AreaTerms, now: Instants) -> AreaStep:
    """A step as if these functions, whose entries cannot be kept, had not run: what they had granted stands and is renewed, and the
    others go on.
    """
    ours = {key: one for key, one in before.grants.items() if key[0] in unkept and key[1] in terms.members}
    others = {key: one for key, one in done.state.grants.items() if key[0] not in unkept}
    kept = {name: one for name, one in done.state.kept.items() if name not in unkept}
    kept |= {name: one for name, one in before.kept.items() if name in unkept}
    after, due, wake = renewed(AreaState(kept, others | ours), terms, now)
    return replace(
        done,
        state=after,
        leases=(*(one for one in done.leases if one[1].id.function not in unkept), *due),
        messages=tuple(one for one in done.messages if one.function not in unkept),
        asks=tuple(one for one in done.asks if one[0] not in unkept),
        entries=(),
        wake=(*done.wake, *wake),
    )


def farewell(state: AreaState, terms: AreaTerms) -> tuple[tuple[str, Lease], ...]:
    """What takes back everything the area has given."""
    return tuple((key[1], _end(key, terms)) for key in sorted(state.grants))


def unsent(state: AreaState, members: Iterable[str]) -> AreaState:
    """Leases to these members were not received: the next step sends them whole again."""
    lost = frozenset(members)
    return AreaState(
        state.kept,
        {key: Granted(one.grant) if key[1] in lost else one for key, one in state.grants.items()},
    )


def _lease(key: tuple[str, str, str], granted: Granted, terms: AreaTerms) -> Lease:
    grant = granted.grant
    return Lease(
        LeaseId(terms.name, f"{key[0]}/{key[2]}", terms.epoch),
        terms.ttl_s,
        grant.controls,
        grant.start_utc_s,
        None if granted.whole else grant.series,
        grant.origin,
    )


def _end(key: tuple[str, str, str], terms: AreaTerms) -> Lease:
    return Lease(LeaseId(terms.name, f"{key[0]}/{key[2]}", terms.epoch), 0.0)
