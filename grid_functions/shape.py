"""What a letter may hold, in plain values: so that it can be judged where its type is not known.

A shape is ``"float"``, ``"int"``, ``"str"``, a list of one shape (a list of such values), or a mapping from names to shapes; a name with
``?`` at its end may be left out.
"""

import json
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, TypeAlias, get_args, get_origin, get_type_hints

from grid_functions.model.errors import MalformedMessage, OurFault

Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

LONGEST: Final = 1_008
"""Values of a series at most: a week of ten minutes."""

_ATOMS: Final = ("float", "int", "str")
_TEXT: Final = 128
_LARGEST: Final = 1e12
_DEEPEST: Final = 4
_WIDEST: Final = 64


def of(kind: Any) -> Shape:
    """The shape of a frozen dataclass of numbers, texts, tuples of one type, and such dataclasses. OurFault for any other type."""
    return _of(kind)


def made(plain: Any, kind: Any) -> Any:
    """The value of that type, of plain values that fit its shape."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: made(value, hints[name]) for name, value in plain.items()})
    if get_origin(kind) is tuple:
        return tuple([made(one, get_args(kind)[0]) for one in plain])
    return kind(plain)


def fitting(body: bytes, shape: Shape, most: int, where: str) -> Any:
    """The plain values in a body of at most so many bytes. Raises MalformedMessage with what is wrong with them."""
    if len(body) > most:
        raise MalformedMessage(f"{where} has {len(body)} bytes, {most} at most")
    try:
        plain = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as fault:
        raise MalformedMessage(f"{where} is no JSON: {fault}") from fault
    _fit(plain, shape, where)
    return plain


def judged(shape: object, depth: int = 0) -> Shape:
    """A stranger's plain values as a shape. Raises ValueError when they are none, or too deep or wide."""
    if isinstance(shape, str) and shape in _ATOMS:
        return shape
    if isinstance(shape, list) and len(shape) == 1 and depth < _DEEPEST:
        return [judged(shape[0], depth + 1)]
    if isinstance(shape, dict) and len(shape) <= _WIDEST and depth < _DEEPEST:
        return {str(name)[:_TEXT]: judged(value, depth + 1) for name, value in shape.items()}
    raise ValueError(f"{str(shape)[:80]!r} is no shape")


@cache
def _of(kind: Any) -> Shape:
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return {f"{one.name}{'' if one.default is MISSING else '?'}": of(hints[one.name]) for one in fields(kind)}
    if get_origin(kind) is tuple:
        return [of(get_args(kind)[0])]
    name: str = getattr(kind, "__name__", "")
    if name not in _ATOMS:
        raise OurFault(f"{kind} can be in no letter")
    return name


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _fit(plain: Any, shape: Shape, where: str) -> None:
    if isinstance(shape, dict):
        _fit_record(plain, shape, where)
    elif isinstance(shape, list):
        if not isinstance(plain, list) or len(plain) > LONGEST:
            raise MalformedMessage(f"{where} is no list of at most {LONGEST}")
        for one in plain:
            _fit(one, shape[0], where)
    elif shape == "float":
        # An infinite number is larger than any; what is no number at all compares with nothing.
        if type(plain) not in (int, float) or not abs(plain) <= _LARGEST:
            raise MalformedMessage(f"{where} is no number within a million million")
    elif type(plain).__name__ != shape or (shape == "int" and abs(plain) > _LARGEST):
        raise MalformedMessage(f"{where} is no {shape}")
    elif shape == "str" and len(plain) > _TEXT:
        raise MalformedMessage(f"{where} is longer than {_TEXT} characters")


def _fit_record(plain: Any, shape: dict[str, Shape], where: str) -> None:
    if not isinstance(plain, dict):
        raise MalformedMessage(f"{where} is no object")
    inner = {name.removesuffix("?"): one for name, one in shape.items()}
    needed = {name for name in shape if not name.endswith("?")}
    odd = sorted((plain.keys() - inner.keys()) | (needed - plain.keys()))
    if odd:
        raise MalformedMessage(f"{where} has other fields than it should: {', '.join(odd)[:120]}")
    for name, value in plain.items():
        _fit(value, inner[name], f"{where}.{name}")


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
