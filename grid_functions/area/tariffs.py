"""Tariffs as series: what energy costs at each step of a horizon. The clock is local time at the area, given as an offset to UTC.

OSED's own names are kept: flat, time of use, shift. Of shift OSED's documentation leaves open what increase and reduction mean; here they
are of **consumption**: in the window of increase energy is cheap, in the window of reduction it is dear.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grid_functions.model.control import Control
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Interval
from grid_functions.model.tariff import Price, Priced, PriceKind

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """From ``from_s`` up to, not including, ``to_s``, seconds after local midnight; over midnight where ``to_s`` is the smaller."""

    from_s: float
    to_s: float

    def __post_init__(self) -> None:
        if not (0 <= self.from_s < _DAY_S and 0 <= self.to_s <= _DAY_S and self.from_s != self.to_s):
            raise ConfigurationFault((f"a window from {self.from_s:g} to {self.to_s:g} s is none: give 0 to 86400",))

    def holds(self, second: float) -> bool:
        """Whether a second of the day lies inside."""
        if self.from_s < self.to_s:
            return self.from_s <= second < self.to_s
        return second >= self.from_s or second < self.to_s


@dataclass(frozen=True, slots=True)
class Flat:
    """One price, currency per kWh."""

    price: float = 0.08

    def at(self, second: float) -> float:
        """The price at a second of the day."""
        return self.price


@dataclass(frozen=True, slots=True)
class TimeOfUse:
    """Dear inside the window, cheap outside."""

    off_peak: float = 0.05
    on_peak: float = 0.25
    window: Window = Window(16 * 3600.0, 21 * 3600.0)

    def at(self, second: float) -> float:
        """The price at a second of the day."""
        return self.on_peak if self.window.holds(second) else self.off_peak


@dataclass(frozen=True, slots=True)
class Shift:
    """Half the price where more consumption is wanted, twice the price where less is."""

    price: float = 0.08
    increase: Window = Window(10 * 3600.0, 15 * 3600.0)
    reduction: Window = Window(16 * 3600.0, 21 * 3600.0)
    factor: float = 2.0

    def at(self, second: float) -> float:
        """The price at a second of the day; where both windows hold, less consumption is wanted."""
        if self.reduction.holds(second):
            return self.price * self.factor
        return self.price / self.factor if self.increase.holds(second) else self.price


@dataclass(frozen=True, slots=True)
class Series:
    """Any prices, by step from ``start_utc_s``; the last one holds on."""

    start_utc_s: float
    step_s: float
    prices: tuple[float, ...]


Tariff = Flat | TimeOfUse | Shift | Series


def prices(
    tariff: Tariff, start_utc_s: float, step_s: float, steps: int, utc_offset_s: float = 0.0
) -> tuple[float, ...]:
    """The price at the beginning of each step, currency per kWh."""
    told = []
    for k in range(steps):
        at_s = start_utc_s + k * step_s
        if isinstance(tariff, Series):
            told.append(
                tariff.prices[min(max(int((at_s - tariff.start_utc_s) // tariff.step_s), 0), len(tariff.prices) - 1)]
            )
        else:
            told.append(tariff.at((at_s + utc_offset_s) % _DAY_S))
    return tuple(told)


def series_of(
    values: Sequence[float], step_s: float, of: Priced = Priced.IMPORT, currency: str = ""
) -> tuple[Interval, ...]:
    """Prices as the series of a lease; equal neighbours are one interval."""
    told: list[Interval] = []
    for k, value in enumerate(values):
        control: Control = Price(of, PriceKind.ABSOLUTE, value, currency)
        last = told[-1] if told else None
        if last is not None and last.duration_s is not None and last.controls == (control,):
            told[-1] = Interval(last.offset_s, last.duration_s + step_s, last.controls)
        else:
            told.append(Interval(k * step_s, step_s, (control,)))
    return tuple(told)
