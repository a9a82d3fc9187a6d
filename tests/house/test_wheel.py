"""The wheel ships the five packages, typed, and nothing else."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.architecture.source import PRODUCT, ROOT


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names inside a wheel built from a copy of the tree, without an index and without build isolation."""
    copy = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    for folder in (*PRODUCT, "tests", "benchmarks", "requirements"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    made = subprocess.run(  # noqa: S603  # our own command, fixed arguments
        [sys.executable, "-c", script, str(copy / "out")],
        cwd=copy,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (wheel,) = (copy / "out").glob("*.whl")
    assert wheel.name == "osed_gateway-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_five_packages_and_nothing_else(content: list[str]) -> None:
    tops = {name.partition("/")[0] for name in content}
    assert tops == {*PRODUCT, "osed_gateway-0.1.0.dist-info"}


def test_every_module_is_there(content: list[str]) -> None:
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert modules <= set(content)


def test_all_five_are_typed(content: list[str]) -> None:
    assert {f"{folder}/py.typed" for folder in PRODUCT} <= set(content)


def test_the_command_is_osed_and_the_licence_travels_along(content: list[str]) -> None:
    assert "osed_gateway-0.1.0.dist-info/entry_points.txt" in content
    assert "osed_gateway-0.1.0.dist-info/licenses/LICENSE" in content


def test_no_key_is_in_the_tree() -> None:
    marks = (b"PRIVATE KEY-----", b"-----BEGIN CERTIFICATE")
    for folder in (*PRODUCT, "tests", "benchmarks", "docs", "deploy"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".py":
                assert not any(mark in path.read_bytes() for mark in marks), path
