"""Each law finds its own breach, and leaves what is lawful alone."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from tests.architecture import laws
from tests.architecture.source import Module, built

Law = Callable[[Sequence[Module]], Iterable[str]]

FLOOR = {
    "grid_functions/__init__.py": '"""Floor."""\n',
    "grid_functions/model/__init__.py": '"""Nouns."""\n',
    "grid_functions/model/event.py": "import datetime\n",
    "grid_functions/timeline.py": "from grid_functions.model import event\n",
    "protocols/alpha/wire.py": "import lxml\n",
    "protocols/alpha/client.py": "import asyncio\nfrom protocols.alpha import wire\n",
    "protocols/beta/wire.py": "",
    "adapters/devices/one.py": "",
    "adapters/devices/two.py": "",
    "certs/tls.py": "import ssl\n",
    "gateway/loop.py": "from certs import tls\nfrom protocols.alpha import client\n",
}


def found(law: Law, path: str, text: str) -> list[str]:
    """The faults of a lawful house with one file changed."""
    assert list(law(built(FLOOR))) == []
    return list(law(built(FLOOR | {path: text})))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("grid_functions/timeline.py", "import protocols.alpha.wire"),
        ("grid_functions/timeline.py", "from gateway import loop"),
        ("protocols/alpha/wire.py", "from adapters.devices.one import x"),
        ("protocols/alpha/client.py", "from certs.tls import client_context"),
        ("adapters/devices/one.py", "import protocols"),
        ("adapters/devices/one.py", "import certs.tls"),
        ("certs/tls.py", "from grid_functions.model import event"),
        ("certs/tls.py", "def f():\n    import gateway.loop"),
        ("gateway/loop.py", "from tests import x"),
        ("adapters/devices/one.py", "from ...protocols import alpha"),
        ("grid_functions/timeline.py", "import benchmarks.row"),
    ],
)
def test_arrows_between_folders(path: str, text: str) -> None:
    (fault,) = found(laws.folder_arrows, path, text)
    assert fault.startswith(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("grid_functions/model/event.py", "from grid_functions import timeline"),
        ("grid_functions/model/event.py", "import grid_functions.timeline"),
        ("grid_functions/model/event.py", "import numpy"),
        ("grid_functions/timeline.py", "import attrs"),
        ("grid_functions/site/limit_power.py", "from numpy import array"),
        ("grid_functions/decide.py", "import lxml.etree"),
    ],
)
def test_the_ground_floor(path: str, text: str) -> None:
    (fault,) = found(laws.ground_floor, path, text)
    assert fault.startswith(path)


def test_area_and_building_may_have_numpy() -> None:
    assert found(laws.ground_floor, "grid_functions/area/market.py", "import numpy.linalg") == []
    assert found(laws.ground_floor, "grid_functions/building/storage.py", "import numpy") == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("protocols/alpha/wire.py", "from protocols.beta import wire"),
        ("protocols/beta/client.py", "import protocols.alpha.wire"),
        ("adapters/devices/one.py", "from adapters.devices import two"),
        ("adapters/devices/two.py", "from adapters.devices.one import table"),
        ("adapters/edgex/unit.py", "from adapters.homeassistant.options import HomeOptions"),
        ("adapters/heaters/unit.py", "from adapters.edgex.options import EdgexOptions"),
    ],
)
def test_siblings(path: str, text: str) -> None:
    (fault,) = found(laws.siblings, path, text)
    assert fault.startswith(path)


def test_what_families_share_is_no_sibling() -> None:
    house = built(FLOOR | {"adapters/devices/one.py": "from adapters.devices.family import Family"})
    assert len(list(laws.siblings(house))) == 1
    assert list(laws.siblings(house, ["adapters.devices.family"])) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from random import random",
        "import asyncio",
        "import urllib.request",
        "import os.path",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "import datetime\nx = datetime.date.today()",
        "def f(p):\n    return open(p)",
        "import uuid\nx = uuid.uuid4()",
    ],
)
def test_purity(text: str) -> None:
    def law(modules: Sequence[Module]) -> Iterable[str]:
        return laws.purity(modules, ["grid_functions/*"])

    assert len(found(law, "grid_functions/timeline.py", text)) == 1
    assert found(law, "gateway/loop.py", text) == []


def test_a_clock_that_is_handed_in_is_pure() -> None:
    assert list(laws.purity(built({"grid_functions/x.py": "def f(clock):\n    return clock.now()"}), ["*"])) == []


@pytest.mark.parametrize(
    "text",
    [
        "async def f():\n    pass",
        "def f():\n    return [x async for x in y]",
        "async def f():\n    await g()",
        "async def f():\n    async with g():\n        pass",
        "async def f():\n    async for x in g():\n        pass",
    ],
)
def test_awaiting(text: str) -> None:
    def law(modules: Sequence[Module]) -> Iterable[str]:
        return laws.awaiting(modules, ["protocols/*/client.py"], ["grid_functions/model/ports.py"])

    assert found(law, "protocols/alpha/session.py", text) != []
    assert found(law, "certs/tls.py", text) != []
    assert found(law, "grid_functions/model/ports.py", text) != []
    assert found(law, "protocols/alpha/client.py", text) == []


def test_a_port_may_declare() -> None:
    declared = 'class Upstream:\n    async def tell(self, x):\n        """Says."""\n    async def run(self): ...\n'
    house = built({"grid_functions/model/ports.py": declared})
    assert list(laws.awaiting(house, [], ["grid_functions/model/ports.py"])) == []
    assert len(list(laws.awaiting(house, []))) == 2


def test_cycles() -> None:
    assert found(laws.cycles, "grid_functions/model/event.py", "from grid_functions import timeline") == [
        "grid_functions.model.event -> grid_functions.timeline -> grid_functions.model.event"
    ]


def test_a_long_cycle_hidden_in_a_function() -> None:
    chain = {f"gateway/m{i}.py": f"def f():\n    from gateway import m{(i + 1) % 9}" for i in range(9)}
    (fault,) = laws.cycles(built(chain))
    assert fault.count("->") == 9


def test_a_module_that_imports_itself() -> None:
    assert list(laws.cycles(built({"gateway/a.py": "import gateway.a"}))) == ["gateway.a -> gateway.a"]


def test_two_paths_to_one_module_are_no_cycle() -> None:
    house = {"gateway/a.py": "from gateway import b, c", "gateway/b.py": "import gateway.c", "gateway/c.py": ""}
    assert list(laws.cycles(built(house))) == []


@pytest.mark.parametrize(
    "text",
    [
        "from typing import TYPE_CHECKING",
        "import typing\nif typing.TYPE_CHECKING:\n    import x",
        "import typing as t\nprint(t.TYPE_CHECKING)",
    ],
)
def test_type_checking(text: str) -> None:
    assert len(found(laws.no_type_checking, "gateway/loop.py", text)) == 1


def test_type_checking_in_a_string_is_a_word() -> None:
    assert found(laws.no_type_checking, "gateway/loop.py", 'x = "TYPE_CHECKING"') == []


@pytest.mark.parametrize(
    "text",
    [
        "import importlib",
        "from importlib import import_module",
        "import importlib.metadata",
        "from importlib.metadata import entry_points",
        "import pkgutil",
        "from runpy import run_module",
        "x = __import__('y')",
    ],
)
def test_importlib(text: str) -> None:
    def law(modules: Sequence[Module]) -> Iterable[str]:
        return laws.no_importlib(modules, ["*/catalogue.py"])

    assert len(found(law, "gateway/loop.py", text)) == 1
    assert found(law, "adapters/catalogue.py", text) == []
    assert found(law, "grid_functions/catalogue.py", text) == []


@pytest.mark.parametrize(
    "text", ["from importlib.resources import files", "from importlib import resources", "from pkgutil import get_data"]
)
def test_reading_packaged_files_is_no_import_by_name(text: str) -> None:
    assert list(laws.no_importlib(built({"gateway/loop.py": text}), [])) == []


@pytest.mark.parametrize("text", ["", "x = 1", '"""Doc."""\nfrom gateway import loop', "import gateway"])
def test_packages(text: str) -> None:
    assert found(laws.bare_packages, "gateway/__init__.py", text) == ["gateway/__init__.py holds a docstring only"]


def test_lengths() -> None:
    def house(lines: int) -> list[Module]:
        return built({"gateway/loop.py": "x = 1\n" * lines})

    assert list(laws.lengths(house(399), "")) == []
    assert len(list(laws.lengths(house(400), ""))) == 1
    assert list(laws.lengths(house(499), "`gateway/loop.py`: one table")) == []
    assert len(list(laws.lengths(house(500), "`gateway/loop.py`: one table"))) == 1


@pytest.mark.parametrize(
    "path",
    ["gateway/utils.py", "gateway/xml_helpers.py", "protocols/common/wire.py", "adapters/base.py", "gateway/_util.py"],
)
def test_names(path: str) -> None:
    assert len(found(laws.telling_names, path, "")) == 1


def test_a_name_with_base_in_it_may_be_one() -> None:
    assert found(laws.telling_names, "grid_functions/building/base_load.py", "") == []


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[assignment]",
        "x = 1  # type: ignore[assignment]  # why",
        "x = 1  # noqa",
        "# ruff: noqa: E501\n",
        "# mypy: disable-error-code=misc\n",
    ],
)
def test_ignores(text: str) -> None:
    assert len(found(laws.ignores, "gateway/loop.py", text)) == 1


def test_ignores_with_reason_and_rule() -> None:
    assert found(laws.ignores, "gateway/loop.py", "x = 1  # type: ignore[misc]  # stubs of lxml lack it") == []
    assert found(laws.ignores, "gateway/loop.py", "x = 1  # noqa: S105 not a password") == []
    assert found(laws.ignores, "gateway/loop.py", 'x = "# type: ignore"') == []


def test_twenty_ignores_and_no_more() -> None:
    line = "x = 1  # type: ignore[misc]  # stubs of lxml lack it\n"
    assert list(laws.ignores(built({"gateway/a.py": line * 20}))) == []
    assert len(list(laws.ignores(built({"gateway/a.py": line * 19, "tests/b.py": line * 2})))) == 1


@pytest.mark.parametrize(
    "decorator", ["@dataclass", "@dataclass()", "@dataclass(frozen=True)", "@dataclasses.dataclass(slots=True)"]
)
def test_nouns(decorator: str) -> None:
    assert len(found(laws.frozen_nouns, "grid_functions/model/event.py", f"{decorator}\nclass Event:\n    x: int")) == 1
    assert found(laws.frozen_nouns, "gateway/loop.py", f"{decorator}\nclass Event:\n    x: int") == []


def test_a_frozen_slotted_noun() -> None:
    text = "@dataclass(frozen=True, slots=True)\nclass Event:\n    x: int"
    assert found(laws.frozen_nouns, "grid_functions/model/event.py", text) == []
