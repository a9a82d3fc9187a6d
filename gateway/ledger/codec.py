"""One codec for everything durable: frozen dataclasses of model nouns and plain values <-> canonical JSON, with a version each.

A durable type may carry ``VERSION: ClassVar[int]`` (default 1) and ``migrate(version, plain) -> plain``, which brings the plain
fields of an older version up to date. Unions of dataclasses are tagged by class name.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from grid_functions.model.entry import Entry, EntryKey
from grid_functions.model.errors import LedgerUnavailable, OurFault

_TAG = "_type"
_CANONICAL: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False)
"""Made once: `json.dumps` makes an encoder for every value that is not written by default."""

_LAWLESS: Final = "surrogatepass"
"""JSON can say halves of characters, which UTF-8 cannot: an id of a stranger's that has one is kept as it is, and read by `json.loads`."""


class Codec:
    """Encodes and decodes the durable types it was made for; any other type is our fault."""

    def __init__(self, durable: Iterable[type]) -> None:
        self._types = {kind.__name__: kind for kind in durable}
        self._converter = make_converter(forbid_extra_keys=True)
        self._converter.register_unstructure_hook_func(_is_frozenset, self._sorted)
        seen: set[object] = set()
        for kind in self._types.values():
            self._tag_unions(kind, seen)

    def encode(self, value: object) -> tuple[str, int, bytes]:
        """(kind, version, body) of one durable value."""
        kind = type(value).__name__
        if self._types.get(kind) is not type(value):
            raise OurFault(f"{kind} is not among the ledger's durable types", "name it in the room's DURABLE")
        plain = self._converter.unstructure(value, unstructure_as=type(value))
        return kind, _version_of(type(value)), _CANONICAL.encode(plain).encode(errors=_LAWLESS)

    def decode(self, kind: str, version: int, body: bytes) -> Any:
        """The durable value; older versions are migrated. Raises LedgerUnavailable when it cannot be read."""
        target = self._types.get(kind)
        if target is None:
            raise LedgerUnavailable(
                f"the ledger holds a {kind}, which this version does not know", "run the newer version again"
            )
        try:
            plain = json.loads(body)
            if version < _version_of(target):
                migrate: Callable[[int, Mapping[str, Any]], Mapping[str, Any]] = target.migrate  # type: ignore[attr-defined]  # by contract
                plain = migrate(version, plain)
            elif version > _version_of(target):
                raise LedgerUnavailable(
                    f"{kind} was written by a newer version", "run that version again, or start a new ledger"
                )
            return self._converter.structure(plain, target)
        except (BaseValidationError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise LedgerUnavailable(
                f"a {kind} in the ledger cannot be read ({fault})",
                "move the ledger aside and restart; what upstreams still show is read again",
            ) from fault

    def entry(self, key: EntryKey, kind: str, version: int, body: bytes) -> Entry:
        """A stored row as the entry it was."""
        return Entry(key, self.decode(kind, version, body))

    def _tag_unions(self, hint: object, seen: set[object]) -> None:
        if hint in seen:
            return
        seen.add(hint)
        # What is inside comes first: a union is written by what is known of its members when it is tagged.
        for inner in get_args(hint):
            self._tag_unions(inner, seen)
        if get_origin(hint) in (Union, UnionType):
            members = tuple(m for m in get_args(hint) if is_dataclass(m))
            if len(members) > 1:
                self._tag(hint, members)
        if isinstance(hint, type) and is_dataclass(hint):
            hints = get_type_hints(hint)
            for each in fields(hint):
                self._tag_unions(hints[each.name], seen)

    def _sorted(self, members: frozenset[Any]) -> list[Any]:
        # Canonical bytes: a set has no order of its own.
        return sorted((self._converter.unstructure(member) for member in members), key=repr)

    def _tag(self, hint: Any, members: tuple[Any, ...]) -> None:
        # cattrs tags unions of classes only; "or None" is laid around them here.
        tagged: Any = Union[members]  # noqa: UP007  # built from a tuple at run time
        configure_tagged_union(tagged, self._converter, tag_name=_TAG)
        if hint == tagged:
            return
        write, read = self._converter.get_unstructure_hook(tagged), self._converter.get_structure_hook(tagged)
        self._converter.register_unstructure_hook(hint, lambda value: None if value is None else write(value))
        self._converter.register_structure_hook(hint, lambda plain, _: None if plain is None else read(plain, tagged))


def _is_frozenset(hint: Any) -> bool:
    return hint is frozenset or get_origin(hint) is frozenset


def _version_of(kind: type) -> int:
    version: int = getattr(kind, "VERSION", 1)
    return version


def key_text(key: EntryKey) -> str:
    """The stored form of an entry's key."""
    text = _CANONICAL.encode(key)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(key, separators=(",", ":"))
    return text


def key_of(text: str) -> EntryKey:
    """The entry's key from its stored form."""
    return tuple(str(part) for part in json.loads(text))
