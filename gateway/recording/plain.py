"""Nouns <-> plain values, for the log: every dataclass the decisions use, whatever its keys and unions.

A mapping whose keys are no text is a list of pairs; readings, which are most of a log, are told look by look. A union of dataclasses is
tagged by class name, and what is typed as anything carries its class name too. Nothing but the types named at birth is ever made: a log
from elsewhere runs no code.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin

import numpy as np
from cattrs.preconf.json import make_converter

from grid_functions.model.errors import OperatorFault
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Phase, Quantity

T = TypeVar("T")

_TAG = "_type"

_KEYS = 1000
"""So many keys of a mapping are remembered in words."""


class Plain:
    """``types``: those that stand where anything may (function states, problems, durable values)."""

    def __init__(self, types: Iterable[type]) -> None:
        self._types = {kind.__name__: kind for kind in types}
        # Refused at the first fault: what comes from a stranger may have no end of them, and each that is gathered costs a kilobyte.
        self._converter = make_converter(omit_if_default=True, detailed_validation=False)
        self._converter.register_unstructure_hook_factory(_is_pairs, self._write_pairs)
        self._converter.register_structure_hook_factory(_is_pairs, self._read_pairs)
        self._converter.register_unstructure_hook_factory(_is_readings, lambda _: _write_readings)
        self._converter.register_structure_hook_factory(_is_readings, lambda _: _read_readings)
        self._converter.register_unstructure_hook_factory(_is_union, self._write_union)
        self._converter.register_structure_hook_factory(_is_union, self._read_union)
        self._converter.register_unstructure_hook_factory(_is_anything, lambda _: self._write_tagged)
        self._converter.register_structure_hook_factory(_is_anything, lambda _: self._read_tagged)
        self._converter.register_unstructure_hook_factory(_is_set, self._write_set)
        self._converter.register_unstructure_hook_func(_is_array, lambda array: [array.dtype.str, array.tolist()])
        self._converter.register_structure_hook_func(_is_array, lambda plain, _: np.array(plain[1], dtype=plain[0]))
        self._converter.register_unstructure_hook(range, lambda span: [span.start, span.stop])
        self._converter.register_structure_hook(range, lambda plain, _: range(*plain))

    def write(self, value: Any, kind: Any) -> Any:
        """``value``, which is a ``kind``, as plain JSON values."""
        return self._converter.unstructure(value, unstructure_as=kind)

    def read(self, plain: Any, kind: type[T]) -> T:
        """The value that was written. Raises OperatorFault when it is none."""
        try:
            return self._converter.structure(plain, kind)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
            raise OperatorFault(
                f"a record of the log is no {kind.__name__} ({type(fault).__name__}: {fault})",
                "it was written by another version; replay it with that one",
            ) from fault

    def _write_pairs(self, hint: Any) -> Callable[[Any], Any]:
        key, value = get_args(hint)
        worded: dict[Any, tuple[str, Any]] = {}

        def word(one: Any) -> tuple[str, Any]:
            plain = self.write(one, key)
            if len(worded) >= _KEYS:
                worded.clear()
            told = worded[one] = repr(plain), plain
            return told

        def write(pairs: Mapping[Any, Any]) -> list[Any]:
            # The same few keys come again and again; the way to the words of a value is looked up once for all of them.
            told = self._converter.get_unstructure_hook(value)
            rows = [(*(worded.get(k) or word(k)), told(v)) for k, v in pairs.items()]
            return [[plain, v] for _, plain, v in sorted(rows, key=_first)]

        return write

    def _read_pairs(self, hint: Any) -> Callable[[Any, Any], Any]:
        key, value = get_args(hint)
        structure = self._converter.structure
        return lambda plain, _: {structure(k, key): structure(v, value) for k, v in plain}

    def _write_set(self, hint: Any) -> Callable[[Any], Any]:
        (member,) = get_args(hint) or (Any,)
        return lambda members: sorted((self.write(one, member) for one in members), key=repr)

    def _write_union(self, _: Any) -> Callable[[Any], Any]:
        return self._write_tagged

    def _read_union(self, hint: Any) -> Callable[[Any, Any], Any]:
        members = {one.__name__: one for one in get_args(hint) if isinstance(one, type)}
        enums = [one for one in members.values() if issubclass(one, Enum)]
        nouns = all(isinstance(one, type) and (is_dataclass(one) or one is NoneType) for one in get_args(hint))

        def read(plain: Any, _: Any) -> Any:
            if isinstance(plain, Mapping) and _TAG in plain:
                return self._structured(plain, members[plain[_TAG]])
            if nouns and (plain is not None or NoneType not in members.values()):
                raise ValueError(f"{str(plain)[:80]!r} is none of {', '.join(members)}")
            return self._converter.structure(plain, enums[0]) if enums and plain is not None else plain

        return read

    def _write_tagged(self, value: Any) -> Any:
        kind = type(value)
        if is_dataclass(kind):
            return {_TAG: kind.__name__, **cast(dict[str, Any], self.write(value, kind))}
        return self.write(value, kind) if isinstance(value, Enum) else value

    def _read_tagged(self, plain: Any, _: Any) -> Any:
        if isinstance(plain, Mapping) and _TAG in plain:
            return self._structured(plain, self._types[plain[_TAG]])
        return tuple(plain) if isinstance(plain, list) else plain

    def _structured(self, plain: Mapping[str, Any], kind: type) -> Any:
        return self._converter.structure({key: value for key, value in plain.items() if key != _TAG}, kind)


def _first(row: tuple[Any, ...]) -> Any:
    return row[0]


def _is_readings(hint: Any) -> bool:
    return get_origin(hint) is Mapping and get_args(hint) == (MeterKey, Reading)


def _write_readings(readings: Mapping[MeterKey, Reading]) -> list[Any]:
    """What was read at once under one heading: [at_s, utc_s, quality, {what: value}]."""
    looks: dict[tuple[float, float, Quality], dict[str, float]] = {}
    for key, one in readings.items():
        about = one.at_s, one.utc_s, one.quality
        look = looks.get(about)
        if look is None:
            look = looks[about] = {}
        look[_WORDS[key]] = one.value
    return [[*about, dict(sorted(look.items()))] for about, look in sorted(looks.items())]


def _read_readings(plain: list[Any], _: Any) -> dict[MeterKey, Reading]:
    return {
        _KEYS_OF[word]: Reading(value, Quality(quality), at_s, utc_s)
        for at_s, utc_s, quality, look in plain
        for word, value in look.items()
    }


_WORDS: Final = {
    (quantity, phase): quantity.value if phase is None else f"{quantity.value}.{phase.value}"
    for quantity in Quantity
    for phase in (None, *Phase)
}
_KEYS_OF: Final = {word: key for key, word in _WORDS.items()}


def _is_pairs(hint: Any) -> bool:
    arguments = get_args(hint)
    origin = get_origin(hint)
    return (
        isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2 and not _is_text(arguments[0])
    )


def _is_text(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, str)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and any(
        isinstance(one, type) and (is_dataclass(one) or issubclass(one, Enum)) for one in get_args(hint)
    )


def _is_anything(hint: Any) -> bool:
    return hint is Any or hint is object


def _is_array(hint: Any) -> bool:
    return hint is np.ndarray or get_origin(hint) is np.ndarray


def _is_set(hint: Any) -> bool:
    return hint is frozenset or get_origin(hint) is frozenset
