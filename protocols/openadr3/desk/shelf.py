"""Where the VTN's objects stand, in memory: JSON as it was written, with whose it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One object. ``kind``: PROGRAM, EVENT, VEN, RESOURCE, REPORT, SUBSCRIPTION or TOKEN; ``client``: who wrote it, or is meant by it."""

    kind: str
    id: str
    client: str
    json: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Put:
    """This record holds from now on, instead of any of its kind and id."""

    record: Record


@dataclass(frozen=True, slots=True)
class Drop:
    """No record of this kind and id holds any more."""

    kind: str
    id: str


Change = Put | Drop


class Shelf:
    """Records by kind and id, oldest first."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Record]] = {}
        self.serial = 0

    def get(self, kind: str, name: str) -> Record | None:
        """The record of this kind and id."""
        return self._records.get(kind, {}).get(name)

    def all(self, kind: str) -> tuple[Record, ...]:
        """The records of this kind."""
        return tuple(self._records.get(kind, {}).values())

    def apply(self, changes: Iterable[Change]) -> None:
        """Take the changes in their order."""
        for change in changes:
            if isinstance(change, Put):
                self.serial += change.record.id not in self._records.setdefault(change.record.kind, {})
                self._records[change.record.kind][change.record.id] = change.record
            else:
                self._records.get(change.kind, {}).pop(change.id, None)
