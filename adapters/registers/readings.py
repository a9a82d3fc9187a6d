"""Values of a map -> readings in the house's signs, and the state of the vehicle; pure."""

import math
from collections.abc import Mapping
from typing import Final

from adapters.registers.options import RegisterOptions
from adapters.registers.points import Value
from adapters.registers.profile import Condition, Measure, Profile, Rule, meter_key
from adapters.registers.spans import Values
from grid_functions.model.device import Vehicle
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity, turned

SIGNED: Final = frozenset({Quantity.NET, Quantity.REACTIVE})
_POSSIBLE: Final[Mapping[Quantity, tuple[float, float]]] = {
    Quantity.NET: (-1e8, 1e8),
    Quantity.REACTIVE: (-1e8, 1e8),
    Quantity.CURRENT: (-1e5, 1e5),
    Quantity.VOLTAGE: (0.0, 1e5),
    Quantity.FREQUENCY: (0.0, 100.0),
    Quantity.STATE_OF_CHARGE: (0.0, 100.0),
    Quantity.STORED_ENERGY: (0.0, 1e9),
    Quantity.ENERGY_CONSUMED: (0.0, 1e13),
    Quantity.ENERGY_PRODUCED: (0.0, 1e13),
    Quantity.SESSION_ENERGY: (0.0, 1e7),
}
"""What no device of a site can pass: beyond it the answer is not believed."""


class Gauge:
    """Which point measures what, as the profile and the installer say."""

    def __init__(self, profile: Profile, options: RegisterOptions) -> None:
        self._turned = options.positive == "export"
        self._measures: list[tuple[MeterKey, Measure]] = []
        for word, measure in profile.measures.items():
            key = meter_key(word)
            if key is not None and (placed := _placed(key, options.phases)) is not None:
                self._measures.append((placed, measure))

    def readings(self, values: Values, now: Instants) -> dict[MeterKey, Reading]:
        """What was measured; what the device gives no value for is MISSING, what cannot be is SUSPECT, and neither is a number."""
        found: dict[MeterKey, Reading] = {}
        for key, measure in self._measures:
            told = [values.get(name) for name in measure.points]
            numbers = [float(one) for one in told if one is not None and not isinstance(one, str)]
            if len(numbers) < len(told):
                found[key] = Reading(math.nan, Quality.MISSING, now.mono_s, now.utc_s)
                continue
            value, (low, high) = sum(numbers), _POSSIBLE[key[0]]
            if not low <= value <= high:
                found[key] = Reading(math.nan, Quality.SUSPECT, now.mono_s, now.utc_s)
                continue
            if key[0] in SIGNED and measure.turn != self._turned:
                value = turned(value)
            if key[0] is Quantity.CURRENT:
                value = abs(value)
            found[key] = Reading(value, Quality.GOOD, now.mono_s, now.utc_s)
        return found


def vehicle(rules: tuple[Rule, ...], values: Values) -> Vehicle | None:
    """The state by the first rule that fits; None when none does, as when a point that it asks for has no value."""
    for rule in rules:
        if any(values.get(name) is None for name in rule.when):
            return None
        if fits(rule.when, values):
            return rule.vehicle
    return None


def fits(condition: Condition, values: Mapping[str, Value | None]) -> bool:
    """Whether all points show one of the values asked for; a text fits when it begins so, whatever its case."""
    return all(
        any(_same(values.get(name), one) for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
        for name, wanted in condition.items()
    )


def _same(value: Value | None, wanted: int | str) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and value.upper().startswith(wanted.upper())
    return value is not None and value == wanted


def _placed(key: MeterKey, order: str) -> MeterKey | None:
    """A reading of L1, L2 or L3 as one of the site's phases; None: the device has fewer phases than its map."""
    quantity, phase = key
    if phase is None or not order:
        return key
    at = list(Phase).index(phase)
    return (quantity, Phase(order[at])) if at < len(order) else None
