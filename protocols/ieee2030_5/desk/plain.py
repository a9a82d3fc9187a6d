"""Records and wire values <-> plain JSON values, by the same tables as the wire: for the store and the operator."""

from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from protocols.ieee2030_5.wire.scalars import Hex, Whole
from protocols.ieee2030_5.wire.schema import Field, fields_of
from protocols.ieee2030_5.wire.values import BadValue, formatter_of

T = TypeVar("T")


def to_plain(value: Any) -> dict[str, Any]:
    """A record or wire value as a dict of plain values; what is None is left out."""
    plain: dict[str, Any] = {}
    kind: Any = type(value)
    for field in fields_of(kind):
        held = getattr(value, field.attribute_name)
        if held is None:
            continue
        if isinstance(held, tuple):
            plain[field.attribute_name] = [_bare(field, one) for one in held]
        else:
            plain[field.attribute_name] = _bare(field, held)
    return plain


def from_plain(kind: type[T], plain: object) -> T:
    """Plain values as a `kind`, every range checked. Raises BadValue, with the path to what is wrong.

    null is as good as absent. A quantity of value and multiplier may be given as one number; it must be exactly
    expressible in them, and gets the multiplier nearest to 0.
    """
    shape: Any = kind
    table = fields_of(shape)
    if _is_quantity(table) and isinstance(plain, int | float) and not isinstance(plain, bool):
        quantity: T = _scaled(shape, table, plain)
        return quantity
    if not isinstance(plain, dict):
        raise BadValue(f"{plain!r} is not an object of fields")
    unknown = sorted(set(plain) - {field.attribute_name for field in table})
    if unknown:
        known = ", ".join(field.attribute_name for field in table)
        raise BadValue(f"is not known here; known are {known}").within(str(unknown[0]))
    values: dict[str, Any] = {}
    for field in table:
        name = field.attribute_name
        if plain.get(name) is None:
            if field.required:
                raise BadValue("is missing").within(name)
            continue
        try:
            values[name] = _read(field, plain[name])
        except BadValue as bad:
            raise bad.within(name) from None
    return kind(**values)


def _bare(field: Field, value: Any) -> Any:
    return to_plain(value) if isinstance(field.holds, type) else value


def _read(field: Field, plain: object) -> Any:
    if field.count is None:
        return _read_one(field, plain)
    if not isinstance(plain, list):
        raise BadValue(f"{plain!r} is not a list")
    if not field.count.low <= len(plain) <= field.count.high:
        raise BadValue(f"has {len(plain)} entries, not {field.count.low} to {field.count.high}")
    return tuple(_read_one(field, one) for one in plain)


def _read_one(field: Field, plain: object) -> Any:
    if isinstance(field.holds, type):
        return from_plain(field.holds, plain)
    text = formatter_of(field.holds)(plain)
    return text if isinstance(field.holds, Hex) else plain


def _is_quantity(table: tuple[Field, ...]) -> bool:
    return {field.attribute_name for field in table} == {"multiplier", "value"}


def _scaled(kind: Any, table: tuple[Field, ...], number: float) -> Any:
    rules = {field.attribute_name: field.holds for field in table}
    span, powers = rules["value"], rules["multiplier"]
    try:
        exact = Decimal(str(number))
        if exact.is_finite() and isinstance(span, Whole) and isinstance(powers, Whole):
            for power in sorted(range(powers.low, powers.high + 1), key=abs):
                value = exact.scaleb(-power)
                if value == value.to_integral_value() and span.low <= value <= span.high:
                    return kind(multiplier=power, value=int(value))
    except InvalidOperation:
        pass
    raise BadValue(f"{number!r} is not exactly expressible as a 16-bit value and a power of ten")
