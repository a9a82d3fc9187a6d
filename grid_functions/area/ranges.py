"""What a function's options may be: every value outside its range is told, all at once."""

from collections.abc import Iterable, Mapping

from grid_functions.model.errors import ConfigurationFault

DEAREST = 1e4
"""A price, currency per kWh, is no further from nothing."""

Ranges = Mapping[str, tuple[float, float, float]]
"""By option: its value, the least and the most it may be."""


def check(function: str, ranges: Ranges, more: Iterable[str] = ()) -> None:
    """Raises ConfigurationFault with every option outside its range (what is no number is), and with what else is wrong."""
    mistakes = [
        f"{function}.{name} is {value}: choose {least:g} to {most:g}"
        for name, (value, least, most) in ranges.items()
        if not least <= value <= most
    ]
    mistakes += more
    if mistakes:
        raise ConfigurationFault(tuple(mistakes))


def currency_fault(function: str, currency: str) -> tuple[str, ...]:
    """What is wrong with a currency: ISO 4217, or none."""
    good = not currency or (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper())
    return () if good else (f"{function}.currency is {currency!r}: three capital letters, or nothing",)


def outside(name: str, value: float, least: float, most: float) -> str:
    """What is wrong with a value of an order; empty = nothing."""
    return "" if least <= value <= most else f"{name} is {value:g}: choose {least:g} to {most:g}"


def length_fault(duration_s: float) -> str:
    """An order lasts a minute to a day."""
    return outside("duration_s", duration_s, 60.0, 86_400.0)


def ahead_fault(start_utc_s: float, utc_s: float) -> str:
    """An order begins now (0) or within a week."""
    good = not start_utc_s or utc_s <= start_utc_s <= utc_s + 7 * 86_400.0
    return "" if good else "start_utc_s must lie within a week from now"
