"""Everything durable comes back as it was, older versions are brought up to date, newer ones refused."""

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.codec import Codec, key_of, key_text
from grid_functions import decide
from grid_functions.model.control import Control
from grid_functions.model.errors import LedgerUnavailable, OurFault
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.outcome import OutcomeKind
from grid_functions.outcomes import Page

LAWLESS = st.characters(exclude_categories=())
"""Halves of characters too, which JSON can say and UTF-8 cannot."""

CODEC = Codec(decide.DURABLE)
"""Made once, as in the gateway: making one compiles a function for each type."""


@cache
def of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, built from its hints; floats are numbers, infinite ones included."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([of(one) for one in get_args(hint)])
    if origin is tuple and get_args(hint)[-1] is ...:
        return st.lists(of(get_args(hint)[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, get_args(hint)))
    if origin is frozenset:
        return st.frozensets(of(get_args(hint)[0]), max_size=3)
    if origin is Literal:
        return st.sampled_from(get_args(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{one.name: of(hints[one.name]) for one in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    plain = {
        float: st.floats(allow_nan=False),
        int: st.integers(),
        bool: st.booleans(),
        str: st.text(max_size=8),
        type(None): st.none(),
    }
    return plain[hint]


@pytest.mark.parametrize("kind", decide.DURABLE, ids=lambda kind: str(kind.__name__))
@given(data=st.data())
def test_every_durable_value_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    value = data.draw(of(kind))
    name, version, body = CODEC.encode(value)
    back = CODEC.decode(name, version, body)
    assert back == value
    # Canonical: what comes back is written with the same bytes.
    assert CODEC.encode(back) == (name, version, body)


@dataclass(frozen=True, slots=True)
class Holding:
    """A durable value with a control in it."""

    control: Control


HOLDING = Codec([Holding])


@given(control=of(Control))
def test_every_control_comes_back_as_the_kind_it_was(control: Control) -> None:
    back = HOLDING.decode(*HOLDING.encode(Holding(control)))
    assert type(back.control) is type(control)
    assert back == Holding(control)


@given(parts=st.lists(st.text(max_size=6) | st.text(LAWLESS, max_size=6), max_size=4).map(tuple))
def test_keys_come_back_as_they_were(parts: tuple[str, ...]) -> None:
    assert key_of(key_text(parts)) == parts


@given(parts=st.lists(st.text(LAWLESS, max_size=6), max_size=4).map(tuple))
def test_every_key_is_a_text_that_a_database_takes(parts: tuple[str, ...]) -> None:
    assert key_text(parts).encode().decode() == key_text(parts)


@given(name=st.text(LAWLESS, max_size=6))
def test_an_id_of_any_characters_comes_back_as_it_was(name: str) -> None:
    page = Page(EventKey(Respondent("u", "l"), name), told=(OutcomeKind.RECEIVED,))
    assert CODEC.decode(*CODEC.encode(page)) == page


def test_the_order_of_a_set_leaves_no_trace() -> None:
    page = Page(EventKey(Respondent("u", "l"), "0A"), told=(OutcomeKind.RECEIVED,))
    name, version, body = CODEC.encode(page)
    assert (name, version) == ("Page", 1)
    assert b" " not in body
    assert body.index(b'"event"') < body.index(b'"final"') < body.index(b'"owed"') < body.index(b'"told"')


@dataclass(frozen=True, slots=True)
class Dwell:
    """In version 1 its length was in minutes."""

    VERSION: ClassVar[int] = 2
    length_s: float

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Minutes to seconds."""
        assert version == 1
        return {"length_s": plain["length_min"] * 60}


def test_an_older_version_is_brought_up_to_date() -> None:
    assert Codec([Dwell]).decode("Dwell", 1, b'{"length_min": 1.5}') == Dwell(90.0)
    assert Codec([Dwell]).encode(Dwell(90.0)) == ("Dwell", 2, b'{"length_s":90.0}')


@pytest.mark.parametrize(
    ("kind", "version", "body", "words"),
    [
        ("Dwell", 3, b'{"length_h": 1}', "newer version"),
        ("Dwell", 1, b'{"length_h": 1}', "cannot be read"),
        ("Dwell", 2, b'{"length_s": 1, "more": 2}', "cannot be read"),
        ("Dwell", 2, b'{"length_s": "long"}', "cannot be read"),
        ("Dwell", 2, b"{", "cannot be read"),
        ("Dwell", 2, b"\xff", "cannot be read"),
        ("Dwell", 2, b"[]", "cannot be read"),
        ("Page", 0, b"{}", "cannot be read"),
        ("Novelty", 1, b"{}", "run the newer version again"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: str, version: int, body: bytes, words: str) -> None:
    with pytest.raises(LedgerUnavailable, match=words):
        Codec([Dwell, Page]).decode(kind, version, body)


def test_a_type_that_nobody_named_durable_is_our_fault() -> None:
    with pytest.raises(OurFault, match="DURABLE"):
        Codec([Page]).encode(Dwell(1.0))
