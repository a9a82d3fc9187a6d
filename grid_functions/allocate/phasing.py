"""On how many phases a charger charges, where it can be told: on one while three cannot have their least, on three while they give more.

It is paused first, told then, and charges again only once it reads back so. Whatever arrives first or not at all, it then never draws
more than it was given, nor is a contactor moved under load (rule 1).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.allocate.amperes import Level, amperes
from grid_functions.allocate.stand import Stand, rewired
from grid_functions.allocate.turn import Place
from grid_functions.conductors import ALL
from grid_functions.model.device import Seen
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

ROOM = "phases"
GAIN = 1.1
"""Three phases must give so much more than one, or rounding and a ripple of the house would move contactors."""
LASTS_S = 60.0
"""And promise it for so long."""
PATIENCE_S = 60.0
"""Who does not read back by then is told to stay as it is."""
_STILL_W = 100.0
"""What a charger may draw for itself while no car is charged."""
_AT_ONCE = 2
"""Of how many chargers another number of phases is thought through in one look."""


@dataclass(frozen=True, slots=True)
class Phasing:
    """On how many phases one charger is to charge, since when: ``since_utc_s`` is kept, ``since_s`` (monotonic) counts within one run."""

    device: str
    phases: int
    since_utc_s: float
    since_s: float | None = None


def restore(kept: Mapping[tuple[str, ...], Entry]) -> dict[str, Phasing]:
    """What the ledger has of it."""
    values = (entry.value for key, entry in kept.items() if key[0] == ROOM)
    return {one.device: one for one in values if isinstance(one, Phasing)}


def resumed(phasings: Mapping[str, Phasing], snapshot: Snapshot, terms: SiteTerms, now: Instants) -> dict[str, Phasing]:
    """After a restart what has passed by UTC counts, at most the full length again. Who did not do as told in time stays as it is."""
    after: dict[str, Phasing] = {}
    for name, one in phasings.items():
        since_s = now.mono_s - max(0.0, now.utc_s - one.since_utc_s) if one.since_s is None else one.since_s
        after[name] = replace(one, since_s=since_s)
        is_on = _is_on(snapshot.devices.get(name), terms)
        if is_on not in (None, one.phases) and now.mono_s - since_s >= PATIENCE_S:
            after[name] = Phasing(name, is_on or one.phases, now.utc_s, now.mono_s)
    return after


def moving(phasings: Mapping[str, Phasing], snapshot: Snapshot, terms: SiteTerms) -> frozenset[str]:
    """Who does not read back as told yet, and is to draw nothing until then."""
    return frozenset(
        name
        for name, one in phasings.items()
        if (seen := snapshot.devices.get(name)) is not None and _is_on(seen, terms) != one.phases
    )


def held_back(places: Mapping[str, Place], names: frozenset[str]) -> dict[str, Place]:
    """The queue, with these paused."""
    return {name: replace(place, barred=True) if name in names else place for name, place in places.items()}


def others(
    found: Mapping[str, Stand],
    told: Mapping[str, Level],
    phasings: Mapping[str, Phasing],
    snapshot: Snapshot,
    terms: SiteTerms,
    now: Instants,
) -> dict[str, Stand]:
    """Chargers that may be better off on the other number of phases, as they would stand there; a few in each look, in turn."""
    if terms.connection.phases != len(ALL):
        return {}
    able: dict[str, Stand] = {}
    for name, level in sorted(told.items()):
        one, seen, kept = found[name], snapshot.devices.get(name), phasings.get(name)
        rests = kept is not None and kept.since_s is not None and now.mono_s - kept.since_s < terms.dwell.phases_s
        if seen is None or one.currents is None or one.idle or one.absent or rests or len(one.currents.phases) < 2:
            continue
        if (seen.nameplate.phases or len(ALL)) < len(ALL):
            continue
        is_on = _is_on(seen, terms)
        if is_on == 1 or (is_on is not None and level.told_a == 0):
            able[name] = rewired(one, seen, terms, len(ALL) if is_on == 1 else 1)
    names = list(able)
    first = int(now.mono_s) % len(names) if names else 0
    return {name: able[name] for name in (names[first:] + names[:first])[:_AT_ONCE]}


def promised(
    promises: Mapping[str, float],
    told: Mapping[str, Level],
    found: Mapping[str, Stand],
    tried: Mapping[str, tuple[Stand, float]],
    now: Instants,
) -> tuple[dict[str, float], dict[str, int]]:
    """Since when three phases have been promising more than one, monotonic seconds; and who is to go to how many phases now.

    ``tried``: the other stand, and the W it would be given there. Down goes at once who has nothing on three.
    """
    since_s = {name: at_s for name, at_s in promises.items() if name in told}
    go: dict[str, int] = {}
    for name, (other, limit_w) in tried.items():
        one, could_a = found[name], amperes(limit_w, other)
        if one.wires is None or other.wires is None:
            continue
        number = len(other.wires.conductors)
        if number == 1:
            if could_a:
                go[name] = number
            continue
        if could_a * other.wires.watts <= GAIN * told[name].told_a * one.wires.watts:
            since_s.pop(name, None)
        elif now.mono_s - since_s.setdefault(name, now.mono_s) >= LASTS_S:
            go[name] = number
    return {name: at_s for name, at_s in since_s.items() if name not in go}, go


def phased(
    phasings: Mapping[str, Phasing], go: Mapping[str, int], told: Mapping[str, Level], now: Instants
) -> dict[str, Phasing]:
    """The numbers after this look; a charger that is told nothing has none of ours."""
    kept = {name: one for name, one in phasings.items() if name in told}
    return kept | {name: Phasing(name, number, now.utc_s, now.mono_s) for name, number in go.items()}


def told_now(one: Phasing, seen: Seen | None) -> int | None:
    """The number that its setpoint carries: the new one once it is seen to be paused, until then what it holds."""
    holds = None if seen is None else seen.condition.holds
    if seen is None or holds is None:
        return None
    power = seen.condition.readings.get((Quantity.NET, None))
    still = power is None or not abs(power.value) > _STILL_W
    return one.phases if holds.phases == one.phases or (holds.current_max_a == 0 and still) else holds.phases


def entries(before: Mapping[str, Phasing], after: Mapping[str, Phasing]) -> tuple[Entry, ...]:
    """What changed and must survive."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = _plain(before.get(name)), _plain(after.get(name))
        if old != new:
            found.append(Entry((ROOM, name), new))
    return tuple(found)


def due_s(promises: Mapping[str, float], phasings: Mapping[str, Phasing], terms: SiteTerms) -> tuple[float, ...]:
    """When something of this changes by itself, monotonic seconds."""
    spans = (terms.dwell.phases_s, PATIENCE_S)
    ends = [one.since_s + span for one in phasings.values() if one.since_s is not None for span in spans]
    return (*(at_s + LASTS_S for at_s in promises.values()), *ends) if promises or ends else (math.inf,)


def _is_on(seen: Seen | None, terms: SiteTerms) -> int | None:
    """As it reads back, else as it is wired; None: nobody told."""
    if seen is None:
        return None
    holds = seen.condition.holds
    told = (holds.phases if holds is not None else None) or seen.nameplate.phases
    return told or len(terms.devices[seen.device].phases) or None


def _plain(one: Phasing | None) -> Phasing | None:
    return None if one is None else replace(one, since_s=None)
