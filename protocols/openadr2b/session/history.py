"""The minutes behind HISTORY reports, as they are remembered over a restart: three days in hours; a minute writes its hour alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from protocols.openadr2b.session.exchange import Remember
from protocols.openadr2b.session.stock import MINUTE_S, MOST_MINUTES, Stock
from protocols.openadr2b.translate.reports import Minute, Series

VERSION = 1

_HOUR_S = 3600
_HOURS = MOST_MINUTES * MINUTE_S // _HOUR_S
"""As many as are kept in mind: an hour takes the place of the one that leaves."""


def key_of(respondent: str, hour: int) -> str:
    """Under which one of the hours is remembered."""
    return f"minutes of {respondent} {hour:02}"


def keys(respondents: Iterable[str]) -> Iterator[str]:
    """All of them."""
    for respondent in respondents:
        yield from (key_of(respondent, hour) for hour in range(_HOURS))


def changed(before: Stock, after: Stock) -> Iterator[Remember]:
    """What to remember anew: the hours in which a minute came or changed. What merely became too old is left to be written over."""
    for respondent, series in after.series.items():
        known = before.series.get(respondent, Series()).minutes
        if series.minutes is known:
            continue
        moved = {_hour(start) for start, minute in series.minutes.items() if known.get(start) != minute}
        for hour in sorted(moved):
            kept = {start: minute for start, minute in series.minutes.items() if _hour(start) == hour}
            yield Remember(key_of(respondent, hour), VERSION, partial(_saved, kept))


def loaded(respondents: Iterable[str], memory: Mapping[str, tuple[int, bytes]]) -> dict[str, Series]:
    """The newest three days of earlier runs; an hour that cannot be read is left out.

    Interpretation: our own clock may be wrong when we begin, so age is judged among the minutes and not by it.
    """
    found = {}
    for respondent in respondents:
        minutes: dict[int, Minute] = {}
        for hour in range(_HOURS):
            version, body = memory.get(key_of(respondent, hour), (0, b""))
            if version == VERSION:
                minutes |= _read(body)
        if minutes:
            found[respondent] = Series({start: minutes[start] for start in sorted(minutes)[-MOST_MINUTES:]})
    return found


def _hour(start: int) -> int:
    return start // _HOUR_S % _HOURS


def _saved(minutes: Mapping[int, Minute]) -> bytes:
    plain = {start: [round(one.power_w, 3), round(one.coverage, 4)] for start, one in minutes.items()}
    return json.dumps(plain, separators=(",", ":")).encode()


def _read(body: bytes) -> dict[int, Minute]:
    try:
        return {int(start): Minute(float(power), float(share)) for start, (power, share) in json.loads(body).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
