"""What a level does at this site: a table from levels to measures, each for one device."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from grid_functions import ability
from grid_functions.alarm import Alarm
from grid_functions.model.claim import Bound, Claim, Devices, InForce, Shape, Switch, Target, Want
from grid_functions.model.control import Mode, Thermostat
from grid_functions.model.device import Seen
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w
from grid_functions.site.local_safety import FUSE_V
from grid_functions.site.reach import devices_of, who


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing for one device, exactly one of the rest.

    It consumes at most ``limit_w`` (W), ``limit_pct`` (0 to 100 % of what it can) or ``current_a`` (A per phase; below its least it
    pauses), runs at ``power_w`` (W, positive = consume), is ``switch_off``, or its thermostat is set to ``thermostat_c`` (degrees Celsius)
    or moved by ``thermostat_offset_k`` (K).
    """

    device: str
    limit_w: float | None = None
    limit_pct: float | None = None
    current_a: float | None = None
    power_w: float | None = None
    switch_off: bool | None = None
    thermostat_c: float | None = None
    thermostat_offset_k: float | None = None

    def __post_init__(self) -> None:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            told = ", ".join(given) or "nothing"
            raise ConfigurationFault((f"{self.device}: give exactly one of {', '.join(_KINDS)}, not {told}",))
        value = getattr(self, given[0])
        low, high = _RANGES.get(given[0], (0.0, 1e9))
        if self.switch_off is False or not low <= value <= high:
            raise ConfigurationFault((f"{self.device}: {given[0]} is {value}: {_WORDS.get(given[0], '0 or more')}",))

    @property
    def mode(self) -> Mode:
        """The mode that the device must obey."""
        return _MODES[next(name for name in _KINDS if getattr(self, name) is not None)]


Table = Mapping[int, tuple[Measure, ...]]
"""What each level does."""


def at_level(table: Table, level: int) -> tuple[Measure, ...]:
    """The measures of a level. Interpretation: a level the table does not name does what the nearest named one towards 0 does."""
    sign = 1 if level >= 0 else -1
    named = [one for one in table if one * sign > 0 and one * sign <= level * sign]
    return table[max(named, key=abs)] if named else ()


def claims_of(
    measures: Iterable[Measure], held: InForce, terms: SiteTerms, snapshot: Snapshot
) -> tuple[list[Claim], list[Alarm]]:
    """A claim for each measure whose device the control addresses and that can; an alarm for each that cannot."""
    claims: list[Claim] = []
    alarms: list[Alarm] = []
    theirs = devices_of(held, terms, frozenset(one.role for one in terms.devices.values()))
    for one in measures:
        if one.device not in theirs:
            continue
        if not ability.capable({one.device}, one.mode, snapshot, terms):
            alarms.append(Alarm("measure", who(held), f"{one.device} cannot: {_why_not(one, terms, snapshot)}"))
            continue
        want, quantity = _want(one, snapshot.devices.get(one.device))
        scope = Devices(frozenset({one.device}))
        claims.append(Claim(scope, quantity, want, want, one.mode, held, valid_until=held.until))
    return claims, alarms


def refusal(
    measures: tuple[Measure, ...], what: str, names: frozenset[str], terms: SiteTerms, snapshot: Snapshot
) -> str:
    """Why none of the measures can be taken; empty when one can, or may yet turn out to."""
    if not measures:
        return f"{what}: this site's table says nothing about it"
    for one in measures:
        if one.device in names and ability.capable({one.device}, one.mode, snapshot, terms):
            return ""
    reasons = [f"{one.device}: {_why_not(one, terms, snapshot)}" for one in measures if one.device in names]
    return f"{what}: " + ("; ".join(reasons) or "no such device is addressed")


def devices_named(table: Table) -> frozenset[str]:
    """Every device that some level is about."""
    return frozenset(one.device for measures in table.values() for one in measures)


def _why_not(one: Measure, terms: SiteTerms, snapshot: Snapshot) -> str:
    seen = snapshot.devices.get(one.device)
    return "not at this site" if seen is None else ability.how(seen, one.mode, terms).means


def _want(one: Measure, seen: Seen | None) -> tuple[Want, Quantity]:
    if one.switch_off:
        return Switch(on=False), Quantity.CONNECT
    if one.power_w is not None:
        return Target(one.power_w), Quantity.NET
    if one.thermostat_c is not None:
        return Shape(Thermostat(one.thermostat_c, offset=False)), Quantity.TEMPERATURE
    if one.thermostat_offset_k is not None:
        return Shape(Thermostat(one.thermostat_offset_k, offset=True)), Quantity.TEMPERATURE
    if one.limit_pct is not None:
        # of what has not told its rating nothing may be assumed (rule 6)
        most = most_w(seen, Quantity.CONSUMED) if seen is not None else math.inf
        return Bound(one.limit_pct / 100.0 * most if most < math.inf else 0.0), Quantity.CONSUMED
    if one.current_a is not None:
        phases = 1 if seen is None else seen.nameplate.phases or 1
        return Bound(one.current_a * FUSE_V * phases), Quantity.CONSUMED
    return Bound(one.limit_w or 0.0), Quantity.CONSUMED


_KINDS = tuple(one.name for one in fields(Measure) if one.name != "device")
_RANGES = {
    "limit_pct": (0.0, 100.0),
    "current_a": (0.0, 10_000.0),
    "power_w": (-1e9, 1e9),
    "thermostat_c": (-50.0, 100.0),
    "thermostat_offset_k": (-20.0, 20.0),
}
_WORDS = {
    "limit_pct": "0 to 100",
    "switch_off": "only true",
    "power_w": "at most 1e9 either way",
    "thermostat_c": "-50 to 100",
    "thermostat_offset_k": "-20 to 20",
}
_MODES = {
    "limit_w": Mode.LOAD_LIMIT,
    "limit_pct": Mode.LOAD_LIMIT,
    "current_a": Mode.LOAD_LIMIT,
    "power_w": Mode.TARGET_POWER,
    "switch_off": Mode.ENERGIZE,
    "thermostat_c": Mode.THERMOSTAT,
    "thermostat_offset_k": Mode.THERMOSTAT,
}
