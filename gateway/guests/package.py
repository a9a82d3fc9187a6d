"""A package for a grid function of one's own, made of the house's blueprint: function, entry point, and a test that passes."""

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from grid_functions.catalogue import AREA, GROUP, SITE
from grid_functions.model.errors import OperatorFault

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


class Kind(StrEnum):
    """What a package holds."""

    SITE = "site"
    AREA = "area"
    LETTERS = "letters"  # a function of areas, and the one of sites that it talks with


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """Where it is, and its names, which become the new function's."""

    folder: str
    snake: str
    camel: str


_BLUEPRINTS = {
    Kind.SITE: _Blueprint("grid_functions", "quiet_hours", "QuietHours"),
    Kind.AREA: _Blueprint("grid_functions.area", "peak_hours", "PeakHours"),
}
_POINT = '{name} = "{module}.function:MAKER"'
_POINTS = {Kind.LETTERS: f'{_POINT}\n{{name}}_home = "{{module}}.home:MAKER"'}
_WHERE = """\
    {where}s:
      - name: ...
        plug_ins: {{name}: {}}"""
_WHERE_BOTH = """\
    areas:
      - name: ...
        plug_ins: {{name}: {}}
    sites:
      - name: ...
        plug_ins: {{name}_home: {}}
        plug_ins_hear: {{name}_home: [{name}]}     # it may hear that function of the site's area, and answer it"""
_TRY = {Kind.AREA: " --area", Kind.LETTERS: " --area --home {name}_home"}


def write_package(name: str, into: Path, kind: Kind = Kind.SITE) -> Path:
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
    told = {
        folder / "pyproject.toml": _text("pyproject.txt"),
        folder / "README.md": _text("readme.txt"),
        folder / module / "__init__.py": f'"""The grid function {name}."""\n',
        folder / f"test_{name}.py": _text(f"{kind}_test.txt"),
    }
    if kind is Kind.LETTERS:
        parts = {"letters": "letters.txt", "function": "asking.txt", "home": "answering.txt"}
        told |= {folder / module / f"{part}.py": _text(text) for part, text in parts.items()}
    else:
        told[folder / module / "function.py"] = _function(_BLUEPRINTS[kind], name)
    # What stands for a text with words of its own comes first.
    words = {
        "{points}": _POINTS.get(kind, _POINT),
        "{usage}": _WHERE_BOTH if kind is Kind.LETTERS else _WHERE,
        "{try}": f"osed functions try {name}{_TRY.get(kind, '')}",
        "{where}": kind,
        "{name}": name,
        "{package}": package,
        "{module}": module,
        "{camel}": _camel(name),
        "{group}": GROUP,
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
