"""What the configuration may say about a device that is a table of registers."""

from dataclasses import dataclass
from typing import Any, Final, Literal

ORDERS: Final = frozenset({"abc", "acb", "bac", "bca", "cab", "cba", "a", "b", "c"})
"""How the phases of a site may lie on a device, and the one phase that it may be on."""


@dataclass(frozen=True, slots=True)
class RegisterOptions:
    """What is not said is as the profile has it.

    ``positive``: the direction of power that a meter as installed counts positive, import or export. ``phases``: the site's phases
    on the device's L1, L2, L3, such as ``bca``; one letter for a device on one phase. ``connector``: which of a charger's, from
    1. ``maximum_a``, ``fallback_a`` (0 = pause), ``timeout_s``: of a charger, per phase. ``fallback_seen``: that `osed test` has shown
    this charger to fall back as it should. ``rated_w`` and the like: what the device does not tell of itself.
    """

    positive: Literal["", "import", "export"] = ""
    phases: str = ""
    connector: int = 1
    maximum_a: float | None = None
    fallback_a: float | None = None
    timeout_s: float | None = None
    fallback_seen: bool = False
    rated_w: float | None = None
    rated_charge_w: float | None = None
    rated_discharge_w: float | None = None
    capacity_wh: float | None = None

    def __post_init__(self) -> None:
        if self.positive not in ("", "import", "export"):
            raise ValueError(f"positive: {self.positive!r} is neither import nor export")
        if self.phases and self.phases not in ORDERS:
            raise ValueError(f"phases: {self.phases!r} is no order of a, b and c, and not one of them")
        if type(self.connector) is not int or not 1 <= self.connector <= 64:
            raise ValueError(f"connector: {self.connector!r} is no whole number from 1 to 64")
        if self.fallback_seen not in (True, False):
            raise ValueError(f"fallback_seen: {self.fallback_seen!r} is neither true nor false")
        for name, low, high in _RANGES:
            said: Any = getattr(self, name)
            if said is None:
                continue
            if isinstance(said, bool) or not isinstance(said, int | float) or not low <= said <= high:
                raise ValueError(f"{name}: {said!r} is no number from {low:g} to {high:g}")


_RANGES: Final = (
    ("maximum_a", 1, 500),
    ("fallback_a", 0, 500),
    ("timeout_s", 2, 86400),
    ("rated_w", 1, 1e8),
    ("rated_charge_w", 1, 1e8),
    ("rated_discharge_w", 1, 1e8),
    ("capacity_wh", 1, 1e9),
)
