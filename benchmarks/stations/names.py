"""How the stations are called, and what they show to be let in."""

from typing import Final

PASSWORD: Final = b"benchmark password"


def station(number: int) -> str:
    """Of the station with this number."""
    return f"CP-{number}"
