"""Which tests are asked about a source, nearest first."""

from collections.abc import Iterator, Sequence
from pathlib import Path

FURTHER: dict[str, tuple[str, ...]] = {
    "grid_functions/site": ("tests/scenarios/decide", "tests/scenarios/rules"),
    "grid_functions/building": ("tests/grid_functions/area",),
    "grid_functions/area": (),
    "grid_functions": ("tests/grid_functions", "tests/scenarios/rules", "tests/scenarios/decide"),
    "protocols/ieee2030_5/wire": ("tests/protocols/ieee2030_5/translate", "tests/protocols/ieee2030_5/desk"),
    "protocols/ieee2030_5/session": (
        "tests/protocols/ieee2030_5/translate",
        "tests/protocols/ieee2030_5/test_client.py",
    ),
}
"""Rooms whose tests stand on a source in this folder, asked once its own have noticed nothing; the first that fits. All are quick."""

Stages = tuple[tuple[str, ...], ...]


def stages(root: Path, path: str) -> Stages:
    """Test files in the order they are asked: of the module's name, of its folder, of the rooms beyond. Empty: no tests mirror it."""
    folder = _mirrored(root, path)
    if folder is None:
        return ()
    asked: list[tuple[str, ...]] = []
    for files in (_named(root, path), _tests(root, folder.as_posix()), *(_tests(root, one) for one in _further(path))):
        new = tuple(one for one in files if not any(one in earlier for earlier in asked))
        if new:
            asked.append(new)
    return tuple(asked)


def _mirrored(root: Path, path: str) -> Path | None:
    """The test folder that mirrors the source's, or the nearest one above with tests in or below it."""
    folder = Path("tests") / Path(path).parent
    while folder != Path("tests"):
        if any((root / folder).rglob("test_*.py")):
            return folder
        folder = folder.parent
    return None


def _named(root: Path, path: str) -> Iterator[str]:
    """Test files named after the module, beside its mirror; else those named after its folder, one above."""
    source = Path("tests") / path
    for folder, name in ((source.parent, source.stem), (source.parent.parent, source.parent.name)):
        found = sorted((root / folder).glob(f"test_{name}*.py"))
        if found:
            return (one.relative_to(root).as_posix() for one in found)
    return iter(())


def _tests(root: Path, room: str) -> Sequence[str]:
    place = root / room
    files = [place] if place.is_file() else sorted(place.rglob("test_*.py"))
    return [one.relative_to(root).as_posix() for one in files]


def _further(path: str) -> Sequence[str]:
    return next((rooms for folder, rooms in FURTHER.items() if path.startswith(f"{folder}/")), ())
