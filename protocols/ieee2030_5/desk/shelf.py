"""Where records stand: the view that the desk reads, the changes it returns, and the shelf that takes them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from protocols.ieee2030_5.desk.records import WHOLE_SERVER, Key, Record, Serial, Settings, Trick

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Put:
    """This record holds from now on, instead of any of its kind and key."""

    record: Record


@dataclass(frozen=True, slots=True)
class Drop:
    """No record of this kind and key holds any more."""

    kind: type[Record]
    key: Key


Change = Put | Drop


def is_kept(change: Change) -> bool:
    """Whether the change outlives the server: all do but those of tricks."""
    kind = type(change.record) if isinstance(change, Put) else change.kind
    return kind is not Trick


class View(Protocol):
    """What can be asked of a store; it does not change while one request is answered."""

    def get(self, kind: type[R], key: Key) -> R | None:
        """The record of this kind and key."""

    def of(self, kind: type[R], owner: Key = WHOLE_SERVER) -> Collection[R]:
        """The records of this kind that `owner` has, oldest first."""

    def all(self, kind: type[R]) -> Collection[R]:
        """The records of this kind, oldest first."""


class Shelf:
    """Records in memory, indexed by key and by owner. It wears View; `apply` is the only way to change it."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_key: dict[str, dict[Key, Record]] = {}
        self._by_owner: dict[tuple[str, Key], dict[Key, Record]] = {}
        self.apply(Put(record) for record in records)

    def get(self, kind: type[R], key: Key) -> R | None:
        """The record of this kind and key."""
        found = self._by_key.get(kind.__name__, {}).get(key)
        return found if isinstance(found, kind) else None

    def of(self, kind: type[R], owner: Key = WHOLE_SERVER) -> Collection[R]:
        """The records of this kind that `owner` has, oldest first."""
        return [one for one in self._by_owner.get((kind.__name__, owner), {}).values() if isinstance(one, kind)]

    def all(self, kind: type[R]) -> Collection[R]:
        """The records of this kind, oldest first."""
        return [one for one in self._by_key.get(kind.__name__, {}).values() if isinstance(one, kind)]

    def apply(self, changes: Iterable[Change]) -> None:
        """Take the changes in their order."""
        for change in changes:
            match change:
                case Put(record):
                    self._put(record)
                case Drop(kind, key):
                    self._drop(kind.__name__, key)

    def _put(self, record: Record) -> None:
        kind = type(record).__name__
        former = self._by_key.setdefault(kind, {}).get(record.key)
        if former is not None and former.owner != record.owner:
            self._drop(kind, record.key)
        self._by_key[kind][record.key] = record
        self._by_owner.setdefault((kind, record.owner), {})[record.key] = record

    def _drop(self, kind: str, key: Key) -> None:
        former = self._by_key.get(kind, {}).pop(key, None)
        if former is not None:
            siblings = self._by_owner[kind, former.owner]
            del siblings[key]
            if not siblings:
                del self._by_owner[kind, former.owner]


def settings_of(store: View) -> Settings:
    """The server's settings; as born when none were kept."""
    return store.get(Settings, WHOLE_SERVER) or Settings()


def next_number(store: View, kind: type[Record], ahead: int = 1) -> tuple[int, Put]:
    """The next free number for a kind, and the change that takes it and the `ahead` - 1 after it."""
    serial = store.get(Serial, kind.__name__)
    first = (serial.last if serial else 0) + 1
    return first, Put(Serial(kind.__name__, first + ahead - 1))
