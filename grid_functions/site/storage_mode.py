"""What storage does of its own accord: self-consumption, shaving of peaks, and helping to keep the limits at the connection."""

import math
from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.claim import Claim, Devices, Target
from grid_functions.model.control import ExportLimit, ImportLimit, StoragePower, mode_of
from grid_functions.model.device import Role
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.units import Quantity
from grid_functions.rating import DEVICE_STALE, most_w
from grid_functions.site.local import NET, drawn_w, good, voice

NAME = "storage_mode"
_DEADBAND_W = 25.0
_PROBE_W = 100.0
_PRESSING, _FULL = 0.93, 0.99


class StorageUse(StrEnum):
    """``off``: left alone. ``limits``: it rests unless a limit would be broken. ``self_consumption``: nothing flows if it can help it."""

    OFF = "off"
    LIMITS = "limits"
    SELF_CONSUMPTION = "self_consumption"


@dataclass(frozen=True, slots=True)
class StorageModeOptions:
    """``peak_w``: import that is not exceeded while storage can help it; ``keep_pct``: below it, it recharges with ``keep_w``."""

    use: StorageUse = StorageUse.OFF
    peak_w: float | None = None
    keep_pct: float = 0.0
    keep_w: float = 1000.0

    def __post_init__(self) -> None:
        mistakes = []
        if self.peak_w is not None and not 0 <= self.peak_w < math.inf:
            mistakes.append(f"{NAME}.peak_w is {self.peak_w}: give watts, 0 or more")
        if not 0 <= self.keep_pct <= 100:
            mistakes.append(f"{NAME}.keep_pct is {self.keep_pct}: give 0 to 100")
        if not 0 <= self.keep_w < math.inf:
            mistakes.append(f"{NAME}.keep_w is {self.keep_w}: give watts, 0 or more")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class StorageModeState:
    """``target_w``: as last wanted."""

    target_w: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class StorageMode:
    """One target for all batteries together, of the lowest rank: whoever else wants something of them has it (rule 3)."""

    options: StorageModeOptions = StorageModeOptions()

    def empty(self) -> StorageModeState:
        """The state at birth."""
        return StorageModeState()

    def step(self, state: StorageModeState, inputs: SiteInputs, now: Instants) -> Step[StorageModeState]:
        """What the rest of the site does is fed forward: it does not move when the batteries do, so that this cannot hunt."""
        names = frozenset(name for name, one in inputs.terms.devices.items() if one.role is Role.BATTERY)
        if self.options.use is StorageUse.OFF or not names:
            return Step(StorageModeState())
        stale_s, now_s = inputs.terms.meter_stale_s, inputs.snapshot.at.mono_s
        net_w = drawn_w(inputs.snapshot, stale_s)
        powers, charges = [], []
        for name in sorted(names):
            seen = inputs.snapshot.devices.get(name)
            readings = {} if seen is None else seen.condition.readings
            powers.append(good(readings.get(NET), now_s, DEVICE_STALE * stale_s))
            charges.append(good(readings.get((Quantity.STATE_OF_CHARGE, None)), now_s, 20 * stale_s))
        if net_w is None or None in powers:
            # nobody knows what flows: it rests (rule 6)
            return Step(StorageModeState(), (_target(names, 0.0),))
        rest_w = net_w - sum(one for one in powers if one is not None)
        target_w = self._target_w(rest_w, min((one for one in charges if one is not None), default=100.0), inputs)
        if state.target_w is not None and abs(target_w - state.target_w) <= _DEADBAND_W:
            target_w = state.target_w
        return Step(StorageModeState(target_w), (_target(names, target_w),))

    def _target_w(self, rest_w: float, charge_pct: float, inputs: SiteInputs) -> float:
        ours = self.options
        import_w = min([_limit_w(inputs, ImportLimit), math.inf if ours.peak_w is None else ours.peak_w])
        export_w = _limit_w(inputs, ExportLimit)
        idle_w = ours.keep_w if charge_pct < ours.keep_pct else 0.0
        wanted_w = -rest_w if ours.use is StorageUse.SELF_CONSUMPTION else idle_w
        if ours.use is StorageUse.SELF_CONSUMPTION and _held_back(inputs):
            # what an export limit keeps from being produced nobody sees: a little more is taken, and the sun follows
            wanted_w += _PROBE_W
        return max(min(wanted_w, import_w - rest_w), -export_w - rest_w)


def _held_back(inputs: SiteInputs) -> bool:
    """Whether some inverter does all that its limit permits, and could do more."""
    for seen in inputs.snapshot.devices.values():
        holds, power = seen.condition.holds, seen.condition.readings.get(NET)
        limit_w = None if holds is None or seen.role is not Role.PV else holds.produce_max_w
        if limit_w is None or power is None or limit_w >= _FULL * most_w(seen, Quantity.PRODUCED):
            continue
        if -power.value >= _PRESSING * limit_w:
            return True
    return False


def _limit_w(inputs: SiteInputs, kind: type[ImportLimit] | type[ExportLimit]) -> float:
    rated_w = inputs.terms.connection.import_limit_w if kind is ImportLimit else inputs.terms.connection.export_limit_w
    told = [one.control.limit_w for one in inputs.in_force if isinstance(one.control, kind) and not one.test]
    return max(0.0, min([*told, math.inf if rated_w is None else rated_w]))


def _target(names: frozenset[str], value_w: float) -> Claim:
    control, want = StoragePower(value_w), Target(value_w)
    return Claim(Devices(names), Quantity.NET, want, want, mode_of(control), voice(NAME, StoragePower(0.0)))
