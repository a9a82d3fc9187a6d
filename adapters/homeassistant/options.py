"""What the configuration may say about one device behind Home Assistant; pure."""

from dataclasses import dataclass, fields
from typing import Any, Final

from adapters.homeassistant.address import ENTITY
from adapters.ranges import check_ranges
from grid_functions.model.reading import MeterKey
from grid_functions.model.units import Phase, Quantity


@dataclass(frozen=True, slots=True)
class HomeOptions:
    """Entities beside the one in the address. ``switch`` turns the device on and off; the others are its sensors.

    ``power``: positive = consume, or with ``invert`` the other way round. ``every_s``: how often Home Assistant renews these sensors at
    the latest: a value that does not change was true that long before the server last answered. ``phases``: how many a charger
    uses; ``maximum_a``, ``minimum_a``: per phase. ``rated_w``: what the device can do at most, which Home Assistant does not tell.
    """

    switch: str = ""
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
    invert: bool = False
    every_s: float = 10.0
    phases: int = 1
    maximum_a: float = 16.0
    minimum_a: float = 6.0
    rated_w: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            said: Any = getattr(self, one.name)
            if isinstance(one.default, str) and said and (not isinstance(said, str) or ENTITY.fullmatch(said) is None):
                raise ValueError(f"{one.name}: {said!r} is no entity such as sensor.{one.name}")
        if self.switch and self.switch.partition(".")[0] not in SWITCHES:
            raise ValueError(f"switch: {self.switch!r} is none of {', '.join(sorted(SWITCHES))}")
        if not isinstance(self.invert, bool):
            raise ValueError(f"invert: {self.invert!r} is neither true nor false")
        check_ranges(self, _RANGES)
        if self.maximum_a < self.minimum_a:
            raise ValueError(f"maximum_a: {self.maximum_a:g} lies below minimum_a, {self.minimum_a:g}")

    @property
    def sensors(self) -> dict[str, MeterKey]:
        """What each of its sensors measures."""
        return {getattr(self, name): key for name, key in _MEASURED.items() if getattr(self, name)}

    @property
    def entities(self) -> frozenset[str]:
        """Every entity that is named."""
        return frozenset(self.sensors) | ({self.switch} if self.switch else set())


SWITCHES: Final = frozenset({"switch", "input_boolean"})
_MEASURED: Final[dict[str, MeterKey]] = {
    "power": (Quantity.NET, None),
    "energy": (Quantity.ENERGY_CONSUMED, None),
    "energy_produced": (Quantity.ENERGY_PRODUCED, None),
    "temperature": (Quantity.TEMPERATURE, None),
    "state_of_charge": (Quantity.STATE_OF_CHARGE, None),
    "frequency": (Quantity.FREQUENCY, None),
    **{f"voltage_{phase.value}": (Quantity.VOLTAGE, phase) for phase in Phase},
    **{f"current_{phase.value}": (Quantity.CURRENT, phase) for phase in Phase},
}
_RANGES: Final = (
    ("every_s", 0, 3600, False),
    ("phases", 1, 3, True),
    ("maximum_a", 1, 500, False),
    ("minimum_a", 1, 32, False),
    ("rated_w", 0, 1e9, False),
)
