"""A car behind a charger: it asks for current until it is full, less and less towards the end. Pure."""

from dataclasses import dataclass, replace

LEAST_A = 6.0
"""Below it a control pilot offers nothing (IEC 61851-1, 10 % duty)."""


@dataclass(frozen=True, slots=True)
class Car:
    """``most_a`` per phase on so many ``phases``; ``stored_wh`` of ``capacity_wh``; beyond ``taper_from`` (a share) it asks for less.

    ``asleep``: it is plugged in and asks for nothing, whatever it is offered. ``efficiency``: the share of what flows that is stored, 0..1.
    """

    most_a: float = 16.0
    phases: int = 3
    stored_wh: float = 20_000.0
    capacity_wh: float = 60_000.0
    taper_from: float = 0.8
    asleep: bool = False
    efficiency: float = 1.0

    @property
    def full(self) -> bool:
        """Whether nothing more goes in."""
        return self.stored_wh >= self.capacity_wh

    def asks_a(self) -> float:
        """The current it would take now, A per phase."""
        if self.full or self.asleep:
            return 0.0
        share = self.stored_wh / self.capacity_wh
        if share <= self.taper_from:
            return self.most_a
        return max(LEAST_A, self.most_a * (1 - share) / (1 - self.taper_from))

    def draws_a(self, offered_a: float) -> float:
        """The current it takes of what is offered; nothing of less than the least."""
        return min(offered_a, self.asks_a()) if offered_a >= LEAST_A else 0.0

    def charged(self, energy_wh: float) -> "Car":
        """After so much energy; never fuller than full."""
        return replace(self, stored_wh=min(self.capacity_wh, self.stored_wh + self.efficiency * energy_wh))
