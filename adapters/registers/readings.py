"""Values of a map -> readings in the house's signs, and the state of the vehicle; pure."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from adapters.ranges import POSSIBLE
from adapters.registers.map import Condition, Measure, meter_key
from adapters.registers.points import Value
from adapters.registers.profile import Rule
from adapters.registers.spans import Values
from grid_functions.model.device import Vehicle
from grid_functions.model.instants import Instants
from grid_functions.model.making import maker_of
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity, turned

SIGNED: Final = frozenset({Quantity.NET, Quantity.REACTIVE})
_reading: Final = maker_of(Reading)


class Gauge:
    """Which point measures what, as the profile and the installer say. ``phases``, ``positive``: as the options have them."""

    def __init__(self, measures: Mapping[str, Measure], phases: str = "", positive: str = "") -> None:
        self._measures: list[tuple[MeterKey, tuple[str, ...], float, float, bool, bool]] = []
        self._last: tuple[Values, list[tuple[MeterKey, float, Quality]]] | None = None
        for word, measure in measures.items():
            key = meter_key(word)
            if key is None or (placed := _placed(key, phases)) is None:
                continue
            turn = key[0] in SIGNED and measure.turn != (positive == "export")
            low, high = POSSIBLE[key[0]]
            self._measures.append((placed, measure.points, low, high, turn, key[0] is Quantity.CURRENT))

    def readings(self, values: Values, now: Instants) -> dict[MeterKey, Reading]:
        """What was measured; what the device gives no value for is MISSING, what cannot be is SUSPECT, and neither is a number."""
        mono_s, utc_s, last = now.mono_s, now.utc_s, self._last
        if last is None or last[0] is not values:
            last = self._last = values, list(self._judged(values))
        return {key: _reading(value, quality, mono_s, utc_s) for key, value, quality in last[1]}

    def _judged(self, values: Values) -> Iterator[tuple[MeterKey, float, Quality]]:
        for key, points, low, high, turn, magnitude in self._measures:
            value = values.get(points[0]) if len(points) == 1 else _sum(values, points)
            if value is None or isinstance(value, str):
                yield key, math.nan, Quality.MISSING
            elif not low <= value <= high:
                yield key, math.nan, Quality.SUSPECT
            else:
                value = turned(value) if turn else (abs(value) if magnitude else value)
                yield key, float(value), Quality.GOOD


def _sum(values: Values, points: tuple[str, ...]) -> float | None:
    total = 0.0
    for name in points:
        value = values.get(name)
        if value is None or isinstance(value, str):
            return None
        total += value
    return total


class Pilot:
    """The state of the vehicle, by the rules of a profile."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = tuple((rule.vehicle, rule.when) for rule in rules)

    def state(self, values: Values) -> Vehicle | None:
        """By the first rule that fits; None when none does, as when a point that it asks for has no value."""
        for state, when in self._rules:
            for name, wanted in when.items():
                value = values.get(name)
                if value is None:
                    return None
                if not _met(value, wanted):
                    break
            else:
                return state
        return None


def fits(condition: Condition, values: Mapping[str, Value | None]) -> bool:
    """Whether all points show one of the values asked for; a text fits when it begins so, whatever its case."""
    return all(_met(values.get(name), wanted) for name, wanted in condition.items())


def _met(value: Value | None, wanted: int | str | tuple[int | str, ...]) -> bool:
    if isinstance(value, str):
        choices = wanted if isinstance(wanted, tuple) else (wanted,)
        return any(isinstance(one, str) and value.upper().startswith(one.upper()) for one in choices)
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _placed(key: MeterKey, order: str) -> MeterKey | None:
    """A reading of L1, L2 or L3 as one of the site's phases; None: the device has fewer phases than its map."""
    quantity, phase = key
    if phase is None or not order:
        return key
    at = list(Phase).index(phase)
    return (quantity, Phase(order[at])) if at < len(order) else None
