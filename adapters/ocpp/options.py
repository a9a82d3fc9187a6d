"""What the configuration may say about one connector of a station; pure."""

from dataclasses import dataclass
from typing import Final

from adapters.ocpp.facts import Purpose
from adapters.ranges import check_ranges
from adapters.registers.options import ORDERS


@dataclass(frozen=True, slots=True)
class OcppOptions:
    """``maximum_a``: rating or fuse per phase, which OCPP does not tell; ``phases``: the site's phases on L1, L2, L3, such as ``bca``,
    or one.

    ``fallback_a``: per phase, what the station limits itself to when it has not heard from us for ``timeout_s`` (0 = pause).
    ``purpose``: tx_default limits the connector; station_max the whole station, for those that apply the other to the next
    charging only. ``stack_level``: of our profile, among others that somebody may have set. ``sample_s``: between meter values;
    0 = as the station is set. ``resolution_a``: steps in which it obeys.
    """

    maximum_a: float = 32.0
    minimum_a: float = 6.0
    resolution_a: float = 1.0
    phases: str = "abc"
    fallback_a: float = 6.0
    timeout_s: float = 300.0
    purpose: str = "tx_default"
    stack_level: int = 0
    sample_s: int = 10

    def __post_init__(self) -> None:
        if self.phases not in ORDERS:
            raise ValueError(f"phases: {self.phases!r} is no order of a, b and c, and not one of them")
        if self.purpose not in list(Purpose):
            raise ValueError(f"purpose: {self.purpose!r} is none of {', '.join(Purpose)}")
        check_ranges(self, _RANGES)
        if self.maximum_a < self.minimum_a:
            raise ValueError(f"maximum_a: {self.maximum_a:g} lies below minimum_a, {self.minimum_a:g}")
        if 0 < self.fallback_a < self.minimum_a or self.fallback_a > self.maximum_a:
            raise ValueError(f"fallback_a: {self.fallback_a:g} is neither 0 nor between minimum_a and maximum_a")


_RANGES: Final = (
    ("maximum_a", 1, 500, False),
    ("minimum_a", 1, 32, False),
    ("resolution_a", 0.1, 16, False),
    ("fallback_a", 0, 500, False),
    ("timeout_s", 30, 86400, False),
    ("stack_level", 0, 1000, True),
    ("sample_s", 0, 3600, True),
)
