"""Conclusions from a poll, kept as long as all that they were drawn from reads the same; pure but for its own memory.

A device reads the same from second to second but for what it measures, and most of what is concluded from a poll looks at little of it.
So what a conclusion looks at is noted while it is drawn, and only that is compared.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

from adapters.devices.sunspec.steps import Values
from adapters.sunspec.points import Value

T = TypeVar("T")


class Noted(dict[str, Value | None]):
    """A private copy of the values of one model that notes which points are looked at."""

    __slots__ = ("names",)

    def __init__(self, read: Mapping[str, Value | None], names: set[str] | None = None) -> None:
        super().__init__(read)
        self.names: set[str] = set() if names is None else names

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Value | None:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.names.update(super().keys())
        return super().__iter__()

    def keys(self) -> Any:
        self.names.update(super().keys())
        return super().keys()

    def values(self) -> Any:
        self.names.update(super().keys())
        return super().values()

    def items(self) -> Any:
        self.names.update(super().keys())
        return super().items()

    def over(self, below: Mapping[str, Value | None]) -> "Noted":
        """The same values with others below them; what is looked at there is noted here."""
        merged = Noted(below, self.names)
        # As a plain dict: a copy looks at nothing.
        merged.update(dict.copy(self))
        return merged


class Recall(Generic[T]):
    """The last conclusion of one kind about one device."""

    __slots__ = ("_about", "_drawn", "_models", "_seen")

    def __init__(self) -> None:
        self._about: tuple[object, ...] = ()
        self._models: tuple[int, ...] = ()
        self._seen: dict[int, tuple[Mapping[str, Value | None], tuple[str, ...]]] = {}
        self._drawn: tuple[T] | None = None

    def __call__(self, about: tuple[object, ...], values: Values, conclude: Callable[[Values], T]) -> T:
        """What ``conclude`` says of ``values``. ``about``: whatever else it stands on, told apart by identity."""
        drawn = self._drawn
        if drawn is not None and self._stands(about, values):
            return drawn[0]
        noted = {model: Noted(read) for model, read in values.items()}
        found = conclude(noted)
        self._about, self._models = about, tuple(values)
        self._seen = {
            model: (values[model], _shared(frozenset(read.names))) for model, read in noted.items() if read.names
        }
        # Equal is as before, so that whoever compares it next sees at one glance that nothing is new.
        if drawn is None or drawn[0] != found:
            drawn = self._drawn = (found,)
        return drawn[0]

    def _stands(self, about: tuple[object, ...], values: Values) -> bool:
        if len(about) != len(self._about) or any(
            one is not other for one, other in zip(about, self._about, strict=True)
        ):
            return False
        if tuple(values) != self._models:
            return False
        for model, (before, names) in self._seen.items():
            now = values[model]
            if now is before:
                continue
            for name in names:
                if now.get(name) != before.get(name):
                    return False
            self._seen[model] = now, names
        return True


@lru_cache(maxsize=1024)
def _shared(names: frozenset[str]) -> tuple[str, ...]:
    """Devices of a kind are looked at alike: the names are kept once for all of them."""
    return tuple(names)
