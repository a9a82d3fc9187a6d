"""Runs the functions of a site or an area, each on its own: one that raises harms only itself, and its last claims stand."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeGuard, TypeVar

from grid_functions.alarm import Alarm, alarm_of
from grid_functions.guest import Remembered
from grid_functions.model.claim import Claim
from grid_functions.model.control import Control, Mode
from grid_functions.model.entry import Entry
from grid_functions.model.event import Respondent
from grid_functions.model.function import AreaInputs, Function, Output, Refusing, SiteInputs, Step, Telling, WakeAt
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot

ROOM = "function"

Looks = TypeVar("Looks", SiteInputs, AreaInputs)

Machine = Function[Any, SiteInputs, Any]
"""A site function whatever its state and options."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one function left: its state (None = not run yet), what the ledger has of it, and the claims it last made.

    ``at_rest``: its last step found nothing to act on, said nothing and left its state as it was: so would the next.
    """

    state: Any = None
    durable: object = None
    claims: tuple[Claim, ...] = ()
    at_rest: bool = field(default=False, compare=False)


_UNBORN = Kept()
_NOBODY = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Run:
    """What all functions left. ``outputs``: everything but claims, wake-ups and alarms, with the name of the function."""

    kept: Mapping[str, Kept]
    claims: tuple[Claim, ...]
    wake: tuple[Moment, ...]
    alarms: tuple[Alarm, ...]
    outputs: tuple[tuple[str, Output], ...]
    entries: tuple[Entry, ...]


def told(functions: Mapping[str, Function[Any, Any, Any]], kept: Mapping[str, Kept]) -> dict[str, Mapping[str, Any]]:
    """What those functions that say something to people have to say, by name; who has not run yet says nothing."""
    return {
        name: function.told(one.state)
        for name, function in sorted(functions.items())
        if isinstance(function, Telling) and (one := kept.get(name)) is not None and one.state
    }


def run(
    functions: Mapping[str, Function[Any, Looks, Any]], kept: Mapping[str, Kept], inputs: Looks, now: Instants
) -> Run:
    """One step of every function, by name. A function that is no longer there leaves no claim behind.

    Messages and answers go to the function they name; a function may hear the messages of others (its ``hears``). One that tells the
    kinds of control it ``acts_on`` does nothing by itself: at rest it is not asked again before one of them is in force.
    """
    in_force = {type(one.control) for one in inputs.in_force}
    posted = bool(inputs.messages or inputs.answers)
    after: dict[str, Kept] = {}
    claims: list[Claim] = []
    wake: list[Moment] = []
    alarms: list[Alarm] = []
    outputs: list[tuple[str, Output]] = []
    entries: list[Entry] = []
    for name in sorted(functions):
        function, before = functions[name], kept.get(name, _UNBORN)
        acts_on: frozenset[type] | None = getattr(function, "acts_on", None)
        idle = acts_on is not None and not posted and in_force.isdisjoint(acts_on)
        if idle and before.at_rest:
            after[name] = before
            continue
        hears: frozenset[str] = getattr(function, "hears", _NOBODY)
        mine = inputs.addressed(name, hears)
        try:
            state = before.state if before.state is not None else _born(function, before.durable)
            done: Step[Any] = function.step(state, mine, now)
            said = tuple(done.outputs)
        except Exception as broken:
            # whatever a function may raise is its own fault alone: the site goes on with what it wanted last
            standing = tuple(one for one in before.claims if one.valid_until is None or not one.valid_until.due(now))
            alarms.append(Alarm("decide", name, f"function raised {type(broken).__name__}: {broken}"))
            after[name] = replace(before, claims=standing, at_rest=False)
            claims += standing
            continue
        if not said and not before.claims and done.state is before.state:
            after[name] = before if before.at_rest is idle else replace(before, at_rest=idle)
            continue
        made = tuple([one for one in said if isinstance(one, Claim)])
        # claims that say the same are those of before: further on what is new is told by identity
        made = before.claims if made == before.claims else made
        durable = getattr(done.state, "durable", None)
        after[name] = Kept(done.state, durable, made)
        claims += made
        for one in said:
            if isinstance(one, Claim):
                continue
            alarm = alarm_of(one) if isinstance(one, Message) else None
            if isinstance(one, WakeAt):
                wake.append(one.moment)
            elif alarm is not None:
                alarms.append(alarm)
            else:
                outputs.append((name, one))
        if durable != before.durable:
            entries.append(Entry((ROOM, name), durable))
    return Run(after, tuple(claims), tuple(wake), tuple(alarms), tuple(outputs), tuple(entries))


def receipts(functions: Collection[str], kept: Mapping[str, Kept]) -> dict[Mode, str]:
    """What functions in other processes said of controls beforehand, by mode: why nothing obeys, empty = one of them serves it."""
    told: dict[Mode, str] = {}
    for name in sorted(kept.keys() & set(functions)):
        durable = kept[name].durable
        for one in durable.receipts if isinstance(durable, Remembered) else ():
            told[one.mode] = one.why and told.get(one.mode, one.why)
    return told


def refusal(
    functions: Mapping[str, Machine], control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot
) -> str | None:
    """What the first of our functions that the control is a matter of says about it; None = it is nobody's."""
    for name in sorted(functions):
        function = functions[name]
        said = function.refusal(control, respondent, terms, snapshot) if _is_refusing(function) else None
        if said is not None:
            return said
    return None


def _is_refusing(function: Machine) -> TypeGuard[Refusing]:
    return _refuses(type(function))


@cache
def _refuses(kind: type[Machine]) -> bool:
    # Asked for every control and function, and to look through a protocol's members takes longer than the refusal.
    return issubclass(kind, Refusing)


def restore(entries: Iterable[Entry]) -> dict[str, Kept]:
    """What the ledger kept of each function, for when it runs first."""
    return {entry.key[1]: Kept(durable=entry.value) for entry in entries if entry.key[0] == ROOM}


def _born(function: Function[Any, Any, Any], durable: object) -> Any:
    state = function.empty()
    return state if durable is None else replace(state, durable=durable)
