"""One request of the operator in its circumstances, and how records are made and changed from JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import Key, Record, Settings
from protocols.ieee2030_5.desk.shelf import Change, View

R = TypeVar("R", bound=Record)

_MRID_KINDS = ("Group", "Program", "Control", "Curve", "Default")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A JSON answer (None = no body) and the changes that come with it."""

    status: int
    body: Any = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the operator asks: `now_s` is server time, `utc_s` the clock handed in; body and query as sent."""

    now_s: int
    utc_s: float
    store: View
    settings: Settings
    sfdi_of: Callable[[str], int]
    body: dict[str, Any]
    query: Mapping[str, str]

    def found(self, kind: type[R], number: Key) -> R:
        """A record by its number; 404 otherwise."""
        record = self.store.get(kind, number)
        if record is None:
            raise Refusal(404, f"no {kind.__name__.lower()} {number}")
        return record

    def allow(self, names: Collection[str]) -> None:
        """400 for a field of the body that is not among `names`."""
        for name in self.body:
            if name not in names:
                raise Refusal(400, f"{name}: cannot be set here; what can: {', '.join(sorted(names))}")

    def made(self, kind: type[R], names: Collection[str], **given: object) -> R:
        """A new record: the body's fields, of which only `names` may be set, and those `given` here."""
        self.allow(names)
        return from_plain(kind, {**self.body, **given})

    def patched(self, record: R, names: Collection[str], **given: object) -> R:
        """The record with the body's fields, of which only `names` may be set; null = as when nothing is said."""
        self.allow(names)
        return from_plain(type(record), {**to_plain(record), **self.body, **given})

    def mrid(self, kind: str, number: int) -> str:
        """An mRID of this server's own: a later one of its kind is larger, the last eight digits are the PEN."""
        place = _MRID_KINDS.index(kind) + 1
        return f"{self.settings.seed:08X}{place:02X}{number:014X}{self.settings.pen:08X}"

    def wanted(self, name: str) -> int | None:
        """A whole number of the query; 400 if it is none."""
        text = self.query.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            raise Refusal(400, f"query {name}={text[:40]!r} is not a whole number")
        return int(text)


def done(body: Any, *changes: Change, status: int = 200) -> Outcome:
    """The request is carried out."""
    return Outcome(status, body, changes)
