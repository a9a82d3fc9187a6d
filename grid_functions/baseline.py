"""What a site and its devices draw when nobody asks anything of them: the base of signals that are relative.

Hourly means of the last days, in UTC hours; hours in which an event asked something of the site are left out.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from grid_functions.flow import flow
from grid_functions.model.claim import Basis, ConnectionPoint, Devices, InForce, Scope
from grid_functions.model.control import mode_of
from grid_functions.model.entry import Entry
from grid_functions.model.instants import Instants
from grid_functions.model.modes import ALERT_MODES, PRICE_MODES
from grid_functions.model.policy import BaselineTerms, SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.model.usual import CONNECTION, HOUR_S, Hours, like_w
from grid_functions.rating import SWITCHED

ROOM = "baseline"
KEEP_DAYS: Final = 35
"""Days of which hours are kept: five weeks, so that ten like days are among them also at a weekend."""

STEP_S: Final = 5.0
"""Power is looked at so often, and taken to stay until it is looked at again."""

LEAST_COVERAGE: Final = 0.5
"""An hour counts when it was measured for so much of its time."""

_QUIET = PRICE_MODES | ALERT_MODES


@dataclass(frozen=True, slots=True)
class Running:
    """The hour under way: energy and time seen, Ws and s, until monotonic ``at_s``. Lost with a restart."""

    hour: int
    at_s: float
    power_w: float | None = None
    energy_ws: float = 0.0
    seen_s: float = 0.0
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """``hours``: by name and hour of the UTC day, durable; ``running``: by name. ``like_w``: for the hour that runs, by name, the mean of
    the same hour on the last like days (working days, or free ones), W, positive = consume; a name without such an hour is not in it.
    """

    hours: Mapping[tuple[str, int], Hours] = field(default_factory=lambda: MappingProxyType({}))
    running: Mapping[str, Running] = field(default_factory=lambda: MappingProxyType({}))
    like_w: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def step(
    baseline: Baseline, in_force: Iterable[InForce], snapshot: Snapshot, terms: SiteTerms, now: Instants
) -> tuple[Baseline, tuple[Entry, ...]]:
    """Count on, and keep what an hour came to when it is over. An hour that the clock jumps out of is none."""
    hour = math.floor(now.utc_s / HOUR_S)
    is_new = any(one.hour != hour for one in baseline.running.values()) or not baseline.running
    if not is_new and all(0 <= now.mono_s - one.at_s < STEP_S for one in baseline.running.values()):
        return baseline, ()
    asked = any(_asks(one) for one in in_force)
    hours, running = dict(baseline.hours), dict[str, Running]()
    entries = []
    for name in (CONNECTION, *sorted(name for name, one in terms.devices.items() if one.role in SWITCHED)):
        counted = _counted(baseline.running.get(name) or Running(hour, now.mono_s), now.mono_s)
        if counted.hour != hour:
            mean_w = _mean_w(counted)
            if mean_w is not None and counted.hour == hour - 1:
                key = (name, counted.hour % 24)
                hours[key] = _with(hours.get(key, Hours()), counted.hour // 24, mean_w)
                entries.append(Entry((ROOM, name, str(key[1])), hours[key]))
            counted = Running(hour, now.mono_s)
        power_w = flow(scope_of(name), Quantity.NET, None, snapshot, terms, now)
        running[name] = replace(counted, power_w=power_w, asked=asked or counted.asked)
    like_w = _like_w(hours, running, terms.baseline, hour) if is_new else baseline.like_w
    return Baseline(MappingProxyType(hours), MappingProxyType(running), like_w), tuple(entries)


def restore(entries: Iterable[Entry]) -> Baseline:
    """The hours that the ledger has."""
    found = {(entry.key[1], int(entry.key[2])): entry.value for entry in entries if entry.key[0] == ROOM}
    return Baseline(MappingProxyType({key: value for key, value in found.items() if isinstance(value, Hours)}))


def scope_of(name: str) -> Scope:
    """The scope that a name of the baseline stands for."""
    return ConnectionPoint() if name == CONNECTION else Devices(frozenset({name}))


def normal_of(like_w: Mapping[str, float], scope: Scope) -> float | None:
    """The like-hours mean of a scope, W; None where one of its parts has none."""
    names = sorted(scope.names) if isinstance(scope, Devices) else [CONNECTION]
    found = [like_w.get(name) for name in names]
    return None if not found or None in found else sum(one for one in found if one is not None)


def _asks(one: InForce) -> bool:
    """Whether it moves the site from what it would do by itself."""
    return one.basis in (Basis.EVENT, Basis.LEASE) and not one.test and mode_of(one.control) not in _QUIET


def _like_w(
    hours: Mapping[tuple[str, int], Hours], names: Iterable[str], terms: BaselineTerms, hour: int
) -> Mapping[str, float]:
    today, found = hour // 24, dict[str, float]()
    for name in names:
        mean_w = like_w(hours.get((name, hour % 24), Hours()), today, terms)
        if mean_w is not None:
            found[name] = mean_w
    return MappingProxyType(found)


def _counted(one: Running, mono_s: float) -> Running:
    if one.power_w is None:
        return replace(one, at_s=mono_s)
    span_s = max(0.0, mono_s - one.at_s)
    return replace(one, at_s=mono_s, energy_ws=one.energy_ws + one.power_w * span_s, seen_s=one.seen_s + span_s)


def _mean_w(one: Running) -> float | None:
    if one.asked or one.seen_s < LEAST_COVERAGE * HOUR_S:
        return None
    return one.energy_ws / one.seen_s


def _with(hours: Hours, day: int, mean_w: float) -> Hours:
    kept = [(old, mean) for old, mean in hours.means if day - KEEP_DAYS < old < day]
    return Hours((*kept, (day, round(mean_w, 3))))
