"""Whose turn it is to charge, when not all can have their least: rotation and dwell of chargers (rule 1)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.allocate.stand import Stand
from grid_functions.allocate.wish import Wish
from grid_functions.model.claim import Devices, Need, Ruling
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.policy import Dwell

ROOM = "turn"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one charger is in the middle of: charging or paused by us, since when.

    ``since_utc_s`` is kept, ``since_s`` (monotonic) counts within one run, so that a jump of the clock changes nothing in it.
    """

    device: str
    charging: bool
    since_utc_s: float
    since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """``barred``: it stays paused for now. ``order``: the smaller is let in first. ``due_s``: when this changes by itself, monotonic."""

    order: tuple[float, ...]
    barred: bool = False
    due_s: float = math.inf


def restore(kept: Mapping[tuple[str, ...], Entry]) -> dict[str, Turn]:
    """The turns that the ledger has."""
    values = (entry.value for key, entry in kept.items() if key[0] == ROOM)
    return {one.device: one for one in values if isinstance(one, Turn)}


def resumed(turns: Mapping[str, Turn], now: Instants) -> dict[str, Turn]:
    """After a restart: what has passed since by UTC; nothing if the clock was turned back, so at most the full length again."""
    return {
        name: one
        if one.since_s is not None
        else replace(one, since_s=now.mono_s - max(0.0, now.utc_s - one.since_utc_s))
        for name, one in turns.items()
    }


def places(
    found: Mapping[str, Stand], turns: Mapping[str, Turn], wishes: Mapping[str, Wish], dwell: Dwell, now: Instants
) -> dict[str, Place]:
    """The queue of the chargers among these devices.

    By priority; then whoever charges and whose turn is not over, the first come first; then whoever waits, the longest first; then
    whose turn is over; last who leaves what it is given (a full vehicle).
    """
    queue: dict[str, Place] = {}
    for name, one in found.items():
        if one.wires is None:
            continue
        turn = turns.get(name)
        since_s = turn.since_s if turn is not None and turn.since_s is not None else -math.inf
        spent_s = now.mono_s - since_s
        charging = turn is not None and turn.charging
        if charging:
            band, due_s = (0.0, since_s + dwell.turn_s) if spent_s < dwell.turn_s else (2.0, math.inf)
        else:
            band, due_s = 1.0, math.inf
        barred = not charging and turn is not None and spent_s < dwell.paused_s
        if barred:
            due_s = since_s + dwell.paused_s
        wish = wishes.get(name)
        if charging and wish is not None and wish.most_w < math.inf and _rests(one):
            band = 3.0
        queue[name] = Place((-float(one.tier), band, since_s), barred, due_s)
    return queue


def needs(ruling: Ruling) -> dict[str, tuple[float, int]]:
    """What devices are to have before others have more, by device: W, and the tier they have for it."""
    found = {}
    for claim in ruling.winners:
        if isinstance(claim.want, Need) and isinstance(claim.scope, Devices):
            for name in claim.scope.names:
                found[name] = (claim.want.power_w / len(claim.scope.names), claim.want.tier)
    return found


def turned(turns: Mapping[str, Turn], amps: Mapping[str, float], now: Instants) -> dict[str, Turn]:
    """The turns after this step's limits. A charger that is not told anything has none."""
    after: dict[str, Turn] = {}
    for name, limit_a in amps.items():
        held = turns.get(name)
        charging = limit_a > 0
        same = held is not None and held.charging is charging
        after[name] = held if held is not None and same else Turn(name, charging, now.utc_s, now.mono_s)
    return after


def entries(before: Mapping[str, Turn], after: Mapping[str, Turn]) -> tuple[Entry, ...]:
    """What changed and must survive."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is not new and _plain(old) != _plain(new):
            found.append(Entry((ROOM, name), _plain(new)))
    return tuple(found)


def _rests(one: Stand) -> bool:
    return one.doing is not None and one.doing.value_w < one.minimum_w / 2


def _plain(turn: Turn | None) -> Turn | None:
    return None if turn is None else replace(turn, since_s=None)
