"""What the configuration may say about a heater; pure."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.heaters.profile import HeaterProfile
from adapters.ranges import check_ranges


@dataclass(frozen=True, slots=True)
class HeaterOptions:
    """``least_c``, ``most_c``: degrees Celsius it may be set to, where that is less than the device takes; None = as its profile says.
    ``rated_w``: its most power, W, which it does not tell; 0 = as its profile says.
    """

    least_c: float | None = None
    most_c: float | None = None
    rated_w: float = 0.0

    def __post_init__(self) -> None:
        said = [name for name in ("least_c", "most_c") if getattr(self, name) is not None]
        check_ranges(self, [*((name, -60, 150, False) for name in said), ("rated_w", 0, 1e8, False)])

    @property
    def minimum_a(self) -> float:
        """No charger."""
        return 0.0

    @property
    def maximum_a(self) -> float:
        """No charger."""
        return 0.0

    @property
    def phases(self) -> int:
        """No charger."""
        return 1

    def span(self, profile: HeaterProfile) -> tuple[float, float]:
        """Least and most degrees Celsius. Raises ValueError where nothing is left, or more is asked for than the device takes."""
        heat = profile.knobs.temperature
        least_c = heat.least_c if self.least_c is None else self.least_c
        most_c = heat.most_c if self.most_c is None else self.most_c
        if not heat.least_c <= least_c < most_c <= heat.most_c:
            raise ValueError(
                f"least_c, most_c: {least_c:g} to {most_c:g} is no part of {heat.least_c:g} to {heat.most_c:g} degrees"
            )
        return least_c, most_c


def made_for(profile: Callable[[], HeaterProfile]) -> Callable[..., HeaterOptions]:
    """What makes the options of a kind of heater: raises TypeError or ValueError for those it does not take."""

    def make(**said: float) -> HeaterOptions:
        options = HeaterOptions(**said)
        options.span(profile())
        return options

    return make
