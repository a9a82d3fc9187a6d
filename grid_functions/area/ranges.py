"""What a function's options may be: every value outside its range is told, all at once."""

from collections.abc import Iterable, Mapping

from grid_functions.model.errors import ConfigurationFault

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
