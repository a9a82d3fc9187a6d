"""What storage may never be asked for: its reserve, its fill, and the power its owner allows."""

import math
from dataclasses import dataclass

from grid_functions.model.claim import Claim
from grid_functions.model.device import Role
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.units import Quantity
from grid_functions.rating import STORAGE
from grid_functions.site.local import alone, bound

NAME = "storage_limits"
_BACK_PCT = 2.0
"""A limit by charge is lifted only so far beyond its edge, so that it does not flutter there."""


@dataclass(frozen=True, slots=True)
class StorageLimitsOptions:
    """``reserve_pct``: below it nothing is discharged; ``fill_pct``: above it nothing is charged. W of each storage, none = its own."""

    reserve_pct: float = 0.0
    fill_pct: float = 100.0
    charge_max_w: float | None = None
    discharge_max_w: float | None = None

    def __post_init__(self) -> None:
        mistakes = []
        if not 0 <= self.reserve_pct < self.fill_pct <= 100:
            mistakes.append(
                f"{NAME}: reserve_pct {self.reserve_pct} and fill_pct {self.fill_pct}: give 0 <= reserve < fill <= 100"
            )
        for name in ("charge_max_w", "discharge_max_w"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                mistakes.append(f"{NAME}.{name} is {value}: give watts, 0 or more")
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))


@dataclass(frozen=True, slots=True)
class StorageLimitsState:
    """``empty`` and ``full``: the storages that are at their edge now."""

    empty: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    version: int = 1


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """Bounds on each storage: they clamp every target, whoever sets it (rule 3). Of an unknown charge neither edge is reached."""

    options: StorageLimitsOptions = StorageLimitsOptions()

    def empty(self) -> StorageLimitsState:
        """The state at birth."""
        return StorageLimitsState()

    def step(self, state: StorageLimitsState, inputs: SiteInputs, now: Instants) -> Step[StorageLimitsState]:
        """At most two bounds for each storage."""
        claims: list[Claim] = []
        empty, full = set(), set()
        ours = self.options
        storages = [name for name, device in inputs.terms.devices.items() if device.role in STORAGE]
        for name in sorted(storages):
            device = inputs.terms.devices[name]
            seen = inputs.snapshot.devices.get(name)
            told = None if seen is None else seen.condition.readings.get((Quantity.STATE_OF_CHARGE, None))
            charge_pct = told.value if told is not None and told.quality is Quality.GOOD else None
            lifted_pct = ours.reserve_pct + (_BACK_PCT if name in state.empty else 0.0)
            if charge_pct is not None and ours.reserve_pct > 0 and charge_pct <= lifted_pct:
                empty.add(name)
            lifted_pct = ours.fill_pct - (_BACK_PCT if name in state.full else 0.0)
            if charge_pct is not None and ours.fill_pct < 100 and charge_pct >= lifted_pct:
                full.add(name)
            for quantity, at_edge, most_w in (
                (Quantity.PRODUCED, name in empty and device.role is Role.BATTERY, ours.discharge_max_w),
                (Quantity.CONSUMED, name in full, ours.charge_max_w),
            ):
                if at_edge or most_w is not None:
                    claims.append(bound(NAME, alone(name), quantity, 0.0 if at_edge else most_w or 0.0))
        after = StorageLimitsState(frozenset(empty), frozenset(full))
        return Step(state if after == state else after, tuple(claims))
