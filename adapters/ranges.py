"""Numbers of a family's options, which must lie in their ranges; pure."""

import math
from collections.abc import Iterable
from typing import Any

Range = tuple[str, float, float, bool]
"""Field, least, most, and whether it is a whole number."""


def check_ranges(options: object, ranges: Iterable[Range]) -> None:
    """Raises ValueError for the first that does not, or is no number."""
    for name, low, high, whole in ranges:
        said: Any = getattr(options, name)
        number = isinstance(said, int if whole else int | float) and not isinstance(said, bool)
        if not number or not math.isfinite(said) or not low <= said <= high:
            raise ValueError(f"{name}: {said!r} is no {'whole ' if whole else ''}number from {low:g} to {high:g}")
