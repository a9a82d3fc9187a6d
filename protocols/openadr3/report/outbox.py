"""Reports that wait for the VTN, oldest first: stored and forwarded, each until it was taken."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

MOST_LETTERS: Final = 500
MOST_BYTES: Final = 4 * 1024 * 1024
"""Beyond these, in JSON, the oldest are given up: a VTN that takes none for days wants none. The newest never is."""

REFUSED: Final = frozenset({400, 404, 405, 409, 413, 415, 422})
"""The VTN's final word. 409: it has that very report already; 404: its event is gone."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One report as it goes out. ``about``: for people."""

    about: str
    body: Mapping[str, Any]
    length: int = 0

    @staticmethod
    def of(about: str, body: Mapping[str, Any]) -> "Letter":
        """With its length."""
        return Letter(about, body, len(json.dumps(body)))


@dataclass(frozen=True, slots=True)
class Outbox:
    """``asked``: id of the request that carries the first; ``lost``: how many were given up."""

    letters: tuple[Letter, ...] = ()
    due_s: float = 0.0
    failures: int = 0
    asked: int | None = None
    lost: int = 0


def put(outbox: Outbox, letter: Letter) -> Outbox:
    """One more, at the end."""
    letters = (*outbox.letters, letter)
    spared = letters[:1] if outbox.asked is not None else ()  # on its way, and struck by its answer
    rest = letters[len(spared) :]
    length, over = sum(one.length for one in letters), 0
    while over < len(rest) - 1 and (len(letters) - over > MOST_LETTERS or length > MOST_BYTES):
        length, over = length - rest[over].length, over + 1
    return replace(outbox, letters=spared + rest[over:], lost=outbox.lost + over)


def taken(outbox: Outbox, mono_s: float) -> Outbox:
    """The first needs no more sending."""
    return replace(outbox, letters=outbox.letters[1:], asked=None, failures=0, due_s=mono_s)


def plain(outbox: Outbox) -> list[Any]:
    """The letters as plain values."""
    return [[one.about, one.body] for one in outbox.letters]


def restored(given: Any) -> Outbox:
    """From plain values; ValueError, TypeError or KeyError when they are none."""
    return Outbox(tuple(Letter.of(str(about), dict(body)) for about, body in given))
