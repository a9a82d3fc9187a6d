"""What the configuration may say about one device behind EdgeX; pure."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from adapters.edgex.points import Point, SwitchPoint, parse_point, parse_switch
from adapters.knobs.knob import Aspect
from adapters.ranges import check_ranges
from grid_functions.model.reading import MeterKey
from grid_functions.model.units import Phase, Quantity


class OriginClock(StrEnum):
    """By what the age of a reading is told."""

    ORIGIN = "origin"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class EdgexOptions:
    """Its resources, each as ``RESOURCE UNIT`` (see :mod:`.points`): what measures, and what is set.

    ``power``, ``target_power``: positive = consume; a scale below zero turns it. ``every_s``: a value that no event brought is read that
    often; ``stale_s``: older ones are stale, 0 = three times ``every_s``. ``clock``: ``arrival`` for devices whose clock nobody sets.
    ``rated_w``, ``rated_charge_w``, ``rated_discharge_w``: W, 0 = not told; ``maximum_a``, ``minimum_a``: per phase.
    ``step_w``, ``step_a``, ``step_c``: in which it obeys; ``least_c``, ``most_c``: degrees Celsius that may be set.
    """

    power: str = ""
    energy: str = ""
    energy_produced: str = ""
    temperature: str = ""
    state_of_charge: str = ""
    frequency: str = ""
    voltage_a: str = ""
    voltage_b: str = ""
    voltage_c: str = ""
    current_a: str = ""
    current_b: str = ""
    current_c: str = ""
    switch: str = ""
    set_temperature: str = ""
    limit_current: str = ""
    limit_production: str = ""
    limit_consumption: str = ""
    target_power: str = ""
    every_s: float = 10.0
    stale_s: float = 0.0
    clock: str = OriginClock.ORIGIN.value
    phases: int = 1
    maximum_a: float = 16.0
    minimum_a: float = 6.0
    rated_w: float = 0.0
    rated_charge_w: float = 0.0
    rated_discharge_w: float = 0.0
    step_w: float = 1.0
    step_a: float = 1.0
    step_c: float = 0.5
    least_c: float = 5.0
    most_c: float = 35.0

    def __post_init__(self) -> None:
        for one in fields(self):
            if isinstance(one.default, str) and not isinstance(getattr(self, one.name), str):
                raise ValueError(f"{one.name}: {getattr(self, one.name)!r} is no text")
        for name in (*_MEASURED, *_SET, "switch"):
            try:
                self._point(name)
            except ValueError as fault:
                raise ValueError(f"{name}: {fault}") from fault
        if self.clock not in list(OriginClock):
            raise ValueError(f"clock: {self.clock!r} is neither origin nor arrival")
        check_ranges(self, _RANGES)
        if self.maximum_a < self.minimum_a:
            raise ValueError(f"maximum_a: {self.maximum_a:g} lies below minimum_a, {self.minimum_a:g}")
        if self.most_c <= self.least_c:
            raise ValueError(f"most_c: {self.most_c:g} does not lie above least_c, {self.least_c:g}")
        if 0 < self.stale_s < self.every_s:
            raise ValueError(f"stale_s: {self.stale_s:g} lies below every_s, {self.every_s:g}: all would be stale")
        if not self.rated_w and (self.limit_production or self.limit_consumption or self.target_power):
            raise ValueError("rated_w: what is limited or set in watts needs its rating")

    @property
    def sensors(self) -> dict[MeterKey, Point]:
        """Where each quantity is measured."""
        found = {key: self._point(name) for name, (key, _) in _MEASURED.items()}
        return {key: point for key, point in found.items() if isinstance(point, Point)}

    @property
    def knobs(self) -> dict[Aspect, Point | SwitchPoint]:
        """What is set where, limits first, a switch last."""
        found = {aspect: self._point(name) for name, (aspect, _) in _SET.items()}
        found[Aspect.SWITCH] = self._point("switch")
        return {aspect: point for aspect, point in found.items() if point is not None}

    @property
    def old_s(self) -> float:
        """From which age on a reading is stale."""
        return self.stale_s or 3 * self.every_s

    def _point(self, name: str) -> Point | SwitchPoint | None:
        text: str = getattr(self, name)
        if not text:
            return None
        if name == "switch":
            return parse_switch(text)
        if name in _MEASURED:
            (quantity, _), signed = _MEASURED[name]
        else:
            aspect, quantity = _SET[name]
            signed = aspect is Aspect.TARGET
        return parse_point(text, quantity, signed=signed)


_MEASURED: Final[dict[str, tuple[MeterKey, bool]]] = {
    "power": ((Quantity.NET, None), True),
    "energy": ((Quantity.ENERGY_CONSUMED, None), False),
    "energy_produced": ((Quantity.ENERGY_PRODUCED, None), False),
    "temperature": ((Quantity.TEMPERATURE, None), False),
    "state_of_charge": ((Quantity.STATE_OF_CHARGE, None), False),
    "frequency": ((Quantity.FREQUENCY, None), False),
    **{f"voltage_{phase.value}": ((Quantity.VOLTAGE, phase), False) for phase in Phase},
    **{f"current_{phase.value}": ((Quantity.CURRENT, phase), False) for phase in Phase},
}
_SET: Final[dict[str, tuple[Aspect, Quantity]]] = {
    "limit_production": (Aspect.PRODUCE_MAX, Quantity.NET),
    "limit_consumption": (Aspect.CONSUME_MAX, Quantity.NET),
    "limit_current": (Aspect.CURRENT, Quantity.CURRENT),
    "set_temperature": (Aspect.TEMPERATURE, Quantity.TEMPERATURE),
    "target_power": (Aspect.TARGET, Quantity.NET),
}
_RANGES: Final = (
    ("every_s", 1, 3600, False),
    ("stale_s", 0, 86400, False),
    ("phases", 1, 3, True),
    ("maximum_a", 1, 500, False),
    ("minimum_a", 1, 32, False),
    ("rated_w", 0, 1e9, False),
    ("rated_charge_w", 0, 1e9, False),
    ("rated_discharge_w", 0, 1e9, False),
    ("step_w", 1e-3, 1e6, False),
    ("step_a", 1e-3, 16, False),
    ("step_c", 1e-3, 10, False),
    ("least_c", -50, 150, False),
    ("most_c", -50, 150, False),
)
