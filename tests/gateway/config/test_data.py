"""Where a gateway keeps its data, told without judging the rest of its file."""

from pathlib import Path

import pytest

from gateway.config.data import data_folder
from gateway.config.load import load
from grid_functions.model.errors import ConfigurationFault
from tests.gateway.config.test_load import FAMILIES, GOOD, write


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("", "data"),
        ("sites: []", "data"),
        ("gateway:", "data"),
        ("&a [*a]", "data"),
        ("gateway: {name: depot-7}", "data"),
        ("gateway: {data: ./state}", "state"),
        ("gateway: {data: /var/lib/osed}", "/var/lib/osed"),
        ("gateway: {data: state}\nsites: [{name: 3, fuse: 63}]", "state"),
    ],
)
def test_it_is_what_the_file_says_whatever_else_is_wrong_with_it(text: str, folder: str, tmp_path: Path) -> None:
    path = tmp_path / "osed.yaml"
    path.write_text(text)
    assert data_folder(path) == tmp_path / folder


def test_it_is_the_folder_that_the_whole_configuration_means(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = load(path, FAMILIES)
    assert data_folder(path) == loaded.folder / loaded.configuration.gateway.data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "osed check"),
        ("a: 2026-13-41", "osed check"),
        ("gateway: {data: [1]}", "a folder is wanted"),
        ("gateway: {data: ''}", "a folder is wanted"),
    ],
)
def test_what_cannot_be_told_is_said(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "osed.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationFault) as fault:
        data_folder(path)
    assert words in fault.value.mistakes[0]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        data_folder(tmp_path / "none.yaml")
    assert "--config" in fault.value.mistakes[0]
