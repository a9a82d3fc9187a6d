"""Time as data: every step is handed its instants, nothing below the roof reads a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OWN = ""
"""The name of our own UTC clock in a :class:`Moment`."""


class ClockQuality(StrEnum):
    """How far a clock may be trusted. Unsynchronised is a state, not an error."""

    SYNCHRONISED = "synchronised"
    SLEWING = "slewing"
    SAVED = "saved"  # the offset of an earlier run, not yet confirmed in this one
    UNSYNCHRONISED = "unsynchronised"


@dataclass(frozen=True, slots=True)
class UpstreamTime:
    """An upstream's present time, seconds since 1970-01-01 UTC on that upstream's clock."""

    now_s: float
    quality: ClockQuality


@dataclass(frozen=True, slots=True)
class Instants:
    """One look at all clocks.

    ``mono_s`` measures only spans that begin and end in one run; ``utc_s`` stamps what is durable; ``upstream`` holds the
    present time of each upstream by its name.
    """

    mono_s: float
    utc_s: float
    upstream: Mapping[str, UpstreamTime] = field(default_factory=dict)

    def on(self, clock: str) -> float:
        """Seconds since 1970 on the named clock; an upstream never heard is taken to agree with our own UTC."""
        told = self.upstream.get(clock)
        return self.utc_s if told is None else told.now_s


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A point on one clock: :data:`OWN` (UTC) or an upstream's, by name. Orders within one clock."""

    clock: str
    at_s: float

    def due(self, now: Instants) -> bool:
        """Whether this moment has come."""
        return now.on(self.clock) >= self.at_s

    def in_s(self, now: Instants) -> float:
        """Seconds from now; negative once it has passed."""
        return self.at_s - now.on(self.clock)
