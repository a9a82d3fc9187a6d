"""What a station's questions are answered by: who may charge, which number a transaction has; pure but for its own memory."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Rules:
    """``tags``: who may charge, None = everybody; ``heartbeat_s``: how often a station shows that it lives."""

    tags: frozenset[str] | None = None
    heartbeat_s: int = 60

    def admits(self, tag: str) -> bool:
        """Interpretation: upper and lower case are the same in both versions (1.6: CiString20Type)."""
        return self.tags is None or tag.upper() in {one.upper() for one in self.tags}

    @property
    def list_version(self) -> int:
        """Of the list as it is: another one has another number; above 0, which means that there is none."""
        return 1 + crc32("\n".join(sorted(self.tags or ())).encode()) % (2**31 - 1)


class Desk:
    """Of one station, for as long as the gateway runs. ``number``: the next transaction's, never the same twice."""

    def __init__(self, rules: Rules, number: Callable[[], int]) -> None:
        self.rules = rules
        self._number = number
        self._known: dict[int, tuple[Hashable, int]] = {}
        self._places: dict[str, int] = {}

    def transaction(self, connector: int, key: Hashable) -> int:
        """The number of a transaction; of one that is told again, because our answer was lost, the same (1.6, clause 4.8)."""
        known = self._known.get(connector)
        if known is None or known[0] != key:
            if len(self._known) >= _MOST_PLACES and connector not in self._known:
                self._known.pop(next(iter(self._known)))
            known = self._known[connector] = key, self._number()
        return known[1]

    def placed(self, transaction: str, connector: int | None) -> int | None:
        """Where a transaction is: as said now, else as said before (2.0.1, E02: only its first event must tell)."""
        if connector is not None:
            if len(self._places) >= _MOST_PLACES:
                self._places.pop(next(iter(self._places)))
            self._places[transaction] = connector
        return self._places.get(transaction)


_MOST_PLACES = 256
"""A station that begins transactions and never ends them, or has connectors without end, fills no memory."""
