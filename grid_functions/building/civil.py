"""Local time at a home: by the rules of a time zone, so that a day may have 23 or 25 hours, or at a fixed offset."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Civil:
    """``zone``: a name of IANA's time zone database (America/Toronto); empty = ``offset_s`` east of UTC, all year."""

    zone: str = ""
    offset_s: float = 0.0

    @property
    def known(self) -> bool:
        """Whether there is such a zone."""
        return not self.zone or _zone(self.zone) is not None

    def at(self, utc_s: float) -> tuple[int, float]:
        """Day of the week (0 = Monday) and the clock's seconds since midnight."""
        zone = _zone(self.zone) if self.zone else None
        if zone is None:
            days, second = divmod(utc_s + self.offset_s, DAY_S)
            return int(days + 3) % 7, second  # 1970-01-01 was a Thursday
        shown = datetime.fromtimestamp(utc_s, UTC).astimezone(zone)
        second = shown.hour * 3600.0 + shown.minute * 60.0 + shown.second + shown.microsecond / 1e6
        return shown.weekday(), second


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
