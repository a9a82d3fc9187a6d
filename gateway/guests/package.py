"""A package for a grid function of one's own, made of the house's blueprint: the function, its entry point, and a test that passes."""

import re
from dataclasses import dataclass
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from grid_functions.catalogue import AREA, GROUP, SITE
from grid_functions.model.errors import OperatorFault

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """Where it is, and its names, which become the new function's."""

    folder: str
    snake: str
    camel: str
    test: str


_SITE = _Blueprint("grid_functions", "quiet_hours", "QuietHours", "site_test.txt")
_OF_AREA = _Blueprint("grid_functions.area", "peak_hours", "PeakHours", "area_test.txt")


def write_package(name: str, into: Path, *, area: bool = False) -> Path:
    """Write it as a new folder in ``into``; its path. Raises OperatorFault; then nothing was written."""
    if not _NAME.fullmatch(name) or iskeyword(name):
        raise OperatorFault(
            f"{name!r} cannot be a function's name", "small letters, digits and _, as in 'quiet_nights'"
        )
    if name in SITE or name in AREA:
        raise OperatorFault(
            f"there is a function named {name} already", "'osed functions' lists all; choose another name"
        )
    package, module = f"osed-{name.replace('_', '-')}", f"osed_{name}"
    folder = into / package
    if folder.exists():
        raise OperatorFault(f"{folder} is there already", "name another folder with --into")
    blueprint = _OF_AREA if area else _SITE
    told = {
        folder / "pyproject.toml": _text("pyproject.txt"),
        folder / "README.md": _text("readme.txt"),
        folder / module / "__init__.py": f'"""The grid function {name}."""\n',
        folder / module / "function.py": _function(blueprint, name),
        folder / f"test_{name}.py": _text(blueprint.test),
    }
    words = {
        "{name}": name,
        "{package}": package,
        "{module}": module,
        "{camel}": _camel(name),
        "{group}": GROUP,
        "{where}": "areas" if area else "sites",
        "{try}": f"osed functions try {name}{' --area' if area else ''}",
    }
    try:
        for path, text in told.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            for word, meaning in words.items():
                text = text.replace(word, meaning)
            path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise OperatorFault(
            f"{folder} cannot be written ({fault.strerror})", "name another folder with --into"
        ) from fault
    return folder


def _function(blueprint: _Blueprint, name: str) -> str:
    """The blueprint's own source, renamed, with its Maker at the end: what is copied cannot be out of date."""
    source = (files(blueprint.folder) / "_blueprint.py").read_text(encoding="utf-8")
    _, _, code = source.split('"""', 2)
    code = code.replace(blueprint.camel, _camel(name)).replace(blueprint.snake, name)
    code = code.replace(
        "\nfrom grid_functions.model", "\nfrom grid_functions.catalogue import Maker\nfrom grid_functions.model", 1
    )
    camel = _camel(name)
    return f'"""The grid function {name}. Change its step, and its test with it."""{code}\n\nMAKER = Maker(NAME, {camel}Options, {camel})\n'


def _text(name: str) -> str:
    return (files("gateway.guests") / "template" / name).read_text(encoding="utf-8")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
