"""How often a device may be written: so many writes a minute, and so many a day for each point that wears its memory. Pure.

What tightens is never held back by it, only counted.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from grid_functions.model.device import Capability, Nameplate
from grid_functions.model.instants import Instants

VERSION: Final = 1

_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Budget:
    """``recent_s``: monotonic seconds of the last minute's writes, in order. ``spent``: by point, on ``day`` (UTC days since 1970)."""

    recent_s: tuple[float, ...] = ()
    day: int = 0
    spent: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def refusal(self, points: Iterable[str], of: Capability, now: Instants) -> str:
        """Why these points may not be written now, in words; empty when they may."""
        if len(self._since(now)) >= of.writes_per_minute:
            return f"it takes {of.writes_per_minute:g} writes a minute, which are used up"
        if of.writes_per_day is None or self.day != _day(now):
            return ""
        worn = sorted(name for name in set(points) & of.wearing if self.spent.get(name, 0) >= of.writes_per_day)
        return f"{', '.join(worn)}: its {of.writes_per_day:g} writes of the day are used up" if worn else ""

    def after(self, points: Iterable[str], of: Capability, now: Instants) -> "Budget":
        """Once these points were written."""
        recent = (*self._since(now), now.mono_s)
        worn = set(points) & of.wearing if of.wearing else ()
        if not worn:
            return Budget(recent, self.day, self.spent)
        before = self.spent if self.day == _day(now) else {}
        spent = {**before, **{name: before.get(name, 0) + 1 for name in worn}}
        return Budget(recent, _day(now), MappingProxyType(spent))

    def _since(self, now: Instants) -> tuple[float, ...]:
        """The writes of the last minute."""
        return self.recent_s[bisect_right(self.recent_s, now.mono_s - _MINUTE_S) :]


def budget_key(driver: str, plate: Nameplate) -> str:
    """Where the day's count of this very device is kept."""
    return f"driver/{driver}/writes/{plate.maker}/{plate.model}/{plate.serial}"


def encode_budget(budget: Budget) -> tuple[int, bytes]:
    """The version and bytes to keep: the day's count alone, a minute is soon over."""
    return VERSION, json.dumps({"day": budget.day, "spent": dict(budget.spent)}, sort_keys=True).encode()


def resumed(budget: Budget, kept: tuple[int, bytes] | None) -> Budget:
    """With the day's count that was kept, where none was made since."""
    return budget if kept is None or budget.spent else decode_budget(*kept)


def decode_budget(version: int, body: bytes) -> Budget:
    """What was kept; a count that cannot be read begins anew."""
    try:
        plain = json.loads(body)
        if version != VERSION:
            return Budget()
        spent = {str(name): int(count) for name, count in plain["spent"].items()}
        return Budget(day=int(plain["day"]), spent=MappingProxyType(spent))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Budget()


def _day(now: Instants) -> int:
    return int(now.utc_s // _DAY_S)
