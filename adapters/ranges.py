"""What numbers can be: those of a family's options, and those that a device measures; pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from grid_functions.model.units import Quantity

Range = tuple[str, float, float, bool]
"""Field, least, most, and whether it is a whole number."""


POSSIBLE: Final[Mapping[Quantity, tuple[float, float]]] = {
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
    Quantity.TEMPERATURE: (-60.0, 150.0),
}
"""What no device of a site can pass: beyond it the answer is not believed."""


def check_ranges(options: object, ranges: Iterable[Range]) -> None:
    """Raises ValueError for the first that does not, or is no number."""
    for name, low, high, whole in ranges:
        said: Any = getattr(options, name)
        number = isinstance(said, int if whole else int | float) and not isinstance(said, bool)
        if not number or not math.isfinite(said) or not low <= said <= high:
            raise ValueError(f"{name}: {said!r} is no {'whole ' if whole else ''}number from {low:g} to {high:g}")
