"""Report payload types -> values (Definitions, "report payload enumerations"): a table over the minutes of an interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grid_functions.model.policy import BaselineKind
from protocols.openadr3.report.book import MINUTE_S, Book, Minute, between
from protocols.openadr3.report.look import Look
from protocols.openadr3.timing import Span

Value = float | str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an interval is judged by. ``now_s``: when the report is made; ``whole_site``: the respondent is the connection point, and not
    its ``devices``; ``level``: the SIMPLE level that held in it; ``state``: how the respondent follows the event, as OPERATING_STATE says
    it; ``began_s``: since when it did, UTC, None = it has not begun."""

    book: Book
    span: Span
    now_s: float
    whole_site: bool
    level: int = 0
    state: str = "NORMAL"
    peak: bool = False
    devices: frozenset[str] = frozenset()
    began_s: float | None = None

    @property
    def minutes(self) -> tuple[Minute, ...]:
        """The minutes of the interval."""
        return between(self.book, self.span.start_s, min(self.span.end_s, self.now_s))

    @property
    def hours(self) -> float:
        """The interval's length."""
        return (self.span.end_s - self.span.start_s) / 3600.0

    @property
    def powers_w(self) -> tuple[float, ...]:
        """The mean of each minute that has one."""
        return self.powers_of(self.minutes)

    def powers_of(self, minutes: Iterable[Minute]) -> tuple[float, ...]:
        """The mean of each of these that has one."""
        found = (one.net_w if self.whole_site else one.devices_w for one in minutes)
        return tuple(power for power in found if power is not None)

    @property
    def look(self) -> Look | None:
        """The last look in the interval; the present one for an interval to come or without any."""
        looks = [one.look for one in self.minutes if one.look is not None]
        return looks[-1] if looks else self.book.now


@dataclass(frozen=True, slots=True)
class Row:
    """``units``: the natural ones; ``of``: the value, None = not known; ``adds``: values of several resources add up."""

    units: str
    of: Callable[[Circumstances], Value | None]
    adds: bool = True
    reading: str = "DIRECT_READ"


def _usage(given: Circumstances) -> Value | None:
    powers = given.powers_w
    return sum(powers) / len(powers) * given.hours / 1000.0 if powers else None


def _demand(given: Circumstances) -> Value | None:
    powers = given.powers_w
    if not powers:
        return None
    return (max(powers) if given.peak else sum(powers) / len(powers)) / 1000.0


def _baseline(given: Circumstances) -> Value | None:
    """By the site's own choice, as for its relative signals: the mean of like hours, or the power when the event began."""
    usual = given.book.usual
    if usual is None:
        return None
    if usual.terms.kind is BaselineKind.PRESENT:
        began_s = given.began_s
        before = () if began_s is None else between(given.book, began_s - _ONSET_MINUTES * MINUTE_S, began_s)
        powers = given.powers_of(before)
        mean_w = powers[-1] if powers else None
    else:
        names = frozenset[str]() if given.whole_site else given.devices
        mean_w = usual.mean_w(names, given.span.start_s, given.span.end_s)
    return None if mean_w is None else mean_w * given.hours / 1000.0


def _delta(given: Circumstances) -> Value | None:
    usage, usual = _usage(given), _baseline(given)
    return usage - usual if isinstance(usage, float) and isinstance(usual, float) else None


def _forecast(given: Circumstances) -> Value | None:
    """What like hours took; while none is known, what is taken now."""
    usual = _baseline(given)
    if usual is not None:
        return usual
    net_w = given.book.now.net_w if given.book.now is not None else None
    return None if net_w is None else net_w * given.hours / 1000.0


def _looked(name: str, scale: float = 1e-3) -> Callable[[Circumstances], Value | None]:
    def of(given: Circumstances) -> Value | None:
        found = getattr(given.look, name) if given.look is not None else None
        return None if found is None else float(found) * scale

    return of


def _charge_level(given: Circumstances) -> Value | None:
    look = given.look
    if look is None or look.stored_wh is None or not look.usable_wh:
        return None
    return look.stored_wh / look.usable_wh


def _reading(given: Circumstances) -> Value | None:
    """The meter's counter at the interval's end."""
    look = given.look
    return None if look is None or look.meter_wh is None else look.meter_wh / 1000.0


def _level(given: Circumstances) -> Value | None:
    return float(given.level)


def _operating_state(given: Circumstances) -> Value | None:
    look = given.look
    if look is not None and not look.online:
        return "ERROR"
    return f"{'RUNNING' if look is not None and look.running else 'IDLE'}_{given.state}"


def _quality(given: Circumstances) -> Value | None:
    """OK where the whole interval was measured, ESTIMATED where part of it stands for the rest, MISSING where nothing was."""
    minutes = given.minutes
    due = max(1.0, (min(given.span.end_s, given.now_s) - given.span.start_s) / 60.0)
    seen = sum(one.coverage if given.whole_site else float(one.devices_w is not None) for one in minutes)
    if seen <= 0:
        return "MISSING"
    return "OK" if seen >= 0.95 * due else "ESTIMATED"


TABLE: Final[Mapping[str, Row]] = MappingProxyType(
    {
        "USAGE": Row("KWH", _usage, reading="SUMMED"),
        "DEMAND": Row("KW", _demand, reading="MEAN"),
        "READING": Row("KWH", _reading),
        "SETPOINT": Row("KW", _looked("setpoint_w")),
        "DELTA_USAGE": Row("KWH", _delta, reading="ESTIMATED"),
        "BASELINE": Row("KWH", _baseline, reading="MEAN"),
        "OPERATING_STATE": Row("", _operating_state, adds=False),
        "UP_REGULATION_AVAILABLE": Row("KW", _looked("up_w")),
        "DOWN_REGULATION_AVAILABLE": Row("KW", _looked("down_w")),
        "REGULATION_SETPOINT": Row("KW", _looked("setpoint_w")),
        "STORAGE_USABLE_CAPACITY": Row("KWH", _looked("usable_wh")),
        "STORAGE_CHARGE_LEVEL": Row("PERCENT", _charge_level, adds=False),
        "STORAGE_MAX_DISCHARGE_POWER": Row("KW", _looked("discharge_w")),
        "STORAGE_MAX_CHARGE_POWER": Row("KW", _looked("charge_w")),
        "SIMPLE_LEVEL": Row("", _level, adds=False),
        "USAGE_FORECAST": Row("KWH", _forecast, reading="FORECAST"),
        "STORAGE_DISPATCH_FORECAST": Row("KW", _looked("storage_w"), reading="FORECAST"),
        "LOAD_SHED_DELTA_AVAILABLE": Row("KW", _looked("shed_w")),
        "GENERATION_DELTA_AVAILABLE": Row("KW", _looked("grow_w")),
        "DATA_QUALITY": Row("", _quality, adds=False),
    }
)
"""By payload type. IMPORT_ and EXPORT_RESERVATION_CAPACITY and _FEE are not here: a site asks for no reservation by itself."""

_ONSET_MINUTES: Final = 5
"""The last of these before an event that was measured tells the power when it began."""

_SCALES: Final = {("KWH", "WH"): 1e3, ("KW", "W"): 1e3, ("KWH", "MWH"): 1e-3, ("KW", "MW"): 1e-3}


def value_of(kind: str, given: Circumstances, units: str) -> Value | None:
    """The value in those units; None when it is not known, or the type is not."""
    row = TABLE.get(kind)
    found = None if row is None else row.of(given)
    if row is None or not isinstance(found, float):
        return found
    return round(found * _SCALES.get((row.units, units.upper()), 1.0), 6)


def reading_of(kind: str, book: Book) -> str:
    """The readingType told. A baseline says so which it is: MEAN, of like hours, or DIRECT_READ, of the power when the event began."""
    if kind == "BASELINE" and book.usual is not None and book.usual.terms.kind is BaselineKind.PRESENT:
        return "DIRECT_READ"
    return TABLE[kind].reading


def units_of(kind: str, asked: str) -> str:
    """The units told: those asked for where they can be, else the natural ones."""
    natural = TABLE[kind].units
    return asked.upper() if (natural, asked.upper()) in _SCALES else natural


def together(kind: str, values: Sequence[Value]) -> Value | None:
    """Of several resources as one: their sum; the worst of states and qualities; the mean of shares."""
    if not values:
        return None
    numbers = [one for one in values if isinstance(one, float)]
    if len(numbers) < len(values):
        return next((word for word in _WORST if word in values), values[0])
    total = sum(numbers)
    return total if TABLE[kind].adds else total / len(numbers)


_WORST: Final = ("ERROR", "BAD", "MISSING", "ESTIMATED")
