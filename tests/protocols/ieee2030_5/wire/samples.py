"""A full message of each kind, and strategies that make any valid one from the types' own annotations."""

from typing import Any

from hypothesis import strategies as st

from protocols.ieee2030_5.wire.messages import LISTS, ROOTS
from protocols.ieee2030_5.wire.scalars import Bits, Hex, Text, Truth, Whole
from protocols.ieee2030_5.wire.schema import Field, fields_of

# What XML 1.0 can carry and gives back as it was.
_TEXT = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff")


# Codes of the standard's tables, where a peer takes no other number.
_CODES = {
    "accumulationBehaviour": 12,
    "commodity": 1,
    "consumptionBlock": 1,
    "currentStatus": 1,
    "dataQualifier": 2,
    "flowDirection": 1,
    "kind": 37,
    "phase": 129,
    "primacy": 7,
    "quality": 4,
    "serviceCategoryKind": 0,
    "status": 1,
    "touTier": 1,
    "unit": 38,
    "uom": 38,
    "rtgAbnormalCategory": 3,
    "rtgNormalCategory": 2,
    "type": 4,
}


def full(kind: Any) -> Any:
    """A message with every field set, each value within its rule and told from its neighbours by its name."""
    values = {field.attribute_name: _full_value(field) for field in fields_of(kind)}
    return kind(**values)


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Any valid message of the kind."""
    return st.builds(kind, **{field.attribute_name: _any_value(field) for field in fields_of(kind)})


def kinds() -> list[Any]:
    """Every message type, lists last."""
    return sorted(ROOTS.values(), key=lambda kind: (kind in LISTS, kind.__name__))


def _full_value(field: Field) -> Any:
    if field.count is not None:
        return tuple(full(field.holds) for _ in range(2))
    if field.name in _CODES:
        return _CODES[field.name]
    seed = sum(map(ord, field.name))
    match field.holds:
        case Whole(low, high):
            return low + seed % (high - low + 1)
        case Bits(digits):
            return seed % 16**digits
        case Hex(digits):
            return f"{seed:0{digits}X}"
        case Text(uri=True):
            return f"/{field.name}/{seed}?a=1&b=2"
        case Text(length):
            return f'{seed} <&>"é'[:length]
        case Truth():
            return seed % 2 == 0
        case kind:
            return full(kind)


def _any_value(field: Field) -> st.SearchStrategy[Any]:
    value: st.SearchStrategy[Any]
    match field.holds:
        case Whole(low, high):
            value = st.integers(low, high)
        case Bits(digits):
            value = st.integers(0, 16**digits - 1)
        case Hex(digits):
            value = st.binary(min_size=1, max_size=digits // 2).map(lambda raw: raw.hex().upper())
        case Text(uri=True):
            value = st.lists(st.text("aZ09-_.~!$&'()*+,;=@", min_size=1), max_size=3).map(
                lambda steps: "/" + "/".join(steps)
            )
        case Text(length):
            value = st.text(_TEXT, max_size=min(length, 40))
        case Truth():
            value = st.booleans()
        case kind:
            value = messages(kind)
    if field.count is not None:
        return st.lists(value, min_size=field.count.low, max_size=min(field.count.high, 3)).map(tuple)
    return value if field.required else st.none() | value
