"""Values made by a twin are what their own type makes: equal, of that type, and frozen."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from grid_functions.model.making import maker_of


@dataclass(frozen=True, slots=True)
class Pair:
    one: int
    other: str = "x"


def test_what_a_twin_makes_is_equal_and_of_the_type() -> None:
    made = maker_of(Pair)(1, "y")
    assert type(made) is Pair
    assert made == Pair(1, "y")
    assert hash(made) == hash(Pair(1, "y"))
    assert maker_of(Pair)(other="y", one=1) == made


def test_it_is_frozen_as_all_of_its_type_are() -> None:
    made = maker_of(Pair)(1, "y")
    with pytest.raises(FrozenInstanceError):
        setattr(made, "one", 2)  # noqa: B010 - the checker of types knows that it is frozen


def test_every_field_must_be_given() -> None:
    with pytest.raises(TypeError):
        maker_of(Pair)(1)
