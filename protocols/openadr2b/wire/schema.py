"""Message tables: where each field of a frozen type stands in the XML, read from the type's own annotations.

A field names its whole path, so that the schema's wrappers (``properties/dtstart/date-time``) need no types of their own.
"""

from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from protocols.openadr2b.wire.scalars import Scalar


@dataclass(frozen=True, slots=True)
class At:
    """Where a field stands and what stands there.

    ``path``: prefixed names from the holder down, the last one the element itself, or several of a substitution group parted by ``|``.
    Of a list the last element repeats, or the one marked ``*``.
    ``frame``: levels of the path that are written even when there is nothing to hold. ``apart``: a bad item of this list is
    set aside, the others stand.
    """

    path: str
    holds: Scalar | type
    frame: int = 0
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One field of a message. ``path``: the elements around it; ``names``: its own, several of a substitution group; ``repeats``: how much
    of the path is written once for all items of a list."""

    field: str
    path: tuple[str, ...]
    names: tuple[str, ...]
    holds: Scalar | type
    many: bool
    required: bool
    default: object
    frame: int
    apart: bool
    repeats: int


@cache
def rows_of(kind: Any) -> tuple[Row, ...]:
    """The table of a message type, in schema order; fields without a place (the ``kind`` of a group) are left out."""
    hints = get_type_hints(kind, include_extras=True)
    table: list[Row] = []
    for field in fields(kind):
        hint = hints[field.name]
        at = (
            next((part for part in get_args(hint)[1:] if isinstance(part, At)), None)
            if get_origin(hint) is Annotated
            else None
        )
        if at is None:
            continue
        inner: Any = get_args(hint)[0]
        *path, last = at.path.replace("*", "").split("/")
        starred = next((place for place, step in enumerate(at.path.split("/")) if step.endswith("*")), len(path))
        table.append(
            Row(
                field=field.name,
                path=tuple(path),
                names=tuple(last.split("|")),
                holds=at.holds,
                many=get_origin(inner) is tuple,
                required=field.default is MISSING,
                default=None if field.default is MISSING else field.default,
                frame=at.frame,
                apart=at.apart,
                repeats=starred,
            )
        )
    return tuple(table)


def prefixes_of(kind: type) -> frozenset[str]:
    """Every namespace prefix a message of this type can need."""
    found: set[str] = set()
    for row in rows_of(kind):
        found |= {name.partition(":")[0] for name in (*row.path, *row.names)}
        if isinstance(row.holds, type):
            found |= prefixes_of(row.holds)
    return frozenset(found)
