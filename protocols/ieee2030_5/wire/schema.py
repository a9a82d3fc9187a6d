"""The tables behind reader and writer: each message type's fields, read once from its annotations."""

from dataclasses import MISSING, dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from protocols.ieee2030_5.wire.messages import LISTS
from protocols.ieee2030_5.wire.scalars import Added2018, Bits, Count, Csipaus, Hex, Text, Truth, Whole

Scalar = Whole | Bits | Hex | Text | Truth

ATTRIBUTES = frozenset({"href", "all", "results", "pollRate", "subscribable", "replyTo", "responseRequired"})
"""The schema uses these names for XML attributes only."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name on the wire, and what it holds (a scalar rule, or a type with fields of its own)."""

    name: str
    attribute_name: str
    holds: Scalar | type[Any]
    is_attribute: bool
    required: bool
    count: Count | None
    csipaus: Csipaus | None
    added_2018: bool


@cache
def fields_of(kind: type[Any]) -> tuple[Field, ...]:
    """The fields of a message or data type, attributes and elements, in schema order."""
    return tuple(
        _field(kind, one.name, one.type, one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
    )


def _field(kind: type[Any], name: str, annotation: Any, required: bool) -> Field:
    bare, marks = _unfold(annotation)
    marked = {type(mark): mark for mark in marks}
    count = marked.get(Count)
    if get_origin(bare) is tuple:
        count = count or Count(0, 2**31)
        bare, inner_marks = _unfold(get_args(bare)[0])
        marked.update({type(mark): mark for mark in inner_marks})
    scalars = [mark for mark in marked.values() if isinstance(mark, Whole | Bits | Hex | Text | Truth)]
    return Field(
        name=LISTS[kind].__name__ if name == "items" else name,
        attribute_name=name,
        holds=scalars[0] if scalars else bare,
        is_attribute=name in ATTRIBUTES,
        required=required,
        count=count,
        csipaus=marked.get(Csipaus),
        added_2018=Added2018 in marked,
    )


def _unfold(annotation: Any) -> tuple[Any, list[Any]]:
    """The bare type within Annotated and Optional, and all marks met on the way."""
    marks: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            marks += more
        elif origin is Union or origin is UnionType:
            (annotation,) = (each for each in get_args(annotation) if each is not NoneType)
        else:
            return annotation, marks
