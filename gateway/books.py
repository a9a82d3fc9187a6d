"""The parts of ledger and log that loops need."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from grid_functions.model.entry import Entry


class Commits(Protocol):
    """The part of the ledger that sites and areas need."""

    async def commit(self, stream: str, entries: tuple[Entry, ...]) -> None:
        """Returns when durable; raises LedgerUnavailable."""


class Records(Protocol):
    """The part of the log a site needs."""

    def add(self, site: str, kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        """Note one thing; returns at once."""

    def add_step(self, site: str, kind: str, body: Callable[[], Mapping[str, Any]]) -> None:
        """Note a decision, or what decisions stand on; returns at once."""
