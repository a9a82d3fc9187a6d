"""Gives an area's members a tariff: the prices of the days to come, leased as a series."""

import math
from dataclasses import dataclass, field

from grid_functions.area.ranges import DEAREST, check, currency_fault
from grid_functions.area.tariffs import Flat, Shift, Tariff, TimeOfUse, prices, series_of
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant

NAME = "tariff"
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class TariffSignalOptions:
    """``kind`` chooses which of the three holds; ``utc_offset_s``: local time at the area, -14 to 14 h; ``hours`` told ahead, 1 to 168.

    Prices lie within 1e4 of nothing; the factor of ``shift`` is 1 to 100.
    """

    kind: str = "flat"
    flat: Flat = field(default_factory=Flat)
    time_of_use: TimeOfUse = field(default_factory=TimeOfUse)
    shift: Shift = field(default_factory=Shift)
    currency: str = ""
    utc_offset_s: float = 0.0
    hours: int = 36

    def __post_init__(self) -> None:
        prices = {
            "flat.price": self.flat.price,
            "time_of_use.off_peak": self.time_of_use.off_peak,
            "time_of_use.on_peak": self.time_of_use.on_peak,
            "shift.price": self.shift.price,
        }
        ranges = {
            "shift.factor": (self.shift.factor, 1.0, 100.0),
            "utc_offset_s": (self.utc_offset_s, -50_400.0, 50_400.0),
            "hours": (self.hours, 1, 168),
        }
        kinds = ("flat", "time_of_use", "shift")
        more = [] if self.kind in kinds else [f"{NAME}.kind is {self.kind!r}: choose flat, time_of_use or shift"]
        more += currency_fault(NAME, self.currency)
        check(NAME, {name: (price, -DEAREST, DEAREST) for name, price in prices.items()} | ranges, more)

    @property
    def chosen(self) -> Tariff:
        """The tariff of that kind."""
        kinds: dict[str, Tariff] = {"flat": self.flat, "time_of_use": self.time_of_use, "shift": self.shift}
        return kinds[self.kind]


@dataclass(frozen=True, slots=True)
class TariffSignalState:
    """``told_utc_s``: from which hour on the series that stands was told."""

    told_utc_s: float = -math.inf
    members: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class TariffSignal:
    """Tells each hour anew, so that what is ahead never grows short."""

    options: TariffSignalOptions = field(default_factory=TariffSignalOptions)

    def empty(self) -> TariffSignalState:
        """The state at birth."""
        return TariffSignalState()

    def step(self, state: TariffSignalState, inputs: AreaInputs, now: Instants) -> Step[TariffSignalState]:
        """A grant for every member at each hour, and for one that is new at once."""
        hour_s = math.floor(now.utc_s / _HOUR_S) * _HOUR_S
        outputs: list[Output] = [WakeAt(Moment(OWN, hour_s + _HOUR_S))]
        if hour_s == state.told_utc_s and inputs.enrolled == state.members:
            return Step(state, tuple(outputs))
        steps = self.options.hours * 6
        told = prices(self.options.chosen, hour_s, 600.0, steps, self.options.utc_offset_s)
        series = series_of(told, 600.0, currency=self.options.currency)
        outputs += [Grant(member, "prices", (), hour_s, series) for member in inputs.enrolled]
        return Step(TariffSignalState(hour_s, inputs.enrolled), tuple(outputs))
