"""The averages not yet told, as they are remembered over a restart: a day in hours, so that a new minute writes its hour alone."""

import json
from collections.abc import Iterator, Mapping

from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Phase, Quantity
from protocols.ieee2030_5.session.exchange import Remember

VERSION = 1

_HOUR_S = 3600
_HOURS = 24
_DAY_S = _HOURS * _HOUR_S

Minutes = Mapping[int, tuple[Average, ...]]
"""Averages by the minute's start in server time."""


def key_of(part: Metered, hour: int) -> str:
    """Under which an hour of the day is remembered."""
    return f"averages of the {part} {hour:02}"


KEYS = tuple(key_of(part, hour) for part in Metered for hour in range(_HOURS))


def changed(part: Metered, before: Minutes, after: Minutes) -> Iterator[Remember]:
    """What to remember anew: the hours in which a minute came, changed or was told."""
    moved = {start for start in before.keys() | after.keys() if before.get(start) != after.get(start)}
    for hour in sorted({_hour(start) for start in moved}):
        kept = {start: minute for start, minute in after.items() if _hour(start) == hour}
        yield Remember(key_of(part, hour), VERSION, _saved(kept))


def loaded(part: Metered, memory: Mapping[str, tuple[int, bytes]], server_s: float) -> Minutes:
    """What earlier runs did not get rid of, of the last day; an hour that cannot be read is left out."""
    found: dict[int, tuple[Average, ...]] = {}
    for hour in range(_HOURS):
        version, body = memory.get(key_of(part, hour), (0, b""))
        if version == VERSION:
            found |= _read(part, body)
    return {start: found[start] for start in sorted(found) if abs(server_s - start) <= _DAY_S}


def _hour(start: int) -> int:
    return start // _HOUR_S % _HOURS


def _saved(minutes: Minutes) -> bytes:
    plain = {
        start: [[one.quantity, one.phase, one.start_s, one.duration_s, one.value, one.coverage] for one in minute]
        for start, minute in minutes.items()
    }
    return json.dumps(plain, separators=(",", ":")).encode()


def _read(part: Metered, body: bytes) -> dict[int, tuple[Average, ...]]:
    try:
        return {
            int(start): tuple(
                Average(
                    Quantity(quantity),
                    None if phase is None else Phase(phase),
                    float(start_s),
                    float(duration_s),
                    float(value),
                    float(coverage),
                    part,
                )
                for quantity, phase, start_s, duration_s, value, coverage in minute
            )
            for start, minute in json.loads(body).items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}
