"""Facts that are told only once their decision went to the drivers."""

from collections.abc import Collection
from dataclasses import dataclass

from grid_functions.model.event import EventKey
from grid_functions.model.outcome import Fact, OutcomeKind


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fact that is told only once the decision of that serial went to the drivers, or after one of its event that is waiting."""

    fact: Fact
    serial: int


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """All facts that wait, in order."""

    waiting: tuple[Waiting, ...]


def released(
    room: WaitingRoom, facts: Collection[Fact], serial: int, handed: int | None
) -> tuple[tuple[Fact, ...], WaitingRoom]:
    """What may be told now, in order. A start waits for its decision to reach the drivers, and its event's later facts wait behind it."""
    if not facts and not room.waiting:
        return (), room
    ready: list[Fact] = []
    waiting: list[Waiting] = []
    held: set[EventKey] = set()
    for one in (*room.waiting, *(Waiting(fact, serial) for fact in facts)):
        started = one.fact.what is OutcomeKind.STARTED
        if one.fact.event in held or (started and (handed is None or handed < one.serial)):
            held.add(one.fact.event)
            waiting.append(one)
        else:
            ready.append(one.fact)
    return tuple(ready), WaitingRoom(tuple(waiting))
