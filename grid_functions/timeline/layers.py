"""A mapping that changes by small layers, so that a step among many events costs what it changes and not what there is."""

from collections.abc import Iterator, Mapping
from math import isqrt
from typing import Generic, TypeVar

V = TypeVar("V")

_LEAST = 64


class Layered(Mapping[str, V], Generic[V]):
    """Immutable: a ground that is shared with earlier versions, and what changed above it (None = gone)."""

    __slots__ = ("_changes", "_ground", "_size")

    def __init__(self, ground: Mapping[str, V], changes: Mapping[str, V | None], size: int) -> None:
        self._ground = ground
        self._changes = changes
        self._size = size

    def __getitem__(self, key: str) -> V:
        if key not in self._changes:
            return self._ground[key]
        value = self._changes[key]
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        changes = self._changes
        yield from (key for key in self._ground if key not in changes or changes[key] is not None)
        yield from (key for key, value in changes.items() if value is not None and key not in self._ground)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"Layered({dict(self)!r})"


def changed(before: Mapping[str, V], changes: Mapping[str, V | None]) -> Mapping[str, V]:
    """``before`` with these changes, None = forgotten. Copies everything once in about as many changes as the root of its size."""
    if not changes:
        return before
    ground: Mapping[str, V] = before
    above: dict[str, V | None] = dict(changes)
    if isinstance(before, Layered):
        ground, above = before._ground, {**before._changes, **changes}
    if len(above) > max(_LEAST, isqrt(len(ground))):
        merged = {**ground, **above}
        return {key: value for key, value in merged.items() if value is not None}
    size = len(before) + sum((value is not None) - (key in before) for key, value in changes.items())
    return Layered(ground, above, size)
