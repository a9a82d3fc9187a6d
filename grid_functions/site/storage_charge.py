"""State of charge or stored energy to reach by the end of the control (OpenADR CHARGE_STATE)."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from grid_functions import ability
from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import Claim, Devices, InForce, Target
from grid_functions.model.control import Control, Mode, StorageCharge, StorageEnergy
from grid_functions.model.device import Seen
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import STORAGE, most_w
from grid_functions.site.onset import Onsets, noted
from grid_functions.site.reach import devices_of, who

NAME = "storage_charge"

_LEAST_LEFT_S = 60.0
"""What is left in the last minute is spread over a minute, so that power does not run off at the end."""

_NEAR_SHARE = 0.002
"""Within this share of the capacity the goal is reached: state of charge is told in tenths of a percent at best."""

_TOTAL = None


class Pace(StrEnum):
    """How the goal is reached: evenly until the end of the control, or as fast as the storage can."""

    EVEN = "even"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class StorageChargeOptions:
    """``pace``: even, or fast. A control without an end is always reached fast."""

    pace: Pace = Pace.EVEN


@dataclass(frozen=True, slots=True)
class StorageChargeState:
    """``durable``: stored energy, Wh, when each relative control began."""

    durable: Onsets = field(default_factory=Onsets)
    version: int = 1


@dataclass(frozen=True, slots=True)
class ChargeStorage:
    """A target of power for each storage, revised by what it has stored; at its goal it rests. A test yields none (rule 10).

    Energy over several storages is shared by capacity. A storage that does not tell its capacity or its charge has no goal (rule 6).
    """

    acts_on: ClassVar[frozenset[type]] = frozenset({StorageCharge, StorageEnergy})
    options: StorageChargeOptions = StorageChargeOptions()

    def empty(self) -> StorageChargeState:
        """The state at birth."""
        return StorageChargeState()

    def step(self, state: StorageChargeState, inputs: SiteInputs, now: Instants) -> Step[StorageChargeState]:
        """Claims for what is in force, alarms for storages that cannot be led to a goal."""
        mine = [
            one for one in inputs.in_force if isinstance(one.control, StorageCharge | StorageEnergy) and not one.test
        ]
        relative = [one for one in mine if isinstance(one.control, StorageEnergy) and one.control.relative]

        def began_wh(held: InForce) -> float | None:
            stored = [_stored_wh(inputs.snapshot.devices.get(name)) for name in _able(held, inputs)]
            known = [one for one in stored if one is not None]
            return sum(known) if known else None

        onsets = noted(state.durable, relative, began_wh)
        claims: list[Claim] = []
        alarms: list[Alarm] = []
        for held in mine:
            made, odd = self._claims(held, onsets, inputs, now)
            claims += made
            alarms += odd
        after = state if onsets is state.durable else StorageChargeState(onsets)
        return Step(after, (*claims, *(message_of(alarm, inputs.terms.name) for alarm in alarms)))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """Where no storage can be told its power."""
        if not isinstance(control, StorageCharge | StorageEnergy):
            return None
        return ability.nobody_can(Mode.STORAGE_POWER, respondent, terms, snapshot)

    def _claims(
        self, held: InForce, onsets: Onsets, inputs: SiteInputs, now: Instants
    ) -> tuple[list[Claim], list[Alarm]]:
        known: dict[str, tuple[Seen, float, float]] = {}
        alarms = []
        for name in sorted(devices_of(held, inputs.terms, STORAGE)):
            seen = inputs.snapshot.devices.get(name)
            capacity_wh, stored_wh = _capacity_wh(seen), _stored_wh(seen)
            if seen is None or capacity_wh is None or stored_wh is None:
                alarms.append(Alarm(NAME, name, "tells no capacity or no state of charge: it cannot be led to a goal"))
            elif ability.can(seen, Mode.STORAGE_POWER, inputs.terms):
                known[name] = (seen, capacity_wh, stored_wh)
        fraction = _fraction(held, onsets, sum(capacity_wh for _, capacity_wh, _ in known.values()))
        if fraction is None:
            return [], [*alarms, Alarm(NAME, who(held), "asks for a charge that cannot be meant here")]
        claims = []
        for name, (seen, capacity_wh, stored_wh) in known.items():
            need_wh = fraction * capacity_wh - stored_wh
            want = Target(self._power_w(need_wh, capacity_wh, seen, held, now))
            scope = Devices(frozenset({name}))
            claims.append(Claim(scope, Quantity.NET, want, want, Mode.STORAGE_POWER, held, valid_until=held.until))
        return claims, alarms

    def _power_w(self, need_wh: float, capacity_wh: float, seen: Seen, held: InForce, now: Instants) -> float:
        if abs(need_wh) <= _NEAR_SHARE * capacity_wh:
            return 0.0
        most = most_w(seen, Quantity.CONSUMED if need_wh > 0 else Quantity.PRODUCED)
        if self.options.pace is Pace.FAST or held.until is None:
            return math.copysign(most, need_wh) if most < math.inf else need_wh
        left_s = max(_LEAST_LEFT_S, held.until.in_s(now))
        return math.copysign(min(most, abs(need_wh) * 3600.0 / left_s), need_wh)


def _fraction(held: InForce, onsets: Onsets, capacity_wh: float) -> float | None:
    """The part of their capacity that is to be stored, 0 to 1; beyond what they hold it is what they hold."""
    match held.control:
        case StorageCharge(charge_pct=charge_pct) if 0 <= charge_pct <= 100:
            return charge_pct / 100.0
        case StorageEnergy(energy_wh=energy_wh, relative=relative) if math.isfinite(energy_wh) and capacity_wh > 0:
            began_wh = onsets.of(held) if relative else 0.0
            return None if began_wh is None else min(1.0, max(0.0, (began_wh + energy_wh) / capacity_wh))
        case _:
            return None


def _able(held: InForce, inputs: SiteInputs) -> list[str]:
    return sorted(devices_of(held, inputs.terms, STORAGE) & inputs.snapshot.devices.keys())


def _capacity_wh(seen: Seen | None) -> float | None:
    told = None if seen is None else seen.nameplate.capacity_wh
    return told if told is not None and 0 < told < math.inf else None


def _stored_wh(seen: Seen | None) -> float | None:
    energy_wh, charge_pct = (
        _good(seen, (Quantity.STORED_ENERGY, _TOTAL)),
        _good(seen, (Quantity.STATE_OF_CHARGE, _TOTAL)),
    )
    capacity_wh = _capacity_wh(seen)
    if charge_pct is not None and capacity_wh is not None:
        return charge_pct / 100.0 * capacity_wh
    return energy_wh


def _good(seen: Seen | None, key: MeterKey) -> float | None:
    reading = None if seen is None or not seen.condition.online else seen.condition.readings.get(key)
    known = reading is not None and reading.quality is Quality.GOOD and math.isfinite(reading.value)
    return reading.value if reading is not None and known else None
