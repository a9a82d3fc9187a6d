"""The locks: hashed, without a host in them, one extending the other, and covering pyproject.toml."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import PRODUCT, ROOT, house

REQUIREMENTS = ROOT / "requirements"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@dataclass(frozen=True)
class Pin:
    """One line of a lock: what, under which marker, with which hashes."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (one,) = self.requirement.specifier
        assert one.operator == "=="
        return one.version


def pins(lock: str) -> Iterator[Pin]:
    text = (REQUIREMENTS / lock).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        stated = line.partition("#")[0].strip()
        if not stated:
            continue
        requirement, *hashes = re.split(r"\s+--hash=", stated)
        yield Pin(Requirement(requirement), frozenset(hashes))


def wanted(file: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (REQUIREMENTS / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


@pytest.mark.parametrize("lock", ["runtime.lock", "dev.lock"])
def test_every_pin_is_exact_and_hashed(lock: str) -> None:
    found = list(pins(lock))
    assert len(found) > 20
    for pin in found:
        assert pin.version
        assert pin.hashes, pin.requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in pin.hashes)


@pytest.mark.parametrize("lock", ["runtime.lock", "dev.lock"])
def test_no_index_and_no_host_is_named(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-", re.sub(r"^\s+--hash=.*$", "", text, flags=re.MULTILINE), re.MULTILINE)


def test_the_development_lock_extends_the_runtime_lock() -> None:
    assert set(pins("runtime.lock")) <= set(pins("dev.lock"))


def test_what_the_project_needs_is_what_the_lock_was_made_from() -> None:
    declared = {str(Requirement(one)) for one in PYPROJECT["project"]["dependencies"]}
    assert {str(one) for one in wanted("runtime.in")} == declared


def test_the_locks_satisfy_what_they_were_made_from() -> None:
    for source, lock in (("runtime.in", "runtime.lock"), ("dev.in", "dev.lock")):
        locked = {pin.name: pin.version for pin in pins(lock)}
        for one in wanted(source):
            assert one.specifier.contains(locked[canonicalize_name(one.name)]), one


def test_extras_and_build_needs_are_locked_too() -> None:
    locked = {pin.name: pin.version for pin in pins("dev.lock")}
    extras = [one for group in PYPROJECT["project"]["optional-dependencies"].values() for one in group]
    for line in [*extras, *PYPROJECT["build-system"]["requires"]]:
        one = Requirement(line)
        assert one.specifier.contains(locked[canonicalize_name(one.name)]), one


def test_the_product_imports_only_what_it_declares() -> None:
    declared = _names(PYPROJECT["project"]["dependencies"])
    carriers = packages_distributions()
    modules = house(folders=PRODUCT)
    names = frozenset(module.name for module in modules)
    undeclared = {
        f"{module.path}:{one.line} {one.target}"
        for module in modules
        for one in module.imports(names)
        if one.folder not in {*sys.stdlib_module_names, *PRODUCT}
        and not (declared | _extra(module.path)) & {canonicalize_name(name) for name in carriers.get(one.folder, [])}
    }
    assert undeclared == set()


def _names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def _extra(path: str) -> set[str]:
    """What a part of the roof that is an extra may import besides."""
    parts = {"demo": ("gateway/demo/", "gateway/cli/demo.py"), "lab": ("gateway/lab/", "gateway/cli/demo.py")}
    extras = PYPROJECT["project"]["optional-dependencies"]
    return {name for extra, paths in parts.items() if path.startswith(paths) for name in _names(extras[extra])}
