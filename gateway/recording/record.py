"""What each decision was made from and what it decided, as records of the log: an anchor now and then, and steps after it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from gateway.recording.plain import Plain
from gateway.site_plan import SitePlan
from grid_functions import guest
from grid_functions.building.lesson import Taught
from grid_functions.building.program import Solution
from grid_functions.decide import DURABLE, Decision, Noted, SiteState, SiteTick
from grid_functions.machines import Machine
from grid_functions.model.device import Capability, Nameplate, Seen
from grid_functions.model.event import Respondent
from grid_functions.model.instants import Instants
from grid_functions.model.outcome import Outcome
from grid_functions.model.policy import Policy, SiteTerms
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot

ANCHOR, STEP, NOTE = "anchor", "step", "note"
"""Kinds of record in the log."""

_ANCHOR_S = 3600.0
"""Between two anchors: a replay can begin at any of them."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """All that decisions stand on, the state included: from here on steps alone tell the rest. ``seed`` in hexadecimal; ``options`` of
    those functions that have some, by name.
    """

    terms: SiteTerms
    policies: Mapping[Respondent, Policy]
    functions: tuple[str, ...]
    seed: str
    state: SiteState
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: what was new (looks that differ from the step before, devices that are there no more) and what was decided.

    ``tick`` comes without its snapshot. ``setpoints`` None: the same as before. ``same``: devices whose nameplate and capability are
    those of the step before; they are left out of ``seen``.
    """

    now: Instants
    tick: SiteTick
    meter: Mapping[MeterKey, Reading]
    seen: tuple[Seen, ...]
    gone: tuple[str, ...]
    serial: int
    setpoints: tuple[Setpoint, ...] | None
    outcomes: tuple[Outcome, ...]
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What became of decisions: the serial that went to the drivers, outcomes taken, and what was owed then."""

    now: Instants
    handed: int | None
    acknowledged: tuple[Outcome, ...]
    outcomes: tuple[Outcome, ...]


class Steps(Protocol):
    """The part of the log that takes what is put into words only when it is written."""

    def add_step(self, site: str, kind: str, body: Callable[[], Mapping[str, Any]]) -> None:
        """Note one thing; returns at once."""


def plain_of(functions: Mapping[str, Machine]) -> Plain:
    """The words for everything that decisions of these functions are made from."""
    states = [function.empty() for function in functions.values()]
    kept = [one for one in (getattr(state, "durable", None) for state in states) if one is not None]
    return _plain(tuple(map(type, (*states, *kept, *_options(functions).values()))))


@lru_cache(maxsize=16)
def _plain(types: tuple[type, ...]) -> Plain:
    """One for all sites with the same functions: each is 70 KB of compiled codecs, and takes a while to make."""
    return Plain((*DURABLE, Solution, Taught, *guest.NOUNS, *types))


def _options(functions: Mapping[str, Machine]) -> dict[str, Any]:
    return {name: one.options for name, one in functions.items() if is_dataclass(one.options)}


@dataclass
class Recorder:
    """Records one site's decisions; costs the caller a comparison of looks and nothing else."""

    plan: SitePlan
    log: Steps
    _plain: Plain = field(init=False)
    _anchored_s: float | None = None
    _devices: Mapping[str, Seen] = field(default_factory=dict)
    _setpoints: tuple[Setpoint, ...] | None = None

    def __post_init__(self) -> None:
        self._plain = plain_of(self.plan.functions)

    def step(self, before: SiteState, tick: SiteTick, decision: Decision, now: Instants) -> None:
        """One decision, made from ``before`` and ``tick``."""
        if self._anchored_s is None or now.mono_s - self._anchored_s >= _ANCHOR_S:
            self._anchored_s, self._devices, self._setpoints = now.mono_s, {}, None
            plan = self.plan
            names, options = tuple(sorted(plan.functions)), _options(plan.functions)
            anchor = Anchor(plan.terms, plan.policies, names, plan.seed.hex(), before, options)
            self._add(ANCHOR, anchor)
        devices = tick.snapshot.devices
        seen = [one for name, one in sorted(devices.items()) if self._devices.get(name) is not one]
        same = frozenset(one.device for one in seen if self._as_known(one))
        step = Step(
            now=now,
            tick=replace(tick, snapshot=_NOTHING),
            meter=tick.snapshot.meter,
            seen=tuple(
                Seen(one.device, one.role, _NO_PLATE, _NO_CAPABILITY, one.condition) if one.device in same else one
                for one in seen
            ),
            gone=tuple(sorted(self._devices.keys() - devices.keys())),
            serial=decision.serial,
            setpoints=None if decision.setpoints == self._setpoints else decision.setpoints,
            outcomes=decision.outcomes,
            same=tuple(sorted(same)),
        )
        self._devices, self._setpoints = devices, decision.setpoints
        self._add(STEP, step)

    def _as_known(self, seen: Seen) -> bool:
        before = self._devices.get(seen.device)
        return before is not None and before.nameplate is seen.nameplate and before.capability is seen.capability

    def note(self, handed: int | None, acknowledged: tuple[Outcome, ...], noted: Noted, now: Instants) -> None:
        """What became of decisions."""
        if self._anchored_s is not None:
            self._add(NOTE, Note(now, handed, acknowledged, noted.outcomes))

    def _add(self, kind: str, what: Anchor | Step | Note) -> None:
        def body() -> Mapping[str, Any]:
            plain: Mapping[str, Any] = self._plain.write(what, type(what))
            return plain

        self.log.add_step(self.plan.terms.name, kind, body)


_NO_PLATE, _NO_CAPABILITY = Nameplate(), Capability()
_NOTHING = Snapshot("", Instants(0.0, 0.0), MappingProxyType({}), MappingProxyType({}))
