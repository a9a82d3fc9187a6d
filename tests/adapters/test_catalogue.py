"""The list of families."""

from typing import Any, cast

import pytest

from adapters.catalogue import FAMILIES, Entry, catalogued
from adapters.devices._blueprint import Blueprint, BlueprintOptions
from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.options import Kind
from grid_functions.model.errors import OurFault


def test_every_entry_makes_the_family_it_names() -> None:
    for name, entry in FAMILIES.items():
        assert entry.family().name == name


def test_options_reach_the_family() -> None:
    assert isinstance(FAMILIES["sunspec"].family(kind=Kind.METER, max_read=25), SunSpec)
    with pytest.raises(ValueError, match="max_read"):
        FAMILIES["sunspec"].family(max_read=126)
    with pytest.raises(TypeError):
        FAMILIES["sunspec"].family(colour="red")


def test_the_blueprint_is_to_be_copied_not_used() -> None:
    assert "blueprint" not in FAMILIES


def test_a_name_given_twice_stops_the_program() -> None:
    about = FAMILIES["sunspec"].about
    one = Entry("same", BlueprintOptions, Blueprint, about)
    with pytest.raises(OurFault, match="same"):
        catalogued((one, one))


def test_a_profile_with_the_name_of_another_family_stops_the_program() -> None:
    with pytest.raises(OurFault, match="keba-p30"):
        catalogued((*FAMILIES.values(), FAMILIES["keba-p30"]))


def test_the_list_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        cast("dict[str, Any]", FAMILIES)["mine"] = FAMILIES["sunspec"]
